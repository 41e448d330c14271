"""Initialization by the data: every layer's weighted inputs start with variance 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn._layers import check_compiled, outputs_of_layers
from fastnn.initializers import Orthogonal
from fastnn.sources import dense

__all__ = ["lsuv"]


def lsuv(network: Any, X: Any) -> list[float]:
    """Draw ``network``'s weights anew, layer-sequential unit-variance (Mishkin and Matas, 2016).

    Layer by layer, the first one first: orthonormal weights (``initializers.Orthogonal``) are
    divided by the standard deviation of the layer's weighted inputs Wx over all rows and units.
    All biases become zero, so that one division is exact and the paper's repetition is not needed.
    Under a normalization it is still Wx, before it, that gets variance 1.

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
    before = net.snapshot()
    try:
        net._initialize(Orthogonal())
        return [_scale_layer(net, l, inputs) for l in range(len(net.sizes) - 1)]
    except BaseException:
        net.restore(before)
        raise


def _scale_layer(network: Any, l: int, X: np.ndarray) -> float:
    below = X if l == 0 else outputs_of_layers(network, X, training=True)[l - 1].activations
    z = below.astype(np.float64) @ network.weights[l].T.astype(np.float64)
    scale = float(z.std())
    # What rounding leaves of equal numbers is no spread either.
    if not scale > 1e-6 * float(np.abs(z).max()):
        raise ValueError(
            f"X: expected rows for which the weighted inputs of layer {l + 2} differ, "
            f"got a standard deviation of {scale:g}"
        )
    network.weights[l][...] /= scale
    return scale
