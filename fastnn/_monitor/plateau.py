"""A learning rate that falls when training gets no better, which no function of the epoch says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastnn._common.checks import brief, check_number, check_whole
from fastnn._monitor.best_epoch import Best, check_rule

__all__ = ["HalveOnPlateau", "PlateauWatch"]


@dataclass(frozen=True)
class HalveOnPlateau:
    """Halve when there is no improvement in ``patience`` epochs; stop at ``until``.

    The count starts anew after each halving, the best value stays. This is the schedule of a
    problem in Nielsen, chapter 3: no improvement in ten, and the end once the learning rate has
    dropped to 1/128 of its start, that is at the seventh halving.

    Parameters
    ----------
    patience : int, default 10
        1 or more.
    factor : float, default 0.5
        What the learning rate is multiplied by; above 0, below 1.
    until : float, default 1/128
        The share of the first learning rate at which training stops, no epoch being trained with
        it; 0 or more, below 1. With 0 it never stops.
    monitor : str, default "validation_accuracy"
        The column of the history to go by. In it NaN and infinity are never an improvement.
    min_delta : float, default 0
        0 or more. Only a change by more than this, in the right direction, is an improvement.
    mode : {"auto", "min", "max"}, default "auto"
        Whether small or large is good. "auto": as a word of the column's name says, "accuracy",
        "score", "auc", "f1", "precision" and the like for large, "cost", "loss", "error", "mse"
        and the like for small; where none does, or they disagree, the mode must be given.

    Raises
    ------
    TypeError, ValueError
        For an argument out of range, naming it, or a mode that must be given.
    """

    patience: int = 10
    factor: float = 0.5
    until: float = 1 / 128
    monitor: str = "validation_accuracy"
    min_delta: float = 0.0
    mode: str = "auto"

    def __post_init__(self) -> None:
        check_rule(self.patience, self.min_delta, self.monitor, self.mode)
        if check_number(self.factor, "factor", positive=True) >= 1:
            raise ValueError(f"factor: expected a number below 1, got {brief(self.factor)}")
        if check_number(self.until, "until") >= 1:
            raise ValueError(f"until: expected a number below 1, got {brief(self.until)}")

    def start(self, state: Mapping[str, Any] | None = None) -> PlateauWatch:
        """Return what watches one training.

        Parameters
        ----------
        state : mapping, optional
            What ``PlateauWatch.state`` returned, to go on from there.

        Raises
        ------
        TypeError, ValueError
            If ``state`` is no such state.
        """
        return PlateauWatch(self, state)


class PlateauWatch:
    """A ``HalveOnPlateau`` at work on one training; ``HalveOnPlateau.start`` makes it.

    Parameters
    ----------
    rule : HalveOnPlateau
        By which it halves.
    state : mapping, optional
        What ``state`` of an earlier one returned, to go on from.

    Attributes
    ----------
    cuts : int
        How often the learning rate was cut.
    """

    def __init__(self, rule: HalveOnPlateau, state: Mapping[str, Any] | None = None) -> None:
        self.rule = rule
        self._best = Best(rule.monitor, rule.mode, rule.min_delta, state)
        if state is not None and "cuts" not in state:
            raise ValueError(f"state: expected cuts among its numbers, got {brief(dict(state))}")
        self.cuts = 0 if state is None else check_whole(state["cuts"], "state['cuts']", 0)

    @property
    def seen(self) -> Best:
        """The best epoch so far, and how many there were since it or the last cut."""
        return self._best

    @property
    def factor(self) -> float:
        """The factor on the learning rate as it stands: ``rule.factor`` to the power ``cuts``."""
        return float(self.rule.factor) ** self.cuts

    def __call__(self, epoch: float) -> float:
        """Return the factor as it stands, whatever the epoch: then this serves as a schedule."""
        return self.factor

    def observe(self, row: Mapping[str, Any]) -> bool:
        """Take the history's row of an epoch, cut if it is time, and return whether to stop.

        Parameters
        ----------
        row : dict
            What the history recorded of the epoch.

        Raises
        ------
        ValueError
            If the monitored column, or ``epoch``, was not recorded.
        TypeError
            If it holds something else than a number.
        """
        self._best.observe(row)
        if self._best.waited >= self.rule.patience:
            self.cuts += 1
            self._best.waited = 0
        # 0.1³ comes out a little above 0.001, and means it.
        return self.factor < self.rule.until * (1 + 1e-12)

    def state(self) -> dict[str, float]:
        """Return numbers to go on from, fit for JSON: ``cuts``, ``waited``, and the best.

        ``best`` and ``best_epoch`` are there once there is a best epoch.
        """
        return {"cuts": self.cuts, **self._best.state()}
