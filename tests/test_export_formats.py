"""ONNX run by onnxruntime, and safetensors loaded by PyTorch, compute what the models do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from export_models import random_model
from test_export import SEEDS, difference, tolerance

import fastnn
from fastnn.export import Graph, export, graph_of
from fastnn.export._checked import results_of
from fastnn.export._onnx import onnx_bytes

pytest.importorskip("sklearn")
pytest.importorskip("pandas")


def fed(graph: Graph, X: Any, dtype: str) -> dict[str, np.ndarray]:
    """Return rows as the inputs of an ONNX graph."""
    if not graph.preparation.texts:
        return {"X": np.asarray(X, dtype=dtype)}
    inputs = {}
    for i, name in enumerate(X.columns):
        column = X[name].to_numpy()[:, np.newaxis]
        if i in graph.preparation.texts:
            missing = column != column
            inputs[name] = np.where(missing, "", column).astype(str)
        else:
            inputs[name] = column.astype(dtype)
    return inputs


@pytest.mark.parametrize("seed", SEEDS)
def test_onnx_computes_what_the_model_does(seed: int, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    model, X = random_model(seed)
    graph, dtype = graph_of(model), ("float32", "float64")[(seed + seed // 6) % 2]
    if any(layer.activation == "gelu" for each in graph.members for layer in each.layers):
        dtype = "float32"
    export(model, tmp_path / "model.onnx", dtype=dtype)
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    names = [each.name for each in session.get_outputs()]
    outputs = dict(zip(names, session.run(names, fed(graph, X, dtype)), strict=True))
    found = outputs[names[-1]].astype(float)
    assert difference(found, results_of(model, graph, X)) <= 1e-5
    if graph.kind in ("classifier", "multilabel"):
        assert names == ["label", "probabilities"]
        np.testing.assert_array_equal(outputs["label"], model.predict(X))
    assert session.get_modelmeta().custom_metadata_map["fastnn"] == fastnn.__version__


@pytest.mark.parametrize("seed", SEEDS)
def test_torch_loads_safetensors(seed: int, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    safetensors = pytest.importorskip("safetensors")
    from safetensors.torch import load_file

    model, X = random_model(seed)
    graph, path = graph_of(model), tmp_path / "model.safetensors"
    try:
        export(model, path)
    except TypeError as error:
        assert "torch.nn has no module" in str(error) or "safetensors hold layers" in str(error)
        return
    with safetensors.safe_open(str(path), "np") as file:
        told = file.metadata()
    assert told["fastnn"] == fastnn.__version__
    if graph.classes:
        assert json.loads(told["classes"]) == list(graph.classes)
    module = eval(told["module"], {"nn": torch.nn})
    double = graph.dtype == np.float64
    module = module.double() if double else module
    module.load_state_dict(load_file(path))
    module.eval()
    rows = torch.tensor(np.asarray(X), dtype=torch.float64 if double else torch.float32)
    several = isinstance(module, torch.nn.ModuleList)
    with torch.no_grad():
        outputs = [each(rows).numpy() for each in (module if several else [module])]
    found = np.mean(outputs, axis=0).astype(float)
    found = np.concatenate([1 - found, found], axis=1) if graph.complements else found
    assert difference(found, results_of(model, graph, X)) <= tolerance(graph, "float64")


def test_in_onnx_an_unknown_category_has_no_label(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    from fastnn.sklearn import MLPClassifier

    X = np.array([["oak"], ["fir"]] * 10, dtype=object)
    model = make_pipeline(OneHotEncoder(), MLPClassifier([3], solver="lbfgs", random_state=0))
    model.fit(X, np.arange(20) % 2)
    path = export(model, tmp_path / "model.onnx").files[0]
    session = onnxruntime.InferenceSession(str(path))
    label, probabilities = session.run(None, {"x0": np.array([["fir"], ["oak"]])})
    assert label.tolist() == [1, 0]
    assert np.isfinite(probabilities).all()
    with pytest.raises(Exception, match=r"out of (data )?bounds"):
        session.run(None, {"x0": np.array([["fir"], ["ash"]])})


def test_in_onnx_a_row_that_holds_nan_has_no_outputs(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    network = fastnn.Network([2, 4, 2], activation="relu", rng=0)
    session = onnxruntime.InferenceSession(str(export(network, tmp_path / "net.onnx").files[0]))
    (outputs,) = session.run(None, {"X": np.array([[0, 1], [np.nan, 1]], dtype=np.float32)})
    assert np.isnan(outputs).tolist() == [[False, False], [True, True]]


def test_column_names_that_onnx_cannot_have_are_refused() -> None:
    pytest.importorskip("onnx")
    graph = replace(graph_of(random_model(1)[0]), features=("a", "b", "label", "c", "d"))
    with pytest.raises(ValueError, match="a column is named 'label'"):
        onnx_bytes(graph, np.dtype(np.float32))
