"""The stochastic solvers' epochs: order → core → loss → validation → stop?"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning, UndefinedMetricWarning

from fastnn._common.rng import shuffle_as_numpy
from fastnn._core.threads import tuner_for, work_of_batch
from fastnn._training.cost_watch import CostWatch
from fastnn._training.interruption import check
from fastnn._training.progress import Bar, epoch_bar
from fastnn.history import History
from fastnn.network import Network
from fastnn.sklearn._in_core import InCore, can_run_in_core
from fastnn.sklearn._losses import Loss
from fastnn.sklearn._row_weights import WeighingBatches
from fastnn.sklearn._rows import Core, Rows
from fastnn.sklearn._scaled import ScaledCore
from fastnn.sklearn._solver import Solver
from fastnn.sklearn._validation import Validation

Callback = Callable[[Any, History], object]


def check_batch_size(batch_size: Any, n: int, needs_all: bool, automatic: int = 200) -> int:
    """Return the rows of a mini-batch; ``automatic`` are those of "auto".

    Raises
    ------
    ValueError
        If the solver needs all rows and fewer are asked for.

    Warns
    -----
    UserWarning
        If there are fewer rows than that.
    """
    if isinstance(batch_size, str):  # "auto"
        return n if needs_all else min(automatic, n)
    if needs_all and batch_size < n:
        raise ValueError(
            f"batch_size: this solver needs all {n} rows in one mini-batch, got {batch_size}"
        )
    if batch_size > n:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
            stacklevel=2,
        )
    return int(np.clip(batch_size, 1, n))


class _Costs:
    """From the sum that the core returns to the mean loss of an epoch."""

    def __init__(self, loss: Loss, rows: Rows, batch_size: int) -> None:
        self._divisor, self._rows = loss.divisor(rows.Y.shape[1]), rows
        self._constants = loss.constants(rows.Y)
        self._batch_size = batch_size
        # Weights change what a row counts within its mini-batch: then the order matters.
        self._ordered = len(rows.row_weights) > 0 and bool(self._constants.any())
        self._sum = float(self._constants.sum())

    def is_for_core(self) -> bool:
        """Whether the mean follows from the sum, whatever the order was."""
        return not self._ordered

    def divisor_and_more(self) -> tuple[float, float]:
        """Return what the sum is divided by, and what is then added to it."""
        return float(self._divisor), self._sum

    def mean(self, cost: float, order: np.ndarray) -> float:
        """Return it for an epoch over the rows in ``order``."""
        more, n = self._sum, len(order)
        if self._ordered:
            starts = np.arange(0, n, self._batch_size)
            sizes = np.minimum(self._batch_size, n - starts)
            weights = self._rows.row_weights[order].astype(np.float64)
            parts = np.add.reduceat(weights * self._constants[order], starts)
            more = float(sizes @ (parts / np.add.reduceat(weights, starts)))
        return (cost / self._divisor + more) / n


class Training:
    """One call of ``fit``, or one epoch of ``partial_fit``.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        With its network shown; told of each epoch.
    network : Network
    solver : Solver
    loss : Loss
    rows : Rows
    random_state : RandomState
        Of the order of the rows, and of dropout.
    validation : Validation, optional
    callbacks : list of callables
    """

    def __init__(
        self, estimator: Any, network: Network, solver: Solver, loss: Loss, rows: Rows,
        batch_size: int, random_state: np.random.RandomState, validation: Validation | None,
        callbacks: list[Callback],
    ) -> None:  # fmt: skip
        self.estimator, self.network, self.solver = estimator, network, solver
        self.random_state, self.validation = random_state, validation
        self.callbacks, self._rows = callbacks, rows
        tuner = tuner_for(estimator.n_threads, work_of_batch(batch_size, network.n_parameters))
        self.core: Core | ScaledCore
        if estimator.preset is None:
            seed = _mask_seed(network, random_state)
            self.core = Core(network, loss, rows, batch_size, solver, seed, tuner)
        else:
            self.core = ScaledCore(estimator, network, loss, rows, batch_size, solver.counter)
        self.costs = _Costs(loss, rows, batch_size)
        self.weighing = WeighingBatches(rows.row_weights, batch_size)
        self.watch = CostWatch()
        self.n_batches = -(-len(rows) // batch_size)
        self.order = np.arange(len(rows), dtype=np.intp)
        self.talks = bool(estimator.verbose) and estimator.verbose != "progress"
        self.n_rows = len(rows)
        self._began = time.perf_counter()

    def seconds(self) -> float:
        """Return the seconds since it began."""
        return time.perf_counter() - self._began

    def run(self, max_epochs: int, one_of_many: bool) -> None:
        """Train; ``one_of_many`` is an epoch of ``partial_fit``, which warns of no end."""
        self._run(max_epochs, one_of_many)
        if np.isfinite(self.network.parameters).all():  # else it is an error
            self.watch.tell()

    def _run(self, max_epochs: int, one_of_many: bool) -> None:
        estimator = self.estimator
        estimator.n_iter_ = 0
        try:
            stopped = self._epochs(1 if one_of_many else max_epochs, max_epochs)
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=2)
            return
        if stopped:
            return
        if not one_of_many and estimator.preset is None:  # a preset takes them all
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({max_epochs}) "
                "reached and the optimization hasn't converged yet.",
                ConvergenceWarning,
                stacklevel=2,
            )

    def _epochs(self, n: int, shown: int) -> bool:
        """Train ``n`` epochs of as many as are ``shown``; return whether something stopped them."""
        estimator = self.estimator
        with epoch_bar(shown, estimator.verbose == "progress") as bar:
            if can_run_in_core(self):
                return self._epochs_in_core(n, bar)
            for _ in range(n):
                stop = self._epoch()
                bar.update(estimator.history_[-1])
                if stop:
                    return True
                check()
        return False

    def _epochs_in_core(self, n: int, bar: Bar) -> bool:
        history, core = self.estimator.history_, InCore(self)
        end = len(history) + n
        while len(history) < end:
            shown = len(history)
            stop = core.go(end - shown)
            if bar.visible and len(history) > shown:
                bar.update(history[-1], len(history) - shown)
            if stop:
                return True
            check()
        return False

    def _next_order(self) -> np.ndarray:
        """Shuffle the order of the epoch before, with scikit-learn's draws."""
        if self.estimator.shuffle:
            shuffle_as_numpy(self.order, self.random_state)
        return self.order

    def _epoch(self) -> bool:
        """Train one epoch and return whether to stop."""
        estimator, solver = self.estimator, self.solver
        started = time.perf_counter()
        order, rates = self.weighing.of(self._next_order(), solver.rates(self.n_batches))
        cost = self.core.epoch(order, rates)
        loss = self.costs.mean(cost, order)
        seconds = time.perf_counter() - started
        estimator.n_iter_ += 1
        estimator.loss_ = loss
        estimator.t_ += len(order)
        estimator.loss_curve_.append(loss)
        row = {
            "epoch": estimator.n_iter_,
            "learning_rate": float(rates[-1]),
            "seconds": seconds,
            "training_cost": loss,
        }
        if self.talks:
            print(f"Iteration {estimator.n_iter_}, loss = {loss:.8f}")
        if self.validation is not None:
            row["validation_score"], row["validation_cost"] = self.validation.observe()
        estimator.history_.append(row)
        self.watch.observe(row)
        self._count_improvement(row)
        solver.epoch_ends(estimator.t_)
        return self._should_stop()

    def _count_improvement(self, row: dict[str, Any]) -> None:
        """Count the epochs that were no better by ``tol``, as scikit-learn does."""
        estimator = self.estimator
        if not estimator.early_stopping:
            # A loss that is no number is not worse: training may come back from it.
            worse = row["training_cost"] > estimator.best_loss_ - estimator.tol
            estimator.best_loss_ = min(estimator.best_loss_, row["training_cost"])
        else:
            score = row["validation_score"]
            if self.talks:
                print(f"Validation score: {score:f}")
            estimator.validation_scores_.append(score)
            worse = score < estimator.best_validation_score_ + estimator.tol
            best = estimator.best_validation_score_
            if estimator.stopping_metric is not None and best > -np.inf:
                worse |= bool(np.isnan(score))  # no better; scikit-learn has no such metrics
            # Of equals scikit-learn keeps the first, the preset the last.
            if score > best or (score == best and estimator.preset is not None):
                estimator.best_validation_score_ = score
                estimator._best = _state_of(self.network)
        estimator._no_improvement_count = estimator._no_improvement_count + 1 if worse else 0

    def _should_stop(self) -> bool:
        estimator = self.estimator
        # Every callback hears of the epoch, even if an earlier one stops.
        answers = [callback(estimator, estimator.history_) for callback in self.callbacks]
        limit = estimator.time_limit
        stop = any(answers) or (limit is not None and self.seconds() >= limit)
        if estimator._no_improvement_count > estimator.n_iter_no_change:
            stop |= self._gives_up()
        return stop

    def _gives_up(self) -> bool:
        """Return whether to stop now that nothing improves; if not, the count starts anew."""
        estimator = self.estimator
        stop, text = self.solver.gives_up()
        if self.talks:
            what = "Validation score" if estimator.early_stopping else "Training loss"
            print(
                f"{what} did not improve more than tol={estimator.tol:f} for "
                f"{estimator.n_iter_no_change} consecutive epochs. {text}"
            )
        if not stop:
            estimator._no_improvement_count = 0
        return stop


def _mask_seed(network: Network, random_state: np.random.RandomState) -> int:
    """Return the seed of the dropout masks: drawn once, for a network's masks are not to return."""
    if not any(each.rate for each in network.dropout):
        return 0
    state = network.training_state
    if state.seed is None:
        state.seed = int(random_state.randint(np.iinfo(np.int32).max))
    return state.seed


def _state_of(network: Network) -> tuple[np.ndarray, np.ndarray]:
    """Return copies of the parameters and the running statistics."""
    return network.parameters.copy(), network.running_statistics.copy()


def restore_best(estimator: Any, network: Network, validation: Validation) -> None:
    """Put the network back to the epoch that early stopping found best.

    Warns
    -----
    UndefinedMetricWarning
        If no score was a finite number; the network then stays as it is.
    """
    scores = estimator.validation_scores_
    if scores and estimator.best_validation_score_ == -np.inf:
        warnings.warn(
            f"early_stopping had nothing to go by: none of {len(scores)} validation scores is a "
            f"finite number (the last one is {scores[-1]}), since {validation.why_no_score()}. No "
            "epoch was the best one, and the network is as the last one left it. More rows to "
            "judge by (validation_fraction, validation_data) or another stopping_metric may help.",
            UndefinedMetricWarning,
            stacklevel=2,
        )
        return
    network.parameters[...], network.running_statistics[...] = estimator._best
