"""The lists ``weights`` and ``biases`` of the book's networks, which a program may set itself.

As long as they are such layers as ``sizes`` says, they live where the compiled code works. A
program whose own ``__init__`` never calls the book's, or which changes ``sizes``, has lists of its
own until they are such layers again, and is computed by the book's algorithm in Python meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from fastnn._core.engine import CompiledEngine
from fastnn._model.model import Model
from fastnn._training.state import TrainingState
from fastnn.book._replaced import BookRandom, Module
from fastnn.dropout import Dropout
from fastnn.network import Network
from fastnn.normalization import Normalization

# What compiled code needs of a network, beside its lists.
COMPILED = ("_layout", "_parameters", "_running", "_hidden", "_dropout", "_output")
MADE_WHEN_NEEDED: dict[str, Callable[[Any], Any]] = {
    "_engine": lambda network: network._new_engine(),
    "random_source": lambda network: BookRandom(network._book),
    "training_state": lambda network: TrainingState(),
}


def _free(name: str) -> Any:
    """Return a property of ``fastnn.Network`` whose name a program may use for something else."""
    ours = getattr(Network, name)

    def get(self: BookParameters) -> Any:
        return vars(self)[name] if name in vars(self) else ours.fget(self)

    def put(self: BookParameters, value: Any) -> None:
        vars(self)[name] = value

    return property(get, put, doc=ours.__doc__)


class BookParameters(Network):
    """A network whose layers a program may set, all or some, in any order."""

    _book: Module
    cost: Any = None
    # What a network has before its layers are known.
    _dtype = np.dtype(np.float64)
    _input_scale = 1.0
    _normalization: Normalization | None = None
    _dropout: tuple[Dropout, ...] = ()
    # The program's own lists by their names, while they are not where compiled code works.
    _own_lists: dict[str, Any] | None = None
    _num_layers: int | None = None

    def __getattr__(self, name: str) -> Any:
        # Only what is missing is looked for here.
        if name in MADE_WHEN_NEEDED:
            value = vars(self)[name] = MADE_WHEN_NEEDED[name](self)
            return value
        if name in COMPILED:
            if self._is_compiled():
                return vars(self)[name]
            raise ValueError(  # an AttributeError would be lost in a property
                "weights, biases: expected layers as sizes says; as they are, only the methods of "
                "the book work"
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    # The book's networks have nothing by these names.
    activation, output, dropout = _free("activation"), _free("output"), _free("dropout")
    normalization, input_scale = _free("normalization"), _free("input_scale")
    gammas, betas = _free("gammas"), _free("betas")

    @property
    def num_layers(self) -> int:
        """Layers, the input layer included; the book's ``backprop`` goes back through so many."""
        return len(self.sizes) if self._num_layers is None else self._num_layers

    @num_layers.setter
    def num_layers(self, value: int) -> None:
        self._num_layers = value

    @property
    def n_parameters(self) -> int:
        """How many weights and biases there are."""
        if self._is_compiled():
            return self._layout.n_parameters
        return sum(int(np.size(each)) for each in (*self.weights, *self.biases))

    def __repr__(self) -> str:
        return super().__repr__() if self._is_compiled() else object.__repr__(self)

    def check_batch_size(self, size: int) -> None:
        """Let any size pass: there is no batch norm in the book."""

    @property
    def weights(self) -> Any:
        """The weights (n_out, n_in) of each layer."""
        return self._layer_list("weights")

    @weights.setter
    def weights(self, values: Any) -> None:
        self._set_layers("weights", values)

    @property
    def biases(self) -> Any:
        """The biases (n_out, 1) of each layer."""
        return self._layer_list("biases")

    @biases.setter
    def biases(self, values: Any) -> None:
        self._set_layers("biases", values)

    def _take_drawn(self, weights: list[np.ndarray], biases: list[np.ndarray]) -> None:
        self.weights, self.biases = weights, biases  # views of the old ones keep their numbers

    def _plain_network(self) -> Network:
        """Return the network without what the program keeps under names of its own."""
        plain = Network.__new__(Network)
        names = ("_dtype", "_input_scale", "_normalization", "cost", *MADE_WHEN_NEEDED, *COMPILED)
        vars(plain).update({name: getattr(self, name) for name in names})
        plain._engine = CompiledEngine()
        plain.sizes = list(self._layout.sizes)
        return plain

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save the network, as ``fastnn.Network.save`` does."""
        self._plain_network().save(path)

    def _layer_list(self, name: str) -> Any:
        if self._own_lists is None:
            return getattr(Model, name).fget(self)
        if name not in self._own_lists:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return self._own_lists[name]

    def _set_layers(self, name: str, values: Any) -> None:
        compiled = "_parameters" in vars(self) and self._has_sizes(list(self._layout.sizes))
        if compiled and not (self._computes_itself() and _has_vectors(values)):
            self._detach()
            getattr(Model, name).fset(self, values)
            return
        self._take_apart()
        iterator = not isinstance(values, (list, tuple)) and hasattr(values, "__next__")
        self._own_lists = {**(self._own_lists or {}), name: list(values) if iterator else values}
        self._is_compiled()

    def _computes_itself(self) -> bool:
        """Whether the program has its own way through the layers."""
        return any(self._book.is_replaced(self, name) for name in ("feedforward", "backprop"))

    def _detach(self) -> None:
        """Move to a fresh parameter vector: views of the old one keep their numbers."""
        self._parameters = self._parameters.copy()

    def _move_to(self, weights: list[Any], biases: list[Any]) -> None:
        """Set both lists after a step, whose numbers may be no longer finite."""
        if self._is_compiled() and _layers_of(weights, biases) == list(self._layout.sizes):
            self._detach()
            self._write_layers(weights, biases)
        else:
            self.weights, self.biases = weights, biases

    def _write_layers(self, weights: list[np.ndarray], biases: list[np.ndarray]) -> None:
        layout, vector = self._layout, self._parameters
        views = *layout.weights(vector), *layout.columns("biases", vector)
        for view, array in zip(views, (*weights, *biases), strict=True):
            view[...] = array

    def _take_apart(self) -> None:
        """Leave compiled code: its lists become the program's."""
        if "_parameters" in vars(self):
            self._own_lists = {"weights": list(self.weights), "biases": list(self.biases)}
            for name in (*COMPILED, "_engine"):
                vars(self).pop(name, None)

    def _is_compiled(self) -> bool:
        """Whether the layers are where compiled code works; they are put there if they fit."""
        return "_parameters" in vars(self) or self._put_together()

    def _put_together(self) -> bool:
        lists = self._own_lists or {}
        sizes = _layers_of(lists.get("weights"), lists.get("biases"))
        if sizes is None or not self._has_sizes(sizes):
            return False
        compiled = vars(Network(sizes, output="sigmoid", initializer="zeros"))
        vars(self).update({name: compiled[name] for name in ("sizes", *COMPILED)} | vars(self))
        del self._own_lists
        self._write_layers(lists["weights"], lists["biases"])
        return True

    def _has_sizes(self, sizes: list[int]) -> bool:
        if "sizes" not in vars(self):
            return True
        try:
            return list(self.sizes) == sizes
        except (TypeError, ValueError):  # something else of the program's own
            return False


def _has_vectors(values: Any) -> bool:
    """Whether some biases have one dimension: a program that computes itself wants them so."""
    return isinstance(values, (list, tuple)) and any(np.ndim(each) == 1 for each in values)


def _layers_of(weights: Any, biases: Any) -> list[int] | None:
    """Return the sizes of the layers that these are, or None if they are no such layers."""
    lists = weights, biases
    if not all(isinstance(each, (list, tuple)) and each for each in lists):
        return None
    arrays = *weights, *biases
    plain = all(type(a) is np.ndarray and a.dtype == np.float64 and a.ndim == 2 for a in arrays)
    if not plain or len(weights) != len(biases) or any(0 in a.shape for a in arrays):
        return None
    sizes = [weights[0].shape[1], *(len(w) for w in weights)]
    shapes = [(n_out, n_in) for n_in, n_out in pairwise(sizes)]
    if [w.shape for w in weights] != shapes or [b.shape for b in biases] != [
        (n_out, 1) for n_out in sizes[1:]
    ]:
        return None
    return sizes
