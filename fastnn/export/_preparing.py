"""Puts a preparation together, step by step, from what each step does to columns."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np

from fastnn._common.checks import brief
from fastnn.export._graph import Preparation, Stage

__all__ = ["Preparing"]

Columns = np.ndarray  # numbers of columns, intp


class Preparing:
    """A preparation that grows by stages.

    Categories may be texts. A column of them is known by numbers, from 0 in the order in which
    they come up here.

    Parameters
    ----------
    n_in : int
        Columns that a user gives.
    """

    def __init__(self, n_in: int) -> None:
        self.n_in = n_in
        self._stages: list[Stage] = []
        self._width = n_in
        self._texts: dict[int, list[str]] = {}
        self._given = {i: i for i in range(n_in)}  # columns whose values are still those of inputs

    def add(
        self, kind: str, sources: Sequence[int] | Columns, a: Any, b: Any,
        default: float | None = None,
    ) -> Columns:  # fmt: skip
        """Add a stage on columns with its numbers (k,), or one for all; return its columns."""
        columns = np.asarray(sources, dtype=np.intp)
        length = None if kind == "lookup" else len(columns)
        numbers = (np.array(each, dtype=np.float64) for each in (a, b))
        a, b = (each if length is None else np.broadcast_to(each, length) for each in numbers)
        self._stages.append(Stage(kind, columns, a, b, default))
        made = np.arange(self._width, self._width + len(columns))
        self._width += len(columns)
        return made

    def fill(self, columns: Columns, missing: Any, values: Sequence[Any]) -> Columns:
        """Add a stage that puts a value, a number or a text, for what is missing in columns."""
        numbers = [self.number(column, v) for column, v in zip(columns, values, strict=True)]
        marks = [self.number(column, missing) for column in columns]
        made = self.add("fill", columns, numbers, marks)
        for column, new in zip(columns.tolist(), made.tolist(), strict=True):
            if column in self._given:
                self._given[new] = self._given[column]
        return made

    def number(self, column: int, value: Any) -> float:
        """Return what stands for a value of a column: a number for itself, a text's number.

        Raises
        ------
        TypeError
            If it is neither, or a text in a column that an earlier step made of numbers.
        """
        if isinstance(value, (Real, np.bool_)):
            return float(value)
        if not isinstance(value, str):
            raise TypeError(f"model: expected categories of numbers or texts, got {brief(value)}")
        if column not in self._given:
            raise TypeError(f"model: category {brief(value)} of a column that is made of numbers")
        texts = self._texts.setdefault(self._given[int(column)], [])
        if value not in texts:
            texts.append(value)
        return float(texts.index(value))

    def numbers(self, column: int, values: Any) -> list[float]:
        """Return what stands for each of some values of a column."""
        return [self.number(column, value) for value in values]

    def append(self, columns: Columns, further: Preparation) -> Columns:
        """Add the stages of a preparation that takes ``columns``; return what it gives.

        Raises
        ------
        TypeError
            If it takes texts that an earlier step has made of numbers.
        """
        for place, texts in further.texts.items():
            column = int(columns[place])
            if column not in self._given or self.numbers(column, texts) != [*range(len(texts))]:
                raise TypeError(
                    f"model: expected the texts of column {place} in the last step alone, got "
                    "them in an earlier one, too"
                )
        places = columns.tolist()
        for stage in further.stages:
            sources = [places[i] for i in stage.sources]
            places += self.add(stage.kind, sources, stage.a, stage.b, stage.default).tolist()
        return np.array(places, dtype=np.intp)[further.columns]

    def done(self, columns: Columns) -> Preparation:
        """Return the preparation, which gives these columns."""
        texts = {i: tuple(texts) for i, texts in self._texts.items()}
        return Preparation(self.n_in, tuple(self._stages), columns, texts)
