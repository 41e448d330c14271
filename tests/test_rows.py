"""Rows of any kind against NumPy's own conversion: dense, sparse, scaled, damaged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import FLOATS, modest

from fastnn._rows import RowSource, gather, stack

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
