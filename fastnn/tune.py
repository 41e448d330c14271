"""Find a learning rate by trying: the largest that still learns, and the range worth trying."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from fastnn import optimizers
from fastnn._common.checks import brief, check_number, check_whole
from fastnn._common.rng import as_random_source
from fastnn._core.atomic import with_attributes
from fastnn._data.inputs import taken
from fastnn._data.rows import Rows
from fastnn._model.model import Model
from fastnn._training.evaluation import mean_cost
from fastnn.history import History
from fastnn.many._threads import at_a_time, map_in_threads
from fastnn.optimizers import LBFGS, Optimizer
from fastnn.regularizers import Regularizer

__all__ = ["RateRange", "Threshold", "Trial", "learning_rate_range", "learning_rate_threshold"]

# Asks for rates one after the other, and goes by whether the cost falls at them.
Search = Callable[[Callable[[float], bool]], tuple[float, float]]

# Where the search for a threshold gives up.
SMALLEST, LARGEST = 1e-9, 1e9
# The range test ends when the smoothed cost has risen by so many times the first one.
RISEN = 4.0
# A share of the first cost that is as good as 0.
AT_MINIMUM = 1e-12
# Weight of the past in the smoothed cost.
SMOOTHING = 0.9


@dataclass(frozen=True)
class Trial:
    """One learning rate tried.

    Attributes
    ----------
    learning_rate : float
        The same for all epochs.
    costs : tuple of float
        Of the training data: before training and after each epoch. It ends where training
        diverged.
    falls : bool
        Whether no epoch is missing and each cost is below the one before it, or as good as 0.
    """

    learning_rate: float
    costs: tuple[float, ...]
    falls: bool


@dataclass(frozen=True)
class Threshold:
    """What ``learning_rate_threshold`` found.

    Attributes
    ----------
    learning_rate : float
        The largest tried at which the cost falls.
    above : float
        The smallest tried at which it does not; infinity if it fell at all that were tried. The
        threshold lies between the two.
    trials : tuple of Trial
        In the order in which they were tried.
    """

    learning_rate: float
    above: float
    trials: tuple[Trial, ...] = field(repr=False)


@dataclass(frozen=True)
class RateRange:
    """What ``learning_rate_range`` recorded, a number a mini-batch in each array.

    Attributes
    ----------
    suggestion : float
        A tenth of ``largest``, a rule of thumb for a first choice, but none below those tested.
    largest : float
        The rate at which the smoothed cost is smallest: more than this is too much.
    learning_rates : float64 array (n_steps,)
        The rate of its step.
    costs : float64 array (n_steps,)
        The mini-batch's mean cost before its step.
    smoothed : float64 array (n_steps,)
        Exponential moving averages of the costs.
    """

    suggestion: float
    largest: float
    learning_rates: np.ndarray = field(repr=False)
    costs: np.ndarray = field(repr=False)
    smoothed: np.ndarray = field(repr=False)


def learning_rate_threshold(
    make_network: Callable[[], Model],
    X: Any,
    y: Any,
    *,
    start: float = 0.01,
    epochs: int = 3,
    refinements: int = 3,
    batch_size: int = 32,
    optimizer: str | Optimizer = "sgd",
    n_jobs: int | None = 1,
) -> Threshold:
    """Return about the largest learning rate at which the training cost falls from the beginning.

    Begin with ``start``. If the cost falls in each of the first epochs, try ten times as much
    until it rises or oscillates; else a tenth until it falls. Then halve the interval that is left
    between the two, on a logarithmic scale. The rate to train with is smaller, say by half.

    Parameters
    ----------
    make_network : callable
        Returns a fresh network; with the same seed each time, only the rate differs.
    X : array-like (n, n_in)
    y : array-like (n,) or (n, n_out)
    start : float, default 0.01
    epochs : int, default 3
        The cost must fall in each of so many.
    refinements : int, default 3
        Halvings: 0 leaves the threshold within a factor of 10, 3 of 10^(1/8) = 1.33.
    batch_size, optimizer
        As for ``Network.fit``; a mini-batch is small data's whole.
    n_jobs : int or None, default 1
        Trials at a time, in threads; None and -1 for one a processor. Of more than one, the first
        is the next that is due, and the others are those that may be due after it: what is found,
        ``trials`` among it, is the same, in less time and for more work.

    Returns
    -------
    Threshold

    Raises
    ------
    TypeError, ValueError
        Naming the argument.
    RuntimeError
        If the cost falls at no rate down to 1e-9.

    Notes
    -----
    Nielsen, *Neural Networks and Deep Learning* (2015), chapter 3, "How to choose a neural
    network's hyper-parameters?". For gradient descent on a quadratic cost the threshold is 2/L,
    with L the largest eigenvalue of its Hessian.

    Examples
    --------
    >>> import numpy as np
    >>> import fastnn
    >>> from fastnn.tune import learning_rate_threshold
    >>> X = np.array([[1.0], [-1.0]])
    >>> def line():
    ...     return fastnn.Network([1, 1], fastnn.QuadraticCost, output="identity",
    ...                           initializer="zeros", rng=0)
    >>> found = learning_rate_threshold(line, X, X, batch_size=2)
    >>> found.learning_rate < 2 < found.above
    True
    """
    first = check_number(start, "start", positive=True)
    n_epochs, halvings = (
        check_whole(epochs, "epochs", 1),
        check_whole(refinements, "refinements", 0),
    )
    size, chosen = check_whole(batch_size, "batch_size", 1), _optimizer(optimizer)
    if not SMALLEST <= first <= LARGEST:
        raise ValueError(f"start: expected {SMALLEST:g} to {LARGEST:g}, got {start}")
    most, plan = at_a_time(n_jobs), _TrialPlan(n_epochs, size, chosen)
    search, trials = partial(_search, first, halvings), _Trials(make_network, X, y, plan)
    while rates := _due(search, trials.answers, most):
        trials.run(rates, most)
    asked: list[float] = []

    def falls(rate: float) -> bool:
        asked.append(rate)
        return trials.answers[rate]

    below, above = search(falls)
    return Threshold(below, above, tuple(trials.done[rate] for rate in asked))


def learning_rate_range(
    make_network: Callable[[], Model],
    X: Any,
    y: Any,
    *,
    lowest: float = 1e-6,
    highest: float = 10.0,
    steps: int = 200,
    batch_size: int = 32,
    optimizer: str | Optimizer = "sgd",
    rng: int | np.random.Generator = 0,
) -> RateRange:
    """Train on a few mini-batches, each with a larger learning rate, and record the cost of each.

    The rates grow exponentially from ``lowest`` to ``highest``. The test ends early when training
    diverges, or when the smoothed cost has risen from its minimum by four times the first cost.

    Parameters
    ----------
    make_network : callable
        Returns a fresh network.
    X : array-like (n, n_in)
    y : array-like (n,) or (n, n_out)
    lowest, highest : float, default 1e-6 and 10
    steps : int, default 200
        Mini-batches, 3 or more.
    batch_size : int, default 32
        Rows each; all rows if there are fewer.
    optimizer : str or Optimizer, default "sgd"
        One that takes mini-batches.
    rng : int or numpy.random.Generator, default 0
        Of the order of the rows, which are all taken before any is taken again.

    Returns
    -------
    RateRange

    Raises
    ------
    TypeError, ValueError
        Naming the argument; also if training diverges within the first three mini-batches.

    Notes
    -----
    Smith, *Cyclical learning rates for training neural networks* (2017), §3.3, with rates that
    grow exponentially and not linearly. ``matplotlib.pyplot.semilogx(found.learning_rates,
    found.smoothed)`` draws it.

    Examples
    --------
    >>> import numpy as np
    >>> import fastnn
    >>> from fastnn.tune import learning_rate_range
    >>> X = np.random.default_rng(0).normal(size=(200, 4))
    >>> y = (X[:, 0] > 0).astype(int)
    >>> found = learning_rate_range(lambda: fastnn.Network([4, 8, 2], rng=0), X, y)
    >>> found.suggestion < found.largest
    True
    """
    low = check_number(lowest, "lowest", positive=True)
    high = check_number(highest, "highest", positive=True)
    if low >= high:
        raise ValueError(f"highest: expected a rate above lowest, {lowest}, got {highest}")
    n_steps = check_whole(steps, "steps", 3)
    chosen = _optimizer(optimizer)
    if chosen.full_batch:
        raise ValueError(
            f"optimizer: expected one that takes mini-batches, got {type(chosen).__name__}"
        )
    if rng is None:
        raise TypeError("rng: expected an int or a numpy.random.Generator, got None")
    size = check_whole(batch_size, "batch_size", 1)
    source: Any = as_random_source(rng)
    network = _fresh(make_network)
    rows = network._arrays(X, y)
    batches = _batches(rows, min(size, len(rows)), source)
    rates = np.geomspace(low, high, n_steps)
    costs, smoothed = _grow(network, batches, rates, chosen)
    if len(costs) < 3:
        raise ValueError(
            f"lowest: expected a rate at which training does not diverge, got {lowest}"
        )
    rates = rates[: len(costs)]
    largest = float(rates[np.argmin(smoothed)])
    suggestion = max(largest / 10, float(rates[0]))
    return RateRange(suggestion, largest, rates, np.array(costs), np.array(smoothed))


def _search(start: float, halvings: int, falls: Callable[[float], bool]) -> tuple[float, float]:
    """Return a rate at which the cost falls, and the one above it at which it does not."""
    below, above = _bracket(falls, start)
    if math.isfinite(above):
        for _ in range(halvings):
            middle = math.sqrt(below * above)
            below, above = (middle, above) if falls(middle) else (below, middle)
    return below, above


def _bracket(falls: Callable[[float], bool], start: float) -> tuple[float, float]:
    """Return two neighbours among start · 10ᵏ: at the first the cost falls, at the second not."""
    rate = start
    if falls(rate):
        while 10 * rate <= LARGEST:
            if not falls(10 * rate):
                return rate, 10 * rate
            rate *= 10
        return rate, math.inf
    while rate / 10 >= SMALLEST:
        if falls(rate / 10):
            return rate / 10, rate
        rate /= 10
    raise RuntimeError(
        f"the training cost fell at no learning rate from {start:g} down to {rate:g}: is it at a "
        "minimum already, or is the gradient zero?"
    )


def _due(search: Search, answers: dict[float, bool], n: int) -> list[float]:
    """Return up to ``n`` rates that a search asks for, all answers so far being known.

    The first is the next one; the others are those that it goes on to, by either answer, that which
    is like the last one before the other. There are none where the search is at its end.
    """
    found: dict[float, None] = {}
    paths = deque([answers])
    while paths and len(found) < n:
        known = paths.popleft()
        rate, last = _next(search, known)
        if rate is not None:
            found[rate] = None
            paths += [{**known, rate: answer} for answer in (last, not last)]
    return list(found)


def _next(search: Search, known: dict[float, bool]) -> tuple[float | None, bool]:
    """Return the first rate that a search asks for and is not known, and its last answer."""
    heard = [True]

    def falls(rate: float) -> bool:
        heard.append(known[rate])
        return heard[-1]

    try:
        search(falls)
    except KeyError as unknown:
        return unknown.args[0], heard[-1]
    except RuntimeError:  # the cost fell at no rate
        pass
    return None, heard[-1]


class _TrialPlan(NamedTuple):
    """What all trials are told."""

    epochs: int
    batch_size: int
    optimizer: Optimizer


class _Trials:
    """Trainings of fresh networks on the same rows, each at a learning rate of its own."""

    def __init__(self, make_network: Callable[[], Model], X: Any, y: Any, plan: _TrialPlan) -> None:
        self._make_network, self._data, self._plan = make_network, (X, y), plan
        self._form: tuple[Any, ...] = ()
        self.done: dict[float, Trial] = {}
        self.answers: dict[float, bool] = {}

    def run(self, rates: list[float], at_once: int) -> None:
        """Try the rates, ``at_once`` of them at a time."""
        # Whatever a user's function does, it does in the user's thread.
        told = [(*self._fresh_and_rows(), rate, self._plan) for rate in rates]
        for trial in map_in_threads(lambda each: _try(*each), told, at_once):
            self.done[trial.learning_rate] = trial
            self.answers[trial.learning_rate] = trial.falls

    def _fresh_and_rows(self) -> tuple[Model, Rows]:
        """Return a network, and the rows as it takes them, which are made once for all alike."""
        network = _fresh(self._make_network)
        form = *network.sizes, network.dtype, network.input_scale, network.cost
        if form != self._form:
            self._rows, self._form = network._arrays(*self._data), form
        return network, self._rows


def _try(network: Model, rows: Rows, rate: float, plan: _TrialPlan) -> Trial:
    none = Regularizer()
    costs = [mean_cost(network, rows, none)]

    def record(net: Model, history: object) -> bool:
        costs.append(mean_cost(net, rows, none))
        return not _falls(costs)  # it is decided

    _fit(
        network, rows, epochs=plan.epochs, optimizer=plan.optimizer, learning_rate=rate,
        batch_size=_fitting(plan.batch_size, rows, plan.optimizer), callbacks=[record],
    )  # fmt: skip
    falling = all(_falls(costs[: i + 1]) for i in range(1, len(costs)))
    return Trial(rate, tuple(costs), falling and len(costs) == plan.epochs + 1)


def _fit(network: Model, rows: Rows, **told: Any) -> History:
    """Train without a word of divergence, which is an answer here."""
    train = partial(network.fit, rows, **told)
    with np.errstate(all="ignore"):
        return with_attributes(network, {"tells_of_divergence": False}, train)


def _falls(costs: list[float]) -> bool:
    """Return whether the last cost is below the one before, or at the minimum, 0, already."""
    return costs[-1] < costs[-2] or 0 <= costs[-1] < AT_MINIMUM * costs[0]


def _fitting(batch_size: int, rows: Rows, optimizer: Optimizer) -> int:
    return len(rows) if optimizer.full_batch else batch_size


def _fresh(make_network: Callable[[], Model]) -> Model:
    if not callable(make_network):
        raise TypeError(
            f"make_network: expected a function that returns a network, got {brief(make_network)}"
        )
    network = make_network()
    if not isinstance(network, Model):
        raise TypeError(
            f"make_network: expected a function that returns a network, it returned "
            f"{brief(network)}"
        )
    return network


def _optimizer(optimizer: str | Optimizer) -> Optimizer:
    chosen = optimizers.get(optimizer)
    if isinstance(chosen, LBFGS):
        raise ValueError("optimizer: L-BFGS has no learning rate to find")
    return chosen


def _batches(rows: Rows, size: int, source: np.random.Generator) -> Iterator[Rows]:
    """Yield mini-batches of ``size`` rows without end, in a new random order after each pass."""
    waiting = np.empty(0, dtype=np.intp)
    while True:
        while len(waiting) < size:
            waiting = np.concatenate([waiting, source.permutation(len(rows))])
        batch, waiting = waiting[:size], waiting[size:]
        yield Rows(taken(rows.X, batch, rows.Y.dtype), rows.Y[batch])


class _Smoothed:
    """Exponential moving averages whose weights sum to 1 from the first one on."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self._total = self._weight = 0.0

    def add(self, value: float) -> float:
        self._total = SMOOTHING * self._total + (1 - SMOOTHING) * value
        self._weight = SMOOTHING * self._weight + (1 - SMOOTHING)
        self.values.append(self._total / self._weight)
        return self.values[-1]


def _grow(
    network: Model, batches: Iterator[Rows], rates: np.ndarray, optimizer: Optimizer
) -> tuple[list[float], list[float]]:
    """Take a step with each rate in turn; return the costs, and the smoothed, as far as it went."""
    costs: list[float] = []
    smoothed, lowest = _Smoothed(), math.inf
    for rate, batch in zip(rates.tolist(), batches, strict=False):
        history = _fit(
            network, batch, epochs=1, batch_size=len(batch), optimizer=optimizer,
            learning_rate=rate, shuffle=False,
        )  # fmt: skip
        if not len(history):
            break
        costs.append(history[0]["training_cost"])
        latest = smoothed.add(costs[-1])
        lowest = min(lowest, latest)
        if latest - lowest > RISEN * abs(costs[0]):
            break
    return costs, smoothed.values
