"""What is measured of a network after an epoch, on rows that are kept for that."""

from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from fastnn._core.compiled_plan import CompiledPlan
from fastnn._core.row_source import RowSource

class Measure(IntEnum):
    """What is measured."""

    MEAN_COST = 0
    N_CORRECT = 1
    ACCURACY = 2
    MEAN_SQUARED_ERROR = 3
    MEAN_ABSOLUTE_ERROR = 4
    R2 = 5
    ALL_LABELS = 6
    MEAN_R2 = 7
    LOSS = 8
    CLASS_ERROR = 9

class Judge:
    """Rows to judge a network by, and the memory for its answers.

    ``plan`` is the network's, for blocks of rows, ``plan_of_z`` that of its weighted inputs of the
    output layer, if the cost goes by them. ``spread`` is the sum of the squares of the targets from
    their means, which R² divides by.
    """

    @property
    def plan(self) -> CompiledPlan: ...
    def __new__(
        cls,
        X: RowSource | NDArray[Any],
        Y: NDArray[Any],
        row_weights: NDArray[Any],
        plan: CompiledPlan,
        plan_of_z: CompiledPlan | None,
        n_threads: int,
        spread: float,
    ) -> Self: ...
    def set_loss(self, clip: float, more: float, divisor: float) -> None:
        """Say how the loss comes of the costs: clipped outputs', and more, divided."""
    def follow(self, X: RowSource | NDArray[Any], Y: NDArray[Any]) -> None:
        """Say of which rows those of each epoch are judged, in the memory of this judge's own."""
    def set_spreads(self, spreads: NDArray[np.float64]) -> None:
        """Say what each output's R² divides by, (n_out,)."""
