"""The epoch loop: Python owns the epochs, the compiled core owns each one.

schedule → order → epoch → measure → record → stop?
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn._common.warning import warn_caller
from fastnn._data.rows import Rows
from fastnn._training.cost_watch import CostWatch
from fastnn._training.options import Callback, Measures, Options
from fastnn._training.progress import epoch_bar
from fastnn._training.run import DIVERGED, Run
from fastnn._training.trainable import Trainable
from fastnn._training.unattended import Unattended
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
        run.restore_best()
        run.watch.tell()
        return history
    order = np.arange(len(rows), dtype=np.intp)
    history = History()
    unattended = Unattended(run, (measures, callbacks))
    with epoch_bar(options.epochs, options.progress) as bar:
        while len(history) < options.epochs:
            if unattended.go(order, history):
                continue
            before = network.standing() if network.guards_divergence else None
            started = time.perf_counter()
            if options.fresh_order:
                order[:] = np.arange(len(rows))
            if options.shuffle:
                network.random_source.shuffle(order)
            cost, rate = run.run_epoch(order)
            seconds = unattended.seconds = time.perf_counter() - started
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
