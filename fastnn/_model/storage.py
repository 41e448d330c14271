"""Networks in files: JSON that the book reads, or .npz. Nothing here is ever unpickled."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar

import numpy as np

from fastnn import costs
from fastnn._common.checks import brief, check_number, check_sizes
from fastnn._common.files import as_path, open_regular, shown, write_whole
from fastnn._common.keys import check_keys
from fastnn._common.version import version
from fastnn._core.plan import ParameterLayout
from fastnn._model.described import (
    check_training,
    describe_model,
    model_keywords,
    optimizer_from,
    restore_training,
)
from fastnn._model.parameters import ParameterList
from fastnn._model.saved_json import Document
from fastnn._model.saved_keys import BOOK, JSON, LISTS, NPZ
from fastnn._model.saved_npz import packed, unpacked
from fastnn._model.soundness import check_numbers
from fastnn._model.table_info import Named, describe_table, restore_table
from fastnn._training.state import TrainingState
from fastnn.normalization import Normalization


class Saved(Named, Protocol):
    """What a file tells of a network; ``describe_model`` and ``describe_table`` read the rest."""

    cost: Any
    parameters: Any
    running_statistics: Any
    training_state: TrainingState

    @property
    def activation(self) -> Sequence[str]: ...
    @property
    def output(self) -> str: ...
    @property
    def dtype(self) -> np.dtype: ...
    @property
    def input_scale(self) -> float: ...
    @property
    def weights(self) -> ParameterList: ...
    @property
    def biases(self) -> ParameterList: ...
    @property
    def gammas(self) -> ParameterList: ...
    @property
    def betas(self) -> ParameterList: ...


Network = TypeVar("Network", bound=Saved)
FORMAT = 1
EXPECTED = "a network saved by fastnn, or by the book's program"


# Writing


def _options(network: Saved) -> dict[str, Any]:
    """What a file says of a network beside its numbers, which are checked, too."""
    check_numbers(network, " to save")
    return {
        "fastnn": FORMAT,
        "activation": list(network.activation),
        "output": network.output,
        "dtype": str(network.dtype),
        "input_scale": network.input_scale,
        "cost_parameter": costs.parameter_of(network.cost),
        **describe_model(network),
        **describe_table(network),
        "version": version(),
    }


def _plain(value: Any) -> Any:
    """Return a number of NumPy's, as options may hold, as one of Python's."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"expected options made of numbers and names, got {brief(value)}")


def _as_json(content: dict[str, Any]) -> str:
    return json.dumps(content, default=_plain, allow_nan=False)


def to_json(network: Saved) -> bytes:
    """Return the network as JSON, the book's keys first.

    Raises
    ------
    ValueError
        If ``load`` could not take it: a number is not finite, or something is of a class of the
        user's own.
    """
    options = _options(network)
    content = {
        "sizes": network.sizes,
        "weights": [w.tolist() for w in network.weights],
        "biases": [b.tolist() for b in network.biases],
        "cost": costs.name_of(network.cost),
        **options,
        "gammas": [gamma.tolist() for gamma in network.gammas],
        "betas": [beta.tolist() for beta in network.betas],
        "running": network.running_statistics.tolist(),
        "slots": network.training_state.slots.tolist(),
    }
    return _as_json(content).encode()


def to_npz(network: Saved) -> bytes:
    """Return the network as an uncompressed .npz of its options and its vectors.

    Raises
    ------
    ValueError
        If ``load`` could not take it: a number is not finite, or something is of a class of the
        user's own.
    """
    options = {
        "sizes": network.sizes,
        "cost": costs.name_of(network.cost),
        **_options(network),
    }
    vectors = {
        "parameters": network.parameters,
        "running": network.running_statistics,
        "slots": network.training_state.slots.reshape(-1),
    }
    return packed(_as_json(options), vectors)


def save(network: Saved, path: str | os.PathLike[str]) -> None:
    """Write ``network`` to ``path``, in the form that its ending says.

    Raises
    ------
    ValueError
        If the ending is neither .json nor .npz, or ``load`` could not take what would be written:
        a number is not finite, or something is of a class of the user's own.
    OSError
        If the file cannot be written.
    """
    path = as_path(path)
    encode = {".json": to_json, ".npz": to_npz}.get(path.suffix)
    if encode is None:
        raise ValueError(f"path: expected a name ending in .json or .npz, got {brief(str(path))}")
    write_whole(path, encode(network))


# Reading


def load(
    path: str | os.PathLike[str], kind: Callable[..., Network], *, cost: Any = None
) -> Network:
    """Return the network in a file that ``save`` or the book's ``save`` wrote, made by ``kind``.

    ``fastnn.load`` says the rest.
    """
    path = as_path(path)
    with open_regular(path, EXPECTED) as file:
        is_zip = file.read(2) == b"PK"  # by content: the book's files may have any name
        file.seek(0)
        read = _read_npz if is_zip else _read_json
        return _explained(path, lambda: read(file, cost, kind))


Result = TypeVar("Result")


def _explained(path: Path, read: Callable[[], Result]) -> Result:
    """Return what ``read`` does; what it finds wrong becomes one line that names the file."""
    try:
        return read()
    except (TypeError, ValueError, MemoryError) as error:
        raise ValueError(f"{shown(path)}: {str(error) or 'not enough memory'}") from None


def _in_form(form: str, read: Callable[[], Result]) -> Result:
    """Return what ``read`` does; whatever goes wrong means that a file is not in this form."""
    try:
        return read()
    except Exception as error:  # zipfile raises all kinds for a damaged file, some without words
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):  # the disk's
            raise
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise ValueError(f"expected {form}: {reason}") from None


def read_book_file(path: str | os.PathLike[str]) -> tuple[dict[str, Any], Document]:
    """Return what a JSON file says of a network, and the document that holds its numbers.

    For ``book.network2``, which makes its own network of it. All that ``load`` looks at is checked.
    """
    path = as_path(path)
    with open_regular(path, EXPECTED) as file:
        return _explained(path, lambda: _document(file))


def _document(file: BinaryIO) -> tuple[dict[str, Any], Document]:
    """Return the values in a JSON file, its keys and the nesting of its lists checked."""
    document = _in_form("a network in JSON", lambda: Document(file, LISTS))
    content, keys = document.values, dict.fromkeys(document.keys)
    is_book = "fastnn" not in content
    if not is_book:
        _check_format(content)
    _check_which(keys, is_book)
    sizes = _sizes(content)
    normalization = None if is_book else _check_options(content)
    layout = ParameterLayout(sizes, normalization)
    columns = [(n_out, 1) for _, n_out in layout.layers]
    document.check("weights", [(n_out, n_in) for n_in, n_out in layout.layers])
    document.check("biases", columns)
    if not is_book:
        scales = [] if normalization is None else columns[:-1]
        document.check("gammas", scales)
        document.check("betas", scales)
        document.check("running", (layout.n_running,))
        document.check("slots", _shape_of_slots(content, layout))
    return content, document


def _check_which(keys: dict[str, Any], is_book: bool) -> None:
    if not is_book:
        check_keys(keys, JSON)
        return
    try:
        check_keys(keys, BOOK)
    except ValueError as error:
        raise ValueError(f"{error} in a file of the book's, which has no key 'fastnn'") from None


def _check_format(content: dict[str, Any]) -> None:
    number = content["fastnn"]
    if type(number) is not int or number != FORMAT:
        raise ValueError(f"expected format {FORMAT}, got {brief(number)}")


def _sizes(content: dict[str, Any]) -> list[int]:
    if not isinstance(content["sizes"], list):
        raise ValueError(f"sizes: expected a list, got {brief(content['sizes'])}")
    try:
        sizes = check_sizes(content["sizes"])
    except MemoryError as error:
        raise ValueError(str(error)) from None
    if not isinstance(content["cost"], str):
        raise ValueError(f"cost: expected a name, got {brief(content['cost'])}")
    return sizes


def _check_options(content: dict[str, Any]) -> Normalization | None:
    """Check what the constructor would take in other forms, too; return the normalization."""
    names = content["activation"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"activation: expected a list of names, got {brief(names)}")
    for key, allowed in (("output", None), ("dtype", ("float32", "float64"))):
        name = content[key]
        if not isinstance(name, str) or (allowed is not None and name not in allowed):
            raise ValueError(
                f"{key}: expected {' or '.join(allowed or ['a name'])}, got {brief(name)}"
            )
    if not isinstance(content.get("version", ""), str):
        raise ValueError(f"version: expected a text, got {brief(content['version'])}")
    check_number(content["cost_parameter"], "cost_parameter")
    check_training(content["training"])
    normalization: Normalization | None = model_keywords(content)["normalization"]
    return normalization


def _shape_of_slots(content: dict[str, Any], layout: ParameterLayout) -> tuple[int, int]:
    """Return the shape of the optimizer's numbers, for which no memory is taken yet."""
    optimizer = optimizer_from(content["training"])
    n_slots = 0 if optimizer is None else optimizer.n_slots
    return n_slots, layout.n_parameters if n_slots else 0


def _cost_named(name: str, parameter: Any, cost: Any) -> Any:
    if cost is not None:
        return cost
    known = {kind.__name__: kind for kind in costs.COMPILED}
    if name not in known:
        raise ValueError(
            f"its cost {brief(name)} is none of {', '.join(known)}; "
            "give your own class as load(path, cost=...)"
        )
    if costs.takes_parameter(known[name]):
        return known[name](parameter)
    if parameter:
        raise ValueError(f"cost_parameter: expected 0 for {name}, got {brief(parameter)}")
    return known[name]


def _build(options: dict[str, Any], cost: Any, kind: Callable[..., Network]) -> Network:
    cost = _cost_named(options["cost"], options.get("cost_parameter", 0), cost)
    keywords: dict[str, Any] = {}
    if "fastnn" in options:
        plain = ("activation", "output", "dtype", "input_scale")
        keywords = {**{key: options[key] for key in plain}, **model_keywords(options)}
    # Without a draw: what is loaded must not move a seeded program's random state.
    network = kind(options["sizes"], cost, initializer="zeros", **keywords)
    restore_table(network, options)
    return network


def _read_json(file: BinaryIO, cost: Any, kind: Callable[..., Network]) -> Network:
    content, document = _document(file)
    network = _build(content, cost, kind)
    document.fill("weights", network.weights)
    document.fill("biases", network.biases)
    if "fastnn" in content:
        document.fill("gammas", network.gammas)
        document.fill("betas", network.betas)
        document.fill("running", [network.running_statistics])
        restore_training(
            network, content["training"], lambda slots: document.fill("slots", [slots])
        )
    check_numbers(network)
    return network


def _read_npz(file: BinaryIO, cost: Any, kind: Callable[..., Network]) -> Network:
    options, vectors = _in_form("a network saved by fastnn", lambda: unpacked(file))
    if isinstance(options, dict) and "fastnn" in options:
        _check_format(options)
    check_keys(options, NPZ, "options")
    layout = ParameterLayout(_sizes(options), _check_options(options))
    shape = _shape_of_slots(options, layout)
    lengths = {
        "parameters": layout.n_parameters,
        "running": layout.n_running,
        "slots": shape[0] * shape[1],
    }
    for name, length in lengths.items():  # before memory is taken for what sizes says
        _check_vector(vectors[name], name, length, options["dtype"])
    network = _build(options, cost, kind)
    network.parameters = vectors["parameters"]
    network.running_statistics = vectors["running"]

    def fill(slots: np.ndarray) -> None:
        slots[...] = vectors["slots"].reshape(shape)

    restore_training(network, options["training"], fill)
    check_numbers(network)
    return network


def _check_vector(vector: np.ndarray, name: str, length: int, dtype: str) -> None:
    if vector.shape != (length,):
        raise ValueError(f"{name}: expected {length} numbers as sizes says, got {vector.shape}")
    if length and vector.dtype.newbyteorder("=") != np.dtype(dtype):
        raise ValueError(f"{name}: expected {dtype} as dtype says, got {vector.dtype}")
