"""What the four normalizations share: (N, C, ...) arrays with a gamma and a beta a channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn._common.checks import as_array, check_number, precision_of
from fastnn._core.norm import blocks_backward, blocks_forward
from fastnn.functional._arrays import checked


@dataclass(frozen=True)
class NormCache:
    """What the backward pass of a normalization needs of the forward pass.

    ``xhat`` lies as the kernel that made it wants it, ``shape`` is that of x. ``fixed`` says that
    the statistics were given, and no function of x.
    """

    made_by: str
    shape: tuple[int, ...]
    xhat: np.ndarray
    inverse: np.ndarray
    gamma: np.ndarray
    fixed: bool = False


@dataclass(frozen=True)
class NormArguments:
    """The arguments of a normalization, checked; ``x`` is still in the caller's memory."""

    x: np.ndarray
    dtype: np.dtype
    gamma: np.ndarray
    beta: np.ndarray
    eps: float


def check_arguments(x: Any, gamma: Any, beta: Any, eps: Any) -> NormArguments:
    """Check what all normalizations take; gamma None means ones, beta None zeros.

    Raises
    ------
    TypeError
        If an argument is not made of real numbers.
    ValueError
        If a shape is wrong, ``x`` is empty, a number is not finite, or ``eps`` is not above 0.
    """
    array = as_array(x, "x")
    if array.ndim < 2 or not array.size:
        raise ValueError(
            "x: expected rows, channels and any spatial dimensions, none of them 0, "
            f"got shape {array.shape}"
        )
    dtype, channels = precision_of(array), array.shape[1]
    return NormArguments(
        checked(array, "x", dtype),
        dtype,
        _per_channel(gamma, "gamma", channels, dtype, 1.0),
        _per_channel(beta, "beta", channels, dtype, 0.0),
        check_number(eps, "eps", positive=True),
    )


def _per_channel(
    values: Any, name: str, channels: int, dtype: np.dtype, default: float
) -> np.ndarray:
    if values is None:
        return np.full(channels, default, dtype=dtype)
    # A copy: the cache keeps gamma, and who trains it changes it in place.
    return checked(values, name, dtype, (channels,)).copy()


def check_shared(count: int, shape: tuple[int, ...], what: str) -> None:
    """Raise ``ValueError`` if a mean and a variance are those of a single number."""
    if count < 2:
        raise ValueError(
            f"x: expected at least 2 numbers {what} (one has no variance), got shape {shape}"
        )


def check_statistics(inverse: np.ndarray, x: np.ndarray, eps: float) -> None:
    """Raise ``ValueError`` if a variance, or 1 / √(variance + eps), left the range of the dtype."""
    if not (np.isfinite(inverse) & (inverse > 0)).all():
        raise ValueError(
            f"x: expected numbers whose variance {inverse.dtype} can hold, got numbers from "
            f"{x.min():.4g} to {x.max():.4g} with eps {eps:.4g}"
        )


def blocks_normalized(y: np.ndarray, groups: int, given: NormArguments, made_by: str) -> NormCache:
    """Normalize ``y`` (N, C, space), made of x, over groups of each row; return the cache."""
    xhat, inverse = np.empty_like(y), np.empty((len(y), groups), given.dtype)
    blocks_forward(y, xhat, inverse, given.gamma, given.beta, given.eps)
    check_statistics(inverse, given.x, given.eps)
    return NormCache(made_by, given.x.shape, xhat, inverse, given.gamma)


def blocks_gradients(delta: np.ndarray, cache: NormCache) -> tuple[np.ndarray, np.ndarray]:
    """Turn ``delta`` (N, C, space) from ∂C/∂y into ∂C/∂x; return ∂C/∂γ and ∂C/∂β."""
    dgamma, dbeta = np.empty_like(cache.gamma), np.empty_like(cache.gamma)
    blocks_backward(delta, dgamma, dbeta, cache.xhat, cache.inverse, cache.gamma)
    return dgamma, dbeta
