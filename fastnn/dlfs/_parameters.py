"""Arrays by the book's names, all in one vector that compiled code works on."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

import numpy as np

from fastnn._core.plan import ParameterLayout


class Parameters(MutableMapping[str, Any]):
    """W1, b1, ..., and of normalized layers gamma1, beta1, ...: views of ``vector``.

    Assigning to one of these names copies into it. Any other name keeps what it is given, as in a
    dictionary.

    Parameters
    ----------
    layout : ParameterLayout
    vector : array (layout.n_parameters,)
    """

    def __init__(self, layout: ParameterLayout, vector: np.ndarray) -> None:
        self.layout, self.vector = layout, vector
        self._arrays: dict[str, Any] = _arrays(layout, vector)
        self._own = frozenset(self._arrays)

    @property
    def is_whole(self) -> bool:
        """Whether the vector holds all that there is."""
        return len(self._arrays) == len(self._own)

    def __getitem__(self, name: str) -> Any:
        return self._arrays[name]

    def __setitem__(self, name: str, value: Any) -> None:
        if name not in self._own:
            self._arrays[name] = value
            return
        own = self._arrays[name]
        if value is own:
            return
        if np.shape(value) != own.shape:
            raise ValueError(f"{name}: expected shape {own.shape}, got {np.shape(value)}")
        own[...] = value

    def __delitem__(self, name: str) -> None:
        if name in self._own:
            raise TypeError(f"{name}: expected another name to delete, got one of the network's")
        del self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __repr__(self) -> str:
        return repr(self._arrays)

    def __reduce__(self) -> tuple[Any, ...]:
        # As a plain dictionary of arrays of its own: views would come back without their vector.
        return dict, ({name: np.array(value) for name, value in self.items()},)


def _arrays(layout: ParameterLayout, vector: np.ndarray) -> dict[str, Any]:
    arrays = {}
    biases = layout.columns("biases", vector)
    for l, (w, b) in enumerate(zip(layout.weights(vector), biases, strict=True), 1):
        arrays[f"W{l}"], arrays[f"b{l}"] = w.T, b[:, 0]
    for name in ("gamma", "beta"):
        for l, column in enumerate(layout.columns(name, vector), 1):
            arrays[f"{name}{l}"] = column[:, 0]
    return arrays


def same_places(one: ParameterLayout, other: ParameterLayout) -> bool:
    """Whether two layouts have everything in the same places."""
    return one is other or (one.sizes, one.n_parameters) == (other.sizes, other.n_parameters)
