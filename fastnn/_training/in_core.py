"""Epoch after epoch in the compiled core, where nobody in Python is asked between them."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np

from fastnn._common.rng import can_be_followed, followed
from fastnn._core.epoch_loop import Ending, EpochLoop, Watch
from fastnn._core.epoch_options import Epoch
from fastnn._core.judge import Judge, Measure
from fastnn._core.shuffle import Shuffler
from fastnn._monitor.best_epoch import Best
from fastnn._monitor.plateau import HalveOnPlateau
from fastnn._training.evaluation import Judgement
from fastnn._training.options import Callback, Measures, Options
from fastnn._training.run import Run
from fastnn.history import History
from fastnn.schedules import knows_all_epochs
from fastnn.stopping import EarlyStopping

__all__ = ["InCore", "can_run_in_core"]

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
        self._judgements = cast("Mapping[str, Judgement]", measures)
        self._measures = _measures(list(self._judgements.values()))
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
        run, options = self._run, self._run.options
        # The seed of the dropout masks is drawn once, after the first order.
        is_first = options.shuffle and run.network.needs_dropout_seed
        if is_first:
            run.network.random_source.shuffle(order)
        epoch = run.epoch(float(run.state.epochs), run.n_batches, run.n_batches)
        rates = self._rates(epoch)
        if options.shuffle:
            with followed(run.network.random_source) as shuffler:
                return self._go(order, epoch, rates, shuffler, is_first, history)
        return self._go(order, epoch, rates, None, False, history)

    def rate_of_diverged(self) -> float:
        """Return the last learning rate of the epoch that diverged."""
        return self._rate

    def stand_back(self) -> None:
        """Put the network back to where the epoch that diverged began."""
        assert self._standing is not None
        self._run.network.stand_at(self._standing)

    def _n_epochs(self) -> int:
        """Return how many epochs may be run at once; the clock will end them before."""
        schedules, left = self._run.options.schedules, self._run.epochs_left
        if not schedules.keys() <= {"learning_rate"}:
            return 1  # another dropout rate or penalty is another plan
        if math.isnan(self._seconds):
            likely = FIRST_EPOCHS
        else:
            likely = 1 + int(2 * PAUSE / max(self._seconds, 1e-9))
        numbers = max(len(self._columns), self._run.n_batches if schedules else 1)
        return max(1, min(left, likely, MOST_NUMBERS // numbers))

    def _rates(self, epoch: Epoch) -> np.ndarray:
        """Return the learning rates, (1, 1) or one a row for each epoch."""
        run, n = self._run, self._n_epochs()
        self._record = np.empty((n, len(self._columns)))
        if "learning_rate" not in run.options.schedules or run.plateau is not None:
            return epoch.rates[np.newaxis]
        first = run.state.epochs
        later = [run.rates(float(first + e), run.n_batches, run.n_batches) for e in range(1, n)]
        return np.array([epoch.rates, *later])

    def _go(
        self,
        order: np.ndarray,
        epoch: Epoch,
        rates: np.ndarray,
        shuffler: Shuffler | None,
        takes_order: bool,
        history: History,
    ) -> Ending:
        run, options, network = self._run, self._run.options, self._run.network
        stopping, plateau = run.stopping, run.plateau
        stops = None if stopping is None else self._watch(stopping.seen, stopping.rule.patience)
        halves = None if plateau is None else self._watch(plateau.seen, plateau.rule.patience)
        limit = options.time_limit
        loop = EpochLoop(
            order, rates, self._record, run.state.epochs - run.first_epoch, shuffler=shuffler,
            fresh=options.fresh_order, takes_order=takes_order, with_cost=options.with_cost,
            penalty=(options.regularizer.l1, options.regularizer.l2, float(len(run.rows))),
            measures=self._measures, standing=self._pairs_of_standing(),
            stopping=stops, best=self._pairs_of_best(), plateau=halves,
            halving=self._halving(), cuts=0 if plateau is None else plateau.cuts,
            seconds_left=math.inf if limit is None else limit - run.seconds(),
            part=0.0 if limit is None else limit / 200, pause=PAUSE,
        )  # fmt: skip
        began = time.perf_counter()
        try:
            run.engine.run_loop(network, run.rows, order, epoch, loop)
        finally:  # at Ctrl-C too
            self._take_over(loop, stops, halves)
            self._write(loop.n_recorded, history)
        self._seconds = (time.perf_counter() - began) / max(1, loop.n_trained)
        return Ending(loop.ending)

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

    def _watch(self, best: Best, patience: int) -> Watch:
        column = self._columns.index(best.monitor)
        seen = best.value, best.epoch, best.waited
        return Watch(column, best.larger, best.min_delta, patience, *seen)

    def _halving(self) -> tuple[float, float, float]:
        plateau = self._run.plateau
        if plateau is None:
            return 0.0, 0.0, 0.0
        return self._run.options.learning_rate, float(plateau.rule.factor), plateau.rule.until

    def _take_over(self, loop: EpochLoop, stops: Watch | None, halves: Watch | None) -> None:
        """Let the rules go on from where the core has led."""
        run = self._run
        run.state.epochs += loop.n_trained
        if run.stopping is not None and stops is not None:
            before = run.stopping.seen.epoch
            run.stopping.seen.resume(*stops.state())
            if run.stopping.seen.epoch != before:
                run.stopping.best_snapshot = self._best
        if run.plateau is not None and halves is not None:
            run.plateau.seen.resume(*halves.state())
            run.plateau.cuts = loop.cuts
            if loop.n_recorded:
                run.state.plateau = run.plateau.state()

    def _write(self, n: int, history: History) -> None:
        """Write the first ``n`` epochs of the record into the history."""
        if n < len(self._record):
            self._rate = float(self._record[n, 1])
        if n == 0:
            return
        columns = dict(zip(self._columns, self._record[:n].T.copy(), strict=True))
        counts = ["epoch"]
        counts += [k for k, each in self._judgements.items() if each.measure == Measure.N_CORRECT]
        for name in counts:
            columns[name] = columns[name].astype(np.int64)
        history.extend(columns)
        self._run.watch.observe_columns(columns)


def _measures(judgements: list[Judgement]) -> tuple[tuple[Judge, int, float, float], ...]:
    """Return the measures as the core takes them; those of the same rows share a judge."""
    judges: dict[int, Judge] = {}
    found = []
    for each in judgements:
        # An R² needs to know its targets' spread.
        judge = judges.get(id(each.rows))
        if judge is None or each.measure == Measure.R2:
            judge = judges[id(each.rows)] = each.judge()
        found.append((judge, int(each.measure), each.regularizer.l1, each.regularizer.l2))
    return tuple(found)
