"""The book's ``network.py`` (chapter 1), compiled: quadratic cost, sigmoid neurons, plain SGD."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from fastnn.activations import sigmoid, sigmoid_prime
from fastnn.book._drop_in import DropIn
from fastnn.costs import QuadraticCost
from fastnn.history import History


class Network(DropIn):
    """A network of sigmoid neurons with the quadratic cost.

    Parameters
    ----------
    sizes : list of int
        Neurons in each layer, the input layer first. Weights and biases are drawn from N(0, 1) by
        ``numpy.random``'s global state.

    Attributes
    ----------
    num_layers : int
    sizes : list of int
    weights, biases : lists of float64 arrays (n_out, n_in) and (n_out, 1)
    """

    def __init__(self, sizes: list[int]) -> None:
        super().__init__(sizes, QuadraticCost, initializer="large")
        if self._replaced("cost_derivative"):
            self.cost = _CostOf(self)

    def SGD(  # type: ignore[override]
        self,
        training_data: Any,
        epochs: int,
        mini_batch_size: int,
        eta: float,
        test_data: Any = None,
    ) -> None:
        """Train by mini-batch stochastic gradient descent, printing a line an epoch.

        Parameters
        ----------
        training_data : list of pairs (x, y) of columns
            Left in the order of the last epoch's shuffle by ``random``.
        epochs, mini_batch_size : int
        eta : float
            Learning rate.
        test_data : list of pairs (x, label), optional
            Its right answers are printed after each epoch.
        """
        test = self._optional_rows(test_data or None, "test_data")

        def report(network: Network, history: History) -> None:
            epoch = len(history) - 1
            if test is None:
                print(f"Epoch {epoch} complete")
            else:
                pairs = (test.X, test.Y)
                print(f"Epoch {epoch}: {self.evaluate(pairs)} / {len(test)}")

        with self._book_run(training_data, eta):
            super().SGD(training_data, epochs, mini_batch_size, eta, callbacks=[report])

    def update_mini_batch(self, mini_batch: Any, eta: float) -> None:  # type: ignore[override]
        """Take one step of gradient descent on the pairs in ``mini_batch``."""
        if self._replaced("backprop"):
            self._step_by_backprop(mini_batch, eta, 0.0, 1)
            return
        self._detach()
        super().update_mini_batch(mini_batch, eta)

    def cost_derivative(self, output_activations: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return ∂C/∂a = a − y for the output activations."""
        return output_activations - y


class _CostOf:
    """The cost of a network whose program replaced ``cost_derivative``."""

    def __init__(self, network: Network) -> None:
        self.network = network

    def fn(self, a: np.ndarray, y: np.ndarray) -> float:
        return QuadraticCost.fn(a, y)

    def delta(self, z: np.ndarray, a: np.ndarray, y: np.ndarray) -> np.ndarray:
        return self.network.cost_derivative(a, y) * sigmoid_prime(z)


__all__ = ["Network", "np", "random", "sigmoid", "sigmoid_prime"]
