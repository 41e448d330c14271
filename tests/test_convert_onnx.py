"""ONNX files of exporters as networks, and what no network computes is refused by its node."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from foreign_files import onnx_file, state
from pytorch import import_torch
from refusals import assert_one_line

import fastnn
from fastnn import convert
from fastnn._model.table_info import TableInfo

onnx = pytest.importorskip("onnx", reason="onnx is not installed (the extra onnx)")
helper, numpy_helper = onnx.helper, onnx.numpy_helper

rng = np.random.default_rng(0)
X = rng.normal(size=(1000, 3))
W1, b1, W2, b2 = (rng.normal(size=shape) for shape in ((4, 3), (4,), (2, 4), (2,)))


def node(kind: str, inputs: str, output: str, **more: Any) -> Any:
    return helper.make_node(kind, inputs.split(), [output], name=f"the {output}", **more)


def saved(
    path: Path, nodes: list[Any], constants: dict[str, Any], opset: int = 20, n_out: int = 2
) -> Path:
    """A model from x (n, 3) to y in double."""
    ends = [
        helper.make_tensor_value_info(name, onnx.TensorProto.DOUBLE, ["n", n])
        for name, n in (("x", 3), ("y", n_out))
    ]
    tensors = [numpy_helper.from_array(np.array(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "test", ends[:1], ends[1:], tensors)
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def hidden(nodes: list[Any], constants: dict[str, Any], path: Path, **more: Any) -> Path:
    """A model whose hidden layer has these nodes, from z to a."""
    ends = [node("Gemm", "x W1 b1", "z", transB=1)], [node("Gemm", "a W2 b2", "y", transB=1)]
    given = {"W1": W1, "b1": b1, "W2": W2, "b2": b2, **constants}
    return saved(path, [*ends[0], *nodes, *ends[1]], given, **more)


def run(path: Path, rows: np.ndarray = X) -> np.ndarray:
    """What onnxruntime makes of a file."""
    runtime = pytest.importorskip(
        "onnxruntime", reason="onnxruntime is not installed (the extra dev)"
    )
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    found: np.ndarray = session.run(None, {session.get_inputs()[0].name: rows})[-1]
    return found


def test_a_plain_file_with_names(tmp_path: Path) -> None:
    for dtype, tolerance in (("f4", 1e-5), ("f8", 1e-12)):
        path = tmp_path / f"{dtype}.onnx"
        path.write_bytes(onnx_file(dtype))
        net = convert.from_onnx(path)
        assert net.dtype == np.dtype(dtype)
        assert net.table == TableInfo("classification", ("no", "yes"), ("a", "b", "c"))
        by_state = convert.from_state_dict(
            state(dtype), ["linear", "batch", "tanh", "linear", "softmax"]
        )
        np.testing.assert_array_equal(net.parameters, by_state.parameters)
        wanted = run(path, X.astype(dtype))
        np.testing.assert_allclose(net.predict(X), wanted, rtol=0, atol=tolerance)


FORMS: dict[str, tuple[list[Any], dict[str, Any], str]] = {
    "matmul and add": (
        [node("MatMul", "z M", "m"), node("Add", "c m", "n"), node("Tanh", "n", "a")],
        {"M": rng.normal(size=(4, 4)), "c": rng.normal(size=(1, 4))}, "identity tanh"),
    "shifts and factors": (
        [node("Sub", "z c", "k"), node("Div", "k d", "l"), node("Mul", "e l", "m"),
         node("Relu", "m", "a")],
        {"c": 0.5, "d": np.arange(1.0, 5), "e": [2.0]}, "relu"),
    "silu": ([node("Sigmoid", "z", "s"), node("Mul", "s z", "a")], {}, "silu"),
    "gelu": ([node("Div", "z r", "k"), node("Erf", "k", "l"), node("Add", "one l", "m"),
              node("Mul", "m z", "n"), node("Mul", "half n", "a")],
             {"r": 2**0.5, "one": 1.0, "half": 0.5}, "gelu"),
    "through casts": (
        [node("Cast", "z", "k", to=11), node("Identity", "k", "l"), node("Flatten", "l", "m"),
         node("Reshape", "m s", "n"), node("Tanh", "n", "a")],
        {"s": np.array([-1, 4])}, "tanh"),
    "elu": ([node("Elu", "z", "a")], {}, "elu"),
    "leaky": ([node("LeakyRelu", "z", "a")], {}, "leaky_relu"),
    "selu": ([node("Selu", "z", "a")], {}, "selu"),
    "layer norm": ([node("LayerNormalization", "z g h", "n", epsilon=1e-3), node("Tanh", "n", "a")],
                   {"g": rng.normal(size=4), "h": rng.normal(size=4)}, "tanh"),
}  # fmt: skip
NOT_RUN = {"gelu", "elu", "leaky", "selu"}  # onnxruntime has these for float32 alone


@pytest.mark.parametrize("name", FORMS)
def test_forms_of_a_layer(name: str, tmp_path: Path) -> None:
    nodes, constants, activations = FORMS[name]
    path = hidden(nodes, constants, tmp_path / "form.onnx")
    onnx.checker.check_model(onnx.load(path), full_check=True)
    net = convert.from_onnx(path)
    assert net.activation == tuple(activations.split()) and net.dtype == np.float64
    if name not in NOT_RUN:
        np.testing.assert_allclose(net.predict(X), run(path), rtol=1e-12, atol=1e-12)


def test_scalers_before_the_first_layer(tmp_path: Path) -> None:
    told = {"offset": [1.0, 2.0, 3.0], "scale": [0.5, 2.0, 3.0]}
    nodes = [
        node("Scaler", "x", "s", domain="ai.onnx.ml", **told),
        node("Gemm", "s W b", "z", transB=1),
        node("Sigmoid", "z", "y"),
    ]
    path = saved(tmp_path / "scaled.onnx", nodes, {"W": W1, "b": b1}, n_out=4)
    rows = (X - told["offset"]) * told["scale"]
    wanted = 1 / (1 + np.exp(-(rows @ W1.T + b1)))
    np.testing.assert_allclose(convert.from_onnx(path).predict(X), wanted, rtol=1e-12, atol=1e-14)
    halved = [node("Mul", "x h", "s"), *nodes[1:]]
    path = saved(tmp_path / "halved.onnx", halved, {"W": W1, "b": b1, "h": 0.5}, n_out=4)
    net = convert.from_onnx(path)
    assert net.input_scale == 0.5
    np.testing.assert_array_equal(net.weights[0], W1)


REFUSED: dict[str, tuple[list[Any], dict[str, Any], str]] = {
    "sum of two": ([node("Tanh", "z", "t"), node("Add", "t z", "a")], {}, "the a"),
    "hard": ([node("HardSigmoid", "z", "a")], {}, "HardSigmoid"),
    "leaky": ([node("LeakyRelu", "z", "a", alpha=0.2)], {}, "LeakyRelu"),
    "gelu": ([node("Gelu", "z", "a", approximate="tanh")], {}, "Gelu"),
    "softmax": ([node("Softmax", "z", "a", axis=0)], {}, "Softmax"),
    "mixed rows": ([node("Reshape", "z s", "a")], {"s": np.array([-1, 2])}, "expected 4 columns"),
    "first columns": (
        [node("Gather", "z s", "k", axis=1), node("Tanh", "k", "a")],
        {"s": np.array([0, 1])}, "expected 4 columns"),
    "other columns": (
        [node("Gather", "z s", "a", axis=1)], {"s": np.array([1, 0, 2, 3])}, "Gather"),
    "transposed": ([node("Gemm", "z W b", "a", transA=1)], {"W": W2, "b": b2}, "transA"),
    "scaled": ([node("Gemm", "z W b", "a", alpha=0.5)], {"W": W2, "b": b2}, "alpha"),
    "training": (
        [node("BatchNormalization", "z v v v v", "a", training_mode=1)],
        {"v": np.ones(4)}, "training_mode"),
    "by zero": ([node("Div", "z v", "a")], {"v": np.zeros(4)}, "divides by 0"),
    "column": ([node("Mul", "z v", "a")], {"v": np.ones((4, 1))}, "one number a column"),
    "over rows": (
        [node("LayerNormalization", "z v", "a", axis=0)], {"v": np.ones(4)}, "axis"),
    "made of none": ([node("Tanh", "q", "a")], {}, "made of no node"),
    "in a circle": ([node("Identity", "k", "a"), node("Identity", "a", "k")], {}, "circles"),
    "exponential": ([node("Exp", "z", "a")], {}, "exp in a hidden layer"),
    "other domain": ([node("Tanh", "z", "a", domain="mine")], {}, "mine.Tanh"),
    "integers": ([node("MatMul", "z v", "a")], {"v": np.ones((4, 4), int)}, "floating-point"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_network_computes(name: str, tmp_path: Path) -> None:
    nodes, constants, said = REFUSED[name]
    path = hidden(nodes, constants, tmp_path / "refused.onnx")
    with pytest.raises(ValueError) as caught:
        convert.from_onnx(path)
    assert_one_line(caught.value)
    assert said in str(caught.value) and str(path) in str(caught.value)


# --- exporters


def normalized_module(norm: str) -> Any:
    """A Sequential with every activation, in double."""
    torch = import_torch()
    nn = torch.nn
    torch.manual_seed(0)
    norms: dict[str, Callable[[], Any]] = {
        "none": nn.Identity,
        "batch": lambda: nn.BatchNorm1d(4, 1e-3, 0.2),
        "layer": lambda: nn.LayerNorm(4),
        "group": lambda: nn.GroupNorm(2, 4),
    }
    functions = [
        nn.GELU(), nn.SiLU(), nn.Mish(), nn.Softplus(), nn.SELU(), nn.LeakyReLU(0.01), nn.ELU(),
        nn.Tanh(), nn.Sigmoid(), nn.ReLU(),
    ]  # fmt: skip
    body = [each for f in functions for each in (nn.Linear(4, 4), norms[norm](), f)]
    module = nn.Sequential(nn.Linear(3, 4), *body[1:], nn.Linear(4, 2), nn.Softmax(1)).double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
        module(2 * torch.from_numpy(X) + 1)
    return module.eval()


@pytest.mark.parametrize("opset", [11, 18])
@pytest.mark.parametrize("norm", ["none", "batch", "layer", "group"])
def test_what_torch_exports(norm: str, opset: int, tmp_path: Path) -> None:
    torch = import_torch()
    module = normalized_module(norm)
    keep = torch.onnx.TrainingMode.PRESERVE  # without it batch norm is folded by the exporter
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module, torch.zeros(2, 3).double(), str(tmp_path / "t.onnx"), dynamo=False,
            opset_version=opset, training=keep, do_constant_folding=False,
            input_names=["x"], dynamic_axes={"x": {0: "n"}},
        )  # fmt: skip
    net = convert.from_onnx(tmp_path / "t.onnx")
    wanted = module(torch.from_numpy(X)).detach().numpy()
    # The ε of a normalization is an attribute of single precision.
    tolerance = 1e-12 if norm == "none" else 1e-8
    np.testing.assert_allclose(net.predict(X), wanted, rtol=0, atol=tolerance)
    assert (net.normalization is None) == (norm == "none")
    np.testing.assert_array_equal(net.parameters, convert.from_torch(module).parameters)


@pytest.mark.parametrize("labels", ["three numbers", "two texts", "labels", "regression"])
@pytest.mark.parametrize("zipmap", [True, False])
def test_what_skl2onnx_exports(labels: str, zipmap: bool, tmp_path: Path) -> None:
    skl2onnx = pytest.importorskip("skl2onnx", reason="skl2onnx is not installed (the extra dev)")
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if labels == "regression":
        model: Any = MLPRegressor(hidden_layer_sizes=(5,), max_iter=2, random_state=0)
        y: Any = X[:, 0]
    else:
        model = MLPClassifier((5,), "tanh", max_iter=2, random_state=0)
        y = {
            "three numbers": np.arange(1000) % 3,
            "two texts": np.array(["no", "yes"])[np.arange(1000) % 2],
            "labels": (X > 0).astype(int),
        }[labels]
    pipeline = make_pipeline(StandardScaler(), model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline.fit(X + 1, y)
        options = None if labels == "regression" else {"zipmap": zipmap}
        made = skl2onnx.to_onnx(pipeline, X[:1], options=options)
    (tmp_path / "s.onnx").write_bytes(made.SerializeToString())
    net = convert.from_onnx(tmp_path / "s.onnx")
    if labels == "regression":
        wanted = pipeline.predict(X + 1)[:, np.newaxis]
    else:
        wanted = pipeline.predict_proba(X + 1)[:, 1 if labels == "two texts" else 0 :]
    np.testing.assert_allclose(net.predict(X + 1), wanted, rtol=0, atol=1e-12)
    named = {"three numbers": (0, 1, 2), "two texts": ("no", "yes")} if zipmap else {}
    assert (net.table and net.table.classes) == named.get(labels)


def test_options(tmp_path: Path) -> None:
    nodes = [node("Relu", "z", "a")]
    path = hidden(nodes, {}, tmp_path / "logits.onnx")
    net = convert.from_onnx(path, output="softmax", cost=fastnn.QuadraticCost)
    z = np.maximum(X @ W1.T + b1, 0) @ W2.T + b2
    e = np.exp(z - z.max(axis=1, keepdims=True))
    np.testing.assert_allclose(
        net.predict(X), e / e.sum(axis=1, keepdims=True), rtol=1e-12, atol=1e-14
    )
    assert net.cost is fastnn.QuadraticCost
    nodes = [node("BatchNormalization", "z g h m v", "k"), node("Tanh", "k", "a")]
    parts = {name: rng.uniform(0.5, 2, 4) for name in "ghmv"}
    path = hidden(nodes, parts, tmp_path / "batch.onnx")
    folded = convert.from_onnx(path, inference=True)
    assert folded.normalization is None
    np.testing.assert_allclose(
        folded.predict(X), convert.from_onnx(path).predict(X), rtol=1e-12, atol=1e-14
    )


def test_without_onnx_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r'pip install "fastnn-cpu\[onnx\]"'):
        convert.from_onnx("model.onnx")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match=r'pip install "fastnn-cpu\[keras\]"'):
        convert.from_keras("model.keras")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r'pip install "fastnn-cpu\[torch\]"'):
        convert.from_torch(copy)
