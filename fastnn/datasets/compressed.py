"""Bounded reading of files that may be gzip-compressed."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from fastnn._common.files import open_regular, shown

# The most that is unpacked from a compressed file, whatever the file says of itself.
MAX_UNPACKED = 2**31
_CHUNK = 2**20
# What a small file may unpack to, however tightly it is packed.
_ALWAYS = 2**24


def most_unpacked(file: Path, times: int = 10) -> int:
    """Return how many bytes may be unpacked from ``file``: so many times its size, and 16 MiB."""
    return min(MAX_UNPACKED, _ALWAYS + times * file.stat().st_size)


@contextmanager
def open_unpacked(file: Path) -> Iterator[tuple[IO[bytes], bool]]:
    """Open `file` for reading; yield (stream, whether it is gzip-compressed).

    The first two bytes decide, not the name: browsers unpack a download and keep its ``.gz``.
    Damaged gzip data raises ValueError at whatever read meets it.
    """
    with open_regular(file, "an ordinary file") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        if not packed:
            yield raw, False
            return
        try:
            with gzip.GzipFile(fileobj=raw) as stream:
                yield cast("IO[bytes]", stream), True
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise ValueError(f"{shown(file)}: expected a whole gzip file, but {error}") from error


def read_at_most(stream: IO[bytes], n_bytes: int) -> bytearray:
    """Read up to `n_bytes`; memory grows with what is there, not with what was asked for."""
    data = bytearray()
    while len(data) < n_bytes:
        chunk = stream.read(min(_CHUNK, n_bytes - len(data)))
        if not chunk:
            break
        data += chunk
    return data


class BoundedReader:
    """The `read` and `readline` of a stream, giving out no more than `limit` bytes in all.

    Nor more than `room`, which is what there may really be, whatever is asked for.
    """

    _LONGEST_LINE = 256

    def __init__(self, stream: IO[bytes], limit: int, room: int = MAX_UNPACKED) -> None:
        self._stream = stream
        self._limit, self._room = limit, room
        self._left = limit

    def read(self, n_bytes: int) -> bytes:
        """Return `n_bytes`, or fewer at the end; ValueError if they exceed what is left."""
        if n_bytes > self._left:
            raise ValueError(f"it holds more than {self._limit} bytes")
        room = self._room - (self._limit - self._left)
        data = bytes(read_at_most(self._stream, min(n_bytes, room + 1)))
        if len(data) > room:
            raise ValueError(f"it unpacks to more than {self._room} bytes, too many for its size")
        self._left -= len(data)
        return data

    def readline(self) -> bytes:
        """Return a line, without its end if it is absurdly long."""
        line = self._stream.readline(min(self._left, self._LONGEST_LINE))
        self._left -= len(line)
        if b"\\" in line:  # the name of no array; Python would warn of unknown escapes
            raise ValueError("it has a name with a backslash")
        return line

    def read_to_end(self) -> None:
        """Read what is left and forget it: gzip checks its sum at the end only."""
        while self._left and self.read(min(_CHUNK, self._left)):
            pass
