"""What fastnn exports comes back as the network that it was."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import activations, convert
from fastnn._model.table_info import TableInfo
from fastnn.normalization import BatchNorm, GroupNorm, LayerNorm

# How many random networks are tried; the longer form of these tests is 60.
CASES = int(os.environ.get("FASTNN_CONVERT_CASES", "12"))
rng = np.random.default_rng(0)


def random_network(seed: int) -> fastnn.Network:
    """A network of any shape and options, trained a little."""
    draw = np.random.default_rng(seed)
    sizes = [int(n) for n in 2 * draw.integers(1, 5, draw.integers(2, 8))]
    n_hidden = len(sizes) - 2
    output, cost = [
        ("softmax", fastnn.LogLikelihoodCost),
        ("sigmoid", fastnn.CrossEntropyCost),
        ("identity", fastnn.QuadraticCost),
    ][draw.integers(3)]
    net = fastnn.Network(
        sizes,
        cost,
        activation=[str(draw.choice(activations.HIDDEN)) for _ in range(n_hidden)],
        output=output,
        normalization=[None, BatchNorm(0.2, 1e-3), LayerNorm(), GroupNorm(2)][draw.integers(4)],
        dropout=[
            fastnn.Dropout(float(draw.choice([0.0, 0.25])), bool(draw.integers(2)))
            for _ in range(n_hidden)
        ],
        input_scale=float(draw.choice([1.0, 0.5])),
        dtype=str(draw.choice(["float32", "float64"])),
        rng=seed,
    )
    X = draw.normal(size=(32, sizes[0]))
    net.fit(X, draw.uniform(size=(32, sizes[-1])), epochs=2, batch_size=16, learning_rate=0.01)
    if output == "softmax":
        names = tuple(f"k{i}" for i in range(sizes[-1]))
        net.table = TableInfo("classification", names, tuple(f"x{i}" for i in range(sizes[0])))
    return net


def assert_same(back: fastnn.Network, net: fastnn.Network, tolerance: float) -> None:
    X = rng.normal(size=(200, net.sizes[0]))
    wanted = net.predict(X)
    np.testing.assert_allclose(back.predict(X), wanted, rtol=tolerance, atol=tolerance)
    assert (back.sizes, back.output, back.table) == (net.sizes, net.output, net.table)


@pytest.mark.parametrize("ending", [".safetensors", ".onnx"])
@pytest.mark.parametrize("seed", range(CASES))
def test_networks_come_back(seed: int, ending: str, tmp_path: Path) -> None:
    module = ending[1:]
    pytest.importorskip(module, reason=f"{module} is not installed (the extra {module})")
    net = random_network(seed)
    single = net.dtype == np.float32
    path = tmp_path / f"net{ending}"
    if ending == ".onnx" and "gelu" in net.activation:
        net.export(path, dtype="float32")
        single = True
    else:
        net.export(path, dtype=str(net.dtype))
    read: Any = convert.from_onnx if ending == ".onnx" else convert.from_state_dict
    back = read(path)
    assert back.dtype == (np.float32 if single else np.float64)
    assert_same(back, net, 2e-5 if single else 1e-12)
    assert back.activation == net.activation
    if ending == ".safetensors":
        assert [each.rate for each in back.dropout] == [each.rate for each in net.dropout]


@pytest.mark.parametrize("ending", [".safetensors", ".onnx"])
def test_a_classifier_with_its_scaler(ending: str, tmp_path: Path) -> None:
    pytest.importorskip(ending[1:], reason="the library of this format is not installed")
    pytest.importorskip("sklearn", reason="scikit-learn is not installed (the extra sklearn)")
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from fastnn import export
    from fastnn.sklearn import MLPClassifier

    X, y = rng.normal(3, 2, size=(200, 4)), np.array(["no", "yes", "so"])[np.arange(200) % 3]
    model = make_pipeline(
        StandardScaler(), MLPClassifier((5,), solver="lbfgs", max_iter=5, tol=100.0, random_state=0)
    ).fit(X, y)
    export.export(model, tmp_path / f"model{ending}")
    read: Any = convert.from_onnx if ending == ".onnx" else convert.from_state_dict
    net = read(tmp_path / f"model{ending}")
    wanted = model.predict_proba(X)
    np.testing.assert_allclose(net.predict(X), wanted, rtol=2e-5, atol=2e-5)
    assert net.table is not None and net.table.classes == ("no", "so", "yes")


@pytest.mark.parametrize("ending", [".safetensors", ".onnx"])
@pytest.mark.parametrize("kind", ["several", "two", "regressor"])
def test_the_members_of_an_ensemble_come_back(kind: str, ending: str, tmp_path: Path) -> None:
    pytest.importorskip(ending[1:], reason="the library of this format is not installed")
    pytest.importorskip("sklearn", reason="scikit-learn is not installed (the extra sklearn)")
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from fastnn import export, sklearn

    draw = np.random.default_rng(1)
    X, name = draw.normal(2, 3, size=(60, 3)), "Regressor" if kind == "regressor" else "Classifier"
    y = X[:, 0] if kind == "regressor" else np.arange(60) % (3 if kind == "several" else 2)
    one = getattr(sklearn, f"MLP{name}")(
        hidden_layer_sizes=(4, 3), activation=["mish", "softplus"], normalization="batch",
        max_iter=2, batch_size=20,
    )  # fmt: skip
    ensemble = getattr(sklearn, f"MLPEnsemble{name}")(one, n_estimators=3, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged
        model = make_pipeline(StandardScaler(), ensemble).fit(X, y)
    path = tmp_path / f"mean{ending}"
    export.export(model, path, dtype="float64")
    members = convert.members_from(path)
    assert len(members) == 3 and all(each.dtype == np.float64 for each in members)
    outputs = np.mean([each.predict(X) for each in members], axis=0)
    wanted = model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)
    wanted = wanted[:, 1:] if kind == "two" else wanted.reshape(60, -1)
    np.testing.assert_allclose(outputs, wanted, rtol=0, atol=1e-12 * max(1, np.abs(wanted).max()))
    if kind != "regressor":
        assert all(each.table and each.table.classes == tuple({*y.tolist()}) for each in members)
    read: Any = convert.from_onnx if ending == ".onnx" else convert.from_state_dict
    with pytest.raises(
        ValueError, match=rf"mean\{ending}: it is the mean of 3 networks; convert\."
    ):
        read(path)


def test_of_one_network_there_is_one_member(tmp_path: Path) -> None:
    net = random_network(3)
    for ending in (".onnx", ".safetensors"):
        pytest.importorskip(ending[1:], reason="the library of this format is not installed")
        net.export(tmp_path / f"net{ending}", dtype="float32")
        (back,) = convert.members_from(tmp_path / f"net{ending}")
        assert_same(back, net, 2e-5)
    for content in (b"", b"\0" * 100, bytes(8) + b"{}"):
        (tmp_path / "odd").write_bytes(content)
        with pytest.raises(ValueError, match=r"odd: "):
            convert.members_from(tmp_path / "odd")
