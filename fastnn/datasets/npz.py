"""Arrays from .npz files, as rows X and labels y."""

from __future__ import annotations

import math
import os
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np

from fastnn.datasets.checks import class_labels, feature_rows, regular_file, same_length
from fastnn.datasets.compressed import MAX_UNPACKED, read_at_most
from fastnn.datasets.split import Split, Xy

_KERAS = ("x_train", "y_train", "x_test", "y_test")
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
        one would unpack to more than 2 GiB.
    """
    file = regular_file(path, "an .npz file")
    with file.open("rb") as raw:
        try:
            with zipfile.ZipFile(raw) as archive:
                arrays = _read_arrays(archive, file)
        except _DAMAGE as error:
            raise ValueError(f"{file}: expected a whole .npz file, but {error}") from error
    if "X" in arrays:
        return _pair(arrays, "X", "y", file)
    train, test = (_pair(arrays, f"x_{part}", f"y_{part}", file) for part in ("train", "test"))
    if train[0].shape[1] != test[0].shape[1]:
        raise ValueError(
            f"{file}: {train[0].shape[1]} features in x_train but {test[0].shape[1]} in x_test; "
            "expected as many"
        )
    return Split(train, (train[0][:0], train[1][:0]), test)


def _read_arrays(archive: zipfile.ZipFile, file: Path) -> dict[str, np.ndarray]:
    present = {name.removesuffix(".npy") for name in archive.namelist()}
    for wanted in (("X", "y"), _KERAS):
        if present.issuperset(wanted):
            return {name: _read_member(archive, name, f"{file}: {name}") for name in wanted}
    raise ValueError(
        f"{file}: holds {', '.join(sorted(present))[:200] or 'nothing'}; "
        f"expected arrays X and y, or {', '.join(_KERAS)}"
    )


def _read_member(archive: zipfile.ZipFile, name: str, where: str) -> np.ndarray:
    try:
        info = archive.getinfo(f"{name}.npy")
    except KeyError:
        raise ValueError(f"{where}: expected an array {name}.npy") from None
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{where}: unknown compression; expected a file of numpy.savez")
    with archive.open(info) as stream:
        shape, fortran, dtype = _read_header(stream, where)
        if dtype.kind not in "fiub":
            raise ValueError(f"{where}: dtype {dtype}; expected numbers")
        n_bytes = math.prod(shape) * dtype.itemsize
        if min(shape, default=0) < 0 or n_bytes > MAX_UNPACKED:
            raise ValueError(f"{where}: shape {shape}; expected at most {MAX_UNPACKED} bytes")
        # One byte more than declared shows what is left over, and makes zipfile check its sum.
        data = read_at_most(stream, n_bytes + 1)
    if len(data) != n_bytes:
        raise ValueError(f"{where}: damaged; expected {n_bytes} bytes for {dtype} of shape {shape}")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")


def _read_header(stream: IO[bytes], where: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        version = np.lib.format.read_magic(stream)
        return _HEADERS[version](stream)
    except zipfile.BadZipFile:
        raise
    except Exception as error:  # damaged headers escape NumPy's parser in many ways
        raise ValueError(f"{where}: damaged header; expected an array of numbers") from error


def _pair(arrays: dict[str, np.ndarray], x_name: str, y_name: str, file: Path) -> Xy:
    X, y = arrays[x_name], arrays[y_name]
    if X.ndim and y.ndim:
        same_length(X, y, f"{file}: {x_name} and {y_name}")
    return feature_rows(X, f"{file}: {x_name}"), class_labels(y, f"{file}: {y_name}")
