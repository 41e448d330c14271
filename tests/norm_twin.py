"""The normalizations of (N, C, ...) arrays in plain NumPy, in float64: the tests' own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ROW_NORMS = ("layer_norm", "group_norm", "instance_norm")
NORMS = ("batch_norm", *ROW_NORMS)


@dataclass
class Twin:
    """One forward pass, and how large the terms are that its numbers are sums of."""

    y: np.ndarray
    y_size: np.ndarray
    xhat: np.ndarray
    inverse: np.ndarray
    gamma: np.ndarray
    axes: tuple[int, ...]
    mean: np.ndarray
    variance: np.ndarray
    count: int


def grouped(norm: str, x: np.ndarray, groups: int) -> tuple[np.ndarray, tuple[int, ...]]:
    """``x`` as (N, groups, channels a group, ...), and the axes that share their statistics."""
    n, channels = x.shape[:2]
    groups = {"layer_norm": 1, "group_norm": groups}.get(norm, channels)
    split = x.reshape(n, groups, channels // groups, *x.shape[2:])
    return split, tuple(a for a in range(split.ndim) if a != 1 and (a or norm == "batch_norm"))


def along(values: np.ndarray, x: np.ndarray) -> np.ndarray:
    """One number a channel, laid along the channels of ``x``."""
    return np.asarray(values, np.float64).reshape(1, -1, *[1] * (x.ndim - 2))


def forward(
    norm: str, x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, groups: int, eps: float = 1e-5
) -> Twin:
    """y = γ (x − μ) / √(σ² + ε) + β."""
    x = np.asarray(x, np.float64)
    split, axes = grouped(norm, x, groups)
    mean = split.mean(axis=axes, keepdims=True)
    moved = split - mean
    mean, moved = mean + moved.mean(axis=axes, keepdims=True), moved - moved.mean(axes, keepdims=1)
    variance = (moved**2).mean(axis=axes, keepdims=True)
    inverse = 1 / np.sqrt(variance + eps)
    xhat = (moved * inverse).reshape(x.shape)
    gamma, beta = along(gamma, x), along(beta, x)
    terms = ((np.abs(split) + np.abs(mean)) * inverse).reshape(x.shape)
    count = split.size // mean.size
    size = np.abs(gamma) * (terms + 1) + np.abs(beta)
    return Twin(
        gamma * xhat + beta, size, xhat, inverse, gamma, axes, mean.ravel(), variance.ravel(), count
    )


def backward(
    norm: str, dy: np.ndarray, twin: Twin, groups: int
) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """(gradient, size of its terms) of x, gamma and beta."""
    dy = np.asarray(dy, np.float64)
    g, axes = grouped(norm, twin.gamma * dy, groups)
    xhat, _ = grouped(norm, twin.xhat, groups)

    def mean(values: np.ndarray) -> np.ndarray:
        return values.mean(axis=axes, keepdims=True)

    dx = twin.inverse * (g - mean(g) - xhat * mean(g * xhat))
    a, h = np.abs(g), np.abs(xhat)
    # x̂ itself is off by the rounding of x / √(σ² + ε).
    off = 1 + np.abs(twin.y_size).max()
    size = twin.inverse * (a + mean(a) + h * mean(a * h)) * off
    others = (0, *range(2, dy.ndim))
    sizes = (np.abs(dy) * (np.abs(twin.xhat) + off)).sum(axis=others), np.abs(dy).sum(axis=others)
    return (
        (dx.reshape(dy.shape), size.reshape(dy.shape)),
        ((dy * twin.xhat).sum(axis=others), sizes[0]),
        (dy.sum(axis=others), sizes[1]),
    )
