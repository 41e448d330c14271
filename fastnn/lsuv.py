"""Initialization by the data: every layer's weighted inputs start with variance 1."""

from __future__ import annotations

from typing import Any

from fastnn._data.inputs import dense
from fastnn._model.layers import check_compiled
from fastnn._model.unit_variance import scale_weights
from fastnn.initializers import Orthogonal

__all__ = ["lsuv"]


def lsuv(network: Any, X: Any) -> list[float]:
    """Draw ``network``'s weights anew, layer-sequential unit-variance (Mishkin and Matas, 2016).

    Layer by layer, the first one first: orthonormal weights (``initializers.Orthogonal``) are
    divided by the standard deviation of the layer's weighted inputs Wx over all rows and units.
    All biases become zero, so that one division is exact and the paper's repetition is not needed.
    Under a normalization it is still Wx, before it, that gets variance 1.

    ``Network(..., initializer="lsuv")`` does the same at the beginning of its first training.

    Parameters
    ----------
    network : Network
        Changed in place; its own random source is drawn from.
    X : array-like (n, n_in)
        Some hundreds of rows of the training set, as they will be trained on.

    Returns
    -------
    list of float
        What the weights of each layer were divided by.

    Raises
    ------
    TypeError, ValueError
        If ``network`` is no ``fastnn.Network``, ``X`` does not fit it, or a layer's weighted inputs
        are all the same; the network is then as before.

    Examples
    --------
    >>> import numpy as np
    >>> import fastnn
    >>> from fastnn.lsuv import lsuv
    >>> X = np.random.default_rng(0).normal(size=(500, 20))
    >>> net = fastnn.Network([20, 30, 10], activation="relu", rng=0)
    >>> scales = lsuv(net, X)
    >>> round(float(np.std(X @ net.weights[0].T)), 6)
    1.0
    """
    net = check_compiled(network)
    inputs = dense(net._inputs(X), net.dtype)
    if len(net.sizes) > 2:
        net.check_batch_size(len(inputs))
    before, waiting = net.snapshot(), net.training_state.initializer
    try:
        net._initialize(Orthogonal())
        return scale_weights(net, inputs)
    except BaseException:
        net.restore(before)
        net.training_state.initializer = waiting
        raise
