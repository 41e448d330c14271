"""The book's mnist.pkl.gz: ((X, y), (X, y), (X, y)) as the pickle of Python 2's NumPy."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from fastnn._common.files import shown
from fastnn.datasets.array_pickle import PickledArray, read_array_pickle
from fastnn.datasets.checks import (
    PIXEL_SCALE,
    class_labels,
    feature_rows,
    pixel_dtype,
    regular_file,
    same_length,
)
from fastnn.datasets.compressed import BoundedReader, most_unpacked, open_unpacked
from fastnn.datasets.split import Split, Xy

_MAX_BYTES = 2**28  # the book's file unpacks to 220 MB,
_TIMES = 16  # 13 times its size
_PARTS = ("training", "validation", "test")


def load_mnist_pickle(path: str | os.PathLike[str], *, dtype: Any = "float32") -> Split:
    """Load the book's ``mnist.pkl.gz`` without trusting it.

    Parameters
    ----------
    path : path
        The pickle, compressed by gzip or not. Nothing that it names is called or imported: it is
        read by a reader that knows arrays of numbers and refuses everything else.
    dtype : "float32" (default, as the file), "float64" or "uint8"
        Type of X; for uint8 the pixels must be bytes/256.

    Returns
    -------
    Split
        X (n, 784) from 0 to 1, or bytes; y (n,) int64 from 0 to 9.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, unpacks to more than 256 MiB or 16 times its size (and 16 MiB),
        holds anything but arrays of numbers, or these are not three pairs of images and labels.
    """
    dtype = pixel_dtype(dtype)
    file = regular_file(path, "the book's mnist.pkl.gz")
    where = shown(file)
    with open_unpacked(file) as (stream, _):
        reader = BoundedReader(stream, _MAX_BYTES, most_unpacked(file, _TIMES))
        try:
            pairs = _three_pairs(read_array_pickle(reader))
            reader.read_to_end()
        except ValueError as error:
            raise ValueError(f"{where}: expected the book's arrays, but {error}") from error
    train, validation, test = (
        _check_pair(X, y, f"{where}: {name} part", dtype)
        for name, (X, y) in zip(_PARTS, pairs, strict=True)
    )
    return Split(train, validation, test)


def _three_pairs(content: Any) -> list[Xy]:
    if not _is_tuple(content, 3) or not all(_is_tuple(part, 2) for part in content):
        raise ValueError("it does not hold three pairs (images, labels)")
    if not all(isinstance(array, PickledArray) for part in content for array in part):
        raise ValueError("it holds something else where an array belongs")
    return [(images.to_numpy(), labels.to_numpy()) for images, labels in content]


def _is_tuple(value: object, length: int) -> bool:
    return isinstance(value, tuple) and len(value) == length


def _check_pair(X: np.ndarray, y: np.ndarray, where: str, dtype: np.dtype[Any]) -> Xy:
    if X.dtype.kind != "f" or X.ndim != 2 or X.shape[1] != 784:
        raise ValueError(
            f"{where}: images are {X.dtype} of shape {X.shape}; expected floating point (n, 784)"
        )
    if y.dtype.kind not in "iu" or y.ndim != 1:
        raise ValueError(f"{where}: labels are {y.dtype} of shape {y.shape}; expected integer (n,)")
    same_length(X, y, where)
    X = feature_rows(X, where)
    if X.min() < 0 or X.max() > 1:
        raise ValueError(f"{where}: pixels from {X.min()} to {X.max()}; expected 0 to 1")
    X = _as_bytes(X, where) if dtype == np.uint8 else X.astype(dtype, copy=False)
    return X, class_labels(y, where, classes=10)


def _as_bytes(X: np.ndarray, where: str) -> np.ndarray:
    """Return pixels byte/256 as the bytes."""
    pixels = np.minimum(np.round(X / PIXEL_SCALE), 255).astype(np.uint8)
    if not np.array_equal(pixels * X.dtype.type(PIXEL_SCALE), X):
        raise ValueError(f"{where}: pixels are not bytes/256, as dtype 'uint8' needs them")
    return pixels
