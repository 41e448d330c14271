"""NumPy as an expert writes it: whole mini-batches, every buffer made once, all in place."""

from __future__ import annotations

import numpy as np

from bench.contenders.base import Contender, Parameters, Problem, RowOrder
from bench.works import Work


def sigmoid(z: np.ndarray) -> None:
    """In place 1 / (1 + exp(−z)); an exp that overflows gives the right 0."""
    np.negative(z, out=z)
    np.exp(z, out=z)
    z += 1
    np.reciprocal(z, out=z)


def relu(z: np.ndarray) -> None:
    """In place max(z, 0)."""
    np.maximum(z, 0, out=z)


def softmax(z: np.ndarray) -> None:
    """In place softmax of each row."""
    z -= z.max(axis=1, keepdims=True)
    np.exp(z, out=z)
    z /= z.sum(axis=1, keepdims=True)


def sigmoid_backward(delta: np.ndarray, a: np.ndarray, scratch: np.ndarray) -> None:
    """delta ← delta · a (1 − a)."""
    delta *= a
    delta *= np.subtract(1, a, out=scratch)


def relu_backward(delta: np.ndarray, a: np.ndarray, scratch: np.ndarray) -> None:
    """delta ← delta where a > 0, else 0."""
    delta *= np.greater(a, 0, out=scratch)


ACTIVATIONS = {"sigmoid": (sigmoid, sigmoid_backward), "relu": (relu, relu_backward)}


class _Buffers:
    """Arrays for one size of mini-batch."""

    def __init__(self, sizes: tuple[int, ...], rows: int, dtype: str) -> None:
        self.a = [np.empty((rows, size), dtype) for size in sizes]
        self.delta = [np.empty((rows, size), dtype) for size in sizes]
        self.scratch = [np.empty((rows, size), dtype) for size in sizes]
        self.y = np.empty((rows, sizes[-1]), dtype)


class NumpyByHand(Contender):
    """Matrices of a whole mini-batch.

    The step η/m multiplies the small output delta, not the weight gradients: the deltas
    behind it are linear in it, and one pass over the largest array is saved.
    """

    name = "numpy"
    label = "NumPy by hand"
    distribution = "numpy"
    module = "numpy"

    def refuses(self, work: Work, n: int) -> str | None:
        return "batch norm is left to the frameworks" if work.batch_norm or work.dropout else None

    def setup(self, problem: Problem) -> None:
        work = problem.work
        self._problem, self._order = problem, RowOrder(problem)
        self._activate, self._backward = ACTIVATIONS[work.activation]
        self._output = softmax if work.cost == "log_likelihood" else sigmoid
        self._weights = [w.copy() for w in problem.weights]
        self._biases = [b.copy() for b in problem.biases]
        self._dw = [np.empty_like(w) for w in self._weights]
        self._db = [np.empty_like(b) for b in self._biases]
        n = len(problem.X)
        self._buffers = {
            rows: _Buffers(work.sizes, rows, work.dtype)
            for rows in {min(work.batch, n), n % work.batch} - {0}
        }
        if problem.whole:
            self._buffers[n].a[0], self._buffers[n].y = problem.X, problem.Y

    def train(self) -> None:
        work, whole = self._problem.work, self._problem.whole
        with np.errstate(over="ignore"):
            for _ in range(work.epochs):
                order = self._order.next()
                for start in range(0, len(order), work.batch):
                    rows = order[start : start + work.batch]
                    self._step(rows, self._buffers[len(rows)], gather=not whole)

    def predict(self, X: np.ndarray) -> np.ndarray:
        last = len(self._weights)
        with np.errstate(over="ignore"):
            a = X
            for layer, (w, b) in enumerate(zip(self._weights, self._biases, strict=True), start=1):
                a = a @ w.T
                a += b
                (self._output if layer == last else self._activate)(a)
        return a

    def _step(self, rows: np.ndarray, buf: _Buffers, gather: bool) -> None:
        if gather:
            # mode="clip" lets take write straight into out; the rows are known to be in range.
            self._problem.X.take(rows, axis=0, out=buf.a[0], mode="clip")
            self._problem.Y.take(rows, axis=0, out=buf.y, mode="clip")
        last = len(self._weights)
        for layer, (w, b) in enumerate(zip(self._weights, self._biases, strict=True), start=1):
            z = np.matmul(buf.a[layer - 1], w.T, out=buf.a[layer])
            z += b
            (self._output if layer == last else self._activate)(z)
        self._output_delta(buf, len(rows))
        for layer in range(last, 0, -1):
            if layer > 1:  # before the weights change
                np.matmul(buf.delta[layer], self._weights[layer - 1], out=buf.delta[layer - 1])
            self._update(layer - 1, buf.delta[layer], buf.a[layer - 1])
            if layer > 1:
                self._backward(buf.delta[layer - 1], buf.a[layer - 1], buf.scratch[layer - 1])

    def _output_delta(self, buf: _Buffers, rows: int) -> None:
        a = buf.a[-1]
        delta = np.subtract(a, buf.y, out=buf.delta[-1])
        if self._problem.work.cost == "quadratic":
            sigmoid_backward(delta, a, buf.scratch[-1])
        delta *= self._problem.work.eta / rows

    def _update(self, layer: int, delta: np.ndarray, a: np.ndarray) -> None:
        w, dw, db = self._weights[layer], self._dw[layer], self._db[layer]
        np.matmul(delta.T, a, out=dw)
        if self._problem.work.lmbda:
            w *= self._problem.decay
        w -= dw
        self._biases[layer] -= np.add.reduce(delta, axis=0, out=db)

    def parameters(self) -> Parameters:
        return Parameters(self._weights, self._biases)
