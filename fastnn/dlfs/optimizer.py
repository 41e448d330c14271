"""The optimizers of the book's ``common.optimizer``; their steps are in the compiled core.

``update(params, grads)`` steps each parameter in place by its gradient, of the same name. ``g`` is
the gradient, ``η`` the learning rate; ε is 1e-7.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, MutableMapping
from typing import Any

import numpy as np

from fastnn._core.optimizer import Optimizer as Kernel
from fastnn._core.optimizer import Rule, optimizer_step
from fastnn._core.plan import ParameterLayout
from fastnn.dlfs._parameters import Parameters, same_places

__all__ = ["SGD", "AdaGrad", "Adam", "Momentum", "Nesterov", "RMSprop"]

EPS = 1e-7  # the book's
NUMBERS = (float, int, np.floating, np.integer)


class Optimizer:
    """Base of all of them; a subclass says which compiled step it is.

    Parameters
    ----------
    lr : float
        η.
    """

    # What the compiled step is told, beside the numbers of ``_told``.
    _kernel = Kernel.SGD
    _nesterov = False
    _steps = 0
    # The whole state of a network's parameters (n_slots, n_parameters), by their layout; that of
    # single arrays, by their names.
    _whole: tuple[ParameterLayout, np.ndarray] | None = None

    def __init__(self, lr: float) -> None:
        self.lr = lr
        self._single: dict[str, np.ndarray] = {}

    def _told(self) -> tuple[float, float]:
        """Return the rule's first number and its second."""
        return 0.0, 0.0

    def _rule(self, l2: float = 0.0) -> Rule:
        return _rule_of(self._kernel, *self._told(), self._nesterov, l2)

    def _slots(self, layout: ParameterLayout, n_slots: int) -> np.ndarray:
        """Return the state (n_slots, n_parameters) of a network's parameters."""
        if n_slots == 0:
            return np.empty((0, 0))
        if self._single:
            raise ValueError("params: expected the arrays of the steps before, got a network's")
        if self._whole is None:
            self._whole = layout, np.zeros((n_slots, layout.n_parameters))
        if not same_places(self._whole[0], layout):
            raise ValueError("params: expected those of the steps before, got another network's")
        return self._whole[1]

    def _state(self, slot: int) -> Mapping[str, np.ndarray] | None:
        """Return a row of the state by the parameters' names; None before the first step."""
        if self._whole is not None:
            layout, slots = self._whole
            return Parameters(layout, slots[slot])
        return {name: state[slot] for name, state in self._single.items()} or None

    def update(self, params: MutableMapping[str, Any], grads: Mapping[str, Any]) -> None:
        """Step the parameters.

        Parameters
        ----------
        params : mapping of str to array or float
            Arrays of float32 or float64 are stepped in place, numbers are replaced.
        grads : mapping of str to array or float
            The gradient of each.

        Raises
        ------
        KeyError
            If a parameter has no gradient.
        TypeError
            If a parameter is no float, nor an array of float32 or float64.
        ValueError
            If a gradient has another shape, or the state is that of other parameters.
        """
        rule = self._rule()
        if isinstance(params, Parameters) and params.is_whole:
            slots = self._slots(params.layout, rule.n_slots)
            gradient = _as_vector(grads, params)
            self._steps += 1
            optimizer_step(rule, params.vector, gradient, slots, self.lr, self._steps)
            return
        if self._whole is not None:
            raise ValueError("params: expected the network's of the steps before, got others")
        wanted = {
            name: _as_stepped(value, grads[name], self._single.get(name), name)
            for name, value in params.items()
        }
        self._steps += 1
        for name, (values, gradient) in wanted.items():
            if rule.n_slots and name not in self._single:
                self._single[name] = np.zeros((rule.n_slots, *values.shape), values.dtype)
            slots = self._single.get(name, np.empty((0, *values.shape), values.dtype))
            if values.size:
                flat, state = values.reshape(-1), slots.reshape(len(slots), values.size)
                optimizer_step(rule, flat, gradient.reshape(-1), state, self.lr, self._steps)
            if not isinstance(params[name], np.ndarray):
                params[name] = values[()]
            elif params[name] is not values:
                params[name][...] = values


@functools.lru_cache(64)
def _rule_of(kind: int, first: float, second: float, nesterov: bool, l2: float) -> Rule:
    """Return a rule, the same object for the same numbers, by which memory for steps is kept."""
    return Rule(
        kind=kind,
        first=first,
        second=second,
        eps=EPS,
        nesterov=nesterov,
        weight_decay=0.0,
        l2=l2,
        l1=0.0,
        max_norm=0.0,
        epsilon_hat=True,
        per_batch=False,
        penalty_in_cost=0.0,
    )


def _as_vector(grads: Mapping[str, Any], params: Parameters) -> np.ndarray:
    """Return the gradients in one vector, laid out as the parameters."""
    if isinstance(grads, Parameters) and same_places(grads.layout, params.layout):
        return grads.vector
    whole = Parameters(params.layout, np.empty_like(params.vector))
    for name in params:
        whole[name] = grads[name]
    return whole.vector


def _as_stepped(
    value: Any, gradient: Any, state: np.ndarray | None, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return a parameter's numbers in C order, themselves if they are, and their gradient."""
    is_array = isinstance(value, np.ndarray)
    numbers = value.dtype in (np.float32, np.float64) if is_array else isinstance(value, NUMBERS)
    if not numbers:
        got = f"an array of {value.dtype}" if is_array else type(value).__name__
        raise TypeError(f"{name}: expected a number or an array of float32 or float64, got {got}")
    values = np.asarray(value, dtype=value.dtype if is_array else float, order="C")
    if state is not None and state.shape[1:] != values.shape:
        raise ValueError(f"{name}: expected shape {state.shape[1:]} as before, got {values.shape}")
    return values, np.array(np.broadcast_to(gradient, values.shape), values.dtype, order="C")


class SGD(Optimizer):
    """p ← p − η g.

    Parameters
    ----------
    lr : float, default 0.01
        η.
    """

    def __init__(self, lr: float = 0.01) -> None:
        super().__init__(lr)


class Momentum(Optimizer):
    """v ← μ v − η g;  p ← p + v.

    Parameters
    ----------
    lr : float, default 0.01
        η.
    momentum : float, default 0.9
        μ.
    """

    _kernel = Kernel.MOMENTUM

    def __init__(self, lr: float = 0.01, momentum: float = 0.9) -> None:
        super().__init__(lr)
        self.momentum = momentum

    def _told(self) -> tuple[float, float]:
        return self.momentum, 0.0

    @property
    def v(self) -> Mapping[str, np.ndarray] | None:
        """The velocities by the parameters' names; None before the first step."""
        return self._state(0)


class Nesterov(Momentum):
    """v ← μ v − η g;  p ← p + μ v − η g (Sutskever, Martens, Dahl and Hinton, 2013).

    Parameters
    ----------
    lr : float, default 0.01
        η.
    momentum : float, default 0.9
        μ.
    """

    _nesterov = True


class AdaGrad(Optimizer):
    """h ← h + g²;  p ← p − η g / (√h + ε) (Duchi, Hazan and Singer, 2011).

    Parameters
    ----------
    lr : float, default 0.01
        η.
    """

    _kernel = Kernel.ADAGRAD

    def __init__(self, lr: float = 0.01) -> None:
        super().__init__(lr)

    @property
    def h(self) -> Mapping[str, np.ndarray] | None:
        """The sums of squares by the parameters' names; None before the first step."""
        return self._state(0)


class RMSprop(Optimizer):
    """h ← α h + (1 − α) g²;  p ← p − η g / (√h + ε) (Tieleman and Hinton, 2012).

    Parameters
    ----------
    lr : float, default 0.01
        η.
    decay_rate : float, default 0.99
        α.
    """

    _kernel = Kernel.RMSPROP

    def __init__(self, lr: float = 0.01, decay_rate: float = 0.99) -> None:
        super().__init__(lr)
        self.decay_rate = decay_rate

    def _told(self) -> tuple[float, float]:
        return self.decay_rate, 0.0

    @property
    def h(self) -> Mapping[str, np.ndarray] | None:
        """The means of squares by the parameters' names; None before the first step."""
        return self._state(0)


class Adam(Optimizer):
    """m ← β₁ m + (1 − β₁) g;  v ← β₂ v + (1 − β₂) g²;  p ← p − ηₜ m / (√v + ε).

    ηₜ = η √(1 − β₂ᵗ) / (1 − β₁ᵗ) in step t (Kingma and Ba, 2015, end of section 2).

    Parameters
    ----------
    lr : float, default 0.001
        η.
    beta1, beta2 : float, default 0.9 and 0.999
        β₁ and β₂.
    """

    _kernel = Kernel.ADAM

    def __init__(self, lr: float = 0.001, beta1: float = 0.9, beta2: float = 0.999) -> None:
        super().__init__(lr)
        self.beta1, self.beta2 = beta1, beta2

    def _told(self) -> tuple[float, float]:
        return self.beta1, self.beta2

    @property
    def iter(self) -> int:
        """Steps taken."""
        return self._steps

    @property
    def m(self) -> Mapping[str, np.ndarray] | None:
        """The means of gradients by the parameters' names; None before the first step."""
        return self._state(0)

    @property
    def v(self) -> Mapping[str, np.ndarray] | None:
        """The means of their squares by the parameters' names; None before the first step."""
        return self._state(1)
