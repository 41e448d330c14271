"""What the training asks of a network, whichever class it is of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np

from fastnn._common.rng import RandomSource
from fastnn._core.epoch_options import Epoch
from fastnn._core.plan import ParameterLayout
from fastnn._data.inputs import Inputs
from fastnn._data.rows import Rows
from fastnn._training.state import TrainingState
from fastnn.dropout import Dropout
from fastnn.normalization import Normalization

__all__ = ["Judged", "Trainable"]


class Judged(Protocol):
    """A network whose answers and cost are measured."""

    @property
    def weights(self) -> Iterable[np.ndarray]: ...
    def _evaluation_outputs(self, X: Inputs) -> np.ndarray: ...
    def _mean_cost(self, rows: Rows) -> float: ...


class Trainable(Judged, Protocol):
    """A network that ``train`` takes through its epochs."""

    training_state: TrainingState
    random_source: RandomSource
    guards_divergence: bool
    tells_of_divergence: bool
    _parameters: np.ndarray
    _layout: ParameterLayout
    _normalization: Normalization | None

    @property
    def dtype(self) -> np.dtype: ...
    @property
    def n_parameters(self) -> int: ...
    @property
    def dropout(self) -> Sequence[Dropout]: ...

    def check_batch_size(self, size: int) -> None: ...
    def dropout_seed(self) -> int: ...
    def meet_data(self, X: Inputs) -> None: ...
    def standing(self) -> tuple[np.ndarray, np.ndarray]: ...
    def stand_at(self, standing: tuple[np.ndarray, np.ndarray]) -> None: ...
    def snapshot(self) -> tuple[np.ndarray, ...]: ...
    def restore(self, snapshot: tuple[np.ndarray, ...]) -> None: ...
    def _run_epoch(self, rows: Rows, order: np.ndarray, epoch: Epoch) -> float: ...
    def _train_epoch(self, rows: Rows, order: np.ndarray, epoch: Epoch) -> float: ...
    def _train_epochs(
        self, rows: Rows, order: np.ndarray, epoch: Epoch, record: np.ndarray
    ) -> bool: ...
    def _gradient(self, rows: Rows) -> tuple[float, np.ndarray]: ...
