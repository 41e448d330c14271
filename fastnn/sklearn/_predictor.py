"""Predictions with as little around the arithmetic as can be: for programs that ask row by row."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn._core import predict as _prediction
from fastnn._core.plan import Workspace
from fastnn.network import Network
from fastnn.sklearn._rows import as_inputs

# Rows for which memory is kept from one call to the next.
FEW = 8
# Multiplications of a row up to which the memory for a few is kept.
SMALL_PRODUCT = 100_000


class Predictor:
    """A trained network with memory ready for a few rows.

    Any number of threads may ask at once: each takes a workspace of its own, or makes one.

    Parameters
    ----------
    network : Network
    coefs, intercepts : lists of arrays
        The views of its parameters that the estimator shows.
    """

    def __init__(
        self, network: Network, coefs: Sequence[np.ndarray], intercepts: Sequence[np.ndarray]
    ) -> None:
        # A dtype that was pickled is another object, which costs time to compare.
        self.network, self.dtype = network, np.dtype(network.dtype.type)
        self.n_in, self.n_out = network.sizes[0], network.sizes[-1]
        self._shown = [*coefs, *intercepts]
        self._parameters, self._running = network.parameters, network.running_statistics
        self._few = min(FEW, SMALL_PRODUCT // network.n_parameters)
        self._free: list[Workspace] = []

    def shows(self, coefs: Sequence[np.ndarray], intercepts: Sequence[np.ndarray]) -> bool:
        """Whether these are still the arrays it predicts by, none replaced by another."""
        now = [*coefs, *intercepts]
        return len(now) == len(self._shown) and all(map(operator.is_, now, self._shown))

    def takes(self, X: Any) -> bool:
        """Whether ``X`` can be used as it is: an array in memory as kernels want it.

        A few rows must be finite; of more that shows in their outputs.
        """
        if type(X) is not np.ndarray or X.dtype != self.dtype or X.ndim != 2:
            return False
        if X.shape[1] != self.n_in or len(X) == 0 or not X.flags.c_contiguous:
            return False
        if len(X) > self._few:
            return True
        with np.errstate(all="ignore"):
            return bool(np.isfinite(X.sum()))

    def outputs(self, X: np.ndarray) -> np.ndarray | None:
        """Return the outputs (n, n_out) for rows that it takes, or None: some may not be finite."""
        if len(X) > self._few:
            return self.network._engine.predict_in_blocks(self.network, X, checked=False)
        out = np.empty((len(X), self.n_out), self.dtype)
        try:
            workspace = self._free.pop()
        except IndexError:
            workspace = self.network._engine.workspace(self.network, FEW)
        _prediction.predict(
            workspace.compiled, self._parameters, self._running, workspace.memory, X, out, 1
        )
        self._free.append(workspace)
        return out

    def outputs_of_any(self, X: Any) -> np.ndarray:
        """Return the outputs for a checked array of any real dtype, or for a sparse matrix."""
        return self.network._engine.predict(self.network, as_inputs(X, self.dtype))
