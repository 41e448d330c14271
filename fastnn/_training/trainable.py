"""What the training asks of a network, whichever class it is of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from fastnn._common.rng import RandomSource
from fastnn._core.engine_base import Computed, Engine
from fastnn._data.inputs import Inputs
from fastnn._training.state import TrainingState
from fastnn.dropout import Dropout

__all__ = ["Judged", "Trainable"]


class Judged(Computed, Protocol):
    """A network whose answers and cost are measured."""

    @property
    def _engine(self) -> Engine: ...
    @property
    def weights(self) -> Sequence[np.ndarray]: ...


class Trainable(Judged, Protocol):
    """A network that ``train`` takes through its epochs."""

    training_state: TrainingState
    random_source: RandomSource
    guards_divergence: bool
    tells_of_divergence: bool

    @property
    def dtype(self) -> np.dtype: ...
    @property
    def n_parameters(self) -> int: ...
    @property
    def dropout(self) -> Sequence[Dropout]: ...

    def check_batch_size(self, size: int) -> None: ...
    @property
    def needs_dropout_seed(self) -> bool: ...
    def dropout_seed(self) -> int: ...
    def meet_data(self, X: Inputs) -> None: ...
    def standing(self) -> tuple[np.ndarray, np.ndarray]: ...
    def stand_at(self, standing: tuple[np.ndarray, np.ndarray]) -> None: ...
    def snapshot(self) -> tuple[np.ndarray, ...]: ...
    def restore(self, snapshot: tuple[np.ndarray, ...]) -> None: ...
    def trained_arrays(self) -> tuple[np.ndarray, ...]: ...
