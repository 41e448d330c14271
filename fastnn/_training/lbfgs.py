"""L-BFGS on the compiled cost and gradient of the whole data; SciPy searches along the line."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.optimize import line_search

from fastnn._common.warning import warn_caller
from fastnn._core.atomic import with_attributes
from fastnn._core.epoch_options import Epoch
from fastnn._data.rows import Rows
from fastnn._training.run import DIVERGED
from fastnn._training.soundness import is_finite
from fastnn._training.state import TrainingState
from fastnn._training.trainable import Trainable
from fastnn.history import History
from fastnn.normalization import BatchNorm
from fastnn.optimizers import LBFGS, SGD
from fastnn.regularizers import Regularizer

NO_STEP = "L-BFGS took no step, and the history is empty: {cause}"


class _Objective:
    """The mean cost with its penalty, and its gradient, at any parameters.

    The network's own parameters are moved to where it is asked; the last answer is kept, for the
    line search asks for cost and gradient of one place in turn.
    """

    def __init__(self, network: Trainable, rows: Rows, penalty: Regularizer) -> None:
        self.network, self.rows, self.penalty = network, rows, penalty
        self._asked: np.ndarray | None = None
        self._answer: tuple[float, np.ndarray] = (0.0, np.empty(0))

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        if self._asked is None or not np.array_equal(x, self._asked):
            self._asked, self._answer = x.copy(), self._compute(x)
        return self._answer

    def cost(self, x: np.ndarray) -> float:
        return self(x)[0]

    def gradient(self, x: np.ndarray) -> np.ndarray:
        return self(x)[1]

    def _compute(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        network, n = self.network, len(self.rows)
        network._parameters[...] = x
        cost, gradient = network._engine.cost_and_gradient(network, self.rows)
        gradients = network._layout.weights(gradient)
        for w, g in zip(network.weights, gradients, strict=True):
            g += self.penalty.l2 / n * w + self.penalty.l1 / n * np.sign(w)
        return cost + self.penalty.penalty(network.weights, n), gradient.astype(np.float64)


def direction(gradient: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Return −H g, with H the inverse Hessian that the ``pairs`` tell (two-loop recursion).

    Parameters
    ----------
    gradient : array (n,)
    pairs : array (memory, 2, n)
        Steps s and what they changed the gradient by, y, the newest last; zeros where there is
        none yet.

    Returns
    -------
    array (n,)
        Without any pair the gradient's opposite, at most of length 1 in the sum of its numbers.

    Notes
    -----
    Nocedal, *Updating quasi-Newton matrices with limited storage* (1980). H begins as the newest
    pair's s·y / y·y.
    """
    known = [(s, y, float(s @ y)) for s, y in pairs.astype(np.float64) if s @ y > 0]
    q = -gradient
    if not known:
        return q / max(1.0, float(np.abs(q).sum()))
    shares = []
    for s, y, curvature in reversed(known):
        shares.append(float(s @ q) / curvature)
        q = q - shares[-1] * y
    _, y, curvature = known[-1]
    q = q * (curvature / float(y @ y))
    for (s, y, curvature), share in zip(known, reversed(shares), strict=True):
        q = q + (share - float(y @ q) / curvature) * s
    return q


class _Iteration:
    """Where the minimisation stands; each ``advance`` is one iteration."""

    def __init__(self, objective: _Objective, optimizer: LBFGS, slots: np.ndarray) -> None:
        self.objective, self.tolerance = objective, optimizer.tolerance
        self.pairs = slots.reshape(optimizer.memory, 2, -1)
        self.x = objective.network._parameters.astype(np.float64)
        self.cost, self.gradient = objective(self.x)

    @property
    def is_flat(self) -> bool:
        return float(np.abs(self.gradient).max()) <= self.tolerance

    def advance(self) -> bool:
        """Go to a lower cost; return whether there may be a lower one yet."""
        found = self._search()
        if found is None and self.pairs.any():
            self.pairs[...] = 0  # what they tell led nowhere: begin anew along the gradient
            found = self._search()
        if found is None:
            return False
        x, before = found, self.cost
        cost, gradient = self.objective(x)
        self._remember(x - self.x, gradient - self.gradient)
        self.x, self.cost, self.gradient = x, cost, gradient
        fall = (before - cost) / max(abs(before), abs(cost), 1.0)
        return fall > self.tolerance and not self.is_flat

    def _search(self) -> np.ndarray | None:
        """Return the next place along the direction, by the strong Wolfe conditions, if any."""
        objective = self.objective
        with np.errstate(all="ignore"), warnings.catch_warnings():
            # The search says None too. No other warnings: the filters are the whole process's, and
            # where two threads change them, what one of them ignored may stay ignored.
            warnings.filterwarnings("ignore", message=".*line search", category=RuntimeWarning)
            along = direction(self.gradient, self.pairs)
            if not along @ self.gradient < 0:
                return None
            length, *_ = line_search(
                objective.cost, objective.gradient, self.x, along, self.gradient, self.cost
            )
        if length is None:
            return None
        # As the network's dtype has it, so that a saved network goes on from the same place.
        to = (self.x + length * along).astype(objective.network.dtype).astype(np.float64)
        return to if objective.cost(to) < self.cost else None

    def _remember(self, step: np.ndarray, change: np.ndarray) -> None:
        with np.errstate(over="ignore"):
            pair = np.array([step, change]).astype(self.pairs.dtype)
        if step @ change > 0 and np.isfinite(pair).all():
            self.pairs[:-1] = self.pairs[1:]
            self.pairs[-1] = pair


def _is_where_it_ended(start: _Iteration, state: TrainingState) -> bool:
    """Whether it starts at the minimum to which it came before, which is no failure."""
    if state.steps == 0 or start.is_flat:
        return state.steps > 0
    rounding = float(np.finfo(start.objective.network.dtype).eps) * abs(start.cost)
    with np.errstate(over="ignore"):
        return float(start.gradient @ start.gradient) <= rounding


def _why_no_step(start: _Iteration) -> str:
    """Say why the first iteration did not lead anywhere."""
    largest = float(np.abs(start.gradient).max())
    if not (np.isfinite(start.cost) and np.isfinite(largest)):
        return (
            f"it starts at a cost of {start.cost:g} with a gradient of up to {largest:g}. Scale "
            "inputs and targets to about 1, or start from smaller weights"
        )
    if start.is_flat:
        return (
            f"the gradient is nowhere above the tolerance, {start.tolerance:g}: the cost, "
            f"{start.cost:g}, is at a minimum already, or all units are saturated"
        )
    return (
        f"the search along the line found no cost below {start.cost:g}, with a gradient of up to "
        f"{largest:g}: it is at a minimum to rounding, or inputs are not scaled to about 1"
    )


def _take_statistics(network: Trainable, rows: Rows) -> None:
    """Give batch norm the statistics of all ``rows``, by an epoch of steps of 0."""
    norm = network._normalization
    if not isinstance(norm, BatchNorm):
        return
    still = Epoch(
        batch_size=len(rows),
        optimizer=SGD(),
        penalty=Regularizer(),
        n=len(rows),
        rates=np.zeros(1),
        slots=np.empty((0, 0), dtype=network.dtype),
        counter=np.zeros(1, dtype=np.uint64),
    )
    order = np.arange(len(rows), dtype=np.intp)
    whole = {"_normalization": replace(norm, momentum=1.0)}
    with_attributes(network, whole, network._engine.epoch, network, rows, order, still)


def train_by_lbfgs(
    network: Trainable,
    rows: Rows,
    optimizer: LBFGS,
    penalty: Regularizer,
    iterations: int,
    measures: Mapping[str, Callable[[], float]],
    heard: Callable[[History], bool],
) -> History:
    """Minimise the cost over ``rows`` by at most ``iterations`` iterations of L-BFGS.

    The pairs that it remembers are the training state's slots, from which a later call goes on.

    Parameters
    ----------
    network : Model
    rows : Rows
    optimizer : LBFGS
    penalty : Regularizer
    iterations : int
    measures : mapping of str to callable
        What to record after each iteration.
    heard : callable
        Given the history after each iteration; True ends the training.

    Returns
    -------
    History
        A row an iteration, each of a lower cost than the one before.

    Warns
    -----
    RuntimeWarning
        If batch norm's statistics are not finite at the parameters that were found; the network is
        then put back to the iteration before, and the training ends. Else if there was not a single
        iteration, naming the cause; unless an earlier call ended here.
    """
    history, state = History(), network.training_state
    clock = time.perf_counter()
    objective = _Objective(network, rows, penalty)
    best = _Iteration(objective, optimizer, state.slots)
    goes_on = not best.is_flat
    while goes_on and len(history) < iterations:
        before, standing = best.x, network.standing()
        try:
            goes_on = best.advance()
        finally:  # the search tries other places, and Ctrl-C may end it there
            network._parameters[...] = best.x
        if best.x is before:
            break  # no lower cost was found: as SciPy counts, that is no iteration
        state.counter += 1
        _take_statistics(network, rows)
        if not is_finite(network):
            network.stand_at(standing)
            text = DIVERGED.format(epoch=len(history) + 1, rate=1.0)
            warn_caller(text)
            return history
        row: dict[str, Any] = {
            "epoch": len(history) + 1,
            "learning_rate": 1.0,
            "seconds": time.perf_counter() - clock,
            "training_cost": best.cost,
        }
        row.update((name, measure()) for name, measure in measures.items())
        history.append(row)
        clock = time.perf_counter()
        goes_on &= not heard(history)
    if not len(history) and iterations and not _is_where_it_ended(best, state):
        warn_caller(NO_STEP.format(cause=_why_no_step(best)))
    return history
