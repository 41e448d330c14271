"""The stream of Python's ``random`` module, followed in C."""

import numpy as np
from numpy.typing import NDArray

def shuffle(order: NDArray[np.intp], state: NDArray[np.uint32]) -> None:
    """Shuffle ``order`` (n,) as ``random.shuffle`` would, and advance ``state`` (625,)."""
