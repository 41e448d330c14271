"""Normalizations of each row by itself: layer, group and instance norm.

All three bring groups of neighbouring channels of a row, with all that lies in space, to mean 0
and variance 1, then scale and shift each channel. One group is layer norm, a group a channel
instance norm. The formulas, over the numbers of one group of one row:

    y = γ x̂ + β,  x̂ = (x − μ) / √(σ² + ε),  σ² biased
    ∂C/∂x = (g − mean(g) − x̂ mean(g x̂)) / √(σ² + ε),  g = γ ∂C/∂y
    ∂C/∂γ = Σ x̂ ∂C/∂y,  ∂C/∂β = Σ ∂C/∂y,  summed over rows and space
"""

from __future__ import annotations

from numpy import ndarray
from numpy.typing import ArrayLike

from fastnn._common.checks import check_whole
from fastnn.functional._arrays import check_cache, own
from fastnn.functional._channels import (
    NormArguments,
    NormCache,
    blocks_gradients,
    blocks_normalized,
    check_arguments,
    check_shared,
)


def _forward(given: NormArguments, groups: int, made_by: str) -> tuple[ndarray, NormCache]:
    shape = given.x.shape
    rows, channels = shape[:2]
    check_shared(given.x.size // (rows * groups), shape, "to share a variance")
    y = given.x.reshape(rows, channels, -1).copy()
    cache = blocks_normalized(y, groups, given, made_by)
    return y.reshape(shape), cache


def _backward(dy: ArrayLike, cache: NormCache, made_by: str) -> tuple[ndarray, ndarray, ndarray]:
    check_cache(cache, made_by)
    delta = own(dy, "dy", cache.xhat.dtype, cache.shape).reshape(cache.xhat.shape)
    dgamma, dbeta = blocks_gradients(delta, cache)
    return delta.reshape(cache.shape), dgamma, dbeta


def layer_norm_forward(
    x: ArrayLike,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    *,
    eps: float = 1e-5,
) -> tuple[ndarray, NormCache]:
    """Normalize each row over its channels and all that lies in space.

    Parameters
    ----------
    x : array (N, C) or (N, C, ...)
        Rows, channels and any number of spatial dimensions; at least 2 numbers a row.
    gamma : array (C,), optional
        γ, one a channel; ones by default.
    beta : array (C,), optional
        β, one a channel; zeros by default.
    eps : float, default 1e-5
        ε, added to the variance.

    Returns
    -------
    y : array shaped as x
        γ (x − μ) / √(σ² + ε) + β, with mean μ and biased variance σ² of the row; float32 if x is,
        else float64.
    cache : NormCache
        For ``layer_norm_backward``.

    Raises
    ------
    TypeError
        If an argument is not made of real numbers.
    ValueError
        If a shape is wrong, a number is not finite, ``eps`` is not above 0, or a row holds a
        single number.

    References
    ----------
    Ba, Kiros and Hinton, "Layer normalization", 2016.
    """
    return _forward(check_arguments(x, gamma, beta, eps), 1, "layer_norm_forward")


def layer_norm_backward(dy: ArrayLike, cache: NormCache) -> tuple[ndarray, ndarray, ndarray]:
    """Return the gradients of ``layer_norm_forward`` from that of its result.

    Parameters
    ----------
    dy : array shaped as x
        ∂C/∂y.
    cache : NormCache
        What ``layer_norm_forward`` returned; it may be used again.

    Returns
    -------
    dx : array shaped as x
        ∂C/∂x = (g − mean(g) − x̂ mean(g x̂)) / √(σ² + ε) with g = γ ∂C/∂y, means over each row.
    dgamma, dbeta : array (C,)
        Σ x̂ ∂C/∂y and Σ ∂C/∂y over rows and space.

    Raises
    ------
    TypeError
        If ``dy`` is not made of real numbers or ``cache`` is no cache.
    ValueError
        If ``dy`` has another shape or a number that is not finite, or ``cache`` is that of
        another function.
    """
    return _backward(dy, cache, "layer_norm_forward")


def layer_norm(
    x: ArrayLike,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    *,
    eps: float = 1e-5,
) -> ndarray:
    """Return the y of ``layer_norm_forward``, which see.

    Parameters
    ----------
    x, gamma, beta, eps
        As for ``layer_norm_forward``.
    """
    return layer_norm_forward(x, gamma, beta, eps=eps)[0]


def group_norm_forward(
    x: ArrayLike,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    *,
    groups: int,
    eps: float = 1e-5,
) -> tuple[ndarray, NormCache]:
    """Normalize each row over groups of neighbouring channels and all that lies in space.

    Parameters
    ----------
    x : array (N, C) or (N, C, ...)
        Rows, channels and any number of spatial dimensions; at least 2 numbers a group.
    gamma : array (C,), optional
        γ, one a channel; ones by default.
    beta : array (C,), optional
        β, one a channel; zeros by default.
    groups : int
        Divides C.
    eps : float, default 1e-5
        ε, added to the variance.

    Returns
    -------
    y : array shaped as x
        γ (x − μ) / √(σ² + ε) + β, with mean μ and biased variance σ² of each group of each row;
        float32 if x is, else float64.
    cache : NormCache
        For ``group_norm_backward``.

    Raises
    ------
    TypeError
        If an argument is not made of real numbers, or ``groups`` is no whole number.
    ValueError
        If a shape is wrong, a number is not finite, ``groups`` does not divide C, ``eps`` is not
        above 0, or a group holds a single number.

    References
    ----------
    Wu and He, "Group normalization", 2018.
    """
    given = check_arguments(x, gamma, beta, eps)
    channels = given.x.shape[1]
    if channels % check_whole(groups, "groups", 1):
        raise ValueError(f"groups: expected a divisor of the {channels} channels, got {groups}")
    return _forward(given, int(groups), "group_norm_forward")


def group_norm_backward(dy: ArrayLike, cache: NormCache) -> tuple[ndarray, ndarray, ndarray]:
    """Return the gradients of ``group_norm_forward`` from that of its result.

    Parameters
    ----------
    dy : array shaped as x
        ∂C/∂y.
    cache : NormCache
        What ``group_norm_forward`` returned; it may be used again.

    Returns
    -------
    dx : array shaped as x
        As in ``layer_norm_backward``, with means over each group of each row.
    dgamma, dbeta : array (C,)
        Σ x̂ ∂C/∂y and Σ ∂C/∂y over rows and space.

    Raises
    ------
    TypeError, ValueError
        As ``layer_norm_backward``.
    """
    return _backward(dy, cache, "group_norm_forward")


def group_norm(
    x: ArrayLike,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    *,
    groups: int,
    eps: float = 1e-5,
) -> ndarray:
    """Return the y of ``group_norm_forward``, which see.

    Parameters
    ----------
    x, gamma, beta, groups, eps
        As for ``group_norm_forward``.
    """
    return group_norm_forward(x, gamma, beta, groups=groups, eps=eps)[0]


def instance_norm_forward(
    x: ArrayLike,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    *,
    eps: float = 1e-5,
) -> tuple[ndarray, NormCache]:
    """Normalize each channel of each row over all that lies in space.

    Parameters
    ----------
    x : array (N, C, ...)
        Rows, channels and at least one spatial dimension; at least 2 numbers a channel.
    gamma : array (C,), optional
        γ, one a channel; ones by default.
    beta : array (C,), optional
        β, one a channel; zeros by default.
    eps : float, default 1e-5
        ε, added to the variance.

    Returns
    -------
    y : array shaped as x
        γ (x − μ) / √(σ² + ε) + β, with mean μ and biased variance σ² of each channel of each row;
        float32 if x is, else float64.
    cache : NormCache
        For ``instance_norm_backward``.

    Raises
    ------
    TypeError
        If an argument is not made of real numbers.
    ValueError
        If a shape is wrong, a number is not finite, ``eps`` is not above 0, or a channel holds a
        single number, as always without a spatial dimension.

    References
    ----------
    Ulyanov, Vedaldi and Lempitsky, "Instance normalization", 2016.
    """
    given = check_arguments(x, gamma, beta, eps)
    return _forward(given, given.x.shape[1], "instance_norm_forward")


def instance_norm_backward(dy: ArrayLike, cache: NormCache) -> tuple[ndarray, ndarray, ndarray]:
    """Return the gradients of ``instance_norm_forward`` from that of its result.

    Parameters
    ----------
    dy : array shaped as x
        ∂C/∂y.
    cache : NormCache
        What ``instance_norm_forward`` returned; it may be used again.

    Returns
    -------
    dx : array shaped as x
        As in ``layer_norm_backward``, with means over each channel of each row.
    dgamma, dbeta : array (C,)
        Σ x̂ ∂C/∂y and Σ ∂C/∂y over rows and space.

    Raises
    ------
    TypeError, ValueError
        As ``layer_norm_backward``.
    """
    return _backward(dy, cache, "instance_norm_forward")


def instance_norm(
    x: ArrayLike,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    *,
    eps: float = 1e-5,
) -> ndarray:
    """Return the y of ``instance_norm_forward``, which see.

    Parameters
    ----------
    x, gamma, beta, eps
        As for ``instance_norm_forward``.
    """
    return instance_norm_forward(x, gamma, beta, eps=eps)[0]
