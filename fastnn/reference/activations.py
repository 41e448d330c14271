"""Activation functions and their derivatives, as the formulas stand in the texts.

Each function takes the weighted input z of one layer as a column (n, 1).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import expit, ndtr


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


def leaky_relu(z: np.ndarray) -> np.ndarray:
    """z where z > 0, else 0.01 z (Maas, Hannun and Ng, 2013)."""
    return np.where(z > 0, z, 0.01 * z)


def leaky_relu_prime(z: np.ndarray) -> np.ndarray:
    """1 where z > 0, else 0.01."""
    return np.where(z > 0, 1, 0.01)


def elu(z: np.ndarray) -> np.ndarray:
    """z where z > 0, else e^z − 1 (Clevert, Unterthiner and Hochreiter, 2016)."""
    return np.where(z > 0, z, np.expm1(np.minimum(z, 0)))


def elu_prime(z: np.ndarray) -> np.ndarray:
    """1 where z > 0, else e^z."""
    return np.exp(np.minimum(z, 0))


SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


def selu(z: np.ndarray) -> np.ndarray:
    """s z where z > 0, else s α (e^z − 1) (Klambauer et al., 2017)."""
    return SELU_SCALE * np.where(z > 0, z, SELU_ALPHA * np.expm1(np.minimum(z, 0)))


def selu_prime(z: np.ndarray) -> np.ndarray:
    """s where z > 0, else s α e^z."""
    return SELU_SCALE * np.where(z > 0, 1, SELU_ALPHA * np.exp(np.minimum(z, 0)))


def gelu(z: np.ndarray) -> np.ndarray:
    """z Φ(z), with Φ the normal distribution (Hendrycks and Gimpel, 2016)."""
    return z * ndtr(z)


def gelu_prime(z: np.ndarray) -> np.ndarray:
    """Φ(z) + z φ(z), with φ the normal density."""
    return ndtr(z) + z * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)


def silu(z: np.ndarray) -> np.ndarray:
    """z σ(z) (Elfwing, Uchibe and Doya, 2018)."""
    return z * sigmoid(z)


def silu_prime(z: np.ndarray) -> np.ndarray:
    """σ(z) + z σ'(z)."""
    return sigmoid(z) + z * sigmoid_prime(z)


def softplus(z: np.ndarray) -> np.ndarray:
    """ln(1 + e^z) (Dugas et al., 2001)."""
    return np.logaddexp(0, z)


def softplus_prime(z: np.ndarray) -> np.ndarray:
    """σ(z)."""
    return sigmoid(z)


def mish(z: np.ndarray) -> np.ndarray:
    """z tanh(softplus(z)) (Misra, 2020)."""
    return z * np.tanh(softplus(z))


def mish_prime(z: np.ndarray) -> np.ndarray:
    """tanh(s) + z σ(z) (1 − tanh²(s)), with s = softplus(z)."""
    t = np.tanh(softplus(z))
    return t + z * sigmoid(z) * (1 - t**2)


def exp(z: np.ndarray) -> np.ndarray:
    """e^z, the mean of counts."""
    return np.exp(z)


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
    "leaky_relu": leaky_relu,
    "elu": elu,
    "selu": selu,
    "gelu": gelu,
    "silu": silu,
    "mish": mish,
    "softplus": softplus,
    "softmax": softmax,
    "exp": exp,
}
DERIVATIVES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "identity": identity_prime,
    "sigmoid": sigmoid_prime,
    "tanh": tanh_prime,
    "relu": relu_prime,
    "leaky_relu": leaky_relu_prime,
    "elu": elu_prime,
    "selu": selu_prime,
    "gelu": gelu_prime,
    "silu": silu_prime,
    "mish": mish_prime,
    "softplus": softplus_prime,
    "exp": exp,
}
