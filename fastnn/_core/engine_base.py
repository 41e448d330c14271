"""What a network's arithmetic is asked for: three methods, and what follows from them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, Protocol

import numpy as np

from fastnn import costs
from fastnn._core.activation import activation_forward
from fastnn._core.epoch_options import Epoch
from fastnn._core.plan import LayerOptions, ParameterLayout
from fastnn._data.inputs import Inputs
from fastnn._data.rows import Rows
from fastnn.activations import KERNELS
from fastnn.dropout import Dropout
from fastnn.normalization import Normalization

__all__ = ["Computed", "Engine"]


class Computed(Protocol):
    """What an engine has to know of a network."""

    cost: Any
    _layout: ParameterLayout
    _parameters: np.ndarray
    _running: np.ndarray
    _dtype: np.dtype
    _input_scale: float
    _normalization: Normalization | None
    _dropout: tuple[Dropout, ...]
    _output: str

    @property
    def _cost_by_z(self) -> bool: ...
    def _options(self, dropout_factor: float = 1.0) -> list[LayerOptions]: ...


class Engine(ABC):
    """The arithmetic of networks; a subclass brings the three methods that are abstract."""

    # Whether ``predict`` takes inputs of which nobody knows yet whether they are finite.
    takes_unchecked = False

    @abstractmethod
    def epoch(self, net: Computed, rows: Rows, order: np.ndarray, epoch: Epoch) -> float:
        """Step through the rows in ``order`` once, counting; return the sum of their costs.

        Each row's cost is taken before the step of its mini-batch; NaN unless ``with_cost``.
        """

    @abstractmethod
    def predict(self, net: Computed, X: Inputs) -> np.ndarray:
        """Return the outputs (n, n_out) for checked inputs ``X`` (n, n_in)."""

    @abstractmethod
    def cost_and_gradient(self, net: Computed, rows: Rows) -> tuple[float, np.ndarray]:
        """Return the mean cost over ``rows`` and its gradient, laid out as the parameters."""

    def for_training(self) -> Engine:
        """Return the engine of one training, which may keep memory from epoch to epoch."""
        return self

    def epochs(
        self, net: Computed, rows: Rows, order: np.ndarray, epoch: Epoch, record: np.ndarray
    ) -> bool:
        """Run an epoch for each row of ``record`` (n_epochs, 2), if several can be run at once.

        A row is the cost and the seconds of an epoch, written when it is done. Returns whether
        they were run.
        """
        return False

    def predict_few(self, net: Computed, X: Any) -> np.ndarray | None:
        """Return the outputs for a few plain rows by a short way, or None for the usual one."""
        return None

    def gradient_of_example(self, net: Computed, x: Any, y: Any) -> np.ndarray | None:
        """Return the gradient of a plain example by a short way, or None for the usual one."""
        return None

    def evaluation_outputs(self, net: Computed, X: Inputs) -> np.ndarray:
        """Return the outputs by which accuracy and cost are judged: those it predicts."""
        return self.predict(net, X)

    def mean_cost(self, net: Computed, rows: Rows) -> float:
        """Return the mean of the rows' costs, for what is predicted of them."""
        n, weights = len(rows), rows.row_weights
        if net._cost_by_z:
            z = self.weighted_inputs(net, rows.X)
            outputs = z.copy()
            activation_forward(outputs, KERNELS[net._output])
            return costs.sum_by_z(net.cost, net._output, z, outputs, rows.Y, weights) / n
        outputs = self.evaluation_outputs(net, rows.X)
        total = costs.sum_over_rows(net.cost, outputs, rows.Y, weights)
        if not math.isinf(total):
            return total / n
        # Of costs that are the largest number the mean is one, as the book has it.
        shares = (weights if len(weights) else np.ones(n, net._dtype)) / n
        return costs.sum_over_rows(net.cost, outputs, rows.Y, shares.astype(net._dtype))

    def weighted_inputs(self, net: Computed, X: Inputs) -> np.ndarray:
        """Return the output layer's weighted inputs (n, n_out) for checked inputs ``X``."""
        raise NotImplementedError

    def hidden_outputs(self, net: Computed, X: np.ndarray, l: int) -> np.ndarray:
        """Return what the layer after hidden layer ``l`` takes for the rows ``X`` in training.

        Nothing is dropped: what would be is scaled to its expectation instead.
        """
        raise NotImplementedError
