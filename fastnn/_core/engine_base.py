"""What a network's arithmetic is asked for: three methods, and what follows from them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, Protocol

import numpy as np

from fastnn import costs
from fastnn._core.activation import activation_forward
from fastnn._core.epoch_loop import EpochLoop
from fastnn._core.epoch_options import Epoch
from fastnn._core.judge import Judge
from fastnn._core.norm import running_forward
from fastnn._core.plan import LayerOptions, ParameterLayout
from fastnn._data.inputs import Inputs
from fastnn._data.rows import Rows
from fastnn.activations import KERNELS
from fastnn.dropout import Dropout
from fastnn.normalization import BatchNorm, Normalization

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

    def runs_loops(self, net: Computed, batch_size: int) -> bool:
        """Whether ``run_loop`` and ``judge`` take the network, in mini-batches of so many rows."""
        return False

    def run_loop(
        self, net: Computed, rows: Rows, order: np.ndarray, epoch: Epoch, loop: EpochLoop
    ) -> None:
        """Run several epochs, and what is to be done between them, without asking Python."""
        raise NotImplementedError

    def judge(self, net: Computed, rows: Rows, spread: float) -> Judge:
        """Return what measures the network on ``rows`` for ``run_loop``; see ``Judge``."""
        raise NotImplementedError

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
        return self.predict(_UpTo(net, len(net._layout.layers) - 1, net._running), X)

    def hidden_outputs(self, net: Computed, X: np.ndarray, l: int) -> np.ndarray:
        """Return what the layer after hidden layer ``l`` takes for the rows ``X`` in training.

        Nothing is dropped: what would be is scaled to its expectation instead.
        """
        running = net._running.copy()
        norm, layout = net._normalization, net._layout
        # Batch norm takes the statistics of these rows, which those of the layers below decide.
        first = 0 if isinstance(norm, BatchNorm) else l
        for k in range(first, l + 1):
            z = self.predict(_UpTo(net, k, running), X)
            for name, value in (("running_mean", z.mean(0)), ("running_variance", z.var(0))):
                for column in layout.columns(name, running)[k : k + 1]:
                    column[:, 0] = value
        if norm is not None:
            z = _normalized(net, l, z, running)
        chosen = net._options()[l]
        activation_forward(z, KERNELS[chosen.activation])
        return z * chosen.dropout.predict_scale


class _UpTo:
    """The layers of a network up to one of them, whose weighted inputs are the outputs."""

    cost = costs.QuadraticCost
    _output = "identity"
    _cost_by_z = False

    def __init__(self, net: Computed, l: int, running: np.ndarray) -> None:
        self._normalization, self._dtype = net._normalization, net._dtype
        self._layout = ParameterLayout(net._layout.sizes[: l + 2], net._normalization)
        self._parameters = net._parameters[: self._layout.n_parameters]
        self._running = running[: self._layout.n_running]
        self._input_scale, self._dropout = net._input_scale, net._dropout[:l]
        self._chosen = [*net._options()[:l], LayerOptions("identity")]

    def _options(self, dropout_factor: float = 1.0) -> list[LayerOptions]:
        return self._chosen


def _normalized(net: Computed, l: int, z: np.ndarray, running: np.ndarray) -> np.ndarray:
    """Return a hidden layer's rows ``z`` normalized; batch norm's statistics are in ``running``."""
    norm, layout = net._normalization, net._layout
    assert norm is not None
    gamma, beta = (layout.columns(part, net._parameters)[l][:, 0] for part in ("gamma", "beta"))
    if isinstance(norm, BatchNorm):
        parts = ("running_mean", "running_variance")
        mean, variance = (layout.columns(part, running)[l][:, 0] for part in parts)
        running_forward(z, mean, variance, gamma, beta, norm.eps)
        return z
    groups = norm.groups_of(z.shape[1])
    blocks = z.reshape(len(z), groups, -1)
    centred = blocks - blocks.mean(axis=2, keepdims=True)
    scaled = centred / np.sqrt(blocks.var(axis=2, keepdims=True) + norm.eps)
    return (gamma * scaled.reshape(z.shape) + beta).astype(z.dtype)
