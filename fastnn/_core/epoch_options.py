"""What the arithmetic of one epoch is told."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from fastnn._core.optimizer import Rule
from fastnn._core.thread_tuner import ThreadTuner
from fastnn.optimizers import Optimizer
from fastnn.regularizers import Regularizer

__all__ = ["Epoch"]


@dataclass(frozen=True)
class Epoch:
    """What the arithmetic of one epoch, or of a part of it, is told.

    Attributes
    ----------
    batch_size : int
    optimizer : Optimizer
    penalty : Regularizer
    n : int
        Size of the training set, which scales the penalty.
    rates : float64 array (1,) or (n_batches,)
        Learning rates.
    slots : array (optimizer.n_slots, n_parameters) or (0, 0)
        The optimizer's state.
    seed : int
        Of the dropout masks.
    counter : uint64 array (1,)
        Steps taken before; every step adds one.
    masks : uint64 array (1,)
        Dropout masks drawn before; every step adds one here too.
    dropout_factor : float
    with_cost : bool
    tuner : ThreadTuner
        How many threads share the work; the numbers are the same for any.
    rule : Rule, optional
        The steps, where ``optimizer`` and ``penalty`` do not say them.
    clip : float, optional
        How near to 0 and 1 an output may come in the cost, which is then computed from the outputs;
        None: computed as the network prefers.
    seconds : array (10,) or (0,)
        Where the compiled core adds the time of its phases, if there is room.
    """

    batch_size: int
    optimizer: Optimizer
    penalty: Regularizer
    n: int
    rates: np.ndarray
    slots: np.ndarray
    counter: np.ndarray
    masks: np.ndarray = field(default_factory=lambda: np.zeros(1, dtype=np.uint64))
    seed: int = 0
    dropout_factor: float = 1.0
    with_cost: bool = False
    tuner: ThreadTuner = field(default_factory=lambda: ThreadTuner(1))
    rule: Rule | None = None
    clip: float | None = None
    seconds: np.ndarray = field(default_factory=lambda: np.empty(0))
