"""The network of the book's ``common.multi_layer_net``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn.dlfs._network import DenseNetwork

__all__ = ["MultiLayerNet"]


class MultiLayerNet(DenseNetwork):
    """Dense layers, then a softmax.

    Weights are drawn from NumPy's global state, layer by layer; biases start at 0.

    Parameters
    ----------
    input_size : int
        Inputs of a row.
    hidden_size_list : sequence of int
        Neurons of each hidden layer.
    output_size : int
        Classes.
    activation : {"relu", "sigmoid"}, default "relu"
        Of the hidden layers.
    weight_init_std : float or str, default "relu"
        Standard deviation of the weights; "relu" and "he" are √(2 / n_in), "sigmoid" and "xavier"
        √(1 / n_in).
    weight_decay_lambda : float, default 0
        λ: ½ λ Σw² is added to the loss.

    Raises
    ------
    TypeError, ValueError
        Naming the argument.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size_list: Sequence[int],
        output_size: int,
        activation: str = "relu",
        weight_init_std: Any = "relu",
        weight_decay_lambda: float = 0,
    ) -> None:
        self.input_size, self.output_size = input_size, output_size
        self.hidden_size_list, self.hidden_layer_num = hidden_size_list, len(hidden_size_list)
        sizes = [input_size, *hidden_size_list, output_size]
        super().__init__(sizes, activation, weight_init_std, weight_decay_lambda, None, False)

    last_layer = DenseNetwork._handed_out_last_layer

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return the outputs (m, n_out) before the softmax.

        Parameters
        ----------
        x : array (m, n_in)
        """
        return self._scores(x, False)

    def loss(self, x: np.ndarray, t: np.ndarray) -> Any:
        """Return the mean cross-entropy error of the rows plus ½ λ Σw².

        Parameters
        ----------
        x : array (m, n_in)
        t : array (m,) of labels or (m, n_out)
        """
        return self._error(self.predict(x), t)
