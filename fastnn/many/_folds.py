"""Which rows train and which judge, for each fold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from fastnn._common.checks import brief, check_whole
from fastnn._common.extras import require

__all__ = ["folds_of"]


def folds_of(cv: Any, X: Any, y: Any, are_classes: bool) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return each fold's rows to train on and to judge by, as two intp arrays.

    Parameters
    ----------
    cv : None, int, splitter or iterable of (train, test)
        None: no folds. An int: so many, as scikit-learn's ``check_cv`` makes them, stratified for
        classes.
    X : array-like (n, n_in)
    y : array-like (n,) or (n, n_out)
    are_classes : bool
        Whether the targets are, as labels or as one-hot rows.

    Raises
    ------
    TypeError, ValueError
        If there is no fold, or one is no pair of indices of rows.
    ImportError
        For an int, if scikit-learn is not installed.
    """
    if cv is None:
        return []
    n = X.shape[0]
    if isinstance(cv, (int, np.integer)):
        check_whole(cv, "cv", 2, n)
        selection = require("sklearn.model_selection", extra="sklearn")
        labels = np.argmax(y, axis=1) if are_classes and y.ndim == 2 and y.shape[1] > 1 else y
        cv, y = selection.check_cv(cv, labels, classifier=are_classes), labels
    pairs = cv.split(X, y) if callable(getattr(cv, "split", None)) else cv
    if not isinstance(pairs, Iterable):
        raise TypeError(
            f"cv: expected an int, a splitter or pairs (train, test) of indices, got {brief(cv)}"
        )
    folds = []
    for i, pair in enumerate(pairs):
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(f"cv: fold {i}: expected (train, test), got {brief(pair)}")
        folds.append((_indices(pair[0], n, i), _indices(pair[1], n, i)))
    if not folds:
        raise ValueError("cv: expected at least one fold, got none")
    return folds


def _indices(rows: Any, n: int, fold: int) -> np.ndarray:
    array = np.asarray(rows)
    if array.dtype == bool and array.shape == (n,):
        array = np.flatnonzero(array)
    if array.ndim != 1 or not array.size or array.dtype.kind not in "iu":
        raise TypeError(f"cv: fold {fold}: expected indices of rows, got {brief(rows)}")
    if array.min() < 0 or array.max() >= n:
        raise ValueError(
            f"cv: fold {fold}: expected indices from 0 to {n - 1}, "
            f"got {array.min()} to {array.max()}"
        )
    return array.astype(np.intp)
