"""``preset="tabular"``: its training beside one written out in NumPy, and what it goes with."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")
import scipy.sparse
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from fastnn import costs, schedules
from fastnn.network import Network
from fastnn.preprocessing import SmoothClipper
from fastnn.sklearn import MLPClassifier, MLPRegressor, _losses
from fastnn.sklearn._rows import as_rows
from fastnn.sklearn._scaled import ScaledCore

N = 60


def inputs() -> np.ndarray:
    return np.random.RandomState(0).standard_t(3, size=(N, 4))


def labels() -> np.ndarray:
    return np.array(["a", "b", "c"])[(inputs()[:, 0] > 0).astype(int) + (inputs()[:, 1] > 1)]


def targets() -> np.ndarray:
    return 50 + 10 * np.sin(inputs()[:, 0]) + inputs()[:, 1]


def tabular(kind: type, **chosen: Any) -> Any:
    told = {"hidden_layer_sizes": (8,), "max_iter": 6, "batch_size": 20, "random_state": 0}
    return kind(preset="tabular", **(told | chosen))


# Other rows are set aside when rows are repeated or left out in the place of their weights: so with
# ``early_stopping`` of scikit-learn's own perceptrons.
NOT_THE_SAME_ROWS = {
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
}


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(
    [
        kind(preset="tabular", hidden_layer_sizes=(20,), max_iter=40, validation_fraction=0.4)
        for kind in (MLPClassifier, MLPRegressor)
    ],
    expected_failed_checks=lambda _: dict.fromkeys(NOT_THE_SAME_ROWS, "other rows are set aside"),
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


# ---- the training -------------------------------------------------------------------------------


def by_hand(model: Any, X: np.ndarray, y: np.ndarray, weights: np.ndarray) -> list[np.ndarray]:
    """Train one hidden layer of tanh on the mean of ½ (a − y)², batch by batch; return W and b."""
    X, mean, scale = SmoothClipper().fit_transform(X), y.mean(), y.std()
    y = (y - mean) / scale
    n_in, n_hidden = X.shape[1], 8
    seed = np.random.RandomState(0).randint(np.iinfo(np.int32).max, size=4)
    rng = np.random.default_rng(seed)
    bias = rng.standard_normal((n_hidden, 1))[:, 0]
    rng.standard_normal((1, 1))
    V1 = rng.standard_normal((n_hidden, n_in)) / np.sqrt(n_in) * np.sqrt(n_in)
    q = [np.ones(n_in), V1, bias, np.zeros(n_hidden), np.zeros(1)]
    factors = [6.0, 1.0, 0.1, 1.0, 0.1]
    first, second = [np.zeros_like(p) for p in q], [np.zeros_like(p) for p in q]
    schedule, t = schedules.coslog4(model.max_iter), 0
    for epoch in range(model.max_iter):
        for k in range(3):
            part = slice(20 * k, 20 * k + 20)
            s, V1, b1, V2, b2 = q
            w = weights[part] / weights[part].sum()
            scaled = X[part] * s
            h = np.tanh(scaled @ V1.T / np.sqrt(n_in) + b1)
            d2 = w * (h @ V2 / np.sqrt(n_hidden) + b2 - y[part])
            d1 = d2[:, np.newaxis] * V2 / np.sqrt(n_hidden) * (1 - h**2)
            gradients = [
                np.sum(d1 @ V1 / np.sqrt(n_in) * X[part], axis=0),
                d1.T @ scaled / np.sqrt(n_in),
                d1.sum(axis=0),
                d2 @ h / np.sqrt(n_hidden),
                d2.sum(keepdims=True),
            ]
            t += 1
            rate = 0.07 * schedule(epoch + k / 3)
            for i, g in enumerate(gradients):
                first[i] = 0.9 * first[i] + 0.1 * g
                second[i] = 0.95 * second[i] + 0.05 * g**2
                direction = first[i] / (1 - 0.9**t)
                direction = direction / (np.sqrt(second[i] / (1 - 0.95**t)) + 1e-8)
                q[i] = q[i] - rate * factors[i] * direction
    s, V1, b1, V2, b2 = q
    return [V1 * s / np.sqrt(n_in), b1, V2 / np.sqrt(n_hidden) * scale, b2 * scale + mean]


@pytest.mark.parametrize("weighted", [False, True])
def test_training_is_the_recipe_written_out(weighted):
    X, y = inputs(), targets()
    weights = np.random.RandomState(3).uniform(0.2, 2, N) if weighted else np.ones(N)
    # A score that is always the same: of equals the last epoch is kept.
    model = tabular(
        MLPRegressor, activation="tanh", shuffle=False, stopping_metric=lambda *_, **__: 1.0
    )
    model.fit(X, y, weights if weighted else None, validation_data=(X, y))
    W1, b1, W2, b2 = by_hand(model, X, y, weights)
    assert np.abs(model.coefs_[0] - model.coefs_[0].mean()).max() > 0.1
    np.testing.assert_allclose(model.coefs_[0].T, W1, rtol=0, atol=1e-9)
    np.testing.assert_allclose(model.intercepts_[0], b1, rtol=0, atol=1e-9)
    np.testing.assert_allclose(model.coefs_[1][:, 0], W2, rtol=0, atol=1e-8)
    np.testing.assert_allclose(model.intercepts_[1], b2, rtol=0, atol=1e-8)
    hidden = np.tanh(SmoothClipper().fit_transform(X) @ W1.T + b1)
    np.testing.assert_allclose(model.predict(X), hidden @ W2 + b2, rtol=0, atol=1e-7)


@pytest.mark.parametrize("alpha", [0.0, 0.7])
def test_the_gradient_of_factors_and_weights_is_that_of_the_loss(alpha):
    model = MLPClassifier(alpha=alpha)
    sizes = [4, 6, 5, 3]
    net = Network(sizes, costs.LogLikelihoodCost, activation="selu", normalization="layer", rng=1)
    Y = np.eye(3)[np.arange(N) % 3]
    rows = as_rows(inputs(), Y, np.random.RandomState(3).uniform(0.2, 2, N), net.dtype)
    core = ScaledCore(
        model, net, _losses.of_classifier("log_loss", True), rows, N, np.zeros(1, np.uint64)
    )
    core._q[-4:] = [0.5, 2.0, -1.0, 1.5]
    order = np.arange(N, dtype=np.intp)

    def loss() -> float:
        core._put_together()
        return core._back(order) / N

    loss()
    core._take_apart()
    found, eps = core._gradient.copy(), 1e-6
    expected = np.empty_like(found)
    for i, before in enumerate(core._q.copy()):
        ends = []
        for step in (eps, -eps):
            core._q[i] = before + step
            ends.append(loss())
        core._q[i] = before
        expected[i] = (ends[0] - ends[1]) / (2 * eps)
    assert np.abs(found[-4:]).min() > 1e-4
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)


def test_the_best_epoch_is_kept_and_of_equals_the_last():
    X, y = inputs(), labels()
    kept: dict[int, np.ndarray] = {}

    def keep(estimator: Any, history: Any) -> None:
        kept[estimator.n_iter_] = estimator.coefs_[0].copy()

    model = tabular(MLPClassifier, max_iter=30, callbacks=keep)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, y)
    scores = np.array(model.validation_scores_)
    ties = np.flatnonzero(scores == scores.max())
    assert len(scores) == 30
    assert len(ties) > 1
    np.testing.assert_array_equal(model.coefs_[0], kept[ties[-1] + 1])
    assert np.abs(model.coefs_[0] - kept[ties[0] + 1]).max() > 0


def test_it_learns():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 5))
    y = 1000 + 100 * np.sin(2 * X[:, 0]) * X[:, 1]
    model = MLPRegressor(preset="tabular", hidden_layer_sizes=(32, 32), random_state=0)
    assert model.fit(X[:400], y[:400]).score(X[400:], y[400:]) > 0.9
    classes = y > 1000
    model = MLPClassifier(preset="tabular", hidden_layer_sizes=(32, 32), random_state=0)
    assert model.fit(X[:400], classes[:400]).score(X[400:], classes[400:]) > 0.85


# ---- the arguments ------------------------------------------------------------------------------


def test_defaults_are_those_of_the_recipe_and_what_is_given_counts():
    plain = MLPClassifier(preset="tabular", max_iter=2, random_state=0).fit(inputs(), labels())
    assert [b.shape[0] for b in plain.intercepts_] == [256, 256, 256, 3]
    assert plain.network_.activation == ("selu",) * 3
    assert len(plain.history_) == 2
    own = tabular(
        MLPRegressor, activation="gelu", learning_rate=schedules.constant(0.5), max_iter=3,
        learning_rate_init=0.01,
    ).fit(inputs(), targets())  # fmt: skip
    assert own.network_.activation == ("gelu",)
    assert own.history_["learning_rate"] == [0.005] * 3
    assert (
        MLPRegressor(preset="tabular", max_iter=1).fit(inputs(), targets()).network_.activation
        == ("mish",) * 3
    )


def test_the_arguments_stay_as_they_were_given():
    model = tabular(MLPRegressor)
    before = model.get_params()
    assert model.fit(inputs(), targets()).get_params() == before
    with pytest.raises(ValueError, match="validation set is too small"):
        model.fit(inputs()[:6], targets()[:6])
    assert model.get_params() == before


REFUSED = {
    "solver": "sgd",
    "dropout": 0.1,
    "normalization": "batch",
    "l1": 0.1,
    "max_norm": 1.0,
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_it_does_not_go_with_is_refused(name):
    model = tabular(MLPRegressor, **{name: REFUSED[name]})
    with pytest.raises(ValueError, match=f"{name}: not with preset='tabular'"):
        model.fit(inputs(), targets())
    assert not hasattr(model, "coefs_")


def test_parts_and_unknown_presets_are_refused():
    assert not hasattr(tabular(MLPRegressor), "partial_fit")
    assert hasattr(MLPRegressor(), "partial_fit")
    with pytest.raises(ValueError, match="'preset' parameter"):
        MLPClassifier(preset="images").fit(inputs(), labels())


# ---- forms of data ------------------------------------------------------------------------------


def test_sparse_rows_other_dtypes_copies_and_pickles():
    X = inputs() * (inputs() > 0)
    model = tabular(MLPRegressor).fit(X, targets())
    sparse = clone(model).fit(scipy.sparse.csr_array(X), targets())
    np.testing.assert_array_equal(sparse.coefs_[0], model.coefs_[0])
    expected = model.predict(X)
    np.testing.assert_array_equal(model.predict(scipy.sparse.csc_array(X)), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), expected)
    narrow = clone(model).fit(X.astype(np.float32), targets().astype(np.float32))
    assert narrow.coefs_[0].dtype == np.float32
    assert narrow.predict(X.astype(np.float32)).dtype == np.float32
    np.testing.assert_allclose(narrow.predict(X), narrow.predict(X.astype(np.float32)), atol=1e-3)


def test_a_warm_start_goes_on_from_the_same_predictions():
    X, y = inputs(), targets()
    model = tabular(MLPRegressor, warm_start=True, max_iter=10).fit(X, y)
    before = model.predict(X)
    seen = []

    def look(estimator: Any, history: Any) -> None:
        seen.append(estimator.network_.parameters.copy())

    model.set_params(learning_rate_init=1e-300, callbacks=look)
    model.fit(X, y)
    assert len(seen) == 10
    np.testing.assert_allclose(model.predict(X), before, rtol=1e-12)
