"""What users have as inputs, as mini-batches are gathered from it: checked once, not copied.

Bytes, floats of the other size, sparse rows (CSR) and memory-mapped files stay as they are; each
number is converted, then scaled, when its row is taken.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn._common.checks import as_array, as_finite, check_finite
from fastnn._core.row_source import RowSource, gather

Inputs = np.ndarray | RowSource


class Unchecked(RowSource):
    """Rows of an array whose numbers nobody has looked at yet.

    Whoever takes them either finds them all finite on the way, or calls ``check``.

    Parameters
    ----------
    values : array (n_rows, n_columns)
    scale : float, default 1
    name : str
        What errors call it.
    """

    def __init__(self, values: np.ndarray, scale: float = 1, *, name: str = "X") -> None:
        self.name = name

    def check(self, dtype: np.dtype) -> None:
        """Raise ``ValueError`` naming the first number that is not finite as ``dtype``."""
        _checked(self, dtype, self.name)


def is_sparse(X: Any) -> bool:
    """Whether ``X`` is a sparse matrix or array of SciPy."""
    return callable(getattr(X, "tocsr", None))


def as_source(
    X: Any, n_in: int, dtype: np.dtype, name: str = "X", scale: float = 1.0, later: bool = False
) -> Inputs:
    """Return inputs as rows (n, n_in) that become ``dtype``, then times ``scale``, when taken.

    Parameters
    ----------
    X : array-like or CSR matrix (n, n_in)
        Real numbers. Float64, float32, uint8 and bool in C order are not copied; of sparse rows
        neither are indices. Everything else is converted here.
    n_in : int
    dtype : numpy.dtype
        Float32 or float64.
    name : str
        What errors call it.
    scale : float, default 1
    later : bool, default False
        Whether numbers that stay where they are, but for sparse ones, are left to be checked.

    Returns
    -------
    array or RowSource
        The array itself if there is nothing left to do; ``Unchecked`` if there is ``later``.

    Raises
    ------
    TypeError
        If ``X`` does not hold real numbers.
    ValueError
        If its shape is another, it has no rows, a number is not finite, or the parts of a CSR
        matrix do not go together.
    """
    if is_sparse(X):
        return _checked(_csr_source(X, n_in, dtype, name, scale), dtype, name)
    array = as_array(X, name)
    _check_shape(array.shape, n_in, name)
    array = _readable(array, dtype, name)
    if later:
        return Unchecked(array, scale, name=name)
    if array.dtype == dtype and scale == 1:
        check_finite(array, name)
        return array
    return _checked(RowSource(array, scale, name=name), dtype, name)


def dense(X: Inputs, dtype: np.dtype) -> np.ndarray:
    """Return all the rows of checked inputs as an array (n, n_in) of ``dtype``."""
    return X if isinstance(X, np.ndarray) else taken(X, np.arange(len(X), dtype=np.intp), dtype)


def taken(X: Inputs, order: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return the rows in ``order`` (m,) of checked inputs as an array (m, n_in) of ``dtype``."""
    if isinstance(X, np.ndarray):
        return X[order]
    rows = np.empty((len(order), X.n_columns), dtype=dtype)
    gather(X, rows, order)
    return rows


def _check_shape(shape: tuple[int, ...], n_in: int, name: str) -> None:
    if len(shape) != 2 or shape[1] != n_in:
        raise ValueError(f"{name}: expected shape (n, {n_in}), got {shape}")
    if shape[0] == 0:
        raise ValueError(f"{name}: expected at least one row, got none")


def _readable(array: np.ndarray, dtype: np.dtype, name: str) -> np.ndarray:
    """Return ``array`` as it can be gathered from, copied only if it cannot."""
    if not (array.dtype.char in "dfB?" and array.dtype.isnative):
        return as_finite(array, dtype, name)
    if array.flags.c_contiguous and array.flags.aligned:
        return array
    return np.require(array, requirements=["C", "A"])


def _csr_source(X: Any, n_in: int, dtype: np.dtype, name: str, scale: float) -> RowSource:
    if getattr(X, "format", None) != "csr":
        raise TypeError(
            f"{name}: expected a dense array or a sparse one in CSR form, "
            f"got a {type(X).__name__}: pass its .tocsr()"
        )
    shape = tuple(getattr(X, "shape", ()))
    _check_shape(shape, n_in, name)
    names = ("data", "indices", "indptr")
    parts = [as_array(getattr(X, each, None), f"{name}.{each}") for each in names]
    if any(part.ndim != 1 for part in parts):
        raise ValueError(f"{name}: expected its data, indices and indptr to have one dimension")
    values, indices, indptr = parts
    for part, array in (("indices", indices), ("indptr", indptr)):
        if array.dtype.kind not in "iu":
            raise TypeError(f"{name}.{part}: expected whole numbers, got dtype {array.dtype}")
    if indices.dtype != indptr.dtype or indices.dtype not in (np.int32, np.int64):
        indices, indptr = indices.astype(np.int64), indptr.astype(np.int64)
    indices, indptr = (np.require(part, requirements=["C", "A"]) for part in (indices, indptr))
    source = RowSource(_readable(values, dtype, name), scale, indices, indptr, n_in, name)
    if source.shape != shape:
        raise ValueError(f"{name}: expected an indptr of {shape[0] + 1}, got {len(indptr)}")
    return source


def _checked(source: RowSource, dtype: np.dtype, name: str) -> RowSource:
    """Return ``source``, all of whose numbers are finite.

    Raises
    ------
    ValueError
        Otherwise, with the first one's place.
    """
    at = source.first_bad(dtype == np.float32)
    if at < 0:
        return source
    if source.indptr is None or source.indices is None:
        place = divmod(at, source.n_columns)
    else:
        row = int(np.searchsorted(source.indptr, at, side="right")) - 1
        place = row, int(source.indices[at])
    value = source.values.reshape(-1)[at]
    if np.isfinite(value):
        name = f"{name} (as {dtype})"
        with np.errstate(over="ignore"):
            value = dtype.type(value) * dtype.type(source.scale)
    raise ValueError(f"{name}: expected finite numbers, got {value} at {place}")
