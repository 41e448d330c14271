"""The network of the book's chapter 5, ``two_layer_net``."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.dlfs._network import DenseNetwork

__all__ = ["TwoLayerNet"]


class TwoLayerNet(DenseNetwork):
    """A hidden layer of ReLU neurons, then a softmax.

    Weights are drawn from NumPy's global state, layer by layer; biases start at 0.

    Parameters
    ----------
    input_size, hidden_size, output_size : int
        Inputs of a row, neurons of the hidden layer, classes.
    weight_init_std : float, default 0.01
        Standard deviation of the weights.

    Raises
    ------
    TypeError, ValueError
        Naming the argument.
    """

    _activation_name = "Relu"

    def __init__(
        self, input_size: int, hidden_size: int, output_size: int, weight_init_std: float = 0.01
    ) -> None:
        sizes = [input_size, hidden_size, output_size]
        super().__init__(sizes, "relu", weight_init_std, 0, None, False)

    lastLayer = DenseNetwork._handed_out_last_layer

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return the outputs (m, n_out) before the softmax.

        Parameters
        ----------
        x : array (m, n_in)
        """
        return self._scores(x, False)

    def loss(self, x: np.ndarray, t: np.ndarray) -> Any:
        """Return the mean cross-entropy error of the rows.

        Parameters
        ----------
        x : array (m, n_in)
        t : array (m,) of labels or (m, n_out)
        """
        return self._error(self.predict(x), t)
