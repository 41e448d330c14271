"""What the estimators can do beyond scikit-learn's, against ``fastnn.Network`` doing the same."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import get_scorer

import fastnn
from fastnn import costs, optimizers, schedules
from fastnn.regularizers import Regularizer
from fastnn.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
EPOCHS, N = 4, 60


def inputs() -> np.ndarray:
    return np.random.RandomState(0).normal(size=(N, 5))


def labels() -> np.ndarray:
    return np.random.RandomState(1).choice(3, size=N, p=[0.6, 0.3, 0.1])


def targets() -> np.ndarray:
    return np.random.RandomState(2).normal(size=(N, 2))


def draw(net: fastnn.Network, seed: int) -> None:
    """Fill a network as the estimators are by default."""
    random_state = np.random.RandomState(seed)
    for w, b in zip(net.weights, net.biases, strict=True):
        bound = np.sqrt(6 / sum(w.shape))
        w[...] = random_state.uniform(-bound, bound, w.shape[::-1]).T
        b[:, 0] = random_state.uniform(-bound, bound, len(b))


# By name: the estimator's arguments, the network's, and those of its ``fit``. All rows are one
# mini-batch, since per mini-batch the estimators scale penalties and weights otherwise.
ALIKE: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "batch norm": ({"normalization": "batch"}, {"normalization": "batch"}, {}),
    "layer norm": ({"normalization": "layer"}, {"normalization": "layer"}, {}),
    "group norm": (
        {"normalization": fastnn.normalization.GroupNorm(groups=2, eps=0.1)},
        {"normalization": fastnn.normalization.GroupNorm(groups=2, eps=0.1)}, {},
    ),
    "an activation a layer": (
        {"activation": ["gelu", "tanh"]}, {"activation": ["gelu", "tanh"]}, {}
    ),
    "mish": ({"activation": "mish"}, {"activation": "mish"}, {}),
    "l1": ({"l1": 0.9}, {}, {"regularizer": Regularizer(l1=0.9)}),
    "l2": ({"alpha": 1.5}, {}, {"regularizer": Regularizer(l2=1.5)}),
    "max norm": ({"max_norm": 0.7}, {}, {"regularizer": Regularizer(max_norm=0.7)}),
    "rmsprop": ({"solver": "rmsprop"}, {}, {"optimizer": "rmsprop"}),
    "adagrad": ({"solver": "adagrad"}, {}, {"optimizer": "adagrad"}),
    "adamw": ({"solver": "adamw"}, {}, {"optimizer": "adamw"}),
    "rprop": ({"solver": "rprop", "batch_size": "auto"}, {}, {"optimizer": "rprop"}),
    "an optimizer of one's own": (
        {"solver": optimizers.AdamW(weight_decay=0.3, beta1=0.8)}, {},
        {"optimizer": optimizers.AdamW(weight_decay=0.3, beta1=0.8)},
    ),
    "a schedule": (
        {"learning_rate": schedules.cosine(EPOCHS)}, {}, {"schedule": schedules.cosine(EPOCHS)}
    ),
}  # fmt: skip
FOR_CLASSES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "label smoothing": ({"label_smoothing": 0.2}, {}, {"label_smoothing": 0.2}),
    "balanced classes": ({"class_weight": "balanced"}, {}, {"class_weight": "balanced"}),
    "class weights": (
        {"class_weight": {0: 1.0, 1: 2.0, 2: 5.0}}, {},
        {"class_weight": {0: 1.0, 1: 2.0, 2: 5.0}},
    ),
    "squared error": ({"loss": "squared_error"}, {"cost": costs.QuadraticCost}, {}),
}  # fmt: skip
FOR_REALS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "absolute error": ({"loss": "absolute_error"}, {"cost": costs.AbsoluteCost}, {}),
    "huber": ({"loss": "huber"}, {"cost": costs.HuberCost}, {}),
    "quantile": (
        {"loss": costs.QuantileCost(0.9)}, {"cost": costs.QuantileCost(0.9)}, {}
    ),
}  # fmt: skip


def assert_alike(kind: type, chosen: dict, network: dict, fit: dict, y: np.ndarray) -> None:
    told = {"alpha": 0.0, "batch_size": N, "shuffle": False, "max_iter": EPOCHS,
            "random_state": 7, "learning_rate_init": 0.05, "solver": optimizers.Adam()}  # fmt: skip
    estimator = kind(hidden_layer_sizes=(8, 6), **(told | chosen)).fit(inputs(), y)
    plain = kind(hidden_layer_sizes=(8, 6), **told).fit(inputs(), y)
    cost = costs.LogLikelihoodCost if kind is MLPClassifier else costs.QuadraticCost
    output = "softmax" if kind is MLPClassifier else "identity"
    options = {"cost": cost, "output": output, "activation": "relu"} | network
    net = fastnn.Network([5, 8, 6, 3 if kind is MLPClassifier else 2], **options)
    draw(net, 7)
    asked = {"epochs": EPOCHS, "batch_size": N, "shuffle": False, "optimizer": "adam",
             "learning_rate": 0.05}  # fmt: skip
    history = net.fit(inputs(), y, **(asked | fit))
    np.testing.assert_allclose(estimator.network_.parameters, net.parameters, rtol=0, atol=1e-9)
    predicted = estimator.predict_proba if kind is MLPClassifier else estimator.predict
    np.testing.assert_allclose(predicted(inputs()), net.predict(inputs()), rtol=0, atol=1e-9)
    divisor = y.shape[1] if kind is MLPRegressor else 3 if "loss" in chosen else 1
    if not {"regularizer", "class_weight"} & set(fit):  # a penalty is that before the step here
        losses = np.array(history["training_cost"]) / divisor
        assert estimator.loss_curve_ == pytest.approx(losses.tolist(), rel=1e-9)
    assert (
        len(plain.network_.parameters) != len(net.parameters)
        or np.abs(plain.network_.parameters - net.parameters).max() > 1e-4
    )  # the argument matters


@pytest.mark.parametrize("name", [*ALIKE, *FOR_CLASSES])
def test_a_classifier_trains_as_the_network(name):
    assert_alike(MLPClassifier, *(ALIKE | FOR_CLASSES)[name], labels())


@pytest.mark.parametrize("name", [*ALIKE, *FOR_REALS])
def test_a_regressor_trains_as_the_network(name):
    assert_alike(MLPRegressor, *(ALIKE | FOR_REALS)[name], targets())


def test_a_schedule_changes_the_rate_of_every_step():
    told = {"max_iter": 2, "batch_size": 20, "random_state": 0, "learning_rate_init": 0.1}
    falling = MLPRegressor(learning_rate=lambda epoch: 1 / (1 + epoch), **told)
    falling.fit(inputs(), targets())
    assert falling.history_["learning_rate"] == pytest.approx(
        [0.1 / (1 + 2 / 3), 0.1 / (2 + 2 / 3)]
    )
    still = MLPRegressor(learning_rate=lambda epoch: float(epoch == 0), **told)
    still.fit(inputs(), targets())
    once = MLPRegressor(**(told | {"max_iter": 1, "batch_size": N})).fit(inputs(), targets())
    assert not np.array_equal(once.coefs_[0], still.coefs_[0])
    assert still.history_["learning_rate"] == [0, 0]


def test_initializers_draw_from_the_random_state():
    made = [
        MLPRegressor(initializer="he_normal", max_iter=1, learning_rate_init=1e-12,
                     random_state=seed).fit(inputs(), targets())
        for seed in (0, 0, 1)
    ]  # fmt: skip
    np.testing.assert_array_equal(made[0].coefs_[0], made[1].coefs_[0])
    assert np.abs(made[0].coefs_[0] - made[2].coefs_[0]).max() > 0.1
    assert np.std(made[0].coefs_[0]) == pytest.approx(np.sqrt(2 / 5), rel=0.15)


def test_dropout_comes_from_the_random_state_and_not_in_prediction():
    told = {"dropout": 0.4, "max_iter": 3}
    first, again, other = (
        MLPClassifier(random_state=seed, **told).fit(inputs(), labels()) for seed in (0, 0, 1)
    )
    whole = MLPClassifier(random_state=0, max_iter=3).fit(inputs(), labels())
    np.testing.assert_array_equal(first.coefs_[0], again.coefs_[0])
    assert np.abs(first.coefs_[0] - other.coefs_[0]).max() > 0.01
    assert np.abs(first.coefs_[0] - whole.coefs_[0]).max() > 1e-4
    np.testing.assert_array_equal(first.predict_proba(inputs()), first.predict_proba(inputs()))


@pytest.mark.parametrize("metric", [None, "neg_log_loss", "f1_macro"])
def test_early_stopping_goes_by_rows_and_scorer_that_it_is_given(metric):
    X, y = inputs(), labels()
    model = MLPClassifier(early_stopping=True, stopping_metric=metric, max_iter=30, tol=0,
                          random_state=0, learning_rate_init=0.05)  # fmt: skip
    model.fit(X[:40], y[:40], validation_data=(X[40:], y[40:]))
    judged = get_scorer(metric or "accuracy")(model, X[40:], y[40:])
    assert max(model.validation_scores_) == model.best_validation_score_ == pytest.approx(judged)
    assert model.history_["validation_score"] == model.validation_scores_
    assert model.t_ == 40 * model.n_iter_  # no row was set aside


def test_early_stopping_by_a_scorer_of_a_regression_with_weights():
    X, Y = inputs(), targets()
    weights = np.random.RandomState(3).uniform(0.1, 2, N)
    model = MLPRegressor(early_stopping=True, stopping_metric="neg_mean_absolute_error",
                         max_iter=20, random_state=0)  # fmt: skip
    model.fit(X[:40], Y[:40], validation_data=(X[40:], Y[40:], weights[40:]))
    scorer = get_scorer("neg_mean_absolute_error")
    judged = scorer(model, X[40:], Y[40:], sample_weight=weights[40:])
    assert model.best_validation_score_ == pytest.approx(judged)


def test_validation_rows_alone_are_recorded_and_change_nothing():
    X, y = inputs(), labels()
    told = {"max_iter": 5, "random_state": 0}
    plain = MLPClassifier(**told).fit(X[:40], y[:40])
    model = MLPClassifier(**told).fit(X[:40], y[:40], validation_data=(X[40:], y[40:]))
    np.testing.assert_array_equal(model.coefs_[0], plain.coefs_[0])
    assert model.validation_scores_ is None
    right = np.log(model.predict_proba(X[40:])[np.arange(20), y[40:]])
    assert model.history_[-1]["validation_cost"] == pytest.approx(-right.mean())
    assert model.history_[-1]["validation_score"] == model.score(X[40:], y[40:])
    assert "validation_cost" not in plain.history_.columns


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_callbacks_hear_of_each_epoch_and_may_stop(solver):
    heard: list[float] = []

    def listen(estimator: MLPRegressor, history: fastnn.history.History) -> bool:
        heard.append(estimator.score(inputs(), targets()))
        return len(history) == 3

    model = MLPRegressor(solver=solver, callbacks=listen, random_state=0, max_iter=50)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        model.fit(inputs(), targets())
    assert model.n_iter_ == len(model.history_) == len(heard) == 3
    assert len(set(heard)) == 3
    assert heard[-1] == pytest.approx(model.score(inputs(), targets()))
    assert model.history_[-1]["training_cost"] == pytest.approx(model.loss_)


@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
def test_a_time_limit_ends_training(solver):
    def wait(estimator: Any, history: Any) -> None:
        time.sleep(0.02)

    model = MLPRegressor(solver=solver, time_limit=0.05, callbacks=[wait], max_iter=200, tol=0,
                         n_iter_no_change=1000)  # fmt: skip
    model.fit(inputs(), targets())
    assert 1 <= model.n_iter_ <= 10


def test_partial_fit_goes_on_in_history_and_records():
    model = MLPRegressor(random_state=0, normalization="batch", early_stopping=False)
    for _ in range(3):
        model.partial_fit(inputs(), targets())
    assert len(model.history_) == len(model.loss_curve_) == 3
    assert model.loss_curve_ == sorted(model.loss_curve_, reverse=True)


def test_a_warm_start_keeps_normalization_and_takes_other_arguments():
    model = MLPRegressor(random_state=0, normalization="batch", max_iter=3, warm_start=True)
    model.fit(inputs(), targets())
    gammas = np.array(model.network_.gammas[0])
    statistics = model.network_.running_statistics.copy()
    model.set_params(max_iter=1, learning_rate_init=1e-9).fit(inputs(), targets())
    np.testing.assert_allclose(model.network_.gammas[0], gammas, atol=1e-6)
    assert np.abs(model.network_.running_statistics - statistics).max() < 1
    assert not np.array_equal(gammas, np.ones_like(gammas))


def test_a_bar_is_drawn(capfd):
    pytest.importorskip("tqdm")
    MLPRegressor(verbose="progress", max_iter=2).fit(inputs(), targets())
    captured = capfd.readouterr()
    assert "2/2" in captured.err
    assert captured.out == ""


def test_the_network_inside_can_be_saved(tmp_path):
    model = MLPClassifier(solver="lbfgs", random_state=0, max_iter=20).fit(inputs(), labels())
    model.network_.save(tmp_path / "model.json")
    net = fastnn.load(tmp_path / "model.json")
    np.testing.assert_array_equal(net.predict(inputs()), model.predict_proba(inputs()))
