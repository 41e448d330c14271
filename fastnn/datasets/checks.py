"""The checks that every loader shares: each raises one ValueError that names what it read."""

from __future__ import annotations

from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np

from fastnn._common.checks import brief
from fastnn._common.files import as_path, shown

# A pixel is byte/256, not byte/255: so the book's own file holds them (its largest is 0.99609375).
PIXEL_SCALE = 1.0 / 256.0


def float_dtype(dtype: Any) -> np.dtype[Any]:
    """Return `dtype` as a NumPy dtype if it is float32 or float64."""
    try:
        found = np.dtype("O" if dtype is None else dtype)  # NumPy takes None for float64
    except Exception:  # NumPy reads some nonsense as Python and raises SyntaxError
        found = np.dtype("O")
    if found not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise ValueError(f"dtype={brief(dtype)}: expected 'float32' or 'float64'")
    return found


def pixel_dtype(dtype: Any) -> np.dtype[Any]:
    """Return `dtype` as a NumPy dtype if it is float32, float64 or, for the bytes, uint8."""
    if isinstance(dtype, (str, type, np.dtype)) and dtype in ("uint8", np.uint8):
        return np.dtype(np.uint8)
    try:
        return float_dtype(dtype)
    except ValueError:
        message = f"dtype={brief(dtype)}: expected 'float32', 'float64' or 'uint8'"
        raise ValueError(message) from None


def whole_number(name: str, value: Any, low: int, high: int | None = None) -> int:
    """Return `value` as an int if it is a whole number, `low` <= value <= `high`."""
    is_whole = isinstance(value, Integral) and not isinstance(value, (bool, np.bool_))
    if not is_whole or value < low or (high is not None and value > high):
        span = f"from {low} to {high}" if high is not None else f"of at least {low}"
        raise ValueError(f"{name}={brief(value)}: expected a whole number {span}")
    return int(value)


def number(name: str, value: Any, below: float, expected: str) -> float:
    """Return `value` as a float if it is a real number, 0 <= value < `below`."""
    is_number = isinstance(value, Real) and not isinstance(value, (bool, np.bool_))
    if not is_number or not 0 <= value < below:  # compared as it is: 10**400 is no float
        raise ValueError(f"{name}={brief(value)}: expected {expected}")
    return float(value)


def random_state(seed: Any) -> np.random.RandomState:
    """Return the generator of `seed`: RandomState, whose stream NumPy has promised to keep."""
    return np.random.RandomState(whole_number("seed", seed, 0, 2**32 - 1))


def regular_file(path: Any, expected: str) -> Path:
    """Return `path` as a Path if it is an ordinary file (no folder, pipe or device)."""
    file = as_path(path, "path", f"the name of {expected}")
    if not file.exists():
        raise FileNotFoundError(f"{shown(file)}: no such file; expected {expected}")
    if not file.is_file():
        raise ValueError(f"{shown(file)}: not an ordinary file; expected {expected}")
    return file


def feature_rows(X: np.ndarray, where: str) -> np.ndarray:
    """Return `X` as finite floating-point rows (n, n_in), C-contiguous.

    Bytes are taken as pixels and scaled by 1/256 to float32; float32 and float64 are kept; other
    numbers become float64. Axes after the first are flattened.
    """
    if X.dtype.kind not in "fiub":
        raise ValueError(f"{where}: expected numbers, got dtype {X.dtype}")
    if X.ndim < 2 or 0 in X.shape:
        raise ValueError(f"{where}: expected an array (rows, features), got shape {X.shape}")
    X = X.reshape(len(X), -1)
    if X.dtype == np.uint8:
        return pixel_rows(X, np.dtype(np.float32))
    kept = X.dtype.newbyteorder("=") in (np.dtype(np.float32), np.dtype(np.float64))
    X = np.ascontiguousarray(X, X.dtype.newbyteorder("=") if kept else np.float64)
    finite = np.isfinite(X).all(axis=1)
    if not finite.all():
        raise ValueError(f"{where}: row {int(finite.argmin())} holds NaN or infinity")
    return X


def pixel_rows(images: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """Return bytes (n, ...) in rows (n, n_in): as they are, or as byte/256, exact in any float."""
    rows = images.reshape(len(images), -1)
    if dtype == np.uint8:
        return rows
    rows = rows.astype(dtype)
    rows *= dtype.type(PIXEL_SCALE)
    return rows


def class_labels(y: np.ndarray, where: str, classes: int | None = None) -> np.ndarray:
    """Return `y` as int64 labels (n,): whole numbers from 0, below `classes` if that is given.

    A column (n, 1) is flattened, and one-hot rows (n, k), k > 1, become the place of their 1.
    """
    if y.dtype.kind not in "fiub":
        raise ValueError(f"{where}: expected labels 0, 1, 2, ..., got dtype {y.dtype}")
    if y.ndim == 2 and y.shape[1] > 1:
        y = _from_one_hot(y, where)
    elif y.shape[1:] == (1,):
        y = y[:, 0]
    if y.ndim != 1:
        raise ValueError(f"{where}: expected labels (rows,) or one-hot rows, got shape {y.shape}")
    row = wrong_label(y, classes)
    if row is not None:
        wanted = "whole numbers 0, 1, 2, ..." if classes is None else f"0 to {classes - 1}"
        raise ValueError(f"{where}: row {row} is {y[row]}; expected labels {wanted}")
    return y.astype(np.int64)


def wrong_label(y: np.ndarray, classes: int | None = None) -> int | None:
    """Return the first row of `y` (n,) that is not a whole number from 0 (below `classes`)."""
    top = 2**31 if classes is None else classes
    right = (y >= 0) & (y < top)  # NaN is neither
    if y.dtype.kind == "f":
        right &= y == np.floor(y)
    return None if right.all() else int(right.argmin())


def _from_one_hot(y: np.ndarray, where: str) -> np.ndarray:
    wrong = ((y != 0) & (y != 1)).any(axis=1) | ((y == 1).sum(axis=1) != 1)
    if wrong.any():
        raise ValueError(
            f"{where}: shape {y.shape} is taken as one-hot rows, but row {int(wrong.argmax())} "
            "does not hold exactly one 1 and zeros"
        )
    return y.argmax(axis=1)


def same_length(X: np.ndarray, y: np.ndarray, where: str) -> None:
    """Raise unless there is one label for each row."""
    if len(X) != len(y):
        raise ValueError(f"{where}: {len(X)} rows but {len(y)} labels; expected as many of each")
