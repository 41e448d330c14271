"""What the pictures draw: networks, by themselves or within something, and their answers."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn._data.rows import classes_of
from fastnn._model.model import Model


def network_of(model: Any, name: str) -> Model:
    """Return a network, that of a fitted estimator, or that of ``fastnn.dlfs``.

    Raises
    ------
    TypeError
        If ``model`` is nothing of these.
    """
    for found in (model, getattr(model, "network_", None), getattr(model, "network", None)):
        if isinstance(found, Model):
            return found
    raise TypeError(
        f"{name}: expected a Network, a fitted estimator or a network of fastnn.dlfs, "
        f"got {type(model).__name__}"
    )


def answers_of(model: Any, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities or outputs (n, n_out), and the classes that they are of.

    A single output stands for class 1 against class 0.
    """
    if hasattr(model, "predict_proba"):
        outputs = np.asarray(model.predict_proba(X))
        return outputs, np.asarray(model.classes_)
    outputs = network_of(model, "model").predict(X)
    return outputs, np.arange(max(2, outputs.shape[1]))


def labels_of(y: Any, n: int, classes: np.ndarray) -> np.ndarray:
    """Return at which place of ``classes`` each of ``n`` labels, or row of targets, is.

    Raises
    ------
    ValueError
        If there are not as many, or a label is no class.
    """
    given = np.asarray(y)
    if given.ndim == 2 and given.shape[1] > 1:
        given = classes[classes_of(given)] if given.shape[1] == len(classes) else given
    given = given.reshape(-1)
    if len(given) != n:
        raise ValueError(f"y: expected {n} labels, as X has rows, got {len(given)}")
    same = given[:, np.newaxis] == classes
    if not same.any(axis=1).all():
        bad = given[~same.any(axis=1)][0]
        raise ValueError(f"y: expected classes of the model, got {bad!r}")
    return same.argmax(axis=1)


def of_right_class(outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the answer of each row for its right class."""
    if outputs.shape[1] == 1:
        return np.where(labels == 1, outputs[:, 0], 1 - outputs[:, 0])
    return outputs[np.arange(len(labels)), labels]


def image_shape(shape: Any, n_in: int) -> tuple[int, int] | None:
    """Return the height and width of inputs as an image: ``shape``, or a square.

    Raises
    ------
    ValueError
        If ``shape`` is not two numbers whose product is ``n_in``.
    """
    if shape is None:
        side = round(n_in**0.5)
        return (side, side) if side * side == n_in and side > 1 else None
    if len(shape) != 2 or shape[0] * shape[1] != n_in:
        raise ValueError(f"shape: expected two numbers whose product is {n_in}, got {shape!r}")
    return int(shape[0]), int(shape[1])
