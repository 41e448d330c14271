"""A file of finished jobs, a line each, by which a search goes on where it was killed."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from fastnn._common.checks import brief
from fastnn._common.files import as_path, open_regular, shown
from fastnn.many._jobs import Done

__all__ = ["Journal"]

FORMAT = 1
KIND = "fastnn.many"
# The fields of ``Done`` in a line, and those of them that are numbers and may be none.
FIELDS = ("row", "training_cost", "validation_cost", "score", "epochs", "seconds", "error")
FLOATS = ("training_cost", "validation_cost", "score", "seconds")
# Seconds from one fsync to the next, at least.
SYNCED_AFTER = 1.0
APPENDING = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
EXPECTED = "a journal of fastnn's or no file"


class Journal:
    """A file to which finished jobs are appended, each line by one write.

    Parameters
    ----------
    path : str or path
    header : mapping of str to str
        Fingerprints of what makes the search, by their names.
    n_rows : int
        Jobs of the search.

    Attributes
    ----------
    found : list of Done
        What it held already.

    Raises
    ------
    ValueError
        If it is a file of something else, or another search's, naming what differs.
    OSError
        If it cannot be read or written.
    """

    def __init__(
        self, path: str | os.PathLike[str], header: Mapping[str, str], n_rows: int
    ) -> None:
        self._path = as_path(path, "journal")
        first = json.dumps({KIND: FORMAT, **header}) + "\n"
        content = _content(self._path)
        whole = content[: content.rfind(b"\n") + 1]
        lines = whole.splitlines()
        if content and not whole and not first.encode().startswith(content):
            raise ValueError(f"journal: {shown(self._path)}: expected {EXPECTED}")
        if lines:
            _check_header(lines[0], header, self._path)
        self.found = list(_read(lines[1:], n_rows, self._path))
        self._file = os.open(self._path, APPENDING, 0o666)
        self._synced = time.monotonic()
        try:
            if len(whole) < len(content):  # a line that a killed process did not end
                os.ftruncate(self._file, len(whole))
            if not lines:
                self._append(first)
                os.fsync(self._file)
        except BaseException:
            self.close()
            raise

    def write(self, done: Done) -> None:
        """Append what became of a job."""
        values = {name: getattr(done, name) for name in FIELDS}
        for name in FLOATS:
            if not math.isfinite(values[name]):
                values[name] = str(values[name])  # JSON has no such numbers
        self._append(json.dumps(values) + "\n")
        if time.monotonic() - self._synced >= SYNCED_AFTER:
            os.fsync(self._file)
            self._synced = time.monotonic()

    def _append(self, line: str) -> None:
        data = line.encode()
        written = os.write(self._file, data)
        while written < len(data):  # the disk was full, or a signal came
            written += os.write(self._file, data[written:])

    def close(self) -> None:
        """Close the file; all of it is then on the disk."""
        if self._file >= 0:
            os.fsync(self._file)
            os.close(self._file)
            self._file = -1


def _content(path: Path) -> bytes:
    """Return what an ordinary file holds, or nothing if there is none."""
    try:
        with open_regular(path, EXPECTED) as file:
            return file.read()
    except FileNotFoundError:
        return b""
    except ValueError as error:
        raise ValueError(f"journal: {error}") from None


def _check_header(line: bytes, header: Mapping[str, str], path: Path) -> None:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict) or found.get(KIND) != FORMAT:
        raise ValueError(f"journal: {shown(path)}: expected {EXPECTED}")
    differing = [name for name in header if found.get(name) != header[name]]
    if differing:
        raise ValueError(
            f"journal: {shown(path)}: expected that of this search, got another's, which differs "
            f"in {', '.join(differing)}: give another file"
        )


def _read(lines: Sequence[bytes], n_rows: int, path: Path) -> Iterator[Done]:
    """Yield what the lines say; each row once."""
    seen = set()
    for number, line in enumerate(lines, 2):
        try:
            values = json.loads(line)
            values |= {name: float(values[name]) for name in FLOATS}
            done = Done(*(values[name] for name in FIELDS))
            kinds = type(done.row), type(done.epochs), type(done.error)
            is_sound = kinds == (int, int, str) and 0 <= done.row < n_rows and done.epochs >= 0
        except (ValueError, TypeError, KeyError):
            is_sound = False
        if not is_sound:
            raise ValueError(
                f"journal: {shown(path)}: line {number}: expected a job, got {brief(line)}"
            )
        if done.row not in seen:
            seen.add(done.row)
            yield done
