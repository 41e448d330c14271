"""Derivatives by central differences of fourth order, to check the analytic ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def central_difference(f: Callable[[float], float], x: float, h: float = 1e-3) -> float:
    """Return f'(x) = [8 (f(x + h) − f(x − h)) − (f(x + 2h) − f(x − 2h))] / 12h + O(h⁴).

    With the default h, in float64 and for functions of size 1, truncation and rounding both stay
    near 1e-12.
    """
    return (8 * (f(x + h) - f(x - h)) - (f(x + 2 * h) - f(x - 2 * h))) / (12 * h)


def numerical_gradient(
    f: Callable[[np.ndarray], float], x: np.ndarray, h: float = 1e-3
) -> np.ndarray:
    """Return the gradient of the scalar function ``f`` at ``x``, one central difference an entry.

    Parameters
    ----------
    f : callable
        Takes an array shaped as ``x``, which it must not keep.
    x : float64 array of any shape
    h : float, default 1e-3

    Returns
    -------
    float64 array shaped as ``x``
    """
    moved = np.array(x, dtype=np.float64)
    gradient = np.empty_like(moved)

    def along(index: tuple[int, ...]) -> Callable[[float], float]:
        def f_of_entry(value: float) -> float:
            moved[index] = value
            return float(f(moved))

        return f_of_entry

    for index in np.ndindex(moved.shape):
        here = float(moved[index])
        gradient[index] = central_difference(along(index), here, h)
        moved[index] = here
    return gradient
