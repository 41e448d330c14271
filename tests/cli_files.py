"""Small files for the tests of the command line: points around three corners, three classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])


def points(n: int = 120, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return X (n, 2) float64 and y (n,) int64, classes 0 to 2 in turn."""
    y = np.arange(n) % len(CORNERS)
    return CORNERS[y] + 0.15 * np.random.default_rng(seed).standard_normal((n, 2)), y


def write_table(path: Path, X: np.ndarray, y: np.ndarray | None = None) -> Path:
    """Write a .csv file with a header, the classes last if there are any."""
    names = [f"x{i}" for i in range(X.shape[1])] + ["class"] * (y is not None)
    rows = [
        [repr(float(x)) for x in row] + ([] if y is None else [str(y[i])])
        for i, row in enumerate(X)
    ]
    path.write_text("\n".join(",".join(row) for row in [names, *rows]) + "\n")
    return path


def write_idx_folder(folder: Path, n_train: int = 60, n_test: int = 20) -> Path:
    """Write the four files of a small MNIST: in class k, row k of the image is bright."""
    folder.mkdir()
    for stem, n in (("train", n_train), ("t10k", n_test)):
        labels = (np.arange(n) % 10).astype(np.uint8)
        images = np.zeros((n, 28, 28), dtype=np.uint8)
        images[np.arange(n), labels] = 200
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            header = bytes([0, 0, 8, array.ndim])
            shape = np.array(array.shape, dtype=">u4").tobytes()
            (folder / f"{stem}-{name}-ubyte").write_bytes(header + shape + array.tobytes())
    return folder
