"""Rows of numbers as users hold them, converted and scaled on their way into a mini-batch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

class RowSource:
    """Rows (n_rows, n_columns), plain or sparse (CSR)."""

    def __new__(
        cls,
        values: NDArray[Any],
        scale: float = 1,
        indices: NDArray[Any] | None = None,
        indptr: NDArray[Any] | None = None,
        n_columns: int = -1,
        name: str = "X",
    ) -> RowSource: ...
    def __len__(self) -> int: ...
    @property
    def values(self) -> NDArray[Any]:
        """The numbers (n_rows, n_columns), or (n,) the entries of sparse rows."""

    @property
    def indices(self) -> NDArray[Any] | None:
        """The entries' columns (n,)."""

    @property
    def indptr(self) -> NDArray[Any] | None:
        """Where each row's entries begin, and where the last one's end (n_rows + 1,)."""

    @property
    def n_rows(self) -> int:
        """How many rows there are."""

    @property
    def n_columns(self) -> int:
        """How many numbers a row has."""

    @property
    def scale(self) -> float:
        """Factor on every number, once it is converted."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""

    def first_bad(self, single: bool) -> int:
        """Return which value is the first that is not finite once converted and scaled, or -1."""

def gather(source: RowSource, out: NDArray[Any], order: NDArray[np.intp] | None = None) -> None:
    """Write the rows in ``order``, or the first of all, into ``out`` (m, n_columns)."""

def stack(arrays: Sequence[Any], out: NDArray[Any], start: int) -> int:
    """Copy finite plain arrays into rows of ``out``; return the first that is something else."""
