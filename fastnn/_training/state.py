"""Where a network's training stands, between one ``fit`` and the next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastnn._common.checks import check_whole
from fastnn.initializers import LSUV
from fastnn.optimizers import Optimizer

__all__ = ["TrainingState"]


@dataclass
class TrainingState:
    """What goes on from one ``fit`` to the next, and is saved with the network.

    Attributes
    ----------
    optimizer : Optimizer or None
        Whose state ``slots`` is; another one starts anew.
    slots : array (optimizer.n_slots, n_parameters) or (0, 0)
    counter : uint64 array (1,)
        Steps taken with this optimizer; the core counts on in it, so that it is right after Ctrl-C.
    epochs : int
        Ended with this optimizer.
    masks : uint64 array (1,)
        Dropout masks drawn by this network, one a step. It never goes back, whatever happens to the
        optimizer or the parameters: each mask is a function of it and the seed, and would return.
    seed : int or None
        Of the dropout masks.
    plateau : dict or None
        Where ``HalveOnPlateau`` stands.
    initializer : LSUV or None
        What has yet to scale the weights by the first data.
    summary : dict of str to str, int or float, or None
        What stays known of the last training.
    """

    optimizer: Optimizer | None = None
    slots: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    counter: np.ndarray = field(default_factory=lambda: np.zeros(1, dtype=np.uint64))
    epochs: int = 0
    masks: np.ndarray = field(default_factory=lambda: np.zeros(1, dtype=np.uint64))
    seed: int | None = None
    plateau: dict[str, Any] | None = None
    initializer: LSUV | None = None
    summary: dict[str, Any] | None = None

    @property
    def steps(self) -> int:
        """Steps taken with this optimizer."""
        return int(self.counter[0])

    @steps.setter
    def steps(self, value: int) -> None:
        self.counter[0] = check_whole(value, "steps", 0)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if "masks" not in state:  # pickled when the steps told the masks apart
            self.masks = self.counter.copy()

    def forget(self) -> None:
        """Let the optimizer start anew."""
        self.slots[...] = 0
        self.steps = 0

    def prepare(self, optimizer: Optimizer, n_parameters: int, dtype: np.dtype) -> None:
        """Make room for ``optimizer``, keeping the state if it is the same as before."""
        if optimizer == self.optimizer:
            return
        rows = optimizer.n_slots
        self.optimizer = None  # until all is its own: Ctrl-C must not leave it another's state
        self.slots = np.zeros((rows, n_parameters if rows else 0), dtype=dtype)
        self.steps = self.epochs = 0
        self.plateau = None
        self.optimizer = optimizer
