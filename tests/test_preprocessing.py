"""Standardized inputs: what they become, and that nothing but the training set decides it."""

from __future__ import annotations

import numpy as np
import pytest

from fastnn.preprocessing import SmoothClipper, Standardizer

RNG = np.random.default_rng(0)
X = RNG.normal([5.0, -300.0, 0.01], [2.0, 40.0, 1e-4], (400, 3))


def test_columns_get_mean_0_and_deviation_1() -> None:
    made = Standardizer().fit_transform(X)
    np.testing.assert_allclose(made.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(made.std(axis=0), 1, rtol=1e-12)


def test_other_rows_are_scaled_by_the_fitted_ones() -> None:
    standardizer = Standardizer().fit(X)
    others = RNG.normal(size=(7, 3))
    made = standardizer.transform(others)
    np.testing.assert_allclose(made, (others - X.mean(axis=0)) / X.std(axis=0), rtol=1e-12)
    np.testing.assert_allclose(standardizer.transform(others[:1]), made[:1], rtol=1e-15)
    np.testing.assert_allclose(standardizer.inverse_transform(made), others, atol=1e-10)


@pytest.mark.parametrize("value", [0.0, 0.1, -3.7, 1e17, 255.0, 1e-300])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_constant_column_becomes_exactly_0(value: float, dtype: str) -> None:
    data = RNG.random((1001, 2)).astype(dtype)
    data[:, 1] = value
    standardizer = Standardizer().fit(data)
    assert standardizer.scale is not None and standardizer.scale[1] == 1
    assert np.all(standardizer.transform(data)[:, 1] == 0)
    moved = data[:1].copy()
    moved[0, 1] += 1  # finite, and not blown up
    assert abs(standardizer.transform(moved)[0, 1]) <= 1


def test_a_spread_too_small_to_be_squared_is_left_alone() -> None:
    made = Standardizer().fit_transform([[0.0, 1.0], [1e-200, 2.0]])
    np.testing.assert_allclose(made, [[0, -1], [0, 1]], atol=1e-199)


def test_a_single_row_becomes_0() -> None:
    np.testing.assert_array_equal(Standardizer().fit_transform([[3, 4]]), [[0, 0]])


@pytest.mark.parametrize(
    ("given", "made"),
    [("float32", "float32"), ("float64", "float64"), ("uint8", "float64"), ("int64", "float64")],
)
def test_dtypes(given: str, made: str) -> None:
    data = RNG.integers(0, 100, (20, 3)).astype(given)
    before = data.copy()
    standardizer = Standardizer().fit(data)
    assert standardizer.transform(data).dtype == made
    assert standardizer.inverse_transform(data).dtype == made
    np.testing.assert_array_equal(data, before)


def test_float32_columns_are_summed_in_float64() -> None:
    data = np.full((200_000, 1), 1000.1, dtype=np.float32)
    data[::2] += 1
    standardizer = Standardizer().fit(data)
    exact = data.astype(np.float64)
    assert standardizer.mean == pytest.approx(exact.mean(), rel=1e-12)
    assert standardizer.scale == pytest.approx(exact.std(), rel=1e-9)


def test_a_failed_fit_changes_nothing() -> None:
    standardizer = Standardizer().fit(X)
    before = standardizer.mean, standardizer.scale
    for bad in (X * np.nan, np.array([[1e200], [-1e200]])):
        with pytest.raises(ValueError, match="X"):
            standardizer.fit(bad)
    assert (standardizer.mean, standardizer.scale) == before


def test_it_says_when_it_is_not_fitted() -> None:
    assert repr(Standardizer()) == "<Standardizer, not fitted>"
    assert repr(Standardizer().fit(X)) == "<Standardizer, 3 columns>"
    for method in ("transform", "inverse_transform"):
        with pytest.raises(RuntimeError, match="call fit before"):
            getattr(Standardizer(), method)(X)


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (X[0], ValueError, r"X: expected rows .*\(3,\)"),
        (X[:0], ValueError, r"X: expected rows .*\(0, 3\)"),
        (X[:, :2], ValueError, r"X: expected shape \(n, 3\), got \(400, 2\)"),
        (X * np.inf, ValueError, "X: expected finite"),
        ([["a", "b", "c"]], TypeError, "X: expected real numbers"),
    ],
)
def test_bad_input_is_named(bad: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Standardizer().fit(X).transform(bad)


# ---- SmoothClipper ------------------------------------------------------------------------------


def test_columns_are_scaled_by_quartiles_and_bent():
    X = np.random.default_rng(0).standard_t(2, size=(101, 3)) * [1, 1e3, 1e-3] + [0, 5, 7]
    low, middle, high = np.percentile(X, [25, 50, 75], axis=0)
    u = (X - middle) / (high - low)
    found = SmoothClipper().fit_transform(X)
    np.testing.assert_allclose(found, u / np.sqrt(1 + (u / 3) ** 2), rtol=1e-9, atol=1e-12)
    assert np.abs(u).max() > 3 > np.abs(found).max()


def test_equal_quartiles_and_constant_columns():
    rare = np.r_[np.zeros(9), 4.0]
    X = np.column_stack([rare, np.full(10, 3.0)])
    found = SmoothClipper().fit_transform(X)
    np.testing.assert_allclose(found[:, 0], np.r_[np.zeros(9), 2 / np.sqrt(1 + 4 / 9)])
    np.testing.assert_array_equal(SmoothClipper().fit(X).transform([[0.0, 8.0]])[:, 1], [0.0])


@pytest.mark.parametrize("size", [1e-300, 1e300, 1.7e308])
def test_columns_of_any_size_stay_finite(size):
    X = np.array([[-1.0], [-0.5], [0.0], [0.5], [1.0]]) * size
    found = SmoothClipper().fit_transform(X)
    u = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    np.testing.assert_allclose(found[:, 0], u / np.sqrt(1 + (u / 3) ** 2), rtol=1e-9)
    far = SmoothClipper().fit(X).transform([[1.7e308]])
    assert 0 < far[0, 0] <= 3


def test_a_clipper_keeps_float32_and_names_what_is_wrong():
    clipper = SmoothClipper()
    assert repr(clipper) == "<SmoothClipper, not fitted>"
    with pytest.raises(RuntimeError, match="call fit before transform"):
        clipper.transform([[1.0]])
    assert clipper.fit_transform(np.eye(4, dtype=np.float32)).dtype == np.float32
    with pytest.raises(ValueError, match=r"X: expected shape \(n, 4\)"):
        clipper.transform([[1.0]])
    assert repr(clipper) == "<SmoothClipper, 4 columns>"


@pytest.mark.parametrize("kind", [Standardizer, SmoothClipper])
@pytest.mark.parametrize(
    ("given", "returned"), [("<f4", "f4"), (">f4", "f4"), (">f8", "f8"), ("f2", "f8"), ("u1", "f8")]
)
def test_float32_of_either_byte_order_stays_float32(kind, given, returned):
    X = np.array([[1, 2], [3, 8], [4, 5]], dtype=given)
    assert kind().fit_transform(X).dtype == np.dtype(returned)
