"""The idx format of the MNIST files: a magic number, the sizes, then the numbers, big-endian."""

from __future__ import annotations

import math
import os
import sys
from typing import IO, Any

import numpy as np

from fastnn._common.checks import check_whole
from fastnn._common.files import shown
from fastnn.datasets.checks import regular_file
from fastnn.datasets.compressed import MAX_UNPACKED, most_unpacked, open_unpacked, read_at_most

# Third byte of the magic number -> type of the elements.
_TYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
_MAX_AXES = 32  # NumPy's limit before version 2


def read_idx(path: str | os.PathLike[str], *, max_bytes: int | None = None) -> np.ndarray:
    """Read an idx file, compressed by gzip or not.

    Parameters
    ----------
    path : str or path
        The file. Its content, not its name, says whether it is compressed.
    max_bytes : int, optional
        The most to unpack from a compressed file; by default 16 MiB and 10 times its size.

    Returns
    -------
    ndarray
        The array, of the declared sizes, writable and in the machine's byte order: uint8, int8,
        int16, int32, float32 or float64.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the magic number, type or sizes are wrong, if the file is cut short or has bytes left
        over, or if the gzip data are damaged.

    Notes
    -----
    The format (LeCun, Cortes and Burges, the MNIST page): two zero bytes, the type of the
    elements, the number of axes, each axis's size as a 32-bit unsigned integer, the elements
    with the last axis fastest; everything with the high byte first.
    """
    declared = MAX_UNPACKED if max_bytes is None else check_whole(max_bytes, "max_bytes", 0)
    file = regular_file(path, "an idx file")
    where = shown(file)
    with open_unpacked(file) as (stream, packed):
        dtype, shape = _read_header(stream, where)
        n_bytes = _declared_bytes(dtype, shape, where, declared if packed else sys.maxsize)
        room = most_unpacked(file) if packed and max_bytes is None else n_bytes
        # One byte more than declared shows what is left over, and makes gzip check its sum.
        data = read_at_most(stream, min(n_bytes, room) + 1)
    if room < min(len(data), n_bytes):
        raise ValueError(
            f"{where}: it unpacks to more than {room} bytes, 10 times its size and 16 MiB; "
            "max_bytes allows more"
        )
    if len(data) != n_bytes:
        found = "cut short at" if len(data) < n_bytes else "with more than"
        raise ValueError(
            f"{where}: {found} {min(len(data), n_bytes)} bytes of data; its header declares "
            f"{dtype.name} of shape {shape}, expected exactly {n_bytes}"
        )
    return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _read_header(stream: IO[bytes], where: str) -> tuple[np.dtype[Any], tuple[int, ...]]:
    magic = read_at_most(stream, 4)
    if len(magic) < 4:
        raise ValueError(f"{where}: cut short in its magic number; expected an idx file")
    if magic[:2] != b"\0\0" or magic[2] not in _TYPES or not 1 <= magic[3] <= _MAX_AXES:
        raise ValueError(
            f"{where}: magic number 0x{magic.hex()}; expected an idx file: 0x0000, a type of "
            f"08 09 0b 0c 0d 0e, and 1 to {_MAX_AXES} axes"
        )
    sizes = read_at_most(stream, 4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise ValueError(f"{where}: cut short in its sizes; expected {magic[3]} axes")
    return _TYPES[magic[2]], tuple(int(size) for size in np.frombuffer(sizes, ">u4"))


def _declared_bytes(dtype: np.dtype[Any], shape: tuple[int, ...], where: str, limit: int) -> int:
    n_bytes = dtype.itemsize * math.prod(shape)
    # An axis of size 0 must not hide sizes that no array can have.
    if n_bytes > limit or dtype.itemsize * math.prod(max(size, 1) for size in shape) > sys.maxsize:
        raise ValueError(
            f"{where}: its header declares {dtype.name} of shape {shape}; "
            f"expected at most {limit} bytes"
        )
    return n_bytes
