"""The layers of a ``Network`` as a chain, the other way round than ``assemble``."""

from __future__ import annotations

import numpy as np

from fastnn._model.model import Model
from fastnn.convert._chain import Activation, Affine, Dense, Drop, Layer, Norm
from fastnn.normalization import BatchNorm

__all__ = ["layers_of"]


def layers_of(network: Model) -> list[Layer]:
    """Return what a network computes, layer by layer, with copies of its numbers.

    Parameters
    ----------
    network : Model
    """
    first = Affine("input_scale", np.float64(network.input_scale) * np.ones(()), np.zeros(()))
    chain: list[Layer] = [] if network.input_scale == 1 else [first]
    for l, (W, b) in enumerate(zip(network.weights, network.biases, strict=True)):
        chain.append(Dense(f"{l + 1}", W.copy(), b[:, 0].copy()))
        chain += _after_dense(network, l)
    return chain


def _after_dense(network: Model, l: int) -> list[Layer]:
    name = f"{l + 1}"
    if l == len(network.activation):
        return [Activation(name, network.output)]
    after: list[Layer] = []
    if network.normalization is not None:
        after.append(_norm(network, l))
    after.append(Activation(name, network.activation[l]))
    drop = network.dropout[l]
    if drop.inverted:
        after.append(Drop(name, drop.rate))
    elif drop.rate:
        after.append(Affine(f"{name} (dropout)", np.array(drop.predict_scale), np.zeros(())))
    return after


def _norm(network: Model, l: int) -> Norm:
    statistics: tuple[np.ndarray | None, ...] = (None, None)
    if isinstance(network.normalization, BatchNorm):
        statistics = network.running_means[l][:, 0], network.running_variances[l][:, 0]
    scales = network.gammas[l][:, 0], network.betas[l][:, 0]
    assert network.normalization is not None
    return Norm(f"{l + 1}", network.normalization, *scales, *statistics)
