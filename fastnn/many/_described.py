"""What values are, the same in every process: what tells one search from another."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import inspect
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from fastnn._common.checks import brief

__all__ = ["described", "fingerprint"]

ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def described(value: Any, name: str) -> Any:
    """Return what a value is, in JSON's values, the same in every process.

    Parameters
    ----------
    value : object
    name : str
        What errors call it.

    Raises
    ------
    ValueError
        If its ``repr`` has its address in it, and nothing else says what it is.
    """
    if value is None or isinstance(value, (bool, str, int)):
        return value
    if isinstance(value, (float, np.generic)):
        return repr(value.item() if isinstance(value, np.generic) else value)
    if isinstance(value, np.ndarray):
        return {"array": fingerprint(value)}
    if isinstance(value, Mapping):
        return {str(key): described(each, name) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [described(each, name) for each in value]
    if isinstance(value, functools.partial):
        return [described(each, name) for each in (value.func, value.args, value.keywords)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return {_qualified(type(value)): described(fields, name)}
    if isinstance(value, type) or inspect.isroutine(value):
        return _of_code(value, name)
    return _of_object(value, name)


def _qualified(thing: Any) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"


def _of_code(value: Any, name: str) -> str:
    """Return the name of a class or a function, by which it is found."""
    text = _qualified(value)
    if "<lambda>" in text or "<locals>" in text:
        raise ValueError(
            f"{name}: expected what a journal can tell apart, got {brief(value)}: define it in a "
            "module, or leave out journal"
        )
    return text


def _of_object(value: Any, name: str) -> Any:
    if callable(getattr(value, "get_params", None)):  # an estimator of scikit-learn's
        return {_qualified(type(value)): described(value.get_params(), name)}
    text = repr(value)
    if ADDRESS.search(text):
        if type(value).__repr__ is object.__repr__ and hasattr(value, "__dict__"):
            return {_qualified(type(value)): described(vars(value), name)}
        raise ValueError(
            f"{name}: expected what a journal can tell apart, got {brief(value)}, whose repr is "
            "another in each process"
        )
    return {_qualified(type(value)): text}


def fingerprint(*things: Any) -> str:
    """Return a hash of arrays, sparse matrices and JSON's values."""
    digest = hashlib.sha256()
    for thing in things:
        for part in _bytes_of(thing):
            digest.update(part)
    return digest.hexdigest()[:32]


def _bytes_of(thing: Any) -> Iterator[Any]:
    if isinstance(thing, np.ndarray) and thing.dtype.kind != "O":
        yield f"{thing.dtype.str} {thing.shape}".encode()
        yield np.ascontiguousarray(thing).data if thing.size else b""
    elif callable(getattr(thing, "tocsr", None)):
        rows = thing.tocsr()
        for part in (rows.data, rows.indices, rows.indptr):
            yield from _bytes_of(part)
    elif hasattr(thing, "to_numpy"):
        yield repr(list(getattr(thing, "columns", []))).encode()
        yield repr(thing.to_numpy().tolist()).encode()
    elif isinstance(thing, np.ndarray):
        yield repr(thing.tolist()).encode()
    else:
        yield json.dumps(thing, sort_keys=True).encode()
