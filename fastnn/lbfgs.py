"""L-BFGS by SciPy, on the compiled cost and gradient of the whole data."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import minimize

from fastnn.data import Rows
from fastnn.history import History
from fastnn.optimizers import LBFGS
from fastnn.regularizers import Regularizer

if TYPE_CHECKING:
    from fastnn.model import Model


class _Enough(Exception):
    """Raised inside SciPy's loop when the training is to stop; never seen by the caller."""


def _cost_and_gradient(
    network: Model, rows: Rows, penalty: Regularizer, parameters: np.ndarray
) -> tuple[float, np.ndarray]:
    """Return the mean cost with its penalty, and the gradient, at ``parameters``."""
    network._parameters[...] = parameters
    cost, gradient = network._gradient(rows)
    n = len(rows)
    gradients = network._layout.weights(gradient)
    for w, g in zip(network.weights, gradients, strict=True):
        g += penalty.l2 / n * w + penalty.l1 / n * np.sign(w)
    return cost + penalty.penalty(network.weights, n), gradient.astype(np.float64)


def train_by_lbfgs(
    network: Model,
    rows: Rows,
    optimizer: LBFGS,
    penalty: Regularizer,
    iterations: int,
    measures: Mapping[str, Callable[[], float]],
    heard: Callable[[History], bool],
) -> History:
    """Minimise the cost over ``rows`` by at most ``iterations`` iterations of SciPy's L-BFGS-B.

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
        A row an iteration.
    """
    history = History()
    clock = time.perf_counter()

    def record(intermediate_result: Any) -> None:
        nonlocal clock
        network._parameters[...] = intermediate_result.x
        row: dict[str, Any] = {
            "epoch": len(history) + 1,
            "learning_rate": 1.0,
            "seconds": time.perf_counter() - clock,
            "training_cost": float(intermediate_result.fun),
        }
        row.update((name, measure()) for name, measure in measures.items())
        history.append(row)
        clock = time.perf_counter()
        if heard(history):
            raise _Enough

    best = network._parameters.astype(np.float64)
    try:
        result = minimize(
            lambda x: _cost_and_gradient(network, rows, penalty, x),
            best,
            jac=True,
            method="L-BFGS-B",
            callback=record,
            options={
                "maxiter": iterations,
                "maxcor": optimizer.memory,
                "ftol": optimizer.tolerance,
                "gtol": optimizer.tolerance,
            },
        )
        network._parameters[...] = result.x
    except _Enough:
        pass
    return history
