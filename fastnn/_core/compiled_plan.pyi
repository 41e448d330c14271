"""The compiled form of a plan: layers as C structures, every offset checked."""

from collections.abc import Mapping, Sequence

from typing_extensions import Self

CACHE_LINE: int  # bytes
ALIGNMENT: int  # numbers
MAX_LANES: int
MAX_PARTIAL_SUMS: int
MAX_WORKERS: int
WIDE_LAYER: int

# What a plan takes of each layer, by name.
LAYER_FIELDS: frozenset[str]

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
    def feature_major(self) -> bool: ...
    @property
    def split_layer(self) -> int:
        """The layer with partial sums over ranges of its inputs; -1: none."""
    @property
    def n_partial_sums(self) -> int:
        """Over how many ranges; no more workers share the network then."""
    @property
    def arena_size(self) -> int:
        """The memory of each worker where layers are replicated; -1: none are."""

    def __new__(
        cls,
        layers: Sequence[Mapping[str, float]],
        *,
        batch_size: int,
        inputs: int,
        targets: int,
        row_weights: int,
        gradients: int,
        gradient_size: int,
        n_gradients: int,
        split_layer: int,
        n_partial_sums: int,
        partial_sums: int,
        partial_size: int,
        n_parameters: int,
        n_running: int,
        work_size: int,
        cost: int,
        cost_parameter: float,
        lane_sums: int = -1,
        arena_size: int = -1,
        own_parameters: int = -1,
        own_slots: int = -1,
        own_running: int = -1,
        n_slots: int = 0,
    ) -> Self:
        """``layers`` have the ``LAYER_FIELDS`` each; all others are sizes and offsets."""
