"""Adam's quotient for numbers of every size and for no numbers: the kernel against NumPy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from test_rules import rule

from fastnn._core.optimizer import Optimizer, optimizer_step

HUGE = {np.float32: 1e19, np.float64: 1e154}
GRADIENTS = [0.0, -0.0, 1.0, -3.7, 1e-3, 1e-8, -1e-12, 1e-22, 1e-30, 5e-38, 1e6, -1e12, 3e18]
OF_DOUBLE = [1e-100, -3e-151, 1e-160, 5e-324, 1e60, 9e99, -2e100, 7e149]


def stepped(gradient: np.ndarray, eps: float) -> tuple[np.ndarray, np.ndarray]:
    """Parameters of 0 after two steps of ``gradient``, and the same by NumPy."""
    by = rule(Optimizer.ADAM, eps=eps, epsilon_hat=False)
    parameters = np.zeros_like(gradient)
    slots = np.zeros((by.n_slots, len(gradient)), gradient.dtype)
    expected = np.zeros_like(gradient)
    mean, square = np.zeros_like(gradient), np.zeros_like(gradient)
    first, second = (gradient.dtype.type(x) for x in (0.8, 0.95))
    for t in (1, 2):
        optimizer_step(by, parameters, gradient, slots, 0.1, t)
        mean = first * mean + (1 - first) * gradient
        square = second * square + (1 - second) * gradient * gradient
        corrected, root = 0.1 / (1 - 0.8**t), 1 / np.sqrt(1 - 0.95**t)
        wide = np.float64 if gradient.dtype == np.float32 else np.longdouble
        expected = expected - (
            corrected * mean.astype(wide) / (np.sqrt(square.astype(wide)) * root + eps)
        )
    return parameters, expected.astype(gradient.dtype)


@pytest.mark.parametrize(
    ("dtype", "eps"),
    [*itertools.product([np.float32, np.float64], [1e-8, 1e-12, 0.03]), (np.float64, 1e-110)],
)
def test_every_size(dtype, eps):
    numbers = np.array(GRADIENTS + (OF_DOUBLE if dtype == np.float64 else []), dtype)
    with np.errstate(under="ignore", over="ignore"):
        parameters, expected = stepped(numbers, eps)
    # The smallest squares are 0 or lose digits: there both are far below eps, or both are large.
    known = (np.abs(numbers) > {np.float32: 1e-18, np.float64: 1e-150}[dtype]) | (eps > 1e-15)
    np.testing.assert_allclose(parameters[known], expected[known], rtol=20 * np.finfo(dtype).eps)
    assert np.isfinite(parameters).all() or eps < 1e-15


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_infinite_squares_and_no_numbers(dtype):
    numbers = np.array([HUGE[dtype] * 100, 1.0, np.nan, np.inf, -2.0], dtype)
    with np.errstate(all="ignore"):
        parameters, expected = stepped(numbers, 1e-8)
    np.testing.assert_allclose(parameters, expected, rtol=20 * np.finfo(dtype).eps)
    assert parameters[0] == 0
    assert np.isnan(parameters[2:4]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_number_depends_on_its_neighbours(dtype):
    """The same bits wherever it stands, also beside numbers that go another way."""
    rng = np.random.default_rng(0)
    numbers = (10.0 ** rng.uniform(-12, 12, 37) * rng.choice([-1, 1], 37)).astype(dtype)
    alone = np.concatenate([stepped(numbers[i : i + 1], 1e-8)[0] for i in range(37)])
    np.testing.assert_array_equal(stepped(numbers, 1e-8)[0], alone)
    with np.errstate(all="ignore"):
        mixed = np.insert(numbers, [3, 9, 20], [HUGE[dtype] * 100, np.nan, np.inf])
        parameters = np.delete(stepped(mixed, 1e-8)[0], [3, 10, 22])
    np.testing.assert_array_equal(parameters, alone)
