"""The cost of one example from z of the output layer, for the pairs of cost and output that cancel.

With a = f(z) put into them, the costs' definitions lose what an output rounded to 0 or 1 does not
tell any more: ln σ(−40) is −40, but σ(−40) is 4e−18 and 1 − σ(40) is 0. All arguments are columns
(n_out, 1); everything is computed in float64, whatever the network's dtype.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn import costs
from fastnn.costs import CrossEntropyCost, LogLikelihoodCost, PoissonCost
from fastnn.reference.activations import softplus


def cross_entropy_of_sigmoid(z: np.ndarray, y: np.ndarray) -> float:
    """−Σ [y ln σ(z) + (1 − y) ln(1 − σ(z))] = Σ [y s(−z) + (1 − y) s(z)], s(z) = ln(1 + e^z).

    (Nielsen, chapter 3, with −ln σ(z) = s(−z) and −ln(1 − σ(z)) = s(z).)
    """
    return float(np.sum(y * softplus(-z) + (1 - y) * softplus(z)))


def log_likelihood_of_sigmoid(z: np.ndarray, y: np.ndarray) -> float:
    """−Σ y ln σ(z) = Σ y ln(1 + e^−z)."""
    return float(np.sum(y * softplus(-z)))


def minus_logs_of_softmax(z: np.ndarray) -> np.ndarray:
    """−ln a_j = ln Σ_k e^(z_k − z_top) + (z_top − z_j); of the sum the term 1 is taken apart."""
    top = np.argmax(z)
    others = np.exp(np.delete(z, top) - z[top])
    return np.log1p(np.sum(others)) + (z[top] - z)


def minus_logs_of_rest(z: np.ndarray) -> np.ndarray:
    """−ln(1 − a_j) = ln(1 + e^(z_j − L_j)), with L_j = ln Σ_k≠j e^z_k.

    Of a single number, whose softmax is 1, it is infinite, and counts as the largest number.
    """
    if len(z) == 1:
        return np.full_like(z, np.finfo(z.dtype).max)
    logs = np.empty_like(z)
    for j in range(len(z)):
        others = np.delete(z, j)
        top = np.max(others)
        logs[j] = softplus((z[j] - top) - np.log(np.sum(np.exp(others - top))))
    return logs


def log_likelihood_of_softmax(z: np.ndarray, y: np.ndarray) -> float:
    """−Σ y ln a (Nielsen, chapter 3)."""
    return float(np.sum(y * minus_logs_of_softmax(z)))


def cross_entropy_of_softmax(z: np.ndarray, y: np.ndarray) -> float:
    """−Σ [y ln a + (1 − y) ln(1 − a)]."""
    return float(np.sum(y * minus_logs_of_softmax(z) + (1 - y) * minus_logs_of_rest(z)))


def poisson_of_exp(z: np.ndarray, y: np.ndarray) -> float:
    """Σ [a − y ln a] = Σ [e^z − y z]; e^z itself may be beyond all numbers."""
    return float(np.sum(np.exp(z) - y * z))


BY_Z: dict[tuple[type, str], Callable[[np.ndarray, np.ndarray], float]] = {
    (CrossEntropyCost, "sigmoid"): cross_entropy_of_sigmoid,
    (CrossEntropyCost, "softmax"): cross_entropy_of_softmax,
    (LogLikelihoodCost, "sigmoid"): log_likelihood_of_sigmoid,
    (LogLikelihoodCost, "softmax"): log_likelihood_of_softmax,
    (PoissonCost, "exp"): poisson_of_exp,
}


def cost_of(cost: Any, output: str, z: np.ndarray, a: np.ndarray, y: np.ndarray) -> float:
    """Return the cost of one example, all arguments columns (n_out, 1).

    From z for the pairs above; else it is what the cost's ``fn`` says of a, for fastnn's own costs
    in float64.
    """
    if costs.kernel_id(cost) == costs.CUSTOM:
        return costs.fn_of(cost, a, y)
    z, a, y = (array.astype(np.float64) for array in (z, a, y))
    formula = BY_Z.get((cost if isinstance(cost, type) else type(cost), output))
    with np.errstate(over="ignore"):  # e^z, or the square of a large difference
        return costs.fn_of(cost, a, y) if formula is None else formula(z, y)
