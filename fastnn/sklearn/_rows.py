"""Training rows as the core takes them, and an epoch over them as one call."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from fastnn._core.epoch_loop import EpochLoop
from fastnn._core.epoch_options import Epoch
from fastnn._core.thread_tuner import ThreadTuner
from fastnn._data.inputs import Inputs, as_source, is_sparse
from fastnn._data.rows import Rows
from fastnn.network import Network
from fastnn.optimizers import SGD
from fastnn.regularizers import Regularizer
from fastnn.sklearn._losses import Loss
from fastnn.sklearn._solver import Solver

__all__ = ["Core", "Rows", "as_inputs", "as_rows"]


def as_inputs(X: Any, dtype: np.dtype) -> Inputs:
    """Return checked inputs, an array or a sparse matrix, as the core takes them."""
    if is_sparse(X):
        X = X.tocsr()
        if X.data.dtype.char not in "fdB?":
            X = X.astype(dtype)
    elif X.dtype.kind != "f" or X.dtype.itemsize not in (4, 8):
        X = X.astype(dtype)
    return as_source(X, X.shape[1], dtype)


def as_rows(X: Any, Y: np.ndarray, weights: np.ndarray | None, dtype: np.dtype) -> Rows:
    """Return checked data as ``Rows``, without a copy where possible."""
    return Rows(
        as_inputs(X, dtype),
        np.ascontiguousarray(Y, dtype=dtype),
        None if weights is None else np.ascontiguousarray(weights, dtype=dtype),
    )


class Core:
    """Everything that epochs over the same rows share, made once.

    Parameters
    ----------
    network : Network
    loss : Loss
    rows : Rows
    batch_size : int
    solver : Solver
    seed : int
        Of the dropout masks.
    tuner : ThreadTuner
        How many threads share the work.
    """

    def __init__(
        self, network: Network, loss: Loss, rows: Rows, batch_size: int, solver: Solver,
        seed: int, tuner: ThreadTuner,
    ) -> None:  # fmt: skip
        self._network, self._rows = network, rows
        self._engine = network._engine.for_training()
        self._told = Epoch(
            batch_size=batch_size,
            optimizer=SGD(),
            penalty=Regularizer(),
            n=len(rows),
            rates=np.ones(1),
            slots=solver.slots,
            counter=solver.counter,
            masks=network.training_state.masks,
            seed=seed,
            with_cost=True,
            tuner=tuner,
            rule=solver.rule,
            clip=loss.clip(network.dtype),
        )

    def runs_loops(self) -> bool:
        """Whether the core can run several epochs, and what is to be done between them."""
        return self._engine.runs_loops(self._network, self._told.batch_size)

    def run_loop(self, order: np.ndarray, rates: np.ndarray, loop: EpochLoop) -> None:
        """Run several epochs; ``rates`` are those of the first one."""
        told = replace(self._told, rates=rates)
        self._engine.run_loop(self._network, self._rows, order, told, loop)

    def epoch(self, order: np.ndarray, rates: np.ndarray) -> float:
        """Run an epoch over the rows in ``order``; return the sum of costs.

        ``rates`` are one for all mini-batches or one each.
        """
        if rates.shape == self._told.rates.shape:
            self._told.rates[...] = rates
        else:
            self._told = replace(self._told, rates=rates)
        return self._engine.epoch(self._network, self._rows, order, self._told)
