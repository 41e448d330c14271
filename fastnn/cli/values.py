"""What an argument's text may say: each returns its value or tells argparse what was expected."""

from __future__ import annotations

import argparse
import math
import re

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
