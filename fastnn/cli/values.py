"""What an argument's text may say: each returns its value or tells argparse what was expected."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Collection
from typing import Any

PARTS = ("train", "validation", "test", "all")


def count(text: str) -> int:
    """A whole number from 1."""
    return _whole(text, 1)


def seed(text: str) -> int:
    """A whole number from 0 to 2^32 - 1."""
    value = _whole(text, 0)
    if value >= 2**32:
        raise argparse.ArgumentTypeError(f"expected a whole number below 2^32, got {text}")
    return value


def port(text: str) -> int:
    """A port of this machine, or 0 for any."""
    value = _whole(text, 0)
    if value >= 2**16:
        raise argparse.ArgumentTypeError(f"expected a port below 65536, got {text}")
    return value


def _whole(text: str, least: int) -> int:
    # Not int() alone: it takes '1_0', and raises a plain ValueError for thousands of digits.
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text.strip()) or int(text) < least:
        raise argparse.ArgumentTypeError(
            f"expected a whole number of {least} or more, got {text!r:.80}"
        )
    return int(text)


def strength(text: str) -> float:
    """A finite number, 0 or more."""
    value = _number(text)
    if value is None or value < 0:
        raise argparse.ArgumentTypeError(f"expected a number of 0 or more, got {text!r:.80}")
    return value


def rate(text: str) -> float:
    """A finite number above 0."""
    value = _number(text)
    if value is None or value <= 0:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r:.80}")
    return value


def share(text: str) -> float:
    """A number from 0 to 1, 1 excluded."""
    value = _number(text)
    if value is None or not 0 <= value < 1:
        raise argparse.ArgumentTypeError(
            f"expected a share of the rows from 0 to 0.99, got {text!r:.80}"
        )
    return value


def fraction(text: str) -> float:
    """A number from 0 to 1, 1 excluded, of something else than rows."""
    value = _number(text)
    if value is None or not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 0, below 1, got {text!r:.80}")
    return value


def share_or_part(text: str) -> float | str:
    """A share of the rows, or the part of the data to measure."""
    if text in ("validation", "test", "none"):
        return text
    try:
        return share(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}; or 'validation', 'test' or 'none'") from None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


# What takes several words: a list of texts each.


def named(texts: list[str], names: Collection[str]) -> Any:
    """One of ``names``, with hyphens or underscores, or that with the settings that follow it."""
    name, settings = texts[0].replace("-", "_"), pairs(texts[1:])
    if name not in names:
        raise argparse.ArgumentTypeError(
            f"expected one of {', '.join(names)}, got {texts[0]!r:.80}"
        )
    return {"name": name, **settings} if settings else name


def patience(texts: list[str]) -> Any:
    """How many epochs to wait, the settings of a rule, or 'none'."""
    if len(texts) == 1 and "=" not in texts[0]:
        return "none" if texts[0] == "none" else count(texts[0])
    return pairs(texts)


def shares_dropped(texts: list[str]) -> Any:
    """Shares of units, one for all layers or one each; or one with settings."""
    shares = [fraction(text) for text in texts if "=" not in text]
    settings = pairs([text for text in texts if "=" in text])
    if settings:
        return {**({"rate": shares[0]} if len(shares) == 1 else {}), **settings}
    return shares[0] if len(shares) == 1 else shares


def class_weights(texts: list[str]) -> Any:
    """'balanced', 'none', or a weight for each of some classes."""
    if texts in (["balanced"], ["none"]):
        return texts[0]
    return {key: strength(str(value)) for key, value in pairs(texts).items()}


def pairs(texts: list[str]) -> dict[str, Any]:
    """KEY=VALUE, each; a value is a number, true, false or a text."""
    found: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.rpartition("=")  # a class may have any name
        if not equals or not key:
            raise argparse.ArgumentTypeError(f"expected KEY=VALUE, got {text!r:.80}")
        if key in found:
            raise argparse.ArgumentTypeError(f"expected {key} once, got it twice")
        found[key] = _scalar(value)
    return found


def _scalar(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    if re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        return int(text)
    number = _number(text)
    return text if number is None else number
