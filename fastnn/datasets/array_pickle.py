"""A reader for pickles of NumPy arrays that cannot run code.

A pickle is a program: it names functions and calls them. Python's unpickler can be told which
names to allow, but still trusts the file's sizes, extension codes and object states. This reader
executes the few instructions that arrays need, and the names in the file stand for functions of
this module: nothing of NumPy or Python is looked up by a name that the file gives. Texts of the
file stay texts until an array is asked for, so that a small file cannot multiply them.
"""

from __future__ import annotations

import math
import pickletools
from collections.abc import Callable
from typing import IO, Any, NamedTuple, cast

import numpy as np

from fastnn._common.printable import printable
from fastnn.datasets.compressed import BoundedReader

_DAMAGED = "its instructions are damaged"
_MAX_INSTRUCTIONS = 10_000  # the book's three pairs need about 250
_NUMBERS = ("f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")


class _Name(NamedTuple):
    """A global that the pickle names."""

    module: str
    name: str


_NDARRAY = _Name("numpy", "ndarray")


def _require(holds: bool, complaint: str) -> None:
    if not holds:
        raise ValueError(complaint)


def _text(value: Any) -> str:
    _require(type(value) in (str, bytes), "it has something else where a text belongs")
    return value if type(value) is str else value.decode("latin-1")


class _DType:
    """A dtype as the pickle describes it: first its code, then its byte order."""

    def __init__(self, code: str) -> None:
        self.dtype = np.dtype(code)

    def set_state(self, state: Any) -> None:
        _require(
            type(state) is tuple and len(state) >= 5 and state[2:5] == (None, None, None),
            "it holds a dtype that is not of plain numbers",
        )
        order = _text(state[1])
        _require(order in ("<", ">", "|", "="), "it holds a dtype of unknown byte order")
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
        _require(
            type(state) is tuple and len(state) == 5 and isinstance(state[2], _DType),
            "it holds an array in an unknown form",
        )
        _, shape, described, fortran, content = state
        _require(
            type(shape) is tuple
            and len(shape) <= 32
            and all(type(size) is int and 0 <= size < 2**32 for size in shape),
            "it holds an array without a proper shape",
        )
        _require(type(content) in (str, bytes), "it holds an array of objects, not of numbers")
        needed = math.prod(shape) * described.dtype.itemsize
        _require(
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
    _require(len(args) == 3 and args[0] is _NDARRAY, "it holds an array of another class")
    return PickledArray()


def _dtype(*args: Any) -> _DType:
    """Stand in for ``numpy.dtype(code, align, copy)``."""
    code = _text(args[0]) if len(args) == 3 else "?"
    _require(code in _NUMBERS, f"it holds an array of dtype {code[:20]!r}, not of numbers")
    return _DType(code)


def _encode(*args: Any) -> str:
    """Stand in for ``_codecs.encode(text, 'latin1')``: Python 3's bytes, here left as text."""
    _require(
        len(args) == 2 and type(args[0]) is str and args[1] in ("latin1", "latin-1"),
        "it encodes a text in another way than Latin-1",
    )
    return args[0]


_CALLS: dict[_Name, Callable[..., Any]] = {
    _Name("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    _Name("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    _Name("numpy", "dtype"): _dtype,
    _Name("_codecs", "encode"): _encode,
}
_KNOWN = {name: name for name in (_NDARRAY, *_CALLS)}


def _known(module: Any, name: Any) -> _Name:
    named = _Name(_text(module), _text(name))
    _require(named in _KNOWN, f"it names {printable(named.module[:60] + '.' + named.name[:60])}")
    return _KNOWN[named]


def _call(function: Any, arguments: Any) -> Any:
    _require(isinstance(function, _Name) and function in _CALLS, "it calls what is no function")
    _require(type(arguments) is tuple, _DAMAGED)
    return _CALLS[function](*arguments)


def _build(target: Any, state: Any) -> Any:
    _require(isinstance(target, (PickledArray, _DType)), "it sets the state of another object")
    target.set_state(state)
    return target


# The instructions, by the names that pickletools gives them.
_IGNORED = {"PROTO", "FRAME", "STOP"}
_CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_NUMERALS = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"}
_TEXTS = {
    *("BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
    *("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
}
_PUTS = {"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"}
_GETS = {"GET", "BINGET", "LONG_BINGET"}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_PAIRS: dict[str, Callable[[Any, Any], Any]] = {
    "STACK_GLOBAL": _known,
    "REDUCE": _call,
    "BUILD": _build,
}
_MARK = object()


class _Machine:
    """The stack machine of the pickle format, as far as arrays need it."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        """Execute one instruction."""
        stack = self.stack
        if name in _NUMERALS or name in _TEXTS:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _PUTS:
            self.memo[len(self.memo) if name == "MEMOIZE" else argument] = self.top()
        elif name in _GETS:
            _require(argument in self.memo, _DAMAGED)
            stack.append(self.memo[argument])
        elif name in _TUPLES:
            stack.append(tuple(self._pop(_TUPLES[name])))
        elif name in _PAIRS:
            stack.append(_PAIRS[name](*self._pop(2)))
        elif name == "GLOBAL":
            stack.append(_known(*argument.split(" ", 1)))
        elif name == "MARK":
            stack.append(_MARK)
        elif name == "TUPLE":
            stack.append(tuple(self._pop_to_mark()))
        elif name not in _IGNORED:
            raise ValueError(f"it has the instruction {name}, which no array of numbers needs")

    def top(self) -> Any:
        """Return the value that was made last."""
        _require(bool(self.stack) and self.stack[-1] is not _MARK, _DAMAGED)
        return self.stack[-1]

    def _pop(self, count: int) -> list[Any]:
        taken = self.stack[-count:]
        _require(len(taken) == count and not any(item is _MARK for item in taken), _DAMAGED)
        del self.stack[-count:]
        return taken

    def _pop_to_mark(self) -> list[Any]:
        taken: list[Any] = []
        while self.stack and self.stack[-1] is not _MARK:
            taken.append(self.stack.pop())
        _require(bool(self.stack), _DAMAGED)
        self.stack.pop()
        return taken[::-1]


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
    machine = _Machine()
    for count, (instruction, argument, _) in enumerate(
        pickletools.genops(cast("IO[bytes]", stream))
    ):
        _require(count < _MAX_INSTRUCTIONS, f"it has more than {_MAX_INSTRUCTIONS} instructions")
        machine.step(instruction.name, argument)
    return machine.top()
