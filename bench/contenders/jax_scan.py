"""JAX: all epochs as one compiled scan over the mini-batches."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from bench.contenders.base import EPS, MOMENTUM, Contender, Parameters, Problem, RowOrder
from bench.works import Work

# A layer's arrays: w, b and, where it is normalized, gamma, beta, mean and variance.
Layer = dict[str, Any]


def start_client(threads: int) -> None:
    """Give XLA a fresh CPU client with `threads` workers: it reads their number only once."""
    import jax
    from jax.extend import backend

    jax.config.update("jax_enable_x64", True)
    before = os.environ.get("NPROC")
    os.environ["NPROC"] = str(threads)
    try:
        backend.clear_backends()
        jax.devices()
    finally:
        if before is None:
            del os.environ["NPROC"]
        else:
            os.environ["NPROC"] = before


def _activations(work: Work) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    """The hidden activation, its derivative from its output, the output's activation."""
    from jax import nn

    slopes = {"sigmoid": lambda a: a * (1 - a), "relu": lambda a: a > 0}
    hidden = {"sigmoid": nn.sigmoid, "relu": nn.relu}[work.activation]
    output = nn.softmax if work.cost == "log_likelihood" else nn.sigmoid
    return hidden, slopes[work.activation], output


def _norm_forward(layer: Layer, z: Any) -> tuple[Any, Any, Layer]:
    """γ x̂ + β, what the backward pass needs, the layer with its running statistics moved."""
    from jax import lax

    mean = z.mean(0)
    centred = z - mean
    variance = (centred * centred).mean(0)
    inverse = lax.rsqrt(variance + EPS)
    xhat = centred * inverse
    unbiased = variance * (len(z) / (len(z) - 1))
    moved = layer | {
        "mean": (1 - MOMENTUM) * layer["mean"] + MOMENTUM * mean,
        "variance": (1 - MOMENTUM) * layer["variance"] + MOMENTUM * unbiased,
    }
    return layer["gamma"] * xhat + layer["beta"], (xhat, inverse), moved


def _norm_backward(layer: Layer, delta: Any, kept: Any) -> tuple[Any, Layer]:
    """The delta before the normalization, and the layer after the step of γ and β."""
    xhat, inverse = kept
    dbeta, dgamma = delta.sum(0), (delta * xhat).sum(0)
    m = len(delta)
    before = layer["gamma"] * inverse * (delta - dbeta / m - xhat * (dgamma / m))
    stepped = layer | {"gamma": layer["gamma"] - dgamma, "beta": layer["beta"] - dbeta}
    return before, stepped


def _step(problem: Problem) -> Callable[..., list[Layer]]:
    """One mini-batch, the gradients written out (as fast as jax.grad, or faster in float32)."""
    import jax

    work = problem.work
    activate, slope, output = _activations(work)

    def forward(layers: list[Layer], x: Any, key: Any) -> tuple[list[Any], list[Any], list[Layer]]:
        a, new = [x], list(layers)
        kept: list[Any] = []
        for i, layer in enumerate(layers[:-1]):
            z, norm, mask = a[-1] @ layer["w"].T + layer["b"], None, None
            if work.batch_norm:
                z, norm, new[i] = _norm_forward(layer, z)
            act = out = activate(z)
            if work.dropout:
                # With the default key: the "rbg" ones take three times as long.
                keep = 1 - work.dropout
                kept_units = jax.random.bernoulli(jax.random.fold_in(key, i), keep, out.shape)
                mask = kept_units / np.asarray(keep, work.dtype)
                out = act * mask
            kept.append((act, norm, mask))
            a.append(out)
        last = layers[-1]
        return [*a, output(a[-1] @ last["w"].T + last["b"])], kept, new

    def step(layers: list[Layer], x: Any, y: Any, key: Any) -> list[Layer]:
        a, kept, new = forward(layers, x, key)
        delta = a[-1] - y
        if work.cost == "quadratic":
            delta *= a[-1] * (1 - a[-1])
        delta *= work.eta / len(x)  # the deltas behind it are linear in it
        for i in range(len(layers) - 1, -1, -1):
            layer = layers[i]
            if i < len(layers) - 1:
                out, norm, mask = kept[i]
                delta = delta * slope(out) if mask is None else delta * slope(out) * mask
                if norm is not None:
                    delta, new[i] = _norm_backward(new[i], delta, norm)
            # Behind a normalization the bias has no gradient: batch norm takes it off again.
            step_b = 0 if work.batch_norm and i < len(layers) - 1 else delta.sum(0)
            w = problem.decay * layer["w"] - delta.T @ a[i]
            new[i] = new[i] | {"w": w, "b": layer["b"] - step_b}
            if i:
                delta = delta @ layer["w"]
        return new

    return step


def _compile_epochs(problem: Problem) -> Callable[..., list[Layer]]:
    """The jitted epochs; rows are gathered inside the scan, which beats gathering them before."""
    import jax
    from jax import lax

    step, batch, n = _step(problem), problem.work.batch, len(problem.X)
    whole = n // batch * batch

    def gather(array: Any, rows: Any) -> Any:
        return array if problem.whole else array.at[rows].get(mode="promise_in_bounds")

    def epoch(layers: Any, X: Any, Y: Any, order: Any, key: Any) -> list[Layer]:
        def one(carried: Any, rows: Any) -> tuple[Any, None]:
            layers, key = carried
            key, own = jax.random.split(key) if problem.work.dropout else (key, key)
            return (step(layers, gather(X, rows), gather(Y, rows), own), key), None

        carried = layers, key
        if whole:
            carried, _ = lax.scan(one, carried, order[:whole].reshape(-1, batch))
        if whole < n:
            carried, _ = one(carried, order[whole:])
        return carried[0]

    def epochs(layers: Any, X: Any, Y: Any, orders: Any, key: Any) -> list[Layer]:
        if len(orders) == 1:
            return epoch(layers, X, Y, orders[0], key)
        keys = jax.random.split(key, len(orders))

        def one(layers: Any, given: Any) -> tuple[Any, None]:
            return epoch(layers, X, Y, *given), None

        return lax.scan(one, layers, (orders, keys))[0]

    return jax.jit(epochs, donate_argnums=0)


def _compile_prediction(work: Work) -> Callable[..., Any]:
    import jax

    activate, _, output = _activations(work)

    def predict(layers: list[Layer], x: Any) -> Any:
        for layer in layers[:-1]:
            x = activate(x @ layer["w"].T + layer["b"])
        return output(x @ layers[-1]["w"].T + layers[-1]["b"])

    return jax.jit(predict)


class JaxScan(Contender):
    """jax.jit over lax.scan, the parameters donated; compilation is not timed."""

    name = "jax"
    label = "JAX (one jitted scan)"
    distribution = "jax"
    module = "jax"

    def pools(self, threads: int) -> AbstractContextManager:
        return nullcontext()  # the number of threads was fixed at setup

    def setup(self, problem: Problem) -> None:
        start_client(problem.threads)
        import jax
        import jax.numpy as jnp

        self._problem, self._order = problem, RowOrder(problem)
        self._layers = self._initial(problem)
        if problem.work.predict_rows:
            self._predict = _compile_prediction(problem.work)
            return
        self._data = jnp.asarray(problem.X), jnp.asarray(problem.Y)
        self._key = jax.random.key(problem.seed)
        self._epochs = _compile_epochs(problem)

    @staticmethod
    def _initial(problem: Problem) -> list[Layer]:
        import jax.numpy as jnp

        pairs = zip(problem.weights, problem.biases, strict=True)
        layers = [{"w": jnp.array(w), "b": jnp.array(b)} for w, b in pairs]
        if problem.work.batch_norm:
            for layer in layers[:-1]:
                zeros, ones = jnp.zeros_like, jnp.ones_like
                layer |= {"gamma": ones(layer["b"]), "beta": zeros(layer["b"])}
                layer |= {"mean": zeros(layer["b"]), "variance": ones(layer["b"])}
        return layers

    def train(self) -> None:
        import jax

        epochs, key = self._problem.work.epochs, self._key
        orders = np.stack([self._order.next() for _ in range(epochs)])
        if self._problem.work.dropout:
            self._key, key = jax.random.split(self._key)
        self._layers = self._epochs(self._layers, *self._data, orders, key)
        jax.block_until_ready(self._layers)

    def predict(self, X: np.ndarray) -> np.ndarray:
        return np.asarray(self._predict(self._layers, X))

    def parameters(self) -> Parameters:
        names = ("w", "b", "gamma", "beta", "mean", "variance")
        return Parameters(
            *([np.asarray(layer[n]) for layer in self._layers if n in layer] for n in names)
        )
