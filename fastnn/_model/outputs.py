"""What a network puts out for the inputs that a user has, in rows or in columns."""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np

from fastnn._common.checks import as_array
from fastnn._common.soundness import all_finite
from fastnn._common.warning import warn_caller
from fastnn._core.engine_base import Computed, Engine
from fastnn._data.inputs import as_source, is_sparse

__all__ = ["outputs_of_columns", "outputs_of_rows"]


class Predicting(Computed, Protocol):
    """A network with inputs, an engine, and so with outputs."""

    sizes: list[int]

    @property
    def _engine(self) -> Engine: ...


def outputs_of_rows(network: Predicting, X: Any) -> np.ndarray:
    """Return the outputs (m, n_out) for rows (m, n_in), (n_out,) for one row (n_in,)."""
    rows = X if is_sparse(X) else as_array(X, "X")
    if not is_sparse(X) and rows.ndim == 1:
        few = network._engine.predict_few(network, rows[np.newaxis])
        return (_checked_outputs(network, rows[np.newaxis], "X", "row") if few is None else few)[0]
    return _checked_outputs(network, rows, "X", "row")


def outputs_of_columns(network: Predicting, a: Any) -> np.ndarray:
    """Return the outputs (n_out, m) for columns (n_in, m), likewise of one."""
    array, n_in = as_array(a, "a"), network.sizes[0]
    if array.ndim in (1, 2) and array.size == array.shape[0]:
        one = network._engine.predict_few(network, array.reshape(-1))
        if one is not None:
            return one.reshape(-1, *array.shape[1:])
    if array.ndim not in (1, 2) or array.shape[0] != n_in or array.size == 0:
        raise ValueError(f"a: expected shape ({n_in},) or ({n_in}, m), got {array.shape}")
    outputs = _checked_outputs(network, array.reshape(n_in, -1).T, "a", "column")
    return outputs.T.reshape(network.sizes[-1], *array.shape[1:])


def _checked_outputs(network: Predicting, rows: Any, name: str, what: str) -> np.ndarray:
    """Return the outputs for ``rows``, which are checked; ``what`` a row is to the user."""
    engine, n_in, scale = network._engine, network.sizes[0], network._input_scale
    inputs = as_source(rows, n_in, network._dtype, name, scale, later=engine.takes_unchecked)
    outputs = engine.predict(network, inputs)
    _warn_of_overflow(network, rows, outputs, f"{name}: {what}")
    return outputs


def _warn_of_overflow(network: Predicting, X: Any, outputs: np.ndarray, what: str) -> None:
    """Say which of the rows ``X`` is of numbers so large that its outputs are not finite."""
    dtype = network._dtype
    if outputs.dtype != dtype or all_finite(outputs.reshape(-1)):
        return
    row = int(np.flatnonzero(~np.isfinite(outputs).all(axis=1))[0])
    inputs = np.asarray(X[row].toarray() if is_sparse(X) else X[row], dtype=np.float64)
    largest = float(np.abs(inputs).max()) * network._input_scale
    # Smaller ones are not to blame: the weights are.
    if math.isfinite(largest) and largest > math.sqrt(np.finfo(dtype).max):
        value = outputs[row][~np.isfinite(outputs[row])][0]
        warn_caller(f"{what} {row} holds {largest:g}, which is too large: its output is {value}")
