"""Epoch after epoch in the compiled core, where nobody in Python is asked between them."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import cast

import numpy as np

from fastnn._common.rng import can_be_followed, followed
from fastnn._core.epoch_loop import Column, Ending, EpochLoop, Watch
from fastnn._core.epoch_options import Epoch
from fastnn._core.judge import Judge, Measure
from fastnn._core.shuffle import Shuffler
from fastnn._monitor.plateau import HalveOnPlateau, PlateauWatch
from fastnn._training.evaluation import Judgement, squares_about_mean
from fastnn._training.options import Callback, Measures, Options
from fastnn._training.run import Run
from fastnn.history import History
from fastnn.schedules import knows_all_epochs
from fastnn.stopping import EarlyStopping, StoppingWatch

__all__ = ["PAUSE", "InCore", "can_run_in_core", "epochs_at_once"]

# Seconds after which the core comes back to Python, at an epoch's end: signals are handled there,
# a progress bar is drawn, and other threads see what was recorded.
PAUSE = 0.1
# Epochs of the first call, when nobody knows yet how long one takes; and numbers of its arrays.
FIRST_EPOCHS, MOST_NUMBERS = 1000, 500_000

# Arrays to copy into and from.
Pairs = tuple[tuple[np.ndarray, np.ndarray], ...]


def can_run_in_core(run: Run, measures: Measures, callbacks: Sequence[Callback]) -> bool:
    """Whether all that a training asks for between two epochs is known to the compiled core.

    It is the one place that decides. What needs Python are callbacks, a user's own metrics, costs,
    schedules, rules and sources of random numbers; a schedule that goes by the clock, as all do
    against a time limit; and engines that are not the compiled one.
    """
    options = run.options
    return (
        not callbacks
        and all(type(each) is Judgement for each in measures.values())
        and run.engine.runs_loops(run.network, run.batch_size)
        and _knows_schedules(options)
        and type(options.stopping) in (EarlyStopping, type(None))
        and (not options.shuffle or can_be_followed(run.network.random_source))
    )


def _knows_schedules(options: Options) -> bool:
    for what, schedule in options.schedules.items():
        halves = type(schedule) is HalveOnPlateau and what == "learning_rate"
        if not (halves or (knows_all_epochs(schedule) and options.time_limit is None)):
            return False
    return True


def epochs_at_once(left: int, seconds: float, numbers: int) -> int:
    """Return how many epochs to ask the core for, which the clock will end before.

    Parameters
    ----------
    left : int
        Epochs of the training.
    seconds : float
        An epoch has taken; NaN: nobody knows.
    numbers : int
        That each has in the longest array.
    """
    likely = FIRST_EPOCHS if math.isnan(seconds) else 1 + int(2 * PAUSE / max(seconds, 1e-9))
    return max(1, min(left, likely, MOST_NUMBERS // numbers))


class InCore:
    """Runs a training's epochs in the core, some at a time.

    Parameters
    ----------
    run : Run
        The call of ``fit``, of which ``can_run_in_core`` is true.
    measures : mapping of str to Judgement
        What to record after each epoch.
    """

    def __init__(self, run: Run, measures: Measures) -> None:
        self._run, network = run, run.network
        self._columns = ["epoch", "learning_rate", "seconds"]
        if run.options.with_cost:
            self._columns.append("training_cost")
        self._columns += measures
        judgements = cast("Mapping[str, Judgement]", measures)
        self._measures = _measures(list(judgements.values()))
        correct = [k for k, each in judgements.items() if each.measure == Measure.N_CORRECT]
        self._counts = ["epoch", *correct]
        self._standing = network.standing() if network.guards_divergence else None
        self._best: tuple[np.ndarray, ...] | None = None
        self._seconds = math.nan  # of an epoch

    def go(self, order: np.ndarray, history: History) -> Ending:
        """Run the next epochs and write them into ``history``; return why it came back.

        Raises
        ------
        KeyboardInterrupt
            At Ctrl-C; the network then stands at its last finished mini-batch.
        """
        run, shuffles = self._run, self._run.options.shuffle
        # The seed of the dropout masks is drawn once, after the first order.
        takes_order = shuffles and run.network.needs_dropout_seed
        if takes_order:
            run.network.random_source.shuffle(order)
        epoch = run.epoch(float(run.state.epochs), run.n_batches, run.n_batches)
        n = self._n_epochs()
        rates, record = self._rates(epoch, n), np.empty((n, len(self._columns)))
        began = time.perf_counter()
        with followed(run.network.random_source) if shuffles else nullcontext() as shuffler:
            loop = self._loop(order, rates, record, shuffler, takes_order)
            try:
                run.engine.run_loop(run.network, run.rows, order, epoch, loop)
            finally:  # at Ctrl-C too
                self._take_over(loop)
                self._write(record, loop.n_recorded, history)
        self._seconds = (time.perf_counter() - began) / max(1, loop.n_trained)
        return Ending(loop.ending)

    def rate_of_diverged(self) -> float:
        """Return the last learning rate of the epoch that diverged."""
        return self._rate

    def stand_back(self) -> None:
        """Put the network back to where the epoch that diverged began."""
        assert self._standing is not None
        self._run.network.stand_at(self._standing)

    def _n_epochs(self) -> int:
        """Return how many epochs to ask the core for."""
        schedules = self._run.options.schedules
        if not schedules.keys() <= {"learning_rate"}:
            return 1  # another dropout rate or penalty is another plan
        numbers = max(len(self._columns), self._run.n_batches if schedules else 1)
        return epochs_at_once(self._run.epochs_left, self._seconds, numbers)

    def _rates(self, epoch: Epoch, n: int) -> np.ndarray:
        """Return the learning rates of ``n`` epochs, a row each, or one row of all."""
        run = self._run
        if "learning_rate" not in run.options.schedules or run.plateau is not None:
            return epoch.rates[np.newaxis]
        first = run.state.epochs
        later = [run.rates(float(first + e), run.n_batches, run.n_batches) for e in range(1, n)]
        return np.array([epoch.rates, *later])

    def _loop(
        self,
        order: np.ndarray,
        rates: np.ndarray,
        record: np.ndarray,
        shuffler: Shuffler | None,
        takes_order: bool,
    ) -> EpochLoop:
        run, options = self._run, self._run.options
        plateau, limit = run.plateau, options.time_limit
        self._stops = _watch(run.stopping, self._columns)
        self._halves = _watch(plateau, self._columns)
        halving = (0.0, 0.0, 0.0)
        if plateau is not None:
            halving = options.learning_rate, float(plateau.rule.factor), plateau.rule.until
        return EpochLoop(
            order, rates, record, run.state.epochs - run.first_epoch, shuffler=shuffler,
            fresh=options.fresh_order, takes_order=takes_order, with_cost=options.with_cost,
            penalty=(options.regularizer.l1, options.regularizer.l2, float(len(run.rows))),
            measures=self._measures, standing=self._pairs_of_standing(), stopping=self._stops,
            best=self._pairs_of_best(), plateau=self._halves, halving=halving,
            cuts=0 if plateau is None else plateau.cuts,
            seconds_left=math.inf if limit is None else limit - run.seconds(),
            part=0.0 if limit is None else limit / 200, pause=PAUSE,
        )  # fmt: skip

    # What the loop in the core goes by, and back.

    def _pairs_of_standing(self) -> Pairs | None:
        if self._standing is None:
            return None
        network = self._run.network
        return tuple(zip(self._standing, (network._parameters, network._running), strict=True))

    def _pairs_of_best(self) -> Pairs:
        stopping, network = self._run.stopping, self._run.network
        if stopping is None or not stopping.rule.restore_best:
            return ()
        if self._best is None:
            self._best = network.snapshot()
        return tuple(zip(self._best, network.trained_arrays(), strict=True))

    def _take_over(self, loop: EpochLoop) -> None:
        """Let the rules go on from where the core has led."""
        run = self._run
        run.state.epochs += loop.n_trained
        if run.stopping is not None and self._stops is not None:
            before = run.stopping.seen.epoch
            run.stopping.seen.resume(*self._stops.state())
            if run.stopping.seen.epoch != before:
                run.stopping.best_snapshot = self._best
        if run.plateau is not None and self._halves is not None:
            run.plateau.seen.resume(*self._halves.state())
            run.plateau.cuts = loop.cuts
            if loop.n_recorded:
                run.state.plateau = run.plateau.state()

    def _write(self, record: np.ndarray, n: int, history: History) -> None:
        """Write the first ``n`` epochs of the record into the history."""
        if n < len(record):
            self._rate = float(record[n, Column.LEARNING_RATE])
        if n == 0:
            return
        columns = dict(zip(self._columns, record[:n].T.copy(), strict=True))
        for name in self._counts:
            columns[name] = columns[name].astype(np.int64)
        history.extend(columns)
        self._run.watch.observe_columns(columns)


def _watch(watch: StoppingWatch | PlateauWatch | None, columns: list[str]) -> Watch | None:
    """Return what goes on in the core from what a rule has seen."""
    if watch is None:
        return None
    seen, patience = watch.seen, watch.rule.patience
    column = columns.index(seen.monitor)
    state = seen.value, seen.epoch, seen.waited
    return Watch(column, seen.larger, seen.min_delta, patience, *state)


def _measures(judgements: list[Judgement]) -> tuple[tuple[Judge, int, float, float], ...]:
    """Return the measures as the core takes them; those of the same rows share a judge."""
    of_r2 = {id(each.rows) for each in judgements if each.measure == Measure.R2}
    judges: dict[int, Judge] = {}
    found = []
    for each in judgements:
        rows, network = each.rows, each.network
        if id(rows) not in judges:
            spread = squares_about_mean(rows.Y) if id(rows) in of_r2 else 0.0
            judges[id(rows)] = network._engine.judge(network, rows, spread)
        penalty = each.regularizer.l1, each.regularizer.l2
        found.append((judges[id(rows)], int(each.measure), *penalty))
    return tuple(found)
