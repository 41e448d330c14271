"""What stays known of a training once its history is gone: a few texts and numbers by name."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from itertools import islice
from numbers import Integral, Real
from typing import Any

from fastnn._common.checks import brief
from fastnn._common.version import version
from fastnn.history import History

__all__ = ["check_summary", "plain", "summary_of"]

_MOST_ENTRIES, _LONGEST = 100, 1000
_LARGEST = sys.float_info.max


def summary_of(history: History, n_rows: int, best_epoch: int | None) -> dict[str, Any]:
    """Return which version trained on how many rows, and the row of the history that holds now.

    Seconds are left out, so that the same training leaves the same file.

    Parameters
    ----------
    history : History
    n_rows : int
        Of the training set.
    best_epoch : int or None
        The epoch that the network was put back to, if it was.
    """
    known: dict[str, Any] = {"fastnn": version(), "rows": n_rows}
    if not len(history):
        return known
    row = history.last_row() if best_epoch is None else history[best_epoch - 1]
    if best_epoch is not None:
        known["best_epoch"] = best_epoch
    for name, value in row.items():
        if name not in known and name not in ("epoch", "seconds"):
            known[name] = value
    return plain(known)


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of some values that are texts and finite numbers, as Python's own."""
    found: dict[str, Any] = {}
    for name, value in islice(values.items(), _MOST_ENTRIES):
        if isinstance(value, str):
            found[name] = value[:_LONGEST]
            continue
        number = _number(value)
        if number is not None and abs(number) <= _LARGEST:  # of NaN it is false
            found[name] = number
    return found


def _number(value: Any) -> int | float | None:
    if type(value) in (int, float):  # most of them; asking an abstract class takes a microsecond
        return value  # type: ignore[no-any-return]
    if isinstance(value, Integral):
        return int(value)
    return float(value) if isinstance(value, Real) else None


def check_summary(described: Any, name: str) -> dict[str, Any]:
    """Return a summary that a file tells.

    Raises
    ------
    ValueError
        If it is none.
    """
    if not isinstance(described, dict) or plain(described) != described:
        raise ValueError(f"{name}: expected texts and numbers by name, got {brief(described)}")
    return dict(described)
