"""Activation functions and their derivatives, as the formulas stand in the texts.

Each function takes the weighted input z of one layer as a column (n, 1).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import expit


def identity(z: np.ndarray) -> np.ndarray:
    """f(z) = z."""
    return z


def identity_prime(z: np.ndarray) -> np.ndarray:
    """f'(z) = 1."""
    return np.ones_like(z)


def sigmoid(z: np.ndarray) -> np.ndarray:
    """σ(z) = 1 / (1 + e^−z) (Nielsen, chapter 1); SciPy's never overflows."""
    return expit(z)


def sigmoid_prime(z: np.ndarray) -> np.ndarray:
    """σ'(z) = σ(z) (1 − σ(z))."""
    a = sigmoid(z)
    return a * (1 - a)


def tanh(z: np.ndarray) -> np.ndarray:
    """tanh(z) (Nielsen, chapter 3)."""
    return np.tanh(z)


def tanh_prime(z: np.ndarray) -> np.ndarray:
    """tanh'(z) = 1 − tanh²(z)."""
    return 1 - np.tanh(z) ** 2


def relu(z: np.ndarray) -> np.ndarray:
    """max(0, z) (Nielsen, chapter 3)."""
    return np.maximum(z, 0)


def relu_prime(z: np.ndarray) -> np.ndarray:
    """1 where z > 0, else 0, at z = 0 too."""
    return (z > 0).astype(z.dtype)


def softmax(z: np.ndarray) -> np.ndarray:
    """e^z_j / Σ_k e^z_k over each column (Nielsen, chapter 3).

    The largest z is taken off first, which changes nothing but keeps e^z finite.
    """
    e = np.exp(z - z.max(axis=0))
    return e / e.sum(axis=0)


def softmax_jacobian(z: np.ndarray) -> np.ndarray:
    """∂a_j/∂z_k = a_j (δ_jk − a_k), an (n, n) matrix for one column."""
    a = softmax(z)
    return np.diagflat(a) - a @ a.T


FUNCTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "identity": identity,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "relu": relu,
    "softmax": softmax,
}
DERIVATIVES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "identity": identity_prime,
    "sigmoid": sigmoid_prime,
    "tanh": tanh_prime,
    "relu": relu_prime,
}
