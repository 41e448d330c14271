"""A reader for pickles of NumPy arrays that cannot run code.

The names in the file stand for functions of this module: nothing of NumPy or Python is looked up by
a name that the file gives. Texts of the file stay texts until an array is asked for, so that a
small file cannot multiply them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import IO, Any, cast

import numpy as np

from fastnn._common.pickle_machine import Name, PickleMachine, expect, text_of
from fastnn.datasets.compressed import BoundedReader

_MAX_INSTRUCTIONS = 10_000  # the book's three pairs need about 250
_NUMBERS = ("f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")


_NDARRAY = Name("numpy", "ndarray")


class _DType:
    """A dtype as the pickle describes it: first its code, then its byte order."""

    def __init__(self, code: str) -> None:
        self.dtype = np.dtype(code)

    def set_state(self, state: Any) -> None:
        expect(
            type(state) is tuple and len(state) >= 5 and state[2:5] == (None, None, None),
            "it holds a dtype that is not of plain numbers",
        )
        order = text_of(state[1])
        expect(order in ("<", ">", "|", "="), "it holds a dtype of unknown byte order")
        self.dtype = np.dtype(order + self.dtype.str[1:])


class PickledArray:
    """An array as the pickle describes it: first an empty one, then its content."""

    def __init__(self) -> None:
        self._dtype = np.dtype("u1")
        self._shape: tuple[int, ...] = (0,)
        self._order: Any = "C"
        self._content: str | bytes = b""
        self._array: np.ndarray | None = None

    def set_state(self, state: Any) -> None:
        """Take the pickle's (version, shape, dtype, Fortran order?, bytes), after checking them."""
        expect(
            type(state) is tuple and len(state) == 5 and isinstance(state[2], _DType),
            "it holds an array in an unknown form",
        )
        _, shape, described, fortran, content = state
        expect(
            type(shape) is tuple
            and len(shape) <= 32
            and all(type(size) is int and 0 <= size < 2**32 for size in shape),
            "it holds an array without a proper shape",
        )
        expect(type(content) in (str, bytes), "it holds an array of objects, not of numbers")
        needed = math.prod(shape) * described.dtype.itemsize
        expect(
            needed == len(content),
            f"an array of shape {shape} in it needs {needed} bytes and has {len(content)}",
        )
        self._dtype, self._shape, self._content = described.dtype, shape, content
        self._order = "F" if fortran else "C"

    def to_numpy(self) -> np.ndarray:
        """Return the array, writable and in the machine's byte order; ValueError if damaged.

        The text is given up for it, and whoever asks again gets the same array.
        """
        if self._array is None:
            content, self._content = self._content, b""
            # Python 2 wrote bytes as a text of the code points 0 to 255.
            try:
                raw = _as_bytes(content)
            except UnicodeEncodeError as error:
                message = "it holds an array whose text does not stand for bytes"
                raise ValueError(message) from error
            numbers = np.frombuffer(raw, self._dtype)
            numbers = numbers.astype(self._dtype.newbyteorder("="), copy=False)
            self._array = numbers.reshape(self._shape, order=self._order)
        return self._array


def _as_bytes(content: str | bytes) -> bytearray:
    return bytearray(content, "latin-1") if isinstance(content, str) else bytearray(content)


def _reconstruct(*args: Any) -> PickledArray:
    """Stand in for NumPy's ``_reconstruct(ndarray, (0,), b'b')``."""
    expect(len(args) == 3 and args[0] is _NDARRAY, "it holds an array of another class")
    return PickledArray()


def _dtype(*args: Any) -> _DType:
    """Stand in for ``numpy.dtype(code, align, copy)``."""
    code = text_of(args[0]) if len(args) == 3 else "?"
    expect(code in _NUMBERS, f"it holds an array of dtype {code[:20]!r}, not of numbers")
    return _DType(code)


def _encode(*args: Any) -> str:
    """Stand in for ``_codecs.encode(text, 'latin1')``: Python 3's bytes, here left as text."""
    expect(
        len(args) == 2 and type(args[0]) is str and args[1] in ("latin1", "latin-1"),
        "it encodes a text in another way than Latin-1",
    )
    return args[0]


_CALLS: dict[Name, Callable[..., Any]] = {
    Name("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    Name("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    Name("numpy", "dtype"): _dtype,
    Name("_codecs", "encode"): _encode,
}


class _Machine(PickleMachine):
    """A machine whose arrays and dtypes have states."""

    def build(self, target: Any, state: Any) -> Any:
        if not isinstance(target, (PickledArray, _DType)):
            return super().build(target, state)
        target.set_state(state)
        return target


def read_array_pickle(stream: BoundedReader) -> Any:
    """Read one pickle of arrays of numbers, and tuples of them.

    Parameters
    ----------
    stream : BoundedReader
        A pickle of protocol 1 to 4, from Python 2 or 3.

    Returns
    -------
    PickledArray, number, str, bytes, None, or tuple of these

    Raises
    ------
    ValueError
        If the pickle is damaged, or names or does anything that arrays of numbers do not need. The
        text has the pickle as its subject, "it".
    """
    machine = _Machine(_CALLS, (_NDARRAY,), needed="array of numbers", most=_MAX_INSTRUCTIONS)
    return machine.run(cast("IO[bytes]", stream))
