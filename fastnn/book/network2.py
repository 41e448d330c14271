"""The book's ``network2.py`` (chapter 3), compiled: costs, L2, better weights, monitoring."""

from __future__ import annotations

# The book's module has these names too, and programs star-import it.
import json
import os
import random
import sys
from typing import Any

import numpy as np

from fastnn import storage
from fastnn._described import model_keywords
from fastnn._files import write_whole
from fastnn.activations import sigmoid, sigmoid_prime
from fastnn.book._drop_in import DropIn
from fastnn.book.mnist_loader import vectorized_result
from fastnn.checks import brief
from fastnn.costs import CrossEntropyCost, QuadraticCost
from fastnn.history import BookLists, History

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

MESSAGES = {
    "training_cost": "Cost on training data: {}",
    "training_accuracy": "Accuracy on training data: {} / {}",
    "evaluation_cost": "Cost on evaluation data: {}",
    "evaluation_accuracy": "Accuracy on evaluation data: {} / {}",
}


class Network(DropIn):
    """A network of sigmoid neurons with a cost to choose and L2 regularization.

    Parameters
    ----------
    sizes : list of int
        Neurons in each layer, the input layer first.
    cost : class or object, default CrossEntropyCost
        With ``fn(a, y)`` and ``delta(z, a, y)``.

    Attributes
    ----------
    num_layers : int
    sizes : list of int
    weights, biases : lists of float64 arrays (n_out, n_in) and (n_out, 1)
        Drawn by ``default_weight_initializer`` from ``numpy.random``'s global state.
    """

    def __init__(self, sizes: list[int], cost: Any = CrossEntropyCost) -> None:
        super().__init__(sizes, cost, output="sigmoid")

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
        ``random``.

        Returns
        -------
        evaluation_cost, evaluation_accuracy, training_cost, training_accuracy : lists
        """
        training = self._rows(training_data, "training_data")
        if isinstance(evaluation_data, (list, tuple)) and not evaluation_data:
            evaluation_data = None  # the book asks for its truth
        evaluation = self._optional_rows(evaluation_data, "evaluation_data")
        sizes = {"training": len(training), "evaluation": len(evaluation or ())}

        def report(network: Network, history: History) -> None:
            print(f"Epoch {len(history) - 1} training complete")
            for name, message in MESSAGES.items():
                if name in history.columns:
                    print(message.format(history[-1][name], sizes[name.partition("_")[0]]))
            print()

        with self._book_run(training_data, eta, lmbda, len(training)):
            return super().SGD(
                training,
                epochs,
                mini_batch_size,
                eta,
                lmbda,
                evaluation,
                monitor_evaluation_cost,
                monitor_evaluation_accuracy,
                monitor_training_cost,
                monitor_training_accuracy,
                early_stopping_n,
                callbacks=[report],
            )

    def update_mini_batch(self, mini_batch: Any, eta: float, lmbda: float, n: int) -> None:  # type: ignore[override]
        """Take one step of gradient descent on the pairs in ``mini_batch``.

        ``n`` is the size of the whole training set, which scales the regularization ``lmbda``.
        """
        if self._replaced("backprop"):
            self._step_by_backprop(mini_batch, eta, lmbda, n)
            return
        self._detach()
        super().update_mini_batch(mini_batch, eta, lmbda, n)

    def save(self, filename: str | os.PathLike[str]) -> None:
        """Save the network as JSON to ``filename``, whatever its ending."""
        write_whole(filename, storage.to_json(self))


def load(filename: str | os.PathLike[str]) -> Network:
    """Return the network in a file that ``save`` wrote, here or in the book's own module.

    The cost is looked up by its name in this module, as the book does.

    Raises
    ------
    ValueError
        If the file is not such a file, its parts do not go together, its neurons are not sigmoid,
        or it scales its inputs or, by classic dropout, its hidden units.
    """
    content = storage.read_json(filename)
    # The book draws a whole network first, too: a seeded program goes on with the same numbers.
    state = np.random.get_state()
    try:
        _check_book_like(content)
        net = Network(content["sizes"], cost=_cost_named(content["cost"]))
        net.weights = content["weights"]
        net.biases = content["biases"]
    except (TypeError, ValueError) as error:
        np.random.set_state(state)
        raise ValueError(f"{filename}: {error}") from None
    return net


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
    dropout = model_keywords({"dropout": content.get("dropout", [])})["dropout"]
    if any(each.predict_scale != 1 for each in dropout):
        raise ValueError(
            "expected hidden units as they are, got classic dropout; fastnn.load reads it"
        )
