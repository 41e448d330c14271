"""The reader of .safetensors files: a header in JSON, then the tensors' bytes, one after the other.

The format: https://huggingface.co/docs/safetensors, "Format".
"""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np

from fastnn._common.checks import brief
from fastnn._model.saved_json import loads
from fastnn.convert._numbers import DTYPES, numbers_in

__all__ = ["read_safetensors"]

# Bytes of a header that is read: of some 2500 tensors.
_MOST_HEADER = 2**18
_KEYS = ["data_offsets", "dtype", "shape"]


def read_safetensors(content: bytes) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return the tensors of a file by their names, and its metadata.

    Parameters
    ----------
    content : bytes
        Of the whole file. The arrays share its memory.

    Raises
    ------
    ValueError
        If it is no such file; the text has the file as its subject, "it".
    """
    length = struct.unpack("<Q", content[:8])[0] if len(content) >= 8 else 0
    if not 2 <= length <= len(content) - 8:
        raise ValueError("it has no header of safetensors")
    if length > _MOST_HEADER:
        raise ValueError(f"its header has {length} bytes; expected at most {_MOST_HEADER}")
    text = content[8 : 8 + length]
    if text.count(b"[") + text.count(b"{") > 100 + length // 16:  # a tensor has 3, and 50 bytes
        raise ValueError("its header has more lists than tensors need")
    header = loads(text.decode())
    if not isinstance(header, dict):
        raise ValueError(f"its header is no object: {brief(header)}")
    metadata = _metadata(header.pop("__metadata__", {}))
    data = memoryview(content)[8 + length :]
    spans = {name: _span(entry, name, len(data)) for name, entry in header.items()}
    at = 0
    for name in sorted(spans, key=lambda name: spans[name]):
        if spans[name][0] != at:
            raise ValueError(f"its tensor {brief(name)} does not begin where the one before ends")
        at = spans[name][1]
    if at != len(data):
        raise ValueError("it has bytes that belong to no tensor")
    return {name: _tensor(header[name], data[slice(*spans[name])]) for name in header}, metadata


def _metadata(given: Any) -> dict[str, str]:
    texts = isinstance(given, dict) and all(isinstance(value, str) for value in given.values())
    if not texts:
        raise ValueError(f"its metadata are no texts: {brief(given)}")
    return given


def _span(entry: Any, name: str, size: int) -> tuple[int, int]:
    """Return where a tensor's bytes begin and end, checked against its dtype and shape."""
    if not isinstance(entry, dict) or sorted(entry) != _KEYS:
        raise ValueError(f"its tensor {brief(name)} is described by {brief(entry)}")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise ValueError(f"its tensor {brief(name)} has the dtype {brief(dtype)}")
    if not _are_counts(shape) or len(shape) > 8 or not _are_counts(offsets) or len(offsets) != 2:
        raise ValueError(f"its tensor {brief(name)} has shape {brief(shape)} at {brief(offsets)}")
    begin, end = offsets
    n_bytes = math.prod(shape) * np.dtype(DTYPES[dtype]).itemsize
    if not begin <= end <= size or end - begin != n_bytes:
        raise ValueError(
            f"its tensor {brief(name)} needs {brief(n_bytes)} bytes for {dtype} of shape "
            f"{brief(shape)}, and lies from {brief(begin)} to {brief(end)} of {size}"
        )
    return begin, end


def _are_counts(values: Any) -> bool:
    whole = isinstance(values, list) and all(type(value) is int for value in values)
    return whole and all(0 <= value < 2**48 for value in values)


def _tensor(entry: dict[str, Any], content: memoryview) -> np.ndarray:
    return numbers_in(content, entry["dtype"]).reshape(entry["shape"])
