"""A network's numbers before anything is learnt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np

from fastnn._common.checks import as_finite
from fastnn._common.rng import RandomSource
from fastnn._core.plan import ParameterLayout
from fastnn._training.state import TrainingState
from fastnn.initializers import LSUV, NAMES, Initializer, Zeros
from fastnn.normalization import BatchNorm, Normalization

__all__ = ["begin_normalization", "check_groups", "draw_first", "initialize"]


class Drawn(Protocol):
    """A network whose weights and biases are drawn."""

    sizes: list[int]
    weights: Any
    biases: Any
    random_source: RandomSource
    training_state: TrainingState
    _layout: ParameterLayout
    _parameters: np.ndarray

    @property
    def dtype(self) -> np.dtype: ...


def check_groups(norm: Normalization | None, sizes: Sequence[int]) -> Normalization | None:
    """Return ``norm`` if hidden layers of these sizes can be normalized by it.

    Raises
    ------
    ValueError
        If the neurons of a layer cannot be shared out to its groups.
    """
    if norm is not None:
        for n_out in sizes:
            norm.groups_of(n_out)
    return norm


def begin_normalization(
    norm: Normalization | None,
    gammas: Iterable[np.ndarray],
    means: Iterable[np.ndarray],
    variances: Iterable[np.ndarray],
) -> None:
    """Set the scales to 1 and batch norm's running statistics to where it says they begin."""
    for gamma in gammas:
        gamma[...] = 1
    if isinstance(norm, BatchNorm):
        for name, views in (("initial_mean", means), ("initial_variance", variances)):
            number = np.array(getattr(norm, name), dtype=np.float64)
            for view in views:
                view[...] = as_finite(number, view.dtype, f"normalization: {name}")


def initialize(network: Drawn, initializer: Initializer) -> None:
    """Draw weights and biases; LSUV's are scaled once there are data.

    Raises
    ------
    ValueError
        If the initializer's numbers are none in the network's dtype.
    """
    initializer.check(network.dtype)
    if type(initializer) is Zeros:  # without a second network to copy from
        for zeros in (*network.weights, *network.biases):
            zeros[...] = 0
        return
    network.weights, network.biases = initializer.draw(network.random_source, network.sizes)
    if isinstance(initializer, LSUV):
        network.training_state.initializer = initializer


def draw_first(network: Drawn, initializer: Initializer) -> None:
    """Do what ``initialize`` does for a new network and an initializer that passed there before."""
    if type(initializer) not in NAMES.values():  # a user's own may draw anything
        initialize(network, initializer)
        return
    layout, vector = network._layout, network._parameters
    weights, biases = initializer.draw(network.random_source, network.sizes)
    views = *layout.weights(vector), *layout.columns("biases", vector)
    for view, drawn in zip(views, (*weights, *biases), strict=True):
        view[...] = drawn
    if isinstance(initializer, LSUV):
        network.training_state.initializer = initializer
