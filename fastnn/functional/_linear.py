"""The dense layer Z = X Wᵀ + b and its gradients."""

from __future__ import annotations

from dataclasses import dataclass

from numpy import empty, ndarray
from numpy.typing import ArrayLike

import fastnn._core.dense as kernels
from fastnn._common.checks import MOST_NEURONS, as_array, precision_of
from fastnn.functional._arrays import check_cache, checked, own


@dataclass(frozen=True)
class DenseCache:
    """What ``dense_backward`` needs of ``dense_forward``."""

    made_by: str
    x: ndarray
    weights: ndarray


def _matrix(values: ArrayLike, name: str, meaning: str) -> ndarray:
    array = as_array(values, name)
    if array.ndim != 2 or not 0 < min(array.shape) <= max(array.shape) <= MOST_NEURONS:
        raise ValueError(f"{name}: expected a matrix of {meaning}, got shape {array.shape}")
    return array


def dense_forward(
    x: ArrayLike, weights: ArrayLike, biases: ArrayLike
) -> tuple[ndarray, DenseCache]:
    """Return the weighted inputs of a dense layer.

    Parameters
    ----------
    x : array (m, n_in)
    weights : array (n_out, n_in)
    biases : array (n_out,)

    Returns
    -------
    z : array (m, n_out)
        x weightsᵀ + biases; float32 if x is, else float64.
    cache : DenseCache
        For ``dense_backward``.

    Raises
    ------
    TypeError
        If an argument is not made of real numbers.
    ValueError
        If a shape is wrong or a number is not finite.

    References
    ----------
    Nielsen, "Neural networks and deep learning", chapter 2.
    """
    inputs = _matrix(x, "x", "rows and inputs")
    matrix = _matrix(weights, "weights", "neurons and inputs")
    n_in, n_out = inputs.shape[1], len(matrix)
    dtype = precision_of(inputs)
    cache = DenseCache(
        "dense_forward",
        own(inputs, "x", dtype),
        own(matrix, "weights", dtype, (n_out, n_in)),
    )
    z = empty((len(inputs), n_out), dtype)
    kernels.dense_forward(z, cache.x, cache.weights, checked(biases, "biases", dtype, (n_out,)))
    return z, cache


def dense_backward(dz: ArrayLike, cache: DenseCache) -> tuple[ndarray, ndarray, ndarray]:
    """Return the gradients of ``dense_forward`` from that of its result.

    Parameters
    ----------
    dz : array (m, n_out)
        ∂C/∂z.
    cache : DenseCache
        What ``dense_forward`` returned; it may be used again.

    Returns
    -------
    dx : array (m, n_in)
        dz weights.
    dweights : array (n_out, n_in)
        dzᵀ x.
    dbiases : array (n_out,)
        The sum of the rows of dz.

    Raises
    ------
    TypeError
        If ``dz`` is not made of real numbers or ``cache`` is no cache.
    ValueError
        If ``dz`` has another shape or a number that is not finite, or ``cache`` is that of
        another function.
    """
    check_cache(cache, "dense_forward")
    x, weights = cache.x, cache.weights
    delta = checked(dz, "dz", x.dtype, (len(x), len(weights)))
    dx, dweights = empty(x.shape, x.dtype), empty(weights.shape, x.dtype)
    dbiases = empty(len(weights), x.dtype)
    kernels.dense_backward(dx, dweights, dbiases, delta, x, weights)
    return dx, dweights, dbiases


def dense(x: ArrayLike, weights: ArrayLike, biases: ArrayLike) -> ndarray:
    """Return the z of ``dense_forward``, which see.

    Parameters
    ----------
    x, weights, biases : arrays
        As for ``dense_forward``.
    """
    return dense_forward(x, weights, biases)[0]
