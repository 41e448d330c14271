"""What was recorded while training: one row an epoch."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fastnn._files import write_whole

__all__ = ["History"]

BookLists = tuple[list[float], list[int], list[float], list[int]]
Columns = dict[str, np.ndarray]


class History:
    """The epochs of one training, in order.

    ``history["validation_cost"]`` is a column, ``history[-1]`` the last row as a dict,
    ``len(history)`` the number of epochs. Every row has ``epoch`` (from 1), ``learning_rate`` and
    ``seconds`` (of training, without the measuring after it); the other columns are what was
    asked for.
    """

    def __init__(self) -> None:
        # The rows there are, and columns of later ones that nobody has asked for yet: making rows
        # takes as long as a tenth of training a network of a few units. Set as one, so that no
        # thread sees a half of them.
        self._parts: tuple[list[dict[str, Any]], tuple[Columns, ...]] = [], ()

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One dict an epoch."""
        rows, later = self._parts
        if later:
            rows = rows + [row for columns in later for row in _rows_of(columns)]
            self._parts = rows, ()
        return rows

    def append(self, row: dict[str, Any]) -> None:
        """Add the row of an epoch."""
        self.rows.append(row)

    def extend(self, columns: Columns) -> None:
        """Add the rows of several epochs, as columns (n_epochs,)."""
        rows, later = self._parts
        self._parts = rows, (*later, columns)

    def __len__(self) -> int:
        rows, later = self._parts
        return len(rows) + sum(len(columns["epoch"]) for columns in later)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)

    def __getitem__(self, key: str | int) -> Any:
        if isinstance(key, str):
            if key not in self.columns:
                raise KeyError(f"{key!r}: recorded were {', '.join(self.columns) or 'no epochs'}")
            return [row[key] for row in self.rows]
        return self.rows[key]

    def __repr__(self) -> str:
        return f"<History of {len(self)} epochs: {', '.join(self.columns)}>"

    @property
    def columns(self) -> list[str]:
        """The names of what was recorded."""
        return list(self.rows[0]) if self.rows else []

    def to_dict(self) -> dict[str, list[Any]]:
        """Return the columns as lists."""
        return {name: self[name] for name in self.columns}

    def to_csv(self, path: str | Path) -> None:
        """Write a table with a header to ``path``, whole or not at all."""
        text = io.StringIO()
        table = csv.DictWriter(text, self.columns)
        table.writeheader()
        table.writerows(self.rows)
        write_whole(path, text.getvalue().encode())

    def book_lists(self) -> BookLists:
        """Return the four lists of the book's ``SGD``; a list that was not asked for is empty.

        Returns
        -------
        evaluation_cost, evaluation_accuracy, training_cost, training_accuracy : lists
        """
        names = ("evaluation_cost", "evaluation_accuracy", "training_cost", "training_accuracy")
        return tuple(self[name] if name in self.columns else [] for name in names)  # type: ignore[return-value]


def _rows_of(columns: Columns) -> list[dict[str, Any]]:
    values = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in values]
