"""Networks from files of Keras 3: .keras, legacy .h5, or .weights.h5 with its layers told.

A .keras file is a zip archive of ``config.json``, which describes the layers, and
``model.weights.h5``. There each layer has a group of its class's name, with a number behind it from
the second of a class on, which holds its variables in the order in which the layer made them. A
legacy .h5 has the description as an attribute, and a group for each layer by its own name.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np

from fastnn._common.archives import check_directory, check_stored
from fastnn._common.checks import brief, check_finite_number, check_number
from fastnn._common.extras import require
from fastnn._model.saved_json import loads
from fastnn.activations import KERNELS
from fastnn.convert._assemble import assemble
from fastnn.convert._chain import Activation, Affine, Dense, Drop, Layer, Norm
from fastnn.convert._keras_model import config_of, layers_of_model
from fastnn.convert._keras_variables import OldVariables, Variables, text_of
from fastnn.convert._reading import reading
from fastnn.network import Network
from fastnn.normalization import BatchNorm, LayerNorm

__all__ = ["from_keras"]

EXPECTED = "a .keras file of Keras 3, .h5 or .weights.h5"
# Bytes of the archive's directory and of the description, which has about 1 KB a layer.
_MOST_DIRECTORY, _MOST_CONFIG = 2**16, 2**18
_HDF5 = b"\x89HDF\r\n\x1a\n"
_SAME = {"linear": "identity", "exponential": "exp", "swish": "silu"}


def from_keras(
    path: str | os.PathLike[str],
    layers: Sequence[Mapping[str, Any]] | None = None,
    *,
    output: str | None = None,
    cost: Any = None,
    inference: bool = False,
) -> Network:
    """Return the network in a file of Keras 3, without Keras.

    It is a Sequential, or a functional model each of whose layers takes the output of the one
    before, of Dense, BatchNormalization, LayerNormalization, Dropout, Rescaling, Normalization,
    Flatten and activations that fastnn has; others are refused by name. Needs h5py.

    Parameters
    ----------
    path : path
        A .keras file, a legacy .h5, or weights alone in a .weights.h5. Its content says which.
    layers : sequence of mappings, optional
        Of a .weights.h5, which says nothing of the layers' activations: what the model's
        ``get_config()["layers"]`` lists. Not of other files, which have it.
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

    Raises
    ------
    ImportError
        If h5py is not installed.
    ValueError
        If the file is damaged, or its layers are none that a ``Network`` has, naming the layer.
    OSError
        If the file cannot be read.
    """
    require("h5py", extra="keras")
    with reading(path, EXPECTED) as file:
        return assemble(_chain(file, layers), output=output, cost=cost, inference=inference)


def _chain(file: BinaryIO, layers: Any) -> list[Layer]:
    """Return the layers of a file of which ``layers`` are told, or None."""
    h5py = require("h5py", extra="keras")
    model, weights = _parts(file)
    with h5py.File(io.BytesIO(weights), "r") as opened:
        told = text_of(h5py, opened, "model_config", _MOST_CONFIG) if model is None else None
        described = _described(model if told is None else loads(told), layers)
        kind = Variables if told is None else OldVariables
        variables = kind(h5py, opened, len(weights))
        chain = [layer for each in described for layer in _layers(each, variables)]
        variables.check_all_taken()
        return chain


def _described(model: Any, layers: Any) -> Sequence[Any]:
    """Return the descriptions of the layers, of a model or as they are told."""
    if model is not None:
        if layers is not None:
            raise ValueError("layers: only of a .weights.h5, for other files have them")
        return layers_of_model(model)
    if layers is None:
        raise ValueError(
            "it holds weights alone; give the layers: from_keras(path, "
            'model.get_config()["layers"])'
        )
    if not isinstance(layers, (list, tuple)):
        raise ValueError(f"layers: expected a list of descriptions, got {brief(layers)}")
    return layers


def _parts(file: BinaryIO) -> tuple[Any, bytes]:
    """Return the model's description, if there is one apart, and the HDF5 file of its weights."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    content_is_hdf5 = file.read(len(_HDF5)) == _HDF5
    file.seek(0)
    return (None, file.read()) if content_is_hdf5 else _unpacked(file, size)


def _unpacked(file: BinaryIO, size: int) -> tuple[Any, bytes]:
    try:
        check_directory(file, size, _MOST_DIRECTORY)
        with zipfile.ZipFile(file) as archive:
            check_stored(archive, size)
            config, weights = archive.read("config.json"), archive.read("model.weights.h5")
    except Exception as error:
        raise ValueError(f"expected {EXPECTED}: {error}") from None
    if len(config) > _MOST_CONFIG:
        raise ValueError(f"its description has {len(config)} bytes; at most {_MOST_CONFIG}")
    return loads(config.decode()), weights


# From descriptions to layers


def _layers(described: Any, variables: Variables) -> list[Layer]:
    """Return the layers that one of Keras stands for."""
    config = config_of(described, "layers")
    kind, name = described.get("class_name"), config.get("name")
    if not isinstance(kind, str) or not isinstance(name, str):
        raise ValueError(f"layers: expected a layer of Keras, got {brief(described)}")
    make = _MAKERS.get(kind)
    built_in = described.get("module") in ("keras.layers", None)
    if make is None or not built_in or described.get("registered_name") not in (None, kind):
        raise ValueError(f"layer {name}: {kind} is no layer that a Network has")
    return make(_Config(config, kind, name), variables)


class _Config:
    """The arguments of one layer."""

    def __init__(self, values: Mapping[str, Any], kind: str, name: str) -> None:
        self._values, self.kind, self.name = values, kind, name

    def get(self, key: str) -> Any:
        """Return an argument, which must be there."""
        if key not in self._values:
            raise ValueError(f"layer {self.name}: expected {self.kind} with {key}")
        return self._values[key]

    def number(self, key: str, check: Callable[[Any, str], float] = check_number) -> float:
        """Return an argument that is a number, by default of 0 or more."""
        return check(self.get(key), f"layer {self.name}: {key}")

    def only(self, key: str, *values: Any) -> None:
        """Raise unless an argument that is there is one of these."""
        if key in self._values and self._values[key] not in values:
            wanted = " or ".join(map(repr, values))
            got = brief(self._values[key])
            raise ValueError(f"layer {self.name}: {key}: expected {wanted}, got {got}")

    def flag(self, key: str) -> bool:
        """Return an argument that is true or false."""
        self.get(key)
        self.only(key, True, False)
        return bool(self.get(key))


def _function(config: _Config, given: Any) -> list[Layer]:
    name = _SAME.get(given, given) if isinstance(given, str) else None
    # Keras's function of this name has another slope than fastnn's.
    if name not in (*KERNELS, "log_softmax") or name == "leaky_relu":
        raise ValueError(f"layer {config.name}: a Network has no activation {brief(given)}")
    return [Activation(config.name, name)]


def _dense(config: _Config, variables: Variables) -> list[Layer]:
    config.only("quantization_config", None)
    config.only("lora_rank", None)
    activation, biased = _function(config, config.get("activation")), config.flag("use_bias")
    kernel, *bias = variables.take(config.kind, config.name, 1 + biased)
    b = bias[0] if bias else np.zeros(kernel.shape[-1:], kernel.dtype)
    if kernel.ndim != 2 or b.shape != kernel.shape[1:] or 0 in kernel.shape:
        raise ValueError(
            f"layer {config.name}: weights of shape {kernel.shape}, biases of shape {b.shape}"
        )
    dense = Dense(config.name, np.ascontiguousarray(kernel.T), b)
    return [dense, *activation]


def _vectors(config: _Config, found: list[np.ndarray]) -> list[np.ndarray]:
    if any(each.ndim != 1 or each.shape != found[0].shape for each in found):
        raise ValueError(f"layer {config.name}: expected vectors of one length")
    return found


def _scales(config: _Config, variables: Variables, n_more: int) -> list[np.ndarray]:
    """Return γ, β, and what else a normalization has."""
    config.only("axis", -1, [-1], 1, [1])
    scaled, shifted = config.flag("scale"), config.flag("center")
    found = _vectors(config, variables.take(config.kind, config.name, scaled + shifted + n_more))
    if not found:
        raise ValueError(f"layer {config.name}: expected scales or shifts, got neither")
    gamma = found.pop(0) if scaled else np.ones_like(found[0])
    beta = found.pop(0) if shifted else np.zeros_like(gamma)
    return [gamma, beta, *found]


def _batch_norm(config: _Config, variables: Variables) -> list[Layer]:
    config.only("renorm", False)
    numbers = _scales(config, variables, 2)
    momentum, eps = config.number("momentum"), config.number("epsilon")
    if momentum >= 1:
        raise ValueError(f"layer {config.name}: momentum: expected below 1, got {momentum}")
    return [Norm(config.name, BatchNorm(1 - momentum, eps), *numbers)]


def _layer_norm(config: _Config, variables: Variables) -> list[Layer]:
    config.only("rms_scaling", False)
    kind = LayerNorm(config.number("epsilon"))
    return [Norm(config.name, kind, *_scales(config, variables, 0))]


def _dropout(config: _Config, variables: Variables) -> list[Layer]:
    config.only("noise_shape", None)
    rate = config.number("rate")
    if rate >= 1:
        raise ValueError(f"layer {config.name}: rate: expected a number below 1, got {rate}")
    return [Drop(config.name, rate)]


def _rescaling(config: _Config, variables: Variables) -> list[Layer]:
    numbers = (config.number(key, check_finite_number) for key in ("scale", "offset"))
    return [Affine(config.name, *(np.array(number) for number in numbers))]


def _normalization(config: _Config, variables: Variables) -> list[Layer]:
    """x → (x − μ) / max(σ, ε), where Keras's ε is 1e-7."""
    config.only("invert", False)
    config.only("axis", -1, [-1], 1, [1])
    mean, variance = variables.take(config.kind, config.name, 2, n_others=1)
    _vectors(config, [mean, variance])
    scale = 1 / np.maximum(np.sqrt(variance.astype(np.float64)), 1e-7)
    return [Affine(config.name, scale, -mean * scale)]


def _named_function(config: _Config, variables: Variables) -> list[Layer]:
    return _function(config, config.get("activation"))


def _relu(config: _Config, variables: Variables) -> list[Layer]:
    for key, value in (("max_value", None), ("negative_slope", 0), ("threshold", 0)):
        config.only(key, value)
    return [Activation(config.name, "relu")]


def _leaky_relu(config: _Config, variables: Variables) -> list[Layer]:
    config.get("negative_slope")
    config.only("negative_slope", 0.01)
    return [Activation(config.name, "leaky_relu")]


def _elu(config: _Config, variables: Variables) -> list[Layer]:
    config.only("alpha", 1)
    return [Activation(config.name, "elu")]


def _softmax(config: _Config, variables: Variables) -> list[Layer]:
    config.only("axis", -1, 1)
    return [Activation(config.name, "softmax")]


def _nothing(config: _Config, variables: Variables) -> list[Layer]:
    return []


_MAKERS: dict[str, Callable[[_Config, Variables], list[Layer]]] = {
    "InputLayer": _nothing,
    "Flatten": _nothing,
    "Identity": _nothing,
    "Dense": _dense,
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "Dropout": _dropout,
    "Rescaling": _rescaling,
    "Normalization": _normalization,
    "Activation": _named_function,
    "ReLU": _relu,
    "LeakyReLU": _leaky_relu,
    "ELU": _elu,
    "Softmax": _softmax,
}
