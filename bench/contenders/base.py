"""What every contender is given and what it must offer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import metadata, util
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from bench.works import Work

MOMENTUM, EPS = 0.1, 1e-5  # of batch norm, in every contender


class Parameters(NamedTuple):
    """All that training changes, one array a layer for each kind.

    Only the hidden layers of a work with batch norm have scales γ, shifts β and running means and
    variances.
    """

    weights: Sequence[np.ndarray]
    biases: Sequence[np.ndarray]
    gammas: Sequence[np.ndarray] = ()
    betas: Sequence[np.ndarray] = ()
    means: Sequence[np.ndarray] = ()
    variances: Sequence[np.ndarray] = ()


@dataclass(frozen=True)
class Problem:
    """One training problem, the same object for every contender; nobody writes into it.

    Attributes
    ----------
    work : Work
        Sizes, batch, rates, cost.
    X : ndarray of shape (n, n_in)
        Training rows in the work's dtype, C-contiguous.
    labels : ndarray of shape (n,)
        Class numbers.
    Y : ndarray of shape (n, n_out)
        The labels as one-hot rows in the work's dtype.
    weights : tuple of ndarray of shape (n_out, n_in)
        Initial weights, one array per layer.
    biases : tuple of ndarray of shape (n_out,)
        Initial biases.
    shuffle : bool
        True: a fresh permutation of the rows every epoch. False: the rows as they lie, so that
        all contenders see the same mini-batches.
    threads : int
        How many threads the contender's library may use.
    seed : int
        Of the permutations.
    """

    work: Work
    X: np.ndarray
    labels: np.ndarray
    Y: np.ndarray
    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    shuffle: bool
    threads: int
    seed: int = 0

    @property
    def decay(self) -> float:
        """Factor on the weights at each step, 1 − ηλ/n."""
        return 1.0 - self.work.eta * self.work.lmbda / len(self.X)

    @property
    def whole(self) -> bool:
        """Whether every mini-batch is all the rows as they lie, so that none need be gathered."""
        return not self.shuffle and self.work.batch >= len(self.X)


class RowOrder:
    """The order of the rows, epoch after epoch; reshuffled in place when the problem says so."""

    def __init__(self, problem: Problem) -> None:
        self._order = np.arange(len(problem.X))
        self._generator = np.random.default_rng(problem.seed) if problem.shuffle else None

    def next(self) -> np.ndarray:
        """The row numbers of the next epoch; valid until the next call."""
        if self._generator is not None:
            self._generator.shuffle(self._order)
        return self._order


class Contender(ABC):
    """One way to train the network and to predict with it.

    `setup` is never timed, `train` or `predict` is all that is timed, `parameters` is read for the
    check.

    Attributes
    ----------
    name : str
        What the command line calls it.
    label : str
        What tables and charts call it.
    distribution : str
        The package whose version is printed, as it is installed.
    module : str
        What must be importable for the contender to take part.
    role : str
        ``"reference"``, ``"peer"`` or ``"ours"``.
    """

    name: str
    label: str
    distribution: str
    module: str
    role: str = "peer"

    @classmethod
    def installed(cls) -> bool:
        """Whether the library is there (without importing it)."""
        return util.find_spec(cls.module) is not None

    @classmethod
    def version(cls) -> str:
        """Version of the library."""
        return metadata.version(cls.distribution)

    def refuses(self, work: Work, n: int) -> str | None:
        """Why this library cannot do `work` on n rows with the same numbers; None if it can."""
        return None

    def settings(self, most: int) -> range:
        """The numbers of threads worth trying, up to `most`."""
        return range(1, most + 1)

    def pools(self, threads: int) -> AbstractContextManager:
        """Hold the library's thread pools at `threads` for the length of a with block."""
        return threadpool_limits(threads, user_api="blas")

    @abstractmethod
    def setup(self, problem: Problem) -> None:
        """Build the network with the problem's weights and prepare all that may be reused."""

    @abstractmethod
    def train(self) -> float | None:
        """Train the work's epochs and return when the parameters are final.

        Returns the seconds where the library itself keeps them apart from what it does once a
        call, such as checking the data; else None, and the whole call is timed.
        """

    @abstractmethod
    def predict(self, X: np.ndarray) -> np.ndarray:
        """The outputs (m, n_out) for the rows X (m, n_in), from NumPy and to NumPy."""

    @abstractmethod
    def parameters(self) -> Parameters:
        """What was trained, as NumPy arrays: weights (n_out, n_in), all others (n_out,)."""
