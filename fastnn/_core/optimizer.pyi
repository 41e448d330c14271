"""The optimizers' numbers, and the rule that the other compiled modules step by."""

import enum
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

_Float = TypeVar("_Float", np.float32, np.float64)

class Optimizer(enum.IntEnum):
    """The numbers by which rules know the optimizers."""

    SGD = 0
    MOMENTUM = 1
    RMSPROP = 2
    ADAGRAD = 3
    ADAM = 4
    RPROP = 5

# Numbers of state that each optimizer keeps for a parameter.
SLOTS: dict[int, int]

class Rule:
    """An optimizer's numbers that do not change from step to step."""

    @property
    def kind(self) -> int: ...
    @property
    def n_slots(self) -> int: ...
    @property
    def limits_norms(self) -> bool: ...
    @property
    def numbers(self) -> dict[str, float]:
        """All of them by their names."""

    def __new__(
        cls,
        *,
        kind: int,
        first: float,
        second: float,
        eps: float,
        nesterov: bool,
        weight_decay: float,
        l2: float,
        l1: float,
        max_norm: float,
        epsilon_hat: bool,
        per_batch: bool,
        penalty_in_cost: float,
    ) -> Self:
        """``kind`` is a number of ``Optimizer``; see ``fastnn.optimizers`` for the others."""

def optimizer_step(
    rule: Rule,
    parameters: NDArray[_Float],
    gradient: NDArray[_Float],
    slots: NDArray[_Float],
    rate: float,
    t: float,
) -> None:
    """Step ``parameters`` (n,), and their state ``slots`` (n_slots, n), by ``gradient`` (n,)."""
