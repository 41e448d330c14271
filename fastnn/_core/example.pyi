"""The gradient of one example, with as little around it as can be."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from fastnn._core.compiled_plan import CompiledPlan

class ExampleGradient:
    """The memory in which the gradient of one example is computed."""

    def __new__(cls, plan: CompiledPlan, work: NDArray[Any]) -> Self:
        """``work`` (plan.work_size,) is float32 or float64."""

    def compute(
        self, parameters: Any, x: Any, y: Any, least: float, most: float
    ) -> np.ndarray | None:
        """Return a new gradient for finite arrays of floats, or None for anything else."""
