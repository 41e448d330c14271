"""``backprop``: the gradient of one example by a short way, equal to the usual one's."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import reference
from fastnn._core import engine
from fastnn._core.example import ExampleGradient
from fastnn.book import network, network2

rng = np.random.default_rng(0)
X = rng.random((6, 5))
KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "quadratic": {"cost": fastnn.QuadraticCost},
    "softmax": {"cost": fastnn.LogLikelihoodCost},
    "huber": {"cost": fastnn.HuberCost(0.1), "activation": "tanh"},
    "gelu": {"activation": "gelu"},
    "layer norm": {"normalization": "layer"},
    "dropout": {"dropout": 0.5},
    "scaled": {"input_scale": 0.25},
}


def flat(gradient: tuple[list[np.ndarray], list[np.ndarray]]) -> np.ndarray:
    return np.concatenate([np.ravel(each) for part in gradient for each in part])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_references_gradient(kind: str, dtype: str) -> None:
    nets = [
        each.Network([5, 4, 3], rng=1, dtype=dtype, **KINDS[kind]) for each in (fastnn, reference)
    ]
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    for x, label in zip(X, (0, 1, 2, 0, 1, 2), strict=True):
        y = np.eye(3)[:, [label]]
        expected = flat(nets[1].backprop(x, y))
        for a, b in [
            (x, y),
            (x[:, np.newaxis], y),
            (x.astype(np.float32), y.astype(np.float32)),
            (x.tolist(), label),
            (x[::-1][::-1], np.int64(label)),
        ]:
            near = 1e-6 if getattr(a, "dtype", None) == np.float32 else tolerance
            np.testing.assert_allclose(flat(nets[0].backprop(a, b)), expected, near, near)


@pytest.fixture
def workspaces(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every workspace that is built."""
    built: list[Any] = []

    class Counted(engine.Workspace):
        def __init__(self, *arguments: Any) -> None:
            built.append(arguments)
            super().__init__(*arguments)

    monkeypatch.setattr(engine, "Workspace", Counted)
    return built


@pytest.mark.parametrize("kind", [fastnn.Network, network.Network, network2.Network])
def test_one_workspace_serves_all_calls(kind: type, workspaces: list[Any]) -> None:
    net = kind([5, 4, 3])
    for x in X:
        net.backprop(x[:, np.newaxis], np.eye(3)[:, :1])
        net.backprop(x, 2)
        net.weights = [w * 0.9 for w in net.weights]
    assert len(workspaces) == 1


def test_what_was_returned_stays(workspaces: list[Any]) -> None:
    net = fastnn.Network([5, 4, 3], rng=0)
    first = net.backprop(X[0], 0)
    before = flat(first)
    net.backprop(X[1], 1)
    first[1][0][...] += 1
    np.testing.assert_array_equal(flat(first) != before, [*[0] * 7, *[1] * 20, *[0] * 12])


def test_another_cost_takes_effect() -> None:
    net, other = (
        fastnn.Network([5, 3], cost, rng=0)
        for cost in (fastnn.CrossEntropyCost, fastnn.QuadraticCost)
    )
    assert np.abs(flat(net.backprop(X[0], 0)) - flat(other.backprop(X[0], 0))).max() > 0.01
    net.cost = fastnn.QuadraticCost
    np.testing.assert_array_equal(flat(net.backprop(X[0], 0)), flat(other.backprop(X[0], 0)))


@pytest.mark.parametrize(
    ("x", "y", "match"),
    [
        (np.full(5, np.nan), np.zeros(3), "x: expected finite"),
        (np.zeros(4), np.zeros(3), "x: expected 5 numbers"),
        (np.zeros(5), np.zeros(4), "y: expected a label or 3 numbers"),
        (np.zeros(5), np.full(3, np.inf), "y: expected finite"),
        (np.zeros(5), np.full(3, 1.5), "y: CrossEntropyCost takes targets from 0 to 1"),
        (np.zeros(5), 3, "y: expected whole labels from 0 to 2"),
    ],
)
def test_bad_examples_are_refused(x: Any, y: Any, match: str) -> None:
    net = fastnn.Network([5, 4, 3], rng=0)
    net.backprop(X[0], 0)
    with pytest.raises(ValueError, match=match):
        net.backprop(x, y)


def test_a_batch_normalized_network_has_none() -> None:
    net = fastnn.Network([5, 4, 3], normalization="batch", rng=0)
    with pytest.raises(ValueError, match="batch norm needs mini-batches of two rows"):
        net.backprop(X[0], np.eye(3)[0])


def test_threads_do_not_disturb_one_another() -> None:
    net = fastnn.Network([50, 40, 30], rng=0)
    xs = np.random.default_rng(1).random((40, 50))
    expected = [flat(net.backprop(x, 0)) for x in xs]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            found = list(pool.map(lambda x: flat(net.backprop(x, 0)), xs))
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))]
)
def test_copies_have_their_own(again: Any) -> None:
    net = fastnn.Network([5, 4, 3], rng=0)
    expected = flat(net.backprop(X[0], 0))
    np.testing.assert_array_equal(flat(again(net).backprop(X[0], 0)), expected)


def test_wrong_plans_and_memory_are_refused() -> None:
    net = fastnn.Network([5, 4, 3], normalization="batch", rng=0)
    space = net._engine.workspace(net, 2)
    with pytest.raises(ValueError, match="plan: expected one with a compiled cost"):
        ExampleGradient(space.compiled, space.memory)
    net = fastnn.Network([5, 3], rng=0)
    space = net._engine.workspace(net, 1)
    with pytest.raises(ValueError, match="work"):
        ExampleGradient(space.compiled, space.memory[:-1].copy())
    with pytest.raises(ValueError, match="work: expected floats in one dimension"):
        ExampleGradient(space.compiled, space.memory.astype(np.int64))
    short = ExampleGradient(space.compiled, space.memory)
    good = np.zeros(18), np.zeros(5), np.zeros(3)
    assert short.compute(*good, 0, 1) is not None
    for at, bad in [
        (0, np.zeros(17)),
        (0, np.zeros(18, np.float32)),
        (1, np.zeros(10)[::2]),
        (2, [0, 0, 0]),
        (1, np.ma.zeros(5)),
        (1, np.zeros(5, ">f8")),
    ]:
        arrays = [*good]
        arrays[at] = bad
        assert short.compute(*arrays, 0, 1) is None
