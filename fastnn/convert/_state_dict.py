"""Networks from PyTorch's ``state_dict``, in memory or in a file, and from its modules."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np

from fastnn import normalization
from fastnn._common.checks import brief
from fastnn.activations import KERNELS
from fastnn.convert._assemble import assemble
from fastnn.convert._chain import Activation, Dense, Drop, Layer, Norm
from fastnn.convert._module_text import networks_of_text
from fastnn.convert._names import name_network, only_one, told_by_fastnn
from fastnn.convert._numbers import floats_of
from fastnn.convert._reading import reading
from fastnn.convert._safetensors import read_safetensors
from fastnn.convert._torch_file import read_torch_file
from fastnn.dropout import Dropout
from fastnn.network import Network
from fastnn.normalization import BatchNorm, Normalization

__all__ = ["Kind", "chain_of", "from_state_dict", "networks_in"]

Kind = str | Normalization | Dropout
FUNCTIONS = (*KERNELS, "log_softmax")
EXPECTED = "a state_dict, as a .safetensors file or as torch.save writes it"


def from_state_dict(
    state: Mapping[str, Any] | str | os.PathLike[str],
    layers: Sequence[Kind] | Mapping[str, Kind] | None = None,
    *,
    prefix: str = "",
    output: str | None = None,
    cost: Any = None,
    inference: bool = False,
) -> Network:
    """Return the network whose numbers a ``state_dict`` of PyTorch holds.

    A state_dict says nothing of the layers without numbers, nor of the order in which layers are
    applied: that is what ``layers`` says. Neither PyTorch nor safetensors is needed to read a file,
    and nothing of it is executed.

    Parameters
    ----------
    state : mapping, or path
        From names as "0.weight" to tensors or arrays; or a .safetensors file, or one that
        ``torch.save(module.state_dict(), path)`` wrote. A file's content says which.
    layers : sequence, or mapping from names to such
        All layers in the order in which they are applied, one place for each module of an
        ``nn.Sequential``, whose names are its places "0", "1", ...; or a mapping from the modules'
        names. A layer is "linear"; "batch", "layer" or an object of ``fastnn.normalization``; the
        name of an activation of ``fastnn.activations``, or "log_softmax"; a ``Dropout``; or
        "flatten", which changes nothing here. By default those that a .safetensors file of fastnn's
        export tells; it also tells names of classes and features, which become the ``table``.
    prefix : str, default ""
        What stands before all names, such as "model.".
    output : str, optional
        Activation of the outputs where the layers end without one, as networks that are trained on
        logits do.
    cost : class or object, optional
        What the network is trained by on; by default the cost whose outputs these are.
    inference : bool, default False
        Whether what matters in training alone may be lost: batch norm is then folded into the
        layers beside it, to rounding, and dropout is left out.

    Returns
    -------
    Network
        Of float64 if a weight is, else of float32.

    Raises
    ------
    TypeError, ValueError
        If the file is damaged, a tensor is missing, left over or of another shape than the layer
        needs, or the layers are none that a ``Network`` has, naming the layer.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.convert import from_state_dict
    >>> state = {"0.weight": np.ones((3, 2)), "0.bias": np.zeros(3), "2.weight": np.ones((1, 3))}
    >>> from_state_dict(state, ["linear", "relu", "linear"]).predict([1.0, 2.0])
    array([9.])
    """
    named = None if layers is None else _named(layers)
    options: dict[str, Any] = {"output": output, "cost": cost, "inference": inference}
    if isinstance(state, Mapping):
        if named is None:
            raise TypeError("layers: expected a list of layers or a mapping, got None")
        return assemble(chain_of(state, named, prefix), **options)
    with reading(state, EXPECTED, "state") as file:
        if named is None:
            return only_one(networks_in(file, prefix, **options))
        tensors, told = _tensors_in(file)
        network = assemble(chain_of(tensors, named, prefix), **options)
        name_network(network, told_by_fastnn(told))
        return network


def networks_in(file: BinaryIO, prefix: str = "", **options: Any) -> list[Network]:
    """Return the networks of a file that tells its module, as fastnn's export writes it.

    Raises
    ------
    TypeError, ValueError
        As ``from_state_dict``.
    """
    tensors, told = _tensors_in(file)
    if not {"fastnn", "module"} <= told.keys():
        raise ValueError("layers: needed for this file, which fastnn's export has not written")
    several = [_named(layers) for layers in networks_of_text(told["module"])]
    names = told_by_fastnn(told)
    if len(several) > 1:  # each by its place; none may take another one's tensors
        several = [[(f"{m}.{name}", kind) for name, kind in each] for m, each in enumerate(several)]
    chains = chains_of(tensors, several, prefix)
    networks = [assemble(chain, **options) for chain in chains]
    for network in networks:
        name_network(network, names)
    return networks


def _named(layers: Any) -> list[tuple[str, Kind]]:
    if isinstance(layers, Mapping):
        pairs = list(layers.items())
    elif isinstance(layers, (list, tuple)):
        pairs = [(str(i), layer) for i, layer in enumerate(layers)]
    else:
        raise TypeError(f"layers: expected a list of layers or a mapping, got {brief(layers)}")
    for name, layer in pairs:
        known = isinstance(layer, (Normalization, Dropout)) or (
            isinstance(layer, str)
            and layer in ("linear", "flatten", *normalization.NAMES, *FUNCTIONS)
        )
        if not isinstance(name, str) or not known:
            raise ValueError(
                f"layers[{name!r}]: expected 'linear', 'flatten', a normalization, the name of an "
                f"activation or a Dropout, got {brief(layer)}"
            )
    return pairs


def _tensors_in(file: BinaryIO) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the tensors of a file, and its metadata."""
    is_zip = file.read(2) == b"PK"
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    try:
        return (read_torch_file(file, size), {}) if is_zip else read_safetensors(file.read())
    except Exception as error:  # zipfile raises all kinds for a damaged file, some without words
        raise ValueError(f"expected {EXPECTED}: {str(error) or type(error).__name__}") from None


# From tensors to layers


def chain_of(
    state: Mapping[str, Any], named: Sequence[tuple[str, Kind]], prefix: str = ""
) -> list[Layer]:
    """Return the chain of layers whose numbers ``state`` holds under ``prefix`` and their names.

    Raises
    ------
    TypeError, ValueError
        Naming the tensor that is missing, left over or does not fit.
    """
    return chains_of(state, [named], prefix)[0]


def chains_of(
    state: Mapping[str, Any], several: Sequence[Sequence[tuple[str, Kind]]], prefix: str = ""
) -> list[list[Layer]]:
    """Return the chain of each network, which together take all tensors; see ``chain_of``."""
    tensors = _Tensors(state, prefix)
    chains = [
        [layer for name, kind in named for layer in _layer(tensors, name, kind)]
        for named in several
    ]
    tensors.check_all_taken()
    return chains


class _Tensors:
    """Tensors by name, each taken once."""

    def __init__(self, state: Mapping[str, Any], prefix: str) -> None:
        self._state, self._prefix = state, prefix
        self._left = dict.fromkeys(state)

    def take(self, name: str, n_dims: int = 1) -> np.ndarray | None:
        """Return a tensor's floating-point numbers, or None if there is none of this name."""
        full = self._prefix + name
        if full not in self._left:
            return None
        del self._left[full]
        array = floats_of(self._state[full], f"state[{full!r}]")
        if array.ndim != n_dims or 0 in array.shape:
            raise ValueError(
                f"state[{full!r}]: expected {n_dims} dimensions, got shape {array.shape}"
            )
        return array

    def needed(self, name: str, n_dims: int = 1) -> np.ndarray:
        """Return what ``take`` does, which must be there."""
        array = self.take(name, n_dims)
        if array is None:
            known = brief(list(self._state))
            raise ValueError(f"state: expected a tensor {self._prefix + name!r}, got {known}")
        return array

    def skip(self, name: str) -> None:
        """Take a tensor that tells nothing of what is computed."""
        self._left.pop(self._prefix + name, None)

    def check_all_taken(self) -> None:
        """Raise for a tensor that no layer has."""
        if self._left:
            raise ValueError(
                f"state: expected tensors of the given layers only, got {brief(list(self._left))}"
            )


def _layer(tensors: _Tensors, name: str, kind: Kind) -> list[Layer]:
    if isinstance(kind, Dropout):
        if not kind.inverted:
            raise ValueError(f"layer {name}: expected inverted dropout, which PyTorch's is")
        return [Drop(name, kind.rate)]
    if kind == "flatten":
        return []
    if kind == "linear":
        return [_dense(tensors, name)]
    if isinstance(kind, Normalization) or kind in normalization.NAMES:
        found = normalization.get(kind)
        return [] if found is None else [_norm(tensors, name, found)]
    return [Activation(name, kind)]


def _dense(tensors: _Tensors, name: str) -> Dense:
    W = tensors.needed(f"{name}.weight", 2)
    b = tensors.take(f"{name}.bias")
    if b is None:
        b = np.zeros(len(W), W.dtype)
    if len(b) != len(W):
        raise ValueError(f"layer {name}: {len(b)} biases for weights of shape {W.shape}")
    return Dense(name, W, b)


def _norm(tensors: _Tensors, name: str, kind: Normalization) -> Norm:
    statistics: tuple[np.ndarray | None, ...] = (None, None)
    if isinstance(kind, BatchNorm):
        statistics = tuple(tensors.needed(f"{name}.running_{part}") for part in ("mean", "var"))
        tensors.skip(f"{name}.num_batches_tracked")
    gamma, beta = tensors.take(f"{name}.weight"), tensors.take(f"{name}.bias")
    known = [each for each in (gamma, beta, *statistics) if each is not None]
    if not known:
        raise ValueError(f"layer {name}: expected a normalization with weight and bias, got none")
    n, dtype = len(known[0]), known[0].dtype
    if any(len(each) != n for each in known):
        lengths = brief([len(each) for each in known])
        raise ValueError(f"layer {name}: its tensors have the lengths {lengths}")
    gamma = np.ones(n, dtype) if gamma is None else gamma
    beta = np.zeros(n, dtype) if beta is None else beta
    return Norm(name, kind, gamma, beta, *statistics)
