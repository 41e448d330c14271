"""Tables whose columns NumPy makes objects of: nullable dtypes, booleans beside numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import functional, preprocessing, pretrain, reference, tune
from fastnn._common.checks import as_array

pd = pytest.importorskip("pandas")

NUMBERS = np.random.default_rng(0).integers(0, 9, (40, 3)).astype(float)
NUMBERS[:, 2] = NUMBERS[:, 2] > 4
LABELS = (NUMBERS[:, 0] > 4).astype(int)
WEIGHTS = NUMBERS[:, 1] + 1


def frame(dtypes: tuple[str, str, str] = ("Int64", "Float64", "boolean")) -> Any:
    names = ("a", "b", "c")
    numbers = NUMBERS != 0 if dtypes[0] == "boolean" else NUMBERS
    table = pd.DataFrame(dict(zip(names, numbers.T, strict=True)))
    return table.astype(dict(zip(names, dtypes, strict=True)))


def holed(table: Any) -> Any:
    table = table.copy()
    table.loc[3, "b"] = pd.NA
    return table


DTYPES = {
    "nullable": ("Int64", "Float64", "boolean"),
    "small": ("UInt8", "Float32", "boolean"),
    "one of them": ("Int64", "float64", "float64"),
    "booleans beside numbers": ("int64", "float32", "bool"),
    "whole": ("Int32", "Int8", "UInt16"),
    "all boolean": ("boolean", "boolean", "boolean"),
}


@pytest.mark.parametrize("case", DTYPES)
def test_a_table_is_the_array_of_its_numbers(case: str) -> None:
    table = frame(DTYPES[case])
    array = as_array(table, "X")
    plain = NUMBERS != 0 if case == "all boolean" else NUMBERS
    np.testing.assert_array_equal(array, plain)
    wanted = {"nullable": "d", "small": "f", "one of them": "d", "booleans beside numbers": "d",
              "whole": "i", "all boolean": "?"}  # fmt: skip
    assert array.dtype.char == wanted[case]


@pytest.mark.parametrize("dtype", ["Int64", "UInt8", "Float64", "Float32", "boolean"])
def test_a_column_is_too(dtype: str) -> None:
    values = [1, 0, 1]
    for column in (pd.Series(values, dtype=dtype), pd.array(values, dtype=dtype)):
        np.testing.assert_array_equal(as_array(column, "y"), values)


def test_sparse_columns_beside_nullable_ones() -> None:
    table = pd.DataFrame({"a": pd.array([1, 2], "Int64"), "b": pd.arrays.SparseArray([0, 3])})
    assert as_array(table, "X").tolist() == [[1, 0], [2, 3]]


def test_whole_numbers_stay_whole() -> None:
    """2⁵³ + 1 is no float64."""
    table = pd.DataFrame({"a": pd.array([2**53 + 1], "Int64"), "b": pd.array([1], "Int64")})
    assert as_array(table, "X").tolist() == [[2**53 + 1, 1]]


Use = Callable[[Any, Any, Any], Any]


def net() -> fastnn.Network:
    return fastnn.Network([3, 4, 2], rng=0)


def fitted(X: Any, y: Any, w: Any, kind: type = fastnn.Network) -> Any:
    made = kind([3, 4, 2], rng=0)
    history = made.fit(
        X, y, epochs=2, sample_weight=w, validation_data=(X, y), metrics=["mean_squared_error"]
    )
    return [made.parameters, *(row["validation_mean_squared_error"] for row in history)]


def stepped(X: Any, y: Any, w: Any) -> Any:
    made = net()
    made.update_mini_batch((X, y), 0.5)
    made.SGD((X, y), 1, 10, 0.5, shuffle=False)
    return made.parameters


def pretrained(X: Any, y: Any, w: Any) -> Any:
    made = net()
    pretrain.greedy_autoencoder(made, X, epochs=1)
    return made.parameters


USES: dict[str, Use] = {
    "fit": fitted,
    "fit, reference": lambda X, y, w: fitted(X, y, w, reference.Network),
    "predict": lambda X, y, w: net().predict(X),
    "evaluate": lambda X, y, w: net().evaluate((X, y)),
    "accuracy": lambda X, y, w: net().accuracy((X, y)),
    "total_cost": lambda X, y, w: net().total_cost((X, y), 0.1),
    "gradients": lambda X, y, w: net().gradients(X, y).weights[0],
    "steps": stepped,
    "feedforward": lambda X, y, w: net().feedforward(as_array(X, "X").T),
    "Standardizer": lambda X, y, w: preprocessing.Standardizer().fit_transform(X),
    "SmoothClipper": lambda X, y, w: preprocessing.SmoothClipper().fit_transform(X),
    "functional": lambda X, y, w: functional.layer_norm(X, np.ones(3), np.zeros(3)),
    "functional.relu": lambda X, y, w: functional.relu(X),
    "tune": lambda X, y, w: tune.learning_rate_range(net, X, y, steps=5).costs,
    "pretrain": pretrained,
    "split": lambda X, y, w: fastnn.datasets.split_rows(X, y).train[0],
}


def as_parts(found: Any) -> list[np.ndarray]:
    return [np.asarray(each) for each in (found if isinstance(found, list) else [found])]


@pytest.mark.parametrize("use", USES)
def test_every_entry_takes_it_for_its_numbers(use: str) -> None:
    """Inputs, labels and weights; the same to the bit."""
    columns = pd.Series(LABELS, dtype="Int64"), pd.Series(WEIGHTS, dtype="Float64")
    found = USES[use](frame(), *columns)
    expected = USES[use](NUMBERS, LABELS, WEIGHTS)
    for ours, theirs in zip(as_parts(found), as_parts(expected), strict=True):
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == theirs.dtype


@pytest.mark.parametrize("use", USES)
def test_what_is_missing_gets_one_error(use: str) -> None:
    with pytest.raises(ValueError, match=r"expected numbers, got a missing value at \(3, 1\)"):
        USES[use](holed(frame()), LABELS, WEIGHTS)


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "boolean"])
def test_labels_and_weights_that_are_missing(dtype: str) -> None:
    column = pd.Series(LABELS, dtype=dtype)
    column[2] = pd.NA
    with pytest.raises(ValueError, match=r"y: expected .*(nan|missing value) at \(2,\)"):
        net().fit(NUMBERS, column, epochs=1)
    with pytest.raises(ValueError, match=r"sample_weight: expected .*(nan|missing value) at \(2,"):
        net().fit(NUMBERS, LABELS, epochs=1, sample_weight=column)


REFUSED = {
    "text": pd.DataFrame({"a": pd.array([1, 2], "Int64"), "b": ["1", "2"]}),
    "text alone": pd.DataFrame({"a": ["1", None]}),
    "dates": pd.DataFrame({"a": [1, 2], "b": pd.to_datetime(["2020-01-01", "2021-01-01"])}),
    "objects": pd.DataFrame({"a": np.array([1, 2], dtype=object)}),
    "complex": pd.DataFrame({"a": pd.array([1, 2], "Int64"), "b": [1j, 2j]}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_holds_no_numbers_is_refused(case: str) -> None:
    with pytest.raises(TypeError, match="X: expected real numbers, got DataFrame of dtype"):
        as_array(REFUSED[case], "X")


def test_the_estimators_take_and_refuse_the_same() -> None:
    pytest.importorskip("sklearn")
    from fastnn.sklearn import MLPClassifier

    y, w = pd.Series(LABELS, dtype="Int64"), pd.Series(WEIGHTS, dtype="Float64")
    told: dict[str, Any] = {"hidden_layer_sizes": (3,), "random_state": 0, "solver": "lbfgs"}
    model = MLPClassifier(**told).fit(frame(), y, w)
    plain = MLPClassifier(**told).fit(NUMBERS, LABELS, WEIGHTS)
    np.testing.assert_array_equal(model.coefs_[0], plain.coefs_[0])
    np.testing.assert_array_equal(model.predict(frame()), plain.predict(NUMBERS))
    with pytest.raises(ValueError, match="Input X contains NaN"):
        model.fit(holed(frame()), y)


def test_polars() -> None:
    pl = pytest.importorskip("polars")
    table = pl.DataFrame({"a": [1, 2], "b": [0.5, 1.0], "c": [True, False]})
    np.testing.assert_array_equal(as_array(table, "X"), [[1, 0.5, 1], [2, 1, 0]])
    with pytest.raises(ValueError, match=r"y: expected numbers, got a missing value at \(1,\)"):
        as_array(pl.Series([True, None]), "y")
    with pytest.raises(TypeError, match="X: expected real numbers, got Series of dtype object"):
        as_array(pl.Series(["1", None]), "X")


@pytest.mark.parametrize("dtype", ["int64[pyarrow]", "float[pyarrow]", "bool[pyarrow]"])
def test_columns_backed_by_pyarrow(dtype: str) -> None:
    pytest.importorskip("pyarrow")
    table = pd.DataFrame({"a": [1, 0, 1], "b": [0, 0, 1]}).astype(dtype)
    np.testing.assert_array_equal(as_array(table, "X"), [[1, 0], [0, 0], [1, 1]])
    table.loc[1, "b"] = pd.NA
    with pytest.raises(ValueError, match=r"X: expected numbers, got a missing value at \(1, 1\)"):
        as_array(table, "X")
