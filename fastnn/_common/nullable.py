"""Tables of pandas and polars as arrays of numbers, where NumPy makes objects of them.

That is so for columns of pandas' nullable dtypes ("Int64", "Float64", "boolean", and those backed
by pyarrow), and for columns of booleans beside others.
"""

from __future__ import annotations

from typing import Any

import numpy as np

MISSING = ("NoneType", "NAType", "NaTType")


def numbers_of(table: Any, objects: np.ndarray, name: str) -> np.ndarray | None:
    """Return the numbers of a table as an array, or None if it is no table of real numbers.

    Parameters
    ----------
    table : object
        Whatever a user has passed.
    objects : array of objects
        What NumPy makes of it.
    name : str
        What errors call it.

    Raises
    ------
    ValueError
        If all are numbers but for some that are missing.
    """
    if not callable(getattr(table, "to_numpy", None)):
        return None
    dtypes = _dtypes_of(table)
    if not dtypes:
        _check_missing(objects, name)
        return None
    missing = np.asarray(table.isna())
    if missing.any():
        place = tuple(int(i) for i in np.argwhere(missing)[0])
        raise ValueError(f"{name}: expected numbers, got a missing value at {place}")
    # In C order, so that sums over it are those over an array of the same numbers.
    return np.ascontiguousarray(table.to_numpy(dtype=np.result_type(*dtypes)))


def _dtypes_of(table: Any) -> list[np.dtype]:
    """Return NumPy's dtypes of the columns of a pandas object; none unless all are of numbers."""
    if not callable(getattr(table, "isna", None)):
        return []
    found: Any = table.dtypes if hasattr(table, "dtypes") else getattr(table, "dtype", None)
    several = list(found) if getattr(table, "ndim", 1) == 2 else [found]
    if not all(getattr(dtype, "kind", "") in tuple("fiub") for dtype in several):
        return []
    # Nullable dtypes have a NumPy dtype, sparse ones a subtype.
    plain = (getattr(dtype, "numpy_dtype", getattr(dtype, "subtype", dtype)) for dtype in several)
    return [np.dtype(each) for each in plain]


def _check_missing(objects: np.ndarray, name: str) -> None:
    """Raise if all are numbers but for some that are missing, as of polars' booleans."""
    kinds = {type(each) for each in objects.flat}
    missing = {kind for kind in kinds if kind.__name__ in MISSING}
    if missing and all(issubclass(kind, (bool, int, float)) for kind in kinds - missing):
        place = next(at for at, each in np.ndenumerate(objects) if type(each) in missing)
        raise ValueError(f"{name}: expected numbers, got a missing value at {place}")
