"""Files of Keras 3 as networks: what its version 3.15 wrote lies beside the tests."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from golden_files import GOLDEN, INPUTS

import fastnn
from fastnn import convert
from fastnn.normalization import BatchNorm, LayerNorm

pytest.importorskip("h5py", reason="h5py is not installed (the extra keras)")


def expected(name: str) -> np.ndarray:
    content = json.loads((GOLDEN / f"{name}.expected").read_text(encoding="utf-8"))
    return np.array(content["outputs"])


def test_batch_norm_and_dropout() -> None:
    net = convert.from_keras(GOLDEN / "keras3-batch.keras")
    assert (net.sizes, net.output, net.dtype) == ([3, 4, 5, 2], "softmax", np.float32)
    assert net.activation == ("gelu", "leaky_relu") and net.input_scale == 0.5
    assert net.normalization == BatchNorm(1 - 0.99, 1e-3)
    assert [each.rate for each in net.dropout] == [0.2, 0.0]
    assert not net.biases[1].any() and (net.gammas[1] == 1).all()
    np.testing.assert_allclose(net.predict(INPUTS), expected("keras3-batch"), rtol=0, atol=1e-6)


def test_scaled_inputs_and_layer_norm() -> None:
    net = convert.from_keras(GOLDEN / "keras3-scaled.keras")
    assert (net.activation, net.output) == (("elu", "relu"), "identity")
    assert net.normalization == LayerNorm(1e-3)
    np.testing.assert_allclose(net.predict(INPUTS), expected("keras3-scaled"), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["keras3-batch", "keras3-scaled"])
def test_folded_for_inference_and_other_options(name: str) -> None:
    net = convert.from_keras(GOLDEN / f"{name}.keras", inference=True, cost=fastnn.QuadraticCost)
    assert net.cost is fastnn.QuadraticCost and not any(each.rate for each in net.dropout)
    assert not isinstance(net.normalization, BatchNorm)
    np.testing.assert_allclose(net.predict(INPUTS), expected(name), rtol=0, atol=1e-6)


def test_weights_alone_with_the_layers_told(tmp_path: Path) -> None:
    with zipfile.ZipFile(GOLDEN / "keras3-batch.keras") as archive:
        layers = json.loads(archive.read("config.json"))["config"]["layers"]
        (tmp_path / "w.weights.h5").write_bytes(archive.read("model.weights.h5"))
    net = convert.from_keras(tmp_path / "w.weights.h5", layers)
    whole = convert.from_keras(GOLDEN / "keras3-batch.keras")
    np.testing.assert_array_equal(net.parameters, whole.parameters)
    for wrong in (None, 3, [3], [{}], layers[:3]):
        with pytest.raises(ValueError, match=r"w\.weights\.h5: "):
            convert.from_keras(tmp_path / "w.weights.h5", wrong)
    with pytest.raises(ValueError, match=r"layers: only of a \.weights\.h5"):
        convert.from_keras(GOLDEN / "keras3-batch.keras", layers)


def keras_file(layers: list[dict[str, Any]], variables: dict[str, list[Any]]) -> bytes:
    """A .keras file of these layers, whose groups hold these variables."""
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for group, values in variables.items():
            for i, value in enumerate(values):
                file[f"layers/{group}/vars/{i}"] = value
    model = {"class_name": "Sequential", "config": {"layers": layers}}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("config.json", json.dumps(model))
        archive.writestr("model.weights.h5", buffer.getvalue())
    return content.getvalue()


def layer(kind: str, name: str, **config: Any) -> dict[str, Any]:
    return {
        "module": "keras.layers", "class_name": kind, "registered_name": None,
        "config": {"name": name, **config},
    }  # fmt: skip


def dense(name: str, activation: Any = "linear") -> dict[str, Any]:
    return layer("Dense", name, activation=activation, use_bias=True)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_dtypes(dtype: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    shapes = ((3, 4), (4,)), ((4, 2), (2,))
    values = [[rng.normal(size=shape).astype(dtype) for shape in pair] for pair in shapes]
    path = tmp_path / "model.keras"
    named = {"dense": values[0], "dense_1": values[1]}
    path.write_bytes(keras_file([dense("a", "tanh"), dense("b", "sigmoid")], named))
    net = convert.from_keras(path)
    assert net.dtype == (np.float64 if dtype == "f8" else np.float32)
    np.testing.assert_array_equal(net.weights[1], values[1][0].T)


REFUSED = {
    "layer b: a Network has no activation 'leaky_relu'": dense("b", "leaky_relu"),
    "layer b: a Network has no activation 'hard_sigmoid'": dense("b", "hard_sigmoid"),
    "layer b: a Network has no activation": dense("b", {"class_name": "Mine"}),
    "layer b: GaussianNoise is no layer": layer("GaussianNoise", "b", stddev=0.1),
    "layer b: max_value: expected None, got 6.0": layer("ReLU", "b", max_value=6.0),
    "layer b: negative_slope: expected 0.01": layer("LeakyReLU", "b", negative_slope=0.3),
    "layer b: alpha: expected 1": layer("ELU", "b", alpha=0.5),
    "layer b: axis": layer("Softmax", "b", axis=0),
    "layer b: noise_shape": layer("Dropout", "b", rate=0.2, noise_shape=[1, 2]),
    "layer b: rate": layer("Dropout", "b", rate=1.0),
    "layer b: tanh of the outputs": layer("Activation", "b", activation="tanh"),
    "layer b: dropout of the outputs": layer("Dropout", "b", rate=0.2),
    "have no layers/dense_1/vars": dense("b"),
}


@pytest.mark.parametrize("said", REFUSED)
def test_what_a_network_has_not(said: str, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    variables = {"dense": [np.ones((3, 4), "f4"), np.ones(4, "f4")]}
    path.write_bytes(keras_file([dense("a"), REFUSED[said]], variables))
    with pytest.raises(ValueError) as caught:
        convert.from_keras(path)
    assert said in str(caught.value) and str(path) in str(caught.value)


def test_another_kind_of_model(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    content = keras_file([], {}).replace(b"Sequential", b"Functional")
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"model\.keras: "):
        convert.from_keras(path)


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_a_functional_chain(ending: str) -> None:
    net = convert.from_keras(GOLDEN / f"keras3-functional{ending}")
    assert (net.sizes, net.activation, net.output) == ([3, 4, 2], ("tanh",), "softmax")
    assert net.normalization == BatchNorm(1 - 0.99, 1e-3)
    assert [each.rate for each in net.dropout] == [0.2]
    outputs = net.predict(INPUTS)
    np.testing.assert_allclose(outputs, expected("keras3-functional"), rtol=0, atol=1e-6)
    with pytest.raises(ValueError, match=r"layers: only of a \.weights\.h5"):
        convert.from_keras(GOLDEN / f"keras3-functional{ending}", [])


def refused_functional(change: Any, path: Path) -> str:
    """What is said of the functional model after a change of its description."""
    with zipfile.ZipFile(GOLDEN / "keras3-functional.keras") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    model = json.loads(parts["config.json"])
    change(model["config"])
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**parts, "config.json": json.dumps(model).encode()}.items():
            archive.writestr(name, content)
    with pytest.raises(ValueError, match=r"model\.keras: ") as caught:
        convert.from_keras(path)
    return str(caught.value)


def test_a_functional_model_that_is_no_chain(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"

    def first(config: Any) -> Any:
        return next(each for each in config["layers"] if each["name"] == "first")

    def tensors(config: Any) -> Any:
        return first(config)["inbound_nodes"][0]["args"]

    for change in (
        lambda config: tensors(config).append(tensors(config)[0]),
        lambda config: tensors(config)[0]["config"].update(keras_history=["last", 0, 0]),
        lambda config: first(config)["inbound_nodes"].append(first(config)["inbound_nodes"][0]),
        lambda config: first(config)["inbound_nodes"][0]["kwargs"].update(training=True),
        lambda config: first(config).update(inbound_nodes=[]),
        lambda config: first(config).pop("inbound_nodes"),
    ):
        assert "layer first: expected the output of layer" in refused_functional(change, path)
    ends = {"output_layers": [["norm", 0, 0]], "input_layers": []}
    for key, value in ends.items():
        assert f"{key}: expected layer" in refused_functional(
            lambda config, key=key, value=value: config.update({key: value}), path
        )
    assert "expected one input" in refused_functional(
        lambda config: config["layers"].insert(2, config["layers"][0]), path
    )


def test_legacy_files_that_are_changed(tmp_path: Path) -> None:
    import h5py

    path = tmp_path / "model.h5"

    def refused(change: Any) -> str:
        path.write_bytes((GOLDEN / "keras3-functional.h5").read_bytes())
        with h5py.File(path, "r+") as file:
            change(file)
        with pytest.raises(ValueError, match=r"model\.h5: ") as caught:
            convert.from_keras(path)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def named(names: list[str]) -> Any:
        return lambda file: file["model_weights/norm"].attrs.create("weight_names", names)

    norm = [f"norm/{each}" for each in ("gamma", "beta", "moving_mean", "moving_variance")]
    assert "layer norm: expected 4 variables" in refused(named(norm[::-1]))
    assert "has (5,) names" in refused(named([*norm, "more"]))
    assert "have no model_weights/norm/../x" in refused(named([*norm[:3], "../x/moving_variance"]))
    assert "no names of" in refused(lambda file: file["model_weights/norm"].attrs.clear())
    assert "no model_weights/first" in refused(lambda file: file.__delitem__("model_weights/first"))
    assert "have 'other' beside" in refused(
        lambda file: file.create_dataset("model_weights/other/kernel", data=np.zeros(3))
    )
    with h5py.File(GOLDEN / "keras3-functional.h5") as file:
        model = json.loads(file.attrs["model_config"])
    several = {"class_name": "Sequential", "config": {"layers": model["config"]["layers"] * 2}}
    assert "two layers have this name" in refused(
        lambda file: file.attrs.create("model_config", json.dumps(several))
    )
    for wrong in (3, "[" * 60_000, np.zeros(3), "{", "{}", "[]"):
        refused(lambda file, wrong=wrong: file.attrs.create("model_config", wrong))
