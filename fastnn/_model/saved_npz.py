"""The .npz files of saved networks: four arrays, none of them packed, larger than the file or code.

Nothing of the file is believed before it is compared with what is there: an archive's directory
may tell of millions of entries, an array's header of any size, and Python's readers take memory
for both.
"""

from __future__ import annotations

import io
import math
import os
import re
import struct
import zipfile
from typing import Any, BinaryIO

import numpy as np

from fastnn._common.archives import check_directory, check_stored
from fastnn._common.checks import brief
from fastnn._model.saved_json import loads

__all__ = ["VECTORS", "packed", "unpacked"]

VECTORS = ("parameters", "running", "slots")
_ENTRIES = sorted(["options.npy", *(f"{name}.npy" for name in VECTORS)])
# Bytes of the archive's directory that four entries need at the most.
_DIRECTORY = 2048
# The header that numpy.savez writes for a vector and for a single text, version 1.0.
_HEADER = re.compile(
    rb"\{'descr': '([<>=|][fU]\d{1,10})', 'fortran_order': False, "
    rb"'shape': \((?:(\d{1,18}),)?\), \} {0,128}\n"
)


def packed(options: str, vectors: dict[str, np.ndarray]) -> bytes:
    """Return an uncompressed .npz of the options, as JSON, and the vectors."""
    buffer = io.BytesIO()
    np.savez(buffer, options=np.array(options), **vectors)  # type: ignore[arg-type]
    return buffer.getvalue()


def unpacked(file: BinaryIO) -> tuple[Any, dict[str, np.ndarray]]:
    """Return the options and the vectors of a file that ``packed`` made.

    Raises
    ------
    Exception
        If it is no such file: zipfile raises all kinds, some without words.
    """
    size = os.fstat(file.fileno()).st_size
    check_directory(file, size, _DIRECTORY)
    with zipfile.ZipFile(file) as archive:
        _check_entries(archive, size)
        options = loads(str(_array(archive.read("options.npy"))[()]))
        return options, {name: _array(archive.read(f"{name}.npy")) for name in VECTORS}


def _check_entries(archive: zipfile.ZipFile, size: int) -> None:
    """Raise unless the entries are those of ``packed``, and no larger unpacked than in the file."""
    names = archive.namelist()
    if sorted(names) != _ENTRIES:
        raise ValueError(f"its entries are {brief(names)}")
    check_stored(archive, size)


def _array(content: bytes) -> np.ndarray:
    """Return the array in a .npy file: its memory is the file's own, and no object is made."""
    if content[:8] != b"\x93NUMPY\x01\x00":
        raise ValueError(f"an array that begins with {brief(content[:8])}")
    (length,) = struct.unpack("<H", content[8:10])
    header = _HEADER.fullmatch(content, 10, 10 + length)
    if header is None:
        raise ValueError(f"an array with the header {brief(content[10:80])}")
    dtype = np.dtype(header[1].decode())
    shape = () if header[2] is None else (int(header[2]),)
    if len(content) - 10 - length != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"an array of {dtype} and shape {shape} in {len(content)} bytes")
    if not dtype.itemsize:
        raise ValueError(f"an array of {dtype}")
    return np.frombuffer(content, dtype, offset=10 + length).reshape(shape)
