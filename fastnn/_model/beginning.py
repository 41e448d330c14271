"""A network's numbers before anything is learnt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np

from fastnn._common.checks import as_finite
from fastnn._common.rng import RandomSource
from fastnn._training.state import TrainingState
from fastnn.initializers import LSUV, NAMES, Initializer, Zeros
from fastnn.normalization import BatchNorm, Normalization

__all__ = ["begin_normalization", "check_groups", "initialize"]

# Initializers whose numbers fit, for they check their own; a user's may draw anything.
OURS = frozenset(NAMES.values())


class Drawn(Protocol):
    """A network whose weights and biases are drawn."""

    sizes: list[int]
    weights: Any
    biases: Any
    random_source: RandomSource
    training_state: TrainingState

    @property
    def dtype(self) -> np.dtype: ...
    def _take_drawn(self, weights: list[np.ndarray], biases: list[np.ndarray]) -> None: ...


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
    draw(network, initializer)


def draw(network: Drawn, initializer: Initializer) -> None:
    """Do the same with an initializer that is known to fit."""
    if type(initializer) is Zeros:  # without a second network to copy from
        for zeros in (*network.weights, *network.biases):
            zeros[...] = 0
        return
    drawn = initializer.draw(network.random_source, network.sizes)
    if type(initializer) in OURS:
        network._take_drawn(*drawn)
        network.training_state.initializer = None
    else:
        network.weights, network.biases = drawn
    if isinstance(initializer, LSUV):
        network.training_state.initializer = initializer
