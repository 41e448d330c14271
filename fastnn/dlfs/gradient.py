"""The gradient by differences, as in the book's ``common.gradient``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["numerical_gradient"]

H = 1e-4  # the book's


def numerical_gradient(f: Callable[[Any], Any], x: np.ndarray) -> np.ndarray:
    """Return (f(x + h) − f(x − h)) / 2h for each number of ``x``, with h = 1e-4.

    Parameters
    ----------
    f : callable
        Called with ``x``, in which one number is changed, twice for each; returns a number.
    x : array of floats
        Changed meanwhile, and put back, also after an exception.

    Returns
    -------
    array shaped as x

    Raises
    ------
    TypeError
        If ``x`` is no array of floats, in which no small step could be taken.
    """
    if not isinstance(x, np.ndarray) or x.dtype.kind != "f":
        got = f"an array of {x.dtype}" if isinstance(x, np.ndarray) else type(x).__name__
        raise TypeError(f"x: expected an array of floats, got {got}")
    gradient = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        before = x[place]
        try:
            x[place] = before + H
            above = f(x)
            x[place] = before - H
            below = f(x)
        finally:
            x[place] = before
        gradient[place] = (above - below) / (2 * H)
    return gradient
