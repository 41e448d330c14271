"""Networks in files: JSON that the book reads, or .npz. Nothing here is ever unpickled."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from fastnn import costs
from fastnn._described import describe_model, model_keywords, restore_training
from fastnn._files import write_whole
from fastnn.checks import brief, check_sizes
from fastnn.plan import ParameterLayout

if TYPE_CHECKING:
    from fastnn.model import Model

Kind = TypeVar("Kind", bound="Model")
FORMAT = 1
BOOK_KEYS = ("sizes", "weights", "biases", "cost")
NPZ_ENTRIES = {"options.npy", "parameters.npy", "running.npy", "slots.npy"}


def _options(network: Model) -> dict[str, Any]:
    """What the book's file does not say of a network."""
    return {
        "fastnn": FORMAT,
        "activation": list(network.activation),
        "output": network.output,
        "dtype": str(network.dtype),
        "input_scale": network.input_scale,
        "cost_parameter": costs.parameter_of(network.cost),
        **describe_model(network),
    }


def _check_finite(network: Model) -> None:
    if not np.isfinite(network.parameters).all():
        raise ValueError("parameters: expected finite numbers to save, got NaN or infinity")


def _plain(value: Any) -> Any:
    """Return a number of NumPy's, as options may hold, as one of Python's."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"expected options made of numbers and names, got {brief(value)}")


def to_json(network: Model) -> bytes:
    """Return the network as JSON, the book's keys first.

    Raises
    ------
    ValueError
        If a parameter is not finite.
    """
    _check_finite(network)
    content = {
        "sizes": network.sizes,
        "weights": [w.tolist() for w in network.weights],
        "biases": [b.tolist() for b in network.biases],
        "cost": costs.name_of(network.cost),
        **_options(network),
        "gammas": [gamma.tolist() for gamma in network.gammas],
        "betas": [beta.tolist() for beta in network.betas],
        "running": network.running_statistics.tolist(),
        "slots": network.training_state.slots.tolist(),
    }
    return json.dumps(content, default=_plain).encode()


def to_npz(network: Model) -> bytes:
    """Return the network as an uncompressed .npz of its options and its vectors.

    Raises
    ------
    ValueError
        If a parameter is not finite.
    """
    _check_finite(network)
    options = {"sizes": network.sizes, "cost": costs.name_of(network.cost), **_options(network)}
    buffer = io.BytesIO()
    np.savez(
        buffer,
        options=np.array(json.dumps(options, default=_plain)),
        parameters=network.parameters,
        running=network.running_statistics,
        slots=network.training_state.slots.reshape(-1),
    )
    return buffer.getvalue()


def save(network: Model, path: str | os.PathLike[str]) -> None:
    """Write ``network`` to ``path``, in the form that its ending says.

    Raises
    ------
    ValueError
        If the ending is neither .json nor .npz, or a parameter is not finite.
    OSError
        If the file cannot be written.
    """
    path = _as_path(path)
    encode = {".json": to_json, ".npz": to_npz}.get(path.suffix)
    if encode is None:
        raise ValueError(f"path: expected a name ending in .json or .npz, got {brief(str(path))}")
    write_whole(path, encode(network))


def _as_path(path: str | os.PathLike[str]) -> Path:
    try:
        checked = Path(path)
    except TypeError:
        raise TypeError(f"path: expected a file's name, got {brief(path)}") from None
    if "\0" in str(checked):
        raise ValueError(f"path: expected a file's name, got {brief(str(checked))}")
    return checked


def read_json(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what a JSON file says of a network, its arrays' sizes checked against ``sizes``.

    Raises
    ------
    ValueError
        If it is no JSON, a key is missing, or a list is longer or shorter than ``sizes`` says.
    OSError
        If it cannot be read.
    """
    path = _as_path(path)
    try:
        content = json.loads(path.read_bytes())
        if not isinstance(content, dict):
            raise ValueError(f"got {type(content).__name__}, not an object")
        missing = [key for key in BOOK_KEYS if key not in content]
        if missing:
            raise ValueError(f"the keys {', '.join(missing)} are missing")
        _check_counts(content["sizes"], content["weights"], content["biases"])
        if not isinstance(content["cost"], str):
            raise ValueError(f"cost is {brief(content['cost'])}, not a name")
    except (TypeError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"{path}: expected a network in JSON: {error}") from None
    return content


def _check_archive(archive: zipfile.ZipFile) -> None:
    """Raise unless the entries are those of ``to_npz``, and no larger unpacked than in the file."""
    entries = archive.infolist()
    if sorted(info.filename for info in entries) != sorted(NPZ_ENTRIES):
        raise ValueError(f"its entries are {brief([info.filename for info in entries])}")
    for info in entries:
        plain = info.compress_type == zipfile.ZIP_STORED and not info.flag_bits & 0x1
        if not plain or info.file_size != info.compress_size:
            raise ValueError(f"its entry {info.filename} is packed")


def _read_npy(content: bytes) -> np.ndarray:
    """Return the array in a .npy file: its memory is the file's own, and no object is made."""
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise ValueError(f"an array of .npy version {version}")
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype.kind not in "fU":
        raise ValueError(f"an array of dtype {dtype}")
    flat = np.frombuffer(content, dtype, offset=file.tell())
    if shape not in ((), flat.shape):
        raise ValueError(f"an array of shape {brief(shape)} in {len(flat)} entries")
    return flat.reshape(shape)


def _read_npz(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return a file's options, and its vectors by their names."""
    content = path.read_bytes()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check_archive(archive)
            options = json.loads(str(_read_npy(archive.read("options.npy"))[()]))
            vectors = {
                name: _read_npy(archive.read(f"{name}.npy"))
                for name in ("parameters", "running", "slots")
            }
        if not isinstance(options, dict) or not {"sizes", "cost"} <= set(options):
            raise ValueError("its options have no sizes or no cost")
    except Exception as error:  # zipfile raises all kinds for a damaged file, some without words
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise ValueError(f"{path}: expected a network saved by fastnn: {reason}") from None
    return options, vectors


def _cost_named(name: Any, parameter: Any, cost: Any, path: Path) -> Any:
    if cost is not None:
        return cost
    known = {kind.__name__: kind for kind in costs.COMPILED}
    if isinstance(name, str) and name in known and costs.takes_parameter(known[name]):
        return known[name](parameter)
    if not isinstance(name, str) or name not in known:
        raise ValueError(
            f"{path}: its cost {brief(name)} is none of {', '.join(known)}; "
            "give your own class as load(path, cost=...)"
        )
    return known[name]


def _build(options: dict[str, Any], cost: Any, path: Path, kind: type[Kind]) -> Kind:
    if options.get("fastnn", FORMAT) != FORMAT:
        raise ValueError(f"{path}: expected format {FORMAT}, got {brief(options['fastnn'])}")
    plain: dict[str, Any] = {}
    kept = ("activation", "output", "dtype", "input_scale")
    plain.update((key, options[key]) for key in kept if key in options)
    keywords: dict[str, Any] = {**plain, **model_keywords(options)}
    cost = _cost_named(options["cost"], options.get("cost_parameter"), cost, path)
    # Without a draw: what is loaded must not move a seeded program's random state.
    return kind(options["sizes"], cost, initializer="zeros", **keywords)


def _restore(network: Model, options: dict[str, Any], running: Any, slots: Any) -> None:
    """Put back the running statistics and where the training stood."""
    if running is not None:
        network.running_statistics = running
    if "training" in options:
        restore_training(network, options["training"], slots)


def load(path: str | os.PathLike[str], kind: type[Kind], *, cost: Any = None) -> Kind:
    """Return the network in a file that ``save`` or the book's ``save`` wrote, as a ``kind``.

    ``fastnn.load`` says the rest.
    """
    path = _as_path(path)
    with path.open("rb") as file:
        is_zip = file.read(2) == b"PK"  # by content: the book's files may have any name
    return (_load_npz if is_zip else _load_json)(path, cost, kind)


def _load_json(path: Path, cost: Any, kind: type[Kind]) -> Kind:
    content = read_json(path)
    try:
        network = _build(content, cost, path, kind)
        network.weights = content["weights"]
        network.biases = content["biases"]
        network.gammas = content.get("gammas", network.gammas)
        network.betas = content.get("betas", network.betas)
        _restore(network, content, content.get("running"), content.get("slots", ()))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None
    return network


def _check_counts(sizes: Any, weights: Any, biases: Any) -> None:
    """Raise before memory is taken for sizes that the file does not fill."""
    layers = ParameterLayout(tuple(check_sizes(sizes))).layers
    for name, values in (("weights", weights), ("biases", biases)):
        if not isinstance(values, list) or len(values) != len(layers):
            raise ValueError(f"{name}: expected a list of {len(layers)} arrays")
        for i, ((n_in, n_out), rows) in enumerate(zip(layers, values, strict=True)):
            width = n_in if name == "weights" else 1
            if not (isinstance(rows, list) and len(rows) == n_out):
                raise ValueError(f"{name}[{i}]: expected {n_out} rows as sizes says")
            if not all(isinstance(row, list) and len(row) == width for row in rows):
                raise ValueError(f"{name}[{i}]: expected rows of {width} as sizes says")


def _load_npz(path: Path, cost: Any, kind: type[Kind]) -> Kind:
    options, vectors = _read_npz(path)
    try:
        norm = model_keywords(options).get("normalization")
        layout = ParameterLayout(tuple(check_sizes(options["sizes"])), norm)
        shape = vectors["parameters"].shape
        if shape != (layout.n_parameters,):  # before memory is taken for what sizes says
            raise ValueError(
                f"parameters: expected {layout.n_parameters} as sizes says, got {shape}"
            )
        network = _build(options, cost, path, kind)
        network.parameters = vectors["parameters"]
        _restore(network, options, vectors["running"], vectors["slots"])
    except (TypeError, ValueError, MemoryError) as error:
        raise ValueError(f"{path}: {error}") from None
    return network
