"""Costs by the weighted inputs (m, n) of the output layer."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_Float = TypeVar("_Float", np.float32, np.float64)

# The pairs of cost and output activation for which there is a formula.
FROM_Z: dict[int, tuple[int, ...]]

def cost_of_z(
    z: NDArray[_Float],
    a: NDArray[_Float],
    y: NDArray[_Float],
    row_weights: NDArray[_Float],
    cost: int,
    output: int,
) -> float:
    """Return the cost of outputs ``a`` = f(z), (m, n), against ``y``, summed over all rows.

    ``row_weights`` (m,) or (0,) are factors on the rows' costs; ``output`` is the number of f.
    """
