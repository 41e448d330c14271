"""Files that are read if they are ordinary ones, and written whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from fastnn._common.checks import brief, physical_memory
from fastnn._common.printable import printable

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be removed: that is lock enough
    fcntl = None  # type: ignore[assignment]

__all__ = ["as_path", "open_regular", "shown", "write_whole"]

_ENDING = ".fastnn-tmp"


def shown(path: str | os.PathLike[str]) -> str:
    """Return a path as messages show it: control characters escaped, on one line."""
    return printable(os.fspath(path))


def as_path(path: object, name: str = "path", expected: str = "a file's name") -> Path:
    """Return ``path`` as one that the system can be asked for.

    Raises
    ------
    TypeError, ValueError
        If it is no path, or has characters that no name has.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"{name}: expected {expected}, got {brief(path)}")
    try:
        checked = Path(path)
        os.fsencode(checked)
    except (TypeError, UnicodeEncodeError):
        raise ValueError(f"{name}: expected {expected}, got {brief(path)}") from None
    if "\0" in str(checked):
        raise ValueError(f"{name}: expected {expected}, got {brief(str(checked))}")
    return checked


def open_regular(path: str | os.PathLike[str], expected: str) -> BinaryIO:
    """Open an ordinary file for reading, without waiting for the other end of a pipe.

    Parameters
    ----------
    path : path
    expected : str
        What it should be, for messages.

    Raises
    ------
    OSError
        If it is not there, may not be read, or is a folder.
    ValueError
        If it is a pipe, a device or a socket, or larger than this machine's memory.
    """
    _check_regular(Path(path).stat(), path, expected)
    descriptor = os.open(
        path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    )
    try:
        _check_regular(os.fstat(descriptor), path, expected)  # it may have become another
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _check_regular(status: os.stat_result, path: str | os.PathLike[str], expected: str) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"{shown(path)}: not an ordinary file; expected {expected}")
    if status.st_size > physical_memory():
        raise ValueError(
            f"{shown(path)}: {status.st_size / 1e9:.3g} GB, more than this machine's memory; "
            f"expected {expected}"
        )


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Write ``content`` beside ``path``, then put it in its place in one step.

    A reader sees the old file or the new one; an error leaves the old one alone. The permissions of
    an old file are kept, those of a new one are as ``open`` would make them. What is no file, such
    as a pipe or a device, is written to directly. What a killed process left of an earlier attempt
    is removed.

    Raises
    ------
    OSError
        If the folder is not there or cannot be written to.
    """
    path = as_path(path)
    target = Path(os.path.realpath(path))  # a link stays a link: what it points to is replaced
    if target.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), os.fspath(path))
    if target.exists() and not target.is_file():
        target.write_bytes(content)
        return
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "No such folder", str(target.parent))
    _remove_leftovers(target)
    with _naming(path):
        _replace(target, content)


@contextmanager
def _naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Let an ``OSError`` of the block name ``path``, and not the file that is to become it."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error


def _replace(target: Path, content: bytes) -> None:
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
    # While it is written nobody may read it who may not read the old one.
    descriptor, temporary = _create_beside(target, 0o666 if mode is None else mode & 0o700 | 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if mode is not None:
                temporary.chmod(mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            if fcntl is not None:  # still locked, so that nobody takes it for a leftover
                temporary.replace(target)
        if fcntl is None:
            temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _create_beside(target: Path, mode: int) -> tuple[int, Path]:
    """Create a file that is locked as long as its descriptor is open."""
    while True:
        temporary = target.with_name(f"{_beginning(target)}{os.urandom(8).hex()}{_ENDING}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        descriptor = os.open(temporary, flags, mode)
        if fcntl is None:
            return descriptor, temporary
        try:
            with suppress(OSError):  # a file system without locks: then no leftover is removed
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if temporary.exists():  # else somebody took it for a leftover before it was locked
                return descriptor, temporary
        except BaseException:
            os.close(descriptor)
            temporary.unlink(missing_ok=True)
            raise
        os.close(descriptor)


def _beginning(target: Path) -> str:
    return f".{target.name[:50]}."


def _remove_leftovers(target: Path) -> None:
    """Remove what killed processes left beside ``target``; what is being written is locked."""
    ours = re.compile(re.escape(_beginning(target)) + "[0-9a-f]{16}" + re.escape(_ENDING))
    try:
        names = [name for name in os.listdir(target.parent) if ours.fullmatch(name)]  # noqa: PTH208
    except OSError:  # a folder that may be written to, but not read
        return
    for name in names:
        with suppress(OSError):
            _remove_unlocked(target.with_name(name))


def _remove_unlocked(file: Path) -> None:
    if fcntl is None:
        file.unlink()
        return
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.unlink()
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """Let the new name survive a power failure too, where the system can do that."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
