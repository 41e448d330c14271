"""The shuffles of Python's ``random`` and of NumPy's ``RandomState``, followed in C."""

import numpy as np
from numpy.typing import NDArray

def shuffle(order: NDArray[np.intp], state: NDArray[np.uint32]) -> None:
    """Shuffle ``order`` (n,) as ``random.shuffle`` would, and advance ``state`` (625,)."""

def shuffle_by(order: NDArray[np.intp], bit_generator: np.random.BitGenerator) -> None:
    """Shuffle ``order`` (n,) as a ``RandomState`` of it would, and advance ``bit_generator``."""

def check_place(bit_generator: np.random.BitGenerator, name: str = "random_state") -> None:
    """Raise ``ValueError`` if ``bit_generator`` was set to a place outside its buffer."""
