"""An estimator's epochs one after the other in the compiled core."""

from __future__ import annotations

import math
import time
from typing import Any, Protocol

import numpy as np

from fastnn._common.rng import can_be_followed, followed
from fastnn._core.epoch_loop import Ending, EpochLoop, ToleranceWatch
from fastnn._core.shuffle import Shuffler
from fastnn._training.cost_watch import CostWatch
from fastnn._training.in_core import PAUSE, epochs_at_once
from fastnn.network import Network
from fastnn.schedules import knows_all_epochs
from fastnn.sklearn._row_weights import WeighingBatches
from fastnn.sklearn._rows import Core
from fastnn.sklearn._scaled import ScaledCore
from fastnn.sklearn._solver import LEAST_RATE, Solver
from fastnn.sklearn._validation import Validation

__all__ = ["InCore", "can_run_in_core"]


class Costs(Protocol):
    """From the sum of the rows' costs to the mean loss."""

    def is_for_core(self) -> bool: ...
    def divisor_and_more(self) -> tuple[float, float]: ...


class Training(Protocol):
    """A call of ``fit``, as its epochs in the core need to know it."""

    estimator: Any
    network: Network
    solver: Solver
    core: Core | ScaledCore
    validation: Validation | None
    weighing: WeighingBatches
    watch: CostWatch
    callbacks: list[Any]
    random_state: np.random.RandomState
    order: np.ndarray
    n_batches: int
    n_rows: int
    talks: bool

    @property
    def costs(self) -> Costs: ...
    def seconds(self) -> float: ...


def can_run_in_core(training: Training) -> bool:
    """Whether all that is asked for between two epochs is known to the compiled core.

    What needs Python are callbacks, what is printed, metrics of scikit-learn, schedules of a
    user's, weights of the rows that are judged, weights of 0 or below, and the preset.
    """
    estimator, validation = training.estimator, training.validation
    core = training.core
    schedule = training.solver.schedule
    return (
        isinstance(core, Core)
        and core.runs_loops()
        and not training.callbacks
        and not training.talks
        and (schedule is None or knows_all_epochs(schedule))
        and (not estimator.shuffle or can_be_followed(training.random_state))
        and (validation is None or validation.is_for_core())
        and training.costs.is_for_core()
        and not training.weighing.leaves_out
    )


class InCore:
    """Runs a training's epochs in the core, some at a time.

    Parameters
    ----------
    training : Training
        Of which ``can_run_in_core`` is true.
    """

    def __init__(self, training: Training) -> None:
        self._training, validation = training, training.validation
        self._columns = ["epoch", "learning_rate", "seconds", "training_cost"]
        self._measures = () if validation is None else validation.measures()
        if validation is not None:
            self._columns += ["validation_score", "validation_cost"]
        network = training.network
        self._trained = network.parameters, network.running_statistics
        self._best = tuple(array.copy() for array in self._trained)
        self._seconds = math.nan

    def go(self, n: int) -> bool:
        """Train up to ``n`` epochs, as many as fit into the time; return whether to stop."""
        training = self._training
        scheduled = training.solver.schedule is not None
        numbers = max(len(self._columns), training.n_batches if scheduled else 1)
        n = epochs_at_once(n, self._seconds, numbers)
        if not training.estimator.shuffle:
            return self._go(n, None)
        with followed(training.random_state) as shuffler:
            return self._go(n, shuffler)

    def _go(self, n: int, shuffler: Shuffler | None) -> bool:
        training, core = self._training, self._training.core
        estimator, limit = training.estimator, training.estimator.time_limit
        assert isinstance(core, Core)
        record, tolerance = np.empty((n, len(self._columns))), self._tolerance()
        rates = training.solver.rates_ahead(n, training.n_batches, estimator.t_, training.n_rows)
        loop = EpochLoop(
            training.order, rates, record, estimator.n_iter_, shuffler=shuffler,
            cost=training.costs.divisor_and_more(), measures=self._measures, tolerance=tolerance,
            best=tuple(zip(self._best, self._trained, strict=True)),
            seconds_left=math.inf if limit is None else limit - training.seconds(),
            part=math.inf, pause=PAUSE,
        )  # fmt: skip
        began = time.perf_counter()
        try:
            core.run_loop(training.order, rates[0], loop)
        finally:  # at Ctrl-C too
            self._take_over(tolerance)
            training.solver.epochs_end(loop.n_trained, estimator.t_, training.n_rows, tolerance)
            self._write(record[: loop.n_recorded])
        self._seconds = (time.perf_counter() - began) / max(1, loop.n_trained)
        return loop.ending != Ending.GOING

    def _tolerance(self) -> ToleranceWatch:
        estimator = self._training.estimator
        early = bool(estimator.early_stopping)
        return ToleranceWatch(
            self._columns.index("validation_score" if early else "training_cost"), early,
            float(estimator.tol), estimator.n_iter_no_change,
            estimator.best_validation_score_ if early else estimator.best_loss_,
            estimator._no_improvement_count, self._training.solver.adaptive_rate, LEAST_RATE,
        )  # fmt: skip

    def _take_over(self, tolerance: ToleranceWatch) -> None:
        estimator = self._training.estimator
        estimator._no_improvement_count = tolerance.count
        if not estimator.early_stopping:
            estimator.best_loss_ = tolerance.best
        elif tolerance.found:
            estimator.best_validation_score_ = tolerance.best
            estimator._best = self._best

    def _write(self, record: np.ndarray) -> None:
        """Write the epochs into what the estimator records."""
        if not len(record):
            return
        training, estimator = self._training, self._training.estimator
        columns = dict(zip(self._columns, record.T.copy(), strict=True))
        columns["epoch"] = columns["epoch"].astype(np.int64)
        estimator.n_iter_ += len(record)
        estimator.t_ += len(record) * training.n_rows
        estimator.loss_curve_.extend(columns["training_cost"].tolist())
        estimator.loss_ = estimator.loss_curve_[-1]
        if estimator.early_stopping:
            estimator.validation_scores_.extend(columns["validation_score"].tolist())
        estimator.history_.extend(columns)
        training.watch.observe_columns(columns)
