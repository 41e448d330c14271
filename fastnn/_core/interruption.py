"""Ctrl-C while one mini-batch is at work longer than anybody wants to wait."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from fastnn._core.atomic import write_all
from fastnn._core.epoch_options import Epoch

__all__ = ["run_long_batches"]

Vectors = tuple[np.ndarray, ...]
Run = Callable[[np.ndarray, np.ndarray, Vectors], float]


def run_long_batches(run: Run, order: np.ndarray, epoch: Epoch, vectors: Vectors) -> float:
    """Run an epoch mini-batch by mini-batch, each on copies of what it changes.

    The mini-batch is in a thread of its own, and this one waits for it, which Ctrl-C ends at once:
    the copies are then left to it, and ``vectors`` stand at the last finished mini-batch.

    Parameters
    ----------
    run : callable
        Takes the rows of a mini-batch, learning rates and the vectors to change; returns a cost.
    order : intp array (n,)
    epoch : Epoch
    vectors : tuple of arrays
        What training changes.

    Returns
    -------
    float
        The cost.

    Raises
    ------
    KeyboardInterrupt
        At Ctrl-C.
    """
    starts = range(0, len(order), epoch.batch_size)
    cost = 0.0
    for start, rate in zip(starts, np.broadcast_to(epoch.rates, len(starts)), strict=True):
        part = order[start : start + epoch.batch_size]
        copies = tuple(vector.copy() for vector in vectors)
        part_cost = _waited_for(run, part, np.array([rate]), copies)
        write_all(vectors, copies)
        cost += part_cost
    return cost


def _waited_for(run: Run, *arguments: object) -> float:
    """Return what ``run`` returns, computed in a thread that Ctrl-C does not wait for."""
    results: list[float] = []
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
