"""Predictions with as little around the arithmetic as can be: for programs that ask row by row."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn._core.engine import FEW
from fastnn.network import Network
from fastnn.sklearn._rows import as_inputs

# Multiplications up to which such rows are that short.
SMALL_PRODUCT = 100_000


class Predictor:
    """A trained network and the arrays by which an estimator shows it.

    Any number of threads may ask at once.

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
        self.n_in = network.sizes[0]
        self._shown = [*coefs, *intercepts]
        self._few = min(FEW, SMALL_PRODUCT // network.n_parameters)

    def shows(self, coefs: Sequence[np.ndarray], intercepts: Sequence[np.ndarray]) -> bool:
        """Whether these are still the arrays it predicts by, none replaced by another."""
        now = [*coefs, *intercepts]
        return len(now) == len(self._shown) and all(map(operator.is_, now, self._shown))

    def takes(self, X: Any) -> bool:
        """Whether ``X`` can be used as it is: an array in memory as kernels want it."""
        if type(X) is not np.ndarray or X.dtype != self.dtype or X.ndim != 2:
            return False
        return X.shape[1] == self.n_in and len(X) > 0 and bool(X.flags.c_contiguous)

    def outputs(self, X: np.ndarray) -> np.ndarray | None:
        """Return the outputs (n, n_out) for rows that it takes, or None: some may not be finite."""
        engine, network = self.network._engine, self.network
        if len(X) > self._few:
            return engine.predict_in_blocks(network, X, checked=False)
        return engine.predict_few(network, X)

    def outputs_of_any(self, X: Any) -> np.ndarray:
        """Return the outputs for a checked array of any real dtype, or for a sparse matrix."""
        return self.network._engine.predict(self.network, as_inputs(X, self.dtype))
