"""Nielsen's algorithm in plain NumPy: the specification of the compiled network."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from fastnn._core.engine_base import Computed, Engine
from fastnn._core.epoch_options import Epoch
from fastnn._core.plan import LayerOptions
from fastnn._data.inputs import Inputs
from fastnn._data.rows import Rows
from fastnn._model.model import Model
from fastnn.normalization import BatchNorm, Normalization
from fastnn.optimizers import AdamW
from fastnn.reference import dropout, normalization, optimizers
from fastnn.reference.activations import DERIVATIVES, FUNCTIONS
from fastnn.reference.costs import cost_of
from fastnn.reference.deltas import output_delta

__all__ = ["Network"]

Columns = list[np.ndarray]  # one column (n, 1) an example


@dataclass
class Affine:
    """A normalized layer's γ, β and running statistics, each (n,); and its normalization."""

    norm: Normalization
    gamma: np.ndarray
    beta: np.ndarray
    running: tuple[np.ndarray, ...] = ()


@dataclass
class Layer:
    """What a layer is, and what its forward pass left for the backward pass."""

    weights: np.ndarray
    biases: np.ndarray
    options: LayerOptions
    index: int
    affine: Affine | None = None
    zs: Columns = field(default_factory=list)  # what the activation took
    outputs: Columns = field(default_factory=list)  # what the next layer took
    norm_cache: normalization.Cache | None = None
    factors: Columns | None = None  # what dropout multiplied by


class NumpyEngine(Engine):
    """The arithmetic of a network in NumPy, one example at a time in each layer."""

    def _layers(self, net: Computed, dropout_factor: float = 1.0) -> list[Layer]:
        options = net._options(dropout_factor)
        layout, vector = net._layout, net._parameters
        parts = zip(layout.weights(vector), layout.columns("biases", vector), options, strict=True)
        layers = [Layer(w, b, chosen, index) for index, (w, b, chosen) in enumerate(parts)]
        if net._normalization is not None:
            scales = (layout.columns(name, vector) for name in ("gamma", "beta"))
            for layer, gamma, beta in zip(layers[:-1], *scales, strict=True):
                layer.affine = Affine(net._normalization, gamma[:, 0], beta[:, 0])
        names = "running_mean", "running_variance"
        columns = (layout.columns(name, net._running) for name in names)
        statistics = zip(layers[:-1], *columns, strict=False)
        for layer, mean, variance in statistics:
            layer.affine.running = mean[:, 0], variance[:, 0]  # type: ignore[union-attr]
        return layers

    def _forward(self, layers: list[Layer], xs: Columns, epoch: Epoch | None, mode: str) -> Columns:
        """Return the outputs for the inputs ``xs``, layer by layer: z = w a + b, a = f(z).

        (Nielsen, chapter 2, equation 25.) ``mode`` is "predict", "gradient" or "train".
        """
        for layer in layers:
            layer.zs = [np.dot(layer.weights, x) + layer.biases for x in xs]
            if layer.affine is not None:
                layer.zs = _columns(_normalize(layer, layer.affine, _rows(layer.zs), mode))
            layer.outputs = [FUNCTIONS[layer.options.activation](z) for z in layer.zs]
            layer.factors = _dropout_factors(layer, len(xs), epoch)
            if layer.factors is not None:
                pairs = zip(layer.factors, layer.outputs, strict=True)
                layer.outputs = [factor * a for factor, a in pairs]
            xs = layer.outputs
        return xs

    def _backward(self, layers: list[Layer], xs: Columns, deltas: Columns) -> np.ndarray:
        """Return the sum of the examples' gradients from their output layer's δ.

        The equations of Nielsen, chapter 2: δ^l = (w^(l+1)ᵀ δ^(l+1)) ⊙ f'(z^l) (BP2),
        ∂C/∂b^l = δ^l (BP3), ∂C/∂w^l = δ^l a^(l−1)ᵀ (BP4).
        """
        parts: list[np.ndarray] = []
        for layer in reversed(layers):
            norm_parts = []
            if layer is not layers[-1]:
                deltas = self._hidden_deltas(layer, layers[layer.index + 1], deltas)
                if layer.norm_cache is not None:
                    dx, dgamma, dbeta = normalization.backward(_rows(deltas), layer.norm_cache)
                    deltas, norm_parts = _columns(dx), [dgamma, dbeta]
            inputs = xs if layer.index == 0 else layers[layer.index - 1].outputs
            sum_w, sum_b = np.zeros_like(layer.weights), np.zeros_like(layer.biases)
            for delta, a in zip(deltas, inputs, strict=True):
                sum_w = sum_w + np.dot(delta, a.T)
                sum_b = sum_b + delta
            if isinstance(layer.options.normalization, BatchNorm):
                sum_b[...] = 0  # as it is but for rounding: batch norm takes a bias off again
            parts = [sum_w, sum_b, *norm_parts, *parts]
        return np.concatenate([part.ravel() for part in parts])

    @staticmethod
    def _hidden_deltas(layer: Layer, after: Layer, deltas: Columns) -> Columns:
        """Return the δ of a hidden layer, at the activation's input, from those after it."""
        back = [np.dot(after.weights.T, delta) for delta in deltas]
        if layer.factors is not None:
            back = [factor * delta for factor, delta in zip(layer.factors, back, strict=True)]
        derivative = DERIVATIVES[layer.options.activation]
        return [delta * derivative(z) for delta, z in zip(back, layer.zs, strict=True)]

    def epoch(self, net: Computed, rows: Rows, order: np.ndarray, epoch: Epoch) -> float:
        cost = 0.0
        starts = range(0, len(order), epoch.batch_size)
        layers = self._layers(net, epoch.dropout_factor)
        examples = _examples(rows)
        for start, rate in zip(starts, np.broadcast_to(epoch.rates, len(starts)), strict=True):
            batch = order[start : start + epoch.batch_size]
            if len(batch) < 2 and len(net._running):
                break  # one row has no variance to normalize by
            pairs = [examples[i] for i in batch]
            weights = [rows.row_weights[i] for i in batch] if len(rows.row_weights) else None
            batch_cost, gradient = self._sums(net, layers, pairs, weights, epoch)
            self._step(net, gradient / len(batch), epoch, rate)
            cost += batch_cost
            epoch.counter[0] += 1
            epoch.masks[0] += 1
        return cost if epoch.with_cost else float("nan")

    def _sums(
        self,
        net: Computed,
        layers: list[Layer],
        pairs: list[tuple[np.ndarray, np.ndarray]],
        weights: list[float] | None,
        epoch: Epoch | None,
    ) -> tuple[float, np.ndarray]:
        """Return the sums of the examples' costs and gradients, times their weights."""
        xs, ys = [x for x, _ in pairs], [y for _, y in pairs]
        mode = "gradient" if epoch is None else "train"
        outputs = self._forward(layers, xs, epoch, mode)
        of_batch = list(zip(layers[-1].zs, outputs, ys, strict=True))
        deltas = [output_delta(net.cost, net._output, z, a, y) for z, a, y in of_batch]
        cost = 0.0
        if epoch is None or epoch.with_cost:
            each = [cost_of(net.cost, net._output, z, a, y) for z, a, y in of_batch]
            cost = sum(each) if weights is None else float(np.dot(each, weights))
        if weights is not None:
            deltas = [w * delta for w, delta in zip(weights, deltas, strict=True)]
        return cost, self._backward(layers, xs, deltas)

    def _step(self, net: Computed, gradient: np.ndarray, epoch: Epoch, rate: float) -> None:
        """Add the penalties' gradient, λ/n w + λ₁/n sgn(w), and let the optimizer step."""
        penalty, weights = epoch.penalty, net._layout.weights(net._parameters)
        for w, g in zip(weights, net._layout.weights(gradient), strict=True):
            if penalty.l1 or penalty.l2:
                g += penalty.l2 / epoch.n * w + penalty.l1 / epoch.n * np.sign(w)
            if isinstance(epoch.optimizer, AdamW):
                w *= 1 - rate * epoch.optimizer.weight_decay
        t = int(epoch.counter[0]) + 1
        optimizers.step(net._parameters, gradient, epoch.slots, epoch.optimizer, rate, t)
        if penalty.max_norm:
            for w in weights:
                lengths = np.sqrt(np.sum(w**2, axis=1, keepdims=True))
                w *= np.minimum(1, penalty.max_norm / np.maximum(lengths, 1e-300))

    def predict(self, net: Computed, X: Inputs) -> np.ndarray:
        columns = _columns(_converted(X, net._dtype))
        outputs = self._forward(self._layers(net), columns, None, "predict")
        return _rows(outputs)

    def mean_cost(self, net: Computed, rows: Rows) -> float:
        xs, ys = (_columns(part) for part in (_converted(rows.X, net._dtype), rows.Y))
        layers = self._layers(net)
        outputs = self._forward(layers, xs, None, "predict")
        of_rows = zip(layers[-1].zs, outputs, ys, strict=True)
        each = [cost_of(net.cost, net._output, z, a, y) for z, a, y in of_rows]
        weights = rows.row_weights
        return (float(np.dot(each, weights)) if len(weights) else sum(each)) / len(rows)

    def hidden_outputs(self, net: Computed, X: np.ndarray, l: int) -> np.ndarray:
        layers = self._layers(net)[: l + 1]
        return _rows(self._forward(layers, list(X[:, :, np.newaxis]), None, "gradient"))

    def cost_and_gradient(self, net: Computed, rows: Rows) -> tuple[float, np.ndarray]:
        pairs = _examples(rows)
        weights = list(rows.row_weights) or None
        cost, gradient = self._sums(net, self._layers(net), pairs, weights, None)
        return cost / len(rows), gradient / len(rows)


class Network(Model):
    """The network of ``fastnn.Network``, computed in NumPy, one example at a time in each layer.

    It takes the same arguments and has the same methods; where the two differ by more than
    rounding, the compiled one is wrong. Only normalization looks at a mini-batch as a whole.

    Parameters
    ----------
    sizes, cost, activation, output, initializer, normalization, dropout, input_scale, dtype, rng
        As for ``fastnn.Network``.
    """

    _new_engine = NumpyEngine


def _examples(rows: Rows) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the rows as pairs of columns."""
    inputs = _converted(rows.X, rows.Y.dtype)
    return list(zip(_columns(inputs), _columns(rows.Y), strict=True))


def _converted(X: Inputs, dtype: np.dtype) -> np.ndarray:
    """Return all the inputs as an array of ``dtype``: converted first, then scaled."""
    if isinstance(X, np.ndarray):
        return X
    values = X.values.astype(dtype) * dtype.type(X.scale)
    if X.indptr is None or X.indices is None:
        return values
    rows = np.repeat(np.arange(len(X)), np.diff(X.indptr))
    array = np.zeros(X.shape, dtype=dtype)
    entries = slice(X.indptr[0], X.indptr[-1])
    np.add.at(array, (rows, X.indices[entries]), values[entries])
    return array


def _rows(columns: Columns) -> np.ndarray:
    return np.stack([column[:, 0] for column in columns])


def _columns(rows: np.ndarray) -> Columns:
    return list(rows[:, :, np.newaxis])


def _normalize(layer: Layer, affine: Affine, z: np.ndarray, mode: str) -> np.ndarray:
    """Return the rows ``z`` (m, n) normalized, as the mode asks."""
    norm, gamma, beta = affine.norm, affine.gamma, affine.beta
    if isinstance(norm, BatchNorm):
        mean, variance = affine.running
        if mode == "predict":
            return normalization.predict(z, gamma, beta, mean, variance, norm.eps)
        if mode == "train":
            normalization.running_update(mean, variance, z, norm.momentum, norm.unbiased)
    out, layer.norm_cache = normalization.forward(z, gamma, beta, norm)
    return out


def _dropout_factors(layer: Layer, m: int, epoch: Epoch | None) -> Columns | None:
    """Return what each example's outputs are multiplied by, or None for 1."""
    chosen = layer.options.dropout
    if chosen.rate == 0:
        return None
    if epoch is None:
        return [np.full((len(layer.biases), 1), chosen.predict_scale)] * m
    step = int(epoch.masks[0])
    mask = dropout.kept(chosen.rate, m, len(layer.biases), epoch.seed, step, layer.index)
    return _columns(mask * chosen.train_scale)
