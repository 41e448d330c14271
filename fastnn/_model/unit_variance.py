"""Weights divided layer by layer, so that all weighted inputs have variance 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from fastnn._core.engine_base import Computed, Engine

__all__ = ["evenly_spread", "scale_weights"]


class Scalable(Computed, Protocol):
    """A network whose weights can be scaled, and put back."""

    @property
    def _engine(self) -> Engine: ...
    @property
    def weights(self) -> Sequence[Any]: ...
    def snapshot(self) -> tuple[np.ndarray, ...]: ...
    def restore(self, snapshot: tuple[np.ndarray, ...]) -> None: ...


def evenly_spread(n: int, count: int) -> np.ndarray:
    """Return the numbers of at most ``count`` of ``n`` rows, from all over: they may be sorted."""
    return np.linspace(0, n - 1, min(count, n)).astype(np.intp)


def scale_weights(network: Scalable, X: np.ndarray) -> list[float]:
    """Divide each layer's weights by the standard deviation of Wx over all rows and units.

    The first layer first, so that each sees what the layers below put out by then. Biases should
    be zero.

    Returns
    -------
    list of float
        The divisors.

    Raises
    ------
    ValueError
        If a layer's weighted inputs are all the same, or differ by so little that weights would
        be infinite; the network is then as before.
    """
    before = network.snapshot()
    try:
        return [_scale_layer(network, l, X) for l in range(len(network._layout.layers))]
    except BaseException:
        network.restore(before)
        raise


def _scale_layer(network: Scalable, l: int, X: np.ndarray) -> float:
    below = X if l == 0 else network._engine.hidden_outputs(network, X, l - 1)
    z = below.astype(np.float64) @ network.weights[l].T.astype(np.float64)
    scale = float(z.std())
    # What rounding leaves of equal numbers is no spread either.
    if not scale > 1e-6 * float(np.abs(z).max()):
        raise ValueError(
            f"X: expected rows for which the weighted inputs of layer {l + 2} differ, "
            f"got a standard deviation of {scale:g}"
        )
    weights = network.weights[l]
    with np.errstate(all="ignore"):
        scaled = weights / scale
    if not np.isfinite(scaled).all():
        raise ValueError(
            f"X: expected rows for which weights can be divided by the standard deviation of the "
            f"weighted inputs of layer {l + 2}, got {scale:g}"
        )
    weights[...] = scaled
    return scale
