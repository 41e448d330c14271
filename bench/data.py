"""The data a work trains on, as plain arrays."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.works import Work

BLOCK = 65_536  # rows of synthetic data drawn together
TEST_ROWS = 1_000
SIBLING = Path(__file__).resolve().parents[2] / "shared" / "data" / "mnist"


class DataNotFound(Exception):
    """The data set is not on this machine; the message says where it was looked for."""


@dataclass(frozen=True)
class Arrays:
    """Training and test rows of one data set.

    Attributes
    ----------
    X, X_test : ndarray of shape (n, n_in)
        Rows in the work's dtype, C-contiguous.
    labels, labels_test : ndarray of shape (n,)
        Class numbers from 0.
    """

    X: np.ndarray
    labels: np.ndarray
    X_test: np.ndarray
    labels_test: np.ndarray

    def astype(self, dtype: str) -> Arrays:
        """The same with the rows in another dtype."""
        X, X_test = self.X.astype(dtype), self.X_test.astype(dtype)
        return Arrays(X, self.labels, X_test, self.labels_test)

    def head(self, rows: int) -> Arrays:
        """The same with only the first `rows` training rows."""
        return Arrays(self.X[:rows], self.labels[:rows], self.X_test, self.labels_test)


def mnist_folder(given: str | None = None) -> Path:
    """The folder of MNIST's idx files: `given`, else FASTNN_MNIST, else a sibling checkout's.

    Raises
    ------
    DataNotFound
        If there is no such folder.
    """
    folder = Path(given or os.environ.get("FASTNN_MNIST") or SIBLING)
    if not folder.is_dir():
        raise DataNotFound(f"no MNIST folder at {folder} (set --mnist or FASTNN_MNIST)")
    return folder


def synthetic(rows: int, work: Work, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian rows in the work's dtype and, for labels, which of the first inputs is largest.

    They are drawn block by block: no second copy is ever in memory.
    """
    generator = np.random.default_rng(seed)
    n_in, n_out = work.sizes[0], work.sizes[-1]
    X, labels = np.empty((rows, n_in), work.dtype), np.empty(rows, np.intp)
    for start in range(0, rows, BLOCK):
        block = X[start : start + BLOCK]
        generator.standard_normal(out=block, dtype=block.dtype)
        label = block[:, 0] > 0 if n_out == 1 else block[:, :n_out].argmax(axis=1)
        labels[start : start + BLOCK] = label
    return X, labels


def load(work: Work, mnist: str | None = None) -> Arrays:
    """Read or make the data set of `work` in the work's dtype.

    Raises
    ------
    DataNotFound
        If MNIST is asked for and its folder is not there.
    """
    from fastnn import datasets

    if work.data == "synthetic":
        return Arrays(*synthetic(work.rows, work), *synthetic(TEST_ROWS, work, seed=1))
    if work.data == "circles":
        parts = [datasets.circles(seed=seed) for seed in (1, 2)]
    else:
        split = (
            datasets.load_mnist(mnist_folder(mnist))
            if work.data == "mnist"
            else datasets.load_digits()
        )
        parts = [split.train, split.test]
    rows = [np.ascontiguousarray(part[0], dtype=work.dtype) for part in parts]
    labels = [np.asarray(part[1], dtype=np.intp) for part in parts]
    return Arrays(rows[0], labels[0], rows[1], labels[1])
