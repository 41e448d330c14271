"""The normalizations of a mini-batch, rows (m, n), as the formulas stand in the papers.

All three are: bring some numbers to mean 0 and variance 1, x̂ = (x − μ) / √(σ² + ε), then
y = γ x̂ + β. They differ in which numbers share μ and σ²: ``axes`` of the rows, reshaped to
(m, groups, n / groups).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastnn.normalization import BatchNorm, Normalization


@dataclass
class Cache:
    """What the backward pass needs of the forward pass."""

    xhat: np.ndarray
    inverse: np.ndarray
    gamma: np.ndarray
    axes: tuple[int, ...]


def _grouped(x: np.ndarray, norm: Normalization) -> np.ndarray:
    m, n = x.shape
    groups = norm.groups_of(n)
    return x.reshape(m, groups, n // groups)


def forward(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, norm: Normalization
) -> tuple[np.ndarray, Cache]:
    """Return γ x̂ + β for rows ``x`` (m, n), with their own statistics.

    Batch norm averages over the rows (Ioffe and Szegedy, 2015, algorithm 1), layer norm over a
    row's neurons (Ba, Kiros and Hinton, 2016), group norm over a group of them (Wu and He, 2018).
    """
    grouped = _grouped(x, norm)
    axes = (0,) if isinstance(norm, BatchNorm) else (2,)
    mean = grouped.mean(axis=axes, keepdims=True)
    variance = ((grouped - mean) ** 2).mean(axis=axes, keepdims=True)
    inverse = 1 / np.sqrt(variance + norm.eps)
    xhat = (grouped - mean) * inverse
    return gamma * xhat.reshape(x.shape) + beta, Cache(xhat, inverse, gamma, axes)


def backward(dy: np.ndarray, cache: Cache) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ∂C/∂x, ∂C/∂γ and ∂C/∂β from ∂C/∂y.

    With g = γ ∂C/∂y: ∂C/∂x = (g − mean(g) − x̂ mean(g x̂)) / √(σ² + ε), means as in the forward
    pass.
    """
    xhat = cache.xhat
    g = (cache.gamma * dy).reshape(xhat.shape)
    mean = g.mean(axis=cache.axes, keepdims=True)
    along = (g * xhat).mean(axis=cache.axes, keepdims=True)
    dx = cache.inverse * (g - mean - xhat * along)
    return dx.reshape(dy.shape), (dy * xhat.reshape(dy.shape)).sum(axis=0), dy.sum(axis=0)


def running_update(
    running_mean: np.ndarray,
    running_variance: np.ndarray,
    x: np.ndarray,
    momentum: float,
    unbiased: bool = True,
) -> None:
    """running ← (1 − momentum) running + momentum batch, the variance unbiased if so asked."""
    running_mean *= 1 - momentum
    running_mean += momentum * x.mean(axis=0)
    running_variance *= 1 - momentum
    running_variance += momentum * x.var(axis=0, ddof=int(unbiased))


def predict(
    x: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    running_mean: np.ndarray,
    running_variance: np.ndarray,
    eps: float,
) -> np.ndarray:
    """Return batch norm's γ (x − running mean) / √(running variance + ε) + β."""
    return gamma * (x - running_mean) / np.sqrt(running_variance + eps) + beta
