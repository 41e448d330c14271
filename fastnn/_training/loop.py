"""The epoch loop: Python owns the epochs, the compiled core owns each one.

schedule → order → epoch → measure → record → stop?
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._common.checks import check_whole
from fastnn._common.soundness import is_finite
from fastnn._core.atomic import alone
from fastnn._core.thread_tuner import Pace
from fastnn._core.threads import pace_of, training, work_of_batch
from fastnn._data.rows import Rows
from fastnn._training.cost_watch import CostWatch, warn_caller
from fastnn._training.progress import epoch_bar
from fastnn._training.unattended import Ahead
from fastnn.history import History
from fastnn.initializers import LSUV
from fastnn.optimizers import LBFGS, SGD, AdamW, Optimizer
from fastnn.regularizers import Regularizer
from fastnn.schedules import HalveOnPlateau
from fastnn.stopping import EarlyStopping

if TYPE_CHECKING:
    from fastnn._model.model import Model

__all__ = ["Callback", "Epoch", "Options", "TrainingState", "train"]

# Called after each epoch with the network and what was recorded; a true answer stops.
Callback = Callable[[Any, History], object]
# Called after each epoch; the number goes into the history under the measure's name.
Measures = Mapping[str, Callable[[], float]]
SCHEDULED = ("learning_rate", "dropout", "decay")

DIVERGED = (
    "the training diverged in epoch {epoch}: a parameter, a running statistic or a number of the "
    "optimizer's is no longer finite, or the cost no number. The network was put back to where "
    "that epoch began, its optimizer reset. Try a learning rate below {rate:g}, inputs scaled to "
    "about 1, or max_norm"
)

BUSY = (
    "fit: another thread is training this network, and the steps of both would mix. Wait until it "
    "is through, or train a copy: copy.deepcopy(network)"
)


@dataclass(frozen=True)
class Options:
    """How to train: what ``fit`` and ``SGD`` were told, already checked."""

    epochs: int
    batch_size: int
    learning_rate: float
    regularizer: Regularizer
    optimizer: Optimizer = field(default_factory=SGD)
    schedules: Mapping[str, Any] = field(default_factory=dict)
    stopping: EarlyStopping | None = None
    shuffle: bool = True
    # Whether each epoch shuffles the rows as they came, which an interrupted training can repeat,
    # and not the order of the epoch before, as the book does.
    fresh_order: bool = False
    with_cost: bool = True
    time_limit: float | None = None
    n_threads: int | None = None
    progress: bool = False


@dataclass(frozen=True)
class Epoch:
    """What the arithmetic of one epoch, or of a part of it, is told.

    Attributes
    ----------
    batch_size : int
    optimizer : Optimizer
    penalty : Regularizer
    n : int
        Size of the training set, which scales the penalty.
    rates : float64 array (1,) or (n_batches,)
        Learning rates.
    slots : array (optimizer.n_slots, n_parameters) or (0, 0)
        The optimizer's state.
    seed : int
        Of the dropout masks.
    counter : uint64 array (1,)
        Steps taken before; every step adds one.
    masks : uint64 array (1,)
        Dropout masks drawn before; every step adds one here too.
    dropout_factor : float
    with_cost : bool
    pace : Pace
        How many threads share the work; the numbers are the same for any.
    kept : dict
        What the arithmetic keeps from one epoch of a training to the next.
    seconds : array (10,) or (0,)
        Where the compiled core adds the time of its phases, if there is room.
    """

    batch_size: int
    optimizer: Optimizer
    penalty: Regularizer
    n: int
    rates: np.ndarray
    slots: np.ndarray
    counter: np.ndarray
    masks: np.ndarray = field(default_factory=lambda: np.zeros(1, dtype=np.uint64))
    seed: int = 0
    dropout_factor: float = 1.0
    with_cost: bool = False
    pace: Pace = field(default_factory=lambda: Pace(1))
    kept: dict[str, Any] = field(default_factory=dict)
    seconds: np.ndarray = field(default_factory=lambda: np.empty(0))


@dataclass
class TrainingState:
    """What goes on from one ``fit`` to the next, and is saved with the network.

    Attributes
    ----------
    optimizer : Optimizer or None
        Whose state ``slots`` is; another one starts anew.
    slots : array (optimizer.n_slots, n_parameters) or (0, 0)
    counter : uint64 array (1,)
        Steps taken with this optimizer; the core counts on in it, so that it is right after Ctrl-C.
    epochs : int
        Ended with this optimizer.
    masks : uint64 array (1,)
        Dropout masks drawn by this network, one a step. It never goes back, whatever happens to the
        optimizer or the parameters: each mask is a function of it and the seed, and would return.
    seed : int or None
        Of the dropout masks.
    plateau : dict or None
        Where ``HalveOnPlateau`` stands.
    initializer : LSUV or None
        What has yet to scale the weights by the first data.
    """

    optimizer: Optimizer | None = None
    slots: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    counter: np.ndarray = field(default_factory=lambda: np.zeros(1, dtype=np.uint64))
    epochs: int = 0
    masks: np.ndarray = field(default_factory=lambda: np.zeros(1, dtype=np.uint64))
    seed: int | None = None
    plateau: dict[str, Any] | None = None
    initializer: LSUV | None = None

    @property
    def steps(self) -> int:
        """Steps taken with this optimizer."""
        return int(self.counter[0])

    @steps.setter
    def steps(self, value: int) -> None:
        self.counter[0] = check_whole(value, "steps", 0)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if "masks" not in state:  # pickled when the steps told the masks apart
            self.masks = self.counter.copy()

    def forget(self) -> None:
        """Let the optimizer start anew."""
        self.slots[...] = 0
        self.steps = 0

    def prepare(self, optimizer: Optimizer, n_parameters: int, dtype: np.dtype) -> None:
        """Make room for ``optimizer``, keeping the state if it is the same as before."""
        if optimizer == self.optimizer:
            return
        rows = optimizer.n_slots
        self.optimizer = None  # until all is its own: Ctrl-C must not leave it another's state
        self.slots = np.zeros((rows, n_parameters if rows else 0), dtype=dtype)
        self.steps = self.epochs = 0
        self.plateau = None
        self.optimizer = optimizer


class _Run:
    """One call of ``fit``: its clock, its schedules and its watches."""

    def __init__(self, network: Model, rows: Rows, options: Options) -> None:
        self.network, self.rows, self.options = network, rows, options
        self.state = network.training_state
        self.state.prepare(options.optimizer, network.n_parameters, network.dtype)
        schedule = options.schedules.get("learning_rate")
        self.plateau = None
        if isinstance(schedule, HalveOnPlateau):
            self.plateau = schedule.start(self.state.plateau)
        self.stopping = options.stopping.start() if options.stopping else None
        self.watch = CostWatch(
            silent=not (network.guards_divergence and network.tells_of_divergence),
            has_rate=not isinstance(options.optimizer, LBFGS),
        )
        self.kept: dict[str, Any] = {}
        self._always: Epoch | None = None  # every epoch's, where nothing is scheduled
        work = work_of_batch(min(options.batch_size, len(rows)), network.n_parameters)
        self.pace = pace_of(options.n_threads, work)
        self.started = time.perf_counter()
        self.first_epoch = self.state.epochs

    def out_of_time(self) -> bool:
        limit = self.options.time_limit
        return limit is not None and time.perf_counter() - self.started >= limit

    def scheduled_time(self, epochs_done: float) -> float:
        """Return the time that schedules are asked for, in epochs.

        Against a time limit it runs ahead, so that it reaches the last epoch at the deadline.
        """
        limit = self.options.time_limit
        if limit is None:
            return epochs_done
        share = min(1.0, (time.perf_counter() - self.started) / limit)
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
        constant = "learning_rate" not in options.schedules or self.plateau is not None
        shares = np.arange(1 if constant else n_batches) / batches_an_epoch
        rates = [options.learning_rate * self.factor("learning_rate", at + s) for s in shares]
        return Epoch(
            batch_size=options.batch_size,
            optimizer=optimizer,
            penalty=options.regularizer.scaled(decay),
            n=len(self.rows),
            rates=np.array(rates),
            slots=self.state.slots,
            seed=self.network.dropout_seed(),
            counter=self.state.counter,
            masks=self.state.masks,
            dropout_factor=self.factor("dropout", at),
            with_cost=options.with_cost,
            pace=self.pace,
            kept=self.kept,
        )

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
            part_cost = self.network._train_epoch(self.rows, part, epoch)
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

    def restore_best(self) -> None:
        """Put the network back to its best epoch, if that was asked for."""
        if self.stopping is not None and self.stopping.best_snapshot is not None:
            self.network.restore(self.stopping.best_snapshot)

    def should_stop(self, history: History) -> bool:
        row = history[-1]
        stop = self.out_of_time()
        if self.plateau is not None:
            stop |= self.plateau.observe(row)
            self.state.plateau = self.plateau.state()
        if self.stopping is not None:
            stop |= self.stopping.observe(row, self.network.snapshot)
        return stop


def train(
    network: Model,
    rows: Rows,
    options: Options,
    measures: Measures,
    callbacks: Iterable[Callback] = (),
) -> History:
    """Train ``network`` in place on ``rows`` and return what was recorded.

    Parameters
    ----------
    network : Model
        Compiled or reference.
    rows : Rows
        The training set.
    options : Options
    measures : mapping of str to callable
        What to record after each epoch, in this order.
    callbacks : iterable of callables
        Called as ``callback(network, history)`` after each epoch; a true answer stops.

    Returns
    -------
    History
        With ``training_cost``, the epoch's mean cost with the penalty at its end, if
        ``options.with_cost``.

    Raises
    ------
    RuntimeError
        If another thread is training the network; nothing is changed then.

    Warns
    -----
    RuntimeWarning
        If a parameter, a running statistic, a number of the optimizer's or the cost is no longer
        finite; the network is then put back to where the epoch began, and the training ends.
        Once, if a recorded cost is not finite. If L-BFGS cannot take a step.
    """
    counted = training().call, _train
    return alone(network, BUSY, *counted, network, rows, options, measures, tuple(callbacks))


def _train(
    network: Model,
    rows: Rows,
    options: Options,
    measures: Measures,
    callbacks: tuple[Callback, ...],
) -> History:
    if options.epochs:
        network.meet_data(rows.X)
    run = _Run(network, rows, options)
    if isinstance(options.optimizer, LBFGS):
        history = _train_by_lbfgs(run, options.optimizer, measures, callbacks)
        run.restore_best()
        run.watch.tell()
        return history
    order = np.arange(len(rows), dtype=np.intp)
    history = History()
    ahead = Ahead(run, (measures, callbacks))
    with epoch_bar(options.epochs, options.progress) as bar:
        while len(history) < options.epochs:
            if ahead.go(order, history):
                continue
            before = network.standing() if network.guards_divergence else None
            started = time.perf_counter()
            if options.fresh_order:
                order[:] = np.arange(len(rows))
            if options.shuffle:
                network.random_source.shuffle(order)
            cost, rate = run.run_epoch(order)
            seconds = ahead.seconds = time.perf_counter() - started
            if before is not None and not run.is_sound(cost):
                network.stand_at(before)
                text = DIVERGED.format(epoch=run.state.epochs, rate=rate)
                if network.tells_of_divergence:
                    warn_caller(text)
                run.watch = CostWatch(silent=True)  # this says it all
                break
            row: dict[str, Any] = {
                "epoch": run.state.epochs - run.first_epoch,
                "learning_rate": rate,
                "seconds": seconds,
            }
            if options.with_cost:
                row["training_cost"] = cost + run.penalty()
            row.update((name, measure()) for name, measure in measures.items())
            history.append(row)
            bar.update(row)
            run.watch.observe(row)
            # Every callback hears of the epoch, even if an earlier one stops.
            answers = [callback(network, history) for callback in callbacks]
            if run.should_stop(history) or any(answers):
                break
    run.restore_best()
    run.watch.tell()
    return history


def _train_by_lbfgs(
    run: _Run, optimizer: LBFGS, measures: Measures, callbacks: tuple[Callback, ...]
) -> History:
    # SciPy's optimizers take a third of a second to import: only who asks for them waits.
    from fastnn._training.lbfgs import train_by_lbfgs

    network, options = run.network, run.options

    def heard(history: History) -> bool:
        run.state.epochs += 1
        run.watch.observe(history[-1])
        answers = [callback(network, history) for callback in callbacks]
        return run.should_stop(history) or any(answers)

    return train_by_lbfgs(
        network, run.rows, optimizer, options.regularizer, options.epochs, measures, heard
    )
