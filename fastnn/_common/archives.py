"""Zip archives that are checked before Python takes memory for what they say of themselves.

An archive's directory may tell of millions of entries, and an entry of any size.
"""

from __future__ import annotations

import struct
import zipfile
from typing import BinaryIO

__all__ = ["check_directory", "check_stored"]

_END, _END_64, _AT_64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"


def check_directory(file: BinaryIO, size: int, most: int) -> None:
    """Raise unless an archive ends with a directory of a few entries, and nothing after it.

    Parameters
    ----------
    file : binary file
    size : int
        Its bytes.
    most : int
        Bytes that the directory may have.

    Raises
    ------
    ValueError
    """
    file.seek(max(0, size - 98))
    end = file.read(98)[-98:]
    if len(end) < 22 or end[-22:-18] != _END:
        raise ValueError("its end is not that of an archive")
    (directory,) = struct.unpack("<I", end[-10:-6])
    if end[-42:-38] == _AT_64:  # of an archive beyond 2 GiB
        if end[:4] != _END_64:
            raise ValueError("its end is not that of an archive")
        (directory,) = struct.unpack("<Q", end[40:48])
    if directory > most:
        raise ValueError(f"its directory has {directory} bytes")


def check_stored(archive: zipfile.ZipFile, size: int) -> None:
    """Raise unless all entries lie in the archive as they are, together no larger than it.

    Parameters
    ----------
    archive : ZipFile
    size : int
        Its bytes.

    Raises
    ------
    ValueError
    """
    entries = archive.infolist()
    for info in entries:
        plain = info.compress_type == zipfile.ZIP_STORED and not info.flag_bits & 0x1
        if not plain or info.file_size != info.compress_size:
            raise ValueError(f"its entry {info.filename} is packed")
    if sum(info.file_size for info in entries) > size:
        raise ValueError("its entries are larger than the file")
