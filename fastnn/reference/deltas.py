"""∂C/∂z of the output layer for one example, for every cost and output activation."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn import costs
from fastnn.costs import CrossEntropyCost, LogLikelihoodCost, QuadraticCost
from fastnn.reference.activations import DERIVATIVES, softmax_jacobian


def quadratic_gradient(a: np.ndarray, y: np.ndarray) -> np.ndarray:
    """∂C/∂a = a − y, for C = ½ Σ (a − y)² (Nielsen, chapter 2)."""
    return a - y


def cross_entropy_gradient(a: np.ndarray, y: np.ndarray) -> np.ndarray:
    """∂C/∂a = (a − y) / (a (1 − a)), for C = −Σ [y ln a + (1 − y) ln(1 − a)]."""
    return (a - y) / (a * (1 - a))


def log_likelihood_gradient(a: np.ndarray, y: np.ndarray) -> np.ndarray:
    """∂C/∂a = −y / a, for C = −Σ y ln a."""
    return -y / a


GRADIENTS = {
    QuadraticCost: quadratic_gradient,
    CrossEntropyCost: cross_entropy_gradient,
    LogLikelihoodCost: log_likelihood_gradient,
}
# The pairs for which the cost's own ``delta``, where σ' or the Jacobian cancels, is the book's.
BOOK_PAIRS = {
    QuadraticCost: "sigmoid",
    CrossEntropyCost: "sigmoid",
    LogLikelihoodCost: "softmax",
}


def output_delta(cost: Any, output: str, z: np.ndarray, a: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return δ of the output layer (BP1 of Nielsen, chapter 2), all arguments columns (n_out, 1).

    For a pair that the book has, and for a user's own cost, it is the cost's ``delta``; else the
    chain rule: ∂C/∂a times f'(z), or the softmax's Jacobian applied to it.
    """
    kind = cost if isinstance(cost, type) else type(cost)
    if kind not in GRADIENTS or BOOK_PAIRS[kind] == output:
        return costs.delta_of(cost, z, a, y)
    gradient = GRADIENTS[kind](a, y)
    if output == "softmax":
        return softmax_jacobian(z).T @ gradient
    return gradient * DERIVATIVES[output](z)
