"""What a network knows of the table it was trained on; saved with it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Protocol

from fastnn._common.checks import brief

__all__ = ["Named", "TableInfo", "describe_table", "restore_table", "table_entry"]

KEY = "table"
TASKS = ("classification", "regression")


@dataclass(frozen=True)
class TableInfo:
    """The names of a network's inputs and outputs, as ``fastnn train`` found them in its data.

    Attributes
    ----------
    task : "classification" or "regression"
    classes : tuple of str, or of int and float
        What each output stands for, or both states of a single one; none for a regression.
    features : tuple of str or None
        What each input is called; None if the columns had no names.
    target : str or None
        The name of the target's column.
    column : int or None
        Where it stood, from 0, an index not counted; None if the data were no table.
    """

    task: str
    classes: tuple[Any, ...] = ()
    features: tuple[str, ...] | None = None
    target: str | None = None
    column: int | None = None


class Named(Protocol):
    """A network whose inputs and outputs may have names."""

    sizes: list[int]
    table: TableInfo | None


def describe_table(network: Named) -> dict[str, Any]:
    """Return the entry of a saved network, or none if it knows of no table."""
    return {} if network.table is None else table_entry(network.table)


def table_entry(info: TableInfo) -> dict[str, Any]:
    """Return the entry of a saved network that says what ``info`` does."""
    return {KEY: asdict(info)}


def restore_table(network: Named, content: Mapping[str, Any]) -> None:
    """Give a network what ``describe_table`` wrote, if it did.

    Raises
    ------
    ValueError
        If it is no such description, or does not go with the network's inputs and outputs.
    """
    if KEY in content:
        network.table = _checked(content[KEY], network.sizes[0], network.sizes[-1])


def _checked(described: Any, n_in: int, n_out: int) -> TableInfo:
    keys = [field.name for field in fields(TableInfo)]
    if not isinstance(described, dict) or sorted(described) != sorted(keys):
        raise ValueError(
            f"{KEY}: expected a description with {', '.join(keys)}, got {brief(described)}"
        )
    task, target, column = (described[key] for key in ("task", "target", "column"))
    if task not in TASKS:
        raise ValueError(f"{KEY}: expected a task of {' or '.join(TASKS)}, got {brief(task)}")
    if type(target) not in (str, type(None)):
        raise ValueError(f"{KEY}: expected a target's name, got {brief(target)}")
    if column is not None and not (type(column) is int and 0 <= column <= n_in):
        raise ValueError(f"{KEY}: expected a column from 0 to {n_in}, got {brief(column)}")
    n_classes = max(2, n_out) if task == "classification" else 0
    classes = _classes(described["classes"], n_classes)
    return TableInfo(task, classes, _features(described["features"], n_in), target, column)


def _classes(labels: Any, n_classes: int) -> tuple[Any, ...]:
    right = isinstance(labels, (list, tuple)) and len(labels) == n_classes
    texts = right and all(type(label) is str for label in labels)
    numbers = right and all(type(label) in (int, float) and _is_finite(label) for label in labels)
    if not (texts or numbers) or len(set(labels)) != n_classes:
        raise ValueError(
            f"{KEY}: expected {n_classes} different classes, all texts or all finite numbers, got "
            f"{brief(labels)}"
        )
    return tuple(labels)


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # a whole number of hundreds of digits
        return False


def _features(names: Any, n_in: int) -> tuple[str, ...] | None:
    if names is None:
        return None
    if not (
        isinstance(names, (list, tuple))
        and len(names) == n_in
        and all(type(name) is str for name in names)
    ):
        raise ValueError(f"{KEY}: expected {n_in} names of features, got {brief(names)}")
    return tuple(names)
