"""What a field of a table says: a number, nothing, or a text."""

from __future__ import annotations

import math
import re

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"[+-]?[0-9]+")
# Missing values as pandas, R and people write them, but not words that may be a class's name.
_MISSING = {"", "na", "n/a", "#n/a", "nan", "null", "?"}


def number_of(text: str, delimiter: str = ",") -> float | None:
    """Return the finite number that a field is, or None.

    Written as ``repr`` and ``str`` write numbers, in ASCII: ``1_1`` is none, nor is ``0x10``. The
    decimal mark may be a comma where no commas stand between the columns.
    """
    text = text.strip()
    if delimiter != "," and "," in text and "." not in text:
        text = text.replace(",", ".", 1)
    if _NUMBER.fullmatch(text) is None:
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def is_number(text: str, delimiter: str = ",") -> bool:
    """Whether a field is a finite number."""
    return number_of(text, delimiter) is not None


def is_whole(text: str) -> bool:
    """Whether a field is a whole number written without a decimal mark."""
    return _WHOLE.fullmatch(text.strip()) is not None


def is_missing(text: str) -> bool:
    """Whether a field stands for a value that is not known."""
    return text.strip().lower() in _MISSING


def complaint(text: str, named: str = "") -> str:
    """Return what an error says of a field where a finite number belongs.

    Parameters
    ----------
    text : str
    named : str
        " in column 'name'", or nothing.
    """
    said = f"{text[:40]!r}; expected a finite number{named}"
    if is_missing(text):
        return f"{said}, not a missing value: fill it in or leave out its row or column"
    return said
