"""What a training may be told, on the command line and in a TOML file, by the same names.

They are those of ``Network`` and of its ``fit``, with ``hidden`` for ``sizes``, and those of the
rows; the search's grids have them, too.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from fastnn._common.checks import brief
from fastnn._common.files import shown
from fastnn._model.table_info import TASKS
from fastnn.cli import values
from fastnn.cli.grid import HIDDEN, check_hidden
from fastnn.cli.toml_files import by_python_names, read_toml
from fastnn.many._settings import FIT_KEYS, NAMED, NETWORK_KEYS, resolved

Settings = dict[str, Any]

# What no file can say: a number for each row, and functions.
UNSAID = ("sizes", "sample_weight", "callbacks")
NETWORK = (HIDDEN, *(name for name in NETWORK_KEYS if name not in UNSAID), "seed")
TRAINING = (*(name for name in FIT_KEYS if name not in UNSAID), "n_threads")
ROWS = (
    "data", "target", "task", "validation", "test", "split_seed", "standardize", "header", "index",
    "encoding", "delimiter",
)  # fmt: skip
KEYS = (*ROWS, *NETWORK, *TRAINING)
# May be taken back by the word "none".
NULLABLE = ("normalization", "regularizer", "schedule", "stopping", "class_weight", "time_limit")

DEFAULTS: Settings = {
    "hidden": [30], "initializer": "default", "dtype": "float64", "epochs": 30, "batch_size": 10,
    "validation": "validation", "split_seed": 0,
}  # fmt: skip
# Numbers, and how their texts are read.
NUMBERS: dict[str, Callable[[str], Any]] = {
    "epochs": values.count,
    "batch_size": values.count,
    "learning_rate": values.rate,
    "label_smoothing": values.fraction,
    "time_limit": values.rate,
    "n_threads": values.count,
    "input_scale": values.rate,
    "seed": values.seed,
    "validation": values.share_or_part,
    "test": values.share,
    "split_seed": values.seed,
}
FLAGS = ("standardize", "header", "shuffle")
TEXTS = ("data", "encoding", "delimiter", "output", "dtype")
# Options of the command line that have another name than the key they are for.
DESTINATIONS = {"output": "output_activation"}
# Options that a file tells by another key.
ELSEWHERE = {
    "output_activation": "output",
    "l1": 'regularizer = { name = "l1", strength = ... }',
    "l2": 'regularizer = { name = "l2", strength = ... }',
    "dropout_schedule": "schedule = { dropout = ... }",
    "decay_schedule": "schedule = { decay = ... }",
}
SCHEDULED = {
    "schedule": "learning_rate",
    "dropout_schedule": "dropout",
    "decay_schedule": "decay",
}


def read_settings(path: str) -> Settings:
    """Return what a TOML file tells a training.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is no TOML, or a key is unknown, or its value none that it can have; naming the file
        and the key.
    """
    found = by_python_names(read_toml(path), shown(path))
    for key, value in found.items():
        if key not in KEYS:
            instead = ELSEWHERE.get(key)
            told = f"; --{key.replace('_', '-')} is told by {instead}" if instead else ""
            raise ValueError(
                f"{shown(path)}: {brief(key)}: expected one of {', '.join(KEYS)}{told}"
            )
        try:
            found[key] = _checked(key, value)
        except argparse.ArgumentTypeError as error:
            raise ValueError(f"{shown(path)}: {key}: {error}") from None
        except (TypeError, ValueError) as error:  # which names the key
            raise ValueError(f"{shown(path)}: {error}") from None
    return found


def _checked(key: str, value: Any) -> Any:
    """Return a file's value for a key as the command line would have read it."""
    if key in NULLABLE and value == "none":
        return value
    if key in NUMBERS:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise argparse.ArgumentTypeError(f"expected a number, got {brief(value)}")
        return NUMBERS[key](str(value))
    if key in FLAGS and not isinstance(value, bool):
        raise argparse.ArgumentTypeError(f"expected true or false, got {brief(value)}")
    if key in TEXTS and not isinstance(value, str):
        raise argparse.ArgumentTypeError(f"expected a text, got {brief(value)}")
    if key in ("target", "index"):
        return _column(value, may_be_absent=key == "index")
    if key == "task" and value not in TASKS:
        raise argparse.ArgumentTypeError(f"expected {' or '.join(TASKS)}, got {brief(value)}")
    if key == HIDDEN:
        return check_hidden(value, HIDDEN)
    if key == "activation" and not _are_names(value):
        raise argparse.ArgumentTypeError(f"expected a name or a list of them, got {brief(value)}")
    if key in NAMED and isinstance(value, Mapping) and key != "schedule" and "name" not in value:
        raise argparse.ArgumentTypeError(f"expected a name among its keys, got {brief(value)}")
    if key in (*NETWORK_KEYS, *FIT_KEYS):
        _made(key, value)
    return value


def _are_names(value: Any) -> bool:
    names = value if isinstance(value, list) else [value]
    return bool(names) and all(isinstance(name, str) for name in names)


def _column(value: Any, *, may_be_absent: bool) -> str | bool:
    if value is False and may_be_absent:
        return value
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise argparse.ArgumentTypeError(f"expected a column's name or number, got {brief(value)}")
    return str(value)


def given_in(arguments: argparse.Namespace) -> Settings:
    """Return what the command line says, by the keys of a file.

    Raises
    ------
    ValueError
        If it says two penalties.
    """
    said = {key: value for key, value in vars(arguments).items() if value is not None}
    found = {key: said.get(DESTINATIONS.get(key, key)) for key in KEYS}
    strengths = {key: said[key] for key in ("l1", "l2") if key in said}
    if strengths and found["regularizer"] is not None:
        raise ValueError(f"--{next(iter(strengths))}: expected it or --regularizer, got both")
    if strengths:
        found["regularizer"] = {"name": "l1l2", "l1": 0.0, "l2": 0.0, **strengths}
    found["schedule"] = {what: said[key] for key, what in SCHEDULED.items() if key in said} or None
    return {key: value for key, value in found.items() if value is not None}


def merged(file: Settings, arguments: argparse.Namespace) -> Settings:
    """Return the settings of a file with what the command line says instead, and all defaults."""
    given = given_in(arguments)
    if "schedule" in given:
        given["schedule"] = _together(file.get("schedule", "none"), given["schedule"])
    found = {**DEFAULTS, **file, **given}
    return {key: found[key] for key in KEYS if key in found}


def _together(before: Any, said: Settings) -> Settings | str:
    """Return schedules by what they are of, ``said`` in the place of those before."""
    if before == "none":
        before = {}
    elif isinstance(before, str) or "name" in before:
        before = {"learning_rate": before}
    both = {**before, **said}
    return {what: each for what, each in both.items() if each != "none"} or "none"


def settings_of(arguments: argparse.Namespace) -> Settings:
    """Return what a command is told, by its words and the file of --config; data and a seed, too.

    Raises
    ------
    OSError, ValueError
        If the file cannot be read, a key or value of it is wrong, or there are no data.
    """
    file = {} if arguments.config is None else read_settings(arguments.config)
    settings = merged(file, arguments)
    if "data" not in settings:
        raise ValueError("DATA: expected what to learn from, here or as data in --config FILE")
    if "seed" not in settings:
        settings["seed"] = int(np.random.SeedSequence().generate_state(1)[0])
    return settings


def _made(key: str, value: Any) -> Any:
    """Return what a value means, objects by their names."""
    if key == "cost" and isinstance(value, str):
        value = value.replace("-", "_")
    if key == "schedule" and isinstance(value, str):
        value = {"name": value}
    if key == "schedule" and isinstance(value, Mapping) and "name" not in value:
        return {what: _made(key, each) for what, each in value.items()}
    if key == "regularizer" and isinstance(value, str):
        value = {"name": value}
    return resolved(key, value)


def made(settings: Settings, keys: tuple[str, ...]) -> Settings:
    """Return some settings as arguments: objects in the place of what describes them.

    Raises
    ------
    TypeError, ValueError
        Naming the key.
    """
    said = {key: value for key, value in settings.items() if key in keys}
    return {
        key: None if key in NULLABLE and value == "none" else _made(key, value)
        for key, value in said.items()
    }


def name_of(value: Any) -> str:
    """Return the name in a setting that may have arguments, with hyphens."""
    name = value["name"] if isinstance(value, Mapping) else value
    return str(name).replace("_", "-")
