"""Examples as the book's programs have them: pairs whose second thing may be anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn._data.rows import Rows, is_arrays
from fastnn._model.model import Model


@dataclass(frozen=True)
class OwnTargets(Rows):
    """Rows whose targets only a program's own cost understands.

    Attributes
    ----------
    targets : sequence (n,)
        As the program gave them; ``Y`` stands in for them where it is not read.
    """

    targets: Sequence[Any] | np.ndarray = ()


def targets_of(rows: Rows) -> Sequence[Any] | np.ndarray:
    """Return what a cost in Python gets as the target of each row."""
    return rows.targets if isinstance(rows, OwnTargets) else rows.Y[:, :, np.newaxis]


def unread(n: int) -> Rows:
    """Return rows for ``n`` examples that only the program itself will look at."""
    return Rows(np.empty((n, 0)), np.empty((n, 0)))


def as_examples(data: Any, network: Model, name: str) -> list[Any]:
    """Return pairs as a list of the program's own objects, arrays as pairs of columns.

    Raises
    ------
    TypeError, ValueError
        If the data are neither, or there are none.
    """
    if isinstance(data, Rows) or is_arrays(data):
        rows = network._rows(data, name)
        columns = rows.inputs[:, :, np.newaxis], rows.Y[:, :, np.newaxis]
        return list(zip(*columns, strict=True))
    try:
        iterator = iter(data)
    except TypeError:
        network._rows(data, name)  # which says what was expected
        raise
    examples = list(iterator)
    if not examples:
        raise ValueError(f"{name}: expected at least one pair, got none")
    return examples


class Watched:
    """Data that is judged after each epoch, converted once for those who take rows.

    Parameters
    ----------
    data : pairs or arrays
    network : Model
    name : str
        What errors call it.
    rows : Rows, optional
        The same, if it is converted already.

    Attributes
    ----------
    given : list of pairs, or arrays
        As the program's own methods get it.
    """

    def __init__(self, data: Any, network: Model, name: str, rows: Rows | None = None) -> None:
        as_they_are = isinstance(data, list) or is_arrays(data)
        self.given = data if as_they_are else as_examples(data, network, name)
        self._network, self._name = network, name
        plain = rows is not None and rows.Y.shape[1] > 0 and not isinstance(rows, OwnTargets)
        self._rows = rows if plain else None

    def __len__(self) -> int:
        return len(self.given[0] if is_arrays(self.given) else self.given)

    def rows(self) -> Rows:
        """Return the data as checked rows."""
        if self._rows is None:
            self._rows = self._network._rows(self.given, self._name)
        return self._rows
