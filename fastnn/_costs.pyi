"""Costs of (m, n) outputs against targets, and their gradients before the output activation."""

import enum
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_Float = TypeVar("_Float", np.float32, np.float64)

class Cost(enum.IntEnum):
    """The numbers by which kernels and plans know the costs."""

    QUADRATIC = 0
    CROSS_ENTROPY = 1
    LOG_LIKELIHOOD = 2

def cost_forward(a: NDArray[_Float], y: NDArray[_Float], cost: int) -> float:
    """Return the cost of ``a`` (m, n) against ``y`` (m, n), summed over all rows in double."""

def cost_backward(
    delta: NDArray[_Float], a: NDArray[_Float], y: NDArray[_Float], cost: int, output: int
) -> None:
    """``delta`` (m, n) := ∂C/∂z where ``a`` (m, n) = f(z), f the activation ``output``."""
