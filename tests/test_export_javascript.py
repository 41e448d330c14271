"""The ES module, run by node, computes what the model does."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from export_models import random_model
from test_export import SEEDS, difference, tolerance

import fastnn
from fastnn import activations
from fastnn.export import Graph, export, graph_of
from fastnn.export._checked import results_of

pytest.importorskip("sklearn")
pytest.importorskip("pandas")
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="needs node")

ASK = """
import * as model from "./model.mjs";
const rows = JSON.parse(process.argv[2]);
const list = (x) => (x?.length === undefined || typeof x === "string" ? x : Array.from(x));
const told = rows.map((row) => {
  try {
    return [list((model.predictProba ?? model.predict)(row)), list(model.predict(row))];
  } catch (error) {
    return `${error}`;
  }
});
console.log(JSON.stringify(told));
"""


def asked(folder: Path, X: Any) -> list[Any]:
    """Return what the module says of each row."""
    rows = [[None if x != x else x for x in row] for row in np.asarray(X, dtype=object).tolist()]
    (folder / "ask.mjs").write_text(ASK)
    done = subprocess.run(
        [str(NODE), "ask.mjs", json.dumps(rows)], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout)
    return found


def results(told: list[Any], graph: Graph) -> np.ndarray:
    return np.array([row[0] for row in told], dtype=float).reshape(-1, graph.n_results)


@pytest.mark.parametrize("seed", SEEDS)
def test_javascript_computes_what_the_model_does(seed: int, tmp_path: Path) -> None:
    model, X = random_model(seed)
    graph = graph_of(model)
    export(model, tmp_path / "model.mjs")
    told = asked(tmp_path, X)
    assert difference(results(told, graph), results_of(model, graph, X)) <= tolerance(
        graph, "float64"
    )
    if graph.kind in ("classifier", "multilabel"):
        assert [row[1] for row in told] == model.predict(X).tolist()


def test_every_activation_in_javascript_is_right_to_the_last_digits(tmp_path: Path) -> None:
    x = np.linspace(-9, 9, 25)[:, np.newaxis]
    for activation in activations.HIDDEN:
        net = fastnn.Network(
            [1, 1, 1], fastnn.QuadraticCost, activation=activation, output="identity",
            initializer="zeros", rng=0,
        )  # fmt: skip
        net.weights[0][...] = net.weights[1][...] = 1
        export(net, tmp_path / "model.mjs")
        found = results(asked(tmp_path, x), graph_of(net))
        np.testing.assert_allclose(found, net.predict(x), rtol=1e-12, atol=1e-15)


def test_javascript_refuses_what_the_model_does(tmp_path: Path) -> None:
    export(fastnn.Network([2, 1], rng=0), tmp_path / "model.mjs")
    for row, message in (
        ([1], "RangeError: row: expected 2 columns, got 1"),
        ([1, None], "RangeError: row: expected finite numbers, got some that are missing"),
        ([1, "a"], "TypeError: row: expected a number in column 1, got string"),
    ):
        assert asked(tmp_path, [row]) == [message]
    with pytest.raises(ValueError, match="dtype: expected 'float64', which JavaScript"):
        export(fastnn.Network([2, 1], rng=0), tmp_path / "other.mjs", dtype="float32")
