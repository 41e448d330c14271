"""Steps per mini-batch's weights, and Adam by ε̂: the compiled epoch against NumPy."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from closeness import assert_close
from test_epoch import NO_SLOTS, PLAIN, Problem

from fastnn._core import epoch as _epoch
from fastnn._core.cost import Cost
from fastnn._core.optimizer import Optimizer, Rule
from fastnn._core.plan import LayerOptions, ParameterLayout, Workspace
from fastnn._core.thread_tuner import ThreadTuner

RATE = 0.1
CLIP = 0.2


def rule(kind: Optimizer, **chosen: float) -> Rule:
    numbers = {
        "first": 0.8, "second": 0.95, "eps": 0.03, "nesterov": True, "weight_decay": 0.0,
        "l2": 0.7, "l1": 0.02, "max_norm": 0.0, "epsilon_hat": True, "per_batch": True,
        "penalty_in_cost": 1.0,
    }  # fmt: skip
    return Rule(kind=kind, **(numbers | chosen))


def problem(dtype: type = np.float64) -> Problem:
    """23 rows in mini-batches of 5, the last one shorter."""
    made = Problem((4, 6, 3), "tanh", "softmax", Cost.LOG_LIKELIHOOD, 23, 5, dtype, seed=3)
    made.parameters[...] *= 3  # so that some outputs are near 0 and 1
    return made


def weights_of(made: Problem) -> np.ndarray:
    return np.random.default_rng(1).uniform(0.1, 3, made.n).astype(made.dtype)


def trained(
    made: Problem, by: Rule, row_weights: np.ndarray, epochs: int = 2, clip: float = 0.0
) -> float:
    """Train ``made`` in the core; return the last epoch's cost."""
    workspace = Workspace(
        ParameterLayout(made.sizes), [LayerOptions(name) for name in made.names],
        made.batch_size, np.dtype(made.dtype), made.cost, clip, by,
    )  # fmt: skip
    slots = NO_SLOTS[made.dtype]
    if by.kind != Optimizer.SGD:
        slots = np.zeros((by.n_slots, len(made.parameters)), made.dtype)
    counter, cost = np.zeros(1, np.uint64), 0.0
    for _ in range(epochs):
        cost = _epoch.train_epoch(
            workspace.compiled, by, made.parameters, made.running, slots, workspace.memory,
            made.X, made.Y, row_weights, made.order, np.array([RATE]),
            0, counter, True, ThreadTuner(1), np.empty(0),
        )  # fmt: skip
    return cost


class Twin:
    """The same in NumPy and float64, each formula as it is written."""

    def __init__(self, made: Problem, by: Rule, row_weights: np.ndarray) -> None:
        self.made, self.by, self.net = made, SimpleNamespace(**by.numbers), made.twin()
        self.arrays = [*self.net.weights, *self.net.biases]
        self.first = [np.zeros_like(array) for array in self.arrays]
        self.second = [np.zeros_like(array) for array in self.arrays]
        self.row_weights = row_weights if len(row_weights) else np.ones(made.n)
        self.t = 0

    def step(self, gradients: list[np.ndarray]) -> None:
        self.t += 1
        by = self.by
        for p, g, v, s in zip(self.arrays, gradients, self.first, self.second, strict=True):
            if by.kind == Optimizer.SGD:
                p -= RATE * g
            elif by.kind == Optimizer.MOMENTUM:
                v[...] = by.first * v - RATE * g
                p += by.first * v - RATE * g
            else:
                v[...] = by.first * v + (1 - by.first) * g
                s[...] = by.second * s + (1 - by.second) * g**2
                corrected = RATE * np.sqrt(1 - by.second**self.t) / (1 - by.first**self.t)
                p -= corrected * v / (np.sqrt(s) + by.eps)

    def epoch(self, clip: float = 0.0) -> float:
        cost, by, made = 0.0, self.by, self.made
        for start in range(0, made.n, made.batch_size):
            batch = made.order[start : start + made.batch_size]
            X, Y = made.X[batch].astype(np.float64), made.Y[batch].astype(np.float64)
            share = self.row_weights[batch].astype(np.float64)
            total = share.sum()
            out = self.net.forward(X)[1][-1]
            if clip:
                out = np.clip(out, clip, 1 - clip)
            squares = sum(np.sum(w**2) for w in self.net.weights)
            lengths = sum(np.sum(np.abs(w)) for w in self.net.weights)
            penalty = by.penalty_in_cost * (0.5 * by.l2 * squares + by.l1 * lengths) / total
            of_rows = -np.sum(Y * np.log(out), axis=1)
            cost += len(batch) * (np.average(of_rows, weights=share) + penalty)
            self.step(self.gradients(X, Y, share))
        return cost

    def gradients(self, X: np.ndarray, Y: np.ndarray, share: np.ndarray) -> list[np.ndarray]:
        each = [self.net.gradients(x[np.newaxis], y[np.newaxis])[1:]
                for x, y in zip(X, Y, strict=True)]  # fmt: skip
        sums = [[sum(w * one[part][l] for w, one in zip(share, each, strict=True))
                 for l in range(len(self.net.weights))] for part in (0, 1)]  # fmt: skip
        for dw, w in zip(sums[0], self.net.weights, strict=True):
            dw += self.by.l2 * w + self.by.l1 * np.sign(w)
        return [gradient / share.sum() for gradient in (*sums[0], *sums[1])]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", [Optimizer.SGD, Optimizer.MOMENTUM, Optimizer.ADAM])
def test_two_epochs_per_mini_batchs_weights_are_numpys(kind, weighted, dtype):
    made = problem(dtype)
    row_weights = weights_of(made) if weighted else np.empty(0, dtype)
    twin = Twin(made, rule(kind), row_weights)
    cost = trained(made, rule(kind), row_weights)
    twin.epoch()
    assert cost == pytest.approx(twin.epoch(), rel=1e-4 if dtype == np.float32 else 1e-11)
    # Each epoch's rounding goes through five steps and comes out larger.
    assert_close(made.parameters, twin.net.vector(), 500 * (1 + np.abs(twin.net.vector())))


@pytest.mark.parametrize("penalty_in_cost", [0.0, 2.0])
def test_the_cost_counts_penalties_as_told_and_clips_outputs(penalty_in_cost):
    by = rule(Optimizer.ADAM, penalty_in_cost=penalty_in_cost)
    made, other = problem(), problem()
    row_weights = weights_of(made)
    twin = Twin(made, by, row_weights)
    expected = twin.epoch(CLIP)
    assert trained(made, by, row_weights, epochs=1, clip=CLIP) == pytest.approx(expected, rel=1e-11)
    assert trained(other, by, row_weights, epochs=1) > expected
    # What the cost counts is not what is trained.
    np.testing.assert_array_equal(made.parameters, other.parameters)


def test_epsilon_hat_is_not_what_the_bias_correction_divides():
    made, other = problem(), problem()
    trained(made, rule(Optimizer.ADAM), np.empty(0))
    trained(other, rule(Optimizer.ADAM, epsilon_hat=False), np.empty(0))
    assert np.abs(made.parameters - other.parameters).max() > 0.01


def test_a_mini_batch_of_weight_nothing_ends_in_nan():
    made = problem()
    assert np.isnan(trained(made, rule(Optimizer.SGD), np.zeros(made.n), epochs=1))
    assert np.isnan(made.parameters).all()


def test_a_single_step_refuses_a_rule_whose_weights_it_cannot_know():
    made = problem()
    before = made.parameters.copy()
    m = made.forward(made.order)
    made.output_delta(m)
    with pytest.raises(ValueError, match="per_batch"):
        made.update(m, RATE, rule(Optimizer.SGD))
    np.testing.assert_array_equal(made.parameters, before)
    made.update(m, RATE, PLAIN)
    assert (made.parameters != before).any()
