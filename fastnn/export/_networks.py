"""From a network to the description of what it computes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from fastnn._common.soundness import all_finite
from fastnn.dropout import Dropout
from fastnn.export._graph import Graph, Layer, Member, Norm, Preparation
from fastnn.normalization import BatchNorm, Normalization

__all__ = ["graph_of_network", "member_of", "untouched"]


class Exportable(Protocol):
    """What a network must have to be exported."""

    sizes: list[int]
    table: Any

    @property
    def activation(self) -> tuple[str, ...]: ...
    @property
    def output(self) -> str: ...
    @property
    def normalization(self) -> Normalization | None: ...
    @property
    def dropout(self) -> tuple[Dropout, ...]: ...
    @property
    def input_scale(self) -> float: ...
    @property
    def dtype(self) -> np.dtype: ...
    @property
    def weights(self) -> Sequence[np.ndarray]: ...
    @property
    def biases(self) -> Sequence[np.ndarray]: ...
    @property
    def gammas(self) -> Sequence[np.ndarray]: ...
    @property
    def betas(self) -> Sequence[np.ndarray]: ...
    @property
    def running_means(self) -> Sequence[np.ndarray]: ...
    @property
    def running_variances(self) -> Sequence[np.ndarray]: ...
    @property
    def training_summary(self) -> dict[str, Any]: ...


def graph_of_network(network: Exportable) -> Graph:
    """Return what a network computes, with copies of its numbers.

    Raises
    ------
    ValueError
        If one of them is not finite.
    """
    table = network.table
    return Graph(
        preparation=untouched(network.sizes[0]),
        members=(member_of(network),),
        kind="network",
        classes=() if table is None else tuple(table.classes),
        features=None if table is None else table.features,
        dtype=np.dtype(network.dtype),
        training=network.training_summary,
    )


def untouched(n_in: int) -> Preparation:
    """Return a preparation that leaves ``n_in`` columns as they are."""
    return Preparation(n_in, (), np.arange(n_in))


def member_of(network: Exportable) -> Member:
    """Return a network's layers, with copies of its numbers.

    Raises
    ------
    ValueError
        If one of them is not finite.
    """
    names = [*network.activation, network.output]
    dropouts = [*network.dropout, Dropout(0.0)]
    layers = [
        Layer(
            _copied(network.weights[l], f"weights[{l}]"),
            _copied(network.biases[l], f"biases[{l}]")[:, 0],
            name,
            _norm(network, l) if l < len(names) - 1 else None,
            dropout.rate,
            dropout.predict_scale,
        )
        for l, (name, dropout) in enumerate(zip(names, dropouts, strict=True))
    ]
    return Member(tuple(layers), float(network.input_scale))


def _norm(network: Exportable, l: int) -> Norm | None:
    norm = network.normalization
    if norm is None:
        return None
    gamma = _copied(network.gammas[l], f"gammas[{l}]")[:, 0]
    beta = _copied(network.betas[l], f"betas[{l}]")[:, 0]
    if not isinstance(norm, BatchNorm):
        return Norm("group", gamma, beta, norm.eps, norm.groups_of(len(gamma)))
    mean = _copied(network.running_means[l], f"running_means[{l}]")[:, 0]
    variance = _copied(network.running_variances[l], f"running_variances[{l}]")[:, 0]
    return Norm("batch", gamma, beta, norm.eps, 1, mean, variance)


def _copied(array: np.ndarray, name: str) -> np.ndarray:
    copy = np.array(array)
    if not all_finite(copy.reshape(-1)):
        raise ValueError(f"{name}: expected finite numbers to export, got some that are not")
    return copy
