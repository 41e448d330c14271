"""Exported models compute what the models do: C by gcc and clang, and NumPy."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from export_models import random_model

from fastnn.export import Graph, export, graph_of
from fastnn.export._checked import results_of
from fastnn.export._numpy import run_source

pytest.importorskip("sklearn")
pytest.importorskip("pandas")

# FASTNN_EXPORT_MODELS=60 tries so many.
SEEDS = range(int(os.environ.get("FASTNN_EXPORT_MODELS", "12")))
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
    graph, dtype = graph_of(model), ("float64", "float32")[seed // 6 % 2]
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
