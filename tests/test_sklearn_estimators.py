"""The estimators as parts of scikit-learn: its checks, prediction, pickling, threads, search."""

from __future__ import annotations

import copy
import gc
import pickle
import subprocess
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")
import joblib
import scipy.sparse
import sklearn.neural_network
from sklearn import config_context
from sklearn.base import clone
from sklearn.ensemble import BaggingClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelBinarizer, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from fastnn.sklearn import MLPClassifier, MLPRegressor, _predictor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def inputs(n: int = 60) -> np.ndarray:
    return np.random.RandomState(0).normal(size=(n, 5))


def labels() -> np.ndarray:
    return np.array(["a", "b", "c"])[np.random.RandomState(1).randint(3, size=60)]


def targets() -> np.ndarray:
    return np.random.RandomState(2).normal(size=60)


def classifier(**chosen: Any) -> MLPClassifier:
    told = {"random_state": 0, "max_iter": 3, "hidden_layer_sizes": 8}
    return MLPClassifier(**(told | chosen)).fit(inputs(), labels())


def regressor(**chosen: Any) -> MLPRegressor:
    told = {"random_state": 0, "max_iter": 3, "hidden_layer_sizes": 8}
    return MLPRegressor(**(told | chosen)).fit(inputs(), targets())


def by_hand(model: Any, X: np.ndarray) -> np.ndarray:
    """The outputs before the last activation, by the coefficients that the estimator shows."""
    for coef, intercept in zip(model.coefs_[:-1], model.intercepts_[:-1], strict=True):
        X = np.maximum(X @ coef + intercept, 0)
    return X @ model.coefs_[-1] + model.intercepts_[-1]


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks([MLPClassifier(), MLPRegressor()])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


# ---- prediction ---------------------------------------------------------------------------------

FORMS = {
    "as it is": np.asarray,
    "one row": lambda X: X[:1],
    "few rows": lambda X: X[: _predictor.FEW],
    "every other row": lambda X: X[::2],
    "in Fortran's order": np.asfortranarray,
    "float32": lambda X: X.astype(np.float32),
    "a list": lambda X: X.tolist(),
    "sparse": scipy.sparse.csr_array,
    "read-only": lambda X: np.frombuffer(X.tobytes()).reshape(X.shape),
    "big-endian": lambda X: X.astype(">f8"),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_rows_gives_the_same_prediction(form):
    X = FORMS[form](inputs())
    dense = np.asarray(X.todense() if form == "sparse" else X)
    model, other = regressor(), classifier()
    np.testing.assert_allclose(model.predict(X), by_hand(model, dense).ravel(), atol=1e-12)
    expected = by_hand(other, dense).argmax(axis=1)
    np.testing.assert_array_equal(other.predict(X), np.array(["a", "b", "c"])[expected])
    np.testing.assert_allclose(np.exp(other.predict_log_proba(X)), other.predict_proba(X))


@pytest.mark.parametrize("trained", [np.float32, np.float64])
@pytest.mark.parametrize("asked", [np.float16, np.float32, np.float64, np.int32, bool])
def test_predictions_have_scikit_learns_dtype(trained, asked):
    X, y = inputs().astype(trained), targets().astype(trained)
    rows = np.round(inputs()).astype(asked)
    told = {"random_state": 0, "max_iter": 2, "hidden_layer_sizes": 4}
    ours = MLPRegressor(**told).fit(X, y)
    theirs = sklearn.neural_network.MLPRegressor(**told).fit(X, y)
    found, expected = ours.predict(rows), theirs.predict(rows)
    if trained == np.float64 or asked != np.float16:
        assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("form", ["csr_array", "csc_array", "csr_matrix", "csc_matrix"])
def test_sparse_rows_are_those_in_full(form, solver):
    X = scipy.sparse.random_array((60, 5), density=0.4, rng=0, format="csr")
    weights = np.random.RandomState(3).uniform(0.5, 2, 60)
    told = {"random_state": 0, "max_iter": 3, "hidden_layer_sizes": 8, "batch_size": 7}
    for dtype in (np.float64, np.float32):
        sparse = getattr(scipy.sparse, form)(X.astype(dtype))
        full = MLPRegressor(solver=solver, **told).fit(sparse.toarray(), targets(), weights)
        model = MLPRegressor(solver=solver, **told).fit(sparse, targets(), weights)
        np.testing.assert_array_equal(model.coefs_[0], full.coefs_[0])
        np.testing.assert_array_equal(model.predict(sparse), full.predict(sparse.toarray()))
    whole = model.predict(getattr(scipy.sparse, form)((X > 0.5).astype(np.int64)))
    np.testing.assert_allclose(whole, full.predict((X > 0.5).toarray().astype(float)))


def test_any_number_of_threads_gives_the_same_bits():
    X, y = inputs(600), np.arange(600) % 3
    told = {"hidden_layer_sizes": (70, 50), "random_state": 0, "max_iter": 3}
    made = [MLPClassifier(n_threads=n, **told).fit(X, y) for n in (None, 1, 2, 3)]
    for model in made[1:]:
        np.testing.assert_array_equal(model.coefs_[0], made[0].coefs_[0])
        np.testing.assert_array_equal(model.coefs_[2], made[0].coefs_[2])


BAD_ROWS = {
    "NaN": np.full((1, 5), np.nan),
    "infinity": np.full((1, 5), np.inf),
    "a column less": np.zeros((1, 4)),
    "no rows": np.zeros((0, 5)),
    "one dimension": np.zeros(5),
    "strings": np.full((1, 5), "a"),
    "complex": np.zeros((1, 5), complex),
    "ragged": [[1.0, 2.0], [3.0]],
}


@pytest.mark.parametrize("what", BAD_ROWS)
def test_rows_that_cannot_be_predicted_are_refused_as_by_scikit_learn(what):
    told = {"max_iter": 1, "random_state": 0}
    messages = []
    for kind in (sklearn.neural_network.MLPRegressor, MLPRegressor):
        with pytest.raises((ValueError, TypeError)) as caught:
            kind(**told).fit(inputs(), targets()).predict(BAD_ROWS[what])
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_large_finite_rows_are_not_refused():
    model = regressor()
    model.coefs_[0][...] = 0
    assert np.isfinite(model.predict(np.full((1, 5), 1e308))).all()


def test_two_labels_and_several_at_once():
    X = inputs()
    two = MLPClassifier(8, random_state=0, max_iter=5).fit(X, labels() == "a")
    probabilities = two.predict_proba(X)
    assert probabilities.shape == (60, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(two.predict(X), probabilities[:, 1] > 0.5)
    Y = np.column_stack([labels() == "a", labels() != "b"]).astype(int)
    several = MLPClassifier(8, random_state=0, max_iter=5).fit(X, Y)
    np.testing.assert_array_equal(several.predict(X), several.predict_proba(X) > 0.5)
    sparse = MLPClassifier(8, random_state=0, max_iter=5).fit(X, scipy.sparse.csr_matrix(Y))
    assert scipy.sparse.issparse(sparse.predict(X))
    np.testing.assert_array_equal(sparse.predict(X).toarray(), several.predict(X))


def test_what_is_written_into_the_coefficients_counts():
    X, model = inputs(), regressor()
    before = model.predict(X)
    model.coefs_[0][0, 0] += 1  # a view
    inside = model.predict(X)
    np.testing.assert_allclose(inside, by_hand(model, X).ravel(), atol=1e-12)
    assert np.abs(inside - before).max() > 1e-3
    model.intercepts_[1] = np.array([5.0])  # another array
    np.testing.assert_allclose(model.predict(X), by_hand(model, X).ravel(), atol=1e-12)
    model.intercepts_[1][0] = -5
    np.testing.assert_allclose(model.predict(X), by_hand(model, X).ravel(), atol=1e-12)
    step = copy.deepcopy(model).partial_fit(X, targets())
    assert step.intercepts_[1][0] == pytest.approx(-5, abs=0.01)
    model.coefs_[0] = np.zeros((3, 8))
    with pytest.raises(ValueError, match="coefs_ and intercepts_"):
        model.partial_fit(X, targets())


# ---- copies -------------------------------------------------------------------------------------


def through_joblib(model: Any, folder: Any) -> Any:
    joblib.dump(model, folder / "model")
    return joblib.load(folder / "model", mmap_mode="r")


COPIES = {
    "pickle": lambda model, folder: pickle.loads(pickle.dumps(model)),
    "deepcopy": lambda model, folder: copy.deepcopy(model),
    "mapped file": through_joblib,
}


@pytest.mark.parametrize("normalization", [None, "batch"])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("how", COPIES)
def test_a_copy_predicts_and_goes_on_as_the_original(how, solver, normalization, tmp_path):
    model = classifier(solver=solver, normalization=normalization)
    X, y = inputs(), labels()
    other = COPIES[how](model, tmp_path)
    np.testing.assert_array_equal(other.predict_proba(X), model.predict_proba(X))
    assert other.history_.to_dict() == model.history_.to_dict()
    before = model.coefs_[0].copy()
    other.partial_fit(X, y)
    np.testing.assert_array_equal(model.coefs_[0], before)
    model.partial_fit(X, y)
    np.testing.assert_array_equal(other.coefs_[0], model.coefs_[0])
    np.testing.assert_array_equal(other.predict_proba(X), model.predict_proba(X))
    other.coefs_[0][...] = 0
    assert np.abs(other.predict_proba(X) - model.predict_proba(X)).max() > 1e-3


def test_a_pickled_estimator_still_takes_rows_as_they_are():
    other = pickle.loads(pickle.dumps(classifier()))
    assert other._predictor.takes(inputs())
    assert not other._predictor.takes(inputs().astype(np.float32))
    assert not other._predictor.takes(np.asfortranarray(inputs()))
    assert not other._predictor.takes(inputs()[:, :4].copy())


@pytest.mark.parametrize(
    "y", [[0, 1, 7, 7], [False, True, True, False], ["a", "b", "ab", "b"], [0.0, 2.0, 1.0, 2.0]]
)
def test_labels_of_every_kind_are_learnt_part_by_part(y):
    X, y = np.eye(4), np.array(y)
    model = MLPClassifier(20, solver="adam", learning_rate_init=0.05, random_state=0)
    theirs = sklearn.neural_network.MLPClassifier(**{
        name: value for name, value in model.get_params().items()
        if name in sklearn.neural_network.MLPClassifier().get_params()
    })  # fmt: skip
    for labels_of_part in (y, y.astype(object) if y.dtype.kind == "U" else y, y.tolist()):
        for _ in range(20):
            model.partial_fit(X, labels_of_part, classes=np.unique(y))
            theirs.partial_fit(X, labels_of_part, classes=np.unique(y))
    np.testing.assert_allclose(model.coefs_[0], theirs.coefs_[0], atol=1e-9)
    np.testing.assert_array_equal(model.predict(X), y)
    unknown = np.array(["b", "c", "c", "b"] if y.dtype.kind == "U" else [0, 5, 5, 0])
    with pytest.raises(ValueError, match="has classes not in"):
        model.partial_fit(X, unknown)


INTEGERS = {
    "two": np.tile([3, -1], 30),
    "three": np.tile(np.array([7, 250, 0], np.uint8), 20),
    "one": np.full(60, 4, np.int8),
    "one of them all": np.arange(60, dtype=np.int32),
}


@pytest.mark.parametrize("y", [*INTEGERS.values(), labels()], ids=[*INTEGERS, "names"])
def test_the_binarizer_is_as_scikit_learn_fits_it(y):
    ours = vars(MLPClassifier(hidden_layer_sizes=3, max_iter=1).fit(inputs(), y)._label_binarizer)
    theirs = vars(LabelBinarizer().fit(y))
    np.testing.assert_array_equal(ours["classes_"], theirs["classes_"], strict=True)
    assert ours | {"classes_": None} == theirs | {"classes_": None}


def test_a_subclass_has_its_own_parameters():
    class Fewer(MLPRegressor):
        def __init__(self, alpha=1.0, beta=2):
            super().__init__(alpha=alpha)
            self.beta = beta

    assert set(Fewer().get_params()) == {"alpha", "beta"}
    assert "beta" not in MLPRegressor().get_params()
    names = MLPClassifier().get_params()
    assert list(names) == sorted(names) and "label_smoothing" in names


def test_names_of_parameters_are_whose_asks() -> None:
    names = MLPClassifier._get_param_names()
    names.clear()
    assert MLPClassifier._get_param_names() == sorted(MLPClassifier().get_params())
    assert "alpha" in MLPClassifier().get_params()


def test_a_class_that_was_asked_for_its_parameters_can_go() -> None:
    class Passing(MLPRegressor):
        pass

    assert Passing().get_params() == MLPRegressor().get_params()
    known = weakref.ref(Passing)
    del Passing
    gc.collect()
    assert known() is None


def test_coefficients_are_pickled_once():
    model = regressor(hidden_layer_sizes=500, solver="lbfgs")
    assert len(pickle.dumps(model)) < 3.5 * model.network_.parameters.nbytes


def test_a_clone_is_not_fitted():
    fresh = clone(classifier(dropout=0.1, callbacks=[print], activation=["tanh"]))
    assert not hasattr(fresh, "coefs_")
    assert fresh.dropout == 0.1
    with pytest.raises(Exception, match="not fitted yet"):
        fresh.predict(inputs())


# ---- threads and search -------------------------------------------------------------------------


def test_threads_share_a_fitted_estimator():
    model, X = classifier(), inputs(500)
    expected = model.predict_proba(X)

    def ask(start: int) -> bool:
        each = [model.predict_proba(X[i : i + 1])[0] for i in range(start, 500, 4)]
        return bool(np.allclose(each, expected[start::4], atol=1e-12))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(ask, range(4)))


def test_fits_in_threads_are_those_one_by_one():
    def fit(seed: int) -> np.ndarray:
        return classifier(random_state=seed, max_iter=20).coefs_[0]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(fit, range(8)))
    for seed, coef in enumerate(found):
        np.testing.assert_array_equal(coef, fit(seed))


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_a_search_finds_what_scikit_learns_perceptron_finds(backend):
    grid = {"alpha": [1e-4, 10.0], "hidden_layer_sizes": [(3,), (8,)]}
    told = {"random_state": 0, "max_iter": 10, "learning_rate_init": 0.02}
    scores = []
    for kind in (sklearn.neural_network.MLPClassifier, MLPClassifier):
        with joblib.parallel_config(backend if kind is MLPClassifier else "sequential", n_jobs=2):
            search = GridSearchCV(kind(**told), grid, cv=3).fit(inputs(), labels())
        scores.append(search.cv_results_["mean_test_score"])
    np.testing.assert_array_equal(*scores)


def test_in_a_pipeline_a_bag_and_a_cross_validation():
    chain = make_pipeline(StandardScaler(), MLPClassifier(4, max_iter=3, random_state=0))
    assert chain.fit(inputs(), labels()).predict(inputs()).shape == (60,)
    with joblib.parallel_config("threading", n_jobs=2):
        scores = cross_val_score(chain, inputs(), labels(), cv=3)
        bag = BaggingClassifier(MLPClassifier(4, max_iter=3), 4, random_state=0)
        assert set(bag.fit(inputs(), labels()).predict(inputs())) <= {"a", "b", "c"}
    assert np.all((scores >= 0) & (scores <= 1))


def test_weights_and_validation_rows_are_routed():
    weights = np.random.RandomState(3).uniform(0.1, 2, 60)
    model = MLPRegressor(hidden_layer_sizes=4, max_iter=3, random_state=0)
    rows = inputs(), targets()
    with config_context(enable_metadata_routing=True):
        asked = model.set_fit_request(sample_weight=True, validation_data=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        chain = make_pipeline(scaler, asked)
        chain.fit(*rows, sample_weight=weights, validation_data=rows)
    direct = clone(model).fit(StandardScaler().fit_transform(rows[0]), rows[1], weights)
    np.testing.assert_array_equal(chain[-1].coefs_[0], direct.coefs_[0])
    assert "validation_score" in chain[-1].history_.columns


def test_pandas_columns_are_remembered_and_asked_for():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(inputs(), columns=list("vwxyz"))
    model = MLPRegressor(max_iter=2, early_stopping=True, random_state=0).fit(table, targets())
    assert model.feature_names_in_.tolist() == list("vwxyz")
    np.testing.assert_allclose(model.predict(table), by_hand(model, inputs()).ravel(), atol=1e-12)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(inputs())
    with pytest.raises(ValueError, match="feature names"):
        model.predict(table.rename(columns={"v": "u"}))


# ---- the package --------------------------------------------------------------------------------


def test_without_scikit_learn_the_error_names_the_extra():
    code = "import sys; sys.modules['sklearn'] = None; import fastnn; import fastnn.sklearn"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("ImportError: sklearn is needed")
    assert 'pip install "fastnn-cpu[sklearn]"' in done.stderr


def test_the_library_itself_does_not_import_scikit_learn():
    code = "import sys, fastnn; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_representation_shows_what_was_changed():
    assert repr(MLPClassifier(dropout=0.2)) == "MLPClassifier(dropout=0.2)"
    assert "MLPRegressor" in MLPRegressor()._repr_html_()


@pytest.mark.parametrize("activation", [[], (), "relu"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_without_hidden_layers_it_is_linear(solver: str, activation: Any) -> None:
    """Whose list of activations, one for each hidden layer, is empty."""
    told = {"hidden_layer_sizes": [], "activation": activation, "solver": solver}
    model = regressor(**told)
    np.testing.assert_allclose(
        model.predict(inputs()), (inputs() @ model.coefs_[0] + model.intercepts_[0])[:, 0]
    )
    assert classifier(**told).coefs_[0].shape == (5, 3)
    np.testing.assert_array_equal(clone(model).fit(inputs(), targets()).coefs_[0], model.coefs_[0])


def test_a_name_for_no_hidden_layer_is_one_too_many() -> None:
    with pytest.raises(ValueError, match=r"^activation: expected one name or 0 \(one per hidden"):
        regressor(hidden_layer_sizes=[], activation=["relu"])
