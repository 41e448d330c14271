"""MNIST from a folder of files, or downloaded into one."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

import numpy as np

from fastnn._common.extras import require
from fastnn._common.files import as_path, shown
from fastnn.datasets.checks import class_labels, pixel_dtype, pixel_rows, same_length
from fastnn.datasets.idx import read_idx
from fastnn.datasets.mnist_pickle import load_mnist_pickle
from fastnn.datasets.split import Split, Xy

# SHA-256 of the four .gz files as first published, which the mirrors serve unchanged.
_SHA256 = {
    "train-images-idx3-ubyte": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
)
_PICKLE = "mnist.pkl.gz"
_SIDE = 28


def load_mnist(folder: str | os.PathLike[str] | None = None, *, dtype: Any = "float32") -> Split:
    """Load MNIST as the book splits it: 50,000 / 10,000 / 10,000 images of 28 × 28 pixels.

    Parameters
    ----------
    folder : path, optional
        Folder that holds the four idx files (``train-images-idx3-ubyte``, also spelt
        ``train-images.idx3-ubyte``, with ``.gz`` or without, and so on) or the book's
        ``mnist.pkl.gz``. None: the folder that the environment variable FASTNN_MNIST names; else
        the user's cache folder, into which pooch downloads the files once, checking SHA-256 sums.
    dtype : "float32" (default), "float64" or "uint8"
        Type of X; the values are exact in both floats. Bytes take a quarter of the memory of
        float32, and mean the same to a network with ``input_scale=1/256``.

    Returns
    -------
    Split
        X (n, 784), pixels byte/256 as in the book's file, so from 0 to 0.99609375, or the bytes;
        y (n,) int64 from 0 to 9. The validation rows are the last sixth of the training file.
        Both kinds of file give the same arrays.

    Raises
    ------
    FileNotFoundError
        If the folder, or one of its files, is not there.
    ValueError
        If a file is damaged or does not hold 28 × 28 images or labels 0 to 9.
    ImportError
        If a download is needed and pooch is not installed.
    OSError
        If no mirror gave a file.
    """
    dtype = pixel_dtype(dtype)
    if folder is None:
        return _load_folder(*_default_folder(), dtype)
    folder = as_path(folder, "folder", "the name of a folder")
    return _load_folder(folder, f"folder={str(folder)!r}", dtype)


def _load_folder(folder: Path, named: str, dtype: np.dtype[Any]) -> Split:
    if not folder.is_dir():
        raise FileNotFoundError(f"{named}: no such folder; expected one with the MNIST files")
    files = {stem: file for stem in _SHA256 if (file := _find(folder, stem))}
    missing = [stem for stem in _SHA256 if stem not in files]
    if missing and (folder / _PICKLE).is_file():
        return load_mnist_pickle(folder / _PICKLE, dtype=dtype)
    if missing:
        raise FileNotFoundError(
            f"{named}: no {', '.join(missing)} (with .gz or without) in it; "
            f"expected the four idx files or {_PICKLE}"
        )
    train_images, train_labels, test_images, test_labels = files.values()
    X, y = _read_pair(train_images, train_labels, dtype)
    cut = len(X) - len(X) // 6
    test = _read_pair(test_images, test_labels, dtype)
    return Split((X[:cut], y[:cut]), (X[cut:], y[cut:]), test)


def _find(folder: Path, stem: str) -> Path | None:
    return next((folder / name for name in _spelt(stem) if (folder / name).is_file()), None)


def _spelt(stem: str) -> list[str]:
    return [spelt + end for spelt in (stem, stem.replace("-idx", ".idx")) for end in ("", ".gz")]


def mnist_files(folder: str | os.PathLike[str] | None = None) -> list[Path]:
    """Return the files that `load_mnist` would look for in a folder, be they there or not.

    None: the folder that FASTNN_MNIST names, if it names one.
    """
    named = os.environ.get("FASTNN_MNIST") if folder is None else folder
    names = [name for stem in _SHA256 for name in _spelt(stem)]
    return [Path(named) / name for name in [*names, _PICKLE]] if named else []


def mnist_is_here() -> bool:
    """Whether `load_mnist()` would find its files without a download."""
    named = os.environ.get("FASTNN_MNIST")
    if not named and importlib.util.find_spec("pooch") is None:
        return False
    folder = Path(named) if named else _cache_folder()
    return (folder / _PICKLE).is_file() or all(_find(folder, stem) for stem in _SHA256)


def _read_pair(images: Path, labels: Path, dtype: np.dtype[Any]) -> Xy:
    X, y = read_idx(images), read_idx(labels)
    if X.dtype != np.uint8 or X.shape[1:] != (_SIDE, _SIDE) or len(X) == 0:
        raise ValueError(
            f"{shown(images)}: {X.dtype} of shape {X.shape}; expected bytes (n, {_SIDE}, {_SIDE})"
        )
    if y.dtype != np.uint8 or y.ndim != 1:
        raise ValueError(f"{shown(labels)}: {y.dtype} of shape {y.shape}; expected bytes (n,)")
    same_length(X, y, f"{shown(images)} and {shown(labels)}")
    return pixel_rows(X, dtype), class_labels(y, shown(labels), classes=10)


def _default_folder() -> tuple[Path, str]:
    named = os.environ.get("FASTNN_MNIST")
    if named:
        return Path(named), f"FASTNN_MNIST={named!r}"
    pooch = require("pooch", extra="data")
    folder = _cache_folder()
    if not (folder / _PICKLE).is_file():
        for stem, digest in _SHA256.items():
            if _find(folder, stem) is None:
                _download(pooch, f"{stem}.gz", digest, folder)
    return folder, f"cache folder {str(folder)!r}"


def _cache_folder() -> Path:
    return Path(require("pooch", extra="data").os_cache("fastnn")) / "mnist"


def _download(pooch: Any, name: str, digest: str, folder: Path) -> None:
    """Fetch one file into `folder` from the first mirror that serves it unchanged."""
    failures = []
    for mirror in _MIRRORS:
        try:
            # pooch writes beside the target and renames once the sum is right.
            pooch.retrieve(mirror + name, f"sha256:{digest}", fname=name, path=folder)
            return
        except (OSError, ValueError) as error:  # no answer | another file
            failures.append(f"{mirror}: {error}")
    raise OSError(
        f"{name}: no mirror gave it ({'; '.join(failures)}); expected a working network, or "
        "FASTNN_MNIST to name a folder that holds the files"
    )
