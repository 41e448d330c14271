"""Ctrl-C while one mini-batch is at work longer than anybody wants to wait."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from fastnn.training import Epoch

__all__ = ["run_long_batches"]

Vectors = tuple[np.ndarray, ...]
Run = Callable[[np.ndarray, np.ndarray, int, Vectors], tuple[float, int]]


def run_long_batches(
    run: Run, order: np.ndarray, epoch: Epoch, vectors: Vectors
) -> tuple[float, int]:
    """Run an epoch mini-batch by mini-batch, each on copies of what it changes.

    The mini-batch is in a thread of its own, and this one waits for it, which Ctrl-C ends at once:
    the copies are then left to it, and ``vectors`` stand at the last finished mini-batch.

    Parameters
    ----------
    run : callable
        Takes the rows of a mini-batch, learning rates, the number of steps taken before, and the
        vectors to change; returns a cost and the steps taken.
    order : intp array (n,)
    epoch : Epoch
    vectors : tuple of arrays
        What training changes.

    Returns
    -------
    cost : float
    steps : int

    Raises
    ------
    KeyboardInterrupt
        At Ctrl-C.
    """
    starts = range(0, len(order), epoch.batch_size)
    cost, steps = 0.0, 0
    for start, rate in zip(starts, np.broadcast_to(epoch.rates, len(starts)), strict=True):
        part = order[start : start + epoch.batch_size]
        copies = tuple(vector.copy() for vector in vectors)
        done = _waited_for(run, part, np.array([rate]), epoch.step + steps, copies)
        for vector, copy in zip(vectors, copies, strict=True):
            vector[...] = copy
        cost, steps = cost + done[0], steps + done[1]
    return cost, steps


def _waited_for(run: Run, *arguments: object) -> tuple[float, int]:
    """Return what ``run`` returns, computed in a thread that Ctrl-C does not wait for."""
    results: list[tuple[float, int]] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(run(*arguments))  # type: ignore[arg-type]
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]
