"""A cost that stops being finite is told of, once a training, whichever way the epochs go."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import reference
from fastnn._training.cost_watch import CostWatch
from fastnn.book import network2
from fastnn.cli import main

ONE, FAR = np.ones((4, 1)), np.full((4, 1), 1e160)  # whose square is beyond all numbers
LINE = {"cost": fastnn.QuadraticCost, "output": "identity", "initializer": "zeros"}


def said(run: Any) -> tuple[Any, list[warnings.WarningMessage]]:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        result = run()
    return result, heard


WAYS = {
    "shuffled": {},
    "at once": {"shuffle": False, "batch_size": 4, "epochs": 300},
    "mini-batches": {"batch_size": 3},
    "validation": {"y": ONE, "learning_rate": 0.1, "validation_data": (ONE, FAR)},
    "lbfgs": {"y": ONE, "optimizer": "lbfgs", "validation_data": (ONE, FAR)},
    "lanes": {"X": np.ones((16, 1)), "y": np.full((16, 1), 1e160), "batch_size": 16},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", [fastnn.Network, reference.Network])
def test_a_fit_says_so_once(kind, way):
    told = {"X": ONE, "y": FAR, "epochs": 3, "learning_rate": 1e-200, **WAYS[way]}
    if kind is reference.Network:
        told["epochs"] = 3
    history, heard = said(lambda: kind([1, 1], **LINE).fit(**told))
    assert len(history) == (told["epochs"] if way != "lbfgs" else len(history))
    column = "validation_cost" if way in ("validation", "lbfgs") else "training_cost"
    assert history[column][-1] == np.inf
    (warning,) = heard
    assert warning.category is RuntimeWarning
    text = str(warning.message)
    assert f"the {column.replace('_', ' ')} is no longer finite: inf in epoch 1" in text
    assert ("learning rate below" in text) == (way != "lbfgs")
    assert "scaled to about 1" in text
    assert Path(warning.filename) == Path(__file__)  # it is the caller's line that is shown


def test_the_epoch_is_the_first_that_is_not_finite():
    net = fastnn.Network([1, 1], **LINE)
    grows = {"epochs": 400, "learning_rate": 1e5, "batch_size": 4, "shuffle": False}
    history, heard = said(lambda: net.fit(ONE, ONE, **grows))
    first = int(np.argmin(np.isfinite(history["training_cost"]))) + 1
    assert 10 < first < 400
    (warning,) = heard  # of the end, which says it all
    assert "the training diverged" in str(warning.message)
    grows["epochs"] = first + 1
    history, (warning,) = said(lambda: fastnn.Network([1, 1], **LINE).fit(ONE, ONE, **grows))
    assert f"inf in epoch {first}." in str(warning.message)


@pytest.mark.parametrize("method", ["fit", "SGD"])
def test_costs_that_are_finite_are_not_told_of(method):
    net = fastnn.Network([1, 1], **LINE)
    getattr(net, method)(*((ONE, ONE) if method == "fit" else [(ONE, ONE)]), **(
        {"epochs": 3, "batch_size": 2} if method == "fit" else
        {"epochs": 3, "mini_batch_size": 2, "eta": 0.1, "monitor_training_cost": True}
    ))  # fmt: skip


def test_sgd_says_so_and_the_books_does_not(capsys):
    monitors = {"monitor_training_cost": True, "monitor_evaluation_cost": True}
    net = fastnn.Network([1, 1], **LINE)
    lists, heard = said(lambda: net.SGD((ONE, FAR), 3, 2, 1e-200, 0.0, (ONE, FAR), **monitors))
    assert lists[0] == lists[2] == [np.inf] * 3
    assert len(heard) == 1
    book = network2.Network([1, 1], network2.QuadraticCost)
    pairs = [(np.ones((1, 1)), np.full((1, 1), 1e160))] * 4
    lists, heard = said(lambda: book.SGD(pairs, 2, 2, 1e-200, 0.0, pairs, **monitors))
    assert lists[0] == lists[2] == [np.inf] * 2
    assert not heard


def test_a_warning_made_an_error_comes_after_the_last_epoch():
    net, seen = fastnn.Network([1, 1], **LINE), []
    with pytest.raises(RuntimeWarning, match="no longer finite"):
        net.fit(ONE, FAR, epochs=3, learning_rate=1e-200, callbacks=[lambda *_: seen.append(1)])
    assert len(seen) == 3


def test_a_metric_of_ones_own_is_no_cost():
    def oddity(outputs: np.ndarray, targets: np.ndarray) -> float:
        return float("nan")

    history = fastnn.Network([1, 1], **LINE).fit(ONE, ONE, epochs=2, metrics=[oddity])
    assert np.isnan(history["training_oddity"]).all()


def test_it_is_told_of_when_it_is_asked_for():
    row = {"epoch": 1, "learning_rate": 0.1, "training_cost": np.nan}
    loud, silent, nothing = CostWatch(), CostWatch(silent=True), CostWatch()
    for watch in (loud, silent):
        watch.observe(row)
    loud.observe(row | {"epoch": 2, "training_cost": np.inf})
    silent.tell()
    nothing.tell()
    with pytest.warns(RuntimeWarning, match="training cost is no longer finite: nan in epoch 1"):
        loud.tell()


# Estimators.


@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("judged", [False, True])
def test_an_estimator_says_so_once(solver, judged):
    pytest.importorskip("sklearn")
    from fastnn.sklearn import MLPRegressor

    model = MLPRegressor(
        hidden_layer_sizes=(3,), solver=solver, learning_rate_init=1e-200, max_iter=3,
        random_state=0,
    )  # fmt: skip
    data = {"validation_data": (ONE, FAR[:, 0])} if judged else {}
    _, heard = said(lambda: model.fit(ONE, ONE[:, 0] if judged else FAR[:, 0], **data))
    told = [each for each in heard if "no longer finite" in str(each.message)]
    assert len(told) == 1
    assert told[0].category is RuntimeWarning
    name = "validation" if judged else "training"
    assert f"the {name} cost is no longer finite: inf in epoch 1" in str(told[0].message)


def test_an_estimator_whose_weights_are_lost_raises_and_says_nothing_else():
    pytest.importorskip("sklearn")
    from fastnn.sklearn import MLPRegressor

    huge = np.finfo(float).max * np.linspace(0, 1, 20).reshape(10, 2)
    with pytest.raises(ValueError, match="non-finite parameter weights"):  # noqa: SIM117
        with pytest.warns(UserWarning, match="Maximum iterations"):
            MLPRegressor(max_iter=3).fit(huge, np.ones(10))


# The command.


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """One row far off, which is to judge by with a split seed of 0 but not of 1."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(60, 2))
    rows[7] *= 1e200
    lines = [f"{a!r},{b!r},{i % 2}" for i, (a, b) in enumerate(rows.tolist())]
    Path("table.csv").write_text("\n".join(lines) + "\n")
    return "train table.csv --epochs 3 --cost quadratic --activation relu --hidden 3"


def judged_by_it(seed: int) -> bool:
    split = fastnn.datasets.load("table.csv", seed=seed)
    return bool((np.abs(split.validation[0]) > 1e100).any())


@pytest.mark.parametrize("progress", ["lines", "none", "bar"])
def test_the_command_hints_in_one_plain_line(table, capsys, progress):
    if progress == "bar":
        pytest.importorskip("tqdm")
    seed = next(seed for seed in range(100) if judged_by_it(seed))
    options = f"--output-activation identity --split-seed {seed} --seed 1 --progress {progress}"
    assert main(f"{table} {options}".split()) == 0
    printed = capsys.readouterr()
    hints = [line for line in printed.err.splitlines() if line.startswith("fastnn: warning: ")]
    assert len(hints) == 1
    assert "the validation cost is no longer finite: inf in epoch" in hints[0]
    assert "learning rate below 0.5" in hints[0]
    assert "RuntimeWarning" not in printed.err
    assert ".py" not in printed.err
