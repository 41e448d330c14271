"""Sums in double of what Python sums with NumPy: pairwise, to the same bits."""

from enum import IntEnum
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_Float = TypeVar("_Float", np.float32, np.float64)

class Term(IntEnum):
    """What is summed up."""

    SQUARE = 0
    MAGNITUDE = 1
    SQUARED_ERROR = 2
    ABSOLUTE_ERROR = 3

def sum_of(x: NDArray[_Float], y: NDArray[_Float], term: int) -> float:
    """Return the sum of one kind of ``Term`` over ``x`` and, of errors, ``y``, both (n,)."""
