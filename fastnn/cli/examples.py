"""Rows and targets to learn from, and what they were taken for."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fastnn import datasets
from fastnn._common.checks import brief
from fastnn._model.table_info import TableInfo
from fastnn.datasets import Split, Table, read_table
from fastnn.datasets.by_name import cut_parts, cut_rows, is_npz, is_table, refuse_options
from fastnn.datasets.checks import class_labels, feature_rows, regular_file, same_length
from fastnn.datasets.npz import KERAS, PAIR, read_arrays
from fastnn.datasets.tables.columns import ColumnError
from fastnn.datasets.tables.fields import is_whole
from fastnn.datasets.tables.rows import Texts
from fastnn.datasets.tables.target import Target, interpret

TABLE_OPTIONS = ("target", "header", "index", "encoding", "delimiter")
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Examples:
    """What a network learns from.

    Attributes
    ----------
    split : Split
        y holds places among the classes, int64, or the numbers of a regression, float64.
    info : TableInfo or None
        The names of columns and classes; None for data whose classes are 0, 1, 2, ...
    are_pixels : bool
        Whether the inputs are pixels from 0 to 1, which need no standardization.
    said : list of str
        Lines on what was taken for what.
    """

    split: Split
    info: TableInfo | None
    are_pixels: bool
    said: list[str]

    @property
    def task(self) -> str:
        """Classification or regression."""
        return "classification" if self.info is None else self.info.task


@contextmanager
def options_named() -> Iterator[None]:
    """Let an error on a column name the option of the command line."""
    try:
        yield
    except ColumnError as error:
        expected = error.expected.replace("a whole number", "a column", 1)
        raise ValueError(
            f"--{error.option}: expected {expected}, got {brief(error.value)}"
        ) from None


def table_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the options that say how a table is laid out."""
    return {name: getattr(arguments, name) for name in TABLE_OPTIONS[1:]}


def refuse_table_options(arguments: argparse.Namespace) -> None:
    """Raise ``ValueError`` for options of a table, as the data are none."""
    given = {name: getattr(arguments, name) for name in TABLE_OPTIONS}
    refuse_options(
        arguments.data,
        **{
            name: int(value) if isinstance(value, str) and is_whole(value) else value
            for name, value in given.items()
        },
    )


def fractions_of(arguments: argparse.Namespace) -> dict[str, float | None]:
    """Return the shares of the rows that are set aside; None for the usual ones."""
    share = arguments.validation if isinstance(arguments.validation, float) else None
    return {"test_fraction": arguments.test, "validation_fraction": share}


def cut_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what ``datasets.load`` is told of the cut."""
    return {"seed": arguments.split_seed, **fractions_of(arguments)}


def read_examples(arguments: argparse.Namespace) -> Examples:
    """Return the data that ``fastnn train`` was told.

    Raises
    ------
    OSError, ValueError
        If they cannot be read, or options do not apply to them.
    """
    data = arguments.data
    if is_table(data):
        with options_named():
            table = read_table(
                data, arguments.target, task=arguments.task, **table_options(arguments)
            )
        split = cut_rows((table.X, table.y), arguments.split_seed, **fractions_of(arguments))
        return Examples(split, _info_of(table), False, _said_of(table))
    refuse_table_options(arguments)
    if is_npz(data):
        return _of_npz(arguments)
    if arguments.task == "regression":
        refuse_options(data, task=arguments.task)
    split = datasets.load(data, **cut_of(arguments))
    return Examples(split, None, True, [])


def _info_of(table: Table) -> TableInfo:
    layout = table.layout
    column = table.target - (layout.index is not None and layout.index < table.target)
    return TableInfo(table.task, table.classes, table.feature_names, table.target_name, column)


def _said_of(table: Table) -> list[str]:
    layout = table.layout
    is_last = table.target == layout.n_columns - 1
    column = "the last column" if is_last else f"column {table.target}"
    target = column if table.target_name is None else f"{table.target_name!r}, {column}"
    return [
        f"table: {', '.join(layout.described())}",
        f"features: {table.X.shape[1]}{_listed(table.feature_names or (), ': ')}",
        f"target: {target}; {said_of_target(table.task, table.classes, table.y)}",
        *(f"note: {suspicion}" for suspicion in layout.suspicions()),
    ]


def said_of_target(task: str, classes: Sequence[Any], y: np.ndarray) -> str:
    """Return in words what targets were taken for."""
    if task == "regression":
        return f"{task}, numbers from {y.min():g} to {y.max():g} (--task classification: classes)"
    return f"{task}, {len(classes)} classes{_listed(classes, ': ')}"


def _listed(names: Sequence[Any], before: str) -> str:
    if not names:
        return ""
    shown = [str(name)[:30] for name in names[:8]]
    return before + ", ".join(shown) + f", ... {str(names[-1])[:30]}" * (len(names) > 8)


# .npz files


def _of_npz(arguments: argparse.Namespace) -> Examples:
    file = regular_file(arguments.data, "an .npz file")
    arrays = read_arrays(file, (PAIR, KERAS), names_of_classes=True)
    parts = parts_of(arrays)
    are_pixels = all(arrays[x_name].dtype == np.uint8 for x_name, _ in parts)
    rows = rows_of_parts(arrays, [x_name for x_name, _ in parts], file)
    columns = targets_of_parts(arrays, parts, rows, file)
    target = _target_of(columns, arrays[parts[0][1]], arguments.task, file)
    counts = np.cumsum([len(X) for X in rows])[:-1]
    pairs = list(zip(rows, np.split(target.y, counts), strict=True))
    said = [f"target: y; {said_of_target(target.task, target.classes, target.y)}"]
    info = TableInfo(target.task, target.classes)
    return Examples(cut_pairs(arguments, pairs), info, are_pixels, said)


def parts_of(arrays: Arrays) -> list[tuple[str, str]]:
    """Return the names of inputs and targets, of one part or of two."""
    return [PAIR] if "X" in arrays else [(KERAS[0], KERAS[1]), (KERAS[2], KERAS[3])]


def rows_of_parts(arrays: Arrays, names: Sequence[str], file: Path) -> list[np.ndarray]:
    """Return the features of one or two parts as rows, each array taken out of ``arrays``.

    Raises
    ------
    ValueError
        If they are no rows of finite numbers, or the parts differ in their number of features.
    """
    rows = [feature_rows(arrays.pop(name), f"{file}: {name}") for name in names]
    if len({X.shape[1] for X in rows}) > 1:
        raise ValueError(
            f"{file}: {rows[0].shape[1]} features in {names[0]} but {rows[1].shape[1]} in "
            f"{names[1]}; expected as many"
        )
    return rows


def cut_pairs(arguments: argparse.Namespace, pairs: Sequence[Any]) -> Split:
    """Cut one part into three, or validation rows off the first of two."""
    seed, fractions = arguments.split_seed, fractions_of(arguments)
    if len(pairs) == 1:
        return cut_rows(pairs[0], seed, **fractions)
    return cut_parts(Path(arguments.data), pairs[0], pairs[1], seed, **fractions)


def targets_of_parts(
    arrays: Arrays, parts: Sequence[tuple[str, str]], rows: Sequence[np.ndarray], file: Path
) -> list[np.ndarray]:
    """Return each part's targets as ``column_of`` does.

    Raises
    ------
    ValueError
        If there are not as many as rows.
    """
    columns = []
    for (x_name, y_name), X in zip(parts, rows, strict=True):
        columns.append(column_of(arrays[y_name], f"{file}: {y_name}"))
        same_length(X, columns[-1], f"{file}: {x_name} and {y_name}")
    return columns


def _target_of(
    columns: Sequence[np.ndarray], as_given: np.ndarray, task: str | None, file: Path
) -> Target:
    y = np.concatenate(columns)
    if as_given.ndim == 2 and as_given.shape[1] > 1:  # one-hot: a class may be without rows
        return Target("classification", tuple(range(as_given.shape[1])), y.astype(np.int64))
    return interpret(values_of(y), task, f"{file}: y")


def column_of(y: np.ndarray, where: str) -> np.ndarray:
    """Return an array of targets as (n,): texts, or float64; one-hot rows as labels.

    Raises
    ------
    ValueError
        If it has another shape, or holds numbers that are not finite.
    """
    if y.ndim == 2 and y.shape[1] > 1:
        return class_labels(y, where).astype(np.float64)
    column = y[:, 0] if y.shape[1:] == (1,) else y
    if column.ndim != 1 or len(column) == 0:
        raise ValueError(f"{where}: expected targets (rows,) or one-hot rows, got shape {y.shape}")
    if column.dtype.kind == "U":
        return column
    finite = np.isfinite(column)
    if not finite.all():
        row = int(finite.argmin())
        raise ValueError(f"{where}: row {row} is {column[row]}; expected a finite number")
    return column.astype(np.float64)


def values_of(column: np.ndarray) -> np.ndarray | Texts:
    """Return what ``column_of`` did, texts as the reader of tables returns them."""
    if column.dtype.kind != "U":
        return column
    names, codes = np.unique(column, return_inverse=True)
    return Texts([str(name) for name in names], codes.astype(np.int64, copy=False))
