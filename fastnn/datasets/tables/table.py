"""A table from a file: features, targets, and what was taken for what."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from fastnn.datasets.tables.columns import default_target, locate
from fastnn.datasets.tables.in_memory import TableBytes
from fastnn.datasets.tables.layout import Layout, find_layout
from fastnn.datasets.tables.rows import read_rows
from fastnn.datasets.tables.target import Label, Target, interpret


@dataclass(frozen=True)
class Table:
    """What ``read_table`` returns.

    Attributes
    ----------
    X : float64 array (n, n_in)
        The features in the order of their columns.
    y : int64 array (n,) or float64 array (n,)
        The place of each row's label in ``classes``; for a regression the numbers.
    task : "classification" or "regression"
        What was asked for, or found by the labels.
    classes : tuple of str, int or float
        The labels in sorted order; none for a regression.
    feature_names : tuple of str or None
        None if the file has no header.
    target_name : str or None
        The name of the target's column; None if the file has no header.
    target : int
        The target's column, from 0.
    layout : Layout
        How the file was read.
    """

    X: np.ndarray
    y: np.ndarray
    task: str
    classes: tuple[Label, ...]
    feature_names: tuple[str, ...] | None
    target_name: str | None
    target: int
    layout: Layout


def read_table(
    path: str | os.PathLike[str] | TableBytes,
    target: int | str | None = None,
    *,
    task: str | None = None,
    header: bool | None = None,
    index: bool | int | str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
) -> Table:
    """Read a table as people have them: features that are numbers, and a column of targets.

    Parameters
    ----------
    path : path or TableBytes
        A file of text such as ``.csv``, ``.tsv`` or ``.txt``, or the bytes of one. Empty lines are
        skipped; fields may be quoted, and may then have several lines.
    target : int or str, optional
        The column of the targets: a number from 0, or from the end if negative, or a name. None:
        the last, unless another one is called target, class, label or y, which is an error.
    task : {"classification", "regression"}, optional
        What the targets are. None: texts are names of classes, up to 20 different whole numbers
        are classes, numbers with fractions and whole numbers most of which differ are to be found
        by regression; anything between is an error that asks.
    header : bool, optional
        Whether the first record names the columns. None: it does if its fields cannot be values of
        the columns beneath, as with texts above numbers, or pandas' 0, 1, 2, ... above others; if
        it may be either, an error asks.
    index : bool, int or str, optional
        A column that only counts or names the rows and is left out: a number or a name; True: the
        first; False: none. None: the first if its name is empty, as pandas and R write an index.
    encoding : str, optional
        Of the text, such as "gbk". None: what its byte order mark says, else UTF-8.
    delimiter : {",", ";", "tab", "space"}, optional
        What separates the columns. None: what gives all first lines as many. Where it is no comma,
        decimal commas are taken.

    Returns
    -------
    Table

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TypeError
        If ``header`` is neither True, False nor None.
    ValueError
        Naming the argument, or the file, line and column: if a feature is no finite number or is
        missing, a line has another number of columns, a column is not there, the text is in
        another encoding, the targets do not go with ``task`` or are all the same, or if something
        may be read in two ways and nobody has said which.
    """
    layout = find_layout(path, header=header, index=index, encoding=encoding, delimiter=delimiter)
    column = find_target(layout, target)
    features = layout.others(column)
    X, values = read_rows(layout, features, column)
    assert values is not None
    found = interpret(values, task, f"{layout.where}, {layout.place(column)}")
    return as_table(layout, column, X, found)


def find_target(layout: Layout, target: int | str | None) -> int:
    """Return the number of the target's column.

    Raises
    ------
    ValueError
        If there is none, it is the index, or no column is left for features.
    """
    if layout.n_columns == 1:
        read_rows(layout, [0])  # where the one column holds no numbers, that is what is wrong
        raise ValueError(
            f"{layout.where}: one column; expected features and a label, with commas, "
            "semicolons or tabs between them"
        )
    if target is None:
        column = default_target(layout.names, layout.n_columns, layout.where)
    else:
        column = locate(layout.names, layout.n_columns, target, "target")
    if column == layout.index:
        raise ValueError(
            f"target={target!r}: expected another column than the index, {layout.place(column)}"
        )
    if not layout.others(column):
        raise ValueError(
            f"{layout.where}: no column is left for features, beside the target and the index"
        )
    return column


def as_table(layout: Layout, column: int, X: np.ndarray, target: Target) -> Table:
    """Put a table together."""
    names = layout.names
    return Table(
        X,
        target.y,
        target.task,
        target.classes,
        None if names is None else tuple(names[i] for i in layout.others(column)),
        None if names is None else names[column],
        column,
        layout,
    )
