"""Networks from ONNX files: a chain of layers, looked for from the output to the input."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn._common.checks import brief
from fastnn._common.extras import require
from fastnn.convert._assemble import assemble
from fastnn.convert._chain import Activation, Affine, Dense, Layer, Norm
from fastnn.convert._names import name_network, only_one, told_by_fastnn
from fastnn.convert._numbers import floats_of
from fastnn.convert._onnx_graph import Graph, Node
from fastnn.convert._onnx_mean import averaged
from fastnn.convert._onnx_patterns import ACTIVATIONS, COMPLEMENTED, NORMALIZED
from fastnn.convert._onnx_size import check_size
from fastnn.convert._reading import reading
from fastnn.network import Network
from fastnn.normalization import BatchNorm, GroupNorm, LayerNorm, Normalization

__all__ = ["from_onnx", "networks_in_onnx"]

EXPECTED = "a model of ONNX"
_MOST_LAYERS = 10_000


def from_onnx(
    path: str | os.PathLike[str],
    *,
    output: str | None = None,
    cost: Any = None,
    inference: bool = False,
) -> Network:
    """Return the network in a file of ONNX. Needs the library onnx.

    The graph is a chain from its one input of numbers to its one output of numbers: Gemm, or MatMul
    and Add; BatchNormalization, LayerNormalization; the activations that fastnn has, as operators
    of their own or as exporters put them together; group norm so; constant factors and shifts.
    Labels and maps that are made of the output are left out; classes and names of features that are
    told become the network's ``table``, as far as that can hold them. Dropout, which does nothing
    in such a file, is left out.

    Parameters
    ----------
    path : path
    output : str, optional
        Activation of the outputs where the graph ends without one.
    cost : class or object, optional
        What the network is trained by on; by default the cost whose outputs these are.
    inference : bool, default False
        Whether batch norm is folded into the layers beside it, to rounding.

    Returns
    -------
    Network

    Raises
    ------
    ImportError
        If onnx is not installed.
    ValueError
        If the file is damaged, or its graph is none of a ``Network``, naming the node.
    OSError
        If the file cannot be read.
    """
    require("onnx", extra="onnx")
    with reading(path, EXPECTED) as file:
        options = {"output": output, "cost": cost, "inference": inference}
        return only_one(networks_in_onnx(file.read(), **options))


def networks_in_onnx(content: bytes, **options: Any) -> list[Network]:
    """Return the network that the content of a file is, or those whose mean it is.

    Raises
    ------
    ValueError
        As ``from_onnx``.
    """
    onnx = require("onnx", extra="onnx")
    check_size(memoryview(content))
    model = onnx.load_model_from_string(content)
    if not model.HasField("graph") or model.functions:
        raise ValueError(f"expected {EXPECTED} with a graph and no functions of its own")
    graph = Graph(onnx, model.graph, len(content))
    name, known = _result(graph, model.graph)
    found = graph.find(COMPLEMENTED, name)
    names = averaged(graph, _unguarded(graph, graph.source(name if found is None else found["z"])))
    networks = [assemble(_merged(_chain(graph, each)), **options) for each in names]
    texts = {entry.key: entry.value for entry in model.metadata_props}
    for network in networks:
        if network.output != "softmax" and network.sizes[-1] > 1:
            known = {}  # labels that may hold side by side
        name_network(network, {**known, **told_by_fastnn(texts)})
    return networks


# From the output to the input


def _chain(graph: Graph, name: str) -> list[Layer]:
    """Return the layers between the input and a value."""
    back: list[Layer] = []
    widths: list[tuple[int, int, str]] = []
    for _ in range(_MOST_LAYERS):
        name = _unguarded(graph, graph.source(name))
        if name == graph.input:
            chain = back[::-1]
            if graph.width:
                widths.append((len(back), graph.width, graph.input))
            _check_widths(chain, [(len(back) - at, n, label) for at, n, label in widths])
            return chain
        reshaped = _reshaped(graph, name)
        if reshaped is not None:
            n, name, label = reshaped
            widths.append((len(back), n, label))
            continue
        layers, name = _layers(graph, name)
        back += layers[::-1]
    raise ValueError("its nodes go round in circles")


def _result(graph: Graph, proto: Any) -> tuple[str, dict[str, Any]]:
    """Return the one value of numbers that goes out, and the labels of a map of it."""
    known: dict[str, Any] = {}
    names = []
    for value in proto.output:
        maker = graph.maker(value.name)
        if maker is not None and maker.kind == "ai.onnx.ml.ZipMap":
            names.append(maker.inputs[0])
            labels = maker.attributes.get("classlabels_int64s") or [
                label.decode() for label in maker.attributes.get("classlabels_strings", [])
            ]
            known = {"classes": list(labels)}
        elif value.type.tensor_type.elem_type in (1, 11):
            names.append(value.name)
    if len(names) != 1:
        raise ValueError(f"expected one output of floating-point numbers, got {brief(names)}")
    return names[0], known


def _unguarded(graph: Graph, name: str) -> str:
    """Return what a value is for inputs without NaN: fastnn's export gives NaN for those with."""
    node = graph.maker(name)
    if node is None or node.kind != "Where" or len(node.inputs) != 3:
        return name
    nan = graph.constant(node.inputs[1])
    is_nan = graph.maker(node.inputs[0])
    total = None if is_nan is None else graph.maker(is_nan.inputs[0])
    if nan is None or nan.dtype.kind != "f" or not np.isnan(nan).all() or total is None:
        return name
    kinds = is_nan is not None and (is_nan.kind, total.kind) == ("IsNaN", "ReduceSum")
    of_inputs = kinds and _is_scaled_input(graph, total.inputs[0])
    return graph.source(node.inputs[2]) if of_inputs else name


def _is_scaled_input(graph: Graph, name: str) -> bool:
    """Whether a value is the input, but for constant factors and shifts."""
    for _ in range(_MOST_LAYERS):
        name = graph.source(name)
        node = graph.maker(name)
        reshaped, made = _reshaped(graph, name), None
        if node is not None and _READERS.get(node.kind) is _scaled_or_shifted:
            made = _scaled_or_shifted(graph, node)
        if reshaped is None and made is None:
            break
        name = made[1] if reshaped is None and made is not None else reshaped[1]  # type: ignore[index]
    return name == graph.input


def _reshaped(graph: Graph, name: str) -> tuple[int, str, str] | None:
    """Return how many columns a reshape says there are, what it takes, and its name."""
    node = graph.maker(name)
    if node is not None and node.kind == "Gather":
        places = graph.constant(node.inputs[1])
        if (
            places is None
            or places.ndim != 1
            or not graph.width
            or node.attributes.get("axis", 0) != 1
        ):
            return None
        in_order = np.array_equal(places, np.arange(len(places)))  # all columns, as they stand
        return (len(places), node.inputs[0], node.name) if in_order else None
    if node is None or node.kind != "Reshape":
        return None
    if _found_normalized(graph, name) is not None:
        return None
    shape = graph.constant(node.inputs[1])
    if shape is None or shape.shape != (2,) or shape[0] not in (0, -1) or shape[1] < 1:
        return None
    return int(shape[1]), node.inputs[0], node.name


def _check_widths(chain: list[Layer], widths: list[tuple[int, int, str]]) -> None:
    """Raise for a reshape to other columns than there are: it would mix rows."""
    for at, n, name in widths:
        before = [len(layer.b) for layer in chain[:at] if isinstance(layer, Dense)]
        after = [layer.W.shape[1] for layer in chain[at:] if isinstance(layer, Dense)]
        here = before[-1] if before else after[0] if after else n
        if here != n:
            raise ValueError(f"node {brief(name)}: expected {here} columns, as there are, got {n}")


def _layers(graph: Graph, name: str) -> tuple[list[Layer], str]:
    """Return the layers whose output is a value, and what goes into them."""
    node = graph.maker(name)
    if node is None:
        raise ValueError(f"value {brief(name)}: it is made of no node")
    for function, patterns in ACTIVATIONS.items():
        for pattern in patterns:
            found = graph.find(pattern, name)
            if found is not None:
                return [Activation(node.name, function)], found["z"]
    found = _found_normalized(graph, name)
    if found is not None:
        return [_normalized(graph, node, found)], found["z"]
    reader = _READERS.get(node.kind)
    made = None if reader is None else reader(graph, node)
    if made is None:
        raise ValueError(f"node {brief(node.name)}: a Network has no such layer {node.kind}")
    return [made[0]], made[1]


def _found_normalized(graph: Graph, name: str) -> dict[str, Any] | None:
    found = (graph.find(pattern, name) for pattern in NORMALIZED)
    return next((each for each in found if each is not None), None)


def _only(node: Node, **allowed: Any) -> None:
    """Raise unless attributes have these values, which they have by default."""
    for key, value in allowed.items():
        got = node.attributes.get(key, value)
        if got != value:
            raise ValueError(f"node {brief(node.name)}: {key}: expected {value}, got {brief(got)}")


def _needed(graph: Graph, node: Node, at: int) -> np.ndarray:
    """Return an input that must be a constant."""
    array = graph.numbers(node.inputs[at]) if at < len(node.inputs) else None
    if array is None:
        raise ValueError(f"node {brief(node.name)}: expected constant numbers as its input {at}")
    return array


def _vector(array: np.ndarray, node: Node) -> np.ndarray:
    """Return numbers that are the same for all rows, (n,) or ()."""
    if array.ndim > 2 or (array.ndim == 2 and array.shape[0] != 1) or not array.size:
        raise ValueError(
            f"node {brief(node.name)}: expected one number a column, got shape {array.shape}"
        )
    vector = array.reshape(-1)
    return vector.reshape(()) if array.size == 1 else vector  # which is spread over all columns


_Made = tuple[Layer, str] | None


def _gemm(graph: Graph, node: Node) -> _Made:
    _only(node, alpha=1.0, beta=1.0, transA=0)
    W = _matrix(_needed(graph, node, 1), node)
    W = W if node.attributes.get("transB", 0) else W.T
    b = _vector(_needed(graph, node, 2), node) if len(node.inputs) > 2 else np.zeros((), W.dtype)
    if b.ndim and b.shape not in ((len(W),), (1,)):
        raise ValueError(f"node {brief(node.name)}: {len(b)} biases for weights of shape {W.shape}")
    bias = np.broadcast_to(b, (len(W),))
    return Dense(node.name, np.ascontiguousarray(W), bias), node.inputs[0]


def _matrix(array: np.ndarray, node: Node) -> np.ndarray:
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(f"node {brief(node.name)}: expected a matrix, got shape {array.shape}")
    return array


def _matmul(graph: Graph, node: Node) -> _Made:
    W = np.ascontiguousarray(_matrix(_needed(graph, node, 1), node).T)
    return Dense(node.name, W, np.zeros(len(W), W.dtype)), node.inputs[0]


def _scaled_or_shifted(graph: Graph, node: Node) -> _Made:
    """Read Add, Sub, Mul or Div of a value and a constant."""
    commutes = node.kind in ("Add", "Mul")
    inputs = node.inputs
    if commutes and graph.constant(inputs[0]) is not None:
        inputs = inputs[::-1]
    array = graph.numbers(inputs[1])
    if array is None or graph.constant(inputs[0]) is not None:
        return None
    c = _vector(array, node).astype(np.float64)
    if node.kind == "Div" and not c.all():
        raise ValueError(f"node {brief(node.name)}: it divides by 0")
    one, zero = np.ones_like(c), np.zeros_like(c)
    parts = {"Add": (one, c), "Sub": (one, -c), "Mul": (c, zero), "Div": (1 / (c + (c == 0)), zero)}
    return Affine(node.name, *parts[node.kind]), inputs[0]


def _scaler(graph: Graph, node: Node) -> _Made:
    """Read (x − offset) · scale."""
    offset, scale = (
        np.array(node.attributes.get(key, [default]), dtype=np.float64)
        for key, default in (("offset", 0.0), ("scale", 1.0))
    )
    offset, scale = (each.reshape(()) if len(each) == 1 else each for each in (offset, scale))
    return Affine(node.name, scale, -offset * scale), node.inputs[0]


def _batch_norm(graph: Graph, node: Node) -> _Made:
    _only(node, training_mode=0)
    gamma, beta, mean, variance = (_vector(_needed(graph, node, i), node) for i in range(1, 5))
    if len({each.shape for each in (gamma, beta, mean, variance)}) > 1:
        raise ValueError(f"node {brief(node.name)}: expected vectors of one length")
    # An attribute is float32: 0.9 was meant.
    momentum = round(1 - node.attributes.get("momentum", 0.9), 7)
    if not 0 < momentum <= 1:
        raise ValueError(f"node {brief(node.name)}: momentum: expected from 0 to below 1")
    kind = BatchNorm(momentum, node.attributes.get("epsilon", 1e-5))
    return Norm(node.name, kind, gamma, beta, mean, variance), node.inputs[0]


def _layer_norm(graph: Graph, node: Node) -> _Made:
    if node.attributes.get("axis", -1) not in (-1, 1):
        _only(node, axis=-1)
    gamma = _vector(_needed(graph, node, 1), node)
    beta = np.zeros_like(gamma) if len(node.inputs) < 3 else _vector(_needed(graph, node, 2), node)
    kind = LayerNorm(node.attributes.get("epsilon", 1e-5))
    return Norm(node.name, kind, gamma, beta), node.inputs[0]


_READERS: dict[str, Callable[[Graph, Node], _Made]] = {
    "Gemm": _gemm,
    "MatMul": _matmul,
    **dict.fromkeys(("Add", "Sub", "Mul", "Div"), _scaled_or_shifted),
    "ai.onnx.ml.Scaler": _scaler,
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
}


def _normalized(graph: Graph, node: Node, found: dict[str, Any]) -> Norm:
    """Return the normalization that several operators are; γ and β are factors and shifts."""
    kind: Normalization = LayerNorm(_eps(graph, node, found))
    groups = _groups(node, found) if "groups" in found else 1
    last = 2 if "groups" in found else 1
    if "axes" in found and found["axes"].tolist() not in ([-1], [last]):
        raise ValueError(f"node {brief(node.name)}: it is normalized over other axes")
    kind = GroupNorm(groups, kind.eps) if groups > 1 else kind
    return Norm(node.name, kind, np.ones((), np.float32), np.zeros((), np.float32))


def _eps(graph: Graph, node: Node, found: dict[str, Any]) -> float:
    if "eps" in found:
        if found["eps"].size != 1:
            raise ValueError(f"node {brief(node.name)}: expected one number that is added")
        return float(found["eps"].reshape(()))
    if not ((found["ones"] == 1).all() and (found["zeros"] == 0).all()):
        raise ValueError(f"node {brief(node.name)}: its groups are scaled")
    inner = graph.maker(graph.source(node.inputs[0]))
    return 1e-5 if inner is None else float(inner.attributes.get("epsilon", 1e-5))


def _groups(node: Node, found: dict[str, Any]) -> int:
    """Return how many groups a row is reshaped to, and back: no rows may be mixed."""
    shape, flat = found["groups"].tolist(), found.get("flat", np.zeros(1, np.int64)).tolist()
    whole = isinstance(shape, list) and len(shape) == 3 and shape[0] == 0 and shape[1] > 0
    if not whole or (flat[0] != 0 and flat != [-1, shape[1] * shape[2]]) or flat[0] > 0:
        raise ValueError(f"node {brief(node.name)}: it is no group norm of rows")
    return int(shape[1])


def _merged(chain: list[Layer]) -> list[Layer]:
    """Return the chain with factors and shifts behind a normalization as its γ and β."""
    done: list[Layer] = []
    for layer in chain:
        before = done[-1] if done else None
        if isinstance(layer, Affine) and isinstance(before, Norm):
            scale, shift = floats_of(layer.scale, layer.name), floats_of(layer.shift, layer.name)
            gamma, beta = before.gamma * scale, before.beta * scale + shift
            told = before.mean, before.variance
            done[-1] = Norm(before.name, before.kind, gamma, beta, *told)
        else:
            done.append(layer)
    return done
