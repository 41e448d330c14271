"""Where the time of an epoch goes, as the compiled core measures it."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from fastnn import optimizers
from fastnn._common.checks import MOST_THREADS, check_number, check_whole
from fastnn._core.context import Phase
from fastnn._core.epoch_options import Epoch
from fastnn._core.threads import training, tuner_for, work_of_batch
from fastnn._model.layers import check_compiled
from fastnn.optimizers import LBFGS, Optimizer
from fastnn.regularizers import Regularizer

__all__ = ["profile_epoch"]


def profile_epoch(
    network: Any,
    X: Any,
    y: Any,
    *,
    batch_size: int = 32,
    optimizer: str | Optimizer = "sgd",
    learning_rate: float | None = None,
    n_threads: int | None = None,
) -> dict[str, float]:
    """Train a copy of ``network`` for one epoch and return the seconds that each phase took.

    Parameters
    ----------
    network : Network
        It is left alone.
    X, y, batch_size, optimizer, learning_rate, n_threads
        As for ``Network.fit``; the rows are taken in order.

    Returns
    -------
    dict of str to float
        Seconds, of the thread that called: "gather" (the mini-batch's rows), "forward" (X Wᵀ + b),
        "normalization", "activation" (with dropout), "cost", "delta" (the output's, and times the
        activations' derivatives), "backward" (δ W), "update" (δᵀ X, for plain SGD added to W),
        "optimizer" (other steps, penalties, limits) and "sync" (waiting for other threads).

    Raises
    ------
    TypeError, ValueError
        Naming the argument.

    Examples
    --------
    >>> import numpy as np
    >>> import fastnn
    >>> from fastnn.profiling import profile_epoch
    >>> X, y = np.random.default_rng(0).random((100, 8)), np.arange(100) % 3
    >>> seconds = profile_epoch(fastnn.Network([8, 5, 3], rng=0), X, y)
    >>> sorted(seconds)[:3]
    ['activation', 'backward', 'cost']
    """
    net = copy.deepcopy(check_compiled(network))
    rows = net._arrays(X, y)
    chosen = optimizers.get(optimizer)
    if isinstance(chosen, LBFGS):
        raise ValueError("optimizer: L-BFGS has no such phases")
    size = min(check_whole(batch_size, "batch_size", 1), len(rows))
    net.check_batch_size(size)
    rate = chosen.default_learning_rate if learning_rate is None else learning_rate
    threads = None if n_threads is None else check_whole(n_threads, "n_threads", 1, MOST_THREADS)
    net.training_state.prepare(chosen, net.n_parameters, net.dtype)
    epoch = Epoch(
        batch_size=size,
        optimizer=chosen,
        penalty=Regularizer(),
        n=len(rows),
        rates=np.array([check_number(rate, "learning_rate")]),
        slots=net.training_state.slots,
        counter=net.training_state.counter,
        masks=net.training_state.masks,
        seed=net.dropout_seed(),
        with_cost=True,
        tuner=tuner_for(threads, work_of_batch(size, net.n_parameters)),
        seconds=np.zeros(len(Phase)),
    )
    order = np.arange(len(rows), dtype=np.intp)
    training().call(net._engine.epoch, net, rows, order, epoch)
    return {phase.name.lower(): float(epoch.seconds[phase]) for phase in Phase}
