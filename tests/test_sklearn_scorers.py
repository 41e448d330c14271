"""Early stopping by scikit-learn's scorers where the rows to judge by lack a class."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn import metrics
from sklearn.exceptions import UndefinedMetricWarning

from fastnn.sklearn import (
    MLPClassifier,
    MLPEnsembleClassifier,
    MLPEnsembleRegressor,
    MLPRegressor,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
N = 60
PRESENT = [0, 2]  # of the classes 0, 1 and 2, in the rows to judge by
NAMES = metrics.get_scorer_names()


def rows() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.RandomState(0)
    X = rng.normal(size=(N, 4))
    return X, (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)


def told(metric: Any, **more: Any) -> dict[str, Any]:
    return {
        "hidden_layer_sizes": (5,), "early_stopping": True, "stopping_metric": metric,
        "max_iter": 6, "random_state": 0, "learning_rate_init": 0.02,
    } | more  # fmt: skip


def judged_by() -> tuple[np.ndarray, np.ndarray]:
    """30 rows of two of three classes."""
    X = np.random.RandomState(5).normal(size=(30, 4))
    return X, np.array(PRESENT * 15)


def log_loss(y: np.ndarray, p: np.ndarray) -> float:
    return -float(np.mean(np.log(p[np.arange(len(y)), y])))


def brier(y: np.ndarray, p: np.ndarray) -> float:
    """The sum over the classes, halved as scikit-learn does by default; see ``scale_by_half``."""
    return float(np.mean(np.sum((p - np.eye(3)[y]) ** 2, axis=1)))


def auc(y: np.ndarray, score: np.ndarray) -> float:
    """The share of pairs of a right and a wrong one that the score puts in order."""
    right, wrong = score[y], score[~y]
    return float(np.mean((right[:, None] > wrong) + 0.5 * (right[:, None] == wrong)))


def mean_auc(y: np.ndarray, p: np.ndarray) -> float:
    return float(np.mean([auc(y == c, p[:, c]) for c in PRESENT]))


def pair_auc(y: np.ndarray, p: np.ndarray) -> float:
    """Of the one pair of classes there is: each against the other, averaged."""
    return (auc(y == 0, p[:, 0]) + auc(y == 2, p[:, 2])) / 2


def in_first_two(y: np.ndarray, p: np.ndarray) -> float:
    return float(np.mean([c in np.argsort(row)[-2:] for c, row in zip(y, p, strict=True)]))


def mean_precision(y: np.ndarray, p: np.ndarray) -> float:
    each = [metrics.average_precision_score(y == c, p[:, c]) for c in PRESENT]
    return float(np.mean(each))


def d2_log_loss(y: np.ndarray, p: np.ndarray) -> float:
    shares = np.bincount(y, minlength=3) / len(y)
    return 1 - log_loss(y, p) / -float(np.sum(shares[PRESENT] * np.log(shares[PRESENT])))


def d2_brier(y: np.ndarray, p: np.ndarray) -> float:
    shares = np.bincount(y, minlength=3) / len(y)
    return 1 - brier(y, p) / brier(y, np.tile(shares, (len(y), 1)))


# What the score of probabilities (n, 3) is, written out.
FORMULAS: dict[str, Any] = {
    "neg_log_loss": lambda y, p: -log_loss(y, p),
    "neg_brier_score": lambda y, p: -brier(y, p),
    "d2_log_loss_score": d2_log_loss,
    "d2_brier_score": d2_brier,
    "roc_auc_ovr": mean_auc,
    "roc_auc_ovr_weighted": mean_auc,  # both classes have 15 rows
    "roc_auc_ovo": pair_auc,
    "roc_auc_ovo_weighted": pair_auc,
    "top_k_accuracy": in_first_two,
    "average_precision": mean_precision,
}
# scikit-learn 1.6 and older do not know all of them, or not for three classes.
KNOWN = [
    name for name in FORMULAS
    if name in NAMES and (name != "neg_brier_score" or "d2_brier_score" in NAMES)
]  # fmt: skip


@pytest.mark.parametrize("strings", [False, True])
@pytest.mark.parametrize("name", KNOWN)
def test_a_class_is_absent(name: str, strings: bool) -> None:
    """The score is that of its formula with all classes, or over those that are there."""
    X, y = rows()
    V, v = judged_by()
    labels = np.array(["ant", "bee", "cat"]) if strings else np.arange(3)
    model = MLPClassifier(**told(name)).fit(X, labels[y], validation_data=(V, labels[v]))
    expected = FORMULAS[name](v, model.predict_proba(V))
    assert model.best_validation_score_ == pytest.approx(expected, rel=1e-6)
    assert np.isfinite(model.validation_scores_).all()
    assert len(set(model.validation_scores_)) > 1 or name == "top_k_accuracy"


@pytest.mark.parametrize("name", KNOWN)
def test_with_all_classes_the_score_is_scikit_learns(name: str) -> None:
    X, y = rows()
    model = MLPClassifier(**told(name)).fit(X[:40], y[:40], validation_data=(X[40:], y[40:]))
    scored = metrics.get_scorer(name)(model, X[40:], y[40:])
    assert model.best_validation_score_ == pytest.approx(scored, rel=1e-9)


@pytest.mark.parametrize("name", KNOWN)
def test_no_seed_fails(name: str) -> None:
    """Of 60 rows of five classes, one of them of two rows, 6 are set aside."""
    X = np.random.RandomState(1).normal(size=(N, 4))
    y = np.r_[np.arange(N - 2) % 4, 4, 4]
    for seed in range(12):
        model = MLPClassifier(**told(name, random_state=seed, max_iter=2)).fit(X, y)
        assert np.isfinite(model.validation_scores_).all()


@pytest.mark.parametrize("name", [n for n in KNOWN if n != "average_precision"])
def test_of_two_classes_one_is_absent(name: str) -> None:
    """It has a log loss, a Brier score and an accuracy; but no ROC curve and no D²."""
    X, y = rows()
    y, V, v = (y > 0).astype(int), X[:20], np.ones(20, int)
    model = MLPClassifier(**told(name))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        model.fit(X, y, validation_data=(V, v))
    p = model.predict_proba(V)[:, 1]
    expected = {"neg_log_loss": np.mean(np.log(p)), "neg_brier_score": -np.mean((1 - p) ** 2)}
    if name in expected:
        assert model.best_validation_score_ == pytest.approx(expected[name])
    if name.startswith("roc"):
        assert np.isnan(model.validation_scores_).all()


def test_weights_of_rows_count_where_a_class_is_absent() -> None:
    X, y = rows()
    V, v = judged_by()
    w = np.arange(30.0)
    for name in ("neg_log_loss", "roc_auc_ovr"):
        model = MLPClassifier(**told(name)).fit(X, y, validation_data=(V, v, w))
        p = model.predict_proba(V)
        if name == "neg_log_loss":
            expected = np.average(np.log(p[np.arange(30), v]), weights=w)
        else:
            told_weights = {"sample_weight": w}
            each = [metrics.roc_auc_score(v == c, p[:, c], **told_weights) for c in PRESENT]
            expected = np.mean(each)
        assert model.best_validation_score_ == pytest.approx(expected)


def test_a_class_whose_rows_weigh_nothing_is_absent() -> None:
    X, y = rows()
    weights = (y[40:] != 1) * 1.0
    kept = y[40:] != 1
    some = X[40:][kept], y[40:][kept]
    first, second = (
        MLPClassifier(**told("roc_auc_ovr")).fit(X[:40], y[:40], validation_data=data)
        for data in ((X[40:], y[40:], weights), some)
    )
    assert first.validation_scores_ == pytest.approx(second.validation_scores_)


def test_labels_of_which_one_is_never_there() -> None:
    """The mean is over the labels that have a ROC curve."""
    X, _ = rows()
    Y = np.stack([X[:, 0] > 0, X[:, 1] > 0, X[:, 2] > 0], axis=1).astype(int)
    V, W = X[:20], Y[:20].copy()
    W[:, 1] = 0
    model = MLPClassifier(**told("roc_auc")).fit(X, Y, validation_data=(V, W))
    p = model.predict_proba(V)
    expected = np.mean([auc(W[:, l] == 1, p[:, l]) for l in (0, 2)])
    assert model.best_validation_score_ == pytest.approx(expected)


# Whose scorer it is.


def test_a_scorer_made_of_a_metric_of_scikit_learn_knows_the_classes_too() -> None:
    X, y = rows()
    V, v = judged_by()
    made = metrics.make_scorer(
        metrics.log_loss, response_method="predict_proba", greater_is_better=False
    )
    model = MLPClassifier(**told(made)).fit(X, y, validation_data=(V, v))
    assert model.best_validation_score_ == pytest.approx(-log_loss(v, model.predict_proba(V)))
    given = metrics.make_scorer(
        metrics.log_loss, response_method="predict_proba", greater_is_better=False,
        labels=np.arange(3),
    )  # fmt: skip
    assert MLPClassifier(**told(given)).fit(X, y, validation_data=(V, v)).validation_scores_ == (
        model.validation_scores_
    )
    assert "labels" not in made._kwargs  # the user's own object is as it was


def test_a_callable_of_ones_own_gets_what_scikit_learn_gives() -> None:
    X, y = rows()
    V, v = judged_by()
    asked: list[tuple[Any, ...]] = []

    def scorer(estimator: Any, X: Any, y: Any) -> float:
        asked.append((estimator.classes_.tolist(), X.shape, y.tolist()))
        return estimator.score(X, y)

    model = MLPClassifier(**told(scorer)).fit(X, y, validation_data=(V, v))
    assert asked == [([0, 1, 2], (30, 4), v.tolist())] * 6
    asked.clear()
    model.fit(X, y, validation_data=(V, v, np.ones(30)))  # it takes no weights, and gets none
    assert len(asked) == 6

    def metric(y: Any, p: Any, labels: Any = None) -> float:
        asked.append(labels)
        return 0.0

    asked.clear()
    own = metrics.make_scorer(metric, response_method="predict_proba")
    MLPClassifier(**told(own)).fit(X, y, validation_data=(V, v))
    assert asked == [None] * 6


def test_weights_go_to_those_that_take_them() -> None:
    X, y = rows()
    w, given = np.arange(20.0) + 1, []

    def scorer(estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
        given.append(sample_weight)
        return 1.0

    MLPClassifier(**told(scorer)).fit(X, y, validation_data=(X[:20], y[:20], w))
    assert all(np.array_equal(each, w) for each in given) and len(given) == 6
    judged = (X[:20], X[:20, 1], w)
    model = MLPRegressor(**told("neg_max_error")).fit(X, X[:, 1], validation_data=judged)
    worst = np.abs(model.predict(X[:20]) - X[:20, 1]).max()
    assert model.best_validation_score_ == pytest.approx(-worst)


# What cannot be judged.


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_errors_name_the_argument(kind: type) -> None:
    X, y = rows()
    with pytest.raises(ValueError, match="stopping_metric: 'f1' cannot judge the validation rows"):
        kind(**told("f1")).fit(X, X[:, 1] if kind is MLPRegressor else y)
    with pytest.raises(
        ValueError, match="stopping_metric: 'nonsense' is not a valid scoring value"
    ):
        kind(**told("nonsense")).fit(X, y)
    with pytest.raises(
        ValueError,
        match=r"stopping_metric: .* looks like it is a metric function rather than a scorer",
    ):
        kind(**told(metrics.mean_squared_error)).fit(X, y)


def test_labels_that_nobody_knows_are_refused() -> None:
    X, y = rows()
    model = MLPClassifier(**told("neg_log_loss"))
    with pytest.raises(ValueError, match=r"validation_data: expected labels of \[0 1 2\], got"):
        model.fit(X, y, validation_data=(X[:3], [0, 1, 7]))


NO_SCORE: dict[str, tuple[type, Any, Any, Any, str]] = {
    "one class": (MLPClassifier, "roc_auc", rows()[1] > 0, np.ones(20, bool),
                  r"of the classes \[False  True\] the rows to judge by have only \[ True\]"),
    "one of three": (MLPClassifier, "roc_auc_ovr", rows()[1], np.full(20, 2),
                     r"of the classes \[0 1 2\] the rows to judge by have only \[2\]"),
    "constant labels": (MLPClassifier, "roc_auc", (rows()[0][:, :3] > 0) * 1,
                        np.tile([1, 0, 1], (20, 1)), "each label is the same in all rows"),
    "one row": (MLPRegressor, None, rows()[0][:, 1], rows()[0][:1, 1], "there is a single row"),
    "one row, r2": (MLPRegressor, "r2", rows()[0][:, 1], rows()[0][:1, 1], "there is a single row"),
    "own": (MLPClassifier, lambda *_: float("nan"), rows()[1], rows()[1][:20],
            "stopping_metric=<function <lambda> at .*> gives none for these rows"),
    "-inf": (MLPClassifier, lambda *_: -float("inf"), rows()[1], rows()[1][:20],
             "stopping_metric=<function <lambda> at .*> gives none for these rows"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Only one class", "ignore:R.2 score is not well-defined")
@pytest.mark.parametrize("case", NO_SCORE)
def test_scores_of_which_none_is_a_number_say_so(case: str) -> None:
    """The network is that of the last epoch, and not the one before the first."""
    kind, metric, y, v, why = NO_SCORE[case]
    X = rows()[0]
    model = kind(**told(metric, n_iter_no_change=2))
    with pytest.warns(
        UndefinedMetricWarning, match=f"none of 6 validation scores is a finite .*{why}"
    ):
        model.fit(X, y, validation_data=(X[: len(v)], v))
    plain = kind(**told(None, early_stopping=False)).fit(X, y)
    np.testing.assert_array_equal(model.coefs_[0], plain.coefs_[0])
    assert model.n_iter_ == 6


@pytest.mark.parametrize("kind", [MLPEnsembleClassifier, MLPEnsembleRegressor])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_members_of_an_ensemble(kind: type, n_jobs: int) -> None:
    X, y = rows()
    V, v = judged_by()
    if kind is MLPEnsembleClassifier:
        member: Any = MLPClassifier(**told("neg_log_loss"))
        model = kind(member, n_estimators=2, n_jobs=n_jobs, random_state=0)
        model.fit(X, y, validation_data=(V, v))
        for each in model.estimators_:
            expected = -log_loss(v, each.predict_proba(V))
            assert each.best_validation_score_ == pytest.approx(expected)
    else:
        model = kind(MLPRegressor(**told("r2")), n_estimators=2, n_jobs=n_jobs, random_state=0)
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            model.fit(X, X[:, 0], validation_data=(V[:1], v[:1]))
        assert any("there is a single row to judge by" in str(each.message) for each in heard)


def test_a_score_that_is_no_number_is_no_improvement() -> None:
    """After a best one; before any it says nothing."""
    scores = iter([np.nan, np.nan, np.nan, 0.5, *[np.nan] * 20])
    X, y = rows()
    model = MLPClassifier(**told(lambda *_: next(scores), max_iter=20, n_iter_no_change=2))
    model.fit(X, y)
    assert model.n_iter_ == 7 and model.best_validation_score_ == 0.5
    plain = MLPClassifier(**told(lambda *_: 1.0, max_iter=4)).fit(X, y)
    assert not np.array_equal(model.coefs_[0], plain.coefs_[0])  # that is the first epoch
    same = iter([0.0, 0.1, 0.2, 0.5])
    plain = MLPClassifier(**told(lambda *_: next(same), max_iter=4)).fit(X, y)
    np.testing.assert_array_equal(model.coefs_[0], plain.coefs_[0])
