"""Data made from a formula."""

from __future__ import annotations

import sys

import numpy as np

from fastnn._common.checks import brief, physical_memory
from fastnn.datasets.checks import number, random_state, whole_number

# What is taken for a point on the way.
_BYTES_A_POINT = 200
# Of which draws are finite.
_MOST_NOISE = sys.float_info.max / 16


def circles(
    n: int = 300, *, noise: float = 0.05, factor: float = 0.8, seed: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Points on two circles, one inside the other: two classes that no line can part.

    Parameters
    ----------
    n : int, default 300
        Number of points; n // 2 on the outer circle, the rest on the inner one.
    noise : float, default 0.05
        Standard deviation of the Gaussian noise added to both coordinates.
    factor : float, default 0.8
        Radius of the inner circle, from 0 to below 1; the outer one has radius 1.
    seed : int, default 1
        Seed of the order and the noise; the texts train on seed 1 and test on seed 2.

    Returns
    -------
    X : ndarray (n, 2), float64
    y : ndarray (n,), int64
        0 on the outer circle, 1 on the inner one.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Notes
    -----
    The k-th of m points of a circle of radius r is (r cos(2πk/m), r sin(2πk/m)). The random
    numbers are drawn as ``sklearn.datasets.make_circles(n, noise=noise, factor=factor,
    random_state=seed)`` draws them, so that both give the same points.
    """
    n = whole_number("n", n, 2)
    most = physical_memory() // _BYTES_A_POINT
    if n > most:
        raise ValueError(f"n={brief(n)}: expected at most {most} points, as memory allows")
    noise = number("noise", noise, _MOST_NOISE, "a finite number of at least 0, not beyond floats")
    factor = number("factor", factor, 1, "a number, 0 <= factor < 1")
    rng = random_state(seed)
    n_outer = n // 2
    X = np.concatenate([_circle(n_outer, 1.0), _circle(n - n_outer, factor)])
    y = np.repeat(np.array([0, 1], dtype=np.int64), [n_outer, n - n_outer])
    order = rng.permutation(n)
    return X[order] + rng.normal(scale=noise, size=(n, 2)), y[order]


def _circle(n: int, radius: float) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return radius * np.column_stack([np.cos(angle), np.sin(angle)])
