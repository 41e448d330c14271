"""Training rows as the core takes them, and an epoch over them as one call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn._core import epoch as _epoch
from fastnn._core.engine import _quietly
from fastnn._core.optimizer import Rule
from fastnn._core.plan import Workspace
from fastnn._core.thread_tuner import Pace
from fastnn._data.inputs import Inputs, as_source, is_sparse
from fastnn.costs import kernel_id, parameter_of
from fastnn.network import Network
from fastnn.sklearn._losses import Loss


@dataclass(frozen=True)
class Rows:
    """Examples, one a row, in the network's dtype.

    Attributes
    ----------
    X : array (n, n_in) or RowSource
        A RowSource if rows become what kernels take when they are gathered, as sparse ones do.
    Y : array (n, n_out), C-contiguous
    weights : array (n,) or (0,)
    """

    X: Inputs
    Y: np.ndarray
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.Y)


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
    no_weights = np.empty(0, dtype)
    return Rows(
        as_inputs(X, dtype),
        np.ascontiguousarray(Y, dtype=dtype),
        no_weights if weights is None else np.ascontiguousarray(weights, dtype=dtype),
    )


class Core:
    """Everything that epochs over the same rows share, made once.

    Parameters
    ----------
    network : Network
    loss : Loss
    rows : Rows
    batch_size : int
    rule : Rule
    slots : array (rule.n_slots, n_parameters) or (0, 0)
    seed : int
        Of the dropout masks.
    pace : Pace
        How many threads share the work.
    """

    def __init__(
        self, network: Network, loss: Loss, rows: Rows, batch_size: int, rule: Rule,
        slots: np.ndarray, seed: int, pace: Pace,
    ) -> None:  # fmt: skip
        self._workspace = Workspace(
            network._layout,
            network._options(),
            batch_size,
            network.dtype,
            kernel_id(network.cost),
            loss.clip(network.dtype) or parameter_of(network.cost),
            rule,
            pace.most,
        )
        self._before_order = (
            self._workspace.compiled, rule, network.parameters, network.running_statistics, slots,
            self._workspace.rooms, rows.X, rows.Y, rows.weights,
        )  # fmt: skip
        self._seed, self._pace, self._no_clock = seed, pace, np.empty(0)
        self._masks = network.training_state.masks

    def quietly(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Return ``work(*arguments)``, BLAS held at one thread if it is used at all."""
        return _quietly(self._workspace.compiled, work, *arguments)

    def epoch(self, order: np.ndarray, rates: np.ndarray, counter: np.ndarray) -> float:
        """Run an epoch over the rows in ``order``; return the sum of costs.

        ``rates`` are one for all mini-batches or one each; ``counter`` (1,) counts the steps.
        """
        return _epoch.train_epoch(
            *self._before_order, order, rates, self._seed, counter, True, self._pace,
            self._no_clock, None, self._masks,
        )  # fmt: skip
