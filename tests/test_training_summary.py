"""What a network knows of its training goes with it into every file, and comes back."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import convert
from fastnn._model import storage
from fastnn._training.summary import plain

X = np.random.default_rng(0).normal(size=(20, 3))
Y = (X[:, :2] > 0).astype(float)


def trained(**options: Any) -> fastnn.Network:
    net = fastnn.Network([3, 4, 2], rng=0)
    net.fit(X, Y, **{"epochs": 3, "batch_size": 10, "optimizer": "adam", **options})
    return net


def test_it_tells_of_the_epoch_that_the_network_stands_at() -> None:
    net = fastnn.Network([3, 4, 2], rng=0)
    assert net.training_summary == {}
    history = net.fit(X, Y, epochs=3, batch_size=10, validation_data=(X, Y))
    row = {name: value for name, value in history[-1].items() if name not in ("epoch", "seconds")}
    told = {"optimizer": "SGD", "epochs": 3, "steps": 6, "rows": 20, "fastnn": fastnn.__version__}
    assert net.training_summary == {**row, **told}


def test_it_tells_of_the_best_epoch_where_that_was_restored() -> None:
    stopping = fastnn.stopping.EarlyStopping(1, monitor="training_cost", restore_best=True)
    net = fastnn.Network([3, 4, 2], rng=0)
    history = net.fit(X, Y, epochs=9, batch_size=20, learning_rate=300.0, stopping=stopping)
    best = int(np.argmin(history["training_cost"]))
    assert best + 1 < len(history)
    assert net.training_summary["best_epoch"] == best + 1
    assert net.training_summary["training_cost"] == history[best]["training_cost"]


def test_a_training_that_is_broken_off_leaves_no_costs_of_the_one_before() -> None:
    net = trained()

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        net.fit(X, Y, epochs=3, batch_size=10, optimizer="adam", callbacks=[stop])
    assert net.training_summary == {"optimizer": "Adam", "epochs": 4, "steps": 8}


def test_what_a_file_cannot_tell_is_left_out() -> None:
    def odd(a: Any, y: Any) -> float:
        return math.nan

    def even(a: Any, y: Any) -> Any:
        return np.float32(0.5)

    net = trained(validation_data=(X, Y), metrics=[odd, even])
    told = net.training_summary
    assert not any("odd" in name for name in told)
    assert {type(value) for name, value in told.items() if "even" in name} == {float}
    given = {"a": 10**400, "b": math.inf, "c": [1], "d": True, "e": "x" * 2000, "f": np.int64(3)}
    assert plain(given) == {"d": 1, "e": "x" * 1000, "f": 3}


@pytest.mark.parametrize("ending", [".json", ".npz", ".safetensors", ".onnx"])
def test_it_comes_back(ending: str, tmp_path: Path) -> None:
    net, path = trained(), tmp_path / f"net{ending}"
    if ending in (".json", ".npz"):
        net.save(path)
        back = fastnn.load(path)
    else:
        pytest.importorskip(ending[1:], reason="the library of this format is not installed")
        net.export(path)
        back = (convert.from_onnx if ending == ".onnx" else convert.from_state_dict)(path)
    assert back.training_summary == net.training_summary


@pytest.mark.parametrize("ending", [".c", ".py", ".mjs"])
def test_it_stands_in_each_source(ending: str, tmp_path: Path) -> None:
    net = trained()
    text = net.export(tmp_path / f"net{ending}").files[0].read_text()
    for known in (fastnn.__version__, "Adam", repr(net.training_summary["training_cost"])):
        assert known in text


def test_an_estimator_tells_of_its_training(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    from fastnn.export import graph_of
    from fastnn.sklearn import MLPEnsembleRegressor, MLPRegressor

    model = MLPRegressor(hidden_layer_sizes=[4], solver="lbfgs", max_iter=500, random_state=0)
    model.fit(X, Y)
    told = {"solver": "lbfgs", "loss": model.loss_, "n_iter": model.n_iter_, "rows": 20}
    assert graph_of(model).training == {"fastnn": fastnn.__version__, **told}
    model.network_.save(tmp_path / "net.json")
    assert fastnn.load(tmp_path / "net.json").training_summary == graph_of(model).training
    twin = convert.from_sklearn(convert.to_sklearn(model))
    assert twin.network_.training_summary.items() <= graph_of(model).training.items()
    assert twin.network_.training_summary["loss"] == model.loss_
    several = MLPEnsembleRegressor(model, 3, random_state=0).fit(X, Y)
    known = {"fastnn": fastnn.__version__, "solver": "lbfgs", "rows": 20}
    assert graph_of(several).training.items() >= {**known, "n_estimators": 3}.items()


@pytest.mark.parametrize(
    "wrong", [3, [], {"a": None}, {"a": [1]}, {"a": "x" * 1001}, {str(i): i for i in range(101)}]
)
def test_a_summary_that_is_none_is_refused(wrong: Any, tmp_path: Path) -> None:
    content = json.loads(storage.to_json(trained()))
    content["training"]["summary"] = wrong
    path = tmp_path / "net.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"net\.json: summary: expected texts and numbers"):
        fastnn.load(path)


def test_the_version_in_a_file_is_a_text(tmp_path: Path) -> None:
    content = json.loads(storage.to_json(trained()))
    assert content["version"] == fastnn.__version__
    path = tmp_path / "net.json"
    path.write_text(json.dumps({**content, "version": 1}))
    with pytest.raises(ValueError, match=r"net\.json: version: expected a text, got 1"):
        fastnn.load(path)
