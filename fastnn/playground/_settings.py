"""What one chooses on the page: names, bounds, and the network's and the training's arguments."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastnn import activations, costs, initializers, optimizers, regularizers
from fastnn._common.checks import brief
from fastnn.playground._refused import Refused

# Data of the page, in its order; "table" is one's own.
DATA = ("circles", "moons", "spirals", "xor", "digits", "mnist", "table")
COSTS: dict[str, type] = {
    "log_likelihood": costs.LogLikelihoodCost,
    "cross_entropy": costs.CrossEntropyCost,
    "quadratic": costs.QuadraticCost,
}
OPTIMIZERS: dict[str, optimizers.Optimizer] = {
    "sgd": optimizers.SGD(),
    "momentum": optimizers.SGD(momentum=0.9),
    "nesterov": optimizers.SGD(momentum=0.9, nesterov=True),
    "rmsprop": optimizers.RMSprop(),
    "adagrad": optimizers.AdaGrad(),
    "adam": optimizers.Adam(),
    "adamw": optimizers.AdamW(),
}
# A good learning rate to begin with, which the page takes when one chooses an optimizer.
RATES = {
    "sgd": 0.1, "momentum": 0.02, "nesterov": 0.02, "rmsprop": 0.005, "adagrad": 0.05,
    "adam": 0.01, "adamw": 0.01,
}  # fmt: skip
MOST_LAYERS = 6


@dataclass(frozen=True)
class Choice:
    """One of some names."""

    names: tuple[str, ...]

    def checked(self, name: str, value: Any) -> Any:
        """Return ``value`` if it is one of them."""
        if not isinstance(value, str) or value not in self.names:
            raise _wrong(name, f"one of {', '.join(self.names)}", value)
        return value


@dataclass(frozen=True)
class Number:
    """A number from ``low`` to ``high``."""

    low: float
    high: float
    whole: bool = False

    def checked(self, name: str, value: Any) -> Any:
        """Return ``value`` as an int or a float if it is within the bounds."""
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not (is_number and math.isfinite(value) and self.low <= value <= self.high):
            raise _wrong(name, f"a number from {self.low:g} to {self.high:g}", value)
        if self.whole and value != int(value):
            raise _wrong(name, "a whole number", value)
        return int(value) if self.whole else float(value)


FIELDS: dict[str, Choice | Number] = {
    "data": Choice(DATA),
    "noise": Number(0, 0.5),
    "activation": Choice(activations.HIDDEN),
    "initializer": Choice(tuple(initializers.NAMES)),
    "normalization": Choice(("none", "batch", "layer")),
    "dropout": Number(0, 0.8),
    "cost": Choice(tuple(COSTS)),
    "optimizer": Choice(tuple(OPTIMIZERS)),
    "learning_rate": Number(1e-5, 10),
    "batch_size": Number(1, 1024, whole=True),
    "l1": Number(0, 100),
    "l2": Number(0, 100),
    "epochs": Number(1, 10_000, whole=True),
    "seed": Number(0, 9999, whole=True),
}
_UNITS = Number(1, 256, whole=True)


@dataclass(frozen=True)
class Settings:
    """All that one chooses for a training; ``FIELDS`` says what each may be.

    Attributes
    ----------
    hidden : tuple of int
        Neurons of the hidden layers.
    l1, l2 : float
        Strengths of the penalties, by the book's scale strength/n.
    epochs : int
        After how many the training pauses.
    """

    data: str = "circles"
    noise: float = 0.05
    hidden: tuple[int, ...] = (8, 8)
    activation: str = "tanh"
    initializer: str = "xavier_normal"
    normalization: str = "none"
    dropout: float = 0.0
    cost: str = "log_likelihood"
    optimizer: str = "adam"
    learning_rate: float = 0.01
    batch_size: int = 10
    l1: float = 0.0
    l2: float = 0.0
    epochs: int = 500
    seed: int = 0

    def in_training(self) -> tuple[Any, ...]:
        """Return what may change while a network trains; the rest makes a new network."""
        return self.optimizer, self.learning_rate, self.batch_size, self.l1, self.l2

    def is_same_network(self, other: Settings) -> bool:
        """Whether ``other`` asks for the same data and the same beginning."""
        changing = {"optimizer", "learning_rate", "batch_size", "l1", "l2", "epochs"}
        names = {field.name for field in dataclasses.fields(self)} - changing
        return all(getattr(self, name) == getattr(other, name) for name in names)


# What suits each kind of data, where it is not as in ``Settings``.
SUITING: dict[str, dict[str, Any]] = {
    "circles": {},
    "moons": {"noise": 0.15, "epochs": 200},
    "spirals": {"noise": 0.02, "hidden": (32, 32), "activation": "relu", "batch_size": 20,
                "initializer": "he_normal", "epochs": 200},
    "xor": {"noise": 0.0, "hidden": (4,), "epochs": 200},
    "digits": {"hidden": (30,), "activation": "relu", "initializer": "he_normal", "epochs": 30,
               "learning_rate": 0.005},
    "mnist": {"hidden": (30,), "activation": "relu", "initializer": "he_normal", "epochs": 10,
              "batch_size": 50, "learning_rate": 0.005},
    "table": {"hidden": (16,), "epochs": 100},
}  # fmt: skip


def suiting(data: str) -> Settings:
    """Return settings to begin with for a kind of data."""
    return Settings(data=data, **SUITING[data])


def settings_from(given: Any) -> Settings:
    """Return the settings that the page sent.

    Raises
    ------
    Refused
        Naming what is missing, unknown or out of its bounds.
    """
    names = {field.name for field in dataclasses.fields(Settings)}
    if not isinstance(given, Mapping) or set(given) != names:
        raise _wrong("settings", f"exactly {', '.join(sorted(names))}", given)
    checked = {name: field.checked(name, given[name]) for name, field in FIELDS.items()}
    hidden = given["hidden"]
    if not isinstance(hidden, list) or len(hidden) > MOST_LAYERS:
        raise _wrong("hidden", f"a list of at most {MOST_LAYERS} numbers", hidden)
    units = tuple(_UNITS.checked(f"hidden[{i}]", each) for i, each in enumerate(hidden))
    return Settings(**checked, hidden=units)


def described() -> dict[str, Any]:
    """Return, as plain values, what may be chosen, for the page's selects and sliders."""
    fields: dict[str, Any] = {
        name: list(field.names) if isinstance(field, Choice) else [field.low, field.high]
        for name, field in FIELDS.items()
    }
    return {
        "fields": fields,
        "units": [_UNITS.low, _UNITS.high],
        "most_layers": MOST_LAYERS,
        "rates": RATES,
        "suiting": {name: dataclasses.asdict(suiting(name)) for name in DATA},
    }


def network_arguments(settings: Settings, regression: bool, dtype: str) -> dict[str, Any]:
    """Return the keywords of ``Network`` besides its sizes."""
    found: dict[str, Any] = {
        "cost": costs.QuadraticCost if regression else COSTS[settings.cost],
        "activation": settings.activation,
        "initializer": settings.initializer,
        "rng": settings.seed,
    }
    if regression:
        found["output"] = "identity"
    if settings.normalization != "none":
        found["normalization"] = settings.normalization
    if settings.dropout:
        found["dropout"] = settings.dropout
    if dtype != "float64":
        found["dtype"] = dtype
    return found


def fit_arguments(settings: Settings, regression: bool) -> dict[str, Any]:
    """Return the keywords of ``fit`` besides data and epochs."""
    found: dict[str, Any] = {
        "batch_size": settings.batch_size,
        "optimizer": OPTIMIZERS[settings.optimizer],
        "learning_rate": settings.learning_rate,
        "metrics": ["r2" if regression else "accuracy"],
    }
    if settings.l1 or settings.l2:
        found["regularizer"] = regularizers.L1L2(l1=settings.l1, l2=settings.l2)
    return found


def _wrong(name: str, expected: str, value: Any) -> Refused:
    return Refused("error_settings", f"{name}: expected {expected}, got {brief(value)}")
