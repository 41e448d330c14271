"""The normalization kernels against plain NumPy, and what they refuse."""

from __future__ import annotations

import norm_twin
import numpy as np
import pytest
from closeness import assert_close
from damage import assert_refused, cases, read_only
from hypothesis import given
from hypothesis import strategies as st
from strategies import FLOATS, dtypes, lengths, modest, seeds

from fastnn._core import norm as _norm

EPS = 1e-5


def draw(seed: int, dtype: np.dtype, *shapes: tuple[int, ...]) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def nans(like: np.ndarray, *shape: int) -> np.ndarray:
    return np.full(shape or like.shape, np.nan, like.dtype)


def run_columns(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray) -> dict[str, np.ndarray]:
    n = x.shape[1]
    out = {"x": x.copy(), "xhat": nans(x), **{k: nans(x, n) for k in ("mean", "variance")}}
    out["inverse"] = nans(x, n)
    assert (
        _norm.columns_forward(*out.values(), gamma=read_only(gamma), beta=read_only(beta), eps=EPS)
        is None
    )
    return out


def run_blocks(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, groups: int
) -> dict[str, np.ndarray]:
    out = {"x": x.copy(), "xhat": nans(x), "inverse": nans(x, len(x), groups)}
    assert _norm.blocks_forward(*out.values(), read_only(gamma), read_only(beta), EPS) is None
    return out


@modest
@given(seeds, dtypes, st.integers(2, 40), lengths)
def test_columns_forward_and_backward(seed, dtype, m, n):
    x, gamma, beta, dy = draw(seed, dtype, (m, n), (n,), (n,), (m, n))
    twin = norm_twin.forward("batch_norm", x, gamma, beta, 1, EPS)
    out = run_columns(x, gamma, beta)
    assert_close(out["x"], twin.y, twin.y_size)
    assert_close(out["mean"], twin.mean, np.abs(x).max(axis=0))
    assert_close(out["variance"], twin.variance, 4 * (x**2).max(axis=0))
    assert_close(out["inverse"], twin.inverse.ravel(), twin.y_size.max() * twin.inverse.ravel())
    delta, dgamma, dbeta = dy.copy(), nans(gamma), nans(gamma)
    arguments = [read_only(a) for a in (out["xhat"], out["inverse"], gamma)]
    assert _norm.columns_backward(delta, dgamma, dbeta, *arguments) is None
    expected = norm_twin.backward("batch_norm", dy, twin, 1)
    for actual, (value, size) in zip((delta, dgamma, dbeta), expected, strict=True):
        assert_close(actual, value, size)


@modest
@given(seeds, dtypes, lengths, st.integers(1, 4), st.integers(1, 5), st.integers(1, 9))
def test_blocks_forward_and_backward(seed, dtype, m, groups, per_group, spatial):
    if per_group * spatial == 1:
        per_group = 2
    channels = groups * per_group
    shape = (m, channels, spatial)
    x, gamma, beta, dy = draw(seed, dtype, shape, (channels,), (channels,), shape)
    twin = norm_twin.forward("group_norm", x, gamma, beta, groups, EPS)
    out = run_blocks(x, gamma, beta, groups)
    assert_close(out["x"], twin.y, twin.y_size)
    inverse = twin.inverse.reshape(m, groups)
    assert_close(out["inverse"], inverse, twin.y_size.max() * inverse)
    delta, dgamma, dbeta = dy.copy(), nans(gamma), nans(gamma)
    arguments = [read_only(a) for a in (out["xhat"], out["inverse"], gamma)]
    assert _norm.blocks_backward(delta, dgamma, dbeta, *arguments) is None
    expected = norm_twin.backward("group_norm", dy, twin, groups)
    for actual, (value, size) in zip((delta, dgamma, dbeta), expected, strict=True):
        assert_close(actual, value, size)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("offset", [0, 1e6, -1e6])
def test_a_large_mean_costs_no_digits(dtype, offset):
    """The noise as it is in x, after rounding, is what the statistics must be those of."""
    (noise,) = draw(5, np.dtype(np.float64), (401, 7))
    x = (offset + noise).astype(dtype)
    exact = x.astype(np.float64) - offset
    out = run_columns(x, np.ones(7, dtype), np.zeros(7, dtype))
    np.testing.assert_allclose(out["variance"], exact.var(axis=0), rtol=1e-6)
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(out["mean"], offset + exact.mean(axis=0), rtol=eps, atol=20 * eps)
    rows = run_blocks(x[:, np.newaxis], np.ones(1, dtype), np.zeros(1, dtype), 1)["inverse"]
    np.testing.assert_allclose(1 / rows[:, 0].astype(np.float64) ** 2 - EPS, exact.var(1), 1e-6)
    moved = exact - exact.mean(axis=0)
    np.testing.assert_allclose(out["x"], moved / np.sqrt(moved.var(0) + EPS), atol=40 * eps)


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_worked_example(dtype):
    """Columns (0, 4) and (3, 3): means 2 and 3, variances 4 and 0."""
    x, gamma, beta = (np.array(a, dtype) for a in ([[0, 3], [4, 3]], [2, 5], [10, -1]))
    out = [x, nans(x), *(nans(gamma) for _ in range(3))]
    _norm.columns_forward(*out, gamma, beta, 1e-30)
    np.testing.assert_array_equal(x, [[8, -1], [12, -1]])
    np.testing.assert_array_equal(out[2:4], [[2, 3], [4, 0]])
    running = np.array([1, 1], dtype), np.array([1, 1], dtype)
    _norm.running_update(*running, out[2], out[3], 2, 0.5)
    np.testing.assert_array_equal(running, [[1.5, 2], [4.5, 0.5]])
    x = np.array([[6, 1]], dtype)
    _norm.running_forward(x, *(np.array(a, dtype) for a in ([2, 1], [3, 8])), gamma, beta, 1)
    np.testing.assert_array_equal(x, [[14, -1]])


@modest
@given(seeds, dtypes, st.integers(2, 50), lengths, st.floats(0.01, 1))
def test_running_statistics(seed, dtype, m, n, momentum):
    x, gamma, beta, mean, deviation = draw(seed, dtype, (m, n), *[(n,)] * 4)
    variance = deviation**2
    out = run_columns(x, gamma, beta)
    running = mean.copy(), variance.copy()
    _norm.running_update(*running, read_only(out["mean"]), read_only(out["variance"]), m, momentum)
    wide = x.astype(np.float64)
    largest = np.abs(wide).max(axis=0)
    for actual, old, new, size in (
        (running[0], mean, wide.mean(axis=0), largest),
        (running[1], variance, wide.var(axis=0, ddof=1), 8 * largest**2),
    ):
        assert_close(actual, (1 - momentum) * old + momentum * new, np.abs(old) + size)
    y = x.copy()
    _norm.running_forward(y, *(read_only(a) for a in (mean, variance, gamma, beta)), EPS)
    scale = gamma / np.sqrt(variance.astype(np.float64) + EPS)
    size = (np.abs(wide) + np.abs(mean)) * np.abs(scale) + np.abs(beta)
    assert_close(y, (wide - mean) * scale + beta, 2 * size)


def matrix() -> np.ndarray:
    return np.arange(6.0).reshape(3, 2)


CALLS = {
    "columns_forward": {
        "x": matrix(),
        "xhat": matrix(),
        **{name: np.ones(2) for name in ("mean", "variance", "inverse", "gamma", "beta")},
        "eps": EPS,
    },
    "columns_backward": {
        "delta": matrix(),
        "dgamma": np.ones(2),
        "dbeta": np.ones(2),
        "xhat": matrix(),
        "inverse": np.ones(2),
        "gamma": np.ones(2),
    },
    "running_update": {
        **{k: np.ones(2) for k in ("running_mean", "running_variance", "mean", "variance")},
        "m": 3,
        "momentum": 0.1,
    },
    "running_forward": {
        "x": matrix(),
        **{k: np.ones(2) for k in ("running_mean", "running_variance", "gamma", "beta")},
        "eps": EPS,
    },
    "blocks_forward": {
        "x": np.arange(24.0).reshape(3, 4, 2),
        "xhat": np.ones((3, 4, 2)),
        "inverse": np.ones((3, 2)),
        "gamma": np.ones(4),
        "beta": np.ones(4),
        "eps": EPS,
    },
    "blocks_backward": {
        "delta": np.arange(24.0).reshape(3, 4, 2),
        "dgamma": np.ones(4),
        "dbeta": np.ones(4),
        "xhat": np.ones((3, 4, 2)),
        "inverse": np.ones((3, 2)),
        "gamma": np.ones(4),
    },
}
FINE = {
    # One group fewer is one group, which divides the channels too.
    "blocks_forward": [("inverse", "a column fewer")],
    "blocks_backward": [("inverse", "a column fewer")],
    # Nothing else goes by the number of rows.
    "running_forward": [("x", "a row more"), ("x", "a row fewer")],
}


@pytest.mark.parametrize(
    ("function", "argument", "damage"),
    [
        pytest.param(name, *case.values, id=f"{name}-{case.id}")
        for name, arguments in CALLS.items()
        for case in cases(arguments, skip=FINE.get(name, ()))
    ],
)
def test_what_does_not_fit_is_refused(function, argument, damage):
    assert_refused(getattr(_norm, function), CALLS[function], argument, damage)


@pytest.mark.parametrize("columns", [0, 3, 8])
def test_groups_must_divide_the_channels(columns):
    arguments = {**CALLS["blocks_forward"], "inverse": np.ones((3, columns))}
    with pytest.raises(ValueError, match=f"divide 4 channels, got {columns}"):
        _norm.blocks_forward(**arguments)


def test_one_row_has_no_unbiased_variance():
    with pytest.raises(ValueError, match="m: expected 2 rows or more, got 1"):
        _norm.running_update(**{**CALLS["running_update"], "m": 1})


def test_the_numbers_are_those_of_the_enumeration():
    """Plans count on them."""
    assert {norm.name: int(norm) for norm in _norm.Norm} == {"NO_NORM": 0, "BATCH": 1, "GROUP": 2}
