"""From what users pass to arrays of one precision that a kernel may write into."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn._common.checks import as_array, as_finite

Shape = tuple[int, ...]


def checked(values: Any, name: str, dtype: np.dtype, shape: Shape | None = None) -> np.ndarray:
    """Return ``values`` as a C-contiguous array of finite ``dtype``, perhaps the caller's own.

    Raises
    ------
    TypeError
        If they are not real numbers.
    ValueError
        If the shape is not ``shape``, or a number is not finite or too large for ``dtype``.
    """
    array = as_array(values, name)
    if shape is not None and array.shape != shape:
        raise ValueError(f"{name}: expected shape {shape}, got {array.shape}")
    return as_finite(array, dtype, name).reshape(array.shape)


def own(values: Any, name: str, dtype: np.dtype, shape: Shape | None = None) -> np.ndarray:
    """Return ``checked`` values in memory that is the caller's under no circumstances."""
    array = checked(values, name, dtype, shape)
    given = values if isinstance(values, np.ndarray) else None
    return array.copy() if given is None or np.may_share_memory(array, given) else array


def not_empty(array: np.ndarray, name: str) -> None:
    """Raise ``ValueError`` for an array without numbers."""
    if not array.size:
        raise ValueError(f"{name}: expected at least one number, got shape {array.shape}")


def check_cache(cache: Any, made_by: str) -> None:
    """Raise unless ``cache`` came from the function called ``made_by``.

    Raises
    ------
    TypeError
        If it is no cache.
    ValueError
        If it is another function's.
    """
    maker = getattr(cache, "made_by", None)
    if maker is None:
        raise TypeError(f"cache: expected that of {made_by}, got {type(cache).__name__}")
    if maker != made_by:
        raise ValueError(f"cache: expected that of {made_by}, got that of {maker}")
