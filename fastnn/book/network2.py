"""The book's ``network2.py`` (chapter 3), compiled: costs, L2, better weights, monitoring."""

from __future__ import annotations

# The book's module has these names too, and programs star-import it.
import json
import os
import random
import sys
from typing import Any

import numpy as np

from fastnn._common.checks import brief
from fastnn._common.files import shown, write_whole
from fastnn._model import storage
from fastnn._model.described import dropout_from
from fastnn.activations import sigmoid
from fastnn.book._drop_in import DropIn, watched
from fastnn.book._examples import Watched
from fastnn.book._monitors import Monitors
from fastnn.book._replaced import QUADRATIC_DELTA
from fastnn.book.mnist_loader import vectorized_result
from fastnn.costs import CrossEntropyCost, QuadraticCost
from fastnn.history import BookLists

__all__ = [
    "CrossEntropyCost",
    "Network",
    "QuadraticCost",
    "json",
    "load",
    "np",
    "random",
    "sigmoid",
    "sigmoid_prime",
    "sys",
    "vectorized_result",
]


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
    """A network of sigmoid neurons with a cost to choose and L2 regularization.

    Parameters
    ----------
    sizes : list of int
        Neurons in each layer, the input layer first.
    cost : class or object, default CrossEntropyCost
        With ``fn(a, y)`` and ``delta(z, a, y)``, of which only what is called is needed. One of
        your own gets an example at a time, columns (n_out, 1), and ``y`` as your data has it.

    Attributes
    ----------
    num_layers : int
    sizes : list of int
    weights, biases : lists of float64 arrays (n_out, n_in) and (n_out, 1)
        Drawn by ``default_weight_initializer`` from ``numpy.random``'s global state. May be set,
        all four of them, by an ``__init__`` of your own.
    """

    def __init__(self, sizes: list[int], cost: Any = CrossEntropyCost) -> None:
        super().__init__(sizes, cost)

    def SGD(  # type: ignore[override]
        self,
        training_data: Any,
        epochs: int,
        mini_batch_size: int,
        eta: float,
        lmbda: float = 0.0,
        evaluation_data: Any = None,
        monitor_evaluation_cost: bool = False,
        monitor_evaluation_accuracy: bool = False,
        monitor_training_cost: bool = False,
        monitor_training_accuracy: bool = False,
        early_stopping_n: int = 0,
    ) -> BookLists:
        """Train as ``fastnn.Network.SGD`` does, printing what is monitored after each epoch.

        A list given as ``training_data`` is left in the order of the last epoch's shuffle by
        ``random``. ``accuracy`` and ``total_cost`` of the program's own are called as in the book,
        with its own lists.

        Parameters
        ----------
        training_data : list of pairs (x, y) of columns
        epochs, mini_batch_size : int
        eta : float
            Learning rate.
        lmbda : float, default 0
            Strength of L2 regularization.
        evaluation_data : list of pairs (x, y), optional
            Labels or columns; what the two ``monitor_evaluation`` look at.
        monitor_evaluation_cost, monitor_evaluation_accuracy : bool, default False
        monitor_training_cost, monitor_training_accuracy : bool, default False
            Whether to record and print each after every epoch.
        early_stopping_n : int, default 0
            Training stops after so many epochs without a better evaluation accuracy; 0: never.

        Returns
        -------
        evaluation_cost, evaluation_accuracy, training_cost, training_accuracy : lists
        """
        if not (self._has_plain_delta() or self._replaced("backprop", "update_mini_batch")):
            _check_part(self.cost, "delta")
        run = self._opened(training_data)
        training = Watched(run.listed or training_data, self, "training_data", run.rows)
        run.step_arguments = (eta, lmbda, len(training))
        wanted = {
            "monitor_evaluation_cost": monitor_evaluation_cost,
            "monitor_evaluation_accuracy": monitor_evaluation_accuracy,
            "monitor_training_cost": monitor_training_cost,
            "monitor_training_accuracy": monitor_training_accuracy,
        }
        evaluation = watched(evaluation_data, self, "evaluation_data")
        monitors = Monitors(self, training, evaluation, lmbda, wanted, early_stopping_n)
        self._sgd(run, epochs, mini_batch_size, eta, lmbda, monitors)
        return monitors.book_lists()

    def update_mini_batch(self, mini_batch: Any, eta: float, lmbda: float, n: int) -> None:  # type: ignore[override]
        """Take one step of gradient descent on the pairs in ``mini_batch``.

        Parameters
        ----------
        mini_batch : list of pairs (x, y) of columns
        eta, lmbda : float
            Learning rate, and strength of L2 regularization.
        n : int
            Examples in the training set.
        """
        self._take_step(mini_batch, eta, lmbda, n)

    def _output_delta(self, z: Any, a: Any, y: Any) -> Any:
        delta = self.cost.delta
        if delta is QUADRATIC_DELTA:  # which in the book takes the module's own slope
            return (a - y) * self._book.names["sigmoid_prime"](z)
        return delta(z, a, y)

    def save(self, filename: str | os.PathLike[str]) -> None:
        """Save the network as JSON to ``filename``, whatever its ending.

        Parameters
        ----------
        filename : str or path
            Where to write it.
        """
        write_whole(filename, storage.to_json(self._plain_network()))


def load(filename: str | os.PathLike[str]) -> Network:
    """Return the network in a file that ``save`` wrote, here or in the book's own module.

    The cost is looked up by its name in this module, as the book does.

    Parameters
    ----------
    filename : str or path
        Of the saved network.

    Raises
    ------
    ValueError
        If the file is not such a file, its parts do not go together, its neurons are not sigmoid,
        or it scales its inputs or, by classic dropout, its hidden units.
    """
    content, document = storage.read_book_file(filename)
    # The book draws a whole network first, too: a seeded program goes on with the same numbers.
    state = np.random.get_state()
    try:
        _check_book_like(content)
        net = Network(content["sizes"], cost=_cost_named(content["cost"]))
        document.fill("weights", net.weights)
        document.fill("biases", net.biases)
    except (TypeError, ValueError) as error:
        np.random.set_state(state)
        raise ValueError(f"{shown(filename)}: {error}") from None
    return net


def _check_part(cost: Any, method: str) -> None:
    """Raise unless a cost has what will be called of it."""
    if not callable(getattr(cost, method, None)):
        raise TypeError(f"cost: expected a class or an object with {method}, got {brief(cost)}")


def _cost_named(name: str) -> Any:
    cost = getattr(sys.modules[__name__], name, None)
    if cost is None:
        raise ValueError(f"this module has no cost {brief(name)}")
    return cost


def _check_book_like(content: dict[str, Any]) -> None:
    """Raise if a network of the book's, with these weights, would not answer as the saved one."""
    sigmoids = ["sigmoid"] * (len(content["sizes"]) - 2)
    if (
        content.get("activation", sigmoids) != sigmoids
        or content.get("output", "sigmoid") != "sigmoid"
        or content.get("normalization") is not None
    ):
        raise ValueError("expected sigmoid neurons; fastnn.load reads other networks")
    scale = content.get("input_scale", 1)
    if scale != 1:
        raise ValueError(
            f"expected inputs as they are, got input_scale {brief(scale)}; fastnn.load reads it"
        )
    dropout = dropout_from(content.get("dropout", []))
    if any(each.predict_scale != 1 for each in dropout):
        raise ValueError(
            "expected hidden units as they are, got classic dropout; fastnn.load reads it"
        )
