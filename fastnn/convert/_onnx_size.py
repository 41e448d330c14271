"""What an ONNX file would take in memory, looked at before its parser runs.

Of an empty message, two bytes, Protocol Buffers make an object of a hundred. Only tensors may be
large, and each has few fields. Encoding: https://protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["check_size"]

# Bytes of all that is no tensor's, and fields of a graph and of a tensor.
_MOST_BYTES, _MOST_FIELDS, _MOST_OF_TENSOR = 2**18, 20_000, 64
# Numbers of fields: ModelProto's graph, GraphProto's initializer.
_GRAPH, _INITIALIZER = 7, 5


def check_size(content: memoryview) -> None:
    """Raise unless a file is a model of few nodes.

    Parameters
    ----------
    content : memoryview of bytes

    Raises
    ------
    ValueError
    """
    other = 0
    for number, field in _fields(content, _MOST_FIELDS):
        if number != _GRAPH:
            other += len(field)
            continue
        for inner, part in _fields(field, _MOST_FIELDS):
            if inner == _INITIALIZER:
                for _ in _fields(part, _MOST_OF_TENSOR):
                    pass
            else:
                other += len(part)
    if other > _MOST_BYTES:
        raise ValueError(f"it has {other} bytes beside its tensors; expected at most {_MOST_BYTES}")


def _fields(content: memoryview, most: int) -> Iterator[tuple[int, memoryview]]:
    """Yield the number and the bytes of each field of a message."""
    at = 0
    for _ in range(most):
        if at == len(content):
            return
        key, at = _varint(content, at)
        kind = key & 7
        if kind == 0:
            _, end = _varint(content, at)
        elif kind == 2:
            length, at = _varint(content, at)
            end = at + length
        elif kind in (1, 5):
            end = at + (8 if kind == 1 else 4)
        else:
            raise ValueError("it is no message of Protocol Buffers")
        if end > len(content):
            raise ValueError("it is cut short")
        yield key >> 3, content[at:end]
        at = end
    if at < len(content):
        raise ValueError(f"it has a part of more than {most} fields")


def _varint(content: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for i in range(10):
        if at + i >= len(content):
            break
        byte = content[at + i]
        value |= (byte & 0x7F) << 7 * i
        if byte < 0x80:
            return value, at + i + 1
    raise ValueError("it is cut short")
