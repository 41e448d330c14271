"""Exported models compute what the models do: C by gcc and clang, and NumPy."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from export_models import random_model

import fastnn
from fastnn._model.table_info import TableInfo
from fastnn.cli import main
from fastnn.export import Graph, export, graph_of
from fastnn.export._checked import results_of
from fastnn.export._numpy import run_source

pytest.importorskip("sklearn")
pytest.importorskip("pandas")

# FASTNN_EXPORT_MODELS=60 tries so many.
SEEDS = range(int(os.environ.get("FASTNN_EXPORT_MODELS", "6")))
STRICT = ["-Wall", "-Wextra", "-Werror", "-pedantic"]
COMPILERS = {
    "gcc": ["gcc", "-std=c99"],
    "clang": ["clang", "-std=c99"],
    "g++": ["g++", "-x", "c++"],
    "sanitizer": ["gcc", "-std=c99", "-g", "-fsanitize=address,undefined"],
}


def compiled(source: Path, program: Path, compiler: str, *options: str) -> Path:
    """Compile without a warning, or skip where there is no such compiler."""
    command = COMPILERS[compiler]
    if shutil.which(command[0]) is None:
        pytest.skip(f"needs {command[0]}")
    subprocess.run(
        [*command, *STRICT, *options, str(source), "-o", str(program), "-lm"], check=True
    )
    return program


def coded(graph: Graph, X: Any) -> np.ndarray:
    """Return rows with the numbers of categories in the place of texts, as C takes them."""
    rows = np.array(X, dtype=object)
    for i, texts in graph.preparation.texts.items():
        numbers = {text: float(code) for code, text in enumerate(texts)}
        missing = [value != value for value in rows[:, i]]
        rows[:, i] = [numbers.get(value, -1.0) for value in rows[:, i]]
        rows[missing, i] = np.nan
    return rows.astype(float)


def results_in_c(library: Path, graph: Graph, X: Any, dtype: str) -> np.ndarray:
    """Return what the C function gives, row by row."""
    real = ctypes.c_float if dtype == "float32" else ctypes.c_double
    predict = ctypes.CDLL(str(library))["model_predict"]
    predict.restype = None
    pointer = ctypes.POINTER(real)
    rows = np.ascontiguousarray(coded(graph, X), dtype=dtype)
    found = np.empty((len(rows), graph.n_results), dtype=dtype)
    for x, y in zip(rows, found, strict=True):
        predict(x.ctypes.data_as(pointer), y.ctypes.data_as(pointer))
    return found.astype(float)


def difference(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest difference, relative to the largest number if that is above 1."""
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max() / max(1.0, np.abs(expected).max()))


def tolerance(graph: Graph, dtype: str) -> float:
    return 1e-12 if dtype == "float64" and graph.dtype == np.float64 else 1e-5


@pytest.mark.parametrize("seed", SEEDS)
def test_c_computes_what_the_model_does(seed: int, tmp_path: Path) -> None:
    model, X = random_model(seed)
    graph, dtype = graph_of(model), ("float64", "float32")[(seed + seed // 6) % 2]
    export(model, tmp_path / "model.c", dtype=dtype)
    library = compiled(tmp_path / "model.c", tmp_path / "model.so", "gcc", "-shared", "-fPIC")
    found = results_in_c(library, graph, X, dtype)
    expected = results_of(model, graph, X)
    assert difference(found, expected) <= tolerance(graph, dtype)


@pytest.mark.parametrize("seed", SEEDS)
def test_numpy_computes_what_the_model_does(seed: int, tmp_path: Path) -> None:
    model, X = random_model(seed)
    graph = graph_of(model)
    export(model, tmp_path / "model.py")
    module = run_source((tmp_path / "model.py").read_text())
    assert difference(results_of(module, graph, X), results_of(model, graph, X)) <= tolerance(
        graph, "float64"
    )
    if graph.kind in ("classifier", "multilabel"):
        np.testing.assert_array_equal(module.predict(X), model.predict(X))
    elif graph.kind == "regressor":
        assert module.predict(X).shape == model.predict(X).shape


def test_the_command_exports_what_was_saved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network, X = random_model(0)
    network.save(tmp_path / "net.json")
    assert main(["export", str(tmp_path / "net.json"), str(tmp_path / "net.py")]) == 0
    assert "net.py" in capsys.readouterr().out
    module = run_source((tmp_path / "net.py").read_text())
    assert difference(module.predict(X), network.predict(X)) <= 1e-5
    assert main(["export", str(tmp_path / "net.json"), str(tmp_path / "net.txt")]) == 2
    assert "expected a file's name that ends in .c, .py" in capsys.readouterr().err


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_self_test_returns_0(compiler: str, seed: int, tmp_path: Path) -> None:
    model, _ = random_model(seed)
    dtype = "float32" if seed % 2 else "float64"
    source = export(model, tmp_path / "my-model.c", dtype=dtype).files[0]
    program = compiled(source, tmp_path / "right", compiler, "-DMY_MODEL_SELF_TEST")
    assert subprocess.run([str(program)]).returncode == 0


def test_the_self_test_notices_a_changed_bias(tmp_path: Path) -> None:
    source = fastnn.Network([2, 3, 1], rng=0).export(tmp_path / "model.c").files[0]
    bias = re.compile(r"(static const double model_0_b1\[1\] = \{\s*)[^,]+,")
    changed, count = bias.subn(r"\g<1>0.5,", source.read_text())
    assert count == 1
    source.write_text(changed)
    program = compiled(source, tmp_path / "wrong", "gcc", "-DMODEL_SELF_TEST")
    assert subprocess.run([str(program)]).returncode == 1


def test_a_file_may_be_called_as_the_sources_call_their_parts(tmp_path: Path) -> None:
    model, _ = random_model(5)
    source = export(model, tmp_path / "S_T.c").files[0]
    program = compiled(source, tmp_path / "right", "gcc", "-DS_T_SELF_TEST")
    assert subprocess.run([str(program)]).returncode == 0


def test_texts_in_a_table_end_neither_strings_nor_comments(tmp_path: Path) -> None:
    from fastnn.sklearn import MLPClassifier

    labels = ['*/ "', "a\\", "é\n??/", "/*%s"]
    model = MLPClassifier([4], solver="lbfgs", max_iter=5, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(np.random.default_rng(0).random((40, 3)), np.array(labels * 10))
    source = export(model, tmp_path / "labels.c").files[0]
    library = compiled(source, tmp_path / "labels.so", "gcc", "-shared", "-fPIC")
    names = (ctypes.c_char_p * 4).in_dll(ctypes.CDLL(str(library)), "labels_classes")
    assert [name.decode() for name in names] == sorted(labels)
    export(model, tmp_path / "labels.py")
    module = run_source((tmp_path / "labels.py").read_text())
    assert module.classes.tolist() == sorted(labels)


def test_missing_and_unknown_values_never_become_a_prediction(tmp_path: Path) -> None:
    """NaN in C, an error in NumPy, as in the pipeline."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    from fastnn.sklearn import MLPClassifier

    X = np.array([[1.0], [2.0], [3.0]] * 10)
    model = make_pipeline(OneHotEncoder(), MLPClassifier([4], activation="relu", max_iter=500))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, X[:, 0] > 1)
    source = export(model, tmp_path / "model.c").files[0]
    library = compiled(source, tmp_path / "model.so", "gcc", "-shared", "-fPIC")
    graph = graph_of(model)
    found = results_in_c(library, graph, [[1.0], [4.0], [np.nan]], "float64")
    assert np.isnan(found).all(axis=1).tolist() == [False, True, True]
    export(model, tmp_path / "model.py")
    module = run_source((tmp_path / "model.py").read_text())
    for row in ([4.0], [np.nan]):
        with pytest.raises(ValueError, match=r"X: an unknown category in row 0, column 0"):
            module.predict([row])


def test_a_row_that_holds_nan_has_no_outputs(tmp_path: Path) -> None:
    network = fastnn.Network([3, 4, 2], activation="relu", output="sigmoid", rng=0)
    source = export(network, tmp_path / "model.c").files[0]
    library = compiled(source, tmp_path / "model.so", "gcc", "-shared", "-fPIC")
    assert np.isnan(results_in_c(library, graph_of(network), [[0, np.nan, 1]], "float64")).all()
    export(network, tmp_path / "model.py")
    module = run_source((tmp_path / "model.py").read_text())
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match=r"X: expected finite numbers"):
            module.predict([[0, bad, 1]])
    with pytest.raises(ValueError, match=r"X: expected shape \(n, 3\), got \(1, 2\)"):
        module.predict([[0, 1]])


def refused_models() -> list[tuple[Any, str]]:
    """Return what cannot be exported, each with what is said of it."""
    from sklearn.neural_network import MLPClassifier as Theirs
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, PowerTransformer, StandardScaler

    from fastnn.sklearn import MLPRegressor

    class MyScaler(StandardScaler):
        """A class of one's own."""

    rng = np.random.default_rng(0)
    X, y = rng.random((30, 2)), rng.random(30)
    last = MLPRegressor(hidden_layer_sizes=[2], solver="lbfgs", max_iter=2)
    broken = fastnn.Network([2, 1], rng=0)
    broken.weights[0][0, 0] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [
            (make_pipeline(PowerTransformer(), last).fit(X, y), "the step PowerTransformer"),
            (make_pipeline(MyScaler(), last).fit(X, y), "the step MyScaler"),
            (
                make_pipeline(OneHotEncoder(max_categories=3), last).fit(X.round(1), y),
                "OneHotEncoder with min_frequency or max_categories",
            ),
            (Theirs([2], max_iter=2).fit(X, y > 0.5), "expected a fastnn.Network"),
            (fastnn.Network, "expected a fastnn.Network"),
            (broken, r"weights\[0\]: expected finite numbers"),
            (MLPRegressor(), "not fitted yet"),
        ]


def test_what_cannot_be_exported_is_refused_by_name(tmp_path: Path) -> None:
    for model, message in refused_models():
        with pytest.raises((TypeError, ValueError), match=message):
            export(model, tmp_path / "model.c")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["2.c", "é.c", 'a".c', "model", "model.so"])
def test_a_name_that_c_does_not_have_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="path: expected a file"):
        fastnn.Network([2, 1], rng=0).export(tmp_path / name)
    assert not any(tmp_path.iterdir())


def test_numbers_beyond_float_are_refused(tmp_path: Path) -> None:
    network = fastnn.Network([2, 1], rng=0)
    network.weights[0][0, 0] = 1e300
    for name in ("model.c", "model.onnx"):
        with pytest.raises(ValueError, match="dtype: expected 'float64'"):
            network.export(tmp_path / name, dtype="float32")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("n_out", [1, 3])
def test_a_network_of_a_table_knows_its_classes(n_out: int, tmp_path: Path) -> None:
    network = fastnn.Network([2, 5, n_out], fastnn.QuadraticCost, output="identity", rng=3)
    labels = (7, 9) if n_out == 1 else (7, 9, 8)
    network.table = TableInfo("classification", labels, ("long", "wide"), "kind", 2)
    X = np.random.default_rng(0).standard_normal((50, 2))
    outputs = network.predict(X)
    network.biases[-1][:, 0] += 0.5 - np.median(outputs, axis=0)
    outputs = network.predict(X)
    best = outputs.argmax(axis=1) if n_out > 1 else (outputs[:, 0] > 0.5).astype(int)
    expected = np.array(labels)[best]
    assert len(set(expected.tolist())) > 1
    export(network, tmp_path / "model.py")
    module = run_source((tmp_path / "model.py").read_text())
    np.testing.assert_array_equal(module.labels(X), expected)
    assert module.features == ("long", "wide")
    source = export(network, tmp_path / "model.c").files[0]
    loaded = ctypes.CDLL(str(compiled(source, tmp_path / "m.so", "gcc", "-shared", "-fPIC")))
    table = (ctypes.c_long * len(labels)).in_dll(loaded, "model_classes")
    assert tuple(table) == labels
    pointer = ctypes.POINTER(ctypes.c_double)
    found = [table[loaded.model_class(y.ctypes.data_as(pointer))] for y in outputs]
    assert found == expected.tolist()
    nothing = np.full(n_out, np.nan)
    assert loaded.model_class(nothing.ctypes.data_as(pointer)) == -1


def test_what_would_predict_something_else_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = fastnn.Network([2, 3, 1], rng=0)
    graph = graph_of(network)
    network.biases[-1][0, 0] += 0.1
    monkeypatch.setattr(network, "_graph", lambda: graph, raising=False)
    with pytest.raises(RuntimeError, match="differs from its predictions by 0"):
        network.export(tmp_path / "model.c")
    assert not any(tmp_path.iterdir())


def test_float32_is_refused_where_predictions_would_be_others(tmp_path: Path) -> None:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    from fastnn.sklearn import MLPRegressor

    X = 1.7e9 + 100 * np.random.default_rng(0).random((40, 2))  # seconds within two minutes
    for scaler in (StandardScaler(), MinMaxScaler()):
        last = MLPRegressor(hidden_layer_sizes=[4], max_iter=2, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = make_pipeline(scaler, last).fit(X, X[:, 0])
        export(model, tmp_path / "model.c")
        export(model, tmp_path / "model.py")
        before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        for name in ("model.c", "model.py"):
            with pytest.raises(ValueError, match=r"^dtype: expected 'float64', since a column"):
                export(model, tmp_path / name, dtype="float32")
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    network = fastnn.Network([3, 4, 2], activation="relu", rng=0)
    network.parameters = network.parameters * 1e30
    with pytest.raises(ValueError, match=r"^dtype: expected 'float64', since in float32"):
        export(network, tmp_path / "model.c", dtype="float32")


def test_columns_far_from_0_pass_the_self_test_in_float(tmp_path: Path) -> None:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from fastnn.sklearn import MLPRegressor

    X = 1e3 + np.random.default_rng(0).random((40, 3))
    last = MLPRegressor(hidden_layer_sizes=[4], solver="lbfgs", random_state=0)
    model = make_pipeline(StandardScaler(), last).fit(X, X[:, 0])
    source = export(model, tmp_path / "model.c", dtype="float32").files[0]
    program = compiled(source, tmp_path / "right", "gcc", "-DMODEL_SELF_TEST")
    assert subprocess.run([str(program)]).returncode == 0


def test_names_that_look_like_places_in_a_template_stay_names(tmp_path: Path) -> None:
    network = fastnn.Network([2, 2], rng=0)
    names = ("@CLASSES@", "@GIVEN@"), ("@TEXTS@", "@METADATA@")
    network.table = TableInfo("classification", *names)
    export(network, tmp_path / "model.mjs")
    text = (tmp_path / "model.mjs").read_text()
    assert 'features = ["@TEXTS@", "@METADATA@"]' in text
    assert 'classes = ["@CLASSES@", "@GIVEN@"]' in text
