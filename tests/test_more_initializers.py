"""Epsilon and orthogonal weights: moments, orthonormality, and no preferred direction."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fastnn import initializers as ini
from fastnn._common.rng import GlobalRandom

SHAPES = [(1, 1), (1, 5), (5, 1), (4, 4), (7, 3), (3, 7), (300, 400), (400, 300)]


def drawn(initializer: ini.Initializer, n_out: int, n_in: int, seed: int = 0) -> np.ndarray:
    return initializer.weights(np.random.default_rng(seed), n_out, n_in)


@pytest.mark.parametrize(("initializer", "epsilon"), [(ini.Epsilon(), 0.12), (ini.Epsilon(3), 3)])
def test_epsilon_moments_and_limits(initializer: ini.Epsilon, epsilon: float) -> None:
    weights = drawn(initializer, 300, 400)
    assert weights.shape == (300, 400)
    u, n = weights.ravel() / epsilon, weights.size
    assert -1 <= u.min() < -1 + 1e-3 and 1 - 1e-3 < u.max() <= 1
    assert abs(u.mean()) < 5 * math.sqrt(1 / 3 / n)
    assert abs((u**2).mean() - 1 / 3) < 5 * math.sqrt(4 / 45 / n)


def test_epsilon_suits_the_network_it_was_meant_for() -> None:
    assert round(math.sqrt(6) / math.sqrt(400 + 25), 2) == ini.Epsilon().epsilon


@pytest.mark.parametrize("gain", [1.0, math.sqrt(2), 1e-3])
@pytest.mark.parametrize(("n_out", "n_in"), SHAPES)
def test_rows_or_columns_are_orthonormal(n_out: int, n_in: int, gain: float) -> None:
    weights = drawn(ini.Orthogonal(gain), n_out, n_in)
    assert weights.shape == (n_out, n_in) and weights.dtype == np.float64
    assert weights.flags.c_contiguous
    products = weights @ weights.T if n_out <= n_in else weights.T @ weights
    expected = gain**2 * np.eye(min(n_out, n_in))
    np.testing.assert_allclose(products, expected, rtol=0, atol=1e-13 * gain**2)


def test_a_tall_layer_keeps_lengths() -> None:
    x = np.random.default_rng(1).normal(size=(30, 20))
    lengths = np.linalg.norm(x @ drawn(ini.Orthogonal(2.0), 50, 20).T, axis=1)
    np.testing.assert_allclose(lengths, 2 * np.linalg.norm(x, axis=1), rtol=1e-13)


@pytest.mark.parametrize(("n_out", "n_in"), [(3, 3), (4, 2), (2, 4), (1, 2)])
def test_all_directions_are_equally_likely(n_out: int, n_in: int) -> None:
    """Moments of Haar's measure; QR alone, without its signs, has a mean far from 0."""
    rng = np.random.default_rng(3)
    n, d = 4000, max(n_out, n_in)
    draws = np.array([ini.Orthogonal().weights(rng, n_out, n_in) for _ in range(n)])
    variance = 1 / d
    fourth = 3 / (d * (d + 2))
    assert np.abs(draws.mean(0)).max() < 5 * math.sqrt(variance / n)
    assert np.abs((draws**2).mean(0) - variance).max() < 5 * math.sqrt((fourth - variance**2) / n)
    assert np.abs((draws**4).mean(0) - fourth).max() < 5 * math.sqrt(1 / n)


def test_the_trace_of_a_rotation() -> None:
    """For Haar's measure on d × d its mean is 0 and its variance 1."""
    rng = np.random.default_rng(4)
    traces = np.array([np.trace(ini.Orthogonal().weights(rng, 5, 5)) for _ in range(4000)])
    assert abs(traces.mean()) < 5 / math.sqrt(4000)
    assert abs((traces**2).mean() - 1) < 5 * math.sqrt(2 / 4000)


@pytest.mark.parametrize("name", ["epsilon", "orthogonal"])
def test_seeds_names_and_biases(name: str) -> None:
    initializer = ini.get(name)
    assert initializer == ini.NAMES[name]()
    one, again, other = (drawn(initializer, 6, 4, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert not np.isclose(one, other).any()
    biases = initializer.biases(np.random.default_rng(0), 6)
    assert biases.shape == (6, 1) and not biases.any()


@pytest.mark.parametrize("name", ["epsilon", "orthogonal"])
def test_the_global_state_serves_them(name: str) -> None:
    draws = []
    for _ in range(2):
        np.random.seed(1)
        draws.append(ini.get(name).weights(GlobalRandom(), 5, 4))
    assert draws[0].shape == (5, 4)
    np.testing.assert_array_equal(*draws)


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: ini.Epsilon(-0.1), ValueError, "epsilon: expected a finite number of 0 or more"),
        (lambda: ini.Epsilon("0.1"), TypeError, "epsilon: expected a number, got '0.1'"),
        (lambda: ini.Orthogonal(0), ValueError, "gain: expected a finite number above 0, got 0"),
        (lambda: ini.Orthogonal(math.nan), ValueError, "gain: expected a finite number above 0"),
        (lambda: ini.Orthogonal(None), TypeError, "gain: expected a number, got None"),
    ],
    ids=range(5),
)
def test_what_is_refused(make: Callable[[], Any], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=rf"\A{match}"):
        make()
