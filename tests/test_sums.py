"""Sums in C are those of NumPy, to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastnn._core.sums import Term, sum_of


@given(
    n=st.integers(0, 5000),
    dtype=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 1000),
)
def test_same_as_numpys(n: int, dtype: type, seed: int) -> None:
    x, y = np.random.default_rng(seed).normal(size=(2, n)).astype(dtype)
    errors = np.subtract(x, y, dtype=np.float64)
    assert sum_of(x, y, Term.SQUARE) == np.sum(np.square(x, dtype=np.float64))
    assert sum_of(x, y, Term.MAGNITUDE) == np.sum(np.abs(x), dtype=np.float64)
    assert sum_of(x, y, Term.SQUARED_ERROR) == np.sum(np.square(errors))
    assert sum_of(x, y, Term.ABSOLUTE_ERROR) == np.sum(np.abs(errors))


def test_the_squares_of_large_float32_are_numbers() -> None:
    x = np.full(3, 1e30, np.float32)
    assert sum_of(x, -x, Term.SQUARED_ERROR) == pytest.approx(12e60)


@pytest.mark.parametrize(
    "y, term, text",
    [(np.ones(2), Term.SQUARE, "y: expected 3"), (np.ones(3), 4, "term: expected 0 to 3, got 4")],
)
def test_bad_input_is_refused(y: np.ndarray, term: int, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        sum_of(np.ones(3), y, term)
