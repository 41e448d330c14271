"""The book's `mnist_loader`: MNIST in the shapes that its networks take.

`load_data` gives arrays, `load_data_wrapper` the lists of pairs for ``Network.SGD``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fastnn._common.checks import MOST_NEURONS, check_whole
from fastnn.datasets.mnist import load_mnist
from fastnn.datasets.mnist_pickle import load_mnist_pickle
from fastnn.datasets.split import Split

# Where the book's programs, run from its src folder, keep the data.
_BOOK_FILE = Path("../data/mnist.pkl.gz")

Pairs = list[tuple[np.ndarray, np.ndarray]]
LabelledPairs = list[tuple[np.ndarray, np.int64]]


def load_data() -> Split:
    """Load MNIST as arrays.

    Returns
    -------
    (training_data, validation_data, test_data)
        Each a pair: images (n, 784) float32, pixels from 0 to 0.99609375, and labels (n,) int64
        from 0 to 9; n = 50,000, 10,000 and 10,000.

    Notes
    -----
    Reads ``../data/mnist.pkl.gz`` if it is there, as the book does. Else the data are those of
    `fastnn.datasets.load_mnist`: from the folder that FASTNN_MNIST names, or downloaded once.
    """
    if _BOOK_FILE.is_file():
        return load_mnist_pickle(_BOOK_FILE)
    return load_mnist()


def load_data_wrapper() -> tuple[Pairs, LabelledPairs, LabelledPairs]:
    """Load MNIST as lists of pairs (x, y).

    Returns
    -------
    training_data : list of 50,000 pairs
        x (784, 1) float32, y (10, 1) float64 with 1.0 at the digit.
    validation_data, test_data : lists of 10,000 pairs
        x (784, 1) float32, y the digit, an int64.

    Notes
    -----
    The x are views of the arrays of `load_data`, and the training y views of one array.
    """
    (X, y), validation, test = load_data()
    one_hot = np.zeros((len(y), 10, 1))
    one_hot[np.arange(len(y)), y] = 1.0
    return (
        list(zip(_columns(X), one_hot, strict=True)),
        list(zip(_columns(validation[0]), validation[1], strict=True)),
        list(zip(_columns(test[0]), test[1], strict=True)),
    )


def _columns(X: np.ndarray) -> np.ndarray:
    """Return the rows of X (n, n_in) as columns (n, n_in, 1), without copying."""
    return X[:, :, np.newaxis]


def vectorized_result(j: int, c: int = 10) -> np.ndarray:
    """Return the column (c, 1), float64, that is 1.0 at digit or class `j` and 0.0 elsewhere.

    Parameters
    ----------
    j : int
        From 0 to ``c`` − 1.
    c : int, default 10
        How many classes there are.
    """
    if type(j) is int and type(c) is int and 0 <= j < c:  # the usual call, in no time
        place = j
    else:
        c, place = check_whole(c, "c", 1, MOST_NEURONS), check_whole(j, "j", 0)
        if place >= c:
            raise IndexError(f"j: expected a class below {c}, got {place}")
    e = np.zeros((c, 1))
    e[place] = 1.0
    return e
