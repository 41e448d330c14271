"""The epoch loop: schedule → order → epoch → measure → record → stop?

The compiled core takes the epochs one after the other where it can (``in_core``). Where Python is
asked between two epochs, each is a call of its own.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn._common.warning import warn_caller
from fastnn._core.epoch_loop import Ending
from fastnn._data.rows import Rows
from fastnn._training.cost_watch import CostWatch
from fastnn._training.in_core import InCore, can_run_in_core
from fastnn._training.interruption import check
from fastnn._training.options import Callback, Measures, Options
from fastnn._training.progress import Bar, epoch_bar
from fastnn._training.run import DIVERGED, Run
from fastnn._training.trainable import Trainable
from fastnn.history import History
from fastnn.optimizers import LBFGS

__all__ = ["BUSY", "train"]

BUSY = (
    "fit: another thread is training this network, and the steps of both would mix. Wait until it "
    "is through, or train a copy: copy.deepcopy(network)"
)


def train(
    network: Trainable,
    rows: Rows,
    options: Options,
    measures: Measures,
    callbacks: Sequence[Callback] = (),
) -> History:
    """Train ``network`` in place on ``rows`` and return what was recorded.

    It is called by ``Users.call_alone`` of ``training()``: no other thread may train the network.

    Parameters
    ----------
    network : Model
        Compiled or reference.
    rows : Rows
        The training set.
    options : Options
    measures : mapping of str to callable
        What to record after each epoch, in this order.
    callbacks : sequence of callables
        Called as ``callback(network, history)`` after each epoch; a true answer stops.

    Returns
    -------
    History
        With ``training_cost``, the epoch's mean cost with the penalty at its end, if
        ``options.with_cost``.

    Warns
    -----
    RuntimeWarning
        If a parameter, a running statistic, a number of the optimizer's or the cost is no longer
        finite; the network is then put back to where the epoch began, and the training ends.
        Once, if a recorded cost is not finite. If L-BFGS cannot take a step.
    """
    if options.epochs:
        network.meet_data(rows.X)
    run = Run(network, rows, options)
    if isinstance(options.optimizer, LBFGS):
        history = _train_by_lbfgs(run, options.optimizer, measures, callbacks)
    else:
        history = History()
        epochs = _epochs_in_core if can_run_in_core(run, measures, callbacks) else _epochs_in_python
        with epoch_bar(options.epochs, options.progress) as bar:
            epochs(run, measures, callbacks, history, bar)
    run.end(history)
    return history


def _epochs_in_core(
    run: Run, measures: Measures, callbacks: Sequence[Callback], history: History, bar: Bar
) -> None:
    """Train where nobody is asked between two epochs."""
    core = InCore(run, measures)
    order = np.arange(len(run.rows), dtype=np.intp)
    while len(history) < run.options.epochs:
        shown = len(history)
        ending = core.go(order, history)
        if ending == Ending.DIVERGED:
            core.stand_back()
            _tell_of_divergence(run, core.rate_of_diverged())
        if bar.visible and len(history) > shown:
            bar.update(history[-1], len(history) - shown)
        if ending != Ending.GOING:
            return
        check()


def _epochs_in_python(
    run: Run, measures: Measures, callbacks: Sequence[Callback], history: History, bar: Bar
) -> None:
    """Train an epoch at a time, and ask whoever wants to be asked."""
    network, options = run.network, run.options
    order = np.arange(len(run.rows), dtype=np.intp)
    while len(history) < options.epochs:
        before = network.standing() if network.guards_divergence else None
        started = time.perf_counter()
        if options.fresh_order:
            order[:] = np.arange(len(run.rows))
        if options.shuffle:
            network.random_source.shuffle(order)
        cost, rate = run.run_epoch(order)
        seconds = time.perf_counter() - started
        if before is not None and not run.is_sound(cost):
            network.stand_at(before)
            _tell_of_divergence(run, rate)
            return
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
            return
        check()


def _tell_of_divergence(run: Run, rate: float) -> None:
    text = DIVERGED.format(epoch=run.state.epochs, rate=rate)
    if run.network.tells_of_divergence:
        warn_caller(text)
    run.watch = CostWatch(silent=True)  # this says it all


def _train_by_lbfgs(
    run: Run, optimizer: LBFGS, measures: Measures, callbacks: Sequence[Callback]
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
