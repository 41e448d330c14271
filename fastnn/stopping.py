"""When to stop: once the validation accuracy, or another column, gets no better."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastnn._common.checks import brief
from fastnn._monitor.best_epoch import Best, check_rule

__all__ = ["EarlyStopping", "StoppingWatch"]


@dataclass(frozen=True)
class EarlyStopping:
    """Stop after ``patience`` epochs in a row without improvement (Nielsen, chapter 3).

    Parameters
    ----------
    patience : int, default 10
        1 or more; the book's rule is "no improvement in ten".
    min_delta : float, default 0
        0 or more. Only a change by more than this, in the right direction, is an improvement.
    monitor : str, default "validation_accuracy"
        The column of the history to go by. In it NaN and infinity are never an improvement.
    mode : {"auto", "min", "max"}, default "auto"
        Whether small or large is good. "auto": as a word of the column's name says, "accuracy",
        "score", "auc", "f1", "precision" and the like for large, "cost", "loss", "error", "mse"
        and the like for small; where none does, or they disagree, the mode must be given.
    restore_best : bool, default True
        Whether training ends with the parameters of the best epoch, however it ends.

    Raises
    ------
    TypeError, ValueError
        For an argument out of range, naming it, or a mode that must be given.
    """

    patience: int = 10
    min_delta: float = 0.0
    monitor: str = "validation_accuracy"
    mode: str = "auto"
    restore_best: bool = True

    def __post_init__(self) -> None:
        check_rule(self.patience, self.min_delta, self.monitor, self.mode)
        if not isinstance(self.restore_best, bool):
            raise TypeError(f"restore_best: expected True or False, got {brief(self.restore_best)}")

    def start(
        self, state: Mapping[str, Any] | None = None, best_snapshot: Any = None
    ) -> StoppingWatch:
        """Return what watches one training.

        Parameters
        ----------
        state : mapping, optional
            What ``StoppingWatch.state`` returned, to go on from there.
        best_snapshot : optional
            The ``StoppingWatch.best_snapshot`` that belongs to it.

        Raises
        ------
        TypeError, ValueError
            If ``state`` is no such state.
        """
        return StoppingWatch(self, state, best_snapshot)


class StoppingWatch:
    """An ``EarlyStopping`` at work on one training; ``EarlyStopping.start`` makes it.

    Parameters
    ----------
    rule : EarlyStopping
        By which it stops.
    state : mapping, optional
        What ``state`` of an earlier one returned, to go on from.
    best_snapshot : object, optional
        Of that one, too.

    Attributes
    ----------
    best_snapshot : object or None
        What ``snapshot`` returned in the best epoch; None without one or ``restore_best``.
    """

    def __init__(
        self,
        rule: EarlyStopping,
        state: Mapping[str, Any] | None = None,
        best_snapshot: Any = None,
    ) -> None:
        self.rule = rule
        self.best_snapshot = best_snapshot
        self._best = Best(rule.monitor, rule.mode, rule.min_delta, state)

    @property
    def seen(self) -> Best:
        """The best epoch so far, and how many there were since."""
        return self._best

    @property
    def best(self) -> float | None:
        """The best value so far; None while there is no finite one."""
        return self._best.value

    @property
    def best_epoch(self) -> int | None:
        """The epoch of the best value, as the history counts; None while there is none."""
        return self._best.epoch

    @property
    def waited(self) -> int:
        """Epochs without improvement since the best."""
        return self._best.waited

    def observe(self, row: Mapping[str, Any], snapshot: Callable[[], Any] | None = None) -> bool:
        """Take the history's row of an epoch and return whether to stop.

        Parameters
        ----------
        row : mapping
            With the monitored column and ``epoch``.
        snapshot : callable, optional
            Returns a copy of what is to be restored. Called only in an epoch that is the best so
            far, and only if ``restore_best``.

        Raises
        ------
        ValueError
            If the column was not recorded.
        TypeError
            If it holds something else than a number.
        """
        if self._best.observe(row) and self.rule.restore_best and snapshot is not None:
            self.best_snapshot = snapshot()
        return self._best.waited >= self.rule.patience

    def state(self) -> dict[str, float]:
        """Return numbers to go on from, fit for JSON: ``waited``, ``best`` and ``best_epoch``.

        The last two are there once there is a best epoch. The snapshot is not among them.
        """
        return self._best.state()
