"""What the loaders return, and the cut of rows into training, validation and test."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastnn._common.checks import brief
from fastnn._common.nullable import numbers_of
from fastnn.datasets.checks import number, random_state

Xy = tuple[np.ndarray, np.ndarray]


class Split(NamedTuple):
    """Data in three parts, each a pair (X, y); it unpacks like the book's triple.

    Attributes
    ----------
    train, validation, test : (X, y)
        X (n, n_in) float32 or float64, one example in a row; y (n,) int64 labels from 0.
    """

    train: Xy
    validation: Xy
    test: Xy


def split_rows(
    X: np.ndarray,
    y: np.ndarray,
    *,
    test_fraction: float = 0.2,
    validation_fraction: float = 0.1,
    seed: int = 0,
) -> Split:
    """Shuffle the rows and cut them into three parts.

    Parameters
    ----------
    X : array-like (n, n_in)
    y : array-like (n,)
    test_fraction, validation_fraction : float, default 0.2 and 0.1
        Shares of all the rows, rounded, but at least one row where the share is not 0.
    seed : int, default 0
        Seed of the order; the same seed gives the same parts on every machine.

    Returns
    -------
    Split
        Copies; the training rows are those after the test and the validation rows.

    Raises
    ------
    ValueError
        If a fraction is not in [0, 1), X and y differ in length, or no row is left to train on.
    """
    X, y = _as_array(X, "X"), _as_array(y, "y")
    if len(X) != len(y):
        raise ValueError(f"X has {len(X)} rows and y {len(y)}; expected as many of each")
    n_test = _share(len(X), "test_fraction", test_fraction)
    n_validation = _share(len(X), "validation_fraction", validation_fraction)
    if n_test + n_validation >= len(X):
        raise ValueError(
            f"test_fraction={test_fraction} and validation_fraction={validation_fraction} of "
            f"{len(X)} rows: expected at least one row to be left for training"
        )
    order = random_state(seed).permutation(len(X))
    test, validation, train = np.split(order, [n_test, n_test + n_validation])
    return Split((X[train], y[train]), (X[validation], y[validation]), (X[test], y[test]))


def _as_array(values: Any, name: str) -> np.ndarray:
    """Return an array; of numbers and not of objects if it was a table of numbers."""
    try:
        array = np.asarray(values)
    except Exception as error:  # whatever the object's own conversion raises
        raise TypeError(f"{name}: expected an array of rows: {brief(error)}") from None
    if not array.ndim:
        raise TypeError(f"{name}: expected an array of rows, got {brief(values)}")
    numbers = numbers_of(values, array, name) if array.dtype.kind == "O" else None
    return array if numbers is None else numbers


def _share(n: int, name: str, fraction: Any) -> int:
    share = number(name, fraction, 1, f"a number, 0 <= {name} < 1")
    return max(1, round(n * share)) if share else 0
