"""Arrays that all jobs read: themselves in one process, a memory map in others beside it."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["DataNeeded", "Shared", "TemporaryFolder", "with_arrays"]

_inline: ContextVar[bool] = ContextVar("inline", default=False)


class DataNeeded(Exception):
    """The file that was named is not on this machine: the data must be sent."""


class TemporaryFolder:
    """A folder that is removed when it is closed or forgotten, or when this process ends."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="fastnn-"))
        self._remove = weakref.finalize(self, _remove, self.path, os.getpid())

    def close(self) -> None:
        """Remove it with all that is in it."""
        self._remove()


def _remove(path: Path, pid: int) -> None:
    if os.getpid() == pid:  # not by a fork of the process that made it
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def with_arrays() -> Iterator[None]:
    """Pickle arrays themselves within the block, not where they lie."""
    token = _inline.set(True)
    try:
        yield
    finally:
        _inline.reset(token)


class Shared(Mapping[str, np.ndarray]):
    """Arrays by name, for all jobs to read and none to write.

    A pickle of it says where files of the arrays lie, which are written when the first is made;
    whoever unpickles it maps them into its memory, or raises ``DataNeeded`` where they are not.

    Parameters
    ----------
    arrays : mapping of str to array
        None of objects.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._arrays = {name: _read_only(array) for name, array in arrays.items()}
        self._folder: TemporaryFolder | None = None

    def __getitem__(self, name: str) -> np.ndarray:
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __reduce__(self) -> tuple[Any, ...]:
        if _inline.get():
            return Shared, (self._arrays,)
        return _mapped, (str(self._written()), list(self._arrays))

    def _written(self) -> Path:
        if self._folder is None:
            folder = TemporaryFolder()
            for i, array in enumerate(self._arrays.values()):
                np.save(_file(folder.path, i), array, allow_pickle=False)
            self._folder = folder
        return self._folder.path

    def close(self) -> None:
        """Remove the files, if there are any."""
        folder, self._folder = self._folder, None
        if folder is not None:
            folder.close()


def _file(folder: Path, i: int) -> Path:
    return folder / f"{i}.npy"


def _read_only(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view


def _mapped(folder: str, names: list[str]) -> Shared:
    try:
        return Shared({name: _map(_file(Path(folder), i)) for i, name in enumerate(names)})
    except FileNotFoundError:
        raise DataNeeded(folder) from None


def _map(file: Path) -> np.ndarray:
    try:
        return np.asarray(np.load(file, mmap_mode="r"))
    except ValueError:  # an empty array cannot be mapped
        return np.asarray(np.load(file))
