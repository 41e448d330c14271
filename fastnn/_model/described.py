"""Options as plain JSON values, and back: what a saved network says of its objects.

An object is written as its name in the module's table and its fields; nothing is looked up by a
name that is not in such a table.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from fastnn import initializers, normalization, optimizers
from fastnn._common.bit_generators import generator_from, plain_state
from fastnn._common.checks import brief, check_whole
from fastnn._common.keys import Keys, check_keys
from fastnn._model.saved_keys import PLATEAU, TRAINING
from fastnn._monitor.best_epoch import check_state
from fastnn._training.summary import check_summary
from fastnn.dropout import Dropout

_WAITING: dict[str, type[Any]] = {"lsuv": initializers.LSUV}
_MOST_STEPS = 2**62 - 1


def describe(thing: Any, names: Mapping[str, type], what: str) -> dict[str, Any] | None:
    """Return the name and the fields of a dataclass object that ``names`` knows; None for None.

    Fields that are keywords only came later: where they stand at their defaults they are left out,
    so that the file is one that was written before there were any.

    Raises
    ------
    ValueError
        If it is of a class that ``build`` could not find again.
    """
    if thing is None:
        return None
    name = next((name for name, kind in names.items() if kind is type(thing)), None)
    if name is None:
        raise ValueError(
            f"{what}: expected an object of fastnn's own classes to save, "
            f"got {type(thing).__name__}"
        )
    return {"name": name, **_fields(thing)}


def _fields(thing: Any) -> dict[str, Any]:
    return {
        field.name: getattr(thing, field.name)
        for field in dataclasses.fields(thing)
        if not field.kw_only or getattr(thing, field.name) != field.default
    }


def build(described: Any, names: Mapping[str, type], what: str) -> Any:
    """Return the object that ``describe`` wrote.

    Raises
    ------
    TypeError, ValueError
        If it is no such description: another name, fields too few or too many, or of wrong values.
    """
    if described is None:
        return None
    name = described.get("name") if isinstance(described, dict) else None
    if not isinstance(name, str) or name not in names:
        raise ValueError(f"{what}: expected one of {', '.join(names)}, got {brief(described)}")
    values = {key: value for key, value in described.items() if key != "name"}
    return _built(names[name], values, what)


def _built(kind: type, values: Any, what: str) -> Any:
    fields = dataclasses.fields(kind)  # type: ignore[arg-type]
    required = tuple(field.name for field in fields if not field.kw_only)
    optional = tuple(field.name for field in fields if field.kw_only)
    check_keys(values, Keys(required, optional), what)
    for field in fields:
        is_flag = field.name in values and isinstance(field.default, bool)
        if is_flag and not isinstance(values[field.name], bool):
            got = brief(values[field.name])
            raise ValueError(f"{what}.{field.name}: expected true or false, got {got}")
    try:
        return kind(**values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what}.{error}") from None


def describe_model(model: Any) -> dict[str, Any]:
    """Return a network's normalization, dropout and where its training stands.

    Raises
    ------
    TypeError, ValueError
        If something of it could not be built again.
    """
    state, source = model.training_state, model.random_source
    training = {
        "optimizer": describe(state.optimizer, optimizers.NAMES, "optimizer"),
        "steps": state.steps,
        "epochs": state.epochs,
        "masks": int(state.masks[0]),
        "seed": state.seed,
        "plateau": state.plateau,
        "initializer": describe(state.initializer, _WAITING, "initializer"),
        **({} if state.summary is None else {"summary": state.summary}),
    }
    check_training(training)
    return {
        "normalization": describe(model.normalization, normalization.NAMES, "normalization"),
        "dropout": [describe_dropout(each) for each in model.dropout],
        "training": training,
        "rng": plain_state(source) if isinstance(source, np.random.Generator) else None,
    }


def describe_dropout(dropout: Dropout) -> dict[str, Any]:
    """Return the fields of a ``Dropout``, which is no subclass."""
    if type(dropout) is not Dropout:
        raise ValueError(f"dropout: expected a Dropout to save, got {type(dropout).__name__}")
    return _fields(dropout)


def dropout_from(described: Any) -> list[Dropout]:
    """Return the layers' ``Dropout`` that ``describe_model`` wrote.

    Raises
    ------
    TypeError, ValueError
        If a description is none.
    """
    if not isinstance(described, list) or not all(isinstance(each, dict) for each in described):
        raise ValueError(f"dropout: expected a list of descriptions, got {brief(described)}")
    return [_built(Dropout, each, f"dropout[{i}]") for i, each in enumerate(described)]


def model_keywords(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keywords of the constructor that ``describe_model`` stands for.

    Raises
    ------
    TypeError, ValueError
        If a description is none.
    """
    return {
        "normalization": build(content["normalization"], normalization.NAMES, "normalization"),
        "dropout": dropout_from(content["dropout"]),
        "rng": None if content["rng"] is None else generator_from(content["rng"]),
    }


def check_training(described: Any) -> None:
    """Raise unless ``described`` says where a training stands.

    Raises
    ------
    TypeError, ValueError
        If a key is missing or unknown, a number is none of 0 or more, ``summary`` is no mapping of
        texts and numbers, or ``plateau`` is not what ``PlateauWatch.state`` returns.
    """
    check_keys(described, TRAINING, "training")
    for name in ("steps", "epochs", *(["masks"] if "masks" in described else [])):
        _check_count(described[name], name)
    if described["seed"] is not None:
        _check_count(described["seed"], "seed")
    if "summary" in described:
        check_summary(described["summary"], "summary")
    plateau = described["plateau"]
    if plateau is not None:
        check_keys(plateau, PLATEAU, "plateau")
        _check_count(plateau["cuts"], "plateau.cuts")
        check_state(plateau, "plateau")


def _check_count(value: Any, name: str) -> None:
    if check_whole(value, name, 0) > _MOST_STEPS:
        raise ValueError(f"{name}: expected {_MOST_STEPS} or less, got {brief(value)}")


def optimizer_from(training: Mapping[str, Any]) -> optimizers.Optimizer | None:
    """Return the optimizer of a training that ``check_training`` let pass.

    Raises
    ------
    TypeError, ValueError
        If its description is none.
    """
    return build(training["optimizer"], optimizers.NAMES, "optimizer")


def restore_training(model: Any, training: Mapping[str, Any], slots: Any) -> None:
    """Put a network's training where ``describe_model`` found it.

    Parameters
    ----------
    model : Model
    training : mapping
        Which ``check_training`` let pass.
    slots : callable
        Given the optimizer's slots, an array of its shape, it writes into them what they were.

    Raises
    ------
    TypeError, ValueError
        If the optimizer's or the initializer's description is none, or as ``slots`` does.
    """
    state = model.training_state
    initializer = build(training.get("initializer"), _WAITING, "initializer")
    optimizer = optimizer_from(training)
    if optimizer is not None:
        state.prepare(optimizer, model.n_parameters, model.dtype)
    slots(state.slots)
    state.steps, state.epochs, state.seed = (training[k] for k in ("steps", "epochs", "seed"))
    state.masks[0] = training.get("masks", state.steps)
    state.plateau, state.initializer = training["plateau"], initializer
    state.summary = training.get("summary")
