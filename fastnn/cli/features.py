"""Rows to predict, in the order of their file, which may or may not hold their classes, too."""

from __future__ import annotations

import csv
import zipfile
import zlib
from pathlib import Path

import numpy as np

from fastnn.datasets.checks import feature_rows

# What NumPy raises for damaged files; the last two for a single array under the name of several.
_DAMAGE = (
    ValueError,
    EOFError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
    AttributeError,
    TypeError,
)


def features_in_order(data: str, n_in: int, target: int | None) -> np.ndarray | None:
    """Return all rows of a .csv file, or of X in an .npz file; None if ``data`` is neither.

    Parameters
    ----------
    data : str
        A path, or a name such as "digits".
    n_in : int
        Features that the network takes; a .csv file may have one column more, the classes.
    target : int, optional
        That column; None: the last.

    Returns
    -------
    array (n, n_features) or None

    Raises
    ------
    ValueError
        If the file is damaged, does not hold finite numbers, or the columns are too many or few.
    """
    path = Path(data)
    if path.suffix == ".csv" and path.is_file():
        return _without_classes(_read_table(path), path, n_in, target)
    if path.suffix == ".npz" and path.is_file():
        return _read_x(path)
    return None


def _without_classes(table: np.ndarray, path: Path, n_in: int, target: int | None) -> np.ndarray:
    width, column = table.shape[1], -1 if target is None else target
    if width == n_in:
        return table
    if width != n_in + 1:
        raise ValueError(
            f"{path}: expected {n_in} columns, the inputs of the network, or {n_in + 1} with the "
            f"classes; got {width}"
        )
    if not -width <= column < width:
        raise ValueError(f"--target: expected a column from {-width} to {width - 1}, got {column}")
    return np.delete(table, column, axis=1)


def _read_table(path: Path) -> np.ndarray:
    """Return the numbers of a table whose first line may name the columns."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            lines = [line for line in file if line.strip()]
        if lines and not any(map(_is_number, next(csv.reader(lines)))):
            del lines[0]
        if not lines:
            raise ValueError("it has no rows")
        table = np.loadtxt(lines, delimiter=",", comments=None, quotechar='"', ndmin=2)
    except (ValueError, csv.Error) as error:
        raise ValueError(f"{path}: expected a table of numbers: {error}") from None
    return feature_rows(table, str(path))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _read_x(path: Path) -> np.ndarray | None:
    """Return the array X of an .npz file, or None if it has no X."""
    try:
        # Nothing is unpickled; an array is read only when asked for by its name.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            X = np.asarray(arrays["X"]) if "X" in arrays.files else None
    except _DAMAGE as error:
        raise ValueError(f"{path}: expected arrays in a whole .npz file: {error}") from None
    return None if X is None else feature_rows(X, f"{path}: X")
