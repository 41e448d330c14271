"""How the learning rate changes while training goes on: functions that make a schedule.

A schedule takes ``epoch``, the number of epochs finished, and returns the factor on the learning
rate (or on a dropout rate, or on weight decay) for the next mini-batch. ``epoch`` has fractions:
2.25 is a quarter into the third epoch. Any function of the epoch will do; those made here are
values: they compare equal, pickle, and show the call that makes them.

In the formulas e is ``epoch``, and t = min(e / epochs, 1) the share of a schedule's length that is
done: past its end it holds its last value.

Every function raises ``TypeError`` or ``ValueError``, naming the argument, for one out of range.
"""

from __future__ import annotations

import inspect
import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from fastnn._common.checks import brief, check_number
from fastnn._monitor.plateau import HalveOnPlateau, PlateauWatch

__all__ = [
    "Factor",
    "HalveOnPlateau",
    "PlateauWatch",
    "Schedule",
    "constant",
    "cosine",
    "coslog4",
    "exponential",
    "flat_cosine",
    "get",
    "inverse_scaling",
    "inverse_time",
    "join",
    "one_cycle",
    "polynomial",
    "product",
    "step",
    "warm_up",
]

#: What is asked for a factor: a Schedule, or a user's own function.
Factor = Callable[[float], float]


@dataclass(frozen=True, repr=False)
class Schedule:
    """A formula with its numbers, made by the functions of this module.

    Attributes
    ----------
    formula : callable
        Called as ``formula(epoch, *values)``.
    values : tuple
        The numbers, as the function that made it was given them.
    """

    formula: Callable[..., float]
    values: tuple[Any, ...]

    def __call__(self, epoch: float) -> float:
        """Return the factor after ``epoch`` epochs.

        Raises
        ------
        TypeError, ValueError
            If ``epoch`` is not a finite number of 0 or more.
        """
        # Asked before every mini-batch: the usual case must be quick.
        if not (type(epoch) is float and 0 <= epoch < math.inf):
            epoch = check_number(epoch, "epoch")
        try:
            return float(self.formula(epoch, *self.values))
        except OverflowError:  # of a power that grows
            return math.inf

    def __repr__(self) -> str:
        _, *parameters = inspect.signature(self.formula).parameters.values()
        if parameters[0].kind is inspect.Parameter.VAR_POSITIONAL:
            shown = [repr(value) for value in self.values]
        else:
            named = zip(parameters, self.values, strict=True)
            shown = [f"{parameter.name}={value!r}" for parameter, value in named]
        return f"{self.formula.__name__.lstrip('_')}({', '.join(shown)})"


def constant(factor: float = 1.0) -> Schedule:
    """``factor``, always.

    Parameters
    ----------
    factor : float, default 1
        0 or more.
    """
    return Schedule(_constant, (check_number(factor, "factor"),))


def _constant(epoch: float, factor: float) -> float:
    return factor


def step(every: float, factor: float = 0.5) -> Schedule:
    """factor^⌊e / every⌋ (piecewise constant: Senior, Heigold, Ranzato and Yang, 2013).

    Parameters
    ----------
    every : float
        Epochs from one change to the next, above 0.
    factor : float, default 0.5
        Above 0.
    """
    return Schedule(
        _step,
        (
            check_number(every, "every", positive=True),
            check_number(factor, "factor", positive=True),
        ),
    )


def _step(epoch: float, every: float, factor: float) -> float:
    return factor ** (epoch // every)


def exponential(rate: float) -> Schedule:
    """rate^e (Senior, Heigold, Ranzato and Yang, 2013).

    Parameters
    ----------
    rate : float
        The factor of one epoch, above 0; above 1 the learning rate grows.
    """
    return Schedule(_exponential, (check_number(rate, "rate", positive=True),))


def _exponential(epoch: float, rate: float) -> float:
    return rate**epoch


def inverse_scaling(power: float = 0.5) -> Schedule:
    """1 / (1 + e)^power (power scheduling: Senior, Heigold, Ranzato and Yang, 2013).

    Parameters
    ----------
    power : float, default 0.5
        0 or more. Above 0.5 and up to 1 it meets the conditions of Robbins and Monro (1951).
    """
    return Schedule(_inverse_scaling, (check_number(power, "power"),))


def _inverse_scaling(epoch: float, power: float) -> float:
    return (1 + epoch) ** -power


def inverse_time(decay: float) -> Schedule:
    """1 / (1 + decay · e) (Bottou, 2012).

    Parameters
    ----------
    decay : float
        0 or more; after 1 / decay epochs the factor is 1/2.
    """
    return Schedule(_inverse_time, (check_number(decay, "decay"),))


def _inverse_time(epoch: float, decay: float) -> float:
    return 1 / (1 + decay * epoch)


def polynomial(epochs: float, power: float = 1.0, floor: float = 0.0) -> Schedule:
    """floor + (1 − floor) (1 − t)^power (Chen, Papandreou, Kokkinos, Murphy and Yuille, 2018).

    Parameters
    ----------
    epochs : float
        Its length, above 0.
    power : float, default 1
        Above 0; 1 is a straight line.
    floor : float, default 0
        The last value, from 0 to 1.
    """
    return Schedule(
        _polynomial,
        (_length(epochs), check_number(power, "power", positive=True), _share(floor, "floor")),
    )


def _polynomial(epoch: float, epochs: float, power: float, floor: float) -> float:
    return _above(floor, (1 - _done(epoch, epochs)) ** power)


def cosine(epochs: float, floor: float = 0.0) -> Schedule:
    """floor + (1 − floor) (1 + cos πt) / 2 (Loshchilov and Hutter, 2017, without restarts).

    Parameters
    ----------
    epochs : float
        Its length, above 0.
    floor : float, default 0
        The last value, from 0 to 1.
    """
    return Schedule(_cosine, (_length(epochs), _share(floor, "floor")))


def _cosine(epoch: float, epochs: float, floor: float) -> float:
    return _above(floor, _fall(_done(epoch, epochs)))


def warm_up(epochs: float, start: float = 0.01) -> Schedule:
    """start + (1 − start) t: a line up to 1 (Goyal et al., 2017).

    Parameters
    ----------
    epochs : float
        Its length, above 0.
    start : float, default 0.01
        The first value, from 0 to 1. It is not 0 by default, for with a learning rate of 0 the
        first mini-batch would teach nothing; for a dropout rate 0 is a good start.
    """
    return Schedule(_warm_up, (_length(epochs), _share(start, "start")))


def _warm_up(epoch: float, epochs: float, start: float) -> float:
    return _above(start, _done(epoch, epochs))


def one_cycle(
    epochs: float, peak_at: float = 0.3, start: float = 0.04, end: float = 4e-6
) -> Schedule:
    """From ``start`` up to 1 and down to ``end``, far below it (Smith, 2018).

    Both ways are half a cosine wave, as is now usual, where the paper has lines: up to t = peak_at

        start + (1 − start) (1 − cos(π t / peak_at)) / 2,

    and from there

        end + (1 − end) (1 + cos(π (t − peak_at) / (1 − peak_at))) / 2.

    Parameters
    ----------
    epochs : float
        Its length, above 0.
    peak_at : float, default 0.3
        The share of it at which the factor is 1, between 0 and 1.
    start, end : float, default 0.04 and 4e-6
        The first and the last value, from 0 to 1.
    """
    values = (
        _length(epochs),
        _share(peak_at, "peak_at"),
        _share(start, "start"),
        _share(end, "end"),
    )
    if peak_at in (0, 1):
        raise ValueError(f"peak_at: expected a number between 0 and 1, got {brief(peak_at)}")
    return Schedule(_one_cycle, values)


def _one_cycle(epoch: float, epochs: float, peak_at: float, start: float, end: float) -> float:
    t = _done(epoch, epochs)
    if t < peak_at:
        return _above(start, 1 - _fall(t / peak_at))
    return _above(end, _fall((t - peak_at) / (1 - peak_at)))


def flat_cosine(epochs: float, flat: float = 0.5) -> Schedule:
    """1 up to t = flat, then (1 + cos(π (t − flat) / (1 − flat))) / 2.

    One of the schedules compared by Holzmüller, Grinsztajn and Steinwart (2024).

    Parameters
    ----------
    epochs : float
        Its length, above 0.
    flat : float, default 0.5
        The share of it at which the fall begins, from 0, below 1.
    """
    values = (_length(epochs), _share(flat, "flat"))
    if flat == 1:
        raise ValueError(f"flat: expected a number below 1, got {brief(flat)}")
    return Schedule(_flat_cosine, values)


def _flat_cosine(epoch: float, epochs: float, flat: float) -> float:
    return _fall(max(0.0, _done(epoch, epochs) - flat) / (1 - flat))


def coslog4(epochs: float) -> Schedule:
    """(1 − cos(2π log₂(1 + 15t))) / 2: four waves, each twice as long as the one before.

    From Holzmüller, Grinsztajn and Steinwart (2024). It is 0 at t = 0, 1/15, 3/15, 7/15 and 1, so
    that the very first mini-batch changes nothing.

    Parameters
    ----------
    epochs : float
        Its length, above 0.
    """
    return Schedule(_coslog4, (_length(epochs),))


def _coslog4(epoch: float, epochs: float) -> float:
    return (1 - math.cos(2 * math.pi * math.log2(1 + 15 * _done(epoch, epochs)))) / 2


def join(schedules: Sequence[Factor], boundaries: Sequence[float]) -> Schedule:
    """One schedule after the other; each is asked for the epochs since its own start.

    Parameters
    ----------
    schedules : sequence of schedules
    boundaries : sequence of float
        Where the second and later ones start, in epochs, growing; one fewer than ``schedules``.

    Examples
    --------
    >>> schedule = join([warm_up(5), cosine(25)], [5])
    """
    parts = _listed(schedules, "schedules", "schedules")
    starts = _listed(boundaries, "boundaries", "numbers")
    for i, part in enumerate(parts):
        _check_schedule(part, f"schedules[{i}]")
    if not parts or len(starts) != len(parts) - 1:
        raise ValueError(
            "boundaries: expected one fewer than schedules, "
            f"got {len(starts)} for {len(parts)} schedules"
        )
    starts = [check_number(s, f"boundaries[{i}]", positive=True) for i, s in enumerate(starts)]
    if any(later <= earlier for earlier, later in pairwise(starts)):
        raise ValueError(f"boundaries: expected growing numbers, got {brief(starts)}")
    return Schedule(_join, (tuple(parts), tuple(starts)))


def _join(epoch: float, schedules: tuple[Factor, ...], boundaries: tuple[float, ...]) -> float:
    i = bisect_right(boundaries, epoch)
    return schedules[i](epoch - boundaries[i - 1] if i else epoch)


def product(*schedules: Factor) -> Schedule:
    """All factors multiplied.

    Parameters
    ----------
    *schedules : schedules
        One or more.

    Examples
    --------
    >>> schedule = product(warm_up(2), step(10))
    """
    if not schedules:
        raise ValueError("schedules: expected one or more, got none")
    for i, schedule in enumerate(schedules):
        _check_schedule(schedule, f"schedules[{i}]")
    return Schedule(_product, schedules)


def _product(epoch: float, *schedules: Factor) -> float:
    return math.prod(schedule(epoch) for schedule in schedules)


def get(schedule: Factor | HalveOnPlateau | None) -> Factor | HalveOnPlateau:
    """Return ``schedule``, or ``constant()`` for ``None``.

    Parameters
    ----------
    schedule : callable, HalveOnPlateau or None

    Raises
    ------
    TypeError
        For something else than a function of the epoch or a ``HalveOnPlateau``.
    """
    if schedule is None:
        return constant()
    if not isinstance(schedule, HalveOnPlateau):
        _check_schedule(schedule, "schedule")
    return schedule


def knows_all_epochs(schedule: Any) -> bool:
    """Whether a schedule is a formula of this module, which can be asked for any epoch at any time.

    A user's own function may look at what a training has come to.
    """
    if type(schedule) is not Schedule or schedule.formula not in FORMULAS:
        return False
    parts = schedule.values[0] if schedule.formula is _join else schedule.values
    within = schedule.formula in (_join, _product)
    return not within or all(knows_all_epochs(part) for part in parts)


FORMULAS = (
    _constant, _step, _exponential, _inverse_scaling, _inverse_time, _polynomial, _cosine,
    _warm_up, _one_cycle, _flat_cosine, _coslog4, _join, _product,
)  # fmt: skip


def _check_schedule(value: Any, name: str) -> None:
    """Raise ``TypeError`` unless ``value`` is a function of the epoch."""
    is_maker = inspect.isfunction(value) and value.__module__ == __name__
    if is_maker or isinstance(value, type):
        raise TypeError(
            f"{name}: expected a schedule, got {value.__name__} itself: "
            f"call it, as in {value.__name__}(...)"
        )
    if not callable(value):
        raise TypeError(
            f"{name}: expected a schedule such as cosine(30), or a function of the epoch, "
            f"got {brief(value)}"
        )


def _listed(values: Any, name: str, of: str) -> list[Any]:
    try:
        return list(values)
    except TypeError:
        raise TypeError(f"{name}: expected a list of {of}, got {brief(values)}") from None


def _length(epochs: Any) -> float:
    return check_number(epochs, "epochs", positive=True)


def _share(value: Any, name: str) -> float:
    number = check_number(value, name)
    if number > 1:
        raise ValueError(f"{name}: expected a number from 0 to 1, got {brief(value)}")
    return number


def _done(epoch: float, epochs: float) -> float:
    """Return t, the share that is done."""
    return min(epoch / epochs, 1.0)


def _fall(t: float) -> float:
    """Return half a cosine wave, from 1 at t = 0 to 0 at t = 1."""
    return (1 + math.cos(math.pi * t)) / 2


def _above(floor: float, share: float) -> float:
    """Return what lies ``share`` of the way from ``floor`` to 1, both exact at the ends."""
    return floor * (1 - share) + share
