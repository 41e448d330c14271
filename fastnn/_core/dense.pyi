"""The dense layer Z = X Wᵀ + b; ``m`` rows, ``n_in`` inputs, ``n_out`` neurons."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_Float = TypeVar("_Float", np.float32, np.float64)

def dense_forward(
    out: NDArray[_Float], inp: NDArray[_Float], weights: NDArray[_Float], biases: NDArray[_Float]
) -> None:
    """``out`` (m, n_out) := ``inp`` (m, n_in) @ ``weights`` (n_out, n_in).T + ``biases``."""

def dense_backward(
    dinp: NDArray[_Float],
    dweights: NDArray[_Float],
    dbiases: NDArray[_Float],
    dout: NDArray[_Float],
    inp: NDArray[_Float],
    weights: NDArray[_Float],
) -> None:
    """Write ``dinp``, ``dweights`` and ``dbiases``, shaped as their originals, from ``dout``."""
