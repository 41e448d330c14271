"""The peak of this machine: what BLAS reaches on one large square product."""

from __future__ import annotations

import time

import numpy as np
from threadpoolctl import threadpool_limits

SIZE = 2_048


class Roof:
    """A product of two square matrices, to be timed in every round beside the contenders.

    Parameters
    ----------
    dtype : str
    size : int
        Rows and columns; 2048 is far beyond where BLAS stops getting faster.
    """

    def __init__(self, dtype: str, size: int = SIZE) -> None:
        generator = np.random.default_rng(0)
        self._a = generator.random((size, size)).astype(dtype)
        self._b = generator.random((size, size)).astype(dtype)
        self._out = np.empty_like(self._a)

    def measure(self, threads: int) -> float:
        """Operations a second with `threads` threads of BLAS, the better of two products."""
        with threadpool_limits(threads, user_api="blas"):
            seconds = []
            for _ in range(2):
                start = time.perf_counter()
                np.matmul(self._a, self._b, out=self._out)
                seconds.append(time.perf_counter() - start)
        return 2 * len(self._a) ** 3 / min(seconds)
