"""fastnn and its reference: the same signatures, so the same contender three times."""

from __future__ import annotations

import importlib
from contextlib import AbstractContextManager, nullcontext

import numpy as np

from bench.contenders.base import EPS, MOMENTUM, Contender, Parameters, Problem
from bench.works import Work

COSTS = {
    "cross_entropy": "CrossEntropyCost",
    "quadratic": "QuadraticCost",
    "log_likelihood": "LogLikelihoodCost",
}


class _Network(Contender):
    """`fit` of a Network with all epochs in one call.

    A single epoch is timed by the clock of its own history. Shuffling is in it; the checks of the
    data, once a `fit`, are not, as little as others' setup. Several epochs are timed as they are,
    with the checks and all that happens between two epochs.
    """

    distribution = "fastnn"
    module = "fastnn"
    network_module: str
    n_threads: int | None = None

    @classmethod
    def version(cls) -> str:
        import fastnn  # what is timed, installed under whatever name or not

        return fastnn.__version__

    def settings(self, most: int) -> range:
        return range(1, 2)  # it decides by itself, or is told n_threads

    def setup(self, problem: Problem) -> None:
        import fastnn

        work = problem.work
        norm = fastnn.normalization.BatchNorm(eps=EPS, momentum=MOMENTUM)
        self._net = importlib.import_module(self.network_module).Network(
            list(work.sizes),
            cost=getattr(fastnn, COSTS[work.cost]),
            activation=work.activation,
            normalization=norm if work.batch_norm else None,
            dropout=work.dropout,
            dtype=work.dtype,
            rng=problem.seed,
        )
        self._net.weights = list(problem.weights)
        self._net.biases = [b[:, np.newaxis] for b in problem.biases]
        self._data = problem.X, problem.Y
        self._options = {
            "epochs": work.epochs,
            "batch_size": work.batch,
            "learning_rate": work.eta,
            "regularizer": fastnn.regularizers.L2(work.lmbda) if work.lmbda else None,
            "shuffle": problem.shuffle,
            "n_threads": self.n_threads,
        }

    def train(self) -> float | None:
        history = self._net.fit(*self._data, **self._options)
        return history["seconds"][0] if self._options["epochs"] == 1 else None

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self._net.predict(X)

    def parameters(self) -> Parameters:
        net = self._net
        columns = (net.biases, net.gammas, net.betas, net.running_means, net.running_variances)
        return Parameters(
            [np.array(w) for w in net.weights],
            *([np.array(column).ravel() for column in kind] for kind in columns),
        )


class Reference(_Network):
    """The specification: NumPy, one sample at a time, a sum of gradients per mini-batch."""

    name = "reference"
    label = "reference"
    role = "reference"
    network_module = "fastnn.reference"


class _Compiled(_Network):
    role = "ours"
    network_module = "fastnn"

    def pools(self, threads: int) -> AbstractContextManager:
        return nullcontext()  # a limit from outside is none of what is measured


class Fastnn(_Compiled):
    """The compiled epoch, which decides by itself how many threads it takes."""

    name = "fastnn"
    label = "fastnn"


class FastnnOneThread(_Compiled):
    """The compiled epoch with n_threads=1."""

    name = "fastnn_1"
    label = "fastnn, n_threads=1"
    n_threads = 1

    def refuses(self, work: Work, n: int) -> str | None:
        return "predict takes no n_threads" if work.predict_rows else None
