"""A few rows predicted at once, without the way that many rows and all kinds of inputs need."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from fastnn._core.compiled_plan import CompiledPlan

class Predictor:
    """The memory in which a network predicts a few rows, up to ``most_rows``."""

    @property
    def parameters(self) -> NDArray[Any]: ...
    @property
    def plans(self) -> dict[str, CompiledPlan]:
        """The same network's for more rows, left here by whoever made them."""

    def __new__(
        cls,
        plan: CompiledPlan,
        parameters: NDArray[Any],
        running: NDArray[Any],
        work: NDArray[Any],
        most_rows: int,
    ) -> Self:
        """All arrays (n,) of one dtype, float32 or float64."""

    def predict(self, X: Any) -> np.ndarray | None:
        """Return the outputs for finite rows of the dtype, or None for anything else."""
