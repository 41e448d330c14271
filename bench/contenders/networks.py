"""fastnn and its reference: the same signatures, so the same contender twice."""

from __future__ import annotations

import importlib
import inspect

import numpy as np

from bench.contenders.base import Contender, Parameters, Problem

COSTS = {
    "cross_entropy": "CrossEntropyCost",
    "quadratic": "QuadraticCost",
    "log_likelihood": "LogLikelihoodCost",
}


class _Network(Contender):
    """`fit` of a Network, one epoch a call, by the clock of its own history.

    Shuffling is in it; the checks of the data, once a `fit`, are not, as little as others' setup.
    """

    distribution = "fastnn"
    module = "fastnn"
    network_module: str

    def setup(self, problem: Problem) -> None:
        import fastnn

        work = problem.work
        self._net = importlib.import_module(self.network_module).Network(
            list(work.sizes),
            cost=getattr(fastnn, COSTS[work.cost]),
            activation=work.activation,
            dtype=work.dtype,
            rng=problem.seed,
        )
        self._net.weights = list(problem.weights)
        self._net.biases = [b[:, np.newaxis] for b in problem.biases]
        self._data = problem.X, problem.Y
        self._options = {
            "epochs": 1,
            "batch_size": work.batch,
            "learning_rate": work.eta,
            "regularizer": fastnn.regularizers.L2(work.lmbda) if work.lmbda else None,
            "shuffle": problem.shuffle,
        }

    def epoch(self) -> float:
        return self._net.fit(*self._data, **self._options)["seconds"][0]

    def parameters(self) -> Parameters:
        return (
            [np.array(w) for w in self._net.weights],
            [np.array(b).ravel() for b in self._net.biases],
        )


class Reference(_Network):
    """The specification: NumPy, one sample at a time, a sum of gradients per mini-batch."""

    name = "reference"
    label = "reference"
    role = "reference"
    network_module = "fastnn.reference"


class Fastnn(_Network):
    """The compiled epoch."""

    name = "fastnn"
    label = "fastnn"
    role = "ours"
    network_module = "fastnn"

    def settings(self, most: int) -> range:
        return super().settings(most if self._takes_threads() else 1)

    def setup(self, problem: Problem) -> None:
        super().setup(problem)
        if self._takes_threads():
            self._options["n_threads"] = problem.threads

    @staticmethod
    def _takes_threads() -> bool:
        from fastnn import Network

        return "n_threads" in inspect.signature(Network.fit).parameters
