"""What a program may put in the place of the book's own, and whether it did.

A program replaces a method in a subclass, on an object or on the module's class; a function of the
module; a method of one of the costs. Whatever it replaced is called as the book would call it.
"""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn import costs
from fastnn._common.rng import GlobalRandom

METHODS = (
    "feedforward",
    "backprop",
    "update_mini_batch",
    "cost_derivative",
    "evaluate",
    "accuracy",
    "total_cost",
)
FUNCTIONS = ("sigmoid", "sigmoid_prime", "vectorized_result")
COSTS = {kind: {name: getattr(kind, name) for name in ("fn", "delta")} for kind in costs.COMPILED}
QUADRATIC_DELTA = COSTS[costs.QuadraticCost]["delta"]


class Module:
    """One of the book's modules: its names as they are now, and what they were at first.

    Parameters
    ----------
    names : dict
        The module's own, ``globals()``.
    network : type
        Its ``Network``.
    """

    def __init__(self, names: dict[str, Any], network: type) -> None:
        self.names = names
        self._functions = {name: names[name] for name in FUNCTIONS if name in names}
        self.sigmoid, self.sigmoid_prime = names["sigmoid"], names["sigmoid_prime"]
        self._methods = {name: getattr(network, name, None) for name in METHODS}

    def __reduce__(self) -> tuple[Any, ...]:
        return _module_named, (self.names["__name__"],)

    def has_other(self, *functions: str) -> bool:
        """Whether the program replaced one of the module's functions."""
        return any(self.names.get(name) is not self._functions[name] for name in functions)

    def has_its_sigmoid(self) -> bool:
        """Whether the neurons are still those that are compiled."""
        names = self.names
        return names["sigmoid"] is self.sigmoid and names["sigmoid_prime"] is self.sigmoid_prime

    def is_replaced(self, network: Any, method: str) -> bool:
        """Whether ``network`` answers to the name ``method`` with something of the program's."""
        if method in vars(network):
            return True
        return getattr(type(network), method, None) is not self._methods[method]

    def replaces_any(self, network: Any) -> bool:
        """Whether ``is_replaced`` for any of ``METHODS``."""
        own, kind = vars(network), type(network)
        return any(
            name in own or getattr(kind, name, None) is not ours
            for name, ours in self._methods.items()
        )

    def shuffle(self, order: np.ndarray, pairs: Callable[[], list[Any]]) -> None:
        """Shuffle ``order`` as the module's ``random.shuffle`` shuffles those pairs.

        Raises
        ------
        ValueError
            If a replaced shuffle leaves other examples than it was given.
        """
        shuffle = self.names["random"].shuffle
        if getattr(shuffle, "__self__", None) is random._inst:  # type: ignore[attr-defined]
            GlobalRandom().shuffle(order)
            return
        examples = pairs()
        places = {id(examples[i]): i for i in order}
        shuffled = [examples[i] for i in order]
        shuffle(shuffled)
        if len(shuffled) != len(order) or any(id(each) not in places for each in shuffled):
            raise ValueError("random.shuffle: expected it to leave the same pairs in another order")
        order[:] = [places[id(each)] for each in shuffled]


def _module_named(name: str) -> Module:
    return importlib.import_module(name).Network._book


class BookRandom(GlobalRandom):
    """The global states, drawn from by the names that the module has for them."""

    def __init__(self, module: Module) -> None:
        self.module = module

    def standard_normal(self, size: tuple[int, ...]) -> np.ndarray:
        return self.module.names["np"].random.randn(*size)


def is_plain_cost(cost: Any, method: str) -> bool:
    """Whether ``fn`` or ``delta`` of a cost is one that is compiled, and not the program's."""
    kind = cost if isinstance(cost, type) else type(cost)
    if kind not in COSTS or getattr(kind, method, None) is not COSTS[kind][method]:
        return False
    return isinstance(cost, type) or method not in vars(cost)
