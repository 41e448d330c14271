"""What every layer of a compiled network puts out, for those who look into it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn._core.activation import activation_backward
from fastnn._core.blas_guard import quietly
from fastnn._core.engine import BLOCK, CompiledEngine
from fastnn._data.inputs import dense
from fastnn.activations import KERNELS
from fastnn.normalization import BatchNorm

__all__ = ["LayerOutputs", "check_compiled", "layer_outputs"]


@dataclass(frozen=True)
class LayerOutputs:
    """One layer's part of a forward pass over n rows.

    Attributes
    ----------
    name : str
        Of the activation f.
    activations : array (n, n_out)
        a = f(z).
    slopes : array (n, n_out)
        f'(z); of softmax the diagonal a (1 − a) of its Jacobian.
    """

    name: str
    activations: np.ndarray
    slopes: np.ndarray


def check_compiled(network: Any) -> Any:
    """Return ``network`` if its engine is the compiled one, which keeps layers to look at.

    Raises
    ------
    TypeError
        Otherwise.
    """
    if not isinstance(getattr(network, "_engine", None), CompiledEngine):
        raise TypeError(f"network: expected a fastnn.Network, got {type(network).__name__}")
    return network


def layer_outputs(network: Any, X: Any, *, training: bool) -> list[LayerOutputs]:
    """Run ``X`` through the network and return a copy of what each layer put out.

    Parameters
    ----------
    network : Network
    X : array-like (n, n_in)
    training : bool
        Whether batch norm takes the statistics of these rows, as in training, or the running
        ones, as in prediction. Nothing is dropped or remembered in either case.

    Returns
    -------
    list of LayerOutputs
        The first hidden layer first, the output layer last.

    Raises
    ------
    TypeError, ValueError
        If ``X`` has another shape or does not hold finite real numbers.
    """
    inputs = dense(network._inputs(X), network.dtype)
    return outputs_of_layers(network, inputs, training=training)


def outputs_of_layers(network: Any, inputs: np.ndarray, *, training: bool) -> list[LayerOutputs]:
    """Return what ``layer_outputs`` does for inputs that are checked and scaled."""
    whole = training and isinstance(network.normalization, BatchNorm)
    if whole:
        network.check_batch_size(len(inputs))
    size = len(inputs) if whole else min(BLOCK, len(inputs))
    names = [*network.activation, network.output]
    found = [
        LayerOutputs(name, *(np.empty((len(inputs), n_out), network.dtype) for _ in range(2)))
        for name, n_out in zip(names, network.sizes[1:], strict=True)
    ]
    quietly(_fill, found, network, inputs, size, training)
    return found


def _fill(
    found: list[LayerOutputs], network: Any, inputs: np.ndarray, size: int, training: bool
) -> None:
    """Write what the layers do into ``found``, ``size`` rows at a time."""
    for part, layers in network._engine.layers(network, inputs, size, training):
        for layer, (a, z) in zip(found, layers, strict=True):
            layer.activations[part] = a
            layer.slopes[part] = _slopes(layer.name, layer.activations[part], z)


def _slopes(name: str, a: np.ndarray, z: np.ndarray | None) -> np.ndarray:
    if name == "softmax":
        return a * (1 - a)
    slopes = np.ones_like(a)
    activation_backward(slopes, a, a if z is None else z, KERNELS[name])
    return slopes
