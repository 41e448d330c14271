"""What the book's networks do that ``fastnn.Network`` does not: habits a program may rely on.

- Training makes new weight arrays, so that a list read before it keeps the old numbers.
- ``SGD`` leaves the caller's list in the order of its last shuffle.
- A subclass may replace ``backprop``, ``update_mini_batch``, ``feedforward`` or
  ``cost_derivative``; whatever is replaced is then called as the book would call it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from fastnn.data import Rows
from fastnn.model import Model
from fastnn.network import Network
from fastnn.parameters import ParameterList
from fastnn.sources import Inputs, dense
from fastnn.training import Epoch


class DropIn(Network):
    """Base of the book's networks."""

    guards_divergence = False  # the book trains on, whatever becomes of the numbers

    _order: np.ndarray | None = None
    # What update_mini_batch takes after the mini-batch: set by SGD for the time of its run.
    _step_arguments: tuple[Any, ...] = ()

    def _replaced(self, name: str) -> bool:
        """Whether a subclass or the program put its own method in place of ``name``."""
        ours = next(vars(c)[name] for c in type(self).__mro__ if _is_ours(c) and name in vars(c))
        return name in vars(self) or getattr(type(self), name) is not ours

    def _detach(self) -> None:
        """Move to a fresh parameter vector: views of the old one keep their numbers."""
        self._parameters = self._parameters.copy()

    @property
    def weights(self) -> ParameterList:
        """The weights (n_out, n_in) of each layer."""
        return Model.weights.fget(self)  # type: ignore[attr-defined]

    @weights.setter
    def weights(self, values: Iterable[Any]) -> None:
        self._detach()
        Model.weights.fset(self, values)  # type: ignore[attr-defined]

    @property
    def biases(self) -> ParameterList:
        """The biases (n_out, 1) of each layer."""
        return Model.biases.fget(self)  # type: ignore[attr-defined]

    @biases.setter
    def biases(self, values: Iterable[Any]) -> None:
        self._detach()
        Model.biases.fset(self, values)  # type: ignore[attr-defined]

    @contextmanager
    def _book_run(self, training_data: Any, *step_arguments: Any) -> Iterator[None]:
        """Run the book's SGD in this block: fresh arrays before, the list's new order after."""
        self._detach()
        self._order, self._step_arguments = None, step_arguments
        try:
            yield
        finally:
            if self._order is not None and isinstance(training_data, list):
                training_data[:] = [training_data[i] for i in self._order]
            self._order, self._step_arguments = None, ()

    def _train_epoch(self, rows: Rows, order: np.ndarray, epoch: Epoch) -> float:
        self._order = order
        if not (self._replaced("update_mini_batch") or self._replaced("backprop")):
            return super()._train_epoch(rows, order, epoch)
        examples = list(zip(rows.inputs[:, :, np.newaxis], rows.Y[:, :, np.newaxis], strict=True))
        for start in range(0, len(order), epoch.batch_size):
            mini_batch = [examples[i] for i in order[start : start + epoch.batch_size]]
            self.update_mini_batch(mini_batch, *self._step_arguments)
        return float("nan")

    def _train_epochs(
        self, rows: Rows, order: np.ndarray, epoch: Epoch, record: np.ndarray
    ) -> bool:
        return False  # a program may look between two epochs, from a method that it replaced

    def _step_by_backprop(self, mini_batch: Any, eta: float, lmbda: float, n: int) -> None:
        """Take a step from the gradients that the program's own ``backprop`` returns."""
        pairs = list(mini_batch)
        sum_b: list[Any] = [0.0] * len(self.biases)
        sum_w: list[Any] = [0.0] * len(self.weights)
        for x, y in pairs:
            nabla_b, nabla_w = self.backprop(x, y)
            sum_b = [total + nabla for total, nabla in zip(sum_b, nabla_b, strict=True)]
            sum_w = [total + nabla for total, nabla in zip(sum_w, nabla_w, strict=True)]
        rate, decay = eta / len(pairs), 1 - eta * (lmbda / n)
        self.weights = [
            decay * w - rate * total for w, total in zip(self.weights, sum_w, strict=True)
        ]
        self.biases = [b - rate * total for b, total in zip(self.biases, sum_b, strict=True)]

    def _evaluation_outputs(self, X: Inputs) -> np.ndarray:
        if not self._replaced("feedforward"):
            return super()._evaluation_outputs(X)
        columns = dense(X, self.dtype)[:, :, np.newaxis]
        return np.stack([np.asarray(self.feedforward(x))[:, 0] for x in columns])


def _is_ours(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == __name__.partition(".")[0]
