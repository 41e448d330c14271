"""Rows of any kind against NumPy's own conversion: dense, sparse, scaled, damaged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import FLOATS, modest

from fastnn._core.row_source import RowSource, gather, stack

KINDS = ["f8", "f4", "u1", "?"]
PLACES = [0, 1, 2047, 4095, 4096, 4097, 9998]
rng = np.random.default_rng(0)


def numbers(shape: tuple[int, ...], kind: str) -> np.ndarray:
    if kind == "?":
        return rng.random(shape) < 0.5
    return rng.integers(0, 256, shape).astype(kind) if kind == "u1" else normal(shape, kind)


def normal(shape: tuple[int, ...], kind: str) -> np.ndarray:
    return rng.standard_normal(shape).astype(kind)


def gathered(source: RowSource, order: Any, dtype: Any) -> np.ndarray:
    m = len(source) if order is None else len(order)
    out = np.full((m, source.n_columns), np.nan, dtype)
    gather(source, out, None if order is None else np.array(order, np.intp))
    return out


@modest
@given(
    shape=st.tuples(st.integers(1, 9), st.integers(1, 70)),
    kind=st.sampled_from(KINDS),
    dtype=st.sampled_from(FLOATS),
    scale=st.sampled_from([1.0, 1 / 255, 1 / 256, 3.0]),
    data=st.data(),
)
def test_dense_rows_are_those_that_numpy_converts(shape, kind, dtype, scale, data):
    values = numbers(shape, kind)
    values.flags.writeable = False
    order = data.draw(st.lists(st.integers(0, shape[0] - 1), max_size=20))
    source = RowSource(values, scale)
    expected = values.astype(dtype) * dtype(scale)
    assert source.shape == shape and len(source) == shape[0]
    np.testing.assert_array_equal(gathered(source, None, dtype), expected)
    np.testing.assert_array_equal(gathered(source, order, dtype), expected[order])


@pytest.mark.parametrize("n", [*range(1, 36), 63, 64, 65, 66, 100])
@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_rows_of_any_length_are_copied_and_nothing_beside_them(kind, n):
    """On both sides of the lengths from which they are copied in other pieces."""
    values, around = normal((9, n), kind), np.full((7, n), np.nan, kind)
    order = np.array([3, 0, 8, 8, 1], np.intp)
    gather(RowSource(values), around[1:-1], order)
    np.testing.assert_array_equal(around[1:-1], values[order])
    assert np.isnan(around[[0, -1]]).all()


@pytest.mark.parametrize("bad", [np.nan, -np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_the_first_number_that_is_not_finite_is_found(kind, bad):
    """On both sides of the blocks in which they are looked at."""
    for place in PLACES:
        values = np.full((1, 9999), np.finfo(kind).max, kind)
        assert RowSource(values).first_bad(kind == "f4") == -1
        values[0, place] = bad
        values[0, 9998] = bad
        assert RowSource(values).first_bad(kind == "f4") == place
        assert RowSource(values, 0.25).first_bad(kind == "f4") == place


def test_numbers_that_conversion_or_the_scale_make_infinite_are_found():
    largest = float(np.finfo("f4").max)
    rounds_down, rounds_up = largest * (1 + 2.0**-26), largest * (1 + 2.0**-24)
    values = np.array([[0.0, rounds_down, -rounds_up]])
    assert RowSource(values).first_bad(True) == 2
    assert RowSource(values).first_bad(False) == -1
    assert RowSource(values, 0.5).first_bad(True) == 2  # it is scaled when it is converted
    assert RowSource(values, 2.0).first_bad(True) == 1
    assert RowSource(np.array([[1e308, 1e307]]), 10.0).first_bad(False) == 0
    assert RowSource(np.array([[1, 2]], "u1"), 1e38).first_bad(False) == -1


def test_arrays_are_stacked_up_to_the_first_odd_one():
    plain: list[Any] = [numbers(shape, kind) for kind in KINDS for shape in [(6,), (6, 1), (2, 3)]]
    odd = [
        [1.0] * 6,
        np.ones(5),
        np.ones(12)[::2],
        np.ones((2, 3), order="F"),
        np.ones(6, ">f8"),
        np.ones(6, "i8"),
        np.ma.masked_array(np.ones(6), [1, 0, 0, 0, 0, 0]),
        np.array([0, 0, 0, 0, 0, np.nan]),
        b"bytes6",
        None,
    ]
    for dtype in FLOATS:
        out = np.full((len(plain), 6), np.nan, dtype)
        assert stack(plain, out, 0) == len(plain)
        expected = [array.astype(dtype).reshape(6) for array in plain]
        np.testing.assert_array_equal(out, expected)
        for each in odd:
            arrays = [plain[0], each, plain[1]]
            out = np.full((3, 6), np.nan, dtype)
            assert stack(arrays, out, 0) == 1
            assert stack(arrays, out, 2) == 3
            np.testing.assert_array_equal(out[[0, 2]], np.array(expected)[[0, 1]])
    too_large = [np.full(6, 1e39)]
    assert stack(too_large, np.empty((1, 6), np.float32), 0) == 0
    assert stack(too_large, np.empty((1, 6), np.float64), 0) == 1


def test_stacking_into_too_few_rows_is_refused():
    with pytest.raises(ValueError, match="out: expected 2 rows"):
        stack([np.ones(3), np.ones(3)], np.empty((1, 3)), 0)
    with pytest.raises(ValueError, match="a start in them, got 1 and -1"):
        stack([np.ones(3)], np.empty((1, 3)), -1)


# Sparse rows.


@st.composite
def csr_parts(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Entries, columns in any order and more than once, where rows begin, and how wide they are."""
    n_columns = draw(st.integers(1, 12))
    counts = draw(st.lists(st.integers(0, 6), min_size=1, max_size=7))
    kind = draw(st.sampled_from(["i4", "i8"]))
    n, before = sum(counts), draw(st.integers(0, 2))  # entries before the first row's are nobody's
    columns = draw(st.lists(st.integers(0, n_columns - 1), min_size=n, max_size=n))
    indptr = before + np.cumsum([0, *counts])
    values = numbers((before + n,), draw(st.sampled_from(KINDS)))
    indices = np.array([-1] * before + columns)
    return values, indices.astype(kind), indptr.astype(kind), n_columns


def plain_rows(parts: tuple[Any, ...], dtype: Any, scale: float) -> np.ndarray:
    values, indices, indptr, n_columns = parts
    rows = np.zeros((len(indptr) - 1, n_columns), dtype)
    for i in range(len(rows)):
        for k in range(indptr[i], indptr[i + 1]):
            rows[i, indices[k]] += dtype(values[k]) * dtype(scale)
    return rows


@modest
@given(
    parts=csr_parts(),
    dtype=st.sampled_from(FLOATS),
    scale=st.sampled_from([1.0, 1 / 255, 0.5]),
    data=st.data(),
)
def test_sparse_rows_are_those_written_out(parts, dtype, scale, data):
    values, indices, indptr, n_columns = parts
    expected = plain_rows(parts, dtype, scale)
    order = data.draw(st.lists(st.integers(0, len(expected) - 1), max_size=10))
    source = RowSource(values, scale, indices, indptr, n_columns)
    assert source.shape == expected.shape
    np.testing.assert_array_equal(gathered(source, None, dtype), expected)
    np.testing.assert_array_equal(gathered(source, order, dtype), expected[order])


SPARSE = {
    "values": np.array([1.0, 2.0, 3.0]),
    "indices": np.array([0, 3, 1], np.int32),
    "indptr": np.array([0, 2, 2, 3], np.int32),
    "n_columns": 4,
}
DAMAGES: dict[str, tuple[dict[str, Any], str]] = {
    "a column too large": ({"indices": [0, 4, 1]}, r"indices from 0 to 3, got 4 at 1"),
    "a column far too large": ({"indices": [0, 2**31 - 1, 1]}, "indices from 0 to 3"),
    "a column below 0": ({"indices": [0, 3, -1]}, r"indices from 0 to 3, got -1 at 2"),
    "no columns": ({"n_columns": 0}, "indices from 0 to -1"),
    "columns below 0": ({"n_columns": -1}, "as many indices as entries"),
    "too few columns": ({"indices": [0, 3]}, "as many indices as entries, and an indptr"),
    "too many columns": ({"indices": [0, 3, 1, 1]}, "as many indices as entries"),
    "an end too far": ({"indptr": [0, 2, 2, 4]}, "indptr from 0 to 3, got 0 to 4"),
    "a start below 0": ({"indptr": [-1, 2, 2, 3]}, "indptr from 0 to 3, got -1 to 3"),
    "a step back": ({"indptr": [0, 3, 2, 3]}, "indptr to rise, got 3 before 2 in row 1"),
    "far and back": ({"indptr": [0, 2**31 - 1, 2, 3]}, "indptr to rise"),
    "an end before the start": ({"indptr": [3, 2, 1, 0]}, "indptr to rise"),
    "no indptr": ({"indptr": []}, "and an indptr, got 3, 3 and 0"),
}


@pytest.mark.parametrize("kind", [np.int32, np.int64])
@pytest.mark.parametrize(("changes", "match"), DAMAGES.values(), ids=DAMAGES)
def test_sparse_rows_that_do_not_go_together_are_refused(changes, match, kind):
    given_ = {**SPARSE, **changes}
    for name in ("indices", "indptr"):
        given_[name] = np.array(given_[name], kind)
    with pytest.raises(ValueError, match="^inputs: expected .*" + match):
        RowSource(**given_, name="inputs")


def test_arrays_of_other_kinds_are_refused():
    X = np.ones((3, 4))
    odd = [X[:, ::2], X.T, X[0], X[None], X.astype("f2"), X.astype("i8"), X.astype(">f8"), None]
    odd += [X.astype(object), X.astype("i1"), X * 1j, [[1.0]], 1.0, np.float64(1)]
    for values in odd:
        with pytest.raises((TypeError, ValueError)):
            RowSource(values)
    for name in ("indices", "indptr"):
        for kind in ("u4", "i2", "f8", "i8", ">i4"):
            with pytest.raises(TypeError, match="both int32 or both int64"):
                RowSource(**{**SPARSE, name: SPARSE[name].astype(kind)})
        with pytest.raises(ValueError, match="C-contiguous"):
            RowSource(**{**SPARSE, name: np.repeat(SPARSE[name], 2)[::2]})
    unaligned = np.frombuffer(b"\0" * 33, np.uint8)[1:].view(np.float64).reshape(2, 2)
    with pytest.raises((TypeError, ValueError)):
        RowSource(unaligned)


def test_arrays_changed_after_the_check_lead_to_nothing_outside_of_them():
    parts = {name: np.copy(part) for name, part in SPARSE.items() if name != "n_columns"}
    source = RowSource(**parts, n_columns=4)
    parts["indices"][:] = [-(2**31), 2**31 - 1, 1]
    np.testing.assert_array_equal(gathered(source, None, np.float64)[:2], np.zeros((2, 4)))
    parts["indptr"][:] = [-(2**31), 2**31 - 1, 5, -7]
    np.testing.assert_array_equal(gathered(source, None, np.float64), np.zeros((3, 4)))


def test_the_arrays_are_held_as_long_as_they_are_read():
    values = np.arange(6.0).reshape(3, 2)
    source = RowSource(values)
    with pytest.raises(ValueError, match="resize"):
        values.resize((1, 2))
    del values
    np.testing.assert_array_equal(gathered(source, None, np.float64)[2], [4, 5])


def test_rows_that_are_not_there_are_refused():
    source = RowSource(np.ones((3, 2)))
    with pytest.raises(ValueError, match="out: expected at most 3 rows, got 4"):
        gather(source, np.empty((4, 2)))
    with pytest.raises(ValueError, match="out: expected one row of 2 numbers"):
        gather(source, np.empty((3, 3)))
    with pytest.raises(ValueError, match="out: expected one row of 2 numbers"):
        gather(source, np.empty((3, 2)), np.zeros(2, np.intp))
    for bad in (-1, 3):
        with pytest.raises(ValueError, match=f"order: expected 0 to 2, got {bad}"):
            gather(source, np.empty((1, 2)), np.array([bad], np.intp))
