"""How many threads a training may use: one a processor, unless somebody says less."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from fastnn._blas_threads import blas_limit
from fastnn._pace import Pace

__all__ = ["pace_of", "training", "usable", "work_of_batch"]

# Operations of a mini-batch for each thread, below which a meeting costs more than sharing gives:
# about three microseconds.
WORTH_MEETING = 150_000

_lock = threading.Lock()
_trainings = 0


def _renew_lock() -> None:
    """In a forked child: only this thread is left, and no training but its own."""
    global _lock, _trainings
    _lock, _trainings = threading.Lock(), 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


@contextmanager
def training() -> Iterator[None]:
    """Count a training while the block runs: several share the processors."""
    global _trainings
    with _lock:
        _trainings += 1
    try:
        yield
    finally:
        with _lock:
            _trainings -= 1


def _processors() -> int:
    """Return how many this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def usable() -> int:
    """Return how many threads are there for one more training or prediction."""
    return max(1, min(_processors() // max(1, _trainings), blas_limit()))


def work_of_batch(rows: int, n_parameters: int) -> float:
    """Return a mini-batch's operations: six a weight and row, forward, backward and update."""
    return 6.0 * rows * n_parameters


def pace_of(n_threads: int | None, work: float) -> Pace:
    """Return how many threads share mini-batches of ``work`` operations.

    Parameters
    ----------
    n_threads : int or None
        So many, always. None: up to one a processor, fewer if the work is too little, if other
        trainings run, or if BLAS is held to fewer, by its environment variables, by threadpoolctl
        or by joblib in its workers; and only while they are faster than one.
    work : float
    """
    if n_threads is not None:
        return Pace(n_threads, True)
    worth = int(work / WORTH_MEETING)
    return Pace(min(usable(), worth) if worth > 1 else 1)
