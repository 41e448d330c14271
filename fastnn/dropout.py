"""Dropout of hidden units: which share, and where the scaling is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastnn._common.checks import brief, check_flag, check_number, settle

__all__ = ["Dropout", "per_layer"]


@dataclass(frozen=True)
class Dropout:
    """In training each unit is dropped with probability ``rate`` (Srivastava et al., 2014).

    Parameters
    ----------
    rate : float
        0 or more, below 1.
    inverted : bool, default True
        Whether the units kept are divided by 1 − rate in training, so that prediction needs
        nothing; else, in the paper's classic form, prediction multiplies all by 1 − rate.

    Raises
    ------
    TypeError, ValueError
        For an argument out of range, naming it.

    Notes
    -----
    Which units a step drops is a function of a seed and of the number of masks that the network has
    drawn. It only grows, and is saved with the network, so that no mask comes twice: not by another
    optimizer, a training put back or an estimator's ``warm_start``.
    """

    rate: float
    inverted: bool = True

    def __post_init__(self) -> None:
        settle(self, rate=_checked_rate(self.rate, "rate"))
        settle(self, inverted=check_flag(self.inverted, "inverted"))

    @property
    def train_scale(self) -> float:
        """The factor on the units kept in training."""
        return 1 / (1 - self.rate) if self.inverted else 1.0

    @property
    def predict_scale(self) -> float:
        """The factor on all units in prediction."""
        return 1.0 if self.inverted else 1 - self.rate


def per_layer(
    dropout: float | Dropout | Sequence[float | Dropout], n_hidden: int
) -> tuple[Dropout, ...]:
    """Return one ``Dropout`` a hidden layer from one or a sequence of rates or objects.

    Raises
    ------
    TypeError, ValueError
        If something else is given, a rate is out of range, or their number is not ``n_hidden``.
    """
    if isinstance(dropout, (list, tuple)):
        if len(dropout) != n_hidden:
            raise ValueError(
                f"dropout: expected one rate or {n_hidden} (one per hidden layer), "
                f"got {len(dropout)}"
            )
        return tuple(each for one in dropout for each in per_layer(one, 1))
    one = dropout if isinstance(dropout, Dropout) else Dropout(_checked_rate(dropout, "dropout"))
    return (one,) * n_hidden


def _checked_rate(value: Any, name: str) -> float:
    rate = check_number(value, name)
    if rate >= 1:
        raise ValueError(f"{name}: expected a rate below 1, got {brief(value)}")
    return rate
