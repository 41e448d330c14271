"""From what users have to rows: shapes, labels, dtypes, and what is copied."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastnn._data.inputs import as_source, dense
from fastnn._data.rows import Rows, as_rows, as_targets, classes_of

F8, F4 = np.dtype(np.float64), np.dtype(np.float32)
rng = np.random.default_rng(0)
X = rng.random((6, 3))
LABELS = np.array([2, 0, 1, 1, 3, 0])
ONE_HOT = np.eye(4)[LABELS]


def as_inputs(X: Any, n_in: int, dtype: np.dtype, name: str = "X") -> np.ndarray:
    return dense(as_source(X, n_in, dtype, name), dtype)


def columns(X: np.ndarray, Y: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """The rows as the book's pairs of columns."""
    return list(zip(X[:, :, np.newaxis], Y[:, :, np.newaxis], strict=True))


FORMS: dict[str, Any] = {
    "pairs-of-columns": lambda: columns(X, ONE_HOT),
    "pairs-of-vectors": lambda: list(zip(X, ONE_HOT, strict=True)),
    "pairs-of-row-matrices": lambda: [(x[None], y[None]) for x, y in columns(X, ONE_HOT)],
    "pairs-of-lists": lambda: list(zip(X.tolist(), ONE_HOT.tolist(), strict=True)),
    "pairs-as-lists": lambda: [list(pair) for pair in columns(X, ONE_HOT)],
    "pairs-as-arrays-of-objects": lambda: [
        np.array([*pair, None], dtype=object)[:2] for pair in columns(X, ONE_HOT)
    ],
    "pairs-with-labels": lambda: list(zip(X, LABELS, strict=True)),
    "pairs-with-python-labels": lambda: list(zip(X, LABELS.tolist(), strict=True)),
    "pairs-with-float-labels": lambda: [(x, float(y)) for x, y in zip(X, LABELS, strict=True)],
    "pairs-with-labels-in-arrays": lambda: [
        (x, np.array([[y]])) for x, y in zip(X, LABELS, strict=True)
    ],
    "zip": lambda: zip(X, LABELS, strict=True),
    "generator": lambda: ((x, y) for x, y in columns(X, ONE_HOT)),
    "tuple-of-pairs": lambda: tuple(columns(X, ONE_HOT)),
    "dict-items": lambda: dict(enumerate(columns(X, ONE_HOT))).values(),
    "arrays": lambda: (X, ONE_HOT),
    "arrays-in-a-list": lambda: [X, ONE_HOT],
    "arrays-with-labels": lambda: (X, LABELS),
    "arrays-with-a-list-of-labels": lambda: (X, LABELS.tolist()),
    "arrays-with-a-column-of-labels": lambda: (X, LABELS[:, np.newaxis]),
    "arrays-with-unsigned-labels": lambda: (X, LABELS.astype("u1")),
    "fortran-arrays": lambda: (np.asfortranarray(X), np.asfortranarray(ONE_HOT)),
}


@pytest.mark.parametrize("dtype", [F8, F4])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_gives_the_same_rows(form: Any, dtype: np.dtype) -> None:
    rows = as_rows(form(), 3, 4, dtype, "data")
    np.testing.assert_array_equal(rows.inputs, X.astype(dtype))
    np.testing.assert_array_equal(rows.Y, ONE_HOT)
    assert len(rows) == 6
    for array in (rows.inputs, rows.Y):
        assert array.dtype == dtype and array.flags.c_contiguous and array.flags.aligned


def test_one_pair_is_enough() -> None:
    rows = as_rows([([1, 2, 3], 1)], 3, 4, F8, "data")
    np.testing.assert_array_equal(rows.inputs, [[1, 2, 3]])
    np.testing.assert_array_equal(rows.Y, [[0, 1, 0, 0]])


def test_two_pairs_in_a_tuple_are_pairs() -> None:
    pairs = (([[1.0], [2.0]], [[3.0], [4.0]]), ([[5.0], [6.0]], [[7.0], [8.0]]))
    rows = as_rows(pairs, 2, 2, F8, "data")
    np.testing.assert_array_equal(rows.inputs, [[1, 2], [5, 6]])
    np.testing.assert_array_equal(rows.Y, [[3, 4], [7, 8]])


def test_a_single_output_takes_the_targets_themselves() -> None:
    targets = np.linspace(-2, 3, 6)
    for given_ in ((X, targets), (X, targets[:, None]), zip(X, targets, strict=True)):
        rows = as_rows(given_, 3, 1, F8, "data")
        np.testing.assert_array_equal(rows.Y, targets[:, None])


def test_images_as_inputs_of_pairs_are_read_row_by_row() -> None:
    rows = as_rows([(np.arange(6).reshape(2, 3), 0)], 6, 2, F8, "data")
    np.testing.assert_array_equal(rows.inputs, [[0, 1, 2, 3, 4, 5]])


@pytest.mark.parametrize("dtype", [F8, F4])
def test_what_fits_is_not_copied(dtype: np.dtype) -> None:
    inputs, targets = X.astype(dtype), ONE_HOT.astype(dtype)
    assert as_inputs(inputs, 3, dtype) is inputs
    assert np.shares_memory(as_targets(targets, 6, 4, dtype), targets)
    other = F4 if dtype == F8 else F8
    assert not np.shares_memory(as_inputs(inputs, 3, other), inputs)


@pytest.mark.parametrize(
    "dtype", ["f2", "f4", "f8", "g", "i1", "u1", "i8", "u8", "?", ">f8", ">i2"]
)
def test_inputs_of_any_real_dtype_keep_their_values(dtype: str) -> None:
    given_ = np.arange(12).reshape(4, 3).astype(dtype)
    inputs = as_inputs(given_, 3, F8)
    assert inputs.dtype == F8 and inputs.dtype.isnative
    np.testing.assert_array_equal(inputs, given_)


def test_the_largest_numbers_are_finite() -> None:
    """Their sum is not, which must not be taken for an infinity among them."""
    for dtype in (np.float16, np.float32, np.float64):
        given_ = np.full((50, 3), np.finfo(dtype).max)
        np.testing.assert_array_equal(as_inputs(given_, 3, F8), given_)
    balanced = np.array([[np.finfo(float).max, -np.finfo(float).max, 1.0]] * 2)
    np.testing.assert_array_equal(as_inputs(balanced, 3, F8), balanced)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [(0, 0), (3, 1), (5, 2)])
def test_a_number_that_is_not_finite_is_found(bad: float, place: tuple[int, int]) -> None:
    spoilt = X.copy()
    spoilt[place] = bad
    spoilt[5, 2] = bad  # the first one is named
    match = rf"X: expected finite numbers, got {bad} at \({place[0]}, {place[1]}\)"
    with pytest.raises(ValueError, match=match):
        as_inputs(spoilt, 3, F8)


def test_opposite_infinities_are_found() -> None:
    with pytest.raises(ValueError, match=r"got inf at \(0, 1\)"):
        as_inputs([[0.0, np.inf, -np.inf]], 3, F8)


@settings(max_examples=60, deadline=None)
@given(
    labels=st.lists(st.integers(-3, 8), min_size=1, max_size=8),
    n_out=st.integers(2, 6),
    dtype=st.sampled_from(["i1", "i8", "f4", "f8"]),
)
def test_labels_are_one_hot_or_refused(labels: list[int], n_out: int, dtype: str) -> None:
    array = np.array(labels, dtype)
    bad = [(label, i) for i, label in enumerate(labels) if not 0 <= label < n_out]
    if bad:
        match = f"y: expected whole labels from 0 to {n_out - 1}, got {bad[0][0]} at {bad[0][1]}$"
        with pytest.raises(ValueError, match=match):
            as_targets(array, len(labels), n_out, F8)
        return
    targets = as_targets(array, len(labels), n_out, F8)
    np.testing.assert_array_equal(targets.sum(axis=1), 1)
    np.testing.assert_array_equal(np.argmax(targets, axis=1), labels)


def test_rows_know_whether_they_are_classes() -> None:
    assert Rows(X, ONE_HOT).are_classes
    assert Rows(X, np.array([[0.0], [1.0]])).are_classes
    assert not Rows(X, ONE_HOT * 0.9).are_classes
    assert not Rows(X, -ONE_HOT).are_classes


@pytest.mark.parametrize(
    ("outputs", "classes"),
    [
        ([[0.1, 0.9], [0.8, 0.2]], [1, 0]),
        ([[0.5, 0.5, 0.1], [0.0, 0.0, 0.0]], [0, 0]),
        ([[-3.0, -1.0, -2.0]], [1]),
        ([[0.4], [0.5], [0.6], [-1.0], [2.0]], [0, 0, 1, 0, 1]),
    ],
    ids=["largest", "first-of-equals", "negative", "single-output"],
)
def test_classes_of_outputs(outputs: list[list[float]], classes: list[int]) -> None:
    found = classes_of(np.array(outputs))
    assert found.dtype == np.intp
    np.testing.assert_array_equal(found, classes)


def test_pairs_of_every_kind_in_one_list_become_the_same_rows() -> None:
    given_ = [
        (X[0], 2),
        (X[1].tolist(), 0),
        (np.ma.masked_array(X[2]), 1.0),
        (X[3].astype(">f8"), np.int8(1)),
        (X[::-1, ::-1][2, ::-1][:, None], 3),
        (np.float64(X[5]), np.uint64(0)),
    ]
    rows = as_rows(given_, 3, 4, F8, "data")
    np.testing.assert_array_equal(rows.inputs, X[[0, 1, 2, 3, 3, 5]])
    np.testing.assert_array_equal(rows.Y, np.eye(4)[[2, 0, 1, 1, 3, 0]])


@pytest.mark.parametrize("as_list", [False, True])
def test_a_pair_with_a_number_too_large_for_the_dtype_is_named(as_list: bool) -> None:
    inputs = X.copy()
    inputs[4, 1] = 1e39
    pairs = [(x.tolist() if as_list else x, 0) for x in inputs]
    assert as_rows(pairs, 3, 4, F8, "data").X[4, 1] == 1e39
    match = r"data \(as float32\): expected finite numbers, got inf at \(4, 1\)"
    with pytest.raises(ValueError, match=match):
        as_rows(pairs, 3, 4, F4, "data")
