"""The list that ``net.weights`` and ``net.biases`` are, and what may be assigned to a vector."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, NoReturn, SupportsIndex

import numpy as np

from fastnn._common.checks import as_array, as_finite, brief

__all__ = ["ParameterList", "vector_like"]


class ParameterList(list[np.ndarray]):
    """One array a layer; reading gives the network's own memory, assigning copies into it.

    Behaves as the book's plain list, and copies and pickles as one; its length is fixed.
    """

    def __init__(
        self, name: str, views: Iterable[np.ndarray], *, never_negative: bool = False
    ) -> None:
        super().__init__(views)
        self._name, self._never_negative = name, never_negative

    def __setitem__(self, index: SupportsIndex | slice, value: Any) -> None:
        if isinstance(index, slice):
            indices = list(range(len(self))[index])
            values = _as_list(value, len(indices), self._name)
        else:
            indices, values = [range(len(self))[index]], [value]
        checked = [self._check(i, v) for i, v in zip(indices, values, strict=True)]
        for i, array in zip(indices, checked, strict=True):
            self[i][...] = array

    def _check(self, i: int, value: Any) -> np.ndarray:
        """Return ``value`` in the shape of layer ``i``'s array."""
        name = f"{self._name}[{i}]"
        array = as_array(value, name)
        wanted = self[i].shape
        if array.shape != wanted and (*array.shape, 1) != wanted:
            raise ValueError(f"{name}: expected shape {wanted}, got {array.shape}")
        # A copy, since the value may be a view of the very array that it goes into.
        values = as_finite(array.reshape(wanted), self[i].dtype, name).copy()
        if self._never_negative and values.min() < 0:
            raise ValueError(f"{name}: expected numbers of 0 or more, got {values.min()}")
        return values

    def __reduce__(self) -> tuple[Any, ...]:
        return list, ([np.array(view) for view in self],)

    def __iadd__(self, other: Iterable[Any]) -> NoReturn:  # type: ignore[override,misc]
        self._refuse()

    def __imul__(self, n: SupportsIndex) -> NoReturn:  # type: ignore[override,misc]
        self._refuse()

    def __delitem__(self, index: SupportsIndex | slice) -> NoReturn:
        self._refuse()

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(f"{self._name}: a network's layers are fixed; assign to an entry instead")

    append = extend = insert = pop = remove = clear = sort = reverse = _refuse  # type: ignore[assignment]


def _as_list(values: Any, length: int, name: str) -> Sequence[Any]:
    try:
        listed = list(islice(values, length + 1))  # of an endless iterator too
    except TypeError:
        raise TypeError(
            f"{name}: expected a list of {length} arrays, got {brief(values)}"
        ) from None
    if len(listed) != length:
        got = "more" if len(listed) > length else len(listed)
        raise ValueError(f"{name}: expected {length} arrays, got {got}")
    return listed


def vector_like(vector: np.ndarray, values: np.ndarray, name: str) -> np.ndarray:
    """Return ``values`` in the dtype of ``vector``.

    Raises
    ------
    ValueError
        If they have another shape, or are not finite in this dtype.
    """
    if values.shape != vector.shape:
        raise ValueError(f"{name}: expected shape {vector.shape}, got {values.shape}")
    return as_finite(values, vector.dtype, name)
