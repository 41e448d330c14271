"""A smoother curve and a shuffled data set, as in the book's ``common.util``."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["shuffle_dataset", "smooth_curve"]

HALF = 5  # points on each side of one that its mean is over
BETA = 2  # of the Kaiser window


def smooth_curve(x: Any) -> np.ndarray:
    """Return the mean of each number and its ten neighbours, by a Kaiser window with β = 2.

    Parameters
    ----------
    x : sequence of numbers (n,)
        A curve of many points, a training's losses for instance; of fewer than 11 each mean is
        over what there is, mirrored at the ends.

    Returns
    -------
    array (n,)
    """
    window = np.kaiser(2 * HALF + 1, BETA)
    beyond = np.pad(np.pad(np.asarray(x), (HALF, 0), "reflect"), (0, HALF), "symmetric")
    return np.convolve(window / window.sum(), beyond, mode="valid")


def shuffle_dataset(x: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows and their targets in one new order, drawn from NumPy's global state.

    Parameters
    ----------
    x, t : arrays with one length

    Returns
    -------
    x, t : arrays
        Copies.
    """
    order = np.random.permutation(x.shape[0])
    return x[order], t[order]
