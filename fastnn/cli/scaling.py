"""Inputs and targets scaled for the training, and the network that takes them as they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastnn._model.folding import fold_inputs, fold_outputs, in_float64
from fastnn.datasets.checks import PIXEL_SCALE
from fastnn.datasets.split import Xy
from fastnn.network import Network
from fastnn.preprocessing import Standardizer

# A column so many times farther from 0 than it varies loses its last digits in the sum of weighted
# inputs; and so much may float32 be off for it.
_TOO_FAR, _TOLERANCE = 1e9, 1e-4
_CHUNK = 2**18
_LEAST_IMAGE = 64


@dataclass(frozen=True)
class Scaling:
    """What was done to the data before the training.

    Attributes
    ----------
    mean, scale : float64 arrays (n_in,)
        Of the inputs in the training rows.
    used : bool array (n_in,)
        Columns that are not constant there.
    target_mean, target_scale : float
        Of the targets; 0 and 1 for classes.
    """

    mean: np.ndarray
    scale: np.ndarray
    used: np.ndarray
    target_mean: float = 0.0
    target_scale: float = 1.0


def largest_of_pixels(X: np.ndarray) -> float | None:
    """Return 255 or 1 if features look like the pixels of images, which share one scale.

    At least 8 × 8 of them: whole numbers from 0 to 255 that come to more than 127, or numbers from
    0 to 1 that come to more than a half. Scaling each by itself would make much of what is noise at
    the edges: on MNIST two answers in a hundred fewer are right then.
    """
    if X.shape[1] < _LEAST_IMAGE or X.min() < 0:
        return None
    largest = float(X.max())
    if 0.5 < largest <= 1:
        return 1.0
    step = max(1, _CHUNK // X.shape[1])
    parts = (X[start : start + step] for start in range(0, len(X), step))
    whole = 127 < largest <= 255 and all(bool(np.all(part == np.floor(part))) for part in parts)
    return 255.0 if whole else None


def scaling_of_pixels(n_in: int) -> Scaling:
    """Return the scaling of bytes to the numbers from 0 to 1 that all readers of images give."""
    return Scaling(np.zeros(n_in), np.full(n_in, 1 / PIXEL_SCALE), np.ones(n_in, bool))


def scaling_of(X: np.ndarray, y: np.ndarray, names: tuple[str, ...] | None) -> Scaling:
    """Return the scaling of training rows; targets that are floats are scaled, too.

    Raises
    ------
    ValueError
        Naming the column, if one cannot be scaled.
    """
    used = X.min(axis=0) != X.max(axis=0)
    standardizer = Standardizer().fit(X)
    mean, scale = standardizer.mean, standardizer.scale
    assert mean is not None and scale is not None
    far = used & (np.abs(mean) > _TOO_FAR * scale)
    if far.any():
        i = int(far.argmax())
        name = repr(names[i]) if names is not None else str(i)
        raise ValueError(
            f"feature {name}: it varies by {scale[i]:.3g} around {mean[i]:.6g}, too little beside "
            "its size; expected numbers from which that is subtracted, or --no-standardize"
        )
    if y.dtype.kind != "f":
        return Scaling(mean, scale, used)
    target_scale = float(y.std())
    if not 0 < target_scale < np.inf:
        raise ValueError(f"target: all numbers in the training rows are {y[0]:g} or too large")
    return Scaling(mean, scale, used, float(y.mean()), target_scale)


def scale_rows(rows: Xy, scaling: Scaling, *, in_place: bool = False) -> Xy:
    """Return rows as the network is trained on them."""
    X, y = rows
    scaled = X if in_place and X.dtype == np.float64 else np.empty(X.shape)
    step = max(1, _CHUNK // X.shape[1])
    for start in range(0, len(X), step):
        part = slice(start, start + step)
        scaled[part] = (X[part] - scaling.mean) / scaling.scale
    if y.dtype.kind == "f":
        y = (y - scaling.target_mean) / scaling.target_scale
    return scaled, y


def unscaled(network: Network, scaling: Scaling, sample: np.ndarray) -> Network:
    """Return the network for inputs and targets as they are in the data.

    Parameters
    ----------
    network : Network
        Trained on scaled rows; changed in place.
    scaling : Scaling
    sample : array (m, n_in)
        Some training rows, as they are in the data.

    Returns
    -------
    Network
        The same one; or one in float64, if float32 cannot hold the numbers.
    """
    inputs, _ = scale_rows((sample, np.empty(0, np.int64)), scaling)
    expected = network.predict(inputs) * scaling.target_scale + scaling.target_mean
    twin = in_float64(network) if network.dtype == np.float32 else None
    try:
        _fold(network, scaling)
        off = np.abs(network.predict(sample) - expected).max() / scaling.target_scale
    except ValueError:  # a number too large for float32
        if twin is None:
            raise
        off = np.inf
    if twin is None or off <= _TOLERANCE:
        return network
    _fold(twin, scaling)
    return twin


def _fold(network: Network, scaling: Scaling) -> None:
    fold_inputs(network, scaling.mean, scaling.scale, scaling.used)
    if scaling.target_scale != 1 or scaling.target_mean != 0:
        fold_outputs(network, scaling.target_mean, scaling.target_scale)
