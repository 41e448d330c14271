"""Rows for a trained network: which columns of a table, or arrays of a file, are its inputs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn import datasets
from fastnn._model.table_info import TableInfo
from fastnn.cli.examples import (
    cut_of,
    cut_pairs,
    fractions_of,
    options_named,
    parts_of,
    refuse_table_options,
    rows_of_parts,
    table_options,
    targets_of_parts,
    values_of,
)
from fastnn.cli.rows import choose_part
from fastnn.datasets import Split
from fastnn.datasets.by_name import cut_rows, is_npz, is_table
from fastnn.datasets.checks import feature_rows, regular_file, wrong_label
from fastnn.datasets.npz import KERAS, PAIR, read_arrays
from fastnn.datasets.tables.columns import default_target, locate
from fastnn.datasets.tables.layout import Layout, find_layout
from fastnn.datasets.tables.rows import Texts, line_of_row, read_rows
from fastnn.datasets.tables.target import codes_among
from fastnn.network import Network


def read_to_measure(arguments: argparse.Namespace, network: Network) -> Split:
    """Return the data, cut as ``fastnn train`` cuts them, targets as the network's outputs.

    Raises
    ------
    OSError, ValueError
        If they cannot be read, do not hold what the network takes or have unknown classes.
    """
    if is_table(arguments.data):
        layout, features, column = _columns(arguments, network, with_target=True)
        as_text = _has_names(network.table)
        X, values = read_rows(layout, features, column, as_text=as_text)
        assert values is not None and column is not None
        y = _as_outputs(network, values, layout.where, layout)
        return cut_rows((X, y), arguments.split_seed, **fractions_of(arguments))
    refuse_table_options(arguments)
    if is_npz(arguments.data):
        return _measure_npz(arguments, network)
    split = datasets.load(arguments.data, **cut_of(arguments))
    pairs = ((X, _as_outputs(network, y.astype(np.float64), arguments.data)) for X, y in split)
    return Split(*pairs)


def read_to_predict(arguments: argparse.Namespace, network: Network) -> np.ndarray:
    """Return the rows to predict: all of a table or of X, in their order, or a part of the data.

    Raises
    ------
    OSError, ValueError
        If they cannot be read, or do not hold what the network takes.
    """
    part = arguments.part
    if is_table(arguments.data):
        layout, features, _ = _columns(arguments, network, with_target=False)
        X, _ = read_rows(layout, features)
        return X if part in (None, "all") else _part(X, arguments)
    refuse_table_options(arguments)
    if is_npz(arguments.data):
        return _predict_npz(arguments)
    return choose_part(datasets.load(arguments.data), part or "test", arguments.data)[0]


def _part(X: np.ndarray, arguments: argparse.Namespace) -> np.ndarray:
    split = cut_rows((X, np.zeros(len(X), np.int64)), 0)
    return choose_part(split, arguments.part, arguments.data)[0]


# Tables


def _columns(
    arguments: argparse.Namespace, network: Network, *, with_target: bool
) -> tuple[Layout, list[int], int | None]:
    """Return how a table is laid out, the columns of the inputs, and that of the targets."""
    info = network.table
    known = info.features if info is not None and info.features is not None else ()
    with options_named():
        layout = find_layout(arguments.data, known=known, **table_options(arguments))
        column = None
        if arguments.target is not None:
            column = locate(layout.names, layout.n_columns, arguments.target, "target")
    # A target that is told to be a column with an input's name: then names mean something else.
    named = layout.names is not None and known and len(set(known)) == len(known)
    if named and (column is None or (layout.names or ())[column] not in known):
        features = _by_name(layout, known, arguments.model)
        if column is None and with_target:
            column = _target_by_name(layout, info, features)
        return layout, features, column
    return (layout, *_by_place(layout, network, column, arguments.model, with_target))


def _by_name(layout: Layout, known: Sequence[str], model: str) -> list[int]:
    """Return where the inputs' names stand in a header."""
    names = layout.names or ()
    missing = [name for name in known if name not in names]
    if missing:
        raise ValueError(
            f"{layout.where}: {len(missing)} of the {len(known)} columns that {model} takes are "
            f"not in the header, such as {missing[0][:40]!r}"
        )
    twice = next((name for name in known if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"{layout.where}: two columns are called {twice[:40]!r}; expected one")
    return [names.index(name) for name in known]


def _target_by_name(layout: Layout, info: TableInfo | None, features: Sequence[int]) -> int:
    names = layout.names or ()
    target = None if info is None else info.target
    if target is not None and names.count(target) == 1:
        return names.index(target)
    left = [i for i in layout.others(None) if i not in features]
    if len(left) == 1:
        return left[0]
    raise ValueError(
        f"{layout.where}: no column is called {target!r}; expected one with the targets, or "
        "--target"
    )


def _by_place(
    layout: Layout, network: Network, column: int | None, model: str, with_target: bool
) -> tuple[list[int], int | None]:
    """Return the inputs and the targets by their order."""
    n_in, info = network.sizes[0], network.table
    columns = layout.others(None)
    if with_target or column is not None or len(columns) == n_in + 1:
        if column is None:
            place = info.column if info is not None and info.column is not None else None
            if place is None or place >= len(columns):
                default_target(layout.names, layout.n_columns, layout.where)
                place = -1
            column = columns[place]
        columns = [i for i in columns if i != column]
    if len(columns) != n_in:
        n_features = len(columns) - (column is None and len(columns) > n_in)
        raise ValueError(
            f"{model} takes {n_in} inputs, but {layout.where} has {n_features} features; expected "
            f"{n_in} columns, or {n_in + 1} with the targets, besides an index"
        )
    return columns, column


# Targets


def _has_names(info: TableInfo | None) -> bool:
    return info is not None and bool(info.classes) and isinstance(info.classes[0], str)


def _as_outputs(
    network: Network, values: np.ndarray | Texts, where: str, layout: Layout | None = None
) -> np.ndarray:
    """Return targets as a network gives them: places of labels, or numbers."""
    info = network.table
    if info is not None and info.task == "regression":
        if isinstance(values, Texts):
            raise ValueError(f"{where}: {values.names[0][:40]!r}; expected numbers as targets")
        return values
    if isinstance(values, Texts) and not _has_names(info):
        raise _unknown_class(where, layout, 0, values.names[0], info)
    if info is None:
        row = wrong_label(values)  # type: ignore[arg-type]
        codes = None if row is not None else np.asarray(values).astype(np.int64)
    else:
        codes = codes_among(info.classes, values)
        row = None if codes.min() >= 0 else int(codes.argmin())
    if row is not None:
        shown: Any = (
            values.names[values.codes[row]] if isinstance(values, Texts) else f"{values[row]:g}"
        )
        raise _unknown_class(where, layout, row, shown, info)
    assert codes is not None
    return codes


def _unknown_class(
    where: str, layout: Layout | None, row: int, shown: str, info: TableInfo | None
) -> ValueError:
    place = f", row {row}" if layout is None else f", line {line_of_row(layout, row)}"
    classes = "whole numbers 0, 1, 2, ..."
    if info is not None:
        classes = ", ".join(str(label)[:30] for label in info.classes[:12])
        classes += ", ..." * (len(info.classes) > 12)
    return ValueError(
        f"{where}{place}: class {shown[:40]!r}; expected one of the network's: {classes}"
    )


# .npz files


def _measure_npz(arguments: argparse.Namespace, network: Network) -> Split:
    file = regular_file(arguments.data, "an .npz file")
    arrays = read_arrays(file, (PAIR, KERAS), names_of_classes=_has_names(network.table))
    parts = parts_of(arrays)
    rows = rows_of_parts(arrays, [x_name for x_name, _ in parts], file)
    targets = [
        _as_outputs(network, values_of(column), f"{file}: {y_name}")
        for column, (_, y_name) in zip(
            targets_of_parts(arrays, parts, rows, file), parts, strict=True
        )
    ]
    return cut_pairs(arguments, list(zip(rows, targets, strict=True)))


def _predict_npz(arguments: argparse.Namespace) -> np.ndarray:
    file = regular_file(arguments.data, "an .npz file")
    arrays = read_arrays(file, (("X",), ("x_train", "x_test")))
    if "X" in arrays:
        X = feature_rows(arrays.pop("X"), f"{file}: X")
        return X if arguments.part in (None, "all") else _part(X, arguments)
    train, test = rows_of_parts(arrays, ["x_train", "x_test"], file)
    if arguments.part in (None, "test"):
        return test
    pairs = [(X, np.zeros(len(X), np.int64)) for X in (train, test)]
    whole = argparse.Namespace(data=arguments.data, split_seed=0, test=None, validation=None)
    return choose_part(cut_pairs(whole, pairs), arguments.part, arguments.data)[0]
