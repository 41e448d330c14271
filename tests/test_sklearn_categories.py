"""``preset="tabular"``: columns of categories, beside the same columns spread out by hand."""

from __future__ import annotations

import pickle
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")
import scipy.sparse
from sklearn.base import clone

from fastnn.sklearn import MLPClassifier, MLPRegressor
from fastnn.sklearn._categories import Categories, mask_of

N = 60
SIZES = np.random.RandomState(1).choice([1.0, 4.0, 7.0], N)
SEXES = np.random.RandomState(2).choice([0.0, 1.0], N)
NUMBERS = np.random.RandomState(3).normal(size=(N, 2))
Y = NUMBERS[:, 0] + 2 * (SIZES == 4) + SEXES


def rows() -> np.ndarray:
    """Return a number, a size, a number, a sex."""
    return np.column_stack([NUMBERS[:, 0], SIZES, NUMBERS[:, 1], SEXES])


def by_hand(X: np.ndarray) -> np.ndarray:
    sizes = X[:, 1, np.newaxis] == [1.0, 4.0, 7.0]
    known = np.isin(X[:, 3, np.newaxis], [0.0, 1.0])
    return np.hstack([X[:, [0, 2]], sizes, np.where(known, 2 * X[:, 3, np.newaxis] - 1, 0)])


def tabular(kind: type = MLPRegressor, **chosen: Any) -> Any:
    told = {"hidden_layer_sizes": (8,), "max_iter": 6, "batch_size": 20, "random_state": 0}
    return kind(preset="tabular", **(told | chosen))


CHOICES = {
    "numbers": [1, 3],
    "mask": [False, True, False, True],
    "unsigned numbers": np.array([3, 1], np.uint8),
}


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_network_of_categories_is_that_of_columns_spread_by_hand(choice, dtype):
    X = rows().astype(dtype)
    model = tabular(categorical_features=CHOICES[choice]).fit(X, Y)
    plain = tabular().fit(by_hand(X).astype(dtype), Y)
    assert model.is_categorical_.tolist() == CHOICES["mask"]
    assert plain.is_categorical_ is None
    assert model.n_features_in_ == 4
    assert model.coefs_[0].shape == (6, 8)
    assert model.coefs_[0].dtype == dtype
    np.testing.assert_array_equal(model.predict(X), plain.predict(by_hand(X).astype(dtype)))


def test_missing_and_unknown_are_zero_in_all_columns():
    X = rows()
    X[:5, 1] = X[3:8, 3] = np.nan
    model, plain = tabular(categorical_features=[1, 3]).fit(X, Y), tabular().fit(by_hand(X), Y)
    np.testing.assert_array_equal(model.predict(X), plain.predict(by_hand(X)))
    other = rows()[:4]
    other[0, 1], other[1, 3], other[2, [1, 3]] = 5.0, 8.0, np.nan
    np.testing.assert_array_equal(model.predict(other), plain.predict(by_hand(other)))
    assert by_hand(other)[0, 2:5].tolist() == [0, 0, 0]
    assert by_hand(other)[1, 5] == 0


def test_strings_beside_numbers_and_all_that_stands_for_missing():
    words = np.array([["tall", 1, "x"], ["small", 2, None], ["tall", 3, "y"]], dtype=object)
    categories = Categories(words, np.array([True, False, True]))
    assert categories.counts == [2, 2]
    assert categories.width == 3
    codes = categories.numbered(words)
    np.testing.assert_array_equal(codes, [[1, 1, 0], [0, 2, -1], [1, 3, 1]])
    np.testing.assert_array_equal(categories.spread(codes), [[1, 1, -1], [2, -1, 0], [3, 1, 1]])
    codes = categories.numbered([["tiny", 0, float("nan")]])
    np.testing.assert_array_equal(categories.spread(codes), [[0, 0, 0]])
    alone = Categories([["a"], ["a"]], np.array([True]))
    np.testing.assert_array_equal(alone.spread(alone.numbered([["a"], ["b"]])), [[1], [0]])


def test_dtypes_of_tables_are_asked_for_by_the_preset_alone():
    dtypes = ["float64", "category", "string[pyarrow]", "Enum(categories=['a'])", "int8", "object"]
    table = SimpleNamespace(columns=list("abcdef"), dtypes=dtypes)
    assert mask_of(table, "from_dtype").tolist() == [False, True, True, True, False, True]
    assert mask_of(table, None) is None
    assert mask_of(SimpleNamespace(columns=["a"], dtypes=["bool"]), "from_dtype") is None
    assert mask_of(rows(), "from_dtype") is None


@pytest.mark.parametrize(
    "wrong", [[4], [-1], [True], ["a"], [0.5], [[1]], [True] * 5], ids=lambda wrong: repr(wrong)
)
def test_columns_that_are_not_there_are_refused(wrong):
    model = tabular(categorical_features=wrong)
    with pytest.raises(ValueError, match="categorical_features: expected a mask of the 4 columns"):
        model.fit(rows(), Y)
    assert not hasattr(model, "n_features_in_")


def test_other_words_no_preset_and_too_many_categories_are_refused():
    with pytest.raises(ValueError, match="'categorical_features' parameter"):
        tabular(categorical_features="all").fit(rows(), Y)
    with pytest.raises(ValueError, match="categorical_features: only with preset='tabular'"):
        MLPRegressor(categorical_features=[1]).fit(rows(), Y)
    many = np.column_stack([np.arange(256), np.arange(256) % 2])
    with pytest.raises(ValueError, match="column 0 has 256 categories, expected at most 255"):
        tabular(categorical_features=[0]).fit(many, many[:, 1])
    assert tabular(categorical_features=[]).fit(rows(), Y).is_categorical_ is None


def test_numbers_that_are_no_category_are_checked_as_ever():
    X = rows()
    X[0, 0] = np.nan
    with pytest.raises(ValueError, match="contains NaN"):
        tabular(categorical_features=[1, 3]).fit(X, Y)
    model = tabular(categorical_features=[1, 3]).fit(rows(), Y)
    with pytest.raises(ValueError, match="contains NaN"):
        model.predict(X)
    with pytest.raises(ValueError, match="expecting 4 features"):
        model.predict(X[:, :3])


def test_validation_rows_scorers_pickles_and_sparse_rows():
    X, labels = rows(), np.where(Y > 1, "much", "little")
    told = {"categorical_features": [1, 3], "stopping_metric": "neg_log_loss"}
    model = tabular(MLPClassifier, **told).fit(X, labels, validation_data=(X[:20], labels[:20]))
    plain = tabular(MLPClassifier, stopping_metric="neg_log_loss")
    plain.fit(by_hand(X), labels, validation_data=(by_hand(X[:20]), labels[:20]))
    assert model.validation_scores_ == plain.validation_scores_
    expected = plain.predict_proba(by_hand(X))
    np.testing.assert_array_equal(model.predict_proba(X), expected)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), expected)
    np.testing.assert_array_equal(again.predict_proba(scipy.sparse.csr_array(X)), expected)
    sparse = clone(model).fit(
        scipy.sparse.csc_array(X), labels, validation_data=(X[:20], labels[:20])
    )
    np.testing.assert_array_equal(sparse.predict_proba(X), expected)


def test_a_warm_start_keeps_the_categories_and_a_new_start_forgets_them():
    model = tabular(categorical_features=[1, 3], warm_start=True).fit(rows(), Y)
    few = SIZES != 7
    assert model.fit(rows()[few], Y[few]).coefs_[0].shape == (6, 8)
    model.set_params(warm_start=False)
    assert model.fit(rows()[few], Y[few]).coefs_[0].shape == (4, 8)
    model.set_params(preset=None, categorical_features=None, solver="lbfgs", max_iter=1000)
    assert model.fit(rows(), Y).coefs_[0].shape == (4, 8)
    assert model.is_categorical_ is None


def as_pandas() -> Any:
    pandas = pytest.importorskip("pandas")
    words = pandas.Series(np.array(["f", "m"])[SEXES.astype(int)], dtype="string")
    words[0] = pandas.NA
    return pandas.DataFrame({
        "u": NUMBERS[:, 0], "size": pandas.Categorical(SIZES), "v": NUMBERS[:, 1], "sex": words,
    })  # fmt: skip


def as_polars() -> Any:
    polars = pytest.importorskip("polars")
    words = [None, *np.array(["f", "m"])[SEXES.astype(int)].tolist()[1:]]
    table = {"u": NUMBERS[:, 0], "size": SIZES.astype(int).astype(str), "v": NUMBERS[:, 1]}
    kinds = {"size": polars.Enum(["1", "4", "7"]), "sex": polars.String}
    return polars.DataFrame(table | {"sex": words}, schema_overrides=kinds)


@pytest.mark.parametrize("make", [as_pandas, as_polars])
@pytest.mark.parametrize("asked", [None, ["sex", "size"]])
def test_tables_say_by_their_dtypes_which_columns_are_categories(make, asked):
    table, X = make(), rows()
    X[0, 3] = np.nan
    model = tabular(categorical_features=asked).fit(table, Y)
    assert model.is_categorical_.tolist() == CHOICES["mask"]
    assert model.feature_names_in_.tolist() == ["u", "size", "v", "sex"]
    plain = tabular().fit(by_hand(X), Y)
    np.testing.assert_array_equal(model.predict(table), plain.predict(by_hand(X)))
    with pytest.raises(ValueError, match="feature names"):
        model.predict(table[["size", "u", "v", "sex"]])
