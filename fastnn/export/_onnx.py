"""The format ``.onnx``: operators of opset 11, which runtimes from 2019 on know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn._common.extras import require
from fastnn._common.version import version
from fastnn.export._folded import Folded, folded
from fastnn.export._graph import Graph, Stage
from fastnn.export._metadata import metadata_of

__all__ = ["onnx_bytes"]

OPSET, ML_OPSET, IR_VERSION = 11, 2, 6

OUTPUT_NAMES = ("label", "outputs", "probabilities", "variable")

# Operators of one input that are activations as they stand.
SINGLE = {"sigmoid": "Sigmoid", "tanh": "Tanh", "relu": "Relu", "exp": "Exp"}


class Nodes:
    """The nodes and constants of a graph while it grows.

    Parameters
    ----------
    helper, numpy_helper : modules of onnx
    dtype : float32 or float64
        Of the arithmetic.
    """

    def __init__(self, onnx: Any, dtype: np.dtype) -> None:
        self._helper, self._numpy_helper = onnx.helper, onnx.numpy_helper
        self.dtype = dtype
        self.real = onnx.TensorProto.FLOAT if dtype == np.float32 else onnx.TensorProto.DOUBLE
        self.types = onnx.TensorProto
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        # Names of whether (n, 1) a category of each row was never seen, and is an error.
        self.unknown: list[str] = []

    def add(self, kind: str, *inputs: str, output: str = "", domain: str = "", **more: Any) -> str:
        """Add a node of one output; return its name."""
        name = output or f"fastnn/{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(
            self._helper.make_node(kind, [*inputs], [name], name=name, domain=domain, **more)
        )
        return name

    def constant(self, values: Any, dtype: Any = None) -> str:
        """Add a constant, of the type of the arithmetic by default; return its name.

        Raises
        ------
        ValueError
            If a number is too large for it.
        """
        with np.errstate(over="ignore"):
            array = np.asarray(values, dtype=self.dtype if dtype is None else dtype)
        if array.dtype.kind == "f" and np.isinf(array).any():
            raise ValueError("dtype: expected 'float64', since a number is too large for float32")
        name = f"fastnn/constant_{len(self.constants)}"
        self.constants.append(self._numpy_helper.from_array(np.array(array, order="C"), name))
        return name


def onnx_bytes(graph: Graph, dtype: np.dtype) -> bytes:
    """Return the content of a file with the model, checked by onnx.

    The input is ``X`` (n, n_in), or where columns are texts each column by its name (n, 1). A
    classifier's outputs are ``label`` (n,) and ``probabilities`` (n, n_classes), a regressor's
    ``variable`` (n, n_outputs), as skl2onnx names them; a network's are ``outputs``, with ``label``
    if it knows classes.

    Parameters
    ----------
    graph : Graph
    dtype : float32 or float64
        Of inputs, outputs and arithmetic.

    Raises
    ------
    ImportError
        Without onnx.
    ValueError
        If a number is too large for ``dtype``.
    """
    onnx = require("onnx", extra="onnx")
    require("onnx.numpy_helper", extra="onnx")
    nodes, helper = Nodes(onnx, dtype), onnx.helper
    columns, inputs = _inputs(nodes, graph, helper)
    prepared = _prepare(nodes, graph, columns)
    found = _nan_where_unknown(nodes, _mean_of_members(nodes, graph, prepared), prepared)
    outputs = _outputs(nodes, graph, found, helper)
    made = helper.make_graph(nodes.nodes, "fastnn", inputs, outputs, nodes.constants)
    opsets = [helper.make_opsetid("", OPSET)]
    opsets += [helper.make_opsetid("ai.onnx.ml", ML_OPSET)] if graph.preparation.texts else []
    model = helper.make_model(
        made, opset_imports=opsets, ir_version=IR_VERSION, producer_name="fastnn",
        producer_version=version(),
    )  # fmt: skip
    helper.set_model_props(model, metadata_of(graph))
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString()
    return content


def _inputs(nodes: Nodes, graph: Graph, helper: Any) -> tuple[str, list[Any]]:
    """Return the name of all columns as numbers (n, n_in), and the graph's inputs."""
    preparation, real = graph.preparation, nodes.real
    if not preparation.texts:
        shape = ["n", preparation.n_in]
        return "X", [helper.make_tensor_value_info("X", real, shape)]
    names = graph.features or [f"x{i}" for i in range(preparation.n_in)]
    taken = [name for name in names if name in ("label", "probabilities", "variable", "outputs")]
    if taken:
        raise ValueError(
            f"model: a column is named {taken[0]!r}, which is an output's name in ONNX"
        )
    infos, columns = [], []
    for i, name in enumerate(names):
        texts = preparation.texts.get(i)
        kind = real if texts is None else nodes.types.STRING
        infos.append(helper.make_tensor_value_info(name, kind, ["n", 1]))
        columns.append(name if texts is None else _numbered(nodes, name, texts))
    return nodes.add("Concat", *columns, axis=1), infos


def _numbered(nodes: Nodes, column: str, texts: Sequence[str]) -> str:
    """Add the numbers of texts: a missing one is the empty text, which becomes NaN."""
    keys, values = [*texts], [float(i) for i in range(len(texts))]
    if "" not in keys:
        keys, values = [*keys, ""], [*values, float("nan")]
    numbers = nodes.add(
        "LabelEncoder", column, domain="ai.onnx.ml", keys_strings=keys, values_floats=values,
        default_float=-1.0,
    )  # fmt: skip
    return nodes.add("Cast", numbers, to=nodes.real) if nodes.dtype == np.float64 else numbers


# The preparation


def _prepare(nodes: Nodes, graph: Graph, given: str) -> str:
    """Add the stages; return the name of what goes into the layers."""
    preparation = graph.preparation
    if preparation.is_plain:
        return given
    parts, width = [given], preparation.n_in
    # Where each column is: in which part, and at which place there.
    where = [(0, i) for i in range(preparation.n_in)]
    for stage in preparation.stages:
        made = _stage(nodes, stage, _columns(nodes, parts, where, stage.sources))
        where += [(len(parts), k) for k in range(stage.width)]
        parts.append(made)
        width += stage.width
    return _columns(nodes, parts, where, preparation.columns)


def _columns(
    nodes: Nodes, parts: list[str], where: list[tuple[int, int]], columns: np.ndarray
) -> str:
    """Return the name of some columns, side by side."""
    found: list[tuple[int, list[int]]] = []
    for part, place in (where[i] for i in columns.tolist()):
        if found and found[-1][0] == part:
            found[-1][1].append(place)
        else:
            found.append((part, [place]))
    names = [
        nodes.add("Gather", parts[part], nodes.constant(places, np.int64), axis=1)
        for part, places in found
    ]
    return names[0] if len(names) == 1 else nodes.add("Concat", *names, axis=1)


def _stage(nodes: Nodes, stage: Stage, x: str) -> str:
    if stage.kind == "lookup":
        return _look_up(nodes, stage, x)
    if stage.kind == "equals":
        return nodes.add("Cast", _same(nodes, x, stage.a), to=nodes.real)
    if stage.kind == "fill":
        values = nodes.constant(stage.a)
        return nodes.add("Where", _same(nodes, x, stage.b), values, x)
    a, b = nodes.constant(stage.a), nodes.constant(stage.b)
    if stage.kind == "center":
        return nodes.add("Div", nodes.add("Sub", x, a), b)
    if stage.kind == "scale":
        return nodes.add("Add", nodes.add("Mul", x, a), b)
    if stage.kind == "clip":
        return _between(nodes, x, a, b)
    u = nodes.add("Mul", nodes.add("Sub", x, a), b)  # "bend"
    large = 1e15 if nodes.dtype == np.float32 else 1e100
    u = _between(nodes, u, nodes.constant(-large), nodes.constant(large))
    third = nodes.add("Mul", u, nodes.constant(1 / 3))
    below = nodes.add("Add", nodes.constant(1.0), nodes.add("Mul", third, third))
    return nodes.add("Div", u, nodes.add("Sqrt", below))


def _between(nodes: Nodes, x: str, least: str, most: str) -> str:
    low = nodes.add("Where", nodes.add("Less", x, least), least, x)
    return nodes.add("Where", nodes.add("Greater", low, most), most, low)


def _same(nodes: Nodes, x: str, values: np.ndarray) -> str:
    """Return the name of whether numbers are equal to those of their columns, NaN to NaN."""
    missing = np.isnan(values)
    if missing.all():
        return nodes.add("IsNaN", x)
    narrow = values.astype(nodes.dtype)
    if len(np.unique(narrow)) < len(np.unique(values)):
        raise ValueError("dtype: expected 'float64', since some categories are equal in float32")
    same = nodes.add("Equal", x, nodes.constant(values))
    if not missing.any():
        return same
    both = nodes.add("And", nodes.add("IsNaN", x), nodes.constant(missing, bool))
    return nodes.add("Or", same, both)


def _look_up(nodes: Nodes, stage: Stage, x: str) -> str:
    """Add a sum over the keys of their values where x (n, 1) is the key."""
    found = nodes.add("Cast", _same(nodes, x, stage.a), to=nodes.real)
    values = np.where(np.isnan(stage.b), 0.0, stage.b)[:, np.newaxis]
    value = nodes.add("MatMul", found, nodes.constant(values))
    if np.isnan(stage.b).any():
        nan = nodes.add("MatMul", found, nodes.constant(np.isnan(stage.b)[:, np.newaxis]))
        is_nan = nodes.add("Greater", nan, nodes.constant(0.5))
        value = nodes.add("Where", is_nan, nodes.constant([[np.nan]]), value)
    known = nodes.add("MatMul", found, nodes.constant(np.ones((len(stage.a), 1))))
    is_known = nodes.add("Greater", known, nodes.constant(0.5))
    if stage.default is None:
        nodes.unknown.append(nodes.add("Not", is_known))
        return value
    return nodes.add("Where", is_known, value, nodes.constant([[stage.default]]))


# The layers


def _mean_of_members(nodes: Nodes, graph: Graph, prepared: str) -> str:
    found = []
    for member in graph.members:
        h = prepared
        for layer in folded(member):
            h = _layer(nodes, layer, h)
        found.append(h)
    if len(found) == 1:
        return found[0]
    total = found[0]
    for each in found[1:]:
        total = nodes.add("Add", total, each)
    return nodes.add("Div", total, nodes.constant(float(len(found))))


def _nan_where_unknown(nodes: Nodes, outputs: str, inputs: str) -> str:
    """Add NaN for rows whose inputs hold NaN, which a runtime's Relu may drop, or are unknown."""
    unknown = nodes.add("IsNaN", nodes.add("ReduceSum", inputs, axes=[1], keepdims=1))
    for each in nodes.unknown:
        unknown = nodes.add("Or", unknown, each)
    return nodes.add("Where", unknown, nodes.constant([[np.nan]]), outputs)


def _layer(nodes: Nodes, layer: Folded, h: str) -> str:
    weights, bias = nodes.constant(layer.weights), nodes.constant(layer.bias)
    z = nodes.add("Gemm", h, weights, bias, transB=1)
    if layer.norm is not None:
        z = _normalized(nodes, layer, z)
    return _activation(nodes, layer.activation, z)


def _normalized(nodes: Nodes, layer: Folded, z: str) -> str:
    norm, n = layer.norm, len(layer.bias)
    assert norm is not None
    shape = nodes.constant([0, norm.groups, n // norm.groups], np.int64)
    parts = nodes.add("Reshape", z, shape)
    parts = nodes.add("Sub", parts, nodes.add("ReduceMean", parts, axes=[2], keepdims=1))
    squares = nodes.add("Mul", parts, parts)
    variance = nodes.add("ReduceMean", squares, axes=[2], keepdims=1)
    deviation = nodes.add("Sqrt", nodes.add("Add", variance, nodes.constant(norm.eps)))
    divided = nodes.add("Div", parts, deviation)
    flat = nodes.add("Reshape", divided, nodes.constant([0, n], np.int64))
    scaled = nodes.add("Mul", flat, nodes.constant(norm.gamma))
    return nodes.add("Add", scaled, nodes.constant(norm.beta))


def _activation(nodes: Nodes, name: str, z: str) -> str:
    if name == "identity":
        return z
    if name in SINGLE:
        return nodes.add(SINGLE[name], z)
    if name == "softmax":
        return nodes.add("Softmax", z, axis=1)
    if name == "silu":
        return nodes.add("Mul", z, nodes.add("Sigmoid", z))
    if name == "gelu":
        return _gelu(nodes, z)
    if name in ("softplus", "mish"):
        softplus = _softplus(nodes, z)
        return softplus if name == "softplus" else nodes.add("Mul", z, nodes.add("Tanh", softplus))
    return _bent_below_zero(nodes, name, z)


def _gelu(nodes: Nodes, z: str) -> str:
    if nodes.dtype == np.float64:
        raise ValueError(
            "dtype: expected 'float32' for the activation 'gelu': runtimes have Erf for that alone"
        )
    erf = nodes.add("Erf", nodes.add("Mul", z, nodes.constant(np.sqrt(0.5))))
    half = nodes.add("Mul", z, nodes.constant(0.5))
    return nodes.add("Mul", half, nodes.add("Add", erf, nodes.constant(1.0)))


def _softplus(nodes: Nodes, z: str) -> str:
    """Add max(0, z) + ln(1 + e^−|z|): runtimes have Softplus for float32 alone."""
    small = nodes.add("Exp", nodes.add("Neg", nodes.add("Abs", z)))
    rest = nodes.add("Log", nodes.add("Add", nodes.constant(1.0), small))
    return nodes.add("Add", nodes.add("Relu", z), rest)


def _bent_below_zero(nodes: Nodes, name: str, z: str) -> str:
    """Add leaky ReLU, ELU or SELU of operators that runtimes have for both dtypes."""
    if name == "leaky_relu":
        below, factor = nodes.add("Mul", z, nodes.constant(0.01)), None
    else:
        negative = nodes.add("Neg", nodes.add("Relu", nodes.add("Neg", z)))
        below = nodes.add("Sub", nodes.add("Exp", negative), nodes.constant(1.0))
        factor = None if name == "elu" else nodes.constant(1.0507009873554805)
    if factor is not None:
        below = nodes.add("Mul", below, nodes.constant(1.6732632423543772))
    a = nodes.add("Where", nodes.add("Greater", z, nodes.constant(0.0)), z, below)
    return a if factor is None else nodes.add("Mul", a, factor)


# What comes out


def _outputs(nodes: Nodes, graph: Graph, found: str, helper: Any) -> list[Any]:
    """Add labels and probabilities; return the graph's outputs."""
    names = {"network": "outputs", "regressor": "variable"}
    name = names.get(graph.kind, "probabilities")
    if graph.complements:
        nodes.add(
            "Concat", nodes.add("Sub", nodes.constant(1.0), found), found, axis=1, output=name
        )
    else:
        nodes.add("Identity", found, output=name)
    outputs = [helper.make_tensor_value_info(name, nodes.real, ["n", graph.n_results])]
    if graph.kind == "multilabel":
        above = nodes.add("Greater", found, nodes.constant(0.5))
        nodes.add("Cast", above, to=nodes.types.INT64, output="label")
        labels = helper.make_tensor_value_info("label", nodes.types.INT64, ["n", graph.n_results])
        return [labels, *outputs]
    if not graph.classes:
        return outputs
    kind = _add_labels(nodes, graph, found)
    return [helper.make_tensor_value_info("label", kind, ["n"]), *outputs]


def _add_labels(nodes: Nodes, graph: Graph, found: str) -> Any:
    """Add the label of each row; return its type."""
    if graph.n_outputs == 1:
        above = nodes.add("Greater", found, nodes.constant(0.5))
        index = nodes.add("Cast", nodes.add("Squeeze", above, axes=[1]), to=nodes.types.INT64)
    else:
        index = nodes.add("ArgMax", found, axis=1, keepdims=0)
    kinds = {type(label) for label in graph.classes}
    if kinds == {str}:
        dtype, kind = object, nodes.types.STRING
    elif kinds <= {int, bool}:
        dtype, kind = np.int64, nodes.types.INT64
    else:
        dtype, kind = np.float64, nodes.types.DOUBLE
    # What is no number has no class: an index out of bounds, at which a runtime raises.
    unknown = nodes.add("IsNaN", nodes.add("ReduceSum", found, axes=[1], keepdims=0))
    nowhere = nodes.constant(len(graph.classes), np.int64)
    index = nodes.add("Where", unknown, nowhere, index)
    nodes.add("Gather", nodes.constant(graph.classes, dtype), index, axis=0, output="label")
    return kind
