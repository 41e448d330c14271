"""What a search is to try: a grid, or a list of settings, with objects by their names."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

import numpy as np

from fastnn import costs, initializers, normalization, optimizers, regularizers, schedules
from fastnn._common.checks import brief
from fastnn.dropout import Dropout
from fastnn.network import Network
from fastnn.stopping import EarlyStopping

__all__ = ["FIT_KEYS", "NETWORK_KEYS", "Setting", "check_keys", "listed", "of_setting", "resolved"]

Setting = Mapping[str, Any]


def _keys_of(method: Any, but: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in inspect.signature(method).parameters if name not in but)


NETWORK_KEYS = _keys_of(Network.__init__, ("self", "rng"))
FIT_KEYS = _keys_of(Network.fit, ("self", "X", "y", "validation_data", "n_threads", "progress"))
REQUIRED = ("sizes", "epochs")
# Keys whose value may itself be a list of numbers: such a list is one choice of a grid.
LISTS = ("sizes", "sample_weight")

COSTS: dict[str, type] = {
    "quadratic": costs.QuadraticCost,
    "cross_entropy": costs.CrossEntropyCost,
    "log_likelihood": costs.LogLikelihoodCost,
    "huber": costs.HuberCost,
    "absolute": costs.AbsoluteCost,
    "poisson": costs.PoissonCost,
    "quantile": costs.QuantileCost,
}
REGULARIZERS: dict[str, Any] = {
    "l1": regularizers.L1,
    "l2": regularizers.L2,
    "l1l2": regularizers.L1L2,
    "max_norm": regularizers.MaxNorm,
}
SCHEDULES: dict[str, Any] = {
    name: getattr(schedules, name)
    for name in schedules.__all__
    if inspect.isfunction(getattr(schedules, name)) and name != "get"
} | {"halve_on_plateau": schedules.HalveOnPlateau}
# What a mapping with a "name" makes of the other keys, by the key that it stands for.
NAMED: dict[str, Mapping[str, Any]] = {
    "cost": COSTS,
    "optimizer": optimizers.NAMES,
    "initializer": initializers.NAMES,
    "normalization": normalization.NAMES,
    "regularizer": REGULARIZERS,
    "schedule": SCHEDULES,
}
# What a mapping without a name makes.
UNNAMED: dict[str, Any] = {"stopping": EarlyStopping, "dropout": Dropout}


def of_setting(index: int, error: Exception) -> Exception:
    """Return an error that says which setting it is about, and what ``error`` says."""
    kind = next((kind for kind in (TypeError, MemoryError) if type(error) is kind), ValueError)
    return kind(f"settings[{index}]: {error}")


def listed(settings: Any) -> list[dict[str, Any]]:
    """Return the settings, one a mapping: a grid's product, or those of a list or an iterator.

    Parameters
    ----------
    settings : mapping of lists, or iterable of mappings
        Of a grid the last key goes fastest; what is no list is a single choice.

    Raises
    ------
    TypeError, ValueError
        If there is none, or one of them is no mapping; naming its index.
    """
    if isinstance(settings, Mapping):
        return _product(settings)
    if isinstance(settings, (str, bytes)) or not isinstance(settings, Iterable):
        raise TypeError(
            f"settings: expected a mapping of lists or a list of mappings, got {brief(settings)}"
        )
    found = []
    for i, setting in enumerate(settings):
        if not isinstance(setting, Mapping):
            raise TypeError(f"settings[{i}]: expected a mapping, got {brief(setting)}")
        found.append(dict(setting))
    if not found:
        raise ValueError("settings: expected at least one, got none")
    return found


def _product(grid: Setting) -> list[dict[str, Any]]:
    choices = {key: _choices(key, value) for key, value in grid.items()}
    empty = [key for key, values in choices.items() if not values]
    if empty:
        raise ValueError(f"settings: {empty[0]}: expected at least one choice, got none")
    if not choices:
        raise ValueError("settings: expected at least one key, got none")
    return [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]


def _choices(key: str, value: Any) -> list[Any]:
    if isinstance(value, np.ndarray):
        value = value.tolist() if key not in LISTS or value.ndim == 2 else [value]
    if not isinstance(value, (list, tuple, range)):
        return [value]
    if key in LISTS and len(value) and all(np.isscalar(each) for each in value):
        return [value]
    return list(value)


def check_keys(setting: Setting, index: int) -> None:
    """Raise unless the keys are a network's and those of its ``fit``.

    Raises
    ------
    TypeError, ValueError
        Naming the setting and the key.
    """
    for key in setting:
        if key not in NETWORK_KEYS and key not in FIT_KEYS:
            hint = {
                "rng": "; the seeds are given once, as seeds",
                "n_threads": "; a job is trained by one thread, see n_jobs",
                "validation_data": "; it is given once, as validation_data",
                "progress": "; it is given once, as progress",
            }.get(key, "")
            raise ValueError(
                f"settings[{index}]: {brief(key)}: expected a key of Network or fit "
                f"({', '.join((*NETWORK_KEYS, *FIT_KEYS))}){hint}"
            )
    for key in REQUIRED:
        if key not in setting:
            raise ValueError(f"settings[{index}]: {key}: expected a value, got none")


def resolved(key: str, value: Any) -> Any:
    """Return what a setting's value means: objects may be given by name.

    A cost is a name or, as optimizers, initializers, normalizations, regularizers and schedules
    are, a mapping with "name" and the arguments; ``EarlyStopping`` and ``Dropout`` are mappings of
    their arguments.

    Raises
    ------
    TypeError, ValueError
        Naming the key.
    """
    if key == "cost" and isinstance(value, str):
        return _named(key, value)
    if not isinstance(value, Mapping):
        return value
    if key in UNNAMED:
        return _made(key, UNNAMED[key], value)
    if key in NAMED and "name" in value:
        return _made(
            key,
            _named(key, value["name"]),
            {name: _part(key, given) for name, given in value.items() if name != "name"},
        )
    if key == "schedule":
        return {what: resolved(key, each) for what, each in value.items()}
    return value


def _part(key: str, given: Any) -> Any:
    """Return an argument of a schedule that is made of schedules, or any other as it is."""
    if key == "schedule" and isinstance(given, (list, tuple)):
        return [resolved(key, each) for each in given]
    return given


def _named(key: str, name: Any) -> Any:
    table = NAMED[key]
    if not isinstance(name, str) or name not in table:
        raise ValueError(f"{key}: expected one of {', '.join(table)}, got {brief(name)}")
    return table[name]


def _made(key: str, make: Any, arguments: Mapping[str, Any]) -> Any:
    try:
        inspect.signature(make).bind(**arguments)
    except TypeError as error:
        raise TypeError(f"{key}: {make.__name__}: {error}, got {brief(dict(arguments))}") from None
    try:
        return make(**arguments)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{key}: {error}") from None
