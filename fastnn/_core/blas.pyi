"""SciPy's BLAS under row-major names."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_Float = TypeVar("_Float", np.float32, np.float64)

def need_blas() -> None:
    """Load SciPy's BLAS if it is not loaded yet."""

def gemm(
    C: NDArray[_Float],
    A: NDArray[_Float],
    B: NDArray[_Float],
    transposed: str,
    alpha: float,
    beta: float,
) -> None:
    """C (m, n) := alpha op(A) op(B) + beta C; ``transposed`` is "", "A" or "B"."""
