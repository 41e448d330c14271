"""What goes into a network and what comes out; the arithmetic between is its engine's."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fastnn import costs
from fastnn._common.checks import as_array
from fastnn._common.soundness import all_finite
from fastnn._common.warning import warn_caller
from fastnn._data.inputs import Inputs, as_source, is_sparse, taken
from fastnn._data.rows import Rows, as_rows, as_targets
from fastnn._model.state import ModelState
from fastnn._model.unit_variance import evenly_spread, scale_weights


class ModelOutputs(ModelState):
    """A network that says what its outputs are."""

    # Whether costs are computed from the weighted inputs of the output layer where they can be,
    # and so are finite for any finite ones; otherwise from the outputs, as the book does.
    prefers_costs_by_z = True

    @property
    def _cost_by_z(self) -> bool:
        return self.prefers_costs_by_z and costs.goes_by_z(self.cost, self.output)

    def feedforward(self, a: Any) -> np.ndarray:
        """Return the outputs for inputs in columns.

        Parameters
        ----------
        a : array-like (n_in,), (n_in, 1) or (n_in, m)

        Returns
        -------
        array (n_out,), (n_out, 1) or (n_out, m)

        Raises
        ------
        TypeError, ValueError
            If ``a`` has another shape or does not hold finite real numbers.

        Warns
        -----
        RuntimeWarning
            If an output is not finite since an input is too large.
        """
        array = as_array(a, "a")
        if array.ndim in (1, 2) and array.size == array.shape[0]:
            one = self._engine.predict_few(self, array.reshape(-1))
            if one is not None:
                return one.reshape(-1, *array.shape[1:])
        if array.ndim not in (1, 2) or array.shape[0] != self.sizes[0] or array.size == 0:
            raise ValueError(
                f"a: expected shape ({self.sizes[0]},) or ({self.sizes[0]}, m), got {array.shape}"
            )
        columns = array.reshape(self.sizes[0], -1)
        outputs = self._engine.predict(self, self._inputs_to_predict(columns.T, "a"))
        self._warn_of_overflow(columns.T, outputs, "a: column")
        return outputs.T.reshape(self.sizes[-1], *array.shape[1:])

    def predict(self, X: Any) -> np.ndarray:
        """Return the outputs for inputs in rows.

        Parameters
        ----------
        X : array-like or CSR matrix (m, n_in), or (n_in,) for one row

        Returns
        -------
        array (m, n_out), or (n_out,)
            Of the network's dtype.

        Raises
        ------
        TypeError, ValueError
            If ``X`` has another shape or does not hold finite real numbers.

        Warns
        -----
        RuntimeWarning
            If an output is not finite since an input is too large.

        Notes
        -----
        Any number of threads may predict at once, and while another one trains the network: then by
        weights of which some have taken a step that others have not. Those of one moment are in a
        copy, which a callback of ``fit`` makes between two epochs.
        """
        few = self._engine.predict_few(self, X)
        if few is not None:
            return few
        rows = X if is_sparse(X) else as_array(X, "X")
        if not is_sparse(X) and rows.ndim == 1:
            return self.predict(rows[np.newaxis])[0]
        outputs = self._engine.predict(self, self._inputs_to_predict(rows))
        self._warn_of_overflow(rows, outputs, "X: row")
        return outputs

    def _warn_of_overflow(self, X: Any, outputs: np.ndarray, what: str) -> None:
        """Say which of the rows ``X`` is of numbers so large that its outputs are not finite."""
        if outputs.dtype != self.dtype or all_finite(outputs.reshape(-1)):
            return
        row = int(np.flatnonzero(~np.isfinite(outputs).all(axis=1))[0])
        inputs = np.asarray(X[row].toarray() if is_sparse(X) else X[row], dtype=np.float64)
        largest = float(np.abs(inputs).max()) * self._input_scale
        # Smaller ones are not to blame: the weights are.
        if math.isfinite(largest) and largest > math.sqrt(np.finfo(self.dtype).max):
            value = outputs[row][~np.isfinite(outputs[row])][0]
            text = f"{what} {row} holds {largest:g}, which is too large: its output is {value}"
            warn_caller(text)

    def meet_data(self, X: Inputs) -> None:
        """Finish an initialization that waits for data, ``LSUV``'s, by the checked rows ``X``.

        Parameters
        ----------
        X : rows (n, n_in)
            As they are checked for training.

        Raises
        ------
        ValueError
            If the weighted inputs of a layer are all the same; nothing is changed then.
        """
        waiting = self.training_state.initializer
        if waiting is not None:
            some = taken(X, evenly_spread(len(X), waiting.rows), self._dtype)
            scale_weights(self, some)
            self.training_state.initializer = None

    # What it is given

    def _inputs(self, X: Any, name: str = "X") -> Inputs:
        """Return checked inputs, which are converted and scaled when they are taken."""
        return as_source(X, self.sizes[0], self._dtype, name, self._input_scale)

    def _inputs_to_predict(self, X: Any, name: str = "X") -> Inputs:
        """Return inputs to predict for, which an engine may take before they are checked."""
        later = self._engine.takes_unchecked
        return as_source(X, self.sizes[0], self._dtype, name, self._input_scale, later=later)

    def _rows(self, data: Any, name: str) -> Rows:
        if isinstance(data, Rows):  # checked already
            return data
        rows = as_rows(data, self.sizes[0], self.sizes[-1], self._dtype, name, self._input_scale)
        costs.check_targets(self.cost, rows.Y, name)
        return rows

    def _optional_rows(self, data: Any, name: str) -> Rows | None:
        return None if data is None else self._rows(data, name)

    def _arrays(self, X: Any, y: Any) -> Rows:
        inputs = self._inputs(X)
        rows = Rows(inputs, as_targets(y, len(inputs), self.sizes[-1], self._dtype))
        costs.check_targets(self.cost, rows.Y, "y")
        return rows
