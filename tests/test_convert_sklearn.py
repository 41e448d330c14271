"""scikit-learn's perceptrons as fastnn's and back, coefficients to the bit."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import convert
from fastnn._model.table_info import TableInfo

pytest.importorskip("sklearn", reason="scikit-learn is not installed (the extra sklearn)")
from sklearn import neural_network
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from fastnn import sklearn as ours

rng = np.random.default_rng(0)
X = rng.normal(size=(1000, 4))
TARGETS: dict[str, Any] = {
    "three texts": np.array(["b", "a", "c"])[np.arange(1000) % 3],
    "two numbers": np.array([3, 7])[(X[:, 0] > 0).astype(int)],
    "two flags": X[:, 0] > 0,
    "labels": (X[:, :3] > 0).astype(int),
    "one class": np.zeros(1000, int),
}
SETTINGS: dict[str, dict[str, Any]] = {
    "adam": {},
    "stopping": {"early_stopping": True},
    "lbfgs": {"solver": "lbfgs"},
    "sgd": {"solver": "sgd", "learning_rate": "adaptive", "activation": "logistic"},
    "tanh": {"activation": "tanh", "hidden_layer_sizes": (7, 5)},
    "linear": {"activation": "identity", "hidden_layer_sizes": ()},
}


def fitted(model: Any, rows: Any, y: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(rows, y)


def perceptron(kind: Any, setting: str, **more: Any) -> Any:
    told = {"hidden_layer_sizes": (6,), "max_iter": 3, "random_state": 0, **SETTINGS[setting]}
    return kind(**told, **more)


def assert_round_trip(theirs: Any, rows: np.ndarray, *methods: str) -> Any:
    """Convert there and back, compare on the rows, and return fastnn's."""
    tolerance = 1e-12 if rows.itemsize == 8 else 1e-6
    here = convert.from_sklearn(theirs)
    back = convert.to_sklearn(here)
    assert type(back) is type(theirs)
    for method in methods:
        wanted, got, again = (getattr(each, method)(rows) for each in (theirs, here, back))
        if wanted.dtype.kind == "f":
            np.testing.assert_allclose(got, wanted, rtol=0, atol=tolerance)
        else:
            np.testing.assert_array_equal(got, wanted)
        np.testing.assert_array_equal(again, wanted)
    last, twin = (each[-1] if isinstance(each, Pipeline) else each for each in (theirs, back))
    for before, after in zip(
        [*last.coefs_, *last.intercepts_], [*twin.coefs_, *twin.intercepts_], strict=True
    ):
        assert before.dtype == after.dtype
        np.testing.assert_array_equal(before, after)
    assert twin.get_params() == last.get_params()
    lost = {name for name in vars(last) if name.endswith("_")} - set(vars(twin))
    assert lost == set()
    for name in ("loss_curve_", "n_iter_", "t_", "loss_", "out_activation_", "n_layers_"):
        assert getattr(twin, name, None) == getattr(last, name, None)
    return here


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("target", TARGETS)
def test_classifiers(setting: str, target: str) -> None:
    model = fitted(perceptron(neural_network.MLPClassifier, setting), X, TARGETS[target])
    here = assert_round_trip(model, X, "predict", "predict_proba")
    assert type(here) is ours.MLPClassifier
    np.testing.assert_array_equal(here.classes_, model.classes_)


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("n_out", [1, 3])
def test_regressors(setting: str, n_out: int) -> None:
    model = fitted(
        perceptron(neural_network.MLPRegressor, setting), X, X[:, 0] if n_out == 1 else X[:, :n_out]
    )
    assert type(assert_round_trip(model, X, "predict")) is ours.MLPRegressor


def test_poisson() -> None:
    if "loss" not in neural_network.MLPRegressor().get_params():
        pytest.skip("this scikit-learn has no Poisson loss")
    model = fitted(perceptron(neural_network.MLPRegressor, "adam", loss="poisson"), X, X[:, 0] ** 2)
    assert assert_round_trip(model, X, "predict").network_.output == "exp"


def test_float32_stays() -> None:
    single = X.astype(np.float32)
    model = fitted(perceptron(neural_network.MLPClassifier, "adam"), single, TARGETS["two flags"])
    assert assert_round_trip(model, single, "predict_proba").network_.dtype == np.float32


def test_a_pipeline_keeps_its_other_steps() -> None:
    model = make_pipeline(StandardScaler(), perceptron(neural_network.MLPClassifier, "adam"))
    fitted(model, X + 3, TARGETS["three texts"])
    here = assert_round_trip(model, X + 3, "predict", "predict_proba")
    assert isinstance(here, Pipeline) and here[0] is model[0] and here is not model
    assert type(model[-1]) is neural_network.MLPClassifier


def test_names_of_features_and_classes_go_along_and_into_files(tmp_path: Any) -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed (the extra pandas)")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    model = fitted(perceptron(neural_network.MLPClassifier, "adam"), frame, TARGETS["three texts"])
    here = convert.from_sklearn(model)
    assert here.feature_names_in_.tolist() == list("abcd")
    here.network_.save(tmp_path / "model.json")
    net = fastnn.load(tmp_path / "model.json")
    assert net.table == TableInfo("classification", ("a", "b", "c"), ("a", "b", "c", "d"))
    back = convert.to_sklearn(net)
    np.testing.assert_array_equal(back.predict(frame), model.predict(frame))
    assert back.feature_names_in_.tolist() == list("abcd")


def test_it_goes_on_learning_here() -> None:
    model = fitted(perceptron(neural_network.MLPClassifier, "adam"), X, TARGETS["two flags"])
    before = model.coefs_[0].copy()
    here = convert.from_sklearn(model)
    here.partial_fit(X, TARGETS["two flags"])
    np.testing.assert_array_equal(model.coefs_[0], before)
    assert len(here.loss_curve_) == 4 and here.loss_curve_[:3] == model.loss_curve_
    here.set_params(warm_start=True)
    fitted(here, X, TARGETS["two flags"])
    assert len(here.loss_curve_) == 7


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"normalization": "batch"}, "normalization:"),
        ({"dropout": 0.2}, "dropout:"),
        ({"solver": "adamw"}, "solver:"),
        ({"l1": 0.1}, "l1:"),
        ({"loss": "squared_error"}, "loss:"),
        ({"label_smoothing": 0.1}, "label_smoothing:"),
        ({"n_threads": 1}, "n_threads:"),
        ({"learning_rate": fastnn.schedules.cosine(3)}, "learning_rate:"),
    ],
)
def test_what_scikit_learn_has_not_is_refused_or_left_out(given: dict, said: str) -> None:
    model = fitted(ours.MLPClassifier((6,), max_iter=3, random_state=0, **given), X, X[:, 0] > 0)
    with pytest.raises(ValueError, match=rf"^{said}.*inference=True"):
        convert.to_sklearn(model)
    back = convert.to_sklearn(model, inference=True)
    np.testing.assert_allclose(back.predict_proba(X), model.predict_proba(X), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"activation": "mish"}, "activation:"),
        ({"hidden_layer_sizes": (3, 3), "activation": ["relu", "tanh"]}, "activation:"),
        ({"normalization": "layer"}, "normalization:"),
        ({"preset": "tabular", "hidden_layer_sizes": 3}, "preset:"),
    ],
)
def test_what_changes_predictions_is_refused_always(given: dict, said: str) -> None:
    told = {"hidden_layer_sizes": (6,), "max_iter": 2, "random_state": 0, **given}
    model = fitted(ours.MLPClassifier(**told), X[:100], X[:100, 0] > 0)
    with pytest.raises(ValueError, match=rf"^{said}"):
        convert.to_sklearn(model, inference=True)


def test_coefficients_that_were_replaced_count() -> None:
    model = fitted(ours.MLPRegressor(hidden_layer_sizes=(6,), max_iter=2), X, X[:, 0])
    model.coefs_ = [2 * each for each in model.coefs_]
    np.testing.assert_allclose(convert.to_sklearn(model).predict(X), model.predict(X), atol=1e-12)


def test_networks() -> None:
    softmax = fastnn.Network([4, 5, 3], fastnn.LogLikelihoodCost, activation="relu", rng=0)
    there = convert.to_sklearn(softmax)
    np.testing.assert_allclose(there.predict_proba(X), softmax.predict(X), atol=1e-12)
    assert there.classes_.tolist() == [0, 1, 2]
    one = fastnn.Network([4, 5, 1], activation="tanh", input_scale=0.5, rng=0)
    np.testing.assert_allclose(
        convert.to_sklearn(one).predict_proba(X)[:, 1:], one.predict(X), atol=1e-12
    )
    classic = fastnn.Dropout(0.3, inverted=False)
    line = fastnn.Network(
        [4, 5, 2], fastnn.QuadraticCost, output="identity", dropout=classic, rng=0
    )
    with pytest.raises(ValueError, match=r"^dropout:"):
        convert.to_sklearn(line)
    np.testing.assert_allclose(
        convert.to_sklearn(line, inference=True).predict(X), line.predict(X), atol=1e-12
    )
    with pytest.raises(ValueError, match=r"^output: 3 outputs of sigmoid"):
        convert.to_sklearn(fastnn.Network([4, 3], rng=0))
    softmax.table = TableInfo("classification", ("c", "b", "a"))
    with pytest.raises(ValueError, match=r"^table\.classes: .*sorted"):
        convert.to_sklearn(softmax)


def test_a_network_with_batch_norm_is_folded_for_inference() -> None:
    net = fastnn.Network(
        [4, 6, 5, 3], fastnn.LogLikelihoodCost, activation="relu", normalization="batch", rng=0
    )
    net.fit(X, np.arange(1000) % 3, epochs=2)
    there = convert.to_sklearn(net, inference=True)
    np.testing.assert_allclose(there.predict_proba(X), net.predict(X), atol=1e-12)


class Subclass(neural_network.MLPClassifier):
    pass


def test_other_models_are_refused_by_their_class() -> None:
    with pytest.raises(NotFittedError):
        convert.from_sklearn(neural_network.MLPClassifier())
    for model in (Subclass(), StandardScaler(), make_pipeline(StandardScaler()), None, [1]):
        for function in (convert.from_sklearn, convert.to_sklearn):
            with pytest.raises(TypeError, match=r"^model: expected"):
                function(model)
    with pytest.raises(TypeError, match=r"MLPEnsembleClassifier"):
        convert.to_sklearn(ours.MLPEnsembleClassifier())


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_pipelines_by_columns_there_and_back_and_out(kind: str, tmp_path: Path) -> None:
    """Numbers with holes and texts: each library's own predictions, and those of its export."""
    pandas = pytest.importorskip("pandas", reason="pandas is not installed (the extra pandas)")
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

    from fastnn.export import export

    draw = np.random.default_rng(2)
    table = pandas.DataFrame(
        {
            "size": np.where(draw.random(1000) < 0.1, np.nan, draw.normal(50, 9, 1000)),
            "tree": draw.choice(["oak", "fir", "ash"], 1000),
            "floor": draw.choice(["low", "high"], 1000),
        }
    )
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["size"]),
            ("kinds", OneHotEncoder(handle_unknown="ignore"), ["tree"]),
            ("orders", OrdinalEncoder(), ["floor"]),
        ],
        sparse_threshold=0,
    )
    regressor = kind == "regressor"
    last = neural_network.MLPRegressor if regressor else neural_network.MLPClassifier
    y = draw.normal(size=1000) if regressor else TARGETS["three texts"]
    theirs = fitted(make_pipeline(columns, perceptron(last, "adam")), table, y)
    here = convert.from_sklearn(theirs)
    back = convert.to_sklearn(here)
    method = "predict" if regressor else "predict_proba"
    wanted = getattr(theirs, method)(table)
    for model in (here, back):
        np.testing.assert_allclose(getattr(model, method)(table), wanted, rtol=0, atol=1e-12)
    for one, other in zip(theirs[-1].coefs_, back[-1].coefs_, strict=True):
        np.testing.assert_array_equal(one, other)
    names: dict[str, Any] = {}
    exec(export(here, tmp_path / "model.py").files[0].read_text(), names)
    np.testing.assert_allclose(names[method](table), wanted, rtol=0, atol=1e-12)
    if not regressor:
        assert names["predict"](table).tolist() == theirs.predict(table).tolist()
