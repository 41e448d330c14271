"""Jobs sent to whatever has ``submit``: pools of threads or processes, Dask, MPI.

The search goes to a worker once, as a file beside the caller or, where that is not to be seen, by
what carries the jobs; then jobs go by number, in batches. A batch that is lost with its worker is
sent again.
"""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, CancelledError
from contextlib import suppress
from math import nan
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from fastnn._common.checks import brief
from fastnn._core.threads import usable
from fastnn.many._jobs import Done, Job, Search
from fastnn.many._parcel import Parcel, Unsendable, run_batch
from fastnn.many._threads import run_in_threads

__all__ = ["check_executor", "run_over"]

# Seconds of work in a batch. Less would go into sending it; and more is lost where one is lost.
SHORTEST, LONGEST = 0.05, 0.5
# Of what is left, a batch takes a worker's share divided by so many: all end at about one time.
PARTS = 4
# Operations of a batch whose speed is not known yet.
FIRST = 1e8
# Batches at a worker, the one that it works at and those behind it.
AT_A_WORKER = 2
# How often a job may be lost with its worker.
MOST_LOSSES = 3
# Errors of executors that say a worker is gone, besides those of connections.
GONE = ("KilledWorker", "WorkerCrashedError", "TimeoutError")


def check_executor(executor: Any) -> None:
    """Raise unless jobs can be submitted.

    Raises
    ------
    TypeError
        If there is no ``submit``, or it is that of an asynchronous client.
    ValueError
        If it takes no jobs, as after a shutdown.
    """
    if not callable(getattr(executor, "submit", None)):
        raise TypeError(
            f"executor: expected an object with submit, as in concurrent.futures, "
            f"got {brief(executor)}"
        )
    if getattr(executor, "asynchronous", False):
        raise TypeError(f"executor: expected one that is not asynchronous, got {brief(executor)}")
    status = getattr(executor, "status", "running")
    if status != "running":
        raise _closed(executor, f"it is {status}")
    try:
        executor.submit(_nothing)
    except RuntimeError as error:
        raise _closed(executor, error) from error


def _nothing() -> None:
    """What a worker is asked for first; it then has fastnn in its memory."""


def _closed(executor: Any, why: object) -> ValueError:
    name = type(executor).__name__
    return ValueError(f"executor: expected one that takes jobs, got {name}: {brief(str(why))}")


def run_over(
    executor: Any, search: Search, jobs: Sequence[Job], heard: Callable[[Done], None]
) -> None:
    """Run the jobs by an executor's workers, and hand on what became of each, as they are done.

    An executor that breaks, as pools of processes do when one of them dies, or that is shut down
    meanwhile, leaves the rest to threads of this process, with a warning. Where an executor goes on
    without the worker, as Dask does, a lost batch is sent again; a job that is lost three times
    has failed.

    Parameters
    ----------
    executor : object
        With ``submit`` as in ``concurrent.futures``; or a ``dask.distributed.Client``.
    search : Search
    jobs : sequence of Job
    heard : callable
        Called in this thread.

    Raises
    ------
    TypeError
        If the search cannot be sent to other processes.
    RuntimeError
        If a worker cannot run jobs at all, such as without fastnn.
    KeyboardInterrupt
        At Ctrl-C, within 0.2 s; what had not begun is cancelled.
    """
    carrier = _carrier(executor, search)
    dispatch = _Dispatch(carrier, search, jobs, heard)
    try:
        dispatch.run()
    finally:
        dispatch.dismiss()
        carrier.close()
    left = dispatch.left
    if left:
        warnings.warn(
            f"executor: {type(executor).__name__} broke or was shut down; the {len(left)} jobs "
            "that are left are done by threads of this process",
            RuntimeWarning,
            stacklevel=2,
        )
        run_in_threads(search, left, min(dispatch.n_workers, usable()), heard)


class _Carrier:
    """Sends batches through ``submit``."""

    def __init__(self, executor: Any, search: Search) -> None:
        self._executor = executor
        self._parcel = Parcel(search)

    def n_workers(self) -> int:
        """How many work at a time, as far as the executor says it."""
        for name in ("_max_workers", "num_workers"):
            found = getattr(self._executor, name, None)
            if isinstance(found, int) and found > 0:
                return found
        return usable()

    def submit(self, jobs: Sequence[Job], with_data: bool) -> Any:
        """Send a batch; return its future."""
        parcel = self._parcel.with_data() if with_data else self._parcel
        return self._executor.submit(run_batch, parcel, tuple(jobs))

    def replace_lost(self) -> None:
        """Prepare to send a batch again."""

    def close(self) -> None:
        """Let threads of this process end; remove files."""
        self._parcel.close()


class _DaskCarrier(_Carrier):
    """Sends batches to Dask's workers, and the search to all of them before."""

    def __init__(self, executor: Any, search: Search, client: Any) -> None:
        super().__init__(executor, search)
        self._client = client
        # A client takes two calls with equal arguments for one; its executor knows of that.
        self._told = {"pure": False} if executor is client else {}
        self._scattered = self._scatter()

    def _scatter(self) -> Any:
        parcel = self._parcel.with_data()
        try:
            return self._client.scatter(parcel, broadcast=True, hash=False)
        except Exception as error:
            if type(error).__name__ != "TimeoutError":  # Python 3.10 has two of the name
                raise
            raise RuntimeError(f"executor: the cluster has no workers: {error}") from error

    def n_workers(self) -> int:
        return max(1, sum(self._client.ncores().values()))

    def submit(self, jobs: Sequence[Job], with_data: bool) -> Any:
        return self._executor.submit(run_batch, self._scattered, tuple(jobs), **self._told)

    def replace_lost(self) -> None:
        """Scatter again: the worker may have been the last one that held the search."""
        self._scattered = self._scatter()


def _carrier(executor: Any, search: Search) -> _Carrier:
    kind = type(executor)
    if kind.__module__.partition(".")[0] == "distributed":
        client = executor if hasattr(executor, "scatter") else getattr(executor, "_client", None)
        if client is not None:
            return _DaskCarrier(executor, search, client)
    return _Carrier(executor, search)


class _Batch(NamedTuple):
    """Jobs that are sent together; how often they were lost; whether the data go with them."""

    jobs: tuple[Job, ...]
    losses: int = 0
    with_data: bool = False


class _Dispatch:
    """Keeps an executor's workers busy until all jobs are done."""

    def __init__(
        self,
        carrier: _Carrier,
        search: Search,
        jobs: Sequence[Job],
        heard: Callable[[Done], None],
    ) -> None:
        self._carrier, self._heard = carrier, heard
        self._waiting = deque((job, search.work_of(job)) for job in jobs)
        self._again: deque[_Batch] = deque()
        self._running: dict[int, tuple[_Batch, Any]] = {}
        self._ended: SimpleQueue[int] = SimpleQueue()
        self._works = {job.row: work for job, work in self._waiting}
        self._work_left = sum(self._works.values())
        self._work_done = self._seconds = 0.0
        self.n_workers = carrier.n_workers()
        self._broken = False
        self._count = 0

    def run(self) -> None:
        """Send and hear until all is done, or the executor broken and silent."""
        self._fill()
        while self._running:
            with suppress(Empty):
                # Not for ever: not all systems interrupt one that waits.
                self._hear(*self._running.pop(self._ended.get(timeout=0.1)))
                self._fill()

    @property
    def left(self) -> list[Job]:
        """The jobs that were not done."""
        sent = [job for batch in self._again for job in batch.jobs]
        return sent + [job for job, _ in self._waiting]

    def dismiss(self) -> None:
        """Cancel what has not begun."""
        for _, future in self._running.values():
            with suppress(Exception):
                future.cancel()

    def _fill(self) -> None:
        while not self._broken and len(self._running) < AT_A_WORKER * self.n_workers:
            batch = self._again.popleft() if self._again else self._next_batch()
            if not batch.jobs:
                return
            try:
                future = self._carrier.submit(batch.jobs, batch.with_data)
            except Unsendable:
                raise
            except Exception:  # each kind has its own way to say that it was shut down
                self._again.append(batch)
                self._broken = True
                return
            self._count += 1
            self._running[self._count] = batch, future
            future.add_done_callback(lambda _, number=self._count: self._ended.put(number))

    def _next_batch(self) -> _Batch:
        """Take what lasts for a part of a worker's share of all that is left."""
        most = FIRST
        if self._work_done:
            speed = self._work_done / max(self._seconds, 1e-9)
            share = self._work_left / speed / self.n_workers / PARTS
            most = speed * min(max(share, SHORTEST), LONGEST)
        jobs, work = [], 0.0
        while self._waiting and work < most:
            job, more = self._waiting.popleft()
            jobs.append(job)
            work += more
        self._work_left -= work
        return _Batch(tuple(jobs))

    def _hear(self, batch: _Batch, future: Any) -> None:
        try:
            found = future.result()
        except BrokenExecutor:
            self._broken = True
            self._again.append(batch)
        except Exception as error:
            self._miss(batch, error)
        else:
            if found is None:
                self._again.append(batch._replace(with_data=True))
                return
            for done in found:
                self._work_done += self._works[done.row]
                self._seconds += done.seconds
                self._heard(done)

    def _miss(self, batch: _Batch, error: BaseException) -> None:
        """Send a lost batch again, the second time a job at a time: only one may be to blame."""
        if isinstance(error, Unsendable):
            raise error
        if not _says_that_a_worker_is_gone(error):
            said = f"{type(error).__name__}: {error}"
            raise RuntimeError(f"executor: a worker could not run its jobs: {said}") from error
        losses = batch.losses + 1
        if losses == MOST_LOSSES:
            for job in batch.jobs:
                said = f"lost with its worker {losses} times: {type(error).__name__}"
                self._heard(Done(job.row, nan, nan, nan, 0, nan, said, None))
            return
        try:
            self._carrier.replace_lost()
            self.n_workers = self._carrier.n_workers()
        except Exception:  # not a worker, but all of it is gone
            self._broken = True
        parts = [batch.jobs] if losses == 1 else [(job,) for job in batch.jobs]
        self._again.extend(_Batch(jobs, losses, batch.with_data) for jobs in parts)


def _says_that_a_worker_is_gone(error: BaseException) -> bool:
    known = (CancelledError, OSError, EOFError)
    return isinstance(error, known) or type(error).__name__ in GONE
