"""Scaling moved into the weights: the same answers, from raw numbers."""

from __future__ import annotations

import numpy as np
import pytest

import fastnn
from fastnn._model.folding import fold_inputs, fold_outputs, in_float64
from fastnn.preprocessing import Standardizer

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 5)) * [1, 10, 1e4, 1e-3, 1] + [0, 5, 1e6, 2, 3]
X[:, 4] = 3  # constant
Y = np.eye(3)[np.arange(60) % 3]

OPTIONS = {
    "plain": {},
    "no hidden layer": {"sizes": [5, 3]},
    "batch": {"normalization": "batch"},
    "layer": {"normalization": "layer"},
    "group": {"normalization": "group", "sizes": [5, 8, 3]},
    "dropout": {"dropout": 0.3},
    "input_scale": {"input_scale": 0.5},
    "lsuv": {"initializer": "lsuv"},
    "softmax": {"cost": fastnn.LogLikelihoodCost, "activation": "relu"},
}


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_folded_inputs_give_the_same(name: str, optimizer: str) -> None:
    options = {"sizes": [5, 7, 3], "rng": 0, **OPTIONS[name]}
    net = fastnn.Network(options.pop("sizes"), **options)
    standardizer = Standardizer().fit(X)
    scaled = standardizer.transform(X)
    net.fit(scaled, Y, epochs=4, batch_size=6, optimizer=optimizer, learning_rate=0.05)
    before, hidden = net.predict(scaled), [w.copy() for w in net.weights[1:]]
    running = net.running_statistics.copy()
    fold_inputs(net, standardizer.mean, standardizer.scale)
    np.testing.assert_allclose(net.predict(X), before, rtol=0, atol=1e-8)
    assert all(np.array_equal(a, b) for a, b in zip(hidden, net.weights[1:], strict=True))
    assert np.array_equal(net.running_statistics, running)
    assert not net.training_state.slots.any() and net.training_state.steps == 0


def test_a_fold_stands_alone_in_a_file(tmp_path) -> None:
    net = fastnn.Network([5, 4, 3], rng=0)
    standardizer = Standardizer().fit(X)
    net.fit(standardizer.transform(X), Y, epochs=2)
    fold_inputs(net, standardizer.mean, standardizer.scale)
    for name in ("a.json", "a.npz"):
        net.save(tmp_path / name)
        assert np.array_equal(fastnn.load(tmp_path / name).predict(X), net.predict(X))


@pytest.mark.parametrize("sizes", [[5, 1], [5, 4, 1], [5, 4, 2]])
def test_folded_outputs_give_amounts(sizes: list[int]) -> None:
    net = fastnn.Network(sizes, fastnn.QuadraticCost, output="identity", rng=0)
    standardizer = Standardizer().fit(X)
    scaled = standardizer.transform(X)
    expected = net.predict(scaled) * 70 + 150
    fold_inputs(net, standardizer.mean, standardizer.scale)
    fold_outputs(net, 150, 70)
    np.testing.assert_allclose(net.predict(X), expected, rtol=1e-9)


def test_only_linear_outputs_are_folded() -> None:
    net = fastnn.Network([5, 4, 1], rng=0)
    before = net.parameters.copy()
    with pytest.raises(ValueError, match="output: expected 'identity', got 'sigmoid'"):
        fold_outputs(net, 0, 2)
    assert np.array_equal(net.parameters, before)


def test_columns_that_were_constant_are_not_looked_at() -> None:
    net = fastnn.Network([5, 4, 3], rng=0)
    standardizer = Standardizer().fit(X)
    before = net.predict(standardizer.transform(X))
    used = X.min(axis=0) != X.max(axis=0)
    fold_inputs(net, standardizer.mean, standardizer.scale, used)
    np.testing.assert_allclose(net.predict(X), before, rtol=0, atol=1e-8)
    other = X.copy()
    other[:, 4] = 1e6
    assert np.array_equal(net.predict(other), net.predict(X))


def test_what_float32_cannot_hold_changes_nothing() -> None:
    net = fastnn.Network([5, 4, 3], dtype="float32", rng=0)
    before = net.parameters.copy()
    with pytest.raises(ValueError, match=r"weights\[0\]: too large for float32"):
        fold_inputs(net, np.zeros(5), np.full(5, 1e-42))
    assert np.array_equal(net.parameters, before)


def test_in_float64() -> None:
    net = fastnn.Network(
        [5, 4, 3], fastnn.LogLikelihoodCost, activation="tanh", normalization="batch",
        dropout=0.2, input_scale=0.5, dtype="float32", rng=0,
    )  # fmt: skip
    net.fit(X / [1, 10, 1e6, 1, 1], Y, epochs=2, batch_size=10)
    twin = in_float64(net)
    assert twin.dtype == np.float64 and twin.input_scale == 0.5 and twin.output == "softmax"
    assert np.array_equal(twin.parameters, net.parameters)
    assert np.array_equal(twin.running_statistics, net.running_statistics)
    np.testing.assert_allclose(twin.predict(X), net.predict(X), atol=1e-4)
