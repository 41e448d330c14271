"""The solver "lbfgs": SciPy's L-BFGS-B on the compiled loss and gradient of all rows."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult, minimize
from sklearn.exceptions import ConvergenceWarning

from fastnn._training.cost_watch import CostWatch
from fastnn.network import Network
from fastnn.normalization import BatchNorm
from fastnn.optimizers import LBFGS
from fastnn.sklearn._losses import Loss
from fastnn.sklearn._rows import Rows
from fastnn.sklearn._validation import Validation

# Rows that go through the layers together.
BLOCK = 1024
# SciPy's status when a callback ended it.
ENDED_BY_CALLBACK = 99


def check_arguments(estimator: Any, network: Network) -> None:
    """Raise for what goes with mini-batches only.

    Raises
    ------
    ValueError
        Naming the argument.
    """
    if isinstance(network.normalization, BatchNorm):
        raise ValueError(
            "normalization: 'batch' needs mini-batches, which solver='lbfgs' has not; "
            "use 'layer' or 'group', or another solver"
        )
    for name, used in (
        ("dropout", any(each.rate for each in network.dropout)),
        ("max_norm", estimator.max_norm is not None),
    ):
        if used:
            value = getattr(estimator, name)
            raise ValueError(f"{name}: not with solver='lbfgs', got {value}; use another solver")


class _Objective:
    """The loss with its penalties and its gradient, in scikit-learn's order of the parameters.

    First all coefficients (n_in, n_out), row by row, then all intercepts, then γ and β.
    """

    def __init__(self, estimator: Any, network: Network, loss: Loss, rows: Rows) -> None:
        self._network, self._loss, self._rows = network, loss, rows
        self._alpha, self._l1 = estimator.alpha, estimator.l1
        size = min(BLOCK, len(rows))
        self._sums = network._engine.batch_gradients(network, size, loss.clip(network.dtype))
        everything = np.arange(network.n_parameters)
        layout = network._layout
        parts = [w.T for w in layout.weights(everything)]
        for name in ("biases", "gamma", "beta"):
            parts += layout.columns(name, everything)
        self.packed_at = np.concatenate([part.ravel() for part in parts])
        weights = rows.row_weights
        self._total = float(weights.sum(dtype=np.float64)) if len(weights) else float(len(rows))
        constants = loss.constants(rows.Y)
        self._constant = float(constants @ weights if len(weights) else constants.sum())

    def packed(self) -> np.ndarray:
        """Return the network's parameters in this order."""
        return self._network.parameters[self.packed_at]

    def quietly(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Return ``work(*arguments)``, BLAS held at one thread if it is used at all."""
        return self._sums.quietly(work, *arguments)

    def unpack(self, values: np.ndarray) -> None:
        """Put parameters in this order into the network."""
        self._network.parameters[self.packed_at] = values

    def __call__(self, values: np.ndarray) -> tuple[float, np.ndarray]:
        self.unpack(values)
        gradient = np.zeros(self._network.n_parameters, self._network.dtype)
        cost = self._sums.of_all(self._rows, gradient, 1 / self._total)
        divisor = self._loss.divisor(self._rows.Y.shape[1])
        mean = (cost / divisor + self._constant) / self._total
        return mean + self._penalty(gradient), gradient[self.packed_at]

    def _penalty(self, gradient: np.ndarray) -> float:
        """Add the penalties' gradient; return the penalties."""
        network, total = self._network, 0.0
        for w, g in zip(network.weights, network._layout.weights(gradient), strict=True):
            g += self._alpha / self._total * w
            total += 0.5 * self._alpha * float(np.vdot(w, w))
            if self._l1:
                g += self._l1 / self._total * np.sign(w)
                total += self._l1 * float(np.abs(w).sum())
        return total / self._total


class _Listener:
    """What SciPy calls after each iteration: history, callbacks, the clock."""

    def __init__(
        self, estimator: Any, objective: _Objective, validation: Validation | None,
        callbacks: list[Callable[..., object]],
    ) -> None:  # fmt: skip
        self._estimator, self._objective = estimator, objective
        self._validation, self._callbacks = validation, callbacks
        self.watch = CostWatch(has_rate=False)
        self._began = self._clock = time.perf_counter()

    def __call__(self, intermediate_result: OptimizeResult) -> None:
        estimator, now = self._estimator, time.perf_counter()
        row = {
            "epoch": len(estimator.history_) + 1,
            "learning_rate": 1.0,
            "seconds": now - self._clock,
            "training_cost": float(intermediate_result.fun),
        }
        if self._validation is not None or self._callbacks:
            self._objective.unpack(intermediate_result.x)
        if self._validation is not None:
            row["validation_score"], row["validation_cost"] = self._validation.observe()
        estimator.history_.append(row)
        self.watch.observe(row)
        answers = [callback(estimator, estimator.history_) for callback in self._callbacks]
        limit = estimator.time_limit
        if any(answers) or (limit is not None and now - self._began >= limit):
            raise StopIteration
        self._clock = time.perf_counter()


def train_by_lbfgs(
    estimator: Any, network: Network, loss: Loss, rows: Rows, validation: Validation | None,
    callbacks: list[Callable[..., object]],
) -> np.ndarray:  # fmt: skip
    """Minimise the loss over ``rows`` as scikit-learn does, and tell the estimator.

    Returns
    -------
    float64 array (n_parameters,)
        The parameters at the end, laid out as the network's.

    Warns
    -----
    ConvergenceWarning
        If it ends without having converged.
    """
    objective = _Objective(estimator, network, loss, rows)
    listener = _Listener(estimator, objective, validation, callbacks)
    options = {"maxfun": estimator.max_fun, "maxiter": estimator.max_iter, "gtol": estimator.tol}
    if isinstance(estimator.solver, LBFGS):
        options |= {"maxcor": estimator.solver.memory, "ftol": estimator.solver.tolerance}
    result = objective.quietly(
        lambda: minimize(
            objective, objective.packed(), method="L-BFGS-B", jac=True, options=options,
            callback=listener,
        )
    )  # fmt: skip
    listener.watch.tell()
    estimator.n_iter_ = min(result.nit, estimator.max_iter)
    estimator.loss_ = float(result.fun)
    if result.status not in (0, ENDED_BY_CALLBACK):
        warnings.warn(_not_converged(estimator, result), ConvergenceWarning, stacklevel=2)
    end = np.empty(network.n_parameters)
    end[objective.packed_at] = result.x
    return end


def _not_converged(estimator: Any, result: OptimizeResult) -> str:
    lines = [
        f"lbfgs failed to converge after {estimator.n_iter_} iteration(s) "
        f"(status={result.status}):",
        f"{result.message}",
    ]
    if estimator.n_iter_ == estimator.max_iter:
        lines.append(f"More iterations may help (max_iter={estimator.max_iter}).")
    lines.append("So may inputs of about the same scale, as StandardScaler makes them.")
    return "\n".join(lines)
