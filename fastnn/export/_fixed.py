"""Layers in fixed point: integers, and how many of their bits are behind the point.

Weights are int16 or int8, what goes from layer to layer int16, and each array has one power of two
as its unit: x ≈ q / 2^bits. Sums are exact. All but the last layer's activation is integers: ReLU
as it is, others from a table of 257 numbers with straight lines between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fastnn.export._folded import Folded

__all__ = ["KINDS", "FixedLayer", "FixedMember", "fixed_member", "outputs_of_fixed"]

MOST = {"int16": 2**15 - 1, "int8": 2**7 - 1}
KINDS = tuple(MOST)
TABLE = 257


@dataclass(frozen=True)
class FixedLayer:
    """A layer in integers.

    Attributes
    ----------
    weights : int64 array (n_out, n_in)
    bias : int64 array (n_out,)
        In the unit of the sums.
    sum_bits : int
        Of the sums, weights' and inputs' together.
    z_bits : int
        Of weighted inputs, of all layers but the last.
    table : int64 array (257,) or None
        The activation of the weighted inputs −32768, −32512, ..., 32768; None: it is ReLU or the
        identity, or the layer is the last.
    activation : str
    """

    weights: np.ndarray
    bias: np.ndarray
    sum_bits: int
    z_bits: int
    table: np.ndarray | None
    activation: str

    @property
    def largest_sum(self) -> float:
        """What no sum exceeds."""
        return float((np.abs(self.weights).sum(axis=1) * 2.0**15 + np.abs(self.bias)).max())


@dataclass(frozen=True)
class FixedMember:
    """A network in integers.

    Attributes
    ----------
    input_bits : int
        Of its inputs.
    layers : list of FixedLayer
    """

    input_bits: int
    layers: list[FixedLayer]


def fixed_member(
    layers: list[Folded], X: np.ndarray, kind: str, functions: dict[str, Callable[..., np.ndarray]]
) -> FixedMember:
    """Return a network in fixed point, with units by what sample rows bring about.

    Parameters
    ----------
    layers : list of Folded
    X : float64 array (n, n_in)
        The rows, as they go into the first layer.
    kind : {"int16", "int8"}
        Of the weights.
    functions : mapping of str to function
        The activations.

    Raises
    ------
    TypeError
        If a layer is normalized row by row.
    ValueError
        If sums do not fit 63 bits.
    """
    h, bits = X, _bits(X, MOST["int16"])
    input_bits, found = bits, []
    for layer in layers:
        if layer.norm is not None:
            raise TypeError("model: cannot export layer or group norm in fixed point")
        z = h @ layer.weights.T + layer.bias
        h = functions[layer.activation](z)
        fixed, bits = _layer(layer, z, bits, kind, functions, last=layer is layers[-1])
        if fixed.largest_sum >= 2.0**62:
            raise ValueError("model: the numbers of a layer differ too much for fixed point")
        found.append(fixed)
    return FixedMember(input_bits, found)


def _layer(
    layer: Folded, z: np.ndarray, input_bits: int, kind: str,
    functions: dict[str, Callable[..., np.ndarray]], last: bool,
) -> tuple[FixedLayer, int]:  # fmt: skip
    """Return a layer, and how many bits of its outputs are behind the point."""
    weight_bits = _bits(layer.weights, MOST[kind])
    sum_bits = weight_bits + input_bits
    weights = _rounded(layer.weights, weight_bits)
    bias = _rounded(layer.bias, sum_bits)
    z_bits = min(_bits(z, MOST["int16"]), sum_bits)
    if last or layer.activation in ("relu", "identity"):
        return FixedLayer(weights, bias, sum_bits, z_bits, None, layer.activation), z_bits
    points = np.linspace(-(2.0**15), 2.0**15, TABLE) / 2.0**z_bits
    values = functions[layer.activation](points)
    bits = _bits(values, MOST["int16"])
    table = _rounded(values, bits)
    return FixedLayer(weights, bias, sum_bits, z_bits, table, layer.activation), bits


def _bits(values: np.ndarray, most: int) -> int:
    """Return the largest number of bits behind the point with which all values are integers."""
    largest = float(np.abs(values).max())
    return int(np.floor(np.log2(most / largest))) if largest > 0 else 14


def _rounded(values: np.ndarray, bits: int) -> np.ndarray:
    scaled = np.floor(values * 2.0**bits + 0.5)
    if np.abs(scaled).max(initial=0.0) >= 2.0**62:
        raise ValueError("model: the numbers of a layer differ too much for fixed point")
    return scaled.astype(np.int64)


def outputs_of_fixed(
    member: FixedMember, X: np.ndarray, functions: dict[str, Callable[..., np.ndarray]]
) -> np.ndarray:
    """Return the outputs (n, n_out) for inputs (n, n_in), as the C computes them.

    Parameters
    ----------
    member : FixedMember
    X : float64 array (n, n_in)
    functions : mapping of str to function
        The activations, of which the last layer's is computed in float64.
    """
    h = _saturated(np.floor(X * 2.0**member.input_bits + 0.5)).astype(np.int64)
    for layer in member.layers:
        sums = h @ layer.weights.T + layer.bias
        if layer is member.layers[-1]:
            return functions[layer.activation](sums / 2.0**layer.sum_bits)
        z = _saturated(_shifted(sums, layer.sum_bits - layer.z_bits))
        h = z if layer.activation == "identity" else np.maximum(z, 0)
        if layer.table is not None:
            place, rest = (z + 2**15) >> 8, (z + 2**15) & 255
            low, high = layer.table[place], layer.table[place + 1]
            h = low + _shifted((high - low) * rest, 8)
    raise ValueError("member: no layers")


def _saturated(values: np.ndarray) -> np.ndarray:
    return np.clip(values, -(2**15), 2**15 - 1)


def _shifted(values: np.ndarray, bits: int) -> np.ndarray:
    """Return values / 2^bits, rounded, halves away from 0."""
    half = (1 << bits) >> 1
    return np.sign(values) * ((np.abs(values) + half) >> bits)
