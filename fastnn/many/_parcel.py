"""A search on its way to the workers, and the batch of jobs that they do of it."""

from __future__ import annotations

import importlib.util
import pickle
import threading
import uuid
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from fastnn._training.interruption import ended_by
from fastnn.many._jobs import Done, Job, Search
from fastnn.many._shared import DataNeeded, TemporaryFolder, with_arrays
from fastnn.many._threads import with_best_alone

__all__ = ["Parcel", "Unsendable", "run_batch"]

# The searches that this process has unpacked, the last ones, by key.
_unpacked: dict[str, Search] = {}
MOST_UNPACKED = 2


class Unsendable(TypeError):
    """The search cannot be pickled, or its file cannot be written."""


class Parcel:
    """A search for workers: itself in this process; pickled, the name of a file that holds it.

    Parameters
    ----------
    search : Search
    """

    def __init__(self, search: Search) -> None:
        self._is_closed = False
        self._search = search
        self._key = uuid.uuid4().hex
        self._folder: TemporaryFolder | None = None
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        try:
            with self._lock:  # two threads of an executor may come at once
                return Sent, (self._key, self._written())
        except Exception as error:
            raise _unsendable(error) from error

    def _written(self) -> str:
        if self._folder is None:
            head, _ = _pickled(self._search, inline=False)
            folder = TemporaryFolder()
            _file(folder.path).write_bytes(head)
            self._folder = folder
        return str(self._folder.path)

    def with_data(self) -> Sent:
        """Return it with all that a worker on another machine needs.

        Raises
        ------
        Unsendable
            If it cannot be pickled.
        """
        try:
            return Sent(self._key, None, *_pickled(self._search, inline=True))
        except Exception as error:
            raise _unsendable(error) from error

    def opened(self) -> Search:
        """Return the search."""
        return self._search

    def is_closed(self) -> bool:
        """Whether its caller does not wait any more."""
        return self._is_closed

    def close(self) -> None:
        """Let no thread begin another job, and those at work end theirs; remove the file."""
        self._is_closed = True
        with self._lock:
            if self._folder is not None:
                self._folder.close()


class Sent:
    """A parcel as a worker gets it: where its file lies, or the pickle and the arrays in it."""

    def __init__(
        self, key: str, folder: str | None, head: bytes = b"", arrays: Sequence[np.ndarray] = ()
    ) -> None:
        self._key, self._folder, self._head, self._arrays = key, folder, head, list(arrays)

    def opened(self) -> Search:
        """Return the search, unpacked once a process.

        Raises
        ------
        DataNeeded
            If its file is not on this machine.
        """
        found = _unpacked.get(self._key)
        if found is None:
            found = _unpacked.setdefault(self._key, self._unpack())
            for key in list(_unpacked)[:-MOST_UNPACKED]:
                _unpacked.pop(key, None)
        return found

    @staticmethod
    def is_closed() -> bool:
        """Whether its caller does not wait any more, which other processes do not hear of."""
        return False

    def _unpack(self) -> Search:
        if self._folder is None:
            return pickle.loads(self._head, buffers=self._arrays)
        try:
            head = _file(Path(self._folder)).read_bytes()
        except FileNotFoundError:
            raise DataNeeded(self._folder) from None
        return pickle.loads(head)


def run_batch(parcel: Parcel | Sent, jobs: Sequence[Job]) -> list[Done] | None:
    """Do the jobs; what a worker is told to do.

    Returns
    -------
    list of Done or None
        None if the data are needed here, and the batch is to come again with them.
    """
    try:
        search = parcel.opened()
    except DataNeeded:
        return None
    with ended_by(parcel.is_closed):
        done = [search.run(job) for job in jobs if not parcel.is_closed()]
    return with_best_alone(search, done) if done else []


def _file(folder: Path) -> Path:
    return folder / "search.pickle"


def _pickled(search: Search, inline: bool) -> tuple[bytes, list[np.ndarray]]:
    """Return the pickle, and the large arrays apart, not copied, if they are to go ``inline``."""
    # Functions of users' own programs are known to workers only if they are sent: cloudpickle does.
    known = importlib.util.find_spec("cloudpickle") is not None
    dumps = importlib.import_module("cloudpickle").dumps if known else pickle.dumps
    buffers: list[pickle.PickleBuffer] = []
    with with_arrays() if inline else nullcontext():
        head = dumps(search, protocol=5, buffer_callback=buffers.append if inline else None)
    return head, [np.frombuffer(buffer.raw(), np.uint8) for buffer in buffers]


def _unsendable(error: Exception) -> Unsendable:
    return Unsendable(
        f"executor: the search cannot be sent to workers: {type(error).__name__}: {error}"
    )
