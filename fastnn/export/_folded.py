"""Layers as they are written: all that prediction multiplies and adds folded into the weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastnn.export._graph import Layer, Member, Norm

__all__ = ["Folded", "folded"]


@dataclass(frozen=True)
class Folded:
    """f(norm(W h + b)).

    Attributes
    ----------
    weights : float64 array (n_out, n_in)
    bias : float64 array (n_out,)
    norm : Norm or None
        Layer or group norm; batch norm is in the weights.
    activation : str
    """

    weights: np.ndarray
    bias: np.ndarray
    norm: Norm | None
    activation: str


def folded(member: Member, *, batch_norm: bool = True) -> list[Folded]:
    """Return a network's layers, computed in float64.

    Input scale and the factors of classic dropout go into the weights that come after them: W' =
    c W. Batch norm goes into those before it: with s = γ / √(σ² + ε), W' = s W and b' = s (b − μ) +
    β.

    Parameters
    ----------
    member : Member
    batch_norm : bool, default True
        Whether batch norm is folded; else it stays as ``norm``.
    """
    found, factor = [], member.input_scale
    for layer in member.layers:
        weights = layer.weights.astype(np.float64) * factor
        found.append(_layer(layer, weights, batch_norm))
        factor = layer.factor
    return found


def _layer(layer: Layer, weights: np.ndarray, batch_norm: bool) -> Folded:
    bias, norm = layer.bias.astype(np.float64), layer.norm
    if norm is None or not batch_norm or norm.mean is None or norm.variance is None:
        return Folded(weights, bias, norm, layer.activation)
    scale = norm.gamma.astype(np.float64) / np.sqrt(norm.variance.astype(np.float64) + norm.eps)
    bias = scale * (bias - norm.mean) + norm.beta
    return Folded(scale[:, np.newaxis] * weights, bias, None, layer.activation)
