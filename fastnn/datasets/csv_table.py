"""Tables of numbers in .csv files, as rows X and labels y."""

from __future__ import annotations

import os

import numpy as np

from fastnn._common.checks import brief
from fastnn._model.table_info import TASKS
from fastnn.datasets.checks import wrong_label
from fastnn.datasets.split import Xy
from fastnn.datasets.tables.columns import locate
from fastnn.datasets.tables.layout import find_layout
from fastnn.datasets.tables.rows import Texts, line_of_row, read_rows
from fastnn.datasets.tables.table import find_target
from fastnn.datasets.tables.target import interpret


def load_csv(
    path: str | os.PathLike[str],
    target: int | str = -1,
    *,
    header: bool | None = None,
    index: bool | int | str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    task: str = "classification",
) -> Xy:
    """Read a table of numbers, such as a .csv file; one column holds the labels.

    Parameters
    ----------
    path : path
        The file. Empty lines are skipped; fields may be quoted.
    target : int or str, default -1
        The column of the labels: a number from 0, or from the end if negative, or a name.
    header, index, encoding, delimiter
        As for `read_table`, which returns the names of columns and classes, too.
    task : {"classification", "regression"}, default "classification"
        What the targets are.

    Returns
    -------
    X : ndarray (n, n_in), float64
        The other columns in their order, without the index.
    y : ndarray (n,), int64, or float64 for a regression
        The labels, whole numbers from 0. Labels that are texts become their places in sorted
        order.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TypeError
        If ``header`` is neither True, False nor None.
    ValueError
        If a line has a field that is not a finite number or another number of columns than the
        first (the line is named), a label is a number but no whole one from 0, the target is not a
        column, there are no rows, or something may be read in two ways and nobody has said which.
    """
    if not isinstance(task, str) or task not in TASKS:
        raise ValueError(f"task={brief(task)}: expected {' or '.join(TASKS)}")
    layout = find_layout(path, header=header, index=index, encoding=encoding, delimiter=delimiter)
    wanted = (
        target
        if layout.n_columns == 1
        else locate(layout.names, layout.n_columns, target, "target")
    )
    column = find_target(layout, wanted)
    X, values = read_rows(layout, layout.others(column), column)
    assert values is not None
    if task == "regression" or isinstance(values, Texts):
        return X, interpret(values, task, f"{layout.where}, {layout.place(column)}").y
    row = wrong_label(values)
    if row is not None:
        raise ValueError(
            f"{layout.where}, line {line_of_row(layout, row)}: label {values[row]} "
            f"(target={target}); expected a whole number 0, 1, 2, ...; or read_table, which takes "
            "any labels, or task='regression'"
        )
    return X, values.astype(np.int64)
