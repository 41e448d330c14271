"""Batch norm: each channel over the rows and all that lies in space.

The formulas, over the m numbers of one channel:

    y = γ x̂ + β,  x̂ = (x − μ) / √(σ² + ε),  σ² biased
    ∂C/∂x = (g − mean(g) − x̂ mean(g x̂)) / √(σ² + ε),  g = γ ∂C/∂y
    ∂C/∂γ = Σ x̂ ∂C/∂y,  ∂C/∂β = Σ ∂C/∂y

Without space these are columns. With it, a channel's numbers are brought together, and the
kernel of the row norms takes them for the groups of one long row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import empty, empty_like, ndarray
from numpy.typing import ArrayLike

from fastnn._common.checks import brief, check_finite, check_flag, check_number
from fastnn._core.norm import columns_backward, columns_forward
from fastnn.functional._arrays import check_cache, checked, own
from fastnn.functional._channels import (
    NormArguments,
    NormCache,
    blocks_gradients,
    blocks_normalized,
    check_arguments,
    check_shared,
    check_statistics,
)

FORWARD = "batch_norm_forward"


@dataclass(frozen=True)
class _Running:
    """The caller's running statistics, and the weight of the newest batch."""

    mean: ndarray
    variance: ndarray
    momentum: float

    def update(self, mean: ndarray, variance: ndarray, count: int) -> None:
        """running := (1 − momentum) running + momentum batch, from the biased variance."""
        unbiased = variance * (count / (count - 1))
        for running, batch in ((self.mean, mean), (self.variance, unbiased)):
            running[...] = (1 - self.momentum) * running + self.momentum * batch


def _check_running(
    mean: Any, variance: Any, momentum: Any, training: Any, channels: int
) -> _Running | None:
    weight = check_number(momentum, "momentum", positive=True)
    if weight > 1:
        raise ValueError(f"momentum: expected a number up to 1, got {brief(momentum)}")
    if check_flag(training, "training") and mean is None and variance is None:
        return None
    for name, array in (("running_mean", mean), ("running_variance", variance)):
        _check_statistic(array, name, channels, bool(training))
    if (variance < 0).any():
        raise ValueError(f"running_variance: expected numbers of 0 or more, got {variance.min()}")
    if training and np.shares_memory(mean, variance):
        raise ValueError("running_variance: expected other memory than that of running_mean")
    return _Running(mean, variance, weight)


def _check_statistic(array: Any, name: str, channels: int, training: bool) -> None:
    if not isinstance(array, ndarray) or array.dtype not in (np.float32, np.float64):
        got = f"{type(array).__name__} of {array.dtype}" if isinstance(array, ndarray) else None
        raise TypeError(
            f"{name}: expected a float32 or float64 array of {channels} channels, "
            f"got {got or brief(array)}"
        )
    if array.shape != (channels,):
        raise ValueError(f"{name}: expected shape ({channels},), got {array.shape}")
    if training and not array.flags.writeable:
        raise ValueError(f"{name}: expected an array to update in place, got a read-only one")
    check_finite(array, name)


def batch_norm_forward(
    x: ArrayLike,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    *,
    eps: float = 1e-5,
    running_mean: ndarray | None = None,
    running_variance: ndarray | None = None,
    momentum: float = 0.1,
    training: bool = True,
) -> tuple[ndarray, NormCache]:
    """Normalize each channel over the rows and all that lies in space.

    Parameters
    ----------
    x : array (N, C) or (N, C, ...)
        Rows, channels and any number of spatial dimensions; in training at least 2 numbers a
        channel.
    gamma : array (C,), optional
        γ, one a channel; ones by default.
    beta : array (C,), optional
        β, one a channel; zeros by default.
    eps : float, default 1e-5
        ε, added to the variance.
    running_mean, running_variance : array (C,), float32 or float64, optional
        In training both become (1 − momentum) of themselves plus momentum of the batch's, in
        place, the variance unbiased; give both or neither. Otherwise they are the statistics, and
        needed.
    momentum : float, default 0.1
        Weight of the newest batch, above 0 and up to 1.
    training : bool, default True
        Whether the statistics are those of x, or the running ones.

    Returns
    -------
    y : array shaped as x
        γ (x − μ) / √(σ² + ε) + β, with mean μ and biased variance σ² of each channel; float32 if
        x is, else float64.
    cache : NormCache
        For ``batch_norm_backward``.

    Raises
    ------
    TypeError
        If an argument is not made of real numbers, or only one running statistic is given.
    ValueError
        If a shape is wrong, a number is not finite or out of range, a running statistic cannot
        be updated, or a channel holds a single number in training. Nothing is updated then.

    References
    ----------
    Ioffe and Szegedy, "Batch normalization", 2015, algorithms 1 and 2.
    """
    given = check_arguments(x, gamma, beta, eps)
    channels = given.x.shape[1]
    running = _check_running(running_mean, running_variance, momentum, training, channels)
    if not training:
        assert running is not None  # else refused above
        return _with_running_statistics(given, running)
    check_shared(given.x.size // channels, given.x.shape, "a channel in training")
    if given.x.size == given.x.shape[0] * channels:
        return _over_columns(given, running)
    return _over_rows_and_space(given, running)


def _over_columns(given: NormArguments, running: _Running | None) -> tuple[ndarray, NormCache]:
    rows, channels = given.x.shape[:2]
    y = given.x.reshape(rows, channels).copy()
    xhat = empty_like(y)
    mean, variance, inverse = (empty(channels, given.dtype) for _ in range(3))
    columns_forward(y, xhat, mean, variance, inverse, given.gamma, given.beta, given.eps)
    check_statistics(inverse, given.x, given.eps)
    if running:
        running.update(mean, variance, rows)
    cache = NormCache(FORWARD, given.x.shape, xhat, inverse, given.gamma)
    return y.reshape(given.x.shape), cache


def _channels_first(x: ndarray) -> ndarray:
    """Return a copy (1, C, N · space) of x (N, C, ...)."""
    return x.swapaxes(0, 1).copy().reshape(1, x.shape[1], -1)


def _rows_first(y: ndarray, shape: tuple[int, ...]) -> ndarray:
    """Return a copy shaped (N, C, ...) of y (1, C, N · space)."""
    return y.reshape(shape[1], shape[0], *shape[2:]).swapaxes(0, 1).copy()


def _over_rows_and_space(
    given: NormArguments, running: _Running | None
) -> tuple[ndarray, NormCache]:
    y = _channels_first(given.x)
    statistics = _statistics(y[0]) if running else None
    cache = blocks_normalized(y, y.shape[1], given, FORWARD)
    if running and statistics:
        running.update(*statistics, y.shape[2])
    return _rows_first(y, given.x.shape), cache


def _statistics(channels: ndarray) -> tuple[ndarray, ndarray]:
    """Mean and biased variance of each row of ``channels``, in float64."""
    with np.errstate(all="ignore"):  # what is too large is refused by the caller
        # Less the first number, lest a mean far from 0 keep too few digits of what is around it.
        moved = np.subtract(channels, channels[:, :1], dtype=np.float64)
        return channels[:, 0] + moved.mean(axis=1), moved.var(axis=1)


def _along_channels(ndim: int) -> tuple[Any, ...]:
    """The index that lays one number a channel along an (N, C, ...) array of ``ndim``."""
    return (slice(None), *(np.newaxis,) * (ndim - 2))


def _with_running_statistics(given: NormArguments, running: _Running) -> tuple[ndarray, NormCache]:
    along = _along_channels(given.x.ndim)
    inverse = (1 / np.sqrt(running.variance.astype(np.float64) + given.eps)).astype(given.dtype)
    xhat = given.x - running.mean.astype(given.dtype)[along]
    xhat *= inverse[along]
    y = xhat * given.gamma[along]
    y += given.beta[along]
    return y, NormCache(FORWARD, y.shape, xhat, inverse, given.gamma, fixed=True)


def batch_norm_backward(dy: ArrayLike, cache: NormCache) -> tuple[ndarray, ndarray, ndarray]:
    """Return the gradients of ``batch_norm_forward`` from that of its result.

    Parameters
    ----------
    dy : array shaped as x
        ∂C/∂y.
    cache : NormCache
        What ``batch_norm_forward`` returned; it may be used again.

    Returns
    -------
    dx : array shaped as x
        ∂C/∂x = (g − mean(g) − x̂ mean(g x̂)) / √(σ² + ε) with g = γ ∂C/∂y, means over each channel;
        g / √(σ² + ε) if the statistics were the running ones, which are no function of x.
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
    check_cache(cache, FORWARD)
    if not cache.fixed and cache.xhat.ndim == 3:
        delta = _channels_first(checked(dy, "dy", cache.xhat.dtype, cache.shape))
        dgamma, dbeta = blocks_gradients(delta, cache)
        return _rows_first(delta, cache.shape), dgamma, dbeta
    delta = own(dy, "dy", cache.xhat.dtype, cache.shape)
    if cache.fixed:
        return _fixed_backward(delta, cache)
    delta = delta.reshape(cache.xhat.shape)
    dgamma, dbeta = empty_like(cache.gamma), empty_like(cache.gamma)
    columns_backward(delta, dgamma, dbeta, cache.xhat, cache.inverse, cache.gamma)
    return delta.reshape(cache.shape), dgamma, dbeta


def _fixed_backward(delta: ndarray, cache: NormCache) -> tuple[ndarray, ndarray, ndarray]:
    others = (0, *range(2, delta.ndim))
    dgamma, dbeta = (delta * cache.xhat).sum(axis=others), delta.sum(axis=others)
    scale = cache.gamma * cache.inverse
    delta *= scale[_along_channels(delta.ndim)]
    return delta, dgamma, dbeta


def batch_norm(
    x: ArrayLike,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    *,
    eps: float = 1e-5,
    running_mean: ndarray | None = None,
    running_variance: ndarray | None = None,
    momentum: float = 0.1,
    training: bool = True,
) -> ndarray:
    """Return the y of ``batch_norm_forward``, which see; running statistics are updated too.

    Parameters
    ----------
    x, gamma, beta, eps, running_mean, running_variance, momentum, training
        As for ``batch_norm_forward``.
    """
    return batch_norm_forward(
        x,
        gamma,
        beta,
        eps=eps,
        running_mean=running_mean,
        running_variance=running_variance,
        momentum=momentum,
        training=training,
    )[0]
