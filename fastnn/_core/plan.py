"""Where everything lies: the only place that computes an offset.

The parameters of a network are one vector, layer after layer: a layer's weights (n_out, n_in) row
by row, its biases, and where it is normalized its gamma and beta. The running statistics of batch
norm are a second vector. A mini-batch works in a third, the workspace, which holds its inputs and
targets and, for every layer, what the forward pass leaves for the backward pass. Where layers are
replicated each worker has an arena: a workspace, and behind it its own copies of the vectors.
"""

from __future__ import annotations

import functools
from collections.abc import Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from fastnn._core.compiled_plan import (
    ALIGNMENT,
    CACHE_LINE,
    LAYER_FIELDS,
    MAX_LANES,
    MAX_PARTIAL_SUMS,
    CompiledPlan,
)
from fastnn._core.cost import Cost
from fastnn._core.gemm import OWN_AT_ANY_SIZE
from fastnn._core.isa import instruction_set
from fastnn._core.norm import Norm
from fastnn._core.optimizer import Rule
from fastnn.activations import FROM_Z, KERNELS
from fastnn.dropout import Dropout
from fastnn.normalization import BatchNorm, Normalization

__all__ = [
    "LayerOptions",
    "Mold",
    "ParameterLayout",
    "Workspace",
    "aligned",
    "layout_of",
    "plan_of",
]

# Neurons of a layer that one worker computes together; where BLAS multiplies, from how many neurons
# on there are four wide tiles instead. Neurons whose gradient an optimizer takes at a time.
NARROW, WIDE = 16, None if OWN_AT_ANY_SIZE else 256
TOGETHER = 128
# Operations in the time that sharing a layer costs, about 20 microseconds; numbers of inputs in a
# mini-batch, or of parameters, up to which every worker may hold them all.
WORTH_A_LAYER, SMALL = 2_500_000, 1_000_000
# Inputs a neuron of the first layer from which workers share out the inputs and gather their own.
FLAT = 10
# Parameters times feature-major rows that are worth a worker of their own; rows for more than two
# workers each: the lanes of their sums are added up once a worker.
WORTH_A_ROW_RANGE, ROWS_EACH = 8_000, 128
# Units of the first layer's inputs, 16 each, from which on four workers have so many each.
UNITS_EACH = 4
# Of feature-major networks: largest number of inputs, of weights of a layer (BLAS is fast where
# vectors are short), of parameters a row, and of parameters times rows.
MAX_INPUTS, MAX_WEIGHTS = 64, 256 if instruction_set == "base" else 2048
MAX_PARAMETERS_PER_ROW, MAX_WORK = 48, 500_000
# Layouts that are kept for the next network of the same sizes, plans that each keeps, and layers
# beyond which a layout is not kept.
MOST_LAYOUTS, MOST_PLANS, MOST_LAYERS = 256, 16, 32

NO_DROPOUT = Dropout(0.0)


@dataclass(frozen=True)
class LayerOptions:
    """What a user chose for one layer."""

    activation: str
    normalization: Normalization | None = None
    dropout: Dropout = NO_DROPOUT


def _aligned_size(length: int) -> int:
    return -(-length // ALIGNMENT) * ALIGNMENT


class _Allocator:
    """Hands out consecutive blocks and remembers how far it came."""

    def __init__(self, alignment: int = 1) -> None:
        self.size = 0
        self._alignment = alignment

    def take(self, length: int) -> int:
        start = self.size
        self.size += -(-length // self._alignment) * self._alignment
        return start


class ParameterLayout:
    """The offsets of each layer's parts in the parameters and in the running statistics.

    Parameters
    ----------
    sizes : sequence of int
        Neurons in each layer, the input layer first.
    normalization : Normalization, optional
        Of the hidden layers.

    Attributes
    ----------
    n_parameters, n_running : int
        Lengths of the two vectors.
    plans : dict
        Those of mini-batches of such networks that were asked for last.
    """

    def __init__(self, sizes: Sequence[int], normalization: Normalization | None = None) -> None:
        self.sizes = tuple(sizes)
        self._normalization = normalization
        self.plans: dict[Hashable, Plan] = {}
        self.layers = list(pairwise(self.sizes))
        parameters, running = _Allocator(), _Allocator()
        self.offsets: list[dict[str, int]] = []
        for l, (n_in, n_out) in enumerate(self.layers):
            hidden = l < len(self.layers) - 1
            at = {"weights": parameters.take(n_in * n_out), "biases": parameters.take(n_out)}
            if hidden and normalization is not None:
                at.update(gamma=parameters.take(n_out), beta=parameters.take(n_out))
            if hidden and isinstance(normalization, BatchNorm):
                at.update(running_mean=running.take(n_out), running_variance=running.take(n_out))
            self.offsets.append(at)
        self.n_parameters, self.n_running = parameters.size, running.size

    def __reduce__(self) -> tuple[Any, ...]:
        return layout_of, (self.sizes, self._normalization)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({"plans": {}, **state})  # of a pickle from before there were plans

    def weights(self, vector: np.ndarray) -> list[np.ndarray]:
        """Return a view (n_out, n_in) of each layer's weights in ``vector``."""
        return [
            vector[at["weights"] : at["weights"] + n_in * n_out].reshape(n_out, n_in)
            for at, (n_in, n_out) in zip(self.offsets, self.layers, strict=True)
        ]

    def columns(self, name: str, vector: np.ndarray) -> list[np.ndarray]:
        """Return views (n_out, 1) of every layer's part ``name``, where it has one.

        ``vector`` is the parameters for "biases", "gamma" and "beta", the running statistics for
        "running_mean" and "running_variance".
        """
        return [
            vector[at[name] : at[name] + n_out].reshape(n_out, 1)
            for at, (_, n_out) in zip(self.offsets, self.layers, strict=True)
            if name in at
        ]


@functools.lru_cache(MOST_LAYOUTS)
def _known_layout(sizes: tuple[int, ...], normalization: Normalization | None) -> ParameterLayout:
    return ParameterLayout(sizes, normalization)


def layout_of(sizes: Sequence[int], normalization: Normalization | None = None) -> ParameterLayout:
    """Return a layout, the same for all networks of these sizes and this normalization."""
    if len(sizes) <= MOST_LAYERS:
        with suppress(TypeError):  # a normalization of a user's own that has no hash
            return _known_layout(tuple(sizes), normalization)
    return ParameterLayout(sizes, normalization)


class Plan(NamedTuple):
    """A workspace's plan, which any number of workspaces may share.

    Attributes
    ----------
    compiled : CompiledPlan
    layers : list of dict
        Each layer's fields.
    targets, row_weights : int
        Where these of the mini-batch lie.
    work_size, arenas_size : int
        Numbers of the workspace, and of the arenas of all workers.
    """

    compiled: CompiledPlan
    layers: list[dict[str, Any]]
    targets: int
    row_weights: int
    work_size: int
    arenas_size: int


class Mold(NamedTuple):
    """What a plan is made for, beside the layout.

    Attributes
    ----------
    options : tuple of LayerOptions
        One a layer, the output's last.
    batch_size, cost : int
    cost_parameter : float
    n_slots : int
        Of the steps; -1 without any.
    limits_norms : bool
        Whether steps need all weights of a neuron at once.
    n_workers : int
    cost_by_z : bool
    """

    options: tuple[LayerOptions, ...]
    batch_size: int
    cost: int
    cost_parameter: float = 0.0
    n_slots: int = -1
    limits_norms: bool = False
    n_workers: int = 1
    cost_by_z: bool = False


def plan_of(layout: ParameterLayout, mold: Mold) -> Plan:
    """Return the plan, made anew only if it is none of those asked for last."""
    try:
        known = layout.plans.get(mold)
    except TypeError:  # a normalization of a user's own that has no hash
        return _new_plan(layout, mold)
    if known is None:
        if len(layout.plans) >= MOST_PLANS:
            layout.plans = {}  # another thread may be reading the old one
        known = layout.plans[mold] = _new_plan(layout, mold)
    return known


def _new_plan(layout: ParameterLayout, mold: Mold) -> Plan:
    options, batch_size = mold.options, mold.batch_size
    blocks = _Allocator(ALIGNMENT)
    n_in, n_out = layout.sizes[0], layout.sizes[-1]
    feature_major = _is_feature_major(layout, options, batch_size, mold.cost)
    padded = -(-batch_size // MAX_LANES) * MAX_LANES if feature_major else batch_size
    inputs, targets = blocks.take(padded * n_in), blocks.take(padded * n_out)
    row_weights, last = blocks.take(batch_size), len(options) - 1
    layers = [
        layout.offsets[l]
        | _layer_fields(blocks, sizes, chosen, padded, _keeps_z(mold) and l == last)
        for l, (sizes, chosen) in enumerate(zip(layout.layers, options, strict=True))
    ]
    split = _partial_sums(layout, mold, feature_major)
    n_partial_sums, n_workers = split["n_partial_sums"], mold.n_workers
    partial_sums = blocks.take(2 * n_partial_sums * split["partial_size"])
    if n_partial_sums > 0:
        n_workers = min(n_workers, n_partial_sums)
    n_gradients = n_workers if mold.n_slots > 0 else 0
    sizes = [min(max(l["tile"], TOGETHER), l["n_out"]) * l["n_in"] for l in layers]
    gradient_size = _aligned_size(max(sizes)) if n_gradients else 0
    gradients = blocks.take(n_gradients * gradient_size)
    lane_sums = blocks.take((MAX_LANES + 1) * layout.n_parameters) if feature_major else -1
    replicated = n_partial_sums > 0 and n_workers > 1
    arena = _arena(layout, blocks.size, max(0, mold.n_slots)) if replicated else {}
    compiled = CompiledPlan(
        [_ABSENT | layer for layer in layers],
        batch_size=batch_size,
        inputs=inputs,
        targets=targets,
        row_weights=row_weights,
        gradients=gradients,
        gradient_size=gradient_size,
        n_gradients=n_gradients,
        partial_sums=partial_sums,
        n_parameters=layout.n_parameters,
        n_running=layout.n_running,
        work_size=blocks.size,
        cost=mold.cost,
        cost_parameter=mold.cost_parameter,
        lane_sums=lane_sums,
        **split,
        **arena,
    )
    arenas_size = n_workers * arena["arena_size"] if replicated else blocks.size
    return Plan(compiled, layers, targets, row_weights, blocks.size, arenas_size)


def _keeps_z(mold: Mold) -> bool:
    """Whether the output layer's weighted inputs are kept."""
    return mold.cost < 0 or mold.cost_by_z


class Workspace:
    """The memory in which a network trains or predicts, and the compiled plan of it.

    Parameters
    ----------
    layout : ParameterLayout
    options : sequence of LayerOptions
        One a layer, the output's last.
    batch_size : int
        Rows for which there is memory.
    dtype : numpy.dtype
    cost : int
        The compiled cost's number; for a cost in Python (-1) the output layer's weighted input
        is kept too.
    cost_parameter : float, default 0
    rule : Rule, optional
        The steps, for training. Where it pays, a layer is then split into partial sums over ranges
        of its inputs, unless steps need all weights of a neuron at once, or a feature-major
        mini-batch over ranges of its rows, so that threads need few barriers.
    n_workers : int, default 1
        Threads that may train at the same time.
    cost_by_z : bool, default False
        Whether the output layer's weighted inputs are kept, and the cost is computed from them
        where that can be: see ``fastnn._core.cost_of_z``.
    """

    def __init__(
        self,
        layout: ParameterLayout,
        options: Sequence[LayerOptions],
        batch_size: int,
        dtype: np.dtype,
        cost: int,
        cost_parameter: float = 0.0,
        rule: Rule | None = None,
        n_workers: int = 1,
        cost_by_z: bool = False,
    ) -> None:
        n_slots, limits = (-1, False) if rule is None else (rule.n_slots, rule.limits_norms)
        mold = Mold(
            tuple(options), batch_size, cost, cost_parameter, n_slots, limits, n_workers, cost_by_z
        )
        self._plan = plan_of(layout, mold)
        self.compiled = self._plan.compiled
        self.arenas = aligned(self._plan.arenas_size, dtype)
        self.memory = self.arenas[: self._plan.work_size]

    def block(self, name: str, m: int, layer: int = -1) -> np.ndarray:
        """Return a view (m, n_out) of a layer's ``out``, ``act``, ``delta``, ``z`` or ``xhat``.

        "targets" gives the mini-batch's. ``m`` is the number of rows in use.
        """
        fields = self._plan.layers[layer]
        start = self._plan.targets if name == "targets" else fields[name]
        n_out = fields["n_out"]
        return self.memory[start : start + m * n_out].reshape(m, n_out)

    def weights_of_rows(self, m: int) -> np.ndarray:
        """Return a view (m,) of the mini-batch's row weights."""
        start = self._plan.row_weights
        return self.memory[start : start + m]


# Offsets of what a layer does not have.
_ABSENT = dict.fromkeys(LAYER_FIELDS, -1)


def _arena(layout: ParameterLayout, work_size: int, n_slots: int) -> dict[str, int]:
    """Return where a worker's own copies lie in its arena, behind the workspace."""
    blocks = _Allocator(ALIGNMENT)
    blocks.take(work_size)
    return {
        "own_parameters": blocks.take(layout.n_parameters),
        "own_slots": blocks.take(n_slots * layout.n_parameters),
        "own_running": blocks.take(layout.n_running),
        "arena_size": blocks.size,
        "n_slots": n_slots,
    }


def _partial_sums(layout: ParameterLayout, mold: Mold, feature_major: bool) -> dict[str, int]:
    """Return the split layer, if any, and how many partial sums of which size there are."""
    split, count, size, batch_size = -1, 0, 0, mold.batch_size
    if mold.n_slots < 0:
        pass
    elif feature_major:
        ranges = batch_size * layout.n_parameters // WORTH_A_ROW_RANGE
        if ranges > 1:
            more = min(ranges, batch_size // ROWS_EACH, MAX_PARTIAL_SUMS)
            count = _power_of_two(max(2, more))
            size = MAX_LANES + _aligned_size(layout.n_parameters)  # a cost, a gradient
    elif not mold.limits_norms:
        split = _split_layer(layout.layers, mold.options, batch_size)
        if split >= 0:
            count = _n_partial_sums(layout.layers, split)
            size = batch_size * layout.sizes[split + 1]
    return {"split_layer": split, "n_partial_sums": count, "partial_size": size}


def _split_layer(
    layers: Sequence[tuple[int, int]], options: Sequence[LayerOptions], batch_size: int
) -> int:
    """Return the layer that is split, or -1 if threads should share each layer.

    They share out the inputs of that layer, and what is before it; it and the layers after it are
    replicated. That costs its arithmetic again for every thread, and saves all barriers but one,
    with what is moved from one processor's cache to another's.
    """
    n_in, n_out = layers[0]
    first, norm = options[0], options[0].normalization
    needs_rows = (norm is not None and not isinstance(norm, BatchNorm)) or (
        first.activation == "softmax"
    )
    by_neurons = len(layers) > 1 and not needs_rows and _n_partial_sums(layers, 1) > 1
    split = 1 if by_neurons and n_in < FLAT * n_out else 0
    sizes = [inputs * neurons for inputs, neurons in layers]
    again = 3 * batch_size * sum(sizes[split + 1 :])  # operations a second thread does once more
    if (
        _n_partial_sums(layers, split) > 1
        and again <= WORTH_A_LAYER * len(layers)
        and batch_size * n_in <= SMALL
        and sum(sizes[split:]) <= SMALL
    ):
        return split
    return -1


def _n_partial_sums(layers: Sequence[tuple[int, int]], split_layer: int) -> int:
    """Return over how many ranges of a layer's inputs there are partial sums, 1 or a power of 2.

    Those of the first layer cost a single thread a hundredth of its time each: four, where the
    layer has inputs enough. Products of a few inputs are slow: of more than four partial sums
    each has two units.
    """
    n_in = layers[split_layer][0]
    n_units = -(-n_in // (NARROW if split_layer == 0 else _tile(n_in)))
    if split_layer == 0:
        return 4 if n_units >= 4 * UNITS_EACH else min(n_units, 2)
    return _power_of_two(min(max(n_units // 2, min(n_units, 4)), MAX_PARTIAL_SUMS))


def _power_of_two(limit: int) -> int:
    """Return the largest one that is at most ``limit``."""
    return 1 << limit.bit_length() - 1


def aligned(size: int, dtype: np.dtype) -> np.ndarray:
    """Return an array (size,) of zeros that begins where a cache line does."""
    spare = CACHE_LINE // np.dtype(dtype).itemsize
    memory = np.zeros(size + spare, dtype=dtype)
    at: int = memory.__array_interface__["data"][0]
    start = -at % CACHE_LINE // memory.itemsize
    return memory[start : start + size]


def _is_feature_major(
    layout: ParameterLayout, options: Sequence[LayerOptions], batch_size: int, cost: int
) -> bool:
    """Whether mini-batches train feature-major, with rows as SIMD lanes, where that was faster.

    Layers must do what they do number by number, or be a softmax at the end. Threads share
    out the rows where that is work enough; where it is too much, they share each layer instead.
    """
    last = len(options) - 1
    for l, chosen in enumerate(options):
        plain = chosen.normalization is None and chosen.dropout.rate == 0
        softmax = chosen.activation == "softmax" and (l < last or cost != Cost.LOG_LIKELIHOOD)
        if not plain or softmax or chosen.activation in FROM_Z:
            return False
    narrow = layout.sizes[0] <= MAX_INPUTS and all(
        n_in * n_out <= MAX_WEIGHTS for n_in, n_out in layout.layers
    )
    enough_rows = (
        batch_size >= MAX_LANES and layout.n_parameters <= MAX_PARAMETERS_PER_ROW * batch_size
    )
    not_too_many = batch_size * layout.n_parameters <= MAX_WORK
    return cost >= 0 and narrow and enough_rows and not_too_many


def _tile(n_out: int) -> int:
    """Return how many neurons stay together: by BLAS, what is summed with what depends on it."""
    return NARROW if WIDE is None or n_out < WIDE else -(-n_out // (4 * NARROW)) * NARROW


def _layer_fields(
    blocks: _Allocator,
    sizes: tuple[int, int],
    chosen: LayerOptions,
    batch_size: int,
    keeps_z: bool,
) -> dict[str, Any]:
    """Take one layer's memory; return its fields but for the parameters' offsets."""
    n_in, n_out = sizes
    block, norm, dropout = batch_size * n_out, chosen.normalization, chosen.dropout
    groups = 1 if norm is None else norm.groups_of(n_out)
    fields = {
        "n_in": n_in,
        "n_out": n_out,
        "activation": KERNELS[chosen.activation],
        "norm": Norm.NO_NORM if norm is None else norm.kernel,
        "groups": groups,
        "tile": _tile(n_out),
        "eps": 0.0 if norm is None else norm.eps,
        "momentum": norm.momentum if isinstance(norm, BatchNorm) else 0.0,
        "unbiased": isinstance(norm, BatchNorm) and norm.unbiased,
        "dropout": dropout.rate,
        "train_scale": dropout.train_scale,
        "predict_scale": dropout.predict_scale,
    }
    fields["act"] = fields["out"] = blocks.take(block)
    fields["delta"] = blocks.take(block)
    if dropout.rate > 0:
        fields["out"] = blocks.take(block)
    if keeps_z or chosen.activation in FROM_Z:
        fields["z"] = blocks.take(block)
    if norm is not None:
        fields["xhat"], fields["scratch"] = blocks.take(block), blocks.take(4 * n_out)
        fields["inverse"] = blocks.take(max(n_out, batch_size * groups))
    return fields
