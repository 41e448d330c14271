"""Many networks at once: ensembles, and scikit-learn's own searches and bags, in threads."""

from __future__ import annotations

import pickle
import threading
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")
import joblib
import scipy.sparse
from sklearn.base import clone
from sklearn.ensemble import BaggingClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from fastnn.sklearn import (
    MLPClassifier,
    MLPEnsembleClassifier,
    MLPEnsembleRegressor,
    MLPRegressor,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def inputs(n: int = 90) -> np.ndarray:
    return np.random.RandomState(0).normal(size=(n, 5))


def labels(n: int = 90) -> np.ndarray:
    return np.array(["a", "b", "c"])[np.random.RandomState(1).randint(3, size=n)]


def targets(n: int = 90) -> np.ndarray:
    return np.random.RandomState(2).normal(size=n)


def small(kind: type, **chosen: Any) -> Any:
    return kind(**({"hidden_layer_sizes": (8,), "max_iter": 5, "batch_size": 20} | chosen))


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks([
    MLPEnsembleClassifier(n_estimators=2), MLPEnsembleRegressor(n_estimators=2, n_jobs=2),
])  # fmt: skip
def test_scikit_learns_checks(estimator, check):
    check(estimator)


CLASSES = {
    "three classes": labels(),
    "two classes": labels() == "a",
    "several labels": np.random.RandomState(3).randint(2, size=(90, 3)),
}


@pytest.mark.parametrize("what", CLASSES)
def test_probabilities_are_the_means_of_the_members(what):
    X, y = inputs(), CLASSES[what]
    ensemble = MLPEnsembleClassifier(small(MLPClassifier), 3, random_state=0).fit(X, y)
    each = [member.predict_proba(X) for member in ensemble.estimators_]
    assert np.abs(each[0] - each[1]).max() > 1e-3
    mean = sum(each) / 3
    np.testing.assert_allclose(ensemble.predict_proba(X), mean, rtol=0, atol=1e-14)
    np.testing.assert_allclose(ensemble.predict_log_proba(X), np.log(mean), atol=1e-12)
    if y.ndim == 2:
        np.testing.assert_array_equal(ensemble.predict(X), mean > 0.5)
    else:
        np.testing.assert_array_equal(ensemble.classes_, np.unique(y))
        np.testing.assert_array_equal(ensemble.predict(X), np.unique(y)[mean.argmax(axis=1)])


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_predictions_are_the_means_of_the_members(n_outputs):
    X = inputs()
    y = targets() if n_outputs == 1 else np.random.RandomState(4).normal(size=(90, 2))
    ensemble = MLPEnsembleRegressor(small(MLPRegressor), 4, random_state=0).fit(X, y)
    mean = sum(member.predict(X) for member in ensemble.estimators_) / 4
    assert ensemble.predict(X).shape == y.shape
    np.testing.assert_allclose(ensemble.predict(X), mean, rtol=0, atol=1e-14)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_any_number_of_jobs_gives_the_same_bits(solver):
    X, y = inputs(), labels()
    model = small(MLPClassifier, solver=solver, dropout=0.1 if solver == "adam" else 0.0)
    found = [
        MLPEnsembleClassifier(model, 5, n_jobs=n, random_state=7).fit(X, y).predict_proba(X)
        for n in (None, 1, 2, 3, -1)
    ]
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])


def test_a_member_is_the_network_of_its_seed_alone():
    X, y, weights = inputs(), labels(), np.random.RandomState(5).uniform(0.2, 2, 90)
    ensemble = MLPEnsembleClassifier(small(MLPClassifier, alpha=0.1), 3, n_jobs=2, random_state=0)
    members = ensemble.fit(X, y, weights).estimators_
    assert len({member.random_state for member in members}) == 3
    for member in members:
        assert member.n_threads is None
        assert member.alpha == 0.1
        alone = clone(member).fit(X, y, weights)
        np.testing.assert_array_equal(member.coefs_[0], alone.coefs_[0])
        np.testing.assert_array_equal(member.coefs_[1], alone.coefs_[1])


class Watched(MLPClassifier):
    """Notes what each training is given."""

    seen: list[tuple[int, int | None, str]] = []  # noqa: RUF012

    def fit(self, X: Any, y: Any, sample_weight: Any = None, validation_data: Any = None) -> Any:
        seen = X.__array_interface__["data"][0], self.n_threads, threading.current_thread().name
        Watched.seen.append(seen)
        return super().fit(X, y, sample_weight, validation_data)


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_members_share_the_data_and_take_a_thread_each(backend):
    Watched.seen = []
    told = {"hidden_layer_sizes": (8,), "max_iter": 2, "n_threads": 2}
    model = Watched(**told)
    with joblib.parallel_config(backend, n_jobs=2):
        MLPEnsembleClassifier(model, 4, random_state=0).fit(np.asfortranarray(inputs()), labels())
    addresses, n_threads, _ = zip(*Watched.seen, strict=True)
    assert len(addresses) == 4
    assert len(set(addresses)) == 1
    assert set(n_threads) == {1}
    Watched.seen = []
    MLPEnsembleClassifier(model, 2, random_state=0).fit(inputs(), labels())
    assert [n for _, n, _ in Watched.seen] == [2, 2]


# ---- parts, rows to judge by, categories --------------------------------------------------------


@pytest.mark.parametrize("kind", [MLPEnsembleClassifier, MLPEnsembleRegressor])
def test_parts_train_each_member_as_it_would_be_alone(kind):
    member, y = (MLPClassifier, labels()) if kind is MLPEnsembleClassifier else (
        MLPRegressor, targets())  # fmt: skip
    weights = np.random.RandomState(5).uniform(0.2, 2, 90)
    told = {"classes": ["a", "b", "c"]} if kind is MLPEnsembleClassifier else {}
    parts = [(inputs()[part], y[part], weights[part]) for part in (slice(0, 50), slice(50, 90))]
    found = []
    for n_jobs in (1, 2, 3):
        ensemble = kind(small(member, dropout=0.1), 3, n_jobs=n_jobs, random_state=0)
        ensemble.partial_fit(*parts[0], **told).partial_fit(*parts[1])
        found.append(ensemble)
        assert [each.n_threads for each in ensemble.estimators_] == [None] * 3
    for each in found[1:]:
        np.testing.assert_array_equal(
            each._mean_outputs(inputs()), found[0]._mean_outputs(inputs())
        )
    assert len({one.random_state for one in found[0].estimators_}) == 3
    for one in found[0].estimators_:
        alone = clone(one).partial_fit(*parts[0], **told).partial_fit(*parts[1])
        assert one.t_ == 90
        np.testing.assert_array_equal(one.coefs_[0], alone.coefs_[0])


def test_parts_that_do_not_go_on_are_refused():
    with pytest.raises(ValueError, match="classes must be passed"):
        MLPEnsembleClassifier(small(MLPClassifier)).partial_fit(inputs(), labels())
    for refused in ({"solver": "lbfgs"}, {"preset": "tabular"}):
        assert not hasattr(MLPEnsembleRegressor(small(MLPRegressor, **refused)), "partial_fit")
    ensemble = MLPEnsembleRegressor(small(MLPRegressor), 2, random_state=0)
    ensemble.partial_fit(inputs(), targets()).n_estimators = 3
    with pytest.raises(ValueError, match=r"n_estimators: .* the 2 members there are, got 3"):
        ensemble.partial_fit(inputs(), targets())
    ensemble.n_estimators = 2
    with pytest.raises(ValueError, match="expecting 5 features"):
        ensemble.partial_fit(inputs()[:, :4], targets())


@pytest.mark.parametrize("weighted", [False, True])
def test_rows_to_judge_by_go_to_each_member(weighted):
    X, y, judged = inputs(), targets(), [inputs(30) + 1, targets(30)]
    judged += [np.random.RandomState(6).uniform(0.2, 2, 30)] if weighted else []
    model = small(MLPRegressor, early_stopping=True, n_iter_no_change=2, max_iter=20)
    found = [
        MLPEnsembleRegressor(model, 3, n_jobs=n, random_state=0).fit(X, y, validation_data=judged)
        for n in (1, 2)
    ]
    np.testing.assert_array_equal(found[0].predict(X), found[1].predict(X))
    for one in found[0].estimators_:
        alone = clone(one).fit(X, y, validation_data=judged)
        assert one.validation_scores_ == alone.validation_scores_
        np.testing.assert_array_equal(one.coefs_[1], alone.coefs_[1])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [(inputs(), r"expected \(X, y\)"), ((inputs(),), r"expected \(X, y\)"),
     ((inputs()[:, :2], labels()), "expecting 5 features"),
     ((inputs(), np.full(90, "d")), "expected labels of")],
)  # fmt: skip
def test_wrong_rows_to_judge_by_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        MLPEnsembleClassifier(small(MLPClassifier)).fit(inputs(), labels(), validation_data=wrong)


def test_members_number_categories_for_themselves():
    X = np.column_stack([inputs()[:, :2], np.random.RandomState(7).randint(3, size=90)]).astype(
        object)  # fmt: skip
    X[:, 2] = np.array(["low", "mid", "high"])[X[:, 2].astype(int)]
    model = small(MLPRegressor, preset="tabular", categorical_features=[2])
    ensemble = MLPEnsembleRegressor(model, 2, n_jobs=2, random_state=0)
    ensemble.fit(X, targets(), validation_data=(X[:30], targets(30)))
    assert ensemble.n_features_in_ == 3
    mean = np.mean([clone(one).fit(X, targets(), validation_data=(X[:30], targets(30))).predict(X)
                    for one in ensemble.estimators_], axis=0)  # fmt: skip
    np.testing.assert_allclose(ensemble.predict(X), mean, rtol=0, atol=1e-12)
    X[0, 0] = np.nan
    with pytest.raises(ValueError, match="contains NaN"):
        ensemble.predict(X)


def test_sparse_rows_and_pickles():
    X = scipy.sparse.random_array((90, 5), density=0.4, rng=0, format="csc")
    ensemble = MLPEnsembleRegressor(small(MLPRegressor), 2, random_state=0).fit(X, targets())
    full = clone(ensemble).fit(X.toarray(), targets()).predict(X.toarray())
    np.testing.assert_allclose(ensemble.predict(X), full, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(ensemble)).predict(X.toarray()), full)


def test_columns_are_remembered():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(inputs(), columns=list("vwxyz"))
    ensemble = MLPEnsembleRegressor(small(MLPRegressor), 2, random_state=0).fit(table, targets())
    assert ensemble.feature_names_in_.tolist() == list("vwxyz")
    np.testing.assert_allclose(
        ensemble.predict(table), np.mean([m.predict(inputs()) for m in ensemble.estimators_], 0)
    )
    with pytest.raises(ValueError, match="feature names"):
        ensemble.predict(table.rename(columns={"v": "u"}))


@pytest.mark.parametrize(
    ("chosen", "name"),
    [({"n_estimators": 0}, "n_estimators"), ({"estimator": MLPRegressor()}, "estimator"),
     ({"n_jobs": 1.5}, "n_jobs"), ({"random_state": "a"}, "random_state")],
)  # fmt: skip
def test_bad_arguments_are_named(chosen, name):
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        MLPEnsembleClassifier(**chosen).fit(inputs(), labels())


def test_bad_arguments_of_members_are_named():
    for wrong in ({"max_iter": 0}, {"categorical_features": 3}):
        model = MLPRegressor(preset="tabular", **wrong)
        with pytest.raises(ValueError, match=f"'{next(iter(wrong))}' parameter of MLPRegressor"):
            MLPEnsembleRegressor(model).fit(inputs(), targets())


# ---- scikit-learn's own ways to train many -------------------------------------------------------


def searched() -> np.ndarray:
    grid = {"estimator__alpha": [1e-4, 1.0], "n_estimators": [1, 2]}
    model = MLPEnsembleClassifier(small(MLPClassifier), random_state=0)
    return GridSearchCV(model, grid, cv=2, n_jobs=2).fit(inputs(), labels()).cv_results_[
        "mean_test_score"
    ]  # fmt: skip


def searched_one() -> np.ndarray:
    grid = {"alpha": [1e-4, 1.0], "solver": ["adam", "lbfgs"]}
    search = GridSearchCV(small(MLPClassifier, random_state=0), grid, cv=2, n_jobs=2)
    return search.fit(inputs(), labels()).predict_proba(inputs())


def validated() -> np.ndarray:
    model = small(MLPRegressor, random_state=0, dropout=0.1)
    return cross_val_score(model, inputs(), targets(), cv=4, n_jobs=2)


def bagged() -> np.ndarray:
    bag = BaggingClassifier(small(MLPClassifier), 4, n_jobs=2, random_state=0)
    # Its own mean of the members is summed in another order by another number of jobs.
    return np.stack([member.coefs_[0] for member in bag.fit(inputs(), labels()).estimators_])


@pytest.mark.parametrize("run", [searched, searched_one, validated, bagged])
def test_in_threads_in_processes_and_one_by_one_the_same(run):
    found = []
    for backend in ("sequential", "threading", "loky"):
        with joblib.parallel_config(backend):
            found.append(run())
    np.testing.assert_array_equal(found[1], found[0])
    np.testing.assert_array_equal(found[2], found[0])
