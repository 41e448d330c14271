"""Hypothesis strategies for the shapes and arrays that the kernels take."""

from __future__ import annotations

import os

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

FLOATS = (np.float32, np.float64)

# Enough to meet every edge of shapes this small, and still short: the kernels have many tests.
# A share of them is enough where the same tests run once more, for another instruction set.
SHARE = float(os.environ.get("FASTNN_EXAMPLES") or 1)
modest = settings(max_examples=max(1, round(40 * SHARE)), deadline=None)
few = settings(max_examples=max(1, round(15 * SHARE)), deadline=None)

dtypes = st.sampled_from([np.dtype(dtype) for dtype in FLOATS])

# Lengths around those of SIMD registers and of BLAS's tiles, one included.
lengths = st.one_of(st.integers(1, 9), st.sampled_from([15, 16, 17, 31, 33]))

# (m, n) of a layer's output and (m, n_in, n_out) of a layer.
blocks = st.tuples(lengths, lengths)
layers = st.tuples(lengths, lengths, lengths)

seeds = st.integers(0, 2**32 - 1)


def numbers(dtype: np.dtype, low: float, high: float) -> st.SearchStrategy[float]:
    """Finite floats of ``dtype`` from ``low`` to ``high``, the ends included."""
    return st.floats(low, high, width=8 * dtype.itemsize)


def any_number(dtype: np.dtype) -> st.SearchStrategy[float]:
    """Any float of ``dtype``: subnormal, largest, infinite and NaN included."""
    return st.floats(width=8 * dtype.itemsize)


def arrays(
    dtype: np.dtype, shape: tuple[int, ...], low: float = -100.0, high: float = 100.0
) -> st.SearchStrategy[np.ndarray]:
    """C-contiguous arrays of finite numbers from ``low`` to ``high``."""
    return hnp.arrays(dtype, shape, elements=numbers(dtype, low, high))


@st.composite
def layer_arguments(
    draw: st.DrawFn,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(inp, weights, biases, dout) of a dense layer, all of one dtype."""
    dtype = draw(dtypes)
    m, n_in, n_out = draw(layers)
    shapes = ((m, n_in), (n_out, n_in), (n_out,), (m, n_out))
    return tuple(draw(arrays(dtype, shape)) for shape in shapes)


@st.composite
def network_sizes(draw: st.DrawFn, most_layers: int = 3) -> tuple[int, ...]:
    """Neurons a layer, the input layer first."""
    return tuple(draw(st.lists(st.integers(1, 7), min_size=2, max_size=most_layers + 1)))
