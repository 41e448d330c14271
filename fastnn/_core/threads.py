"""How many threads a training may use: one a processor, unless somebody says less."""

from __future__ import annotations

import os

from fastnn._core.atomic import Users, forget_visits
from fastnn._core.blas_guard import blas_limit
from fastnn._core.compiled_plan import MAX_WORKERS
from fastnn._core.thread_tuner import Stalls, ThreadTuner

__all__ = ["tuner_for", "training", "usable", "work_of_batch"]

# Operations of a mini-batch for each thread, below which a barrier costs more than sharing saves:
# about one and a half microseconds.
WORTH_A_BARRIER = 75_000

_trainings = Users()
_stalls = Stalls()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_trainings.forget)
    os.register_at_fork(after_in_child=forget_visits)


def training() -> Users:
    """Return what counts the trainings at work: several share the processors."""
    return _trainings


def _processors() -> int:
    """Return how many this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def usable() -> int:
    """Return how many threads a prediction may use: its share, if other threads train."""
    return max(1, min(_processors() // _trainings.sharing, blas_limit()))


def work_of_batch(rows: int, n_parameters: int) -> float:
    """Return a mini-batch's operations: six a weight and row, forward, backward and update."""
    return 6.0 * rows * n_parameters


def tuner_for(n_threads: int | None, work: float) -> ThreadTuner:
    """Return how many threads share mini-batches of ``work`` operations.

    Parameters
    ----------
    n_threads : int or None
        So many, always. None: up to one a processor, fewer if the work is too little, or if BLAS is
        held to fewer, by its environment variables, by threadpoolctl or by joblib in its workers;
        while other threads train, a share of the processors; and only while they are faster than
        one, which all trainings of the process remember where other programs have the processors.
    work : float
    """
    if n_threads is not None:
        return ThreadTuner(min(n_threads, MAX_WORKERS), True)
    worth, processors = int(work / WORTH_A_BARRIER), _processors()
    most = min(worth, processors, blas_limit()) if worth > 1 else 1
    return ThreadTuner(most, False, _trainings, processors, _stalls)
