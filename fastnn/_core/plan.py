"""Where everything lies: the only place that computes an offset.

The parameters of a network are one vector, layer after layer: a layer's weights (n_out, n_in) row
by row, its biases, and where it is normalized its gamma and beta. The running statistics of batch
norm are a second vector. A mini-batch works in a third, the workspace, which holds its inputs and
targets and, for every layer, what the forward pass leaves for the backward pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from fastnn._core.compiled_plan import COLUMNS, NUMBERS, CompiledPlan
from fastnn._core.cost import Cost
from fastnn._core.isa import instruction_set
from fastnn._core.norm import Norm
from fastnn._core.optimizer import Rule
from fastnn.activations import FROM_Z, KERNELS
from fastnn.dropout import Dropout
from fastnn.normalization import BatchNorm, Normalization

__all__ = ["LayerOptions", "ParameterLayout", "Workspace"]

# Blocks start at multiples of this many numbers, so that rows of vectors do not straddle lines.
ALIGNMENT = 16
LINE = 64  # bytes
# Neurons of a layer that one thread computes together, and neurons from which there are four tiles.
NARROW, WIDE = 16, 256
# Operations in the time that sharing a layer costs, about 20 microseconds; numbers of inputs in a
# mini-batch, or of parameters, up to which every thread may hold them all.
WORTH_A_LAYER, SMALL = 2_500_000, 1_000_000
# Inputs a neuron of the first layer from which threads share out the inputs, each to gather its
# own; into how many pieces a layer's inputs are cut at most.
FLAT, MOST_PIECES = 10, 4
# Parameters times rows in lanes from which two threads share out the rows.
WORTH_PARTS = 16_000
# Where rows are the lanes of vectors: largest number of inputs, of weights of a layer (BLAS is fast
# where vectors are short), of parameters a row, and of parameters times rows.
MOST_INPUTS, MOST_WEIGHTS = 64, 256 if instruction_set == "base" else 2048
MOST_PARAMETERS, MOST_WORK = 48, 500_000


@dataclass(frozen=True)
class LayerOptions:
    """What a user chose for one layer."""

    activation: str
    normalization: Normalization | None = None
    dropout: Dropout = field(default_factory=lambda: Dropout(0.0))


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
    """

    def __init__(self, sizes: Sequence[int], normalization: Normalization | None = None) -> None:
        self.sizes = tuple(sizes)
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


class Workspace:
    """The memory in which a network trains or predicts, and the compiled plan of it.

    Parameters
    ----------
    layout : ParameterLayout
    options : sequence of LayerOptions
        One a layer, the output's last.
    batch_size : int
        Rows for which there is room.
    dtype : numpy.dtype
    cost : int
        The compiled cost's number; for a cost in Python (-1) the output layer's weighted input
        is kept too.
    cost_parameter : float, default 0
    rule : Rule, optional
        For training: the steps. Where it pays, a layer is then computed by pieces of its inputs,
        unless steps need all weights of a neuron at once, or a mini-batch in lanes by parts of its
        rows, so that threads can work apart.
    n_members : int, default 1
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
        n_members: int = 1,
        cost_by_z: bool = False,
    ) -> None:
        blocks = _Allocator(ALIGNMENT)
        n_in, n_out = layout.sizes[0], layout.sizes[-1]
        in_lanes = _in_lanes(layout, options, batch_size, cost)
        filled = -(-batch_size // ALIGNMENT) * ALIGNMENT if in_lanes else batch_size
        inputs, targets = blocks.take(filled * n_in), blocks.take(filled * n_out)
        row_weights = blocks.take(batch_size)
        rows = []
        for l, (sizes, chosen) in enumerate(zip(layout.layers, options, strict=True)):
            keeps_z = (cost < 0 or cost_by_z) and l == len(options) - 1
            row = dict.fromkeys(COLUMNS, -1) | layout.offsets[l] | {"tile": _tile(sizes[1])}
            rows.append(row | _layer_blocks(blocks, sizes, chosen, filled, keeps_z))
        self.table = np.array([[row[name] for name in COLUMNS] for row in rows], dtype=np.int64)
        tiles = [min(row["tile"], row["n_out"]) * row["n_in"] for row in rows]
        cut, n_pieces, shown = -1, 0, 0
        if rule is not None and in_lanes:
            n_pieces, shown = _parts(layout, batch_size)
        elif rule is not None and not rule.limits_norms:
            cut, n_pieces, shown = _pieces(layout, options, batch_size)
        exchange = blocks.take(2 * n_pieces * shown)
        if n_pieces > 0:
            n_members = min(n_members, n_pieces)
        n_slots = 0 if rule is None else rule.n_slots
        n_gradients = n_members if n_slots else 0
        gradient_size = -(-max(tiles) // ALIGNMENT) * ALIGNMENT if n_gradients else 0
        gradients = blocks.take(n_gradients * gradient_size)
        lane_sums = blocks.take((ALIGNMENT + 1) * layout.n_parameters) if in_lanes else -1
        self.targets, self.row_weights, self.exchange = targets, row_weights, exchange
        self.cut, self.n_pieces = cut, n_pieces
        self.gradients, self.gradient_size = gradients, gradient_size
        self.compiled = CompiledPlan(
            self.table,
            np.array([_layer_numbers(chosen) for chosen in options]),
            batch_size=batch_size,
            inputs=inputs,
            targets=targets,
            row_weights=row_weights,
            gradients=gradients,
            gradient_size=gradient_size,
            n_gradients=n_gradients,
            cut=cut,
            n_pieces=n_pieces,
            exchange=exchange,
            n_parameters=layout.n_parameters,
            n_running=layout.n_running,
            work_size=blocks.size,
            cost=cost,
            cost_parameter=cost_parameter,
            lane_sums=lane_sums,
        )
        apart = n_pieces > 0 and n_members > 1
        size = n_members * self.compiled.room(n_slots) if apart else blocks.size
        self.rooms = aligned(size, dtype)
        self.memory = self.rooms[: blocks.size]

    def block(self, name: str, m: int, layer: int = -1) -> np.ndarray:
        """Return a view (m, n_out) of a layer's ``out``, ``act``, ``delta``, ``z`` or ``xhat``.

        "targets" gives the mini-batch's. ``m`` is the number of rows in use.
        """
        row = dict(zip(COLUMNS, self.table[layer].tolist(), strict=True))
        start = self.targets if name == "targets" else row[name]
        n_out = row["n_out"]
        return self.memory[start : start + m * n_out].reshape(m, n_out)

    def weights_of_rows(self, m: int) -> np.ndarray:
        """Return a view (m,) of the mini-batch's row weights."""
        return self.memory[self.row_weights : self.row_weights + m]


def _parts(layout: ParameterLayout, batch_size: int) -> tuple[int, int]:
    """Return into how many parts rows in lanes are divided, and what each shows: a gradient."""
    if batch_size * layout.n_parameters < WORTH_PARTS:
        return 0, 0
    return 2, ALIGNMENT * (1 + -(-layout.n_parameters // ALIGNMENT))


def _pieces(
    layout: ParameterLayout, options: Sequence[LayerOptions], batch_size: int
) -> tuple[int, int, int]:
    """Return which layer is cut, into how many pieces, and what each shows: its sums."""
    cut = _cut(layout.layers, options, batch_size)
    if cut < 0:
        return -1, 0, 0
    return cut, _n_pieces(layout.layers, cut), batch_size * layout.sizes[cut + 1]


def _cut(
    layers: Sequence[tuple[int, int]], options: Sequence[LayerOptions], batch_size: int
) -> int:
    """Return the layer at which threads part, or -1 if they should share each layer.

    They share out the inputs of that layer, and what is before it; what comes after it is done by
    each by itself. That costs its arithmetic again for every thread, and saves all but one of
    their meetings with what they move from one processor's cache to another's.
    """
    n_in, n_out = layers[0]
    first, norm = options[0], options[0].normalization
    needs_rows = (norm is not None and not isinstance(norm, BatchNorm)) or (
        first.activation == "softmax"
    )
    by_neurons = len(layers) > 1 and not needs_rows and _n_pieces(layers, 1) > 1
    cut = 1 if by_neurons and n_in < FLAT * n_out else 0
    sizes = [inputs * neurons for inputs, neurons in layers]
    again = 3 * batch_size * sum(sizes[cut + 1 :])  # operations a second thread does once more
    if (
        _n_pieces(layers, cut) > 1
        and again <= WORTH_A_LAYER * len(layers)
        and batch_size * n_in <= SMALL
        and sum(sizes[cut:]) <= SMALL
    ):
        return cut
    return -1


def _n_pieces(layers: Sequence[tuple[int, int]], cut: int) -> int:
    """Return into how many pieces the inputs of a layer are cut, 1 to 4.

    Four pieces of the first layer's inputs would cost a single thread a tenth of its time.
    """
    n_in = layers[cut][0]
    n_units = -(-n_in // (NARROW if cut == 0 else _tile(n_in)))
    return min(n_units, 2) if cut == 0 or n_units < MOST_PIECES else MOST_PIECES


def aligned(size: int, dtype: np.dtype) -> np.ndarray:
    """Return an array (size,) of zeros that begins where a cache line does."""
    spare = LINE // np.dtype(dtype).itemsize
    memory = np.zeros(size + spare, dtype=dtype)
    start = -memory.ctypes.data % LINE // memory.itemsize
    return memory[start : start + size]


def _in_lanes(
    layout: ParameterLayout, options: Sequence[LayerOptions], batch_size: int, cost: int
) -> bool:
    """Whether mini-batches train with their rows as the lanes of vectors, as is measured to pay.

    Layers must do what they do number by number, or be a softmax at the end. Two threads share
    out the rows where that is work enough; where it is too much, the way of the layers is taken.
    """
    last = len(options) - 1
    for l, chosen in enumerate(options):
        plain = chosen.normalization is None and chosen.dropout.rate == 0
        softmax = chosen.activation == "softmax" and (l < last or cost != Cost.LOG_LIKELIHOOD)
        if not plain or softmax or chosen.activation in FROM_Z:
            return False
    narrow = layout.sizes[0] <= MOST_INPUTS and all(
        n_in * n_out <= MOST_WEIGHTS for n_in, n_out in layout.layers
    )
    enough_rows = batch_size >= ALIGNMENT and layout.n_parameters <= MOST_PARAMETERS * batch_size
    not_too_many = batch_size * layout.n_parameters <= MOST_WORK
    return cost >= 0 and narrow and enough_rows and not_too_many


def _tile(n_out: int) -> int:
    """Return how many neurons stay together: each number's arithmetic depends on it.

    BLAS, which only multiplies for wide layers, wants wide tiles.
    """
    return NARROW if n_out < WIDE else -(-n_out // (4 * NARROW)) * NARROW


def _layer_blocks(
    blocks: _Allocator,
    sizes: tuple[int, int],
    chosen: LayerOptions,
    batch_size: int,
    keeps_z: bool,
) -> dict[str, int]:
    """Take one layer's memory; return its row of the table as far as it is decided here."""
    n_in, n_out = sizes
    block, norm = batch_size * n_out, chosen.normalization
    groups = 1 if norm is None else norm.groups_of(n_out)
    row = {"n_in": n_in, "n_out": n_out, "activation": KERNELS[chosen.activation], "groups": groups}
    row["norm"] = Norm.NO_NORM if norm is None else norm.kernel
    row["act"] = row["out"] = blocks.take(block)
    row["delta"] = blocks.take(block)
    if chosen.dropout.rate > 0:
        row["out"] = blocks.take(block)
    if keeps_z or chosen.activation in FROM_Z:
        row["z"] = blocks.take(block)
    if norm is not None:
        row["xhat"], row["scratch"] = blocks.take(block), blocks.take(4 * n_out)
        row["inverse"] = blocks.take(max(n_out, batch_size * groups))
    return row


def _layer_numbers(chosen: LayerOptions) -> list[float]:
    norm, dropout = chosen.normalization, chosen.dropout
    values = {
        "eps": 0.0 if norm is None else norm.eps,
        "momentum": norm.momentum if isinstance(norm, BatchNorm) else 0.0,
        "dropout": dropout.rate,
        "train_scale": dropout.train_scale,
        "predict_scale": dropout.predict_scale,
    }
    return [values[name] for name in NUMBERS]
