"""TOML files: read with one line on what is wrong, and written from plain values."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Mapping
from typing import Any

from fastnn._common.extras import require
from fastnn._common.files import open_regular, shown


def read_toml(path: str) -> dict[str, Any]:
    """Return what a TOML file says.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is no TOML, naming the file.
    ImportError
        If Python is older than 3.11 and tomli is missing.
    """
    toml = _reader()
    with open_regular(path, "a TOML file") as file:
        content = file.read()
    try:
        found: dict[str, Any] = toml.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # of the encoding, too
        raise ValueError(f"{shown(path)}: expected a TOML file: {error}") from None
    return found


def _reader() -> Any:
    try:
        return importlib.import_module("tomllib")
    except ModuleNotFoundError:  # before Python 3.11
        return require("tomli", extra="search")


def by_python_names(table: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return a table whose keys may be spelled as the command line's options are, with hyphens.

    Raises
    ------
    ValueError
        If it has a key in both spellings.
    """
    found: dict[str, Any] = {}
    for key, value in table.items():
        name = key.replace("-", "_")
        if name in found:
            raise ValueError(f"{where}: {name}: expected it once, got it by two spellings")
        found[name] = value
    return found


def toml_of(values: Mapping[str, Any]) -> str:
    """Return a TOML file, a line a key; what is None is left out, tables are inline.

    Parameters
    ----------
    values : mapping
        Of texts, numbers, flags, and lists and mappings of these.
    """
    return "".join(f"{_key(k)} = {_value(v)}\n" for k, v in values.items() if v is not None)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _text(name)


def _text(text: str) -> str:
    # JSON's escapes are TOML's, but for one sign that JSON leaves as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items() if v is not None)
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, (int, float)):
        return repr(value)
    raise TypeError(f"expected a plain value to write, got {type(value).__name__}")
