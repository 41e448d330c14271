"""What was recorded while training: one row an epoch."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fastnn._common.files import write_whole

__all__ = ["History"]

BookLists = tuple[list[float], list[int], list[float], list[int]]
Columns = dict[str, np.ndarray]


class _Later:
    """Rows from ``start`` to before ``end`` that are still columns; None once they are made."""

    __slots__ = ("columns", "end", "start")

    def __init__(self, start: int, columns: Columns) -> None:
        self.start, self.end = start, start + len(columns["epoch"])
        self.columns: Columns | None = columns


class History:
    """The epochs of one training, in order.

    ``history["validation_cost"]`` is a column, ``history[-1]`` the last row as a dict,
    ``len(history)`` the number of epochs. Every row has ``epoch`` (from 1), ``learning_rate`` and
    ``seconds`` (of training, without the measuring after it); the other columns are what was
    asked for.
    """

    def __init__(self) -> None:
        # The rows there are, and columns of later ones that nobody has asked for yet: making rows
        # takes as long as a tenth of training a network of a few units.
        #
        # One thread may read what another one trains, and a signal's handler what it interrupts:
        # there is no lock that it could find taken. Whatever is changed is changed by one operation
        # that may be interrupted before or after, and done again, by anybody.
        self._rows: list[dict[str, Any]] = []
        self._later: list[_Later] = []
        self._made = 0  # of the later ones, from the first on, at least

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One dict an epoch."""
        first = self._made
        later = self._later[first:]
        for each in later:
            columns = each.columns
            if columns is not None:
                self._rows[each.start : each.end] = _rows_of(columns)
                each.columns = None
        self._made = first + len(later)
        return self._rows

    def append(self, row: dict[str, Any]) -> None:
        """Add the row of an epoch.

        Parameters
        ----------
        row : dict
            From the names of the columns to the epoch's values.
        """
        self.rows.append(row)

    def extend(self, columns: Columns) -> None:
        """Add the rows of several epochs, as columns (n_epochs,).

        Parameters
        ----------
        columns : dict of arrays (n_epochs,)
            From their names; one of them is "epoch".
        """
        self._later.append(_Later(len(self), columns))

    def __len__(self) -> int:
        last = self._later[-1].end if self._later else 0
        return max(last, len(self._rows))

    def last(self, name: str) -> float:
        """Return what the last epoch has in a column, without making rows of the others.

        Parameters
        ----------
        name : str
            The column's name.

        Raises
        ------
        IndexError
            If there was no epoch.
        """
        return self.last_row()[name]  # type: ignore[no-any-return]

    def last_row(self) -> dict[str, Any]:
        """Return the row of the last epoch, without making rows of the others.

        Raises
        ------
        IndexError
            If there was no epoch.
        """
        columns = self._later[-1].columns if self._later else None
        if columns is None or self._later[-1].end < len(self):
            return self.rows[-1]
        return {name: column[-1].item() for name, column in columns.items()}

    # A copy has rows of its own, all made.

    def __getstate__(self) -> dict[str, Any]:
        return {"_rows": self.rows.copy()}

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
