"""The variables in HDF5 files of Keras: in the order in which layers made them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn._common.checks import brief
from fastnn.convert._numbers import floats_of

__all__ = ["OldVariables", "Variables", "text_of"]

# The names of variables in a legacy file, in the order in which a layer has them.
_ORDER = (
    "kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance", "mean", "variance",
    "count",
)  # fmt: skip


def text_of(h5py: Any, file: Any, name: str, most: int) -> Any:
    """Return an attribute that is one text, or None if there is none of this name.

    Raises
    ------
    ValueError
        If it is something else, or longer than ``most`` bytes.
    """
    if name not in file.attrs:
        return None
    attribute = h5py.h5a.open(file.id, name.encode())
    if attribute.shape != () or attribute.get_storage_size() > most:
        raise ValueError(f"its {name} is no text of at most {most} bytes")
    value = file.attrs[name]
    if not isinstance(value, (str, bytes)) or len(value) > most:
        raise ValueError(f"its {name} is no text of at most {most} bytes")
    return value


class Variables:
    """The variables of the layers, which are asked for in the order of the model.

    Parameters
    ----------
    h5py : module
    file : h5py.File
    size : int
        Its bytes.
    """

    def __init__(self, h5py: Any, file: Any, size: int) -> None:
        self._h5py, self._file, self._size = h5py, file, size
        self._seen: dict[str, int] = {}
        self._taken: set[str] = set()

    def take(self, kind: str, name: str, n: int, n_others: int = 0) -> list[np.ndarray]:
        """Return the ``n`` first variables of the next layer of a class, named ``name``.

        Others that tell nothing of what is computed come behind them.
        """
        title = re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", kind))
        title = title.lower()
        number = self._seen[title] = self._seen.get(title, -1) + 1
        place = f"{title}_{number}" if number else title
        self._taken.add(place)
        where = f"layers/{place}/vars"
        group = self._at(where, self._h5py.Group)
        told = group.attrs.get("name")
        if told is not None and told != name:
            raise ValueError(f"layer {name}: its weights are those of {brief(told)}")
        if len(group) != n + n_others:
            raise ValueError(f"layer {name}: expected {n + n_others} variables, got {len(group)}")
        return [self._array(f"{where}/{i}", name) for i in range(n)]

    def check_all_taken(self) -> None:
        """Raise for variables of a layer that was not described."""
        if "layers" in self._file:
            for place in set(self._at("layers", self._h5py.Group)) - self._taken:
                if len(self._at(f"layers/{place}/vars", self._h5py.Group)):
                    raise ValueError(f"layers: its weights have {brief(place)} beside them")

    def _at(self, path: str, kind: Any) -> Any:
        """Return what lies at a path, to which no link leads out of the file."""
        at = self._file
        for part in path.split("/"):
            link = at.get(part, getlink=True) if isinstance(at, self._h5py.Group) else None
            if not isinstance(link, self._h5py.HardLink):
                raise ValueError(f"its weights have no {path}")
            at = at[part]
        if not isinstance(at, kind):
            raise ValueError(f"its weights have no {path}")
        return at

    def _array(self, path: str, name: str) -> np.ndarray:
        found = self._at(path, self._h5py.Dataset)
        plain = found.dtype.kind == "f" and not found.is_virtual and found.external is None
        filters = found.id.get_create_plist().get_nfilters()
        if not plain or filters or found.nbytes > self._size:
            raise ValueError(
                f"layer {name}: expected plain numbers in the file, got {found.dtype} of shape "
                f"{found.shape}"
            )
        if found.id.get_storage_size() != found.nbytes:
            raise ValueError(f"layer {name}: its numbers are not in the file")
        return floats_of(found[()], f"layer {name}")


class OldVariables(Variables):
    """Those of a legacy .h5 file, where a layer has a group of its own name."""

    def take(self, kind: str, name: str, n: int, n_others: int = 0) -> list[np.ndarray]:
        """Return the ``n`` first variables of the layer ``name``."""
        if name in self._taken:
            raise ValueError(f"layer {name}: two layers have this name")
        self._taken.add(name)
        if n + n_others == 0:
            return []
        where = f"model_weights/{name}"
        names = self._names(where, n + n_others)
        ends = [re.sub(r"(.*/)?([^/:]*)(:0)?", r"\2", each) for each in names]
        places = [_ORDER.index(end) if end in _ORDER else -1 for end in ends]
        if len(names) != n + n_others or places != sorted({*places} - {-1}):
            raise ValueError(f"layer {name}: expected {n + n_others} variables, got {brief(ends)}")
        return [self._array(f"{where}/{each}", name) for each in names[:n]]

    def check_all_taken(self) -> None:
        """Raise for variables of a layer that was not described."""
        for name in set(self._at("model_weights", self._h5py.Group)) - self._taken:
            if len(self._at(f"model_weights/{name}", self._h5py.Group)):
                raise ValueError(f"layers: its weights have {brief(name)} beside them")

    def _names(self, where: str, most: int) -> Sequence[str]:
        """Return the names of a layer's variables, which its group tells."""
        group = self._at(where, self._h5py.Group)
        if "weight_names" not in group.attrs:
            raise ValueError(f"its weights have no names of {where}")
        attribute = self._h5py.h5a.open(group.id, b"weight_names")
        if len(attribute.shape) != 1 or attribute.shape[0] > most:
            raise ValueError(f"its {where} has {brief(attribute.shape)} names")
        if attribute.get_storage_size() > self._size:
            raise ValueError(f"its {where} has names that are not in the file")
        names = group.attrs["weight_names"].tolist()
        return [each.decode() if isinstance(each, bytes) else str(each) for each in names]
