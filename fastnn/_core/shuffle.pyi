"""The shuffles of Python's ``random``, NumPy's ``RandomState`` and its ``Generator``."""

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

class Shuffler:
    """Shuffles with the draws of ``random``'s words (625,) or of a bit generator."""

    @property
    def source(self) -> NDArray[np.uint32] | np.random.BitGenerator: ...
    def __new__(cls, source: NDArray[np.uint32] | np.random.BitGenerator) -> Self: ...
    def shuffle(self, order: NDArray[np.intp]) -> None:
        """Shuffle ``order`` (n,) in place; a bit generator is locked meanwhile."""

def check_place(bit_generator: np.random.BitGenerator, name: str = "random_state") -> None:
    """Raise ``ValueError`` if ``bit_generator`` was set to a place outside its buffer."""
