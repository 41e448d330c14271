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
    HUBER = 3
    ABSOLUTE = 4
    POISSON = 5
    QUANTILE = 6

# The output activations for which each cost's delta is right.
OUTPUTS: dict[int, tuple[int, ...]]

def cost_forward(
    a: NDArray[_Float],
    y: NDArray[_Float],
    row_weights: NDArray[_Float],
    cost: int,
    parameter: float,
) -> float:
    """Return the cost of ``a`` against ``y``, both (m, n), summed over all rows in double.

    ``row_weights`` (m,) or (0,) are factors on the rows' costs.
    """

def cost_backward(
    delta: NDArray[_Float],
    a: NDArray[_Float],
    y: NDArray[_Float],
    cost: int,
    parameter: float,
    output: int,
) -> None:
    """``delta`` (m, n) := ∂C/∂z where ``a`` (m, n) = f(z), f the activation ``output``."""
