"""The algorithm of the book's programs, written down once more for the tests to compare with.

Plain NumPy on lists, in the order in which the book draws its random numbers; it knows nothing
of fastnn.
"""

import random
from itertools import pairwise

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def cross_entropy(a, y):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sum(np.nan_to_num(-y * np.log(a) - (1 - y) * np.log(1 - a)))


def quadratic(a, y):
    return 0.5 * np.linalg.norm(a - y) ** 2


class BookNetwork:
    def __init__(self, sizes, cost="cross-entropy", large=False):
        self.cost = cost
        self.biases = [np.random.randn(n, 1) for n in sizes[1:]]
        self.weights = [
            np.random.randn(n_out, n_in) / (1 if large else np.sqrt(n_in))
            for n_in, n_out in pairwise(sizes)
        ]

    def outputs(self, x):
        activations = [x]
        for w, b in zip(self.weights, self.biases, strict=True):
            activations.append(sigmoid(w @ activations[-1] + b))
        return activations

    def gradient(self, x, y):
        activations = self.outputs(x)
        a = activations[-1]
        delta = a - y
        if self.cost == "quadratic":
            delta = delta * a * (1 - a)
        deltas = [delta]
        for w, a in zip(self.weights[:0:-1], activations[-2:0:-1], strict=True):
            deltas.insert(0, (w.T @ deltas[0]) * a * (1 - a))
        return deltas, [d @ a.T for d, a in zip(deltas, activations[:-1], strict=True)]

    def step(self, batch, eta, lmbda, n):
        gradients = [self.gradient(x, y) for x, y in batch]
        rate = eta / len(batch)
        for layer in range(len(self.weights)):
            by_bias = sum(g[0][layer] for g in gradients)
            by_weight = sum(g[1][layer] for g in gradients)
            self.weights[layer] = (1 - eta * lmbda / n) * self.weights[layer] - rate * by_weight
            self.biases[layer] = self.biases[layer] - rate * by_bias

    def train(self, data, epochs, batch_size, eta, lmbda=0.0, evaluation=None):
        """Return the book's four lists; ``data`` is shuffled in place."""
        lists = [], [], [], []
        for _ in range(epochs):
            random.shuffle(data)
            for k in range(0, len(data), batch_size):
                self.step(data[k : k + batch_size], eta, lmbda, len(data))
            if evaluation:
                vectors = [(x, np.eye(10)[y][:, np.newaxis]) for x, y in evaluation]
                lists[0].append(self.total_cost(vectors, lmbda))
                lists[1].append(self.right(evaluation))
                lists[2].append(self.total_cost(data, lmbda))
                lists[3].append(self.right([(x, np.argmax(y)) for x, y in data]))
        return lists

    def total_cost(self, data, lmbda):
        fn = {"quadratic": quadratic, "cross-entropy": cross_entropy}[self.cost]
        cost = sum(fn(self.outputs(x)[-1], y) for x, y in data) / len(data)
        return cost + 0.5 * lmbda / len(data) * sum(np.sum(w**2) for w in self.weights)

    def right(self, data):
        return sum(int(np.argmax(self.outputs(x)[-1]) == y) for x, y in data)
