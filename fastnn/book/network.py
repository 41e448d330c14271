"""The book's ``network.py`` (chapter 1), compiled: quadratic cost, sigmoid neurons, plain SGD."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from fastnn import costs
from fastnn.activations import sigmoid
from fastnn.book._drop_in import DropIn, watched
from fastnn.costs import QuadraticCost


def sigmoid_prime(z: np.ndarray | float) -> np.ndarray | float:
    """Return the derivative σ(z) (1 − σ(z)), by the ``sigmoid`` that the module has.

    Parameters
    ----------
    z : float or array
        Any shape.
    """
    a = sigmoid(z)
    return a * (1 - a)


class Network(DropIn, names=globals()):
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

    cost = QuadraticCost

    def __init__(self, sizes: list[int]) -> None:
        super().__init__(sizes, QuadraticCost, initializer="large")

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
            Its right answers are printed after each epoch. An ``evaluate`` of the program's own
            gets this very list.
        """
        run = self._opened(training_data)
        run.step_arguments = (eta,)
        test = watched(test_data, self, "test_data")
        if test is not None and self._takes_rows("evaluate"):
            test.rows()

        def report(epoch: int) -> None:
            if test is None:
                print(f"Epoch {epoch} complete")
            else:
                data = test.rows() if self._takes_rows("evaluate") else test.given
                print(f"Epoch {epoch}: {self.evaluate(data)} / {len(test)}")

        self._sgd(run, epochs, mini_batch_size, eta, 0.0, report)

    def update_mini_batch(self, mini_batch: Any, eta: float) -> None:  # type: ignore[override]
        """Take one step of gradient descent on the pairs in ``mini_batch``.

        Parameters
        ----------
        mini_batch : list of pairs (x, y) of columns
        eta : float
            Learning rate.
        """
        self._take_step(mini_batch, eta, 0.0, 1)

    def cost_derivative(self, output_activations: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return ∂C/∂a = a − y for the output activations, a column (n_out, 1).

        One of your own gets an example at a time, and ``y`` as your data has it.

        Parameters
        ----------
        output_activations, y : arrays (n_out, 1)
            The outputs for one example, and what they should be.
        """
        return output_activations - y

    def _has_plain_delta(self) -> bool:
        return not self._replaced("cost_derivative")

    def _cost_kernel(self) -> int:
        return costs.kernel_id(QuadraticCost) if self._has_plain_delta() else costs.CUSTOM

    def _delta_name(self) -> str:
        return "cost_derivative"

    def _output_delta(self, z: Any, a: Any, y: Any) -> Any:
        return self.cost_derivative(a, y) * self._book.names["sigmoid_prime"](z)


__all__ = ["Network", "np", "random", "sigmoid", "sigmoid_prime"]
