"""Nielsen's algorithm in plain NumPy: the specification of the compiled network."""

from __future__ import annotations

import numpy as np

from fastnn import costs
from fastnn.data import Rows
from fastnn.model import Model
from fastnn.reference.activations import DERIVATIVES, FUNCTIONS
from fastnn.reference.deltas import output_delta
from fastnn.training import Step

__all__ = ["Network"]

Example = tuple[np.ndarray, np.ndarray]
Arrays = list[np.ndarray]
Layer = tuple[np.ndarray, np.ndarray, str]  # weights, biases, activation


class Network(Model):
    """The network of ``fastnn.Network``, computed one example at a time in NumPy.

    It takes the same arguments and has the same methods; where the two differ by more than
    rounding, the compiled one is wrong.

    Parameters
    ----------
    sizes, cost, activation, output, initializer, normalization, dropout, dtype, rng
        As for ``fastnn.Network``.
    """

    def _layers(self) -> list[Layer]:
        """Return each layer's weights, biases and activation."""
        names = (*self.activation, self.output)
        return list(zip(self.weights, self.biases, names, strict=True))

    @staticmethod
    def _forward(layers: list[Layer], x: np.ndarray) -> tuple[Arrays, Arrays]:
        """Return every layer's weighted inputs z and activations a, the input x first of the a.

        z^l = w^l a^(l−1) + b^l and a^l = f(z^l) (Nielsen, chapter 2, equation 25).
        """
        zs, activations = [], [x]
        for w, b, name in layers:
            zs.append(np.dot(w, activations[-1]) + b)
            activations.append(FUNCTIONS[name](zs[-1]))
        return zs, activations

    def _backward(
        self, layers: list[Layer], x: np.ndarray, y: np.ndarray
    ) -> tuple[np.ndarray, Arrays, Arrays]:
        """Return one example's output and the gradient of its cost by weights and biases.

        The four equations of Nielsen, chapter 2: δ^L = ∂C/∂z^L (BP1),
        δ^l = (w^(l+1)ᵀ δ^(l+1)) ⊙ f'(z^l) (BP2), ∂C/∂b^l = δ^l (BP3),
        ∂C/∂w^l = δ^l a^(l−1)ᵀ (BP4).
        """
        zs, activations = self._forward(layers, x)
        delta = output_delta(self.cost, self.output, zs[-1], activations[-1], y)
        nabla_w, nabla_b = [np.dot(delta, activations[-2].T)], [delta]
        for l in range(len(layers) - 2, -1, -1):
            weights_after, name = layers[l + 1][0], layers[l][2]
            delta = np.dot(weights_after.T, delta) * DERIVATIVES[name](zs[l])
            nabla_w.insert(0, np.dot(delta, activations[l].T))
            nabla_b.insert(0, delta)
        return activations[-1], nabla_w, nabla_b

    def _summed_gradient(self, examples: list[Example]) -> tuple[Arrays, Arrays, Arrays]:
        """Return the examples' outputs, and the sums of their gradients by weights and biases."""
        outputs, layers = [], self._layers()
        sum_w = [np.zeros_like(w) for w in self.weights]
        sum_b = [np.zeros_like(b) for b in self.biases]
        for x, y in examples:
            output, nabla_w, nabla_b = self._backward(layers, x, y)
            outputs.append(output)
            sum_w = [total + nabla for total, nabla in zip(sum_w, nabla_w, strict=True)]
            sum_b = [total + nabla for total, nabla in zip(sum_b, nabla_b, strict=True)]
        return outputs, sum_w, sum_b

    def _step(self, mini_batch: list[Example], step: Step) -> Arrays:
        """Take one step of gradient descent; return the outputs before it.

        w ← (1 − ηλ/n) w − ηλ₁/n sgn(w) − (η/m) Σ ∂C/∂w, and b ← b − (η/m) Σ ∂C/∂b
        (Nielsen, chapter 3).
        """
        outputs, sum_w, sum_b = self._summed_gradient(mini_batch)
        rate = step.learning_rate / len(mini_batch)
        for w, total in zip(self.weights, sum_w, strict=True):
            l1_shrinkage = step.l1 * np.sign(w) if step.l1 else 0
            w[...] = step.decay * w - l1_shrinkage - rate * total
        for b, total in zip(self.biases, sum_b, strict=True):
            b[...] = b - rate * total
        return outputs

    def _run_epoch(
        self, rows: Rows, order: np.ndarray, batch_size: int, step: Step, with_cost: bool
    ) -> float:
        examples = _columns(rows)
        cost = 0.0
        for start in range(0, len(order), batch_size):
            mini_batch = [examples[i] for i in order[start : start + batch_size]]
            outputs = self._step(mini_batch, step)
            if with_cost:
                pairs = zip(outputs, mini_batch, strict=True)
                cost += sum(costs.fn_of(self.cost, a, y) for a, (_, y) in pairs)
        return cost if with_cost else float("nan")

    def _predict_rows(self, X: np.ndarray) -> np.ndarray:
        layers = self._layers()
        return np.stack([self._forward(layers, x[:, np.newaxis])[1][-1][:, 0] for x in X])

    def _gradient(self, rows: Rows) -> np.ndarray:
        _, sum_w, sum_b = self._summed_gradient(_columns(rows))
        layers = zip(sum_w, sum_b, strict=True)
        return np.concatenate([part.ravel() for layer in layers for part in layer]) / len(rows)


def _columns(rows: Rows) -> list[Example]:
    """Return the rows as the book's pairs of columns (x, y)."""
    return list(zip(rows.X[:, :, np.newaxis], rows.Y[:, :, np.newaxis], strict=True))
