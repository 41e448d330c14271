"""The products of a dense layer; for Python there is one to be timed."""

import numpy as np

OWN_AT_ANY_SIZE: bool  # whether BLAS multiplies nothing

def multiply(kind: str, C: np.ndarray, A: np.ndarray, B: np.ndarray, times: int) -> None:
    """Write A Bᵀ ("nt"), A B ("nn") or C / 2 + Aᵀ B ("tn") into ``C``, so many times."""
