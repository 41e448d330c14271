"""Rows of weight 0 in the estimators: mini-batches, and rows to judge by, of nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.ensemble import BaggingClassifier, BaggingRegressor
from sklearn.neural_network import MLPClassifier as OfScikitLearn

from fastnn import optimizers
from fastnn.sklearn import (
    MLPClassifier,
    MLPEnsembleClassifier,
    MLPEnsembleRegressor,
    MLPRegressor,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
N, BATCH = 32, 5


def rows(dtype: Any = np.float64) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """32 rows of three classes; of the mini-batches of 5 the second and the fourth weigh nothing.

    So do some rows of the others.
    """
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(N, 4)).astype(dtype), rng.randint(3, size=N)
    weights = rng.uniform(0.2, 3, N)
    weights[5:10] = weights[15:20] = weights[[2, 30]] = 0
    return X, y, weights


PRESENT = np.r_[:5, 10:15, 20:N]  # without the mini-batches that weigh nothing
BY_MINI_BATCHES: dict[str, dict[str, Any]] = {
    "sgd": {"solver": "sgd", "learning_rate_init": 0.1},
    "sgd invscaling": {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.3},
    "adam": {"solver": "adam", "learning_rate_init": 0.01},
    "adamw": {"solver": "adamw"},
    "rmsprop": {"solver": "rmsprop"},
    "adagrad": {"solver": optimizers.AdaGrad()},
    "dropout": {"dropout": 0.3},
    "batch norm": {"normalization": "batch"},
    "l1 and max-norm": {"l1": 0.1, "max_norm": 1.0},
    "no penalty": {"alpha": 0.0},
}


def told(**more: Any) -> dict[str, Any]:
    return {
        "hidden_layer_sizes": (6,), "batch_size": BATCH, "shuffle": False, "max_iter": 4,
        "random_state": 0,
    } | more  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("case", BY_MINI_BATCHES)
def test_a_mini_batch_that_weighs_nothing_is_as_if_absent(
    case: str, kind: type, dtype: Any
) -> None:
    """To the bit: no step, no momentum, no penalty, no count, no running statistics."""
    X, y, weights = rows(dtype)
    model, some = (kind(**told(**BY_MINI_BATCHES[case])) for _ in range(2))
    model.fit(X, y, sample_weight=weights)
    some.fit(X[PRESENT], y[PRESENT], sample_weight=weights[PRESENT])
    np.testing.assert_array_equal(model.network_.parameters, some.network_.parameters)
    np.testing.assert_array_equal(
        model.network_.running_statistics, some.network_.running_statistics
    )
    assert model.loss_curve_ == some.loss_curve_ and model.t_ == some.t_
    assert model.network_.parameters.dtype == dtype and np.isfinite(model.loss_curve_).all()


@pytest.mark.parametrize("solver", ["rprop", "lbfgs"])
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_so_it_is_where_all_rows_are_one_mini_batch(kind: type, solver: str) -> None:
    X, y, weights = rows()
    model, some = (kind(**told(solver=solver, batch_size="auto")) for _ in range(2))
    model.fit(X, y, sample_weight=weights)
    some.fit(X[weights > 0], y[weights > 0], sample_weight=weights[weights > 0])
    np.testing.assert_allclose(model.coefs_[0], some.coefs_[0], rtol=1e-9, atol=1e-12)
    assert model.loss_ == pytest.approx(some.loss_)


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_the_presets_steps_are_as_many_as_mini_batches_that_weigh_something(kind: type) -> None:
    X, y, weights = rows()
    model = kind(**told(preset="tabular", hidden_layer_sizes=(8,)))
    model.fit(X, y, sample_weight=weights, validation_data=(X, y, weights))
    assert model._optimizer.counter[0] == 4 * 5 and np.isfinite(model.validation_scores_).all()


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_a_schedule_gives_each_mini_batch_the_rate_of_its_place(kind: type) -> None:
    """Those left out take no rate of another."""
    X, y, weights = rows()

    def schedule(time: float) -> float:
        return 0.0 if 1 / 7 <= time < 2 / 7 or 3 / 7 <= time < 4 / 7 else 1 + time

    def flat(time: float) -> float:
        return 1 + time

    first, second = (
        kind(**told(solver="sgd", learning_rate=rate, max_iter=1)).fit(X, y, sample_weight=weights)
        for rate in (schedule, flat)
    )
    np.testing.assert_array_equal(first.coefs_[0], second.coefs_[0])


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_shuffled_every_epoch_is_finite(kind: type, batch_size: int) -> None:
    X, y, _ = rows()
    weights = (np.arange(N) % 8 == 0) * 1.0
    model = kind(**told(shuffle=True, batch_size=batch_size)).fit(X, y, sample_weight=weights)
    assert np.isfinite(model.loss_curve_).all() and np.isfinite(model.coefs_[0]).all()


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_parts_with_mini_batches_that_weigh_nothing(kind: type) -> None:
    X, y, weights = rows()
    model, some = (kind(**told(dropout=0.2)) for _ in range(2))
    first = {"classes": [0, 1, 2]} if kind is MLPClassifier else {}
    for _ in range(3):
        model.partial_fit(X, y, sample_weight=weights, **first)
        some.partial_fit(X[PRESENT], y[PRESENT], sample_weight=weights[PRESENT], **first)
        np.testing.assert_array_equal(model.coefs_[0], some.coefs_[0])


def test_a_class_of_weight_0_is_as_if_its_rows_weighed_nothing() -> None:
    X, y, _ = rows()
    y[5:10] = y[15:20] = 2
    weights = {0: 1.0, 1: 2.0, 2: 0.0}
    model = MLPClassifier(**told(class_weight=weights)).fit(X, y)
    same = MLPClassifier(**told()).fit(X, y, sample_weight=np.array([1.0, 2.0, 0.0])[y])
    np.testing.assert_array_equal(model.coefs_[0], same.coefs_[0])
    assert np.isfinite(model.loss_curve_).all()


# What scikit-learn does: it raises where a mini-batch weighs nothing, and only there we differ.


def test_scikit_learn_raises_where_a_mini_batch_weighs_nothing() -> None:
    pytest.importorskip("sklearn", minversion="1.7")  # older ones take no weights
    X, y, weights = rows()
    with pytest.raises((ZeroDivisionError, ValueError)):
        OfScikitLearn(**told()).fit(X, y, weights)
    weights[[5, 15]] = 1.0
    ours, theirs = (kind(**told()).fit(X, y, weights) for kind in (MLPClassifier, OfScikitLearn))
    np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=1e-9)
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-9)


# Rows to judge by.


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_early_stopping_sets_aside_rows_that_weigh_something(kind: type) -> None:
    """Of 32 rows 4 are set aside; with three that weigh anything, these may all be elsewhere."""
    X, y, _ = rows()
    weights = np.zeros(N)
    weights[:12] = 1.0
    for seed in range(30):
        model = kind(**told(random_state=seed, early_stopping=True, validation_fraction=0.07))
        model.fit(X, y, sample_weight=weights)
        assert np.isfinite(model.network_.parameters).all() and len(model.validation_scores_) == 4


def test_what_is_set_aside_is_judged_without_rows_of_weight_0() -> None:
    X, y, weights = rows()
    judged = {"early_stopping": True, "stopping_metric": "neg_max_error"}
    whole, some = (MLPRegressor(**told(**judged)) for _ in range(2))
    validation, kept = (X, y, weights), weights > 0
    whole.fit(X, y, validation_data=validation)
    some.fit(X, y, validation_data=(X[kept], y[kept], weights[kept]))
    assert whole.validation_scores_ == some.validation_scores_
    assert whole.history_["validation_cost"] == some.history_["validation_cost"]


# Ensembles.


@pytest.mark.parametrize("kind", [MLPEnsembleClassifier, MLPEnsembleRegressor])
def test_members_of_an_ensemble(kind: type) -> None:
    X, y, weights = rows()
    member = (MLPClassifier if kind is MLPEnsembleClassifier else MLPRegressor)(**told())
    model = kind(member, n_estimators=2, random_state=0).fit(X, y, sample_weight=weights)
    some = kind(member, n_estimators=2, random_state=0)
    some.fit(X[PRESENT], y[PRESENT], sample_weight=weights[PRESENT])
    np.testing.assert_array_equal(model.predict(X), some.predict(X))


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("bagging", [BaggingClassifier, BaggingRegressor])
def test_bagging_with_small_mini_batches(bagging: type, early_stopping: bool) -> None:
    """It trains with weights, of which a third are 0."""
    X, y, _ = rows()
    kind = MLPClassifier if bagging is BaggingClassifier else MLPRegressor
    member = kind(**told(batch_size=2, shuffle=True, early_stopping=early_stopping))
    for seed in range(5):
        model = bagging(member, n_estimators=3, random_state=seed).fit(X, y)
        for each in model.estimators_:
            assert np.isfinite(each.network_.parameters).all()
            assert np.isfinite(each.loss_curve_).all()


# What is refused.

ZEROS = np.zeros(N)
REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "no weight": ({}, {"sample_weight": ZEROS}, "(?i)sample.weight.*zero"),
    "class weights": ({"class_weight": {0: 0, 1: 0, 2: 0}}, {}, "class_weight: .* not zero"),
    "both": (
        {"class_weight": {0: 0}},
        {"sample_weight": (rows()[1] == 0) * 1.0},
        "sample_weight times class_weight: .* not zero",
    ),
    "validation data": (
        {}, {"validation_data": (*rows()[:2], ZEROS)}, "(?i)validation_data: .*weight.*zero",
    ),
}  # fmt: skip


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("case", REFUSED)
def test_weights_that_are_all_zero_are_refused(case: str, solver: str) -> None:
    X, y, _ = rows()
    arguments, data, words = REFUSED[case]
    with pytest.raises(ValueError, match=words):
        MLPClassifier(**told(solver=solver, batch_size="auto"), **arguments).fit(X, y, **data)


def test_weights_that_float32_does_not_know() -> None:
    X, y, weights = rows(np.float32)
    with pytest.raises(ValueError, match=r"sample_weight: .* not zero in float32"):
        MLPClassifier(**told()).fit(X, y, sample_weight=weights * 1e-60)
    with pytest.raises(
        ValueError, match=r"sample_weight: expected .* finite in float32, got .*e\+50"
    ):
        MLPClassifier(**told()).fit(X, y, sample_weight=weights * 1e50)
    some = np.where(np.arange(N) < 5, 1e-60, weights)
    none = np.where(np.arange(N) < 5, 0, weights)
    first, second = (MLPClassifier(**told()).fit(X, y, sample_weight=w) for w in (some, none))
    np.testing.assert_array_equal(first.coefs_[0], second.coefs_[0])


def test_negative_weights_that_cancel_out_are_refused() -> None:
    X, y, weights = rows()
    weights[:5] = [1, -1, 2, -2, 0]
    with pytest.raises(ValueError, match=r"sample_weight: .* sum over a mini-batch is not 0"):
        MLPClassifier(**told(), early_stopping=False).fit(X, y, sample_weight=weights)
