"""The dense kernels against NumPy's products."""

from __future__ import annotations

import numpy as np
import pytest
from closeness import assert_close
from damage import assert_refused, cases, read_only
from hypothesis import given
from strategies import FLOATS, layer_arguments, modest

from fastnn._core.dense import dense_backward, dense_forward

# Odd, long and thin: (m, n_in, n_out) with sizes on both sides of BLAS's blocking.
LARGE = [(1, 785, 1), (1, 1, 301), (257, 1, 1), (65, 129, 33), (10, 784, 30), (3, 513, 127)]


def wide(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple(array.astype(np.float64) for array in arrays)


def nan_like(array: np.ndarray) -> np.ndarray:
    return np.full_like(array, np.nan)


def check_forward(inp: np.ndarray, weights: np.ndarray, biases: np.ndarray) -> None:
    out = np.full((len(inp), len(weights)), np.nan, dtype=inp.dtype)
    assert dense_forward(out, read_only(inp), read_only(weights), read_only(biases)) is None
    x, w, b = wide(inp, weights, biases)
    assert_close(out, x @ w.T + b, np.abs(x) @ np.abs(w).T + np.abs(b), inp.shape[1] + 1)


def check_backward(dout: np.ndarray, inp: np.ndarray, weights: np.ndarray) -> None:
    dinp, dweights = nan_like(inp), nan_like(weights)
    dbiases = np.full(len(weights), np.nan, dtype=inp.dtype)
    assert (
        dense_backward(dinp, dweights, dbiases, read_only(dout), read_only(inp), read_only(weights))
        is None
    )
    d, x, w = wide(dout, inp, weights)
    m, n_out = dout.shape
    assert_close(dinp, d @ w, np.abs(d) @ np.abs(w), n_out)
    assert_close(dweights, d.T @ x, np.abs(d).T @ np.abs(x), m)
    assert_close(dbiases, d.sum(axis=0), np.abs(d).sum(axis=0), m)


@modest
@given(layer_arguments())
def test_forward_is_x_w_transposed_plus_b(arguments):
    inp, weights, biases, _ = arguments
    check_forward(inp, weights, biases)


@modest
@given(layer_arguments())
def test_backward_is_the_three_gradients(arguments):
    inp, weights, _, dout = arguments
    check_backward(dout, inp, weights)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", LARGE)
def test_large_and_thin_layers(dtype, shape):
    m, n_in, n_out = shape
    draw = np.random.default_rng(m + n_in + n_out).standard_normal
    inp, weights, biases, dout = (
        draw(size).astype(dtype) for size in ((m, n_in), (n_out, n_in), n_out, (m, n_out))
    )
    check_forward(inp, weights, biases)
    check_backward(dout, inp, weights)


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_worked_example(dtype):
    """By hand: 1·2 + 2·3 + 10 = 18 and 1·(−1) + 2·4 − 10 = −3, then back from dout (1, 10)."""
    inp, weights = np.array([[1, 2]], dtype), np.array([[2, 3], [-1, 4]], dtype)
    out = np.empty((1, 2), dtype)
    dense_forward(out, inp, weights, np.array([10, -10], dtype))
    np.testing.assert_array_equal(out, [[18, -3]])
    dinp, dweights, dbiases = np.empty_like(inp), np.empty_like(weights), np.empty(2, dtype)
    dense_backward(dinp, dweights, dbiases, np.array([[1, 10]], dtype), inp, weights)
    np.testing.assert_array_equal(dinp, [[-8, 43]])
    np.testing.assert_array_equal(dweights, [[1, 2], [10, 20]])
    np.testing.assert_array_equal(dbiases, [1, 10])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_nan_or_infinity_reaches_its_own_row_only(bad):
    inp, weights = np.ones((3, 4)), np.ones((2, 4))
    inp[1, 2] = bad
    out = np.zeros((3, 2))
    dense_forward(out, inp, weights, np.zeros(2))
    np.testing.assert_array_equal(out, [[4, 4], [bad, bad], [4, 4]])


def forward_arguments(m: int = 3, n_in: int = 4, n_out: int = 2) -> dict[str, np.ndarray]:
    return {
        "out": np.zeros((m, n_out)),
        "inp": np.ones((m, n_in)),
        "weights": np.ones((n_out, n_in)),
        "biases": np.ones(n_out),
    }


def backward_arguments(m: int = 3, n_in: int = 4, n_out: int = 2) -> dict[str, np.ndarray]:
    return {
        "dinp": np.zeros((m, n_in)),
        "dweights": np.zeros((n_out, n_in)),
        "dbiases": np.zeros(n_out),
        "dout": np.ones((m, n_out)),
        "inp": np.ones((m, n_in)),
        "weights": np.ones((n_out, n_in)),
    }


@pytest.mark.parametrize(("argument", "damage"), cases(forward_arguments()))
def test_forward_refuses(argument, damage):
    assert_refused(dense_forward, forward_arguments(), argument, damage)


@pytest.mark.parametrize(("argument", "damage"), cases(backward_arguments()))
def test_backward_refuses(argument, damage):
    assert_refused(dense_backward, backward_arguments(), argument, damage)


@pytest.mark.parametrize("argument", ["weights", "biases", "out"])
def test_a_wrong_shape_is_named(argument):
    arguments = forward_arguments()
    arguments[argument] = np.ones(np.add(arguments[argument].shape, 1))
    with pytest.raises(ValueError, match=rf"^{argument}: expected shape \(.*\), got \(.*\)$"):
        dense_forward(**arguments)


@pytest.mark.parametrize("name", ["out", "dinp", "dweights", "dbiases"])
def test_an_output_that_cannot_be_written_is_refused(name):
    function, arguments = (
        (dense_forward, forward_arguments())
        if name == "out"
        else (dense_backward, backward_arguments())
    )
    arguments[name].flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        function(**arguments)
