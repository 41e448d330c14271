"""The format ``.py``: a module of plain NumPy."""

from __future__ import annotations

import base64
import pprint
import textwrap
from types import SimpleNamespace
from typing import Any

import numpy as np

from fastnn._common.version import version
from fastnn.export._folded import Folded, folded
from fastnn.export._graph import Graph, Preparation, Stage
from fastnn.export._metadata import metadata_of

__all__ = ["numpy_source", "run_source"]

FEW = 12  # numbers up to which an array is written as a list

ACTIVATIONS = {
    "identity": "    return z\n",
    "sigmoid": "    e = np.exp(-np.abs(z))\n    return np.where(z >= 0, 1, e) / (1 + e)\n",
    "tanh": "    return np.tanh(z)\n",
    "relu": "    return np.maximum(z, 0)\n",
    "leaky_relu": "    return np.where(z > 0, z, 0.01 * z)\n",
    "elu": "    return np.where(z > 0, z, np.expm1(np.minimum(z, 0)))\n",
    "selu": (
        "    e = 1.6732632423543772 * np.expm1(np.minimum(z, 0))\n"
        "    return 1.0507009873554805 * np.where(z > 0, z, e)\n"
    ),
    "gelu": (
        "    tail = np.frompyfunc(math.erfc, 1, 1)(-math.sqrt(0.5) * z)\n"
        "    return 0.5 * z * tail.astype(z.dtype)\n"
    ),
    "silu": "    return z * _sigmoid(z)\n",
    "mish": "    return z * np.tanh(np.logaddexp(0, z))\n",
    "softplus": "    return np.logaddexp(0, z)\n",
    "softmax": (
        "    e = np.exp(z - z.max(axis=1, keepdims=True))\n"
        "    return e / e.sum(axis=1, keepdims=True)\n"
    ),
    "exp": "    return np.exp(z)\n",
}

NORM = '''

def _normalized(z, groups, eps, gamma, beta):
    """Bring each row's groups of neighbouring neurons to mean 0 and variance 1, then scale."""
    parts = z.reshape(len(z), groups, -1)
    parts = parts - parts.mean(axis=2, keepdims=True)
    parts = parts / np.sqrt((parts * parts).mean(axis=2, keepdims=True) + eps)
    return gamma * parts.reshape(z.shape) + beta
'''

MATCHING = '''

def _same(x, values):
    """Whether numbers are equal, NaN to NaN."""
    return (x == values) | (np.isnan(x) & np.isnan(values))
'''

LOOKUP = '''

def _looked_up(x, keys, values, default, column):
    """Return the value beside each number's key; default None means that it must be there."""
    same = _same(x[:, np.newaxis], np.array(keys))
    known = same.any(axis=1)
    if default is None and not known.all():
        raise ValueError(f"X: an unknown category in row {np.argmin(known)}, column {column}")
    return np.where(known, np.array(values)[same.argmax(axis=1)], default or 0.0)
'''

BEND = '''

def _bent(x, center, scale):
    """u / sqrt(1 + (u/3)^2) with u = (x - center) scale."""
    u = np.clip((x - center) * scale, -1e100, 1e100)
    return u / np.sqrt(1 + (u / 3) ** 2)
'''

NUMBERS = '''

def _numbers(text, *shape):
    """Return the little-endian float64 numbers in a base64 text."""
    return np.frombuffer(base64.b64decode(text), "<f8").reshape(shape).astype(_DTYPE)
'''

ROWS = '''

def _rows(X):
    """Return the checked rows (n, n_in), ready for the layers, in float64."""
    rows = np.atleast_2d(np.asarray(X, dtype=object) if _TEXTS else np.asarray(X, dtype=float))
    if rows.ndim != 2 or rows.shape[1] != n_in:
        raise ValueError(f"X: expected shape (n, {n_in}), got {np.shape(X)}")
    V = np.zeros((len(rows), _WIDTH))
@GIVEN@    if np.isinf(V).any():
        raise ValueError("X: expected finite numbers, got infinite ones")
@STAGES@    if not np.isfinite(V).all():
        raise ValueError("X: expected finite numbers, got some that are missing")
    return V
'''

COLUMN = '''

def _column(values, texts):
    """Return a column as numbers: of texts the number of each, -1 for others, NaN for missing."""
    if texts is None:
        return values.astype(float)
    numbers = {text: float(i) for i, text in enumerate(texts)}
    return [v if isinstance(v, float) and v != v else numbers.get(v, -1.0) for v in values]
'''

OUTPUTS = '''

def _outputs(X):
    """Return the outputs (n, n_outputs) of the layers, averaged over the networks."""
    rows = _rows(X).astype(_DTYPE)
    total = 0
    for layers in _MEMBERS:
        h = rows
        for layer in layers:
            h = layer(h)
        total = total + h
    return total / len(_MEMBERS)
'''

NETWORK = '''

def predict(X):
    """Return the outputs (n, n_outputs) for rows X (n, n_in), (n_outputs,) for one row (n_in,)."""
    outputs = _outputs(X)
    return outputs[0] if np.ndim(X) == 1 else outputs
'''

LABELS_OF_NETWORK = '''

def labels(X):
    """Return the label (n,) of each row of X (n, n_in)."""
    outputs = _outputs(X)
    if outputs.shape[1] == 1:
        return classes[(outputs[:, 0] > 0.5).astype(int)]
    return classes[outputs.argmax(axis=1)]
'''

CLASSIFIER = '''

def predict_proba(X):
    """Return the probabilities (n, n_classes), in the order of classes, for rows X (n, n_in)."""
    return _outputs(X)


def predict(X):
    """Return the most probable label (n,) for each row of X (n, n_in)."""
    return classes[_outputs(X).argmax(axis=1)]
'''

BINARY = '''

def predict_proba(X):
    """Return the probabilities (n, 2), in the order of classes, for rows X (n, n_in)."""
    p = _outputs(X)
    return np.concatenate([1 - p, p], axis=1)


def predict(X):
    """Return the most probable label (n,) for each row of X (n, n_in)."""
    return classes[(_outputs(X)[:, 0] > 0.5).astype(int)]
'''

MULTILABEL = '''

def predict_proba(X):
    """Return the probability (n, n_outputs) of each label for rows X (n, n_in)."""
    return _outputs(X)


def predict(X):
    """Return 0 or 1 for each label (n, n_outputs) for rows X (n, n_in)."""
    return (_outputs(X) > 0.5).astype(int)
'''

REGRESSOR = '''

def predict(X):
    """Return the predictions (n,), or (n, n_outputs) if there are several, for rows X (n, n_in)."""
    outputs = _outputs(X)
    return outputs[:, 0] if outputs.shape[1] == 1 else outputs
'''


def numpy_source(graph: Graph, dtype: np.dtype) -> str:
    """Return the source of a module that computes what ``graph`` says.

    Parameters
    ----------
    graph : Graph
    dtype : float64 or float32
        Of the arithmetic in layers.
    """
    members = [folded(member) for member in graph.members]
    return "".join(
        [
            _head(graph, dtype),
            NUMBERS,
            *_activations(members),
            NORM if any(layer.norm for layers in members for layer in layers) else "",
            *_preparation(graph.preparation),
            _layers(members),
            OUTPUTS,
            *_predictions(graph),
        ]
    )


def run_source(source: str) -> Any:
    """Return the names of a module with this source, which ``numpy_source`` made."""
    names: dict[str, Any] = {}
    exec(compile(source, "<exported>", "exec"), names)
    return SimpleNamespace(**names)


def _head(graph: Graph, dtype: np.dtype) -> str:
    shape = ", ".join("-".join(_sizes(member.layers)) for member in graph.members[:1])
    several = f", the mean of {len(graph.members)} networks" if len(graph.members) > 1 else ""
    features = pprint.pformat(graph.features, width=90)
    classes = ["\nclasses = np.array(", repr(list(graph.classes)), ")\n"] if graph.classes else []
    return "".join(
        [
            f'"""A {graph.kind} of layers {shape}{several}, written by fastnn {version()}.\n\n',
            'It needs NumPy alone.\n"""\n\nimport base64\nimport math\n\nimport numpy as np\n\n',
            f"n_in = {graph.preparation.n_in}\n",
            f"features = {features}\n",
            f"metadata = {pprint.pformat(metadata_of(graph), width=90)}\n",
            *classes,
            f'_DTYPE = np.dtype("{dtype}")\n',
        ]
    )


def _sizes(layers: Any) -> list[str]:
    return [str(n) for n in (layers[0].weights.shape[1], *(len(each.bias) for each in layers))]


def _activations(members: list[list[Folded]]) -> list[str]:
    used = {layer.activation for layers in members for layer in layers}
    used |= {"sigmoid"} if "silu" in used else set()
    return [f"\n\ndef _{name}(z):\n{ACTIVATIONS[name]}" for name in sorted(used)]


def _array(values: np.ndarray) -> str:
    """Return an expression for float64 numbers, every one to the bit."""
    if values.size <= FEW and values.ndim == 1:
        listed = ", ".join(_number(value) for value in values.tolist())
        return f"np.array([{listed}], dtype=_DTYPE)"
    text = base64.b64encode(np.ascontiguousarray(values, "<f8").tobytes()).decode()
    shape = "".join(f", {n}" for n in values.shape)
    return '_numbers("""\n' + "\n".join(textwrap.wrap(text, 100)) + f'\n"""{shape})'


def _number(value: float | None) -> str:
    return "np.nan" if value is not None and value != value else repr(value)


def _layers(members: list[list[Folded]]) -> str:
    """Return functions of a layer each, and the list of them for each network."""
    parts, lists = [], []
    for i, layers in enumerate(members):
        names = []
        for l, layer in enumerate(layers):
            name = f"_layer_{i}_{l}"
            parts.append(_layer(name, layer))
            names.append(name)
        lists.append(f"    [{', '.join(names)}],\n")
    return "".join([*parts, "\n\n_MEMBERS = [\n", *lists, "]\n"])


def _layer(name: str, layer: Folded) -> str:
    z, norm, numbers = "h @ W + b", layer.norm, []
    W = np.ascontiguousarray(layer.weights.T)
    numbers += [f"W={_array(W)}", f"b={_array(layer.bias)}"]
    if norm is not None:
        numbers += [f"gamma={_array(norm.gamma)}", f"beta={_array(norm.beta)}"]
        z = f"_normalized({z}, {norm.groups}, {norm.eps!r}, gamma, beta)"
    arguments = "".join(f", {each}" for each in numbers)
    return f"\n\ndef {name}(h{arguments}):\n    return _{layer.activation}({z})\n"


def _preparation(preparation: Preparation) -> list[str]:
    kinds = {stage.kind for stage in preparation.stages}
    texts = pprint.pformat(dict(preparation.texts), width=90)
    lines, width = [], preparation.n_in
    for stage in preparation.stages:
        lines.append(f"    V[:, {width}:{width + stage.width}] = {_stage(stage)}\n")
        width += stage.width
    columns = preparation.columns
    if not preparation.is_plain:
        lines.append(f"    V = V[:, {_indices(columns)}]\n")
    return [
        MATCHING if kinds & {"equals", "fill", "lookup"} else "",
        LOOKUP if "lookup" in kinds else "",
        BEND if "bend" in kinds else "",
        COLUMN if preparation.texts else "",
        f"\n\n_TEXTS = {texts}\n_WIDTH = {width}\n",
        ROWS.replace("@GIVEN@", _given(preparation)).replace("@STAGES@", "".join(lines)),
    ]


def _given(preparation: Preparation) -> str:
    """Return the lines that take the columns that are looked at, texts as numbers."""
    used = [preparation.columns, *(stage.sources for stage in preparation.stages)]
    given = np.array(sorted({i for i in np.concatenate(used) if i < preparation.n_in}))
    places = _indices(given, slices=not preparation.texts)
    if not preparation.texts:
        return f"    V[:, {places}] = rows[:, {places}]\n"
    return f"    for i in {places}:\n        V[:, i] = _column(rows[:, i], _TEXTS.get(i))\n"


def _indices(columns: np.ndarray, slices: bool = True) -> str:
    first, n = int(columns[0]), len(columns)
    if np.array_equal(columns, np.arange(first, first + n)):
        return f"slice({first}, {first + n})" if slices else f"range({first}, {first + n})"
    return repr(columns.tolist())


def _stage(stage: Stage) -> str:
    a, b = (f"np.array([{', '.join(map(_number, each.tolist()))}])" for each in (stage.a, stage.b))
    if stage.kind == "lookup":
        column = int(stage.sources[0])
        default = "None" if stage.default is None else _number(stage.default)
        looked_up = f"_looked_up(V[:, {column}], {a}, {b}, {default}, {column})"
        return f"{looked_up}[:, np.newaxis]"
    x = f"V[:, {_indices(stage.sources)}]"
    return {
        "center": f"({x} - {a}) / {b}",
        "scale": f"{x} * {a} + {b}",
        "clip": f"np.clip({x}, {a}, {b})",
        "fill": f"np.where(_same({x}, {b}), {a}, {x})",
        "equals": f"_same({x}, {a})",
        "bend": f"_bent({x}, {a}, {b})",
    }[stage.kind]


def _predictions(graph: Graph) -> list[str]:
    if graph.kind == "network":
        return [NETWORK, LABELS_OF_NETWORK if graph.classes else ""]
    if graph.kind == "classifier":
        return [BINARY if graph.complements else CLASSIFIER]
    return [MULTILABEL if graph.kind == "multilabel" else REGRESSOR]
