"""Dropout masks that are never stored: a hash of (seed, step, layer, unit)."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_Float = TypeVar("_Float", np.float32, np.float64)

def dropout(
    out: NDArray[_Float],
    inp: NDArray[_Float],
    rate: float,
    scale: float,
    seed: int,
    step: int,
    layer: int,
) -> None:
    """``out`` (size,) := ``scale`` · ``inp`` (size,) where a unit is kept, else 0."""
