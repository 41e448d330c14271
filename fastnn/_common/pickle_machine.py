"""The stack machine of the pickle format, which executes what data need and nothing else.

A pickle is a program: it names functions and calls them. Python's unpickler can be told which
names to allow, but still trusts the file's sizes, extension codes and object states. This machine
executes the few instructions that plain values need, and the names in the file stand for functions
of its caller: nothing of Python or of a library is looked up by a name that the file gives.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Collection, Mapping
from typing import IO, Any, NamedTuple, NoReturn

from fastnn._common.printable import printable

__all__ = ["Name", "PickleMachine", "expect", "text_of"]

_DAMAGED = "its instructions are damaged"


class Name(NamedTuple):
    """A global that the pickle names."""

    module: str
    name: str


def expect(holds: bool, complaint: str) -> None:
    """Raise ``ValueError`` with the complaint unless it holds."""
    if not holds:
        raise ValueError(complaint)


def text_of(value: Any) -> str:
    """Return a text, or bytes as one of the code points 0 to 255.

    Raises
    ------
    ValueError
        If it is neither.
    """
    expect(type(value) in (str, bytes), "it has something else where a text belongs")
    return value if type(value) is str else value.decode("latin-1")


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
_MARK = object()


class PickleMachine:
    """A stack machine for values, tuples of them, and calls of the functions that it is given.

    Parameters
    ----------
    calls : mapping of Name to callable
        What stands for the functions that a pickle may name and call.
    names : collection of Name
        What else it may name.
    needed : str
        What the pickle is to hold, for messages, which have it as their subject, "it".
    most : int
        Instructions that it may have.
    """

    def __init__(
        self,
        calls: Mapping[Name, Callable[..., Any]],
        names: Collection[Name],
        *,
        needed: str,
        most: int,
    ) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self._calls, self._needed, self._most = calls, needed, most
        self._names = {name: name for name in (*names, *calls)}
        self._pairs: dict[str, Callable[[Any, Any], Any]] = {
            "STACK_GLOBAL": self._known,
            "REDUCE": self._call,
            "BUILD": self.build,
        }

    def run(self, stream: IO[bytes]) -> Any:
        """Execute a pickle and return what it made last.

        Parameters
        ----------
        stream : binary file

        Raises
        ------
        ValueError
            If it is damaged, names or does anything else, or goes on for too long.
        """
        for count, (instruction, argument, _) in enumerate(pickletools.genops(stream)):
            expect(count < self._most, f"it has more than {self._most} instructions")
            self.step(instruction.name, argument)
        return self.top()

    def build(self, target: Any, state: Any) -> Any:
        """Return ``target`` with its state set; by default nothing has one."""
        raise ValueError("it sets the state of another object")

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
            expect(argument in self.memo, _DAMAGED)
            stack.append(self.memo[argument])
        elif name in _TUPLES:
            stack.append(tuple(self.pop(_TUPLES[name])))
        elif name in self._pairs:
            stack.append(self._pairs[name](*self.pop(2)))
        elif name == "GLOBAL":
            stack.append(self._known(*argument.split(" ", 1)))
        elif name == "MARK":
            stack.append(_MARK)
        elif name == "TUPLE":
            stack.append(tuple(self.pop_to_mark()))
        elif name not in _IGNORED:
            self.refuse(name)

    def refuse(self, instruction: str) -> NoReturn:
        """Raise for an instruction that is not needed."""
        raise ValueError(f"it has the instruction {instruction}, which no {self._needed} needs")

    def top(self) -> Any:
        """Return the value that was made last."""
        expect(bool(self.stack) and self.stack[-1] is not _MARK, _DAMAGED)
        return self.stack[-1]

    def pop(self, count: int) -> list[Any]:
        """Take the last values off the stack."""
        taken = self.stack[-count:]
        expect(len(taken) == count and not any(item is _MARK for item in taken), _DAMAGED)
        del self.stack[-count:]
        return taken

    def pop_to_mark(self) -> list[Any]:
        """Take the values since the last mark off the stack."""
        taken: list[Any] = []
        while self.stack and self.stack[-1] is not _MARK:
            taken.append(self.stack.pop())
        expect(bool(self.stack), _DAMAGED)
        self.stack.pop()
        return taken[::-1]

    def _known(self, module: Any, name: Any) -> Name:
        named = Name(text_of(module), text_of(name))
        where = printable(named.module[:60] + "." + named.name[:60])
        expect(named in self._names, f"it names {where}")
        return self._names[named]

    def _call(self, function: Any, arguments: Any) -> Any:
        known = isinstance(function, Name) and function in self._calls
        expect(known, "it calls what is no function")
        expect(type(arguments) is tuple, _DAMAGED)
        return self._calls[function](*arguments)
