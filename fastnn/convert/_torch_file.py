"""The reader of what ``torch.save`` writes of a ``state_dict``, without PyTorch.

It is a zip archive: a pickle that tells of the tensors, and a file of plain numbers for each. The
pickle is a program; what is needed of it is executed by a machine that knows tensors and mappings
of them, and the names in it stand for functions of this module.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np

from fastnn._common.archives import check_directory, check_stored
from fastnn._common.checks import brief
from fastnn._common.pickle_machine import Name, PickleMachine, expect
from fastnn.convert._numbers import DTYPES, numbers_in

__all__ = ["read_torch_file"]

# Bytes of the directory, and of the pickle: of some 2000 tensors.
_MOST_DIRECTORY, _MOST_PICKLE = 2**18, 2**19
# A tensor needs some 50 instructions of 5 bytes each; what is made by one takes a hundred bytes.
_LEAST, _LENGTH = 1000, 4
_STORAGES = {
    Name("torch", f"{name}Storage"): dtype
    for name, dtype in {
        "Double": "F64",
        "Float": "F32",
        "Half": "F16",
        "BFloat16": "BF16",
        "Long": "I64",
        "Int": "I32",
        "Short": "I16",
        "Char": "I8",
        "Byte": "U8",
        "Bool": "BOOL",
    }.items()
}
_DAMAGED = "its instructions are damaged"


def read_torch_file(file: BinaryIO, size: int) -> dict[str, Any]:
    """Return the tensors of a ``state_dict`` by their names.

    Parameters
    ----------
    file : binary file
    size : int
        Its bytes.

    Raises
    ------
    Exception
        If it is no such file: zipfile raises all kinds, some without words.
    """
    check_directory(file, size, _MOST_DIRECTORY)
    with zipfile.ZipFile(file) as archive:
        check_stored(archive, size)
        names = archive.namelist()
        pickles = [name for name in names if name.count("/") == 1 and name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise ValueError("it has no data.pkl, as torch.save writes it")
        folder = pickles[0].partition("/")[0]
        if f"{folder}/constants.pkl" in names:
            raise ValueError("it is a program of TorchScript; expected a saved state_dict")
        order = f"{folder}/byteorder"
        if order in names and archive.read(order) != b"little":
            raise ValueError("its numbers are big-endian")
        return _state(archive, folder, size)


def _state(archive: zipfile.ZipFile, folder: str, size: int) -> dict[str, Any]:
    content = archive.read(f"{folder}/data.pkl")
    expect(len(content) <= _MOST_PICKLE, f"its data.pkl has {len(content)} bytes")
    machine = _Machine(_Storages(archive, folder), 2 * size, _LEAST + len(content) // _LENGTH)
    state = machine.run(io.BytesIO(content))
    expect(isinstance(state, dict), f"it holds no mapping but {_kind_of(state)}")
    for name, value in state.items():
        expect(
            type(name) is str and isinstance(value, np.ndarray),
            f"it holds {_kind_of(value)} as {brief(name)}; expected a state_dict, a mapping from "
            "names to tensors",
        )
    return dict(state)


def _kind_of(value: Any) -> str:
    return "a tensor" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"


class _Storages:
    """The files of plain numbers, each read once."""

    def __init__(self, archive: zipfile.ZipFile, folder: str) -> None:
        self._archive, self._folder = archive, folder
        self._read: dict[tuple[str, str], np.ndarray] = {}

    def numbers(self, described: Any) -> np.ndarray:
        """Return what ('storage', class, key, device, length) stands for, flat."""
        expect(
            type(described) is tuple and len(described) == 5 and described[0] == "storage",
            "it refers to something else than a tensor's numbers",
        )
        _, kind, key, _, length = described
        expect(isinstance(kind, Name) and kind in _STORAGES, "it has numbers of an unknown kind")
        expect(type(key) is str and key.isalnum() and type(length) is int, _DAMAGED)
        dtype = _STORAGES[kind]
        if (key, dtype) not in self._read:
            content = self._archive.read(f"{self._folder}/data/{key}")
            expect(
                len(content) == length * np.dtype(DTYPES[dtype]).itemsize,
                f"it has {len(content)} bytes for {brief(length)} numbers of {kind.name}",
            )
            expect(key not in {key for key, _ in self._read}, "it has numbers of two kinds at once")
            self._read[key, dtype] = numbers_in(content, dtype)
        return self._read[key, dtype]


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *others: Any) -> np.ndarray:
    """Stand in for PyTorch's ``_rebuild_tensor_v2``: a view of a storage's numbers."""
    expect(isinstance(storage, np.ndarray) and storage.ndim == 1, _DAMAGED)
    counts = (offset, *shape, *strides) if type(shape) is type(strides) is tuple else (-1,)
    expect(all(type(n) is int and 0 <= n < 2**48 for n in counts), "it has a tensor of no shape")
    expect(len(shape) == len(strides) <= 8, "it has a tensor of no shape")
    last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    fits = math.prod(shape) <= len(storage) and (0 in shape or last < len(storage))
    expect(fits, f"it has a tensor of shape {brief(shape)} in {len(storage)} numbers")
    if 0 in shape:
        return np.empty(shape, storage.dtype)
    steps = [step * storage.itemsize for step in strides]
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, steps, writeable=False)


def _parameter(data: Any, *others: Any) -> Any:
    """Stand in for PyTorch's ``_rebuild_parameter``: its tensor."""
    return data


def _mapping(*given: Any) -> dict[Any, Any]:
    """Stand in for ``OrderedDict()``."""
    expect(not given, "it makes a mapping of something")
    return {}


_CALLS: dict[Name, Callable[..., Any]] = {
    Name("torch._utils", "_rebuild_tensor_v2"): _tensor,
    Name("torch._utils", "_rebuild_parameter"): _parameter,
    Name("collections", "OrderedDict"): _mapping,
}


class _Machine(PickleMachine):
    """A machine that knows mappings, and where a tensor's numbers lie."""

    def __init__(self, storages: _Storages, most_bytes: int, most: int) -> None:
        super().__init__(_CALLS, _STORAGES, needed="state_dict", most=most)
        self._storages, self._left = storages, most_bytes

    def step(self, name: str, argument: Any) -> None:
        """Execute one instruction."""
        if name == "EMPTY_DICT":
            self.stack.append({})
        elif name == "BINPERSID":
            (described,) = self.pop(1)
            self.stack.append(self._storages.numbers(described))
        elif name == "SETITEM":
            self._set_items(self.pop(2))
        elif name == "SETITEMS":
            self._set_items(self.pop_to_mark())
        else:
            super().step(name, argument)

    def _set_items(self, items: list[Any]) -> None:
        target = self.top()
        expect(type(target) is dict and len(items) % 2 == 0, _DAMAGED)
        for key, value in zip(items[::2], items[1::2], strict=True):
            expect(type(key) is str and key not in target, "it has a name that is none, or twice")
            if isinstance(value, np.ndarray):  # two tensors may share their numbers
                self._left -= value.nbytes
                expect(self._left >= 0, "its tensors are larger than the file")
            target[key] = value

    def build(self, target: Any, state: Any) -> Any:
        """Return a mapping: its attributes tell of versions of modules only."""
        expect(type(target) is dict and type(state) is dict, "it sets the state of an object")
        return target
