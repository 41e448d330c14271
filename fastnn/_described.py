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
from fastnn.checks import brief
from fastnn.dropout import Dropout

GENERATORS = {
    kind.__name__: kind
    for kind in (np.random.PCG64, np.random.PCG64DXSM, np.random.MT19937, np.random.Philox)
}


def describe(thing: Any, names: Mapping[str, type]) -> dict[str, Any] | None:
    """Return the name and the fields of a dataclass object that ``names`` knows; None for None.

    Fields that are keywords only came later: where they stand at their defaults they are left out,
    so that the file is one that was written before there were any.
    """
    if thing is None:
        return None
    name = next(name for name, kind in names.items() if kind is type(thing))
    told = {"name": name, **dataclasses.asdict(thing)}
    for field in dataclasses.fields(thing):
        if field.kw_only and told[field.name] == field.default:
            del told[field.name]
    return told


def build(described: Any, names: Mapping[str, type], what: str) -> Any:
    """Return the object that ``describe`` wrote.

    Raises
    ------
    TypeError, ValueError
        If it is no such description.
    """
    if described is None:
        return None
    if not isinstance(described, dict) or described.get("name") not in names:
        raise ValueError(f"{what}: expected one of {', '.join(names)}, got {brief(described)}")
    kind = names[described["name"]]
    fields = {field.name for field in dataclasses.fields(kind)}
    values = {key: value for key, value in described.items() if key != "name"}
    if set(values) - fields:
        raise ValueError(f"{what}: {kind.__name__} has no {brief(sorted(set(values) - fields))}")
    return kind(**values)


def describe_model(model: Any) -> dict[str, Any]:
    """Return a network's normalization, dropout and where its training stands."""
    state = model.training_state
    generator = (
        model.random_source if isinstance(model.random_source, np.random.Generator) else None
    )
    return {
        "normalization": describe(model.normalization, normalization.NAMES),
        "dropout": [dataclasses.asdict(each) for each in model.dropout],
        "training": {
            "optimizer": describe(state.optimizer, optimizers.NAMES),
            "steps": state.steps,
            "epochs": state.epochs,
            "masks": int(state.masks[0]),
            "seed": state.seed,
            "plateau": state.plateau,
            "initializer": describe(state.initializer, initializers.NAMES),
        },
        "rng": None if generator is None else _plain(generator.bit_generator.state),
    }


def _plain(value: Any) -> Any:
    """Return a bit generator's state without arrays."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value.tolist() if isinstance(value, np.ndarray) else value


def model_keywords(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keywords of the constructor that ``describe_model`` stands for.

    Raises
    ------
    TypeError, ValueError
        If a description is none.
    """
    keywords: dict[str, Any] = {}
    if "normalization" in content:
        keywords["normalization"] = build(
            content["normalization"], normalization.NAMES, "normalization"
        )
    if "dropout" in content:
        rates = content["dropout"]
        if not isinstance(rates, list) or not all(isinstance(each, dict) for each in rates):
            raise ValueError(f"dropout: expected a list of descriptions, got {brief(rates)}")
        keywords["dropout"] = [build({"name": "dropout", **r}, {"dropout": Dropout}, "dropout")
                               for r in rates]  # fmt: skip
    if content.get("rng") is not None:
        keywords["rng"] = _generator(content["rng"])
    return keywords


def _generator(state: Any) -> np.random.Generator:
    name = state.get("bit_generator") if isinstance(state, dict) else None
    if not isinstance(name, str) or name not in GENERATORS:
        raise ValueError(f"rng: expected the state of {', '.join(GENERATORS)}, got {brief(state)}")
    bits = GENERATORS[name](0)
    try:
        bits.state = state
    except Exception as error:  # NumPy raises whatever the wrong part of the state leads to
        raise ValueError(f"rng: expected a state of {name}: {brief(error)}") from None
    return np.random.Generator(bits)


def restore_training(model: Any, described: Any, slots: Any) -> None:
    """Put a network's training where ``describe_model`` found it.

    Raises
    ------
    TypeError, ValueError
        If a description is none, or ``slots`` has another shape than its optimizer's.
    """
    if not isinstance(described, dict):
        raise ValueError(f"training: expected a description, got {brief(described)}")
    state = model.training_state
    optimizer = build(described.get("optimizer"), optimizers.NAMES, "optimizer")
    if optimizer is not None:
        state.prepare(optimizer, model.n_parameters, model.dtype)
        values = np.asarray(slots, dtype=model.dtype).reshape(-1)
        if values.size != state.slots.size:
            raise ValueError(f"slots: expected {state.slots.size} numbers, got {values.size}")
        state.slots[...] = values.reshape(state.slots.shape)
    for name in ("steps", "epochs"):
        value = described.get(name, 0)
        if not isinstance(value, int) or not 0 <= value < 2**62:
            raise ValueError(f"{name}: expected a whole number of 0 or more, got {brief(value)}")
        setattr(state, name, value)
    # Files of before have no such number: the steps told the masks apart.
    drawn = described.get("masks", state.steps)
    if not isinstance(drawn, int) or not 0 <= drawn < 2**62:
        raise ValueError(f"masks: expected a whole number of 0 or more, got {brief(drawn)}")
    state.masks[0] = drawn
    seed, plateau = described.get("seed"), described.get("plateau")
    if seed is not None and not (isinstance(seed, int) and 0 <= seed < 2**62):
        raise ValueError(f"seed: expected a whole number of 0 or more, got {brief(seed)}")
    if plateau is not None and not isinstance(plateau, dict):
        raise ValueError(f"plateau: expected a description, got {brief(plateau)}")
    waiting = build(described.get("initializer"), {"lsuv": initializers.LSUV}, "initializer")
    state.seed, state.plateau, state.initializer = seed, plateau, waiting
