"""What fit_many refuses, in one error each, before anything is trained."""

import functools

import numpy as np
import pytest

from fastnn.many import fit_many

GRID = {"sizes": [5, 4, 2], "epochs": 1}
X = np.random.default_rng(0).normal(size=(60, 5))
y = (X[:, 0] > 0).astype(int)


def never(network, history):
    raise AssertionError("a job was trained")


SETTINGS = {
    "unknown key": ({"rate": 1}, "'rate'"),
    "seed": ({"rng": 1}, "'rng'.*seeds"),
    "threads": ({"n_threads": 2}, "'n_threads'.*n_jobs"),
    "inputs": ({"sizes": [4, 2]}, "sizes: expected 5 inputs, as many as X has columns, got 4"),
    "layers": ({"sizes": [5]}, "sizes: "),
    "outputs": ({"sizes": [5, 3, 4], "sample_weight": np.ones(3)}, "sample_weight: "),
    "number": ({"learning_rate": "x"}, "learning_rate: expected a number"),
    "optimizer": ({"optimizer": "adamm"}, "optimizer: expected one of"),
    "cost": ({"cost": "quad"}, "cost: expected one of quadratic"),
    "argument": ({"regularizer": {"name": "l2"}}, "regularizer: L2: missing .*strength"),
    "range": ({"regularizer": {"name": "l2", "strength": -1}}, "regularizer: l2: expected"),
    "name": ({"regularizer": {"name": "l3"}}, "regularizer: expected one of l1"),
    "patience": ({"stopping": {"patience": 0}}, "stopping: patience: expected"),
    "no validation": ({"stopping": 3}, "stopping: monitor: .*needs validation_data"),
    "plateau": ({"schedule": {"name": "halve_on_plateau"}}, "schedule: monitor: "),
    "schedule": ({"schedule": {"name": "cosine", "epochs": 0}}, "schedule: epochs: expected"),
    "activation": ({"activation": "rel"}, "activation: expected one of"),
    "metric": ({"metrics": ["acc"]}, "metrics: expected"),
    "one class": ({"sizes": [5, 1], "output": "softmax"}, "output: "),
    "LBFGS": ({"optimizer": "lbfgs", "dropout": 0.5}, "optimizer: L-BFGS needs"),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_a_bad_setting_is_named_with_its_key(case):
    more, message = SETTINGS[case]
    good = {**GRID, "callbacks": [never]}
    with pytest.raises((TypeError, ValueError), match=rf"^settings\[1\]: {message}"):
        fit_many(X, y, [good, {**good, **more}])


def test_targets_that_do_not_go_with_a_setting():
    with pytest.raises(ValueError, match=r"settings\[0\]: sizes: .*labels from 0 to 1, got 3"):
        fit_many(X, y + 2, GRID)
    with pytest.raises(ValueError, match=r"settings\[0\]: cost: y: CrossEntropyCost"):
        fit_many(X, y + 2, {**GRID, "sizes": [5, 1]})
    with pytest.raises(ValueError, match=r"settings\[1\]: cost: validation_data: "):
        both = [{**GRID, "sizes": [5, 1], "cost": cost} for cost in ("quadratic", "cross_entropy")]
        fit_many(X, y, both, validation_data=(X, y + 1))


def test_settings_that_are_none():
    for settings, message in [
        ({}, "settings: expected at least one key"),
        ([], "settings: expected at least one, got none"),
        (iter([]), "settings: expected at least one, got none"),
        ({**GRID, "learning_rate": []}, "settings: learning_rate: expected at least one choice"),
        ("abc", "settings: expected a mapping of lists"),
        (5, "settings: expected a mapping of lists"),
        ([GRID, 3], r"settings\[1\]: expected a mapping, got 3"),
        ([{"epochs": 1}], r"settings\[0\]: sizes: expected a value"),
        ({"sizes": [5, 2]}, r"settings\[0\]: epochs: expected a value"),
    ]:
        with pytest.raises((TypeError, ValueError), match=f"^{message}"):
            fit_many(X, y, settings)


ARGUMENTS = {
    "seeds no list": ({"seeds": 5}, "seeds: expected whole numbers"),
    "no seeds": ({"seeds": ()}, "seeds: expected at least one"),
    "seed below 0": ({"seeds": [1, -1]}, r"seeds\[1\]: expected 0 or more"),
    "one fold": ({"cv": 1}, "cv: expected 2 or more"),
    "no fold": ({"cv": []}, "cv: expected at least one fold"),
    "no pair": ({"cv": [(1, 2, 3)]}, r"cv: fold 0: expected \(train, test\)"),
    "beyond": ({"cv": [([0, 1], [99])]}, "cv: fold 0: expected indices from 0 to 59, got 99"),
    "empty fold": ({"cv": [([0, 1], [])]}, "cv: fold 0: expected indices"),
    "no splitter": ({"cv": 3.5}, "cv: expected an int"),
    "both": ({"cv": 2, "validation_data": (X, y)}, "cv: expected none together with"),
    "no validation": ({"validation_data": X}, r"validation_data: expected \(X, y\)"),
    "columns": ({"validation_data": (X[:, :3], y)}, r"validation_data\[0\]: expected 5 columns"),
    "rows": ({"validation_data": (X, y[:3])}, r"validation_data\[1\]: expected 60 rows"),
    "scoring": ({"scoring": "acc"}, "scoring: expected one of accuracy"),
    "scoring no callable": ({"scoring": 3}, "scoring: expected a name or f"),
    "keep": ({"keep": "some"}, "keep: expected"),
    "n_jobs": ({"n_jobs": 0}, "n_jobs: expected 1 or more"),
    "progress": ({"progress": "x"}, "progress: expected True or False"),
    "executor": ({"executor": 3}, "executor: expected"),
    "journal": ({"journal": 3}, "journal: expected a file's name"),
}


@pytest.mark.parametrize("case", ARGUMENTS)
def test_a_bad_argument_is_named(case):
    arguments, message = ARGUMENTS[case]
    with pytest.raises((TypeError, ValueError), match=f"^{message}"):
        fit_many(X, y, {**GRID, "callbacks": [[never]]}, **arguments)


def test_bad_rows():
    for rows, message in [
        ((X, y[:5]), "y: expected 60 rows, as many as X"),
        ((X[0], y), r"X: expected shape \(n, n_in\)"),
        ((X[:0], y[:0]), r"X: expected shape \(n, n_in\)"),
        ((np.full((60, 5), np.nan), y), "X: expected finite numbers, got nan"),
        ((X, np.full(60, np.inf)), "y: expected finite numbers, got"),
        (([["a"]], y), "X: expected real numbers"),
        ((X, ["a"] * 60), "y: expected real numbers"),
    ]:
        with pytest.raises((TypeError, ValueError), match=message):
            fit_many(*rows, GRID)


def test_settings_to_some_of_which_targets_are_classes_need_a_scoring():
    settings = [{**GRID, "sizes": [5, n], "cost": "quadratic"} for n in (1, 3)]
    with pytest.raises(ValueError, match="scoring: expected one, since the targets are classes"):
        fit_many(X, 2 * y, settings)
    assert len(fit_many(X, 2 * y, settings, scoring="mean_squared_error")) == 2


def test_what_a_journal_cannot_tell_apart(tmp_path):
    settings = {**GRID, "callbacks": [[lambda network, history: False]]}
    with pytest.raises(ValueError, match=r"^settings\[0\]: callbacks: .*lambda"):
        fit_many(X, y, settings, journal=tmp_path / "runs.jsonl")
    assert len(fit_many(X, y, settings)) == 1
    with pytest.raises(ValueError, match=r"^scoring: "):
        fit_many(X, y, GRID, scoring=functools.partial(lambda a, y: 0), journal=tmp_path / "runs")
    assert list(tmp_path.iterdir()) == []
