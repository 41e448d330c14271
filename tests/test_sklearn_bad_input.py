"""What the estimators refuse, with whose words, and what an interruption leaves."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", minversion="1.7")  # whose perceptrons take weights
import sklearn.neural_network as theirs
from sklearn.exceptions import ConvergenceWarning

import fastnn.sklearn as ours
from fastnn import costs, normalization, optimizers, schedules

KINDS = ("MLPClassifier", "MLPRegressor")


def inputs() -> np.ndarray:
    return np.random.RandomState(0).normal(size=(30, 4))


def targets() -> np.ndarray:
    return np.arange(30) % 3


# Refused in scikit-learn's very words.
AS_THEIRS: dict[str, Any] = {
    "alpha": -1.0,
    "batch_size": 0,
    "learning_rate_init": 0.0,
    "power_t": -0.5,
    "max_iter": 0,
    "shuffle": "yes",
    "random_state": -1,
    "tol": -1e-4,
    "warm_start": 1.5,
    "momentum": 1.1,
    "nesterovs_momentum": "no",
    "early_stopping": "always",
    "validation_fraction": 1.0,
    "beta_1": 1.0,
    "beta_2": -0.1,
    "epsilon": 0.0,
    "n_iter_no_change": 0,
    "max_fun": 0,
}
# Refused with a message that names the argument.
OUR_OWN: dict[str, list[Any]] = {
    "activation": ["softmax", 3, ["relu", "tanh"], ["swish"]],
    "solver": ["newton", optimizers.SGD],
    "learning_rate": ["cosine", schedules.HalveOnPlateau()],
    "verbose": ["bar"],
    "normalization": ["instance", 1, normalization.GroupNorm(groups=3)],
    "dropout": [1.0, -0.1, [0.1, 0.2], "half"],
    "l1": [-1.0],
    "max_norm": [0.0],
    "initializer": ["glorot", 3],
    "loss": ["hinge", costs.CrossEntropyCost()],
    "stopping_metric": [5],
    "n_threads": [0, 1.5],
    "time_limit": [0.0],
    "callbacks": [5, [print, 5]],
    "hidden_layer_sizes": [-1, "many"],
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", AS_THEIRS)
def test_arguments_out_of_range_are_refused_in_scikit_learns_words(name, kind):
    messages = []
    for module in (theirs, ours):
        estimator = getattr(module, kind)(**{name: AS_THEIRS[name]})
        with pytest.raises(ValueError) as caught:
            estimator.fit(inputs(), targets())
        assert not hasattr(estimator, "n_features_in_")
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in OUR_OWN.items() for value in values]
)
def test_other_arguments_are_refused_by_name(name, value, kind):
    estimator = getattr(ours, kind)(**{name: value}, max_iter=1)
    with pytest.raises((ValueError, TypeError), match=name):
        estimator.fit(inputs(), targets())
    assert not hasattr(estimator, "coefs_")


@pytest.mark.parametrize("value", [-0.1, 1.5, "some"])
def test_label_smoothing_out_of_range(value):
    with pytest.raises(ValueError, match="label_smoothing"):
        ours.MLPClassifier(label_smoothing=value).fit(inputs(), targets())


@pytest.mark.parametrize("value", ["evenly", 3])
def test_class_weights_that_are_none(value):
    with pytest.raises(ValueError, match="class_weight"):
        ours.MLPClassifier(class_weight=value).fit(inputs(), targets())


FIT_ERRORS = {
    "hidden layers of no neurons": ({"hidden_layer_sizes": (5, 0)}, {}, {}),
    "a weight too few": ({}, {}, {"sample_weight": np.ones(29)}),
    "weights that are NaN": ({}, {}, {"sample_weight": np.full(30, np.nan)}),
    "no rows": ({}, {"X": np.empty((0, 4)), "y": []}, {}),
    "targets that are NaN": ({}, {"y": np.full(30, np.nan)}, {}),
    "a target too few": ({}, {"y": np.zeros(29)}, {}),
    "rows that are NaN": ({}, {"X": np.full((30, 4), np.nan)}, {}),
    "too few rows to set aside": (
        {"early_stopping": True}, {"X": inputs()[:2], "y": [0.0, 1.0]}, {}
    ),
    "partial_fit by early stopping": ({"early_stopping": True}, {"part": True}, {}),
}  # fmt: skip


@pytest.mark.parametrize("what", FIT_ERRORS)
def test_data_are_refused_in_scikit_learns_words(what):
    chosen, data, told = FIT_ERRORS[what]
    messages = []
    for module in (theirs, ours):
        estimator = module.MLPRegressor(**chosen)
        method = estimator.partial_fit if "part" in data else estimator.fit
        with pytest.raises(ValueError) as caught:
            method(data.get("X", inputs()), data.get("y", targets()), **told)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


@pytest.mark.parametrize(
    ("chosen", "match"),
    [
        ({"solver": "rprop", "batch_size": 10}, "batch_size: this solver needs all 30 rows"),
        ({"normalization": "batch", "batch_size": 1}, "batch norm needs mini-batches of two"),
        ({"solver": "lbfgs", "normalization": "batch"}, "normalization: 'batch' needs"),
        ({"solver": "lbfgs", "dropout": 0.2}, "dropout: not with solver='lbfgs'"),
        ({"solver": optimizers.LBFGS(), "max_norm": 2.0}, "max_norm: not with"),
    ],
)
def test_arguments_that_do_not_go_together(chosen, match):
    with pytest.raises(ValueError, match=match):
        ours.MLPRegressor(**chosen).fit(inputs(), targets())


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        (inputs(), "expected \\(X, y\\) or \\(X, y, sample_weight\\), got ndarray"),
        ((inputs(),), "expected \\(X, y\\)"),
        ((inputs()[:, :2], targets()), "X has 2 features"),
        ((inputs(), targets()[:-1]), "inconsistent numbers of samples"),
        ((inputs(), targets() + 1), "validation_data: expected labels of \\[0 1 2\\]"),
        ((inputs(), targets(), np.ones(3)), "sample_weight"),
    ],
)
def test_rows_to_judge_by_are_checked(rows, match):
    model = ours.MLPClassifier(max_iter=1)
    with pytest.raises(ValueError, match=match):
        model.fit(inputs(), targets(), validation_data=rows)
    assert not hasattr(model, "coefs_")


def test_targets_to_judge_by_have_as_many_columns():
    with pytest.raises(ValueError, match="expected 1 targets a row, got 2"):
        ours.MLPRegressor(max_iter=1).fit(
            inputs(), targets(), validation_data=(inputs(), np.zeros((30, 2)))
        )


def test_counts_are_not_negative():
    with pytest.raises(ValueError, match="'poisson' takes targets of 0 or more, got -1"):
        ours.MLPRegressor("poisson").fit(inputs(), targets() - 1)


def test_balanced_classes_are_not_known_of_a_part():
    with pytest.raises(ValueError, match="class_weight: 'balanced'"):
        ours.MLPClassifier(class_weight="balanced").partial_fit(
            inputs(), targets(), classes=[0, 1, 2]
        )


def test_lbfgs_has_no_partial_fit():
    assert not hasattr(ours.MLPRegressor(solver=optimizers.LBFGS()), "partial_fit")
    assert hasattr(ours.MLPRegressor(solver=optimizers.Adam()), "partial_fit")


def test_a_mini_batch_larger_than_the_data_is_cut_with_a_warning():
    with pytest.warns(UserWarning, match="It is going to be clipped"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        ours.MLPRegressor(batch_size=31, max_iter=1).fit(inputs(), targets())


def test_weights_that_become_infinite_are_an_error():
    model = ours.MLPRegressor(solver="sgd", learning_rate_init=1e200, max_iter=5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        with pytest.raises(ValueError, match="non-finite parameter weights"):
            model.fit(inputs(), targets())


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_lack_of_convergence_is_warned_of(solver):
    model = ours.MLPClassifier(solver=solver, max_iter=2)
    with pytest.warns(ConvergenceWarning, match="2"):
        model.fit(inputs(), targets())
    assert model.n_iter_ == 2


def test_an_interruption_leaves_the_epochs_that_were_finished():
    def interrupt(estimator: Any, history: Any) -> None:
        if len(history) == 3:
            raise KeyboardInterrupt

    told = {"random_state": 0, "early_stopping": True, "n_iter_no_change": 50}
    model = ours.MLPClassifier(callbacks=interrupt, **told)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        model.fit(inputs(), targets())
    assert model.n_iter_ == len(model.loss_curve_) == 3
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        whole = ours.MLPClassifier(max_iter=3, **told).fit(inputs(), targets())
    np.testing.assert_array_equal(model.coefs_[0], whole.coefs_[0])


@pytest.mark.parametrize("verbose", [True, 10])
def test_what_is_printed_is_what_scikit_learn_prints(verbose, capsys):
    printed = []
    for module in (theirs, ours):
        for chosen in (
            {"early_stopping": True, "max_iter": 40, "n_iter_no_change": 2, "tol": 0.5},
            {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 1, "tol": 0.5},
            {"tol": 0.5, "n_iter_no_change": 2},
        ):
            module.MLPClassifier(verbose=verbose, random_state=0, **chosen).fit(inputs(), targets())
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert printed[0].count("Stopping") == 3
