"""The points at which the growth of cost is measured: one size varies, the others stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.counting import flops_of_row
from bench.works import Work

N_IN, N_OUT = 128, 10
WIDTH, BATCH, DEPTH, ROWS = 128, 32, 1, 20_000

GRID: dict[str, Sequence[int]] = {
    "width": (8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096),
    "batch": (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024),
    "depth": (1, 2, 3, 5, 8, 12, 20),
    "rows": (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000),
}
QUICK: dict[str, Sequence[int]] = {
    "width": (8, 128, 1_024),
    "batch": (1, 32, 1_024),
    "depth": (1, 5, 20),
    "rows": (1_000, 10_000, 100_000),
}

# A rough epoch of a peer: what a layer of a mini-batch costs to call, and the arithmetic.
SECONDS_A_CALL = 50e-6
FLOPS_A_SECOND = 30e9
# Epochs shorter than this share of the time allowed are timed several together.
SHORT, MOST_EPOCHS = 0.1, 10


@dataclass(frozen=True)
class Point:
    """One network, batch size and number of rows.

    Attributes
    ----------
    axis : str
        Which size varies: ``"width"`` of the hidden layers, ``"batch"``, ``"depth"`` (hidden
        layers) or ``"rows"``.
    value : int
        Its value.
    rows : int
        Rows of the epoch that is reported.
    timed_rows : int
        Rows that are really trained on; fewer where an epoch would take long.
    epochs : int
        Epochs timed together; more than one where an epoch is too short for a clock.
    """

    axis: str
    value: int
    rows: int
    timed_rows: int
    epochs: int = 1

    @property
    def scale(self) -> float:
        """Factor from the seconds timed to the seconds reported."""
        return self.rows / self.timed_rows

    def work(self) -> Work:
        """What is trained: ReLU layers under a softmax, in float32."""
        return Work(
            f"{self.axis}={self.value}", "synthetic", _sizes(self.axis, self.value),
            self.value if self.axis == "batch" else BATCH, eta=0.001, dtype="float32",
            activation="relu", cost="log_likelihood", rows=self.timed_rows,
            epochs=self.epochs,
        )  # fmt: skip


def _sizes(axis: str, value: int) -> tuple[int, ...]:
    depth = value if axis == "depth" else DEPTH
    width = value if axis == "width" else WIDTH
    return (N_IN, *depth * (width,), N_OUT)


def seconds_expected(sizes: tuple[int, ...], batch: int, rows: int) -> float:
    """A rough guess at a peer's epoch."""
    calls = (len(sizes) - 1) * -(-rows // batch)
    return calls * SECONDS_A_CALL + rows * flops_of_row(sizes) / FLOPS_A_SECOND


def point(axis: str, value: int, seconds: float) -> Point:
    """The point of one value, on as many rows as a peer gets through in about `seconds`.

    Where the rows are what varies, they are left as they are. At least four mini-batches remain.
    """
    rows = value if axis == "rows" else ROWS
    sizes, batch = _sizes(axis, value), value if axis == "batch" else BATCH
    expected = seconds_expected(sizes, batch, rows)
    timed = rows
    if axis != "rows" and expected > seconds:
        whole = int(rows * seconds / expected) // batch
        timed = min(rows, max(4, whole) * batch)
    epochs = int(SHORT * seconds / expected)
    return Point(axis, value, rows, timed, max(1, min(MOST_EPOCHS, epochs)))


def points(grid: dict[str, Sequence[int]], seconds: float) -> list[Point]:
    """All points of a grid."""
    return [point(axis, value, seconds) for axis, values in grid.items() for value in values]
