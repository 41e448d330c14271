"""Arrays that all jobs read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

__all__ = ["Shared"]


class Shared(Mapping[str, np.ndarray]):
    """Arrays by name, for all jobs to read.

    Parameters
    ----------
    arrays : mapping of str to array
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._arrays = dict(arrays)

    def __getitem__(self, name: str) -> np.ndarray:
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def close(self) -> None:
        """Let go what other processes read; the arrays stay."""
