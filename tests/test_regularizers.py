"""Regularizers: the penalty, the decay and the shrinkage worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import reference, regularizers
from fastnn.regularizers import L1, L1L2, L2, MaxNorm, Regularizer

# Σ|w| = 10 and Σw² = 30
WEIGHTS = [np.array([[1.0, -2.0], [0.0, 3.0]]), np.array([[-4.0, 0.0]])]
# l1/n Σ|w| + l2/2n Σw², n = 5
PENALTIES = {
    "none": (Regularizer(), 0.0),
    "l2": (L2(2.0), 6.0),
    "l1": (L1(3.0), 6.0),
    "both": (L1L2(3.0, 2.0), 12.0),
    "by-name": (Regularizer(l1=0.5, l2=0.1), 1.3),
    "zero": (L1L2(0, 0), 0.0),
}
KINDS = [fastnn.Network, reference.Network]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize(("regularizer", "expected"), PENALTIES.values(), ids=PENALTIES)
def test_penalty(regularizer: Regularizer, expected: float, dtype: type) -> None:
    penalty = regularizer.penalty([w.astype(dtype) for w in WEIGHTS], n=5)
    assert type(penalty) is float
    assert penalty == pytest.approx(expected, rel=1e-14)


def test_penalty_is_summed_in_double() -> None:
    w = np.random.default_rng(0).normal(size=(300, 300)).astype(np.float32)
    wide = w.astype(np.float64)
    assert L2(2.0).penalty([w], n=1) == pytest.approx(np.sum(wide**2), rel=1e-12)
    assert L1(1.0).penalty([w], n=1) == pytest.approx(np.sum(np.abs(wide)), rel=1e-12)
    assert L2(2.0).penalty([np.array([[1e30]], dtype=np.float32)], n=1) == pytest.approx(1e60)


@pytest.mark.parametrize("bad", [np.inf, np.nan, 1e200])
def test_penalty_of_diverged_weights_is_no_warning(bad: float) -> None:
    penalty = L1L2(1.0, 1.0).penalty([np.array([[bad, 1.0]])], n=1)
    assert not math.isfinite(penalty)


def test_scaled() -> None:
    assert Regularizer(3.0, 2.0, 0.7).scaled(0.5) == Regularizer(1.5, 1.0, 0.7)


@pytest.mark.parametrize("kind", KINDS)
def test_max_norm_by_hand(kind: type) -> None:
    """After the step the neuron of length 5 is scaled back to 2; that of length 1 is let be."""
    net = kind([2, 2], fastnn.QuadraticCost, output="identity", initializer="zeros")
    net.weights[0] = [[3.0, -4.0], [0.6, 0.8]]
    net.biases[0] = [[9.0], [0.0]]
    net.fit([[0.0, 0.0]], [[9.0, 0.0]], epochs=1, batch_size=1, learning_rate=0.1,
            regularizer=MaxNorm(2.0))  # fmt: skip
    np.testing.assert_allclose(net.weights[0], [[1.2, -1.6], [0.6, 0.8]], rtol=1e-15)
    np.testing.assert_array_equal(net.biases[0], [[9.0], [0.0]])


@pytest.mark.parametrize("length", [0, -1.0, math.inf, math.nan])
def test_a_largest_length_is_above_0(length: float) -> None:
    with pytest.raises(ValueError, match=r"^max_norm: expected"):
        MaxNorm(length)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("regularizer", "l1", "l2"), [(L2(4.0), 0, 4), (L1L2(2, 6), 2, 6)])
def test_one_step_by_hand(kind: type, regularizer: Regularizer, l1: float, l2: float) -> None:
    """A network with one weight of each sign and no gradient: its input is zero."""
    net = kind([2, 1], fastnn.QuadraticCost, output="identity", initializer="zeros")
    net.weights[0] = [[0.8, -0.4]]
    net.fit([[0.0, 0.0]] * 4, [0.0] * 4, epochs=1, batch_size=4, learning_rate=0.1,
            regularizer=regularizer)  # fmt: skip
    decay, shrinkage = 1 - 0.1 * l2 / 4, 0.1 * l1 / 4
    expected = [[decay * 0.8 - shrinkage, decay * -0.4 + shrinkage]]
    np.testing.assert_allclose(net.weights[0], expected, rtol=1e-15)
    assert net.biases[0] == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("regularizer", [L1(5.0), L2(5.0), L1L2(5.0, 5.0)])
def test_biases_are_not_penalised(kind: type, regularizer: Regularizer) -> None:
    net = kind([2, 3, 1], fastnn.QuadraticCost, activation="relu", output="identity", rng=0)
    net.biases = [np.full((3, 1), -1.0), [[2.0]]]  # so that nothing is passed on
    net.weights[0] = np.full((3, 2), 0.1)
    net.fit([[0.0, 0.0]], [2.0], epochs=1, learning_rate=0.01, regularizer=regularizer)
    np.testing.assert_array_equal(net.biases[0], np.full((3, 1), -1.0))
    assert net.biases[1] == 2.0
    assert (np.abs(net.weights[0]) < 0.1).all()


@pytest.mark.parametrize(("regularizer", "expected"), PENALTIES.values(), ids=PENALTIES)
def test_the_recorded_cost_has_the_penalty(regularizer: Regularizer, expected: float) -> None:
    net = fastnn.Network([2, 2, 1], fastnn.QuadraticCost, output="identity", initializer="zeros")
    net.weights = WEIGHTS
    X, y = np.zeros((5, 2)), [0.0] * 5
    net.biases = [np.zeros((2, 1)), [[2.0]]]  # the hidden outputs of ½ add −4·½ to it
    history = net.fit(X, y, epochs=1, learning_rate=0.0, regularizer=regularizer)
    assert history["training_cost"] == [pytest.approx(expected, rel=1e-14)]
    assert net.total_cost((X, y), 2.0) == pytest.approx(6.0, rel=1e-14)


def test_strengths_add_up_over_an_epoch() -> None:
    """The book's scale: an epoch of n/m steps shrinks by (1 − ηλ/n)^(n/m), whatever m is."""
    for batch_size, steps in ((1, 6), (2, 3), (6, 1)):
        net = fastnn.Network([1, 1], fastnn.QuadraticCost, output="identity", initializer="zeros")
        net.weights[0] = [[1.0]]
        net.fit(np.zeros((6, 1)), [0.0] * 6, epochs=2, batch_size=batch_size, learning_rate=0.5,
                regularizer=L2(1.2))  # fmt: skip
        assert net.weights[0] == pytest.approx((1 - 0.5 * 1.2 / 6) ** (2 * steps), rel=1e-14)


def test_none_is_no_penalty_and_objects_are_themselves() -> None:
    assert regularizers.get(None) == Regularizer(0.0, 0.0)
    given = L2(5.0)
    assert regularizers.get(given) is given
    assert (L1(1.0), L2(2.0)) == (Regularizer(l1=1.0), Regularizer(l2=2.0))
    assert L1L2(1.0, 2.0) == Regularizer(l1=1.0, l2=2.0) != L1L2(2.0, 1.0)


@pytest.mark.parametrize("make", [L1, L2, lambda s: L1L2(s, 1.0), lambda s: L1L2(1.0, s)])
@pytest.mark.parametrize(
    ("strength", "error"),
    [
        (-1.0, ValueError),
        (-1e-300, ValueError),
        (math.nan, ValueError),
        (math.inf, ValueError),
        (10**400, ValueError),
        ("5", TypeError),
        (None, TypeError),
        (True, TypeError),
        (1j, TypeError),
        ([5.0], TypeError),
        (np.ones(3), TypeError),
    ],
    ids=range(11),
)
def test_strengths_that_are_none(make: Any, strength: Any, error: type) -> None:
    with pytest.raises(error, match=r"^l[12]: expected a (finite )?number"):
        make(strength)


@pytest.mark.parametrize("given", ["l2", 0.1, L2, (1.0, 2.0), {"l2": 1.0}])
def test_what_is_no_regularizer(given: Any) -> None:
    with pytest.raises(TypeError, match="regularizer: expected None or an object"):
        regularizers.get(given)
