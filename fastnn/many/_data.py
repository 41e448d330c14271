"""The rows of all jobs: shared as they came, and converted once a process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn._common.checks import as_array, brief, check_finite
from fastnn._data.inputs import as_source, is_sparse
from fastnn._data.rows import Rows, as_targets
from fastnn.many._described import fingerprint
from fastnn.many._latest import Latest
from fastnn.many._shared import Shared

__all__ = ["Data", "Form", "checked_pair", "checked_validation"]

Fold = tuple[np.ndarray, np.ndarray]
CSR = ("data", "indices", "indptr")
# The arrays that folds are: all their rows one after the other, and where each part begins.
FOLDS = ("folds", "bounds")
# Rows of so many folds and forms that are kept ready, those that were made last; and of more folds,
# which are hardly taken twice, of so many.
FEW_FOLDS, MOST_MADE, MOST_OF_MANY = 32, 512, 16


@dataclass(frozen=True)
class Form:
    """In which form a network takes rows.

    Attributes
    ----------
    n_in, n_out : int
    dtype : numpy.dtype
    scale : float
    """

    n_in: int
    n_out: int
    dtype: np.dtype
    scale: float


class Data:
    """Training rows, rows to judge by, and folds of the training rows.

    Parameters
    ----------
    training : tuple (X, y)
        Arrays, a CSR matrix, or whatever an estimator takes.
    validation : tuple (X, y), optional

    Attributes
    ----------
    n : int
        Training rows.
    n_folds : int
    has_validation : bool
    shared : Shared
        All that are plain arrays.
    """

    def __init__(
        self, training: tuple[Any, Any], validation: tuple[Any, Any] | None = None
    ) -> None:
        arrays: dict[str, np.ndarray] = {}
        # What no array holds, and how wide sparse rows are: it goes with the search itself.
        self._others: dict[str, Any] = {}
        for part, pair in (("training", training), ("validation", validation)):
            for name, values in zip("Xy", pair or (), strict=False):
                self._take(arrays, f"{part} {name}", values)
        self.shared = Shared(arrays)
        self.n, self.n_folds = training[0].shape[0], 0
        self.has_validation = validation is not None
        self._forget()

    def take_folds(self, folds: Sequence[Fold]) -> None:
        """Take folds of the training rows, as intp arrays (train, test)."""
        parts = [part for fold in folds for part in fold]
        arrays = dict(self.shared)
        arrays["folds"] = np.concatenate(parts) if parts else np.empty(0, dtype=np.intp)
        arrays["bounds"] = np.cumsum([0, *map(len, parts)], dtype=np.intp)
        self.shared, self.n_folds = Shared(arrays), len(folds)
        self._forget()

    def _forget(self) -> None:
        few = self.n_folds <= FEW_FOLDS  # which are taken in turn, again and again
        self._made: Latest[Any] = Latest(MOST_MADE if few else MOST_OF_MANY)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_made"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._forget()

    def _take(self, arrays: dict[str, np.ndarray], name: str, values: Any) -> None:
        if is_sparse(values) and getattr(values, "format", None) == "csr":
            arrays |= {f"{name} {part}": getattr(values, part) for part in CSR}
            self._others[name] = type(values), values.shape
        elif isinstance(values, np.ndarray) and values.dtype.kind != "O":
            arrays[name] = values
        else:
            self._others[name] = None, values

    def _whole(self, name: str) -> Any:
        """Return an X or a y as it was given."""
        if name not in self._others:
            return self.shared[name]
        kind, value = self._others[name]
        if kind is None:
            return value
        return kind(tuple(self.shared[f"{name} {part}"] for part in CSR), shape=value)

    def order(self, fold: int, part: str) -> np.ndarray | None:
        """Return which training rows are a fold's "train" or "test"; None for all."""
        if fold < 0:
            return None
        i, bounds = 2 * fold + (part == "test"), self.shared["bounds"]
        return self.shared["folds"][bounds[i] : bounds[i + 1]]

    def given(self, fold: int = -1, part: str = "train") -> tuple[Any, Any]:
        """Return the rows (X, y) that a fold trains on, or that it is judged by, as they came."""
        found: tuple[Any, Any] = self._made.get((fold, part), self._given, fold, part)
        return found

    def _given(self, fold: int, part: str) -> tuple[Any, Any]:
        judged = fold < 0 and part == "test" and self.has_validation
        whole = "validation" if judged else "training"
        X, y = self._whole(f"{whole} X"), self._whole(f"{whole} y")
        order = self.order(fold, part)
        return (X, y) if order is None else (_taken(X, order), _taken(y, order))

    def rows(self, form: Form, fold: int = -1, part: str = "train") -> Rows:
        """Return the same rows as networks of this form take them.

        Raises
        ------
        TypeError, ValueError
            If they are none for such networks.
        """
        if fold < 0 and part == "test" and not self.has_validation:
            part = "train"
        found: Rows = self._made.get((form, fold, part), self._rows, form, fold, part)
        return found

    def _rows(self, form: Form, fold: int, part: str) -> Rows:
        X, y = self.given(fold, part)
        judged = fold < 0 and part == "test"
        names = ("validation_data[0]", "validation_data[1]") if judged else ("X", "y")
        inputs = as_source(X, form.n_in, form.dtype, names[0], form.scale)
        return Rows(inputs, as_targets(y, len(inputs), form.n_out, form.dtype, names[1]))

    def fingerprint(self) -> str:
        """Return a hash of all rows, however they are stored."""
        parts = ["training", "validation"] if self.has_validation else ["training"]
        return fingerprint(*(self._whole(f"{part} {name}") for part in parts for name in "Xy"))

    def fingerprint_of_folds(self) -> str:
        """Return a hash of the folds."""
        return fingerprint(*(self.shared[each] for each in FOLDS if each in self.shared))

    @property
    def n_inputs(self) -> int:
        """How many columns the training rows have."""
        return int(self._whole("training X").shape[1])


def _taken(values: Any, order: np.ndarray) -> Any:
    """Return the rows of an array, a sparse matrix, a table or a list in ``order``."""
    if hasattr(values, "iloc"):
        return values.iloc[order]
    return values[order]


def checked_pair(X: Any, y: Any, names: tuple[str, str], of_network: bool) -> tuple[Any, Any]:
    """Return X and y, arrays for networks, with as many rows the one as the other.

    Parameters
    ----------
    X : array-like or CSR matrix (n, n_in)
    y : array-like (n,) or (n, n_out)
    names : tuple of str
        What errors call them.
    of_network : bool
        Whether they must be numbers; an estimator may take others.

    Raises
    ------
    TypeError, ValueError
        Naming the argument.
    """
    if of_network:
        X = X if is_sparse(X) else as_array(X, names[0])
        y = as_array(y, names[1])
        for name, values in zip(names, (X, y), strict=True):
            if isinstance(values, np.ndarray):
                check_finite(values, name)
    else:
        X = X if hasattr(X, "shape") else np.asarray(X)
        y = y if hasattr(y, "shape") else np.asarray(y)
    if len(X.shape) != 2 or not X.shape[0]:
        raise ValueError(f"{names[0]}: expected shape (n, n_in) with a row or more, got {X.shape}")
    if not y.shape or y.shape[0] != X.shape[0]:
        raise ValueError(
            f"{names[1]}: expected {X.shape[0]} rows, as many as {names[0]}, got {y.shape}"
        )
    return X, y


def checked_validation(data: Any, n_in: int, of_network: bool) -> tuple[Any, Any] | None:
    """Return validation rows (X, y) of ``n_in`` columns, or None.

    Raises
    ------
    TypeError, ValueError
        If they are no pair of such.
    """
    if data is None:
        return None
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise TypeError(f"validation_data: expected (X, y), got {brief(data)}")
    names = ("validation_data[0]", "validation_data[1]")
    X, y = checked_pair(data[0], data[1], names, of_network)
    if X.shape[1] != n_in:
        raise ValueError(f"{names[0]}: expected {n_in} columns, as many as X, got {X.shape[1]}")
    return X, y
