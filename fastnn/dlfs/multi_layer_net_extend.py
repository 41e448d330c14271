"""The network of the book's ``common.multi_layer_net_extend``: with batch norm and dropout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn.dlfs._network import DenseNetwork

__all__ = ["MultiLayerNetExtend"]


class MultiLayerNetExtend(DenseNetwork):
    """Dense layers, each but the last with batch norm and dropout if so asked, then a softmax.

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
    use_dropout : bool, default False
        Whether hidden units are dropped in training, and scaled at test.
    dropout_ration : float, default 0.5
        The share of units dropped.
    use_batchnorm : bool, default False
        Whether hidden layers are normalized over the mini-batch.

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
        use_dropout: bool = False,
        dropout_ration: float = 0.5,
        use_batchnorm: bool = False,
    ) -> None:
        self.input_size, self.output_size = input_size, output_size
        self.hidden_size_list, self.hidden_layer_num = hidden_size_list, len(hidden_size_list)
        self.use_dropout, self.use_batchnorm = use_dropout, use_batchnorm
        super().__init__(
            [input_size, *hidden_size_list, output_size],
            activation,
            weight_init_std,
            weight_decay_lambda,
            dropout_ration if use_dropout else None,
            use_batchnorm,
        )

    last_layer = DenseNetwork._handed_out_last_layer

    def predict(self, x: np.ndarray, train_flg: bool = False) -> np.ndarray:
        """Return the outputs (m, n_out) before the softmax.

        Parameters
        ----------
        x : array (m, n_in)
        train_flg : bool, default False
            Whether as in training: with dropout, and with batch norm by these rows.
        """
        return self._scores(x, train_flg)

    def loss(self, x: np.ndarray, t: np.ndarray, train_flg: bool = False) -> Any:
        """Return the mean cross-entropy error of the rows plus ½ λ Σw².

        Parameters
        ----------
        x : array (m, n_in)
        t : array (m,) of labels or (m, n_out)
        train_flg : bool, default False
            As for ``predict``.
        """
        return self._error(self.predict(x, train_flg), t)

    def _loss_in_training(self, x: Any, t: Any) -> Any:
        return self.loss(x, t, train_flg=True)
