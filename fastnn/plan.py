"""Where everything lies: the only place that computes an offset.

The parameters of a network are one vector, layer after layer, each layer's weights (n_out, n_in)
row by row and then its biases. A mini-batch works in a second vector, the workspace, which holds
its inputs and targets, every layer's output, and the deltas.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from fastnn._plan import COLUMNS, CompiledPlan
from fastnn.activations import KERNELS

__all__ = ["ParameterLayout", "Workspace"]

# Blocks start at multiples of this many numbers, so that rows of vectors do not straddle lines.
ALIGNMENT = 16


@dataclass(frozen=True)
class ParameterLayout:
    """The offsets of weights and biases in the flat parameter vector.

    Parameters
    ----------
    sizes : tuple of int
        Neurons in each layer, the input layer first.
    """

    sizes: tuple[int, ...]

    def offsets(self) -> list[tuple[int, int]]:
        """Return where each layer's weights and biases start."""
        offsets, position = [], 0
        for n_in, n_out in self.layers():
            offsets.append((position, position + n_in * n_out))
            position += (n_in + 1) * n_out
        return offsets

    def layers(self) -> list[tuple[int, int]]:
        """Return each layer's (n_in, n_out)."""
        return list(pairwise(self.sizes))

    @property
    def n_parameters(self) -> int:
        """The length of the parameter vector."""
        return sum((n_in + 1) * n_out for n_in, n_out in self.layers())

    def weights(self, vector: np.ndarray) -> list[np.ndarray]:
        """Return a view (n_out, n_in) of each layer's weights in ``vector``."""
        return [
            vector[start:stop].reshape(n_out, n_in)
            for (start, stop), (n_in, n_out) in zip(self.offsets(), self.layers(), strict=True)
        ]

    def biases(self, vector: np.ndarray) -> list[np.ndarray]:
        """Return a view (n_out, 1) of each layer's biases in ``vector``."""
        return [
            vector[start : start + n_out].reshape(n_out, 1)
            for (_, start), (_, n_out) in zip(self.offsets(), self.layers(), strict=True)
        ]


class _Allocator:
    """Hands out consecutive aligned blocks and remembers how far it came."""

    def __init__(self) -> None:
        self.size = 0

    def take(self, length: int) -> int:
        start = self.size
        self.size += -(-length // ALIGNMENT) * ALIGNMENT
        return start


class Workspace:
    """The memory in which a network trains or predicts, and the compiled plan of it.

    Parameters
    ----------
    layout : ParameterLayout
    activations : sequence of str
        One name a layer, the output's last.
    batch_size : int
        Rows for which there is room.
    dtype : numpy.dtype
    cost : int
        The compiled cost's number; for a cost in Python (-1) the output layer's weighted input
        is kept too.
    """

    def __init__(
        self,
        layout: ParameterLayout,
        activations: Sequence[str],
        batch_size: int,
        dtype: np.dtype,
        cost: int,
    ) -> None:
        blocks = _Allocator()
        inputs = blocks.take(batch_size * layout.sizes[0])
        targets = blocks.take(batch_size * layout.sizes[-1])
        # A layer's delta is dead once the layer before has its own: two regions in turn do.
        widest = batch_size * max(layout.sizes[1:])
        deltas = (blocks.take(widest), blocks.take(widest))
        table = []
        for l, ((n_in, n_out), (weights, biases), activation) in enumerate(
            zip(layout.layers(), layout.offsets(), activations, strict=True)
        ):
            out = blocks.take(batch_size * n_out)
            keep_z = cost < 0 and l == len(activations) - 1
            z = blocks.take(batch_size * n_out) if keep_z else -1
            table.append((n_in, n_out, KERNELS[activation], weights, biases, out, deltas[l % 2], z))
        self.table = np.array(table, dtype=np.int64).reshape(-1, len(COLUMNS))
        self.memory = np.empty(blocks.size, dtype=dtype)
        self.targets = targets
        self.compiled = CompiledPlan(
            self.table, batch_size, inputs, targets, layout.n_parameters, blocks.size, cost
        )

    def output_block(self, name: str, m: int) -> np.ndarray:
        """Return a view (m, n_out) of the output layer's ``out``, ``delta``, ``z`` or ``targets``.

        ``m`` is the number of rows in use.
        """
        last = dict(zip(COLUMNS, self.table[-1].tolist(), strict=True))
        start = self.targets if name == "targets" else last[name]
        n_out = last["n_out"]
        return self.memory[start : start + m * n_out].reshape(m, n_out)
