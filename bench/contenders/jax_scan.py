"""JAX: a whole epoch as one compiled scan over the mini-batches."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from bench.contenders.base import Contender, Parameters, Problem, RowOrder


def _start(threads: int) -> None:
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


def _step(problem: Problem) -> Callable[..., list[tuple[Any, Any]]]:
    """One mini-batch, the gradients written out (as fast as jax.grad, or faster in float32)."""
    from jax import nn

    work = problem.work
    activate = {"sigmoid": nn.sigmoid, "relu": nn.relu}[work.activation]
    slope = {"sigmoid": lambda a: a * (1 - a), "relu": lambda a: a > 0}
    output = nn.softmax if work.cost == "log_likelihood" else nn.sigmoid

    def step(layers: list[tuple[Any, Any]], x: Any, y: Any) -> list[tuple[Any, Any]]:
        a = [x]
        for w, b in layers[:-1]:
            a.append(activate(a[-1] @ w.T + b))
        out = output(a[-1] @ layers[-1][0].T + layers[-1][1])
        delta = out - y
        if work.cost == "quadratic":
            delta *= slope["sigmoid"](out)
        delta *= work.eta / len(x)  # the deltas behind it are linear in it
        new = []
        for i in range(len(layers) - 1, -1, -1):
            w, b = layers[i]
            new.append((problem.decay * w - delta.T @ a[i], b - delta.sum(0)))
            if i:
                delta = (delta @ w) * slope[work.activation](a[i])
        return new[::-1]

    return step


def _compile_epoch(problem: Problem) -> Callable[..., list[tuple[Any, Any]]]:
    """The jitted epoch; rows are gathered inside the scan, which beats gathering them before."""
    import jax

    step, batch = _step(problem), problem.work.batch
    whole = len(problem.X) // batch * batch

    def gather(array: Any, rows: Any) -> Any:
        return array.at[rows].get(mode="promise_in_bounds")

    def epoch(layers: Any, X: Any, Y: Any, order: Any) -> list[tuple[Any, Any]]:
        def one(layers: Any, rows: Any) -> tuple[Any, None]:
            return step(layers, gather(X, rows), gather(Y, rows)), None

        layers, _ = jax.lax.scan(one, layers, order[:whole].reshape(-1, batch))
        if whole < len(order):
            layers, _ = one(layers, order[whole:])
        return layers

    return jax.jit(epoch, donate_argnums=0)


class JaxScan(Contender):
    """jax.jit over lax.scan, the parameters donated; compilation is not timed."""

    name = "jax"
    label = "JAX (one jitted scan)"
    distribution = "jax"
    module = "jax"

    def pools(self, threads: int) -> AbstractContextManager:
        return nullcontext()  # the number of threads was fixed at setup

    def setup(self, problem: Problem) -> None:
        _start(problem.threads)
        import jax.numpy as jnp

        self._order = RowOrder(problem)
        self._data = jnp.asarray(problem.X), jnp.asarray(problem.Y)
        pairs = zip(problem.weights, problem.biases, strict=True)
        self._layers = [(jnp.array(w), jnp.array(b)) for w, b in pairs]
        self._epoch = _compile_epoch(problem)

    def epoch(self) -> None:
        import jax

        self._layers = self._epoch(self._layers, *self._data, self._order.next())
        jax.block_until_ready(self._layers)

    def parameters(self) -> Parameters:
        return [np.asarray(w) for w, _ in self._layers], [np.asarray(b) for _, b in self._layers]
