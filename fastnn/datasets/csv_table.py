"""Tables of numbers in .csv files, as rows X and labels y."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import numpy as np

from fastnn.checks import check_flag
from fastnn.datasets.checks import regular_file, whole_number, wrong_label
from fastnn.datasets.split import Xy


def load_csv(path: str | os.PathLike[str], target: int = -1, *, header: bool | None = None) -> Xy:
    """Read a table of numbers with commas between them; one column holds the labels.

    Parameters
    ----------
    path : path
        The file, UTF-8. Empty lines are skipped; numbers may be quoted.
    target : int, default -1
        The column of the labels, from 0, or from the end if negative.
    header : bool, optional
        Whether the first line names the columns. None: it does if none of its fields is a number.

    Returns
    -------
    X : ndarray (n, n_in), float64
        The other columns in their order.
    y : ndarray (n,), int64
        The labels, whole numbers from 0.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TypeError
        If ``header`` is neither True, False nor None.
    ValueError
        If a line has a field that is not a finite number or another number of columns than the
        first (the line is named), a label is not a whole number from 0, the target is not a
        column, or there are no rows.
    """
    if header is not None:
        check_flag(header, "header")
    file = regular_file(path, "a .csv file of numbers")
    n_skipped = _lines_before_numbers(file, header)
    try:
        with file.open(encoding="utf-8-sig") as lines:
            table = np.loadtxt(
                lines, delimiter=",", comments=None, quotechar='"', skiprows=n_skipped, ndmin=2
            )
    except ValueError as error:
        _complain(file, n_skipped, str(error))
    if not np.isfinite(table).all():
        _complain(file, n_skipped, "it holds NaN or infinity")
    n_columns = table.shape[1]
    if n_columns < 2:
        raise ValueError(f"{file}: one column; expected features and a label, commas between them")
    target = whole_number("target", target, -n_columns, n_columns - 1)
    wrong = wrong_label(table[:, target])
    if wrong is not None:
        raise ValueError(
            f"{file}, line {_line_of_row(file, n_skipped, wrong)}: label {table[wrong, target]} "
            f"(target={target}); expected a whole number 0, 1, 2, ..."
        )
    return np.delete(table, target, axis=1), table[:, target].astype(np.int64)


def _rows(file: Path, n_skipped: int = 0) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number from 1, fields) of each line that is not empty, after `n_skipped`."""
    with file.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.reader(lines)
        try:
            for fields in reader:
                if fields and reader.line_num > n_skipped:
                    yield reader.line_num, fields
        except (csv.Error, UnicodeDecodeError) as error:
            raise ValueError(
                f"{file}, after line {reader.line_num}: {error}; expected UTF-8 text, numbers "
                "with commas between them"
            ) from error


def _lines_before_numbers(file: Path, header: bool | None) -> int:
    rows = _rows(file)
    line, fields = next(rows, (0, []))
    numbers = [_is_number(field) for field in fields]
    if header is None and any(numbers) and not all(numbers):
        text = fields[numbers.index(False)]
        raise ValueError(
            f"{file}, line {line}, column {numbers.index(False) + 1}: {text[:40]!r} is not a "
            "number; expected numbers only, or a header without any (or header=True)"
        )
    if header is None:
        header = not any(numbers)
    if next(rows, None) is None and (header or not fields):
        raise ValueError(f"{file}: no rows; expected at least one line of numbers")
    return line if header else 0


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text))) and "_" not in text
    except ValueError:
        return False


def _line_of_row(file: Path, n_skipped: int, row: int) -> int:
    return next(line for i, (line, _) in enumerate(_rows(file, n_skipped)) if i == row)


def _complain(file: Path, n_skipped: int, reason: str) -> NoReturn:
    """Raise for the first wrong line: NumPy's fast reader counts rows, people count lines."""
    width = 0
    for line, fields in _rows(file, n_skipped):
        width = width or len(fields)
        if len(fields) != width:
            raise ValueError(f"{file}, line {line}: {len(fields)} columns; expected {width}")
        for column, text in enumerate(fields, start=1):
            if not _is_number(text):
                raise ValueError(
                    f"{file}, line {line}, column {column}: {text[:40]!r}; expected a finite number"
                )
    raise ValueError(f"{file}: {reason}; expected rows of numbers with commas between them")
