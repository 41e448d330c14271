"""Arrays from .npz files, as rows X and labels y."""

from __future__ import annotations

import io
import math
import os
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from fastnn._common.printable import printable
from fastnn.datasets.checks import class_labels, feature_rows, regular_file, same_length
from fastnn.datasets.compressed import MAX_UNPACKED, read_at_most
from fastnn.datasets.split import Split, Xy

PAIR = ("X", "y")
KERAS = ("x_train", "y_train", "x_test", "y_test")
_TARGETS = ("y", "y_train", "y_test")
# What is unpacked from a file in all: so many times its size, or so many bytes if that is more.
# Pictures, mostly 0, are packed to a tenth; a file that is only zeros, to a thousandth.
_MOST_TIMES, _LEAST_UNPACKED = 100, 2**25
_MOST_DIRECTORY = 2**20
_MOST_HEADER = 2**16
# What zipfile raises for damaged, cut, encrypted and otherwise unreadable archives.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    RuntimeError,
    UnicodeDecodeError,
)
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def load_npz(path: str | os.PathLike[str]) -> Xy | Split:
    """Read arrays X and y, or x_train, y_train, x_test and y_test as in Keras' ``mnist.npz``.

    Parameters
    ----------
    path : path
        A file of ``numpy.savez`` or ``numpy.savez_compressed``. Python objects in it are refused,
        never unpickled.

    Returns
    -------
    (X, y) or Split
        X (n, n_in), axes after the first flattened. Bytes are taken as pixels and become
        byte/256 in float32 (as `load_mnist` does); float32 and float64 are kept; other numbers
        become float64. y (n,) int64 labels from 0, given as such or as one-hot rows. For the four
        arrays a Split whose validation part is empty.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, the arrays are not there, are not numbers or do not go together, or
        they would unpack to more than 2 GiB each, or 100 times the file and 32 MiB in all.
    """
    file = regular_file(path, "an .npz file")
    arrays = read_arrays(file, (PAIR, KERAS))
    if "X" in arrays:
        return _pair(arrays, "X", "y", file)
    train, test = (_pair(arrays, f"x_{part}", f"y_{part}", file) for part in ("train", "test"))
    if train[0].shape[1] != test[0].shape[1]:
        raise ValueError(
            f"{file}: {train[0].shape[1]} features in x_train but {test[0].shape[1]} in x_test; "
            "expected as many"
        )
    return Split(train, (train[0][:0], train[1][:0]), test)


def read_arrays(
    file: Path, wanted: Sequence[tuple[str, ...]], *, names_of_classes: bool = False
) -> dict[str, np.ndarray]:
    """Return the arrays of numbers of the first set of names that is there.

    Parameters
    ----------
    file : Path
        An ordinary file.
    wanted : sequence of tuple of str
    names_of_classes : bool, default False
        Whether the arrays y, y_train and y_test may hold texts.

    Raises
    ------
    ValueError
        If the file is damaged, no set is whole, an array is not of numbers, or they would unpack
        to more than is plausible: 2 GiB each, or 100 times the file and 32 MiB in all.
    """
    with file.open("rb") as raw:
        try:
            _check_directory(raw)
            with zipfile.ZipFile(raw) as archive:
                names = _chosen(archive, wanted, file)
                reader = _Members(archive, file, max(_LEAST_UNPACKED, _MOST_TIMES * _size(raw)))
                return {
                    name: reader.read(name, names_of_classes and name in _TARGETS) for name in names
                }
        except _DAMAGE as error:
            raise ValueError(
                f"{file}: expected a whole .npz file, but {printable(str(error))[:160]}"
            ) from error


def _size(raw: IO[bytes]) -> int:
    return raw.seek(0, io.SEEK_END)


def _check_directory(raw: IO[bytes]) -> None:
    """Raise unless the list of entries at the end is one of a few entries: it is read as a whole.

    PKWARE's *.ZIP File Format Specification*, 4.3.16: its size stands 12 bytes after the signature.
    """
    size = _size(raw)
    raw.seek(max(0, size - 2**16 - 22))
    end = raw.read()
    at = end.rfind(b"PK\5\6")
    if at >= 0 and int.from_bytes(end[at + 12 : at + 16], "little") > _MOST_DIRECTORY:
        raise zipfile.BadZipFile("it lists far too many entries")


def _chosen(
    archive: zipfile.ZipFile, wanted: Sequence[tuple[str, ...]], file: Path
) -> tuple[str, ...]:
    entries = [name.removesuffix(".npy") for name in archive.namelist()]
    for names in wanted:
        if set(entries).issuperset(names):
            twice = next((name for name in names if entries.count(name) > 1), None)
            if twice is not None:
                raise ValueError(f"{file}: holds {twice} twice; expected it once")
            return names
    present = printable(", ".join(sorted(set(entries))))[:200]
    expected = "arrays X and y" if PAIR in wanted else " and ".join(wanted[0])
    raise ValueError(
        f"{file}: holds {present or 'nothing'}; expected {expected}, or {', '.join(KERAS)}"
    )


class _Members:
    """Reads the arrays of an archive, up to so many bytes in all."""

    def __init__(self, archive: zipfile.ZipFile, file: Path, limit: int) -> None:
        self._archive, self._file = archive, file
        self._limit = self._left = limit

    def read(self, name: str, texts: bool) -> np.ndarray:
        """Return the array of a name, of numbers or of texts."""
        where = f"{self._file}: {name}"
        try:
            info = self._archive.getinfo(f"{name}.npy")
        except KeyError:
            raise ValueError(f"{where}: expected an array {name}.npy") from None
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{where}: unknown compression; expected a file of numpy.savez")
        with self._archive.open(info) as stream:
            shape, fortran, dtype = _read_header(stream, where)
            if dtype.kind not in ("fiubU" if texts else "fiub"):
                raise ValueError(f"{where}: dtype {dtype}; expected numbers")
            n_bytes = self._declared(shape, dtype, where)
            # One byte more than declared shows what is left over, and makes zipfile check its sum.
            data = read_at_most(stream, n_bytes + 1)
        if len(data) != n_bytes:
            raise ValueError(
                f"{where}: damaged; expected {n_bytes} bytes for {dtype} of shape {shape}"
            )
        return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")

    def _declared(self, shape: tuple[int, ...], dtype: np.dtype[Any], where: str) -> int:
        """Return the bytes that a header declares, if they are plausible."""
        n_bytes = math.prod(shape) * dtype.itemsize
        if min(shape, default=0) < 0 or n_bytes > MAX_UNPACKED:
            raise ValueError(f"{where}: shape {shape}; expected at most {MAX_UNPACKED} bytes")
        if n_bytes > self._left:
            raise ValueError(
                f"{where}: {dtype} of shape {shape}; expected at most {self._limit} bytes in all, "
                f"{_MOST_TIMES} times the file (numpy.savez without compression has no such limit)"
            )
        self._left -= n_bytes
        return n_bytes


def _read_header(stream: IO[bytes], where: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        version = np.lib.format.read_magic(stream)
        length = stream.read(2 if version == (1, 0) else 4)
        if int.from_bytes(length, "little") > _MOST_HEADER:
            raise ValueError("a header of more than 64 KiB")
        header = stream.read(int.from_bytes(length, "little"))
        return _HEADERS[version](io.BytesIO(length + header))
    except zipfile.BadZipFile:
        raise
    except Exception as error:  # damaged headers escape NumPy's parser in many ways
        raise ValueError(f"{where}: damaged header; expected an array of numbers") from error


def _pair(arrays: dict[str, np.ndarray], x_name: str, y_name: str, file: Path) -> Xy:
    X, y = arrays[x_name], arrays[y_name]
    if X.ndim and y.ndim:
        same_length(X, y, f"{file}: {x_name} and {y_name}")
    return feature_rows(X, f"{file}: {x_name}"), class_labels(y, f"{file}: {y_name}")
