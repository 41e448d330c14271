"""When an epoch counts as better than the best before it, by one column of the history."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any

from fastnn._common.checks import brief, check_finite_number, check_number, check_whole
from fastnn._monitor.direction import larger_is_better

__all__ = ["Best", "check_recorded", "check_rule"]

MODES = ("auto", "min", "max")


def check_rule(patience: Any, min_delta: Any, monitor: Any, mode: Any) -> None:
    """Check what the rules that watch a column have in common.

    Raises
    ------
    TypeError, ValueError
        Naming the argument; for the mode "auto" also if the column's name does not say what is
        better.
    """
    check_whole(patience, "patience", 1)
    check_number(min_delta, "min_delta")
    if not isinstance(monitor, str):
        raise TypeError(f"monitor: expected the name of a column, got {brief(monitor)}")
    if not (isinstance(mode, str) and mode in MODES):
        raise ValueError(f"mode: expected one of {', '.join(MODES)}, got {brief(mode)}")
    _wants_large(monitor, mode)


def check_recorded(monitor: str, columns: Iterable[str]) -> None:
    """Raise ``ValueError`` if ``monitor`` is not among the ``columns`` recorded."""
    columns = list(columns)
    if monitor not in columns:
        hint = ""
        if monitor.startswith("validation_"):
            judged = any(column.startswith("validation_") for column in columns)
            hint = "; it needs validation_data" if not judged else ""
            if judged and monitor == "validation_accuracy":
                hint = "; it needs targets that are classes"
        raise ValueError(
            f"monitor: expected a column recorded ({', '.join(columns) or 'none'}), "
            f"got {monitor!r}{hint}"
        )


def _wants_large(monitor: str, mode: str) -> bool:
    """Return whether ``mode``, or if it is "auto" the column's name, asks for large numbers."""
    return larger_is_better(monitor) if mode == "auto" else mode == "max"


class Best:
    """The best value of one column so far, the epoch it is of, and the epochs since.

    Parameters
    ----------
    monitor : str
        The column.
    mode : {"auto", "min", "max"}
    min_delta : float
        A value is better if it differs from the best by more than this, in the right direction.
    state : mapping, optional
        What ``state()`` of an earlier one returned.

    Attributes
    ----------
    value : float or None
        None while no epoch had a finite value.
    epoch : int or None
        As the history counts, from 1.
    waited : int
        Epochs without improvement since.
    """

    def __init__(
        self,
        monitor: str,
        mode: str,
        min_delta: float,
        state: Mapping[str, Any] | None = None,
    ) -> None:
        self.monitor = monitor
        self.larger = _wants_large(monitor, mode)
        self.min_delta = min_delta
        state = {"waited": 0} if state is None else check_state(state)
        self.value: float | None = state.get("best")
        self.epoch: int | None = state.get("best_epoch")
        self.waited: int = state["waited"]

    def observe(self, row: Mapping[str, Any]) -> bool:
        """Take the history's row of an epoch and return whether that epoch is the best so far.

        Raises
        ------
        ValueError
            If the column, or ``epoch``, was not recorded.
        TypeError
            If it holds something else than a number.
        """
        check_recorded(self.monitor, row)
        value = row[self.monitor]
        if not isinstance(value, Real):
            raise TypeError(f"monitor: expected numbers in {self.monitor!r}, got {brief(value)}")
        if not self._is_better(float(value)):
            self.waited += 1
            return False
        check_recorded("epoch", row)
        self.value, self.epoch, self.waited = float(value), int(row["epoch"]), 0
        return True

    def _is_better(self, value: float) -> bool:
        if not math.isfinite(value):  # a run that diverged is never the best
            return False
        if self.value is None:
            return True
        if self.larger:
            return value > self.value + self.min_delta
        return value < self.value - self.min_delta

    def resume(self, value: float | None, epoch: int | None, waited: int) -> None:
        """Go on from where epochs that were watched elsewhere have led."""
        self.value, self.epoch, self.waited = value, epoch, waited

    def state(self) -> dict[str, float]:
        """Return numbers to go on from; ``best`` and ``best_epoch`` once there is a best."""
        if self.value is None or self.epoch is None:
            return {"waited": self.waited}
        return {"best": self.value, "best_epoch": self.epoch, "waited": self.waited}


def check_state(state: Mapping[str, Any], name: str = "state") -> dict[str, Any]:
    """Return the part of a saved state that a ``Best`` starts from.

    Raises
    ------
    TypeError, ValueError
        If it is no mapping, or something is missing or not the number it should be; named by
        ``name``.
    """
    if not isinstance(state, Mapping):
        raise TypeError(f"{name}: expected None or a mapping, got {brief(state)}")
    if "waited" not in state or ("best" in state) != ("best_epoch" in state):
        raise ValueError(
            f"{name}: expected waited, and best with best_epoch or neither, "
            f"got {brief(dict(state))}"
        )
    checked: dict[str, Any] = {"waited": check_whole(state["waited"], f"{name}['waited']", 0)}
    if "best" in state:
        checked["best"] = check_finite_number(state["best"], f"{name}['best']")
        checked["best_epoch"] = check_whole(state["best_epoch"], f"{name}['best_epoch']", 1)
    return checked
