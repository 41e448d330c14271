"""The compiled form of a plan: layers as C structures, every offset checked."""

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

COLUMNS: tuple[str, ...]
NUMBERS: tuple[str, ...]

class CompiledPlan:
    """A network's layers as C structures; see ``fastnn._core.plan`` for the offsets in it."""

    @property
    def n_layers(self) -> int: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def cost(self) -> int: ...
    @property
    def cost_parameter(self) -> float: ...
    @property
    def cost_by_z(self) -> bool:
        """Whether the cost is computed from the weighted inputs of the last layer."""

    @property
    def needs_blas(self) -> bool: ...
    @property
    def needs_two_rows(self) -> bool: ...
    @property
    def n_parameters(self) -> int: ...
    @property
    def n_running(self) -> int: ...
    @property
    def work_size(self) -> int: ...
    @property
    def n_gradients(self) -> int: ...
    @property
    def in_lanes(self) -> bool: ...
    def room(self, n_slots: int) -> int: ...
    def __new__(
        cls,
        table: NDArray[np.int64],
        numbers: NDArray[np.float64],
        *,
        batch_size: int,
        inputs: int,
        targets: int,
        row_weights: int,
        gradients: int,
        gradient_size: int,
        n_gradients: int,
        cut: int,
        n_pieces: int,
        exchange: int,
        n_parameters: int,
        n_running: int,
        work_size: int,
        cost: int,
        cost_parameter: float,
        lane_sums: int = -1,
    ) -> Self:
        """``table`` (n_layers, len(COLUMNS)), ``numbers`` (n_layers, len(NUMBERS)): row a layer."""
