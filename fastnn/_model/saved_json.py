"""JSON of which most is long lists of numbers: they are read straight into arrays.

Python's reader makes an object of every number and every list, and a file of empty lists takes 25
times its size. Here the lists of numbers are told apart first, by their brackets, from what is
small; only that is given to Python's reader, and only as long as it stays small.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Collection, Sequence
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any, BinaryIO

import numpy as np

from fastnn._common.checks import brief

__all__ = ["Document", "loads"]

_BLANK = re.compile(r"[ \t\n\r]*")
_PLAIN = re.compile(r'[^\s,\[\]{}":]+')  # a number or a name
_BRACKET_OR_TEXT = re.compile(r'[\[\]{}"]')
_IN_NUMBERS = b"0123456789+-.eE \t\n\r"
_NO_BRACKETS = bytes.maketrans(b"[]", b"  ")
_OPEN, _CLOSE, _COMMA = b"[],"
# Characters of which the numbers are made at a time.
_CHUNK = 2**16
# Bytes that Python takes for a list, a mapping, a text, a number, and the place of each in a list.
_LIST, _MAPPING, _TEXT, _NUMBER, _PLACE = 64, 240, 56, 32, 8
# What may be taken for all that is no list of numbers: so much, and so many times the file.
_ROOM, _TIMES = 2**20, 7
_MOST_KEYS = 100


def loads(text: str) -> Any:
    """Return what ``text`` means in JSON, in which no key may stand twice and all is a number.

    Raises
    ------
    ValueError, RecursionError
    """
    return json.loads(text, object_pairs_hook=_mapping, parse_constant=_no_constant)


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {brief(twice)} is there twice")
    return made


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number in JSON")


class Document:
    """The object at the top of a JSON file.

    Parameters
    ----------
    file : binary file
        In UTF-8.
    lists : collection of str
        The keys whose values are lists of numbers, or lists of these.

    Attributes
    ----------
    values : dict
        The other keys' values; and those of ``lists`` whose value is no list.

    Raises
    ------
    ValueError, RecursionError
        If it is no JSON, no object, has a key twice, or much of it is neither text nor numbers.
    """

    def __init__(self, file: BinaryIO, lists: Collection[str]) -> None:
        head = file.read(4096).removeprefix(codecs.BOM_UTF8)
        begins = head.lstrip(b" \t\r\n")
        if begins and not begins.startswith(b"{"):
            raise ValueError(f"it begins with {brief(begins[:20])}, not with {{")
        # A character a byte, whatever is written in it: brackets and quotes are the same in UTF-8.
        self._text = (head + file.read()).decode("latin-1")
        self._lists = lists
        self._room = _ROOM + _TIMES * len(self._text)
        self._spans: dict[str, tuple[int, int]] = {}
        self.values: dict[str, Any] = {}
        self._scan()

    @property
    def keys(self) -> list[str]:
        """All keys of the object."""
        return [*self.values, *self._spans]

    def check(self, name: str, shapes: Any) -> None:
        """Raise unless the list ``name`` has the nesting of ``shapes``.

        Parameters
        ----------
        name : str
            One of ``lists``.
        shapes : tuple of int, or list of such
            Of an array, or of a list of arrays.

        Raises
        ------
        ValueError
        """
        raw = self._raw(name)
        if sum(map(_count, _listed(shapes))) > len(raw) or (
            raw.translate(None, _IN_NUMBERS) != _skeleton(shapes)
        ):
            raise ValueError(f"{name}: expected lists of numbers {_said(shapes)} as sizes says")
        _check_places(raw.translate(None, b" \t\n\r"), name)

    def fill(self, name: str, arrays: Sequence[np.ndarray]) -> None:
        """Write the numbers of the list ``name``, checked before, into ``arrays`` in turn.

        Raises
        ------
        ValueError
            If there are not so many numbers, or one is not finite in the arrays' dtype.
        """
        flat = self._raw(name).translate(_NO_BRACKETS)
        rest = iter([array.reshape(-1) for array in arrays if array.size])  # views of them
        room = np.empty(0)
        start = 0
        while start < len(flat) and not flat.isspace():
            end = flat.find(b",", start + _CHUNK)
            end = len(flat) if end < 0 else end
            numbers = _numbers(flat[start:end], name)
            start = end + 1
            while len(numbers):
                room = room if len(room) else next(rest, room)
                if not len(room):
                    raise ValueError(f"{name}: expected fewer numbers")
                n = min(len(room), len(numbers))
                room[:n] = _as_dtype(numbers[:n], room.dtype, name)
                room, numbers = room[n:], numbers[n:]
        if len(room) or next(rest, None) is not None:
            raise ValueError(f"{name}: expected more numbers")

    def _raw(self, name: str) -> bytes:
        if name not in self._spans:
            raise ValueError(f"{name}: expected lists of numbers, got {brief(self.values[name])}")
        start, end = self._spans[name]
        return self._text[start:end].encode("latin-1")

    # Scanning

    def _scan(self) -> None:
        at = self._after_blank(0, "{")
        if self._text[at : at + 1] == "}":
            self._finish(at + 1)
            return
        while True:
            start = at
            if self._text[at : at + 1] != '"':
                raise ValueError(f"expected a key at character {at}")
            _, at = scanstring(self._text, at + 1)
            key = self._decoded(start, at)
            if key in self.values or key in self._spans:
                raise ValueError(f"the key {brief(key)} is there twice")
            if len(self.values) + len(self._spans) == _MOST_KEYS:
                raise ValueError("it has more keys than a network has")
            at = self._value(key, self._after_blank(at, ":"))
            at = self._blank_end(at)
            if self._text[at : at + 1] == "}":
                self._finish(at + 1)
                return
            at = self._after_blank(at, ",")

    def _finish(self, at: int) -> None:
        end = self._blank_end(at)
        if end < len(self._text):
            raise ValueError(f"expected the end at character {end}")

    def _after_blank(self, at: int, mark: str) -> int:
        """Return where what follows ``mark`` begins, which is expected next but for blanks."""
        at = self._blank_end(at)
        if self._text[at : at + 1] != mark:
            raise ValueError(f"expected {mark} at character {at}")
        return self._blank_end(at + 1)

    def _blank_end(self, at: int) -> int:
        found = _BLANK.match(self._text, at)
        return at if found is None else found.end()

    def _value(self, key: str, at: int) -> int:
        """Take the value that begins at ``at``; return where it ends."""
        text = self._text
        if key in self._lists and text[at : at + 1] == "[":
            end = self._end_of_numbers(at)
            self._spans[key] = at, end
            return end
        end = self._end_of_value(at)
        self.values[key] = self._decoded(at, end)
        return end

    def _end_of_numbers(self, at: int) -> int:
        """Return where the list at ``at`` ends, quickly if it has nothing but numbers."""
        # Then it is the last bracket before the next key or the end.
        quote = self._text.find('"', at)
        end = self._text.rfind("]", at, len(self._text) if quote < 0 else quote) + 1
        next_at = self._blank_end(end)
        after = self._text[next_at : next_at + 1] if end else ""
        if after == "}" or (after == "," and self._blank_end(next_at + 1) == quote):
            return end
        return self._end_of_value(at)

    def _end_of_value(self, at: int) -> int:
        text, depth = self._text, 0
        if text[at : at + 1] not in ("[", "{", '"'):
            plain = _PLAIN.match(text, at)
            if plain is None:
                raise ValueError(f"expected a value at character {at}")
            return plain.end()
        while True:
            found = _BRACKET_OR_TEXT.search(text, at)
            if found is None:
                raise ValueError("it is cut short")
            self._take_between(at, found.start())
            at = self._after_token(found)
            depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found.group(), 0)
            if not depth:
                return at

    def _after_token(self, found: re.Match[str]) -> int:
        token, end = found.group(), found.end()
        if token == '"':
            _, end = scanstring(self._text, end)
        self._take({"[": _LIST, "{": _MAPPING, '"': _TEXT + end - found.start()}.get(token, 0))
        return end

    def _take_between(self, start: int, end: int) -> None:
        commas = self._text.count(",", start, end)
        numbers = commas + 1 if self._text[start:end].strip(" \t\n\r,:") else 0
        self._take(commas * _PLACE + numbers * (_NUMBER + _PLACE))

    def _take(self, room: int) -> None:
        self._room -= room
        if self._room < 0:
            raise ValueError("it has more lists and names than a network needs")

    def _decoded(self, start: int, end: int) -> Any:
        return loads(self._text[start:end].encode("latin-1").decode())


def _listed(shapes: Any) -> list[tuple[int, ...]]:
    return shapes if isinstance(shapes, list) else [shapes]


def _count(shape: tuple[int, ...]) -> int:
    """Return how many numbers, and lists of them, an array of this shape has at the least."""
    return math.prod(max(1, n) for n in shape)


def _said(shapes: Any) -> str:
    return f"of shape{'s' if isinstance(shapes, list) else ''} {brief(shapes)}"


def _skeleton(shapes: Any) -> bytes:
    """Return brackets and commas of an array of this shape in JSON, or of a list of arrays."""
    if isinstance(shapes, list):
        return b"[%b]" % b",".join(map(_skeleton, shapes))
    inner = b"[%b]" % (b"," * (shapes[-1] - 1)) if len(shapes) else b""
    for n in shapes[-2::-1]:
        inner = b"[%b]" % b",".join([inner] * n)
    return inner


def _check_places(compact: bytes, name: str) -> None:
    """Raise if a number stands before [ or after ], which no count of them shows."""
    for start in range(0, len(compact), _CHUNK):
        part = np.frombuffer(compact[start : start + _CHUNK + 1], dtype=np.uint8)
        before, after = part[:-1], part[1:]
        wrong = (after == _OPEN) & (before != _OPEN) & (before != _COMMA)
        wrong |= (before == _CLOSE) & (after != _CLOSE) & (after != _COMMA)
        if wrong.any():
            raise ValueError(f"{name}: expected numbers inside of lists")


def _numbers(text: bytes, name: str) -> np.ndarray:
    try:
        return np.array(json.loads(b"[%b]" % text), dtype=np.float64)
    except OverflowError:
        raise ValueError(f"{name}: expected finite numbers, got a whole one beyond them") from None
    except ValueError:
        raise ValueError(f"{name}: expected numbers, got something else among them") from None


def _as_dtype(numbers: np.ndarray, dtype: np.dtype, name: str) -> np.ndarray:
    with np.errstate(over="ignore"):
        converted = numbers.astype(dtype)
    if not np.isfinite(converted).all():
        bad = float(numbers[~np.isfinite(converted)][0])
        raise ValueError(f"{name}: expected numbers that are finite in {dtype}, got {bad}")
    return converted
