"""Activations, and errors of outputs: the functions of the book's ``common.functions``."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn._core.activation import Activation, activation_forward

__all__ = [
    "cross_entropy_error",
    "identity_function",
    "relu",
    "relu_grad",
    "sigmoid",
    "sigmoid_grad",
    "softmax",
    "softmax_loss",
    "step_function",
    "sum_squared_error",
]


def _activated(x: Any, activation: int) -> Any:
    """Return f(x) of numbers in any shape, along the last axis where f is of several."""
    given = np.asarray(x)
    dtype = given.dtype if given.dtype in (np.float32, np.float64) else np.float64
    out = np.array(given, dtype=dtype, order="C", ndmin=1)
    if out.size:
        activation_forward(out.reshape(-1, out.shape[-1]), activation)
    return out.reshape(given.shape)[()]


def identity_function(x: Any) -> Any:
    """Return ``x`` itself.

    Parameters
    ----------
    x : array or float
    """
    return x


def step_function(x: Any) -> Any:
    """Return 1 where ``x`` is above 0, else 0, as integers.

    Parameters
    ----------
    x : array or float
    """
    return np.array(np.asarray(x) > 0, dtype=int)


def sigmoid(x: Any) -> Any:
    """Return 1 / (1 + e^−x), which does not overflow.

    Parameters
    ----------
    x : array or float
        Float32 stays so, all else becomes float64.
    """
    return _activated(x, Activation.SIGMOID)


def sigmoid_grad(x: Any) -> Any:
    """Return the slope of ``sigmoid``, (1 − σ(x)) σ(x).

    Parameters
    ----------
    x : array or float
    """
    out = sigmoid(x)
    return (1 - out) * out


def relu(x: Any) -> Any:
    """Return max(0, x).

    Parameters
    ----------
    x : array or float
    """
    return np.maximum(0, x)


def relu_grad(x: Any) -> np.ndarray:
    """Return 1 where ``x`` is 0 or more, else 0, in the dtype of ``x``.

    Parameters
    ----------
    x : array
    """
    given = np.asarray(x)
    return (given >= 0).astype(given.dtype)


def softmax(x: Any) -> Any:
    """Return e^x / Σ e^x, sums over the last axis, which does not overflow.

    Parameters
    ----------
    x : array (n,) or (m, n)
    """
    return _activated(x, Activation.SOFTMAX)


def sum_squared_error(y: Any, t: Any) -> Any:
    """Return ½ Σ (y − t)².

    Parameters
    ----------
    y, t : arrays of one shape
    """
    return 0.5 * np.sum((np.asarray(y) - t) ** 2)


def cross_entropy_error(y: Any, t: Any) -> Any:
    """Return the mean of −ln(y_t + 1e-7) over the rows, with y_t the output of the right class.

    Parameters
    ----------
    y : array (m, n) or (n,)
        Probabilities.
    t : array (m,) of labels, or shaped as ``y``
        Of rows as long as those of ``y`` the largest number is the right class.

    Raises
    ------
    IndexError
        If a label is no class.
    """
    outputs, targets = np.atleast_2d(y), np.asarray(t)
    if targets.size == outputs.size:
        targets = targets.reshape(outputs.shape).argmax(axis=1)
    right = outputs[np.arange(len(outputs)), targets.reshape(-1)]
    return -np.sum(np.log(right + 1e-7)) / len(outputs)


def softmax_loss(X: Any, t: Any) -> Any:
    """Return the ``cross_entropy_error`` of ``softmax(X)``.

    Parameters
    ----------
    X : array (m, n) or (n,)
    t : array
        As for ``cross_entropy_error``.
    """
    return cross_entropy_error(softmax(X), t)
