"""What was recorded while training: one row an epoch."""

from __future__ import annotations

import csv
import io
import threading
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
        # The rows there are, and columns of later ones that nobody has asked for yet, each with
        # the number of rows up to its end: making rows takes as long as a tenth of training a
        # network of a few units.
        self._rows: list[dict[str, Any]] = []
        self._later: list[tuple[int, Columns]] = []
        self._lock = threading.Lock()  # one thread may read what another one trains

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One dict an epoch."""
        with self._lock:
            return self._all_rows()

    def _all_rows(self) -> list[dict[str, Any]]:
        """Make the rows that are still columns; the lock is held."""
        if self._later:
            # All made before anything is added, so that Ctrl-C meanwhile changes nothing.
            made = [row for _, columns in self._later for row in _rows_of(columns)]
            self._rows += made
            self._later = []
        return self._rows

    def append(self, row: dict[str, Any]) -> None:
        """Add the row of an epoch.

        Parameters
        ----------
        row : dict
            From the names of the columns to the epoch's values.
        """
        with self._lock:
            self._all_rows().append(row)

    def extend(self, columns: Columns) -> None:
        """Add the rows of several epochs, as columns (n_epochs,).

        Parameters
        ----------
        columns : dict of arrays (n_epochs,)
            From their names; one of them is "epoch".
        """
        with self._lock:
            before = self._later[-1][0] if self._later else 0
            self._later.append((before + len(columns["epoch"]), columns))

    def __len__(self) -> int:
        with self._lock:
            return len(self._rows) + (self._later[-1][0] if self._later else 0)

    # A lock can neither be copied nor pickled: each copy gets its own.

    def __getstate__(self) -> dict[str, Any]:
        with self._lock:
            return {"_rows": self._all_rows().copy()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        History.__init__(self)
        self.__dict__.update(state)

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
        """Write a table with a header to ``path``, whole or not at all.

        Parameters
        ----------
        path : str or path
            Where to write it.
        """
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
