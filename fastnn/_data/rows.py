"""From what users have to what kernels take: checked once, one dtype, C-contiguous rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn._common.checks import as_array, as_finite, brief, check_finite
from fastnn._core.row_source import stack
from fastnn._data.inputs import Inputs, as_source, dense

__all__ = ["Rows", "as_rows", "as_targets", "inputs_of_pairs", "is_arrays", "split_pairs"]


@dataclass(frozen=True)
class Rows:
    """Examples, one a row.

    Attributes
    ----------
    X : array or RowSource (n, n_in)
    Y : array (n, n_out)
        Targets; class labels stand as one-hot rows.
    weights : array (n,) or (0,)
        Factors on the rows' costs, of mean 1; none for 1.
    """

    X: Inputs
    Y: np.ndarray
    weights: np.ndarray | None = None

    @property
    def row_weights(self) -> np.ndarray:
        """The weights as the kernels take them: (n,), or (0,) where there are none."""
        return np.empty(0, self.Y.dtype) if self.weights is None else self.weights

    @property
    def inputs(self) -> np.ndarray:
        """X as an array, converted and scaled as a whole."""
        return dense(self.X, self.Y.dtype)

    def __len__(self) -> int:
        return len(self.X)

    @property
    def are_classes(self) -> bool:
        """Whether every target is 0 or 1, so that counting right answers makes sense."""
        return bool(np.all((self.Y == 0) | (self.Y == 1)))


def classes_of(outputs: np.ndarray) -> np.ndarray:
    """Return the class each row of ``outputs`` (n, n_out) means.

    The index of the largest entry, the first of equal ones; for a single output, whether it is
    above 0.5.
    """
    if outputs.shape[1] == 1:
        return (outputs[:, 0] > 0.5).astype(np.intp)
    return np.argmax(outputs, axis=1)


def _one_hot(labels: np.ndarray, n_out: int, dtype: np.dtype, name: str) -> np.ndarray:
    whole = labels == np.floor(labels) if labels.dtype.kind == "f" else True
    bad = np.flatnonzero(~(whole & (labels >= 0) & (labels < n_out)))
    if len(bad):
        i = int(bad[0])
        raise ValueError(
            f"{name}: expected whole labels from 0 to {n_out - 1}, got {labels[i]:g} at {i}"
        )
    rows = np.zeros((len(labels), n_out), dtype=dtype)
    rows[np.arange(len(labels)), labels.astype(np.intp)] = 1
    return rows


def as_targets(y: Any, n: int, n_out: int, dtype: np.dtype, name: str = "y") -> np.ndarray:
    """Return targets as a C-contiguous array (n, n_out) of ``dtype``.

    Parameters
    ----------
    y : array-like (n,) or (n, n_out)
        Class labels 0 to n_out − 1, or one row of targets an example. With a single output, (n,)
        holds the targets themselves.
    n, n_out : int
    dtype : numpy.dtype
    name : str
        What errors call it.

    Raises
    ------
    TypeError
        If ``y`` does not hold real numbers.
    ValueError
        If its shape is another, a label is out of range, or a number is not finite.
    """
    array = as_array(y, name)
    if array.shape == (n, n_out) or (n_out == 1 and array.shape == (n,)):
        return as_finite(array.reshape(n, n_out), dtype, name)
    if array.shape in ((n,), (n, 1)):
        labels = array.reshape(n)
        check_finite(labels, name)
        return _one_hot(labels, n_out, dtype, name)
    raise ValueError(f"{name}: expected shape ({n},) or ({n}, {n_out}), got {array.shape}")


def split_pairs(pairs: Iterable[Any], name: str) -> tuple[list[Any], list[Any]]:
    """Return the first and the second things of all pairs.

    Raises
    ------
    TypeError, ValueError
        If they are no pairs, or there are none.
    """
    xs, ys = [], []
    try:
        iterator = iter(pairs)
    except TypeError:
        raise TypeError(
            f"{name}: expected pairs (x, y) or arrays (X, Y), got {type(pairs).__name__}"
        ) from None
    for i, pair in enumerate(iterator):
        try:
            x, y = pair
        except (TypeError, ValueError):
            raise ValueError(f"{name}[{i}]: expected a pair (x, y), got {brief(pair)}") from None
        xs.append(x)
        ys.append(y)
    if not xs:
        raise ValueError(f"{name}: expected at least one pair, got none")
    return xs, ys


def _stack(columns: list[Any], size: int, dtype: np.dtype, name: str, part: int) -> np.ndarray:
    """Join columns of ``size`` numbers each into rows (n, size)."""
    # All but plain finite arrays come out of ``stack`` again, to be looked at one by one.
    rows = np.empty((len(columns), size), dtype=dtype)
    i = stack(columns, rows, 0)
    while i < len(columns):
        array = as_array(columns[i], f"{name}[{i}][{part}]")
        if array.size != size:
            raise ValueError(
                f"{name}[{i}][{part}]: expected {size} numbers, got shape {array.shape}"
            )
        with np.errstate(over="ignore"):
            rows[i] = array.reshape(size)
        if not np.isfinite(rows[i]).all():
            too_large = np.isfinite(array).all()
            check_finite(rows[: i + 1], f"{name} (as {dtype})" if too_large else name)
        i = stack(columns, rows, i + 1)
    return rows


def _joined(labels: list[Any]) -> np.ndarray | None:
    """Return plain numbers as a column (n, 1), or None if some are anything else."""
    plain = (int, float, np.integer, np.floating)
    if not all(issubclass(kind, plain) for kind in set(map(type, labels))):
        return None
    joined = np.array(labels)
    return joined[:, np.newaxis] if joined.dtype.kind in "fiub" else None


def _targets_of_pairs(ys: list[Any], n_out: int, dtype: np.dtype, name: str) -> np.ndarray:
    if (numbers := _joined(ys)) is not None:
        return as_targets(numbers, len(ys), n_out, dtype, name)
    if n_out > 1 and as_array(ys[0], f"{name}[0][1]").size == 1:
        labels = _stack(ys, 1, np.dtype(np.float64), name, 1)
        return _one_hot(labels[:, 0], n_out, dtype, name)
    return _stack(ys, n_out, dtype, name, 1)


def is_arrays(data: Any) -> bool:
    """Whether ``data`` is two arrays, not pairs."""
    return (
        isinstance(data, (tuple, list))
        and len(data) == 2
        and getattr(data[0], "ndim", None) == 2
        and not (isinstance(data, list) and isinstance(data[0], tuple))
    )


def as_rows(
    data: Any, n_in: int, n_out: int, dtype: np.dtype, name: str, scale: float = 1.0
) -> Rows:
    """Return the book's pairs, or two arrays, as rows.

    Parameters
    ----------
    data : iterable of (x, y), or tuple (X, Y)
        Pairs: ``x`` with n_in numbers in any shape, ``y`` a label or n_out numbers. Arrays: as
        for ``as_source`` and ``as_targets``.
    n_in, n_out : int
    dtype : numpy.dtype
    name : str
        What errors call it.
    scale : float, default 1
        Factor on the inputs.

    Raises
    ------
    TypeError
        If something else is given, or it does not hold real numbers.
    ValueError
        If it is empty, a shape is wrong, a label out of range, or a number not finite.
    """
    if is_arrays(data):
        X = as_source(data[0], n_in, dtype, f"{name}[0]", scale)
        return Rows(X, as_targets(data[1], len(X), n_out, dtype, f"{name}[1]"))
    xs, ys = split_pairs(data, name)
    X = inputs_of_pairs(xs, n_in, dtype, name, scale)
    return Rows(X, _targets_of_pairs(ys, n_out, dtype, name))


def inputs_of_pairs(
    xs: list[Any], n_in: int, dtype: np.dtype, name: str, scale: float = 1.0
) -> Inputs:
    """Return the pairs' inputs, ``n_in`` numbers each in any shape, as rows; see ``as_rows``."""
    return as_source(_stack(xs, n_in, dtype, name, 0), n_in, dtype, name, scale)


def as_example(x: Any, y: Any, n_in: int, n_out: int, dtype: np.dtype, scale: float = 1.0) -> Rows:
    """Return one example as rows: ``x`` with n_in numbers in any shape, ``y`` as in a pair.

    Raises
    ------
    TypeError, ValueError
        Naming ``x`` or ``y``, as for ``as_rows``.
    """
    inputs, targets = as_array(x, "x"), as_array(y, "y")
    if inputs.size != n_in:
        raise ValueError(f"x: expected {n_in} numbers, got shape {inputs.shape}")
    if targets.size not in (1, n_out):
        raise ValueError(f"y: expected a label or {n_out} numbers, got shape {targets.shape}")
    X = as_source(inputs.reshape(1, n_in), n_in, dtype, "x", scale)
    return Rows(X, as_targets(targets.reshape(1, -1), 1, n_out, dtype))
