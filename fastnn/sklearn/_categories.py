"""Columns that hold categories: which they are, and the numbers that stand for them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.preprocessing import OrdinalEncoder
from sklearn.utils import check_array

from fastnn._data.inputs import is_sparse

# As names of pandas' and polars' dtypes begin; of strings nothing else could be made.
DTYPES = ("category", "categorical", "enum", "object", "str", "string", "utf8")
# As many as scikit-learn's histogram gradient boosting takes.
MOST = 255
MISSING = -1


def mask_of(X: Any, asked: Any) -> np.ndarray | None:
    """Return which columns hold categories (n_features,), or None if there are none.

    Parameters
    ----------
    X : array-like, sparse matrix or table, not checked
    asked : the argument ``categorical_features``

    Raises
    ------
    ValueError
        If ``asked`` does not go with these columns.
    """
    table = hasattr(X, "columns") and hasattr(X, "dtypes")
    if asked is None or (isinstance(asked, str) and not table):
        return None
    if isinstance(asked, str):
        mask = np.array([_is_categorical(dtype) for dtype in X.dtypes], dtype=bool)
    else:
        names = list(X.columns) if table else None
        mask = _chosen(asked, _as_table(X).shape[1], names)
    return mask if mask.any() else None


def _is_categorical(dtype: Any) -> bool:
    # "string[pyarrow]", "Enum(categories=['a'])", "<StringDtype(na_value=nan)>"
    return str(dtype).lower().split("[")[0].split("(")[0] in DTYPES


def _chosen(asked: Any, n: int, names: list[Any] | None) -> np.ndarray:
    """Return the mask (n,) for a mask, for numbers of columns or for their names."""
    array, mask = np.asarray(asked), np.zeros(n, dtype=bool)
    if array.size == 0:
        return mask
    if array.ndim == 1 and array.dtype.kind == "b" and len(array) == n:
        return array
    if array.ndim == 1 and array.dtype.kind in "iu" and array.min() >= 0 and array.max() < n:
        mask[array] = True
        return mask
    if array.ndim == 1 and array.dtype.kind in "UO" and set(array) <= set(names or ()):
        return np.isin(np.array(names, dtype=object), array.astype(object))
    known = "" if names is None else f", or of their names {names}"
    raise ValueError(
        f"categorical_features: expected a mask of the {n} columns, or a list of their numbers, "
        f"0 to {n - 1}{known}; got {asked!r}"
    )


def _part(X: Any, columns: np.ndarray) -> Any:
    """Return some columns of a table or an array."""
    return X.iloc[:, columns] if hasattr(X, "iloc") else X[:, columns.tolist()]


def _is_missing(value: Any) -> bool:
    try:
        return value is None or bool(value != value)
    except TypeError:  # pandas.NA answers with itself
        return True


class Categories:
    """Learns the categories of some columns, and gives each a number.

    Parameters
    ----------
    X : array-like, sparse matrix or table (n, n_features), not checked
    mask : bool array (n_features,)

    Attributes
    ----------
    counts : list of int
        Categories of each column under the mask, those of missing values not counted.

    Raises
    ------
    ValueError
        If a column has more than 255 of them.
    TypeError
        If a column has strings and numbers.
    """

    def __init__(self, X: Any, mask: np.ndarray) -> None:
        self.mask = mask
        self._chosen, self._others = np.flatnonzero(mask), np.flatnonzero(~mask)
        self._encoder = OrdinalEncoder(
            handle_unknown="use_encoded_value", unknown_value=MISSING, encoded_missing_value=MISSING
        )
        codes = self._encoder.fit_transform(self._values(_as_table(X)))
        self.counts = [int(most) + 1 for most in codes.max(axis=0)]
        for column, count in zip(self._chosen, self.counts, strict=True):
            if count > MOST:
                raise ValueError(
                    f"X: column {column} has {count} categories, expected at most {MOST}; leave "
                    "it out, group them, or name it no category by categorical_features"
                )

    @property
    def width(self) -> int:
        """Columns of what ``spread`` returns."""
        return len(self._others) + sum(1 if count == 2 else count for count in self.counts)

    def numbered(self, X: Any) -> np.ndarray:
        """Return ``X`` with numbers for categories, −1 where missing or unknown: (n, n_features).

        float32 if all other columns are, else float64. They are not looked at further.
        """
        X = _as_table(X)
        codes = self._encoder.transform(self._values(X))
        if len(self._others) == 0:
            return codes
        others = check_array(
            _part(X, self._others), dtype=(np.float64, np.float32), ensure_all_finite=False,
            ensure_min_samples=0,
        )  # fmt: skip
        found = np.empty((len(others), len(self.mask)), others.dtype)
        found[:, self._chosen], found[:, self._others] = codes, others
        return found

    def spread(self, X: np.ndarray) -> np.ndarray:
        """Return what ``numbered`` made, with columns of 0 and 1 for each category, as the last.

        Two categories take one column of −1 and 1. What is missing or unknown is 0 in all.
        """
        parts = [X[:, self._others]]
        for column, count in zip(self._chosen, self.counts, strict=True):
            codes = X[:, column, np.newaxis]
            if count == 2:
                parts.append(np.where(codes == MISSING, 0, 2 * codes - 1))
            else:
                parts.append(codes == np.arange(count))
        return np.concatenate(parts, axis=1, dtype=X.dtype)

    def _values(self, X: Any) -> np.ndarray:
        """Return the columns of categories, NaN for whatever stands for a missing value."""
        values = np.array(_part(X, self._chosen), dtype=object)
        missing = np.vectorize(_is_missing, otypes=[bool])(values)
        values[missing] = np.nan
        return values


def _as_table(X: Any) -> Any:
    """Return a table as it is, all else as an array (n, n_features)."""
    if is_sparse(X):
        return X.toarray()
    if hasattr(X, "columns"):
        return X
    return check_array(X, dtype=None, ensure_all_finite=False, ensure_min_samples=0)
