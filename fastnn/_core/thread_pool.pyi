"""The thread pool that shares out the work of a mini-batch."""

import numpy as np
from numpy.typing import NDArray

def count_rounds(counts: NDArray[np.longlong], rounds: int) -> int:
    """Let up to ``len(counts)`` workers count ``rounds`` in step; return how many did."""

def barriers() -> int:
    """Return how many barriers workers passed since the process began, up to 2³²."""
