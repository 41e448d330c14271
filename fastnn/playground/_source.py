"""Values and calls as lines of Python."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from fastnn.optimizers import Optimizer
from fastnn.regularizers import Regularizer


class Name(str):
    """Python that is written as it is."""


def call(function: str, positional: Sequence[str], keywords: Mapping[str, Any]) -> list[str]:
    """Return the lines of a call, a line an argument."""
    arguments = [*positional, *(f"{name}={source(value)}" for name, value in keywords.items())]
    return [f"{function}(", *(f"    {argument}," for argument in arguments), ")"]


def source(value: Any) -> str:
    """Return the expression that gives ``value``; a plain text stands in double quotes."""
    if isinstance(value, Name):
        return value
    if isinstance(value, type):
        return f"fastnn.{value.__name__}"
    if isinstance(value, (Optimizer, Regularizer)):
        return _of_object(value)
    if isinstance(value, list):
        return f"[{', '.join(map(source, value))}]"
    written = repr(value)
    is_plain = isinstance(value, str) and not set(written[1:-1]) & set("\"'\\")
    return f'"{value}"' if is_plain else written


def _of_object(thing: Optimizer | Regularizer) -> str:
    module = "optimizers" if isinstance(thing, Optimizer) else "regularizers"
    given = [
        f"{field.name}={getattr(thing, field.name)!r}"
        for field in dataclasses.fields(thing)
        if getattr(thing, field.name) != field.default
    ]
    return f"{module}.{type(thing).__name__}({', '.join(given)})"
