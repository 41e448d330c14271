"""Many estimators of scikit-learn's kind in one call."""

import _thread
import contextlib
import json
import time

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import load_iris
from sklearn.linear_model import Ridge
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fastnn.many import fit_many
from fastnn.sklearn import MLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, y = load_iris(return_X_y=True)
GRID = {"hidden_layer_sizes": [(5,), (4, 3)], "alpha": 1e-3}
MODEL = MLPClassifier(max_iter=8, early_stopping=True)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_each_estimator_is_that_of_a_fit_alone(n_jobs):
    cv = StratifiedKFold(3, shuffle=True, random_state=0)
    found = fit_many(X, y, GRID, seeds=(3, 4), cv=cv, estimator=MODEL, keep="all", n_jobs=n_jobs)
    folds = list(cv.split(X, y))
    assert len(found) == 12
    for i in range(len(found)):
        train, test = folds[found["fold"][i]]
        alone = clone(MODEL).set_params(
            **found.settings[found["setting"][i]], random_state=int(found["seed"][i]), n_threads=1
        )
        alone.fit(X[train], y[train])
        kept = found.network(i)
        assert all(map(np.array_equal, kept.coefs_, alone.coefs_))
        assert found["score"][i] == alone.score(X[test], y[test])
        assert found["training_cost"][i] == alone.loss_ and found["epochs"][i] == alone.n_iter_
        assert np.isnan(found["validation_cost"][i])


def test_folds_and_scores_are_those_of_cross_val_score():
    found = fit_many(X, y, [{}], cv=4, estimator=MODEL, scoring="neg_log_loss")
    model = clone(MODEL).set_params(random_state=0)
    assert (
        found["score"].tolist()
        == cross_val_score(model, X, y, cv=4, scoring="neg_log_loss").tolist()
    )
    assert found.best()["score"] == max(found["score"])


def test_labels_may_be_words_and_rows_a_table():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(X, columns=list("abcd"))
    words = np.array(["one", "two", "three"], dtype=object)[y]
    found = fit_many(table, words, [{"max_iter": 3}], cv=2, estimator=MODEL)
    assert list(found.network(found.best()["row"]).feature_names_in_) == list("abcd")
    assert set(found.network(found.best()["row"]).classes_) == set(words)


def test_an_estimator_without_seed_and_nested_parameters():
    model = make_pipeline(StandardScaler(), Ridge())
    target = X[:, 0]
    found = fit_many(X[:, 1:], target, {"ridge__alpha": [0.1, 1e6]}, cv=2, estimator=model)
    assert found.best()["setting"] == 0 and np.isnan(found["training_cost"]).all()
    assert found["epochs"].tolist() == [0] * 4


class Failing(BaseEstimator):
    """Fails, or not."""

    def __init__(self, fails=False):
        self.fails = fails

    def fit(self, X, y):
        if self.fails:
            raise RuntimeError("no\nmore")
        return self

    def score(self, X, y):
        return 0.5


def test_a_step_of_a_pipeline_has_the_seed_too():
    model = make_pipeline(StandardScaler(), MLPClassifier(max_iter=5))
    grid = {"mlpclassifier__alpha": [1e-3]}
    found = fit_many(X, y, grid, seeds=(3, 4), estimator=model, keep="all")
    again = fit_many(X, y, grid, seeds=(3, 4), estimator=model, keep="all")
    coefs = [each.network(i)[-1].coefs_[0] for each in (found, again) for i in range(2)]
    np.testing.assert_array_equal(coefs[0], coefs[2])
    np.testing.assert_array_equal(coefs[1], coefs[3])
    assert not np.array_equal(coefs[0], coefs[1])
    assert found.network(0)[-1].get_params()["n_threads"] == 1
    with pytest.raises(ValueError, match="mlpclassifier__random_state"):
        fit_many(X, y, {"mlpclassifier__random_state": [1]}, estimator=model)


def test_one_that_fails_loses_no_other():
    found = fit_many(X, y, {"fails": [False, True, False]}, estimator=Failing(), keep="all")
    assert found["error"].tolist() == ["", "RuntimeError: no more", ""]
    assert found["score"].tolist()[::2] == [0.5, 0.5] and np.isnan(found["score"][1])
    assert found.best()["row"] == 0
    with pytest.raises(ValueError, match="row 1 has none: RuntimeError"):
        found.network(1)


def test_bad_parameters_are_named():
    for model, settings, message in [
        (3, {}, "estimator: expected an estimator"),
        (MODEL, {"alph": [1]}, r"settings\[0\]: 'alph': expected a parameter of MLPClassifier"),
        (MODEL, {"alpha": [0.1, "x"]}, r"settings\[1\]: The 'alpha' parameter"),
        (MODEL, {"random_state": [1]}, r"settings\[0\]: 'random_state'"),
    ]:
        with pytest.raises((TypeError, ValueError), match=f"^{message}"):
            fit_many(X, y, settings or {"alpha": [1]}, estimator=model)
    with pytest.raises(ValueError, match=r"^scoring: 'foo'"):
        fit_many(X, y, [{}], estimator=MODEL, scoring="foo")


def test_a_journal_tells_estimators_apart(tmp_path):
    path = tmp_path / "runs.jsonl"
    first = fit_many(X, y, GRID, estimator=MODEL, journal=path)
    again = fit_many(X, y, GRID, estimator=clone(MODEL), journal=path)
    assert again["score"].tolist() == first["score"].tolist()
    with pytest.raises(ValueError, match="differs in estimator"):
        fit_many(X, y, GRID, estimator=clone(MODEL).set_params(tol=1), journal=path)


class Interrupting(Failing):
    """Lets the main thread be interrupted, and makes nothing of an interrupt of its own."""

    def fit(self, X, y):
        if self.fails:
            with contextlib.suppress(KeyboardInterrupt):
                _thread.interrupt_main()
                time.sleep(0.05)
        return self


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_ctrl_c_is_not_lost_on_an_estimator_that_goes_on(n_jobs, tmp_path):
    path = tmp_path / "runs.jsonl"
    grid = {"fails": [False, True, *[False] * 500]}
    with pytest.raises(KeyboardInterrupt):
        fit_many(X, y, grid, estimator=Interrupting(), n_jobs=n_jobs, journal=path)
    rows = [json.loads(line)["row"] for line in path.read_text().splitlines()[1:]]
    assert 1 not in rows and len(rows) < 500
