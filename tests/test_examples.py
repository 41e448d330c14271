"""Each example in examples/: that it shows what it says, in a short run on small data."""

from __future__ import annotations

import importlib.util
import math
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import REPOSITORY

import fastnn

pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")

EXAMPLES = REPOSITORY / "examples"
Run = Callable[..., Any]


def load(name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The example as a module, with its folder on the path as when it is run."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run an example's main() in its short form; return what it measured, its picture checked."""
    monkeypatch.delenv("FASTNN_MNIST", raising=False)

    def run_quickly(name: str) -> Any:
        picture = tmp_path / "picture.png"
        found = load(name, monkeypatch).main(["--quick", "--output", str(picture)])
        assert_picture(picture)
        return found

    return run_quickly


def assert_picture(path: Path) -> None:
    assert [each.name for each in path.parent.iterdir()] == [path.name]  # nothing half written
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n") and content.endswith(b"IEND\xaeB`\x82")
    width, height = struct.unpack(">II", content[16:24])
    assert width >= 700 and height >= 400


def test_activations(run: Run) -> None:
    spread = {
        key: (float(layers[0].std()), float(layers[-1].std()))
        for key, layers in run("activations").items()
    }
    assert len(spread) == 2 * 4 * 5
    plain = {key[1:]: value for key, value in spread.items() if key[0].startswith("without")}
    assert plain["σ = 0.01", "tanh", 10][1] < 1e-9  # died out
    assert plain["σ = 1", "tanh", 10][1] > 0.9  # at both ends
    assert plain["σ = 1", "relu", 10][1] > 1e6  # exploded
    assert plain["σ = √(1/n)", "tanh", 10][1] > 0.1
    first, last = plain["σ = √(2/n)", "relu", 10]
    assert 0.5 < last / first < 2
    assert plain["σ = √(1/n)", "relu", 10][1] < 0.1
    normalized = [value for key, value in spread.items() if key[0].startswith("with batch")]
    assert all(0.9 < last / first < 1.1 for first, last in normalized)


def test_circles(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    runs = run("circles")
    zeros, large, he = (runs[name].costs for name in ("zeros", "randn · 10", "He"))
    np.testing.assert_allclose(zeros, math.log(2), rtol=0, atol=1e-12)
    assert large[0] == math.inf and all(map(math.isfinite, large[1:]))
    assert he[0] > he[1] > he[2] and he[2] < zeros[2]
    # What plain NumPy computes with the same weights.
    np.testing.assert_allclose(he[:2], [0.8830537463419756, 0.6879825919728133], rtol=1e-9)
    assert runs["zeros"].test_accuracy == 0.5
    assert f"He: cost at step 2000 is {he[2]:.14f}" in capsys.readouterr().out


def test_overfitting(run: Run) -> None:
    results = run("overfitting")
    plain, penalized = results["no cure"], results["L2"]
    assert plain["training_cost"][-1] < 0.1 * min(plain["validation_cost"])  # by heart
    assert plain["validation_cost"][-1] > min(plain["validation_cost"])  # and too long
    assert penalized["training_cost"][-1] > 2 * plain["training_cost"][-1]
    assert results["dropout"]["training_cost"][-1] > 2 * plain["training_cost"][-1]
    assert results["dropout"]["test"] > plain["test"]
    assert len(results["early stopping"]["epoch"]) < len(plain["epoch"]) == 800
    rates = results["halving the rate"]["learning_rate"]
    assert rates[0] == 0.1 and {before / after for before, after in pairwise(rates)} == {1, 2}
    assert rates[-1] == 0.1 / 64 and len(rates) < 800  # with 1/128 none is trained


def test_quadratic_or_cross_entropy(run: Run) -> None:
    results = run("quadratic_or_cross_entropy")
    slow, fast = (results["neuron"][name] for name in ("quadratic", "cross-entropy"))
    assert slow[0] == fast[0] == pytest.approx(1 / (1 + math.exp(-4)))
    assert slow[100] > 0.9 and fast[100] < 0.1
    large, default = (results["initializer"][name] for name in ("large", "default"))
    assert np.mean(default[4:]) > np.mean(large[4:]) + 0.02  # the first epochs are for the biases
    assert all(accuracies[-1] > 0.8 for accuracies in results["cost"].values())


def test_learning_rate(run: Run) -> None:
    found = run("learning_rate")
    threshold = found.threshold
    assert 0.1 < threshold.learning_rate < threshold.above < 20
    for trial in threshold.trials:
        costs = np.array(trial.costs)
        falls = len(costs) == 4 and bool((np.diff(costs) < 0).all())
        assert falls == trial.falls == (trial.learning_rate <= threshold.learning_rate)
    assert 0.01 < found.range_test.suggestion < threshold.above
    assert found.accuracies.shape == (4, 5)
    best = found.accuracies.max()
    assert best > 0.85
    assert found.accuracies[0, 0] < best and found.accuracies[0, -1] < best


def test_vanishing_gradients(run: Run) -> None:
    speeds = run("vanishing_gradients")
    ratios = {key: norms[-1] / norms[0] for key, norms in speeds.before.items()}
    for depth in (2, 3, 4):
        norms = speeds.before["sigmoid", depth]
        assert len(norms) == depth and norms == sorted(norms)
        assert ratios["sigmoid", depth] > 2 * ratios["ReLU", depth]
        assert speeds.during[depth].shape == (21, depth)
        np.testing.assert_array_equal(speeds.during[depth][0], norms)
    assert ratios["sigmoid", 4] > ratios["sigmoid", 3] > ratios["sigmoid", 2] > 2
    assert ratios["ReLU", 4] < 10


def test_pretraining(run: Run) -> None:
    runs = run("pretraining")
    assert len(runs.costs) == 3
    assert all(costs[-1] < costs[0] for costs in runs.costs)
    random, pretrained = (runs.accuracies[start] for start in ("random weights", "pre-trained"))
    assert random.shape == pretrained.shape == (3, 40)
    assert (pretrained.mean(axis=0)[[9, 39]] > random.mean(axis=0)[[9, 39]] + 0.05).all()


def test_batch_size(run: Run) -> None:
    errors = {name: values.mean(axis=1) for name, values in run("batch_size").items()}
    assert errors["batch"][0] > 2 * errors["batch"][3]  # 2 rows against 16
    for name in ("layer", "group (2)"):
        assert errors[name][0] < 1.5 * errors[name][3] and errors[name][0] < errors["batch"][0]


@pytest.mark.parametrize("options", [[], ["--distort"]], ids=["plain", "distorted"])
def test_mnist_best(
    options: list[str],
    monkeypatch: pytest.MonkeyPatch,
    mnist_folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    module = load("mnist_best", monkeypatch)
    asked = [str(mnist_folder), "--epochs", "1", "--rows", "2000", "--seeds", "0", *options]
    (accuracy,) = module.main(asked)
    assert 0.7 < accuracy < 0.97
    assert f"mean of 1: {accuracy:.2%} of the test images" in capsys.readouterr().out


def test_an_example_runs_as_a_program_in_any_folder(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(fastnn.__file__).parents[1])}
    command = [sys.executable, str(EXAMPLES / "circles.py"), "--quick"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "" and done.stdout.endswith("wrote circles.png\n")
    assert_picture(tmp_path / "circles.png")


def test_every_example_explains_itself_and_is_listed() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    for path in EXAMPLES.glob("[!_]*.py"):
        source = path.read_text(encoding="utf-8")
        assert source.startswith('"""') and f"python examples/{path.name}" in source
        assert f"`{path.name}`" in readme
