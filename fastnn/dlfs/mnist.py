"""MNIST as the book's ``dataset.mnist`` gives it."""

from __future__ import annotations

import numpy as np

from fastnn.datasets.mnist import load_mnist as load_split

__all__ = ["load_mnist"]

Pair = tuple[np.ndarray, np.ndarray]


def load_mnist(
    normalize: bool = True, flatten: bool = True, one_hot_label: bool = False
) -> tuple[Pair, Pair]:
    """Return MNIST's 60,000 images for training and 10,000 for the test.

    Parameters
    ----------
    normalize : bool, default True
        Whether pixels are float32 from 0 to 1, or bytes.
    flatten : bool, default True
        Whether images are rows (n, 784), or (n, 1, 28, 28).
    one_hot_label : bool, default False
        Whether labels are rows (n, 10) of float64, 1 at the digit, or (n,) digits, as bytes.

    Returns
    -------
    (x_train, t_train), (x_test, t_test)

    Raises
    ------
    FileNotFoundError, ValueError, ImportError, OSError
        As ``fastnn.datasets.load_mnist``, which finds the files: in the folder that the environment
        variable FASTNN_MNIST names, or downloaded once.
    """
    (X, y), (X_more, y_more), test = load_split(dtype="uint8")
    train = np.concatenate([X, X_more]), np.concatenate([y, y_more])
    first, second = (
        (_images(images, normalize, flatten), _labels(labels, one_hot_label))
        for images, labels in (train, test)
    )
    return first, second


def _images(pixels: np.ndarray, normalize: bool, flatten: bool) -> np.ndarray:
    if normalize:
        pixels = pixels.astype(np.float32)
        pixels /= 255
    return pixels if flatten else pixels.reshape(-1, 1, 28, 28)


def _labels(digits: np.ndarray, one_hot: bool) -> np.ndarray:
    return np.eye(10)[digits] if one_hot else digits.astype(np.uint8)
