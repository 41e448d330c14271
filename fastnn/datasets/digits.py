"""The 1797 handwritten digits that come with scikit-learn: real data, no network needed."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn._common.extras import require
from fastnn.datasets.checks import float_dtype, random_state, whole_number
from fastnn.datasets.split import Split, Xy

N_DIGITS = 1797


def load_digits(
    *, n_train: int = 1000, n_validation: int = 297, seed: int = 0, dtype: Any = "float32"
) -> Split:
    """Load scikit-learn's handwritten digits, 8 × 8 pixels, ten classes.

    Parameters
    ----------
    n_train, n_validation : int, default 1000 and 297
        Rows for training and for validation; the rest, 500 by default, is the test set.
    seed : int, default 0
        Seed of the order in which the 1797 rows are shuffled before the cut.
    dtype : "float32" (default) or "float64"
        Type of X. The values are multiples of 1/16 and so exact in both.

    Returns
    -------
    Split
        X (n, 64) from 0 to 1, y (n,) int64 from 0 to 9.

    Raises
    ------
    ImportError
        If scikit-learn, which carries the data, is not installed.
    ValueError
        If the numbers of rows do not fit into 1797.
    """
    n_train = whole_number("n_train", n_train, 1, N_DIGITS)
    n_validation = whole_number("n_validation", n_validation, 0, N_DIGITS - n_train)
    rng = random_state(seed)
    X, y = digit_rows(dtype)
    parts = np.split(rng.permutation(N_DIGITS), [n_train, n_train + n_validation])
    train, validation, test = ((X[part], y[part]) for part in parts)
    return Split(train, validation, test)


def digit_rows(dtype: Any = "float32") -> Xy:
    """Return all the digits in scikit-learn's order, X (1797, 64) scaled to [0, 1]."""
    dtype = float_dtype(dtype)
    bunch = require("sklearn.datasets", extra="sklearn").load_digits()
    return (bunch.data / 16.0).astype(dtype), bunch.target.astype(np.int64)
