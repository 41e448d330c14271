"""The book's algorithm in Python, an example at a time, through whatever a program replaced.

Each function does what the method of its name does in the book (Nielsen, chapters 1 and 3), in the
same order, and calls the network's own methods and the module's own functions on the way.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.book._program import Programmed


def feedforward(network: Programmed, a: Any) -> Any:
    """Return the outputs for ``a``."""
    sigmoid = network._book.names["sigmoid"]
    for b, w in zip(network.biases, network.weights, strict=False):
        a = sigmoid(np.dot(w, a) + b)
    return a


def backprop(network: Programmed, x: Any, y: Any) -> tuple[list[Any], list[Any]]:
    """Return the gradient of one example's cost."""
    names, weights, biases = network._book.names, network.weights, network.biases
    nabla_b = [np.zeros(b.shape) for b in biases]
    nabla_w = [np.zeros(w.shape) for w in weights]
    activations, zs = [x], []
    for b, w in zip(biases, weights, strict=False):
        zs.append(np.dot(w, activations[-1]) + b)
        activations.append(names["sigmoid"](zs[-1]))
    delta = network._output_delta(zs[-1], activations[-1], y)
    nabla_b[-1], nabla_w[-1] = delta, np.dot(delta, activations[-2].transpose())
    for l in range(2, network.num_layers):
        slope = names["sigmoid_prime"](zs[-l])
        delta = np.dot(weights[-l + 1].transpose(), delta) * slope
        nabla_b[-l], nabla_w[-l] = delta, np.dot(delta, activations[-l - 1].transpose())
    return nabla_b, nabla_w


def step(network: Programmed, mini_batch: list[Any], eta: float, lmbda: float, n: int) -> None:
    """Take a step by the mean of the gradients that ``network.backprop`` returns."""
    sum_b = [np.zeros(b.shape) for b in network.biases]
    sum_w = [np.zeros(w.shape) for w in network.weights]
    for x, y in mini_batch:
        nabla_b, nabla_w = network.backprop(x, y)
        sum_b = [total + nabla for total, nabla in zip(sum_b, nabla_b, strict=False)]
        sum_w = [total + nabla for total, nabla in zip(sum_w, nabla_w, strict=False)]
    rate, decay = eta / len(mini_batch), 1 - eta * (lmbda / n)
    network._move_to(
        [decay * w - rate * total for w, total in zip(network.weights, sum_w, strict=False)],
        [b - rate * total for b, total in zip(network.biases, sum_b, strict=False)],
    )


def count_right(network: Programmed, examples: list[Any], convert: bool) -> int:
    """Return for how many examples the network's class is the target's."""
    single = len(network.biases[-1]) == 1
    answers = network._answers(examples)
    return sum(
        int(_class(a, single) == _label(y, single, convert))
        for a, (_, y) in zip(answers, examples, strict=True)
    )


def _class(a: Any, single: bool) -> Any:
    return int(np.ravel(a)[0] > 0.5) if single else np.argmax(a)


def _label(y: Any, single: bool, convert: bool) -> Any:
    """Return the class that a target means, and what is none as it is."""
    if np.size(y) > 1 and (convert or isinstance(y, np.ndarray)):
        return np.argmax(y)
    label = y.item() if isinstance(y, np.ndarray) and y.size == 1 else y
    return int(label > 0.5) if single else label


def total_cost(network: Programmed, examples: list[Any], lmbda: float, convert: bool) -> Any:
    """Return the mean cost over the examples plus λ/2n Σw²."""
    n, cost = len(examples), 0.0
    for a, (_, y) in zip(network._answers(examples), examples, strict=True):
        cost += network._cost_of(a, y, convert) / n
    return cost + 0.5 * (lmbda / n) * sum(np.linalg.norm(w) ** 2 for w in network.weights)
