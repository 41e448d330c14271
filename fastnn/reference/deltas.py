"""∂C/∂z of the output layer for one example, for every cost and output activation."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn import costs
from fastnn.costs import (
    AbsoluteCost,
    CrossEntropyCost,
    HuberCost,
    LogLikelihoodCost,
    PoissonCost,
    QuadraticCost,
    QuantileCost,
)
from fastnn.reference.activations import DERIVATIVES, sigmoid, softmax, softmax_jacobian


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


def log_likelihood_of_sigmoid(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    """−y / a · a (1 − a) = −y σ(−z): no division by an output that is rounded to 0."""
    return -y * sigmoid(-z)


def cross_entropy_of_softmax(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(Jacobian)ᵀ ∂C/∂a, with the outputs' 1 − a_j as the sums of all others.

    δ_i = a_i − y_i − Σ_j≠i (a_j − y_j) s_ij, where s_ij = a_i / (1 − a_j) is the softmax without
    z_j, at i: it has all its digits where a_j is rounded to 1.
    """
    a = softmax(z)
    delta = a - y
    for j in range(len(z)):
        others = np.arange(len(z)) != j
        if others.any():
            # a_j − y_j where a_j is nearly 1
            difference = 1 - y[j] - np.sum(a[others]) if a[j] > 0.5 else a[j] - y[j]
            delta[others] -= difference * softmax(z[others])
    return delta


# The pairs whose outputs, rounded to 0 or 1, do not tell the gradient.
BY_Z = {
    (LogLikelihoodCost, "sigmoid"): log_likelihood_of_sigmoid,
    (CrossEntropyCost, "softmax"): cross_entropy_of_softmax,
}
# The pairs for which the cost's own ``delta`` is right; there f' or the Jacobian cancels.
OWN_PAIRS = {
    QuadraticCost: "sigmoid",
    CrossEntropyCost: "sigmoid",
    LogLikelihoodCost: "softmax",
    HuberCost: "identity",
    AbsoluteCost: "identity",
    QuantileCost: "identity",
    PoissonCost: "exp",
}


def output_delta(cost: Any, output: str, z: np.ndarray, a: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return δ of the output layer (BP1 of Nielsen, chapter 2), all arguments columns (n_out, 1).

    For the cost's own pair, and for a user's cost, it is the cost's ``delta``; else the chain rule:
    ∂C/∂a times f'(z), or the softmax's Jacobian applied to it, by z where there is a formula.
    """
    kind = cost if isinstance(cost, type) else type(cost)
    if kind not in OWN_PAIRS or OWN_PAIRS[kind] == output:
        return costs.delta_of(cost, z, a, y)
    if (kind, output) in BY_Z:
        return BY_Z[kind, output](z, y)
    # The delta of a cost for identity outputs is ∂C/∂a.
    gradient = GRADIENTS[kind](a, y) if kind in GRADIENTS else cost.delta(z, a, y)
    if output == "softmax":
        return softmax_jacobian(z).T @ gradient
    return gradient * DERIVATIVES[output](z)
