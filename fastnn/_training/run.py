"""One call of ``fit``: its clock, its schedules, its watches, and the epochs that follow."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from fastnn._core.epoch_options import Epoch
from fastnn._core.threads import tuner_for, work_of_batch
from fastnn._data.rows import Rows
from fastnn._monitor.plateau import HalveOnPlateau
from fastnn._training.cost_watch import CostWatch
from fastnn._training.options import Options
from fastnn._training.soundness import is_finite
from fastnn._training.summary import summary_of
from fastnn._training.trainable import Trainable
from fastnn.history import History
from fastnn.optimizers import LBFGS, AdamW

__all__ = ["DIVERGED", "Run"]

DIVERGED = (
    "the training diverged in epoch {epoch}: a parameter, a running statistic or a number of the "
    "optimizer's is no longer finite, or the cost no number. The network was put back to where "
    "that epoch began, its optimizer reset. Try a learning rate below {rate:g}, inputs scaled to "
    "about 1, or max_norm"
)


class Run:
    """One call of ``fit``: its clock, its schedules and its watches."""

    def __init__(self, network: Trainable, rows: Rows, options: Options) -> None:
        self.network, self.rows, self.options = network, rows, options
        self.state = network.training_state
        self.state.prepare(options.optimizer, network.n_parameters, network.dtype)
        if options.epochs:
            self.state.summary = None  # until this training has come to its end
        schedule = options.schedules.get("learning_rate")
        self.plateau = None
        if isinstance(schedule, HalveOnPlateau):
            self.plateau = schedule.start(self.state.plateau)
        self.stopping = options.stopping.start() if options.stopping else None
        self.watch = CostWatch(
            silent=not (network.guards_divergence and network.tells_of_divergence),
            has_rate=not isinstance(options.optimizer, LBFGS),
        )
        self.engine = network._engine.for_training()
        self._always: Epoch | None = None  # every epoch's, where nothing is scheduled
        self.batch_size = min(options.batch_size, len(rows))
        self.n_batches = -(-len(rows) // self.batch_size)
        work = work_of_batch(self.batch_size, network.n_parameters)
        self.tuner = tuner_for(options.n_threads, work)
        self.started = time.perf_counter()
        self.first_epoch = self.state.epochs

    @property
    def epochs_left(self) -> int:
        return self.options.epochs - (self.state.epochs - self.first_epoch)

    def seconds(self) -> float:
        """Return the seconds since the call began."""
        return time.perf_counter() - self.started

    def out_of_time(self) -> bool:
        limit = self.options.time_limit
        return limit is not None and self.seconds() >= limit

    def scheduled_time(self, epochs_done: float) -> float:
        """Return the time that schedules are asked for, in epochs.

        Against a time limit it runs ahead, so that it reaches the last epoch at the deadline.
        """
        limit = self.options.time_limit
        if limit is None:
            return epochs_done
        share = min(1.0, self.seconds() / limit)
        return max(epochs_done, self.first_epoch + share * self.options.epochs)

    def factor(self, what: str, at: float) -> float:
        schedule = self.options.schedules.get(what)
        if what == "learning_rate" and self.plateau is not None:
            return self.plateau(at)
        return 1.0 if schedule is None else float(schedule(at))

    def epoch(self, done: float, n_batches: int, batches_an_epoch: int) -> Epoch:
        """Return what the next ``n_batches`` are told, ``done`` epochs after the beginning."""
        if self._always is not None:
            return self._always
        told = self._scheduled_epoch(done, n_batches, batches_an_epoch)
        if not self.options.schedules:
            self._always = told
        return told

    def _scheduled_epoch(self, done: float, n_batches: int, batches_an_epoch: int) -> Epoch:
        options, at = self.options, self.scheduled_time(done)
        decay = self.factor("decay", at)
        optimizer = options.optimizer
        if isinstance(optimizer, AdamW) and decay != 1:
            optimizer = replace(optimizer, weight_decay=optimizer.weight_decay * decay)
        return Epoch(
            batch_size=self.batch_size,
            optimizer=optimizer,
            penalty=options.regularizer.scaled(decay),
            n=len(self.rows),
            rates=self.rates(at, n_batches, batches_an_epoch),
            slots=self.state.slots,
            seed=self.network.dropout_seed(),
            counter=self.state.counter,
            masks=self.state.masks,
            dropout_factor=self.factor("dropout", at),
            with_cost=options.with_cost,
            tuner=self.tuner,
        )

    def rates(self, at: float, n_batches: int, batches_an_epoch: int) -> np.ndarray:
        """Return the learning rates of the next ``n_batches``, one or one each, from ``at`` on."""
        rate = self.options.learning_rate
        if "learning_rate" not in self.options.schedules or self.plateau is not None:
            return np.array([rate * self.factor("learning_rate", at)])
        shares = np.arange(n_batches) / batches_an_epoch
        return np.array([rate * self.factor("learning_rate", at + share) for share in shares])

    def parts(self, order: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the epoch whole or, against a deadline, in parts that stay short beside it."""
        limit, size = self.options.time_limit, self.options.batch_size
        if limit is None:
            yield order
            return
        start, batches = 0, 1
        while start < len(order) and not (start and self.out_of_time()):
            began = time.perf_counter()
            yield order[start : start + batches * size]
            start += batches * size
            if time.perf_counter() - began < limit / 200:
                batches *= 2

    def run_epoch(self, order: np.ndarray) -> tuple[float, float]:
        """Run one epoch, or what the deadline leaves of it; return its mean cost and last rate."""
        size, rate = self.options.batch_size, self.options.learning_rate
        cost, n_rows = 0.0, 0
        batches_an_epoch = -(-len(order) // size)
        done = float(self.state.epochs)
        for part in self.parts(order):
            n_batches = -(-len(part) // size)
            epoch = self.epoch(done, n_batches, batches_an_epoch)
            part_cost = self.engine.epoch(self.network, self.rows, part, epoch)
            done += n_batches / batches_an_epoch
            cost, n_rows, rate = cost + part_cost, n_rows + len(part), float(epoch.rates[-1])
        self.state.epochs += 1
        return cost / max(1, n_rows), rate

    def is_sound(self, costs: float | np.ndarray) -> bool:
        """Whether training can go on: an infinite cost may come down again, NaN does not."""
        no_cost_is_nan = not self.options.with_cost or not np.isnan(costs).any()
        return no_cost_is_nan and is_finite(self.network)

    def penalty(self) -> float:
        """Return the penalty of the weights as they are."""
        regularizer = self.options.regularizer
        if not (regularizer.l1 or regularizer.l2):
            return 0.0  # without making views of the weights, which takes longer than a small epoch
        return regularizer.penalty(self.network.weights, len(self.rows))

    def end(self, history: History) -> None:
        """Put the network back to its best epoch, if that was asked for, and say what is left."""
        best = None
        if self.stopping is not None and self.stopping.best_snapshot is not None:
            self.network.restore(self.stopping.best_snapshot)
            best = self.stopping.best_epoch
        if self.options.epochs:
            self.state.summary = summary_of(history, len(self.rows), best)
        self.watch.tell()

    def should_stop(self, history: History) -> bool:
        row = history[-1]
        stop = self.out_of_time()
        if self.plateau is not None:
            stop |= self.plateau.observe(row)
            self.state.plateau = self.plateau.state()
        if self.stopping is not None:
            stop |= self.stopping.observe(row, self.network.snapshot)
        return stop
