"""Scaling of inputs and of targets moved into the weights, so that a network takes raw numbers."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from fastnn._model.model import Model

Kind = TypeVar("Kind", bound=Model)

__all__ = ["fold_inputs", "fold_outputs", "in_float64"]


def fold_inputs(
    network: Model, mean: np.ndarray, scale: np.ndarray, used: np.ndarray | None = None
) -> None:
    """Let a network that was trained on (x − mean) / scale take x.

    Of the first layer, z = W c (x − μ)/σ + b with the input scale c, the weights become W' = W/σ
    and the biases b' = b − c W' μ. So z, and all that comes after it, batch norm and its running
    statistics among it, stays what it was, to rounding. The optimizer's state belongs to the old
    weights and is reset.

    Parameters
    ----------
    network : Network
        Changed in place.
    mean, scale : float64 arrays (n_in,)
        Of the columns; no scale may be 0.
    used : bool array (n_in,), optional
        Columns that the network may look at; the weights of others become 0. A column that was
        constant in training has weights that nothing was learnt of.

    Raises
    ------
    ValueError
        If a weight is too large for the network's dtype; nothing is changed then.
    """
    W = network.weights[0] / np.asarray(scale, np.float64)
    if used is not None:
        W[:, ~used] = 0
    b = network.biases[0][:, 0] - network.input_scale * (W @ mean)
    _replace(network, 0, W, b)


def fold_outputs(network: Model, mean: float, scale: float) -> None:
    """Let a network that was trained to give (y − mean) / scale give y.

    Of the last layer, whose activation is the identity, the weights become s W and the biases s b
    + m. The optimizer's state is reset.

    Parameters
    ----------
    network : Network
        Changed in place.
    mean, scale : float
        Of the targets.

    Raises
    ------
    ValueError
        If the output is not the identity, or a weight is too large for the network's dtype.
    """
    if network.output != "identity":
        raise ValueError(f"output: expected 'identity', got {network.output!r}")
    W = network.weights[-1].astype(np.float64) * scale
    b = network.biases[-1][:, 0].astype(np.float64) * scale + mean
    _replace(network, len(network.weights) - 1, W, b)


def _replace(network: Model, l: int, W: np.ndarray, b: np.ndarray) -> None:
    with np.errstate(over="ignore"):
        converted = W.astype(network.dtype), b.astype(network.dtype)[:, np.newaxis]
    if not all(np.isfinite(each).all() for each in converted):
        raise ValueError(f"weights[{l}]: too large for {network.dtype} once they take raw numbers")
    network.weights[l], network.biases[l] = converted
    network.training_state.forget()


def in_float64(network: Kind) -> Kind:
    """Return a copy of a network with its numbers in float64, its optimizer reset."""
    twin = type(network)(
        network.sizes,
        network.cost,
        activation=network.activation,
        output=network.output,
        initializer="zeros",
        normalization=network.normalization,
        dropout=network.dropout,
        input_scale=network.input_scale,
        dtype="float64",
        rng=network.random_source
        if isinstance(network.random_source, np.random.Generator)
        else None,
    )
    twin.parameters = network.parameters
    twin.running_statistics = network.running_statistics
    twin.table = network.table
    return twin
