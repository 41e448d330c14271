"""The stochastic solvers: an optimizer's rule and state, and how its learning rate changes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn import optimizers
from fastnn._core.epoch_loop import ToleranceWatch
from fastnn._core.optimizer import Optimizer as Kernel
from fastnn._core.optimizer import Rule
from fastnn._monitor.plateau import HalveOnPlateau
from fastnn.regularizers import Regularizer

# Below it the adaptive learning rate is not divided any more: training stops.
LEAST_RATE = 1e-6


def is_stochastic(solver: Any) -> bool:
    """Whether a solver, a name or an object, takes steps by mini-batches."""
    return solver != "lbfgs" and not isinstance(solver, optimizers.LBFGS)


def _step(estimator: Any) -> dict[str, Any]:
    """Return the numbers of a ``Rule`` that say how ``solver`` steps."""
    solver = estimator.solver
    none = {"first": 0.0, "second": 0.0, "eps": 0.0, "nesterov": False, "weight_decay": 0.0}
    plain = none | {"epsilon_hat": False}
    if solver == "sgd":
        momentum, nesterov = float(estimator.momentum), bool(estimator.nesterovs_momentum)
        kind = Kernel.MOMENTUM if momentum else Kernel.SGD
        return plain | {"kind": kind, "first": momentum, "nesterov": nesterov}
    if solver in ("adam", "adamw"):
        betas = {"first": float(estimator.beta_1), "second": float(estimator.beta_2)}
        numbers = plain | betas | {"kind": Kernel.ADAM, "eps": float(estimator.epsilon)}
        if solver == "adamw":
            return numbers | {"weight_decay": optimizers.AdamW().weight_decay}
        return numbers | {"epsilon_hat": True}
    numbers = optimizers.get(solver).rule(Regularizer(), 1).numbers
    return {name: numbers[name] for name in ("kind", *plain)}


def needs_all_rows(solver: Any) -> bool:
    """Whether a stochastic solver takes all rows as one mini-batch."""
    return optimizers.get(solver).full_batch


class Solver:
    """An optimizer with its state, which ``partial_fit`` goes on with.

    Attributes
    ----------
    learning_rate : float
        That of the next step, before a schedule's factor.
    slots : array (the rule's n_slots, n_parameters) or (0, 0)
    counter : uint64 array (1,)
        The steps taken so far.
    """

    def __init__(
        self, estimator: Any, n_parameters: int, dtype: np.dtype, penalty_in_cost: float
    ) -> None:
        self._first_rate = float(estimator.learning_rate_init)
        self.learning_rate = self._first_rate
        told = estimator.learning_rate
        if isinstance(told, HalveOnPlateau):
            raise ValueError(
                "learning_rate: expected a function of the epoch, got HalveOnPlateau; "
                "learning_rate='adaptive' with solver='sgd' is its like here"
            )
        self.schedule: Callable[[float], float] | None = told if callable(told) else None
        self._kind = told if estimator.solver == "sgd" and isinstance(told, str) else "constant"
        self._power = estimator.power_t
        # Numbers and not a Rule, which does not pickle.
        self._numbers = _step(estimator) | {
            "l2": float(estimator.alpha),
            "l1": float(estimator.l1),
            "max_norm": float(estimator.max_norm or 0.0),
            "per_batch": True,
            "penalty_in_cost": penalty_in_cost,
        }
        rule = self.rule
        self.slots = np.zeros((rule.n_slots, n_parameters if rule.n_slots else 0), dtype)
        self.counter = np.zeros(1, np.uint64)
        self.epochs = 0

    @property
    def rule(self) -> Rule:
        """What the core steps by: penalties and sums over each mini-batch's row weights."""
        return Rule(**self._numbers)

    def fits(self, n_parameters: int) -> bool:
        """Whether its state is that of so many parameters; makes it writeable if so."""
        if not self.slots.flags.writeable:  # mapped from a file for reading
            self.slots, self.counter = np.array(self.slots), np.array(self.counter)
        return self.slots.shape[1] in (0, n_parameters)

    def rates(self, n_batches: int) -> np.ndarray:
        """Return the learning rates of the next epoch's steps, (1,) or (n_batches,)."""
        if self.schedule is None:
            return np.array([self.learning_rate])
        times = self.epochs + np.arange(n_batches) / n_batches
        return np.array([self.learning_rate * float(self.schedule(t)) for t in times.tolist()])

    def epoch_ends(self, rows_seen: int) -> None:
        """Lower the learning rate that scales by the number of rows seen."""
        self.epochs += 1
        if self._kind == "invscaling":
            self.learning_rate = self._first_rate / (rows_seen + 1) ** self._power

    @property
    def adaptive_rate(self) -> float | None:
        """The learning rate, if it is lowered where nothing improves."""
        return self.learning_rate if self._kind == "adaptive" else None

    def rates_ahead(self, n_epochs: int, n_batches: int, rows_seen: int, n_rows: int) -> np.ndarray:
        """Return the learning rates of so many epochs, a row each, or one row of all.

        They are (n_epochs or 1, 1 or n_batches), the adaptive one as it stands.
        """
        if self._kind != "invscaling" and self.schedule is None:
            return self.rates(n_batches)[np.newaxis]
        twin = copy.copy(self)
        rates = []
        for e in range(n_epochs):
            rates.append(twin.rates(n_batches))
            twin.epoch_ends(rows_seen + (e + 1) * n_rows)
        return np.array(rates)

    def epochs_end(self, n: int, rows_seen: int, n_rows: int, watch: ToleranceWatch) -> None:
        """Go on from where ``n`` epochs in the core have led, ``rows_seen`` being before them."""
        if self._kind == "adaptive":
            self.learning_rate = watch.rate
        self.epochs += max(0, n - 1)
        if n:
            self.epoch_ends(rows_seen + n * n_rows)

    def gives_up(self) -> tuple[bool, str]:
        """Return whether to stop now that nothing improves, and what to say of it.

        The adaptive learning rate is lowered instead, while it is not too small.
        """
        if self._kind != "adaptive":
            return True, "Stopping."
        if self.learning_rate <= LEAST_RATE:
            return True, "Learning rate too small. Stopping."
        self.learning_rate /= 5.0
        return False, f"Setting learning rate to {self.learning_rate:f}"
