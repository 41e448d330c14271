"""Jobs trained by threads of this process, each job by one of them."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from queue import SimpleQueue

from fastnn._training.interruption import ended_by
from fastnn.many._jobs import Done, Job, Search

__all__ = ["run_in_threads", "with_best_alone"]

# Seconds of the jobs that a thread takes, and hands on, at a time.
AT_A_TIME = 5e-3


def run_in_threads(
    search: Search, jobs: Sequence[Job], n_jobs: int, heard: Callable[[Done], None]
) -> None:
    """Run the jobs, ``n_jobs`` at a time, and hand on what became of each, as they are done.

    Parameters
    ----------
    search : Search
    jobs : sequence of Job
    n_jobs : int
        Threads; one is the caller's own.
    heard : callable
        Called in this thread.

    Raises
    ------
    KeyboardInterrupt
        At Ctrl-C, within 0.2 s; no job is begun after it.
    """
    if n_jobs == 1 or len(jobs) < 2:
        for job in jobs:
            heard(search.run(job))
        return
    crew = _Crew(search, jobs, min(n_jobs, len(jobs)))
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


class _Crew:
    """Threads that take jobs, small ones several at a time, until there are none."""

    def __init__(self, search: Search, jobs: Sequence[Job], n_threads: int) -> None:
        self._search, self._n_threads = search, n_threads
        self._waiting = deque(jobs)
        self._done: SimpleQueue[list[Done] | BaseException] = SimpleQueue()
        self._heard: list[Done] = []
        self._is_dismissed = False
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(n_threads)]
        for thread in threads:
            thread.start()

    def next_done(self) -> Done:
        """Wait for the next job that is done."""
        if not self._heard:
            found = self._done.get()
            if isinstance(found, BaseException):
                raise found
            self._heard = found[::-1]
        return self._heard.pop()

    def dismiss(self) -> None:
        """Let no thread begin another job, and those at work end theirs."""
        self._is_dismissed = True
        self._waiting.clear()

    def _work(self) -> None:
        n = 1
        try:
            with ended_by(lambda: self._is_dismissed):
                while batch := self._take(n):
                    started = time.perf_counter()
                    done = [self._search.run(job) for job in batch]
                    self._done.put(with_best_alone(self._search, done))
                    seconds = (time.perf_counter() - started) / len(batch)
                    n = int(AT_A_TIME / max(1e-6, seconds))
        except BaseException as error:  # it is the caller who is told
            self._done.put(error)

    def _take(self, n: int) -> list[Job]:
        """Return the next ``n`` jobs, fewer near the end, so that all threads end together."""
        n = max(1, min(n, len(self._waiting) // (2 * self._n_threads)))
        batch: list[Job] = []
        try:
            while len(batch) < n:
                batch.append(self._waiting.popleft())
        except IndexError:  # another thread took the last one
            pass
        return batch
