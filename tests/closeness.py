"""Equality of floating-point arrays to the precision of their dtype."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

RTOL = {np.dtype(np.float32): 1e-6, np.dtype(np.float64): 1e-12}


def assert_close(
    actual: np.ndarray, expected: ArrayLike, size: ArrayLike | None = None, terms: int = 1
) -> None:
    """Assert |actual − expected| ≤ RTOL[actual.dtype] · size, entry by entry, NaN beside NaN.

    A sum of very many terms may lose more: half an epsilon of its size with each of them.

    Parameters
    ----------
    actual : array, float32 or float64
    expected : array
        Computed in float64, whatever the dtype of ``actual``.
    size : array, optional
        The sum of the absolute values of the terms that ``expected`` is the sum of, which is what
        their rounding goes by; without it |expected|.
    terms : int, default 1
        How many terms there are at most.
    """
    expected = np.asarray(expected, dtype=np.float64)
    limits = np.finfo(actual.dtype)
    rtol = max(RTOL[actual.dtype], 0.5 * (terms + 2) * float(limits.eps))
    assert actual.shape == expected.shape
    np.testing.assert_array_equal(np.isnan(actual), np.isnan(expected))
    same = (actual == expected) | np.isnan(expected)  # infinities too, whose difference is NaN
    size = np.broadcast_to(np.abs(expected) if size is None else np.asarray(size), actual.shape)
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(actual.astype(np.float64) - expected)
        allowed = rtol * size + limits.tiny
        bad = ~same & ~(error <= allowed)
    assert not bad.any(), (
        f"{bad.sum()} of {bad.size} differ, first {actual[bad][0]!r} from {expected[bad][0]!r} "
        f"by {error[bad][0]:.3g}, allowed {allowed[bad][0]:.3g}"
    )
