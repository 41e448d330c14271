"""The numbers of the page's pictures: answers, activations and gradients of a network."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn import diagnostics
from fastnn.network import Network
from fastnn.playground._data import Data, Plane
from fastnn.playground._run import plain

GRID = 56  # cells of the plane along each axis
_BINS = 24
_FEW_ROWS = 400  # that activations and gradients are shown of
_FEW_POINTS = 500
_ROOM = 0.12  # around the points, of their spread
_BOUNDED = {"sigmoid": (0.0, 1.0), "softmax": (0.0, 1.0), "tanh": (-1.0, 1.0)}


def answers(network: Network, data: Data) -> dict[str, Any]:
    """Return what the network says: all over the plane, or of the test rows."""
    if data.plane is not None:
        return {"kind": "plane", **_over_plane(network, data.plane)}
    X, y = data.test
    outputs = network.predict(X)
    if data.regression:
        return {
            "kind": "scatter",
            "truth": _numbers(y[:_FEW_POINTS]),
            "found": _numbers(outputs[:_FEW_POINTS, 0]),
        }
    counts = np.zeros((len(data.classes),) * 2, dtype=np.int64)
    np.add.at(counts, (y, outputs.argmax(axis=1)), 1)
    return {"kind": "confusion", "counts": counts.tolist()}


def extent(plane: Plane) -> list[list[float]]:
    """Return the least and the largest number that is drawn along each of the two axes."""
    points = np.concatenate([plane.train, plane.test])
    low, high = points.min(axis=0), points.max(axis=0)
    room = _ROOM * np.where(high > low, high - low, 1.0)
    return np.column_stack([low - room, high + room]).tolist()


def _over_plane(network: Network, plane: Plane) -> dict[str, Any]:
    """Return the class and the share of it in the outputs in each cell, the lowest row first."""
    (left, right), (bottom, top) = extent(plane)
    middles = (np.arange(GRID) + 0.5) / GRID
    across, up = left + middles * (right - left), bottom + middles * (top - bottom)
    cells = np.column_stack([np.tile(across, GRID), np.repeat(up, GRID)])
    outputs = network.predict(cells if plane.scaler is None else plane.scaler.transform(cells))
    total = np.maximum(outputs.sum(axis=1), np.finfo(outputs.dtype).tiny)
    share = np.round(100 * outputs.max(axis=1) / total).astype(int)
    return {"classes": outputs.argmax(axis=1).tolist(), "shares": share.tolist()}


def points(data: Data) -> dict[str, Any]:
    """Return what does not change in a training: points, names, and how many rows there are."""
    found: dict[str, Any] = {
        "classes": list(data.classes),
        "target": data.target,
        "rows": [len(data.train[0]), len(data.test[0])],
        "features": data.sizes[0],
    }
    if (plane := data.plane) is not None:
        found["names"], found["extent"], found["grid"] = list(plane.names), extent(plane), GRID
        for part, X, y in (
            ("train", plane.train, data.train[1]),
            ("test", plane.test, data.test[1]),
        ):
            found[part] = [*map(_numbers, X[:_FEW_POINTS].T), y[:_FEW_POINTS].tolist()]
    return found


def layers(network: Network, data: Data) -> list[dict[str, Any]]:
    """Return of each layer a histogram of its activations over some training rows."""
    X = data.train[0][:_FEW_ROWS]
    statistics = diagnostics.activation_statistics(network, X)
    return [
        {
            "activation": of_layer.activation,
            "units": of_layer.units,
            "mean": plain(of_layer.mean),
            "std": plain(of_layer.std),
            "saturated": plain(of_layer.saturated),
            "dead": plain(of_layer.dead),
            **_histogram(outputs, of_layer.activation),
        }
        for of_layer, outputs in zip(statistics, diagnostics.activations(network, X), strict=True)
    ]


def _histogram(outputs: np.ndarray, activation: str) -> dict[str, Any]:
    finite = outputs[np.isfinite(outputs)].astype(np.float64)
    low, high = _BOUNDED.get(activation, (finite.min(), finite.max()) if finite.size else (0, 1))
    if not low < high:
        low, high = low - 0.5, high + 0.5
    counts, _ = np.histogram(finite, bins=_BINS, range=(low, high))
    shares = counts / max(1, finite.size)
    return {"low": plain(low), "high": plain(high), "shares": _numbers(shares)}


def gradient_sizes(network: Network, data: Data) -> list[float | None]:
    """Return ‖∂C/∂W‖ of each layer over some training rows."""
    X, y = (rows[:_FEW_ROWS] for rows in data.train)
    return [plain(layer.weights) for layer in diagnostics.gradient_norms(network, X, y)]


def _numbers(values: np.ndarray) -> list[float | None]:
    return [plain(value) for value in values]
