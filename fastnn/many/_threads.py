"""Jobs trained by threads of this process, each job by one of them."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from fastnn._common.checks import MOST_THREADS, check_whole
from fastnn._core.threads import usable
from fastnn._training.interruption import ended_by
from fastnn.many._jobs import Done, Job, Search

__all__ = ["at_a_time", "map_in_threads", "run_in_threads", "with_best_alone"]

Item = TypeVar("Item")
Found = TypeVar("Found")

# Seconds of the jobs that a thread takes, and hands on, at a time.
AT_A_TIME = 5e-3
# Seconds after which Ctrl-C is heard where the system does not end a wait for it.
HEARD_AFTER = 0.1


def at_a_time(n_jobs: Any) -> int:
    """Return how many threads ``n_jobs`` means: None or -1 is one a processor.

    Raises
    ------
    TypeError, ValueError
        If it is no whole number of 1 or more.
    """
    if n_jobs is None or (isinstance(n_jobs, int) and n_jobs == -1):
        return usable()
    return check_whole(n_jobs, "n_jobs", 1, MOST_THREADS)


def run_in_threads(
    search: Search, jobs: Sequence[Job], n_jobs: int, heard: Callable[[Done], None]
) -> None:
    """Run the jobs, ``n_jobs`` at a time, and hand on what became of each, as they are done.

    Parameters
    ----------
    search : Search
    jobs : sequence of Job
    n_jobs : int
        Threads; one is the caller's own, unless Ctrl-C would be lost on what it trains.
    heard : callable
        Called in this thread.

    Raises
    ------
    KeyboardInterrupt
        At Ctrl-C, within 0.2 s; no job is begun after it.
    """
    if search.ends_at_ctrl_c and (n_jobs == 1 or len(jobs) < 2):
        for job in jobs:
            heard(search.run(job))
        return
    alone = partial(with_best_alone, search)
    crew = _Crew(search.run, jobs, min(n_jobs, len(jobs)), alone)
    try:
        for _ in range(len(jobs)):
            heard(crew.next_done())
    finally:
        crew.dismiss()


def with_best_alone(search: Search, batch: list[Done]) -> list[Done]:
    """Return the batch with the model of its best job alone, where only the best is kept."""
    if search.keep != "best":
        return batch
    best = batch[0]
    for done in batch[1:]:
        if search.is_better(done, best):
            best = done
    return [done if done is best else done._replace(model=None) for done in batch]


def map_in_threads(
    work: Callable[[Item], Found], items: Sequence[Item], n_threads: int
) -> list[Found]:
    """Return what ``work`` makes of each item, in their order.

    Parameters
    ----------
    work : callable
    items : sequence
    n_threads : int
        One is the caller's own.

    Raises
    ------
    BaseException
        What ``work`` raises first; no item is begun after it.
    """
    if n_threads == 1 or len(items) < 2:
        return [work(item) for item in items]
    crew = _Crew(lambda i: (i, work(items[i])), range(len(items)), min(n_threads, len(items)))
    try:
        found = dict(crew.next_done() for _ in items)
    finally:
        crew.dismiss()
    return [found[i] for i in range(len(items))]


class _Crew(Generic[Item, Found]):
    """Threads that take items, small ones several at a time, until there are none.

    Parameters
    ----------
    work : callable
        What each is to do with an item. What it raises is raised where ``next_done`` waits.
    items : sequence
    n_threads : int
    in_batch : callable, optional
        What becomes of the results of some items before they are handed on.
    """

    def __init__(
        self,
        work: Callable[[Item], Found],
        items: Sequence[Item],
        n_threads: int,
        in_batch: Callable[[list[Found]], list[Found]] = list,
    ) -> None:
        self._work, self._in_batch, self._n_threads = work, in_batch, n_threads
        self._waiting = deque(items)
        self._done: SimpleQueue[list[Found] | BaseException] = SimpleQueue()
        self._heard: list[Found] = []
        self._is_dismissed = False
        threads = [threading.Thread(target=self._go, daemon=True) for _ in range(n_threads)]
        for thread in threads:
            thread.start()

    def next_done(self) -> Found:
        """Wait for the next item that is done."""
        while not self._heard:
            with suppress(Empty):
                found = self._done.get(timeout=HEARD_AFTER)
                if isinstance(found, BaseException):
                    raise found
                self._heard = found[::-1]
        return self._heard.pop()

    def dismiss(self) -> None:
        """Let no thread begin another item, and those that train end that."""
        self._is_dismissed = True
        self._waiting.clear()

    def _go(self) -> None:
        n = 1
        try:
            with ended_by(lambda: self._is_dismissed):
                while batch := self._take(n):
                    started = time.perf_counter()
                    self._done.put(self._in_batch([self._work(item) for item in batch]))
                    seconds = (time.perf_counter() - started) / len(batch)
                    n = int(AT_A_TIME / max(1e-6, seconds))
        except BaseException as error:  # it is the caller who is told
            self._done.put(error)

    def _take(self, n: int) -> list[Item]:
        """Return the next ``n`` items, fewer near the end, so that all threads end together."""
        n = max(1, min(n, len(self._waiting) // (2 * self._n_threads)))
        batch: list[Item] = []
        try:
            while len(batch) < n:
                batch.append(self._waiting.popleft())
        except IndexError:  # another thread took the last one
            pass
        return batch
