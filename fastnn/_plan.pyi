"""The compiled form of a plan: layers as C structures, every offset checked."""

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

COLUMNS: tuple[str, ...]

class CompiledPlan:
    """A network's layers as C structures; see ``fastnn.plan`` for the offsets in it."""

    @property
    def n_layers(self) -> int: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def cost(self) -> int: ...
    @property
    def n_parameters(self) -> int: ...
    @property
    def work_size(self) -> int: ...
    def __new__(
        cls,
        table: NDArray[np.int64],
        batch_size: int,
        inputs: int,
        targets: int,
        n_parameters: int,
        work_size: int,
        cost: int,
    ) -> Self:
        """``table`` (n_layers, 8) has one row a layer, its columns named by ``COLUMNS``."""
