"""``initializer="lsuv"``: weights that the first data scales, once, in every way to train."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import Dropout, initializers, normalization, optimizers, reference
from fastnn._model.unit_variance import evenly_spread
from fastnn.initializers import LSUV
from fastnn.lsuv import lsuv
from fastnn.pretrain import greedy_autoencoder

GENERATOR = np.random.default_rng(0)
X = GENERATOR.random((60, 12)) * 3
Y = GENERATOR.integers(0, 3, 60)
SIZES = [12, 10, 8, 3]
Train = Callable[[Any], object]


def a_network(kind: Any = fastnn.Network, **options: Any) -> Any:
    return kind(SIZES, **{"activation": "tanh", "initializer": "lsuv", "rng": 0, **options})


def weights_of(net: Any) -> list[np.ndarray]:
    return [np.array(w) for w in net.weights]


def spreads(weights: list[np.ndarray], rows: np.ndarray) -> list[float]:
    """The standard deviations of Wx in a tanh network without biases."""
    found = []
    for w in weights:
        z = rows @ w.T
        found.append(float(z.std()))
        rows = np.tanh(z)
    return found


def standing(net: Any) -> None:
    """A first training of no length."""
    net.fit(X, Y, epochs=1, learning_rate=0)


def assert_scaled(net: Any, rows: np.ndarray = X) -> None:
    np.testing.assert_allclose(spreads(weights_of(net), rows), 1, rtol=1e-12)


def assert_unscaled(net: Any) -> None:
    for w in net.weights:
        products = w @ w.T if len(w) <= w.shape[1] else w.T @ w
        np.testing.assert_allclose(products, np.eye(len(products)), atol=1e-13)


@pytest.mark.parametrize("given", ["lsuv", LSUV()])
def test_orthonormal_at_first_then_scaled_by_the_first_data(given: Any) -> None:
    net = a_network(initializer=given)
    assert_unscaled(net)
    assert not any(b.any() for b in net.biases)
    drawn, random_state = weights_of(net), net.random_source.bit_generator.state
    net.fit(X, Y, epochs=0)
    net.gradients(X, Y), net.predict(X), net.accuracy((X, Y))
    assert_unscaled(net)
    net.fit(X, Y, epochs=1, learning_rate=0, shuffle=False)
    assert_scaled(net)
    assert net.random_source.bit_generator.state == random_state  # it drew nothing
    for before, after in zip(drawn, net.weights, strict=True):  # one divisor a layer
        np.testing.assert_allclose(before / after, (before / after)[0, 0], rtol=1e-12)


def test_what_the_function_does_at_once() -> None:
    net, twin = a_network(), a_network(initializer="zeros")
    lsuv(twin, X)
    standing(net)
    np.testing.assert_array_equal(net.parameters, twin.parameters)


TRAININGS: dict[str, Train] = {
    "fit": standing,
    "SGD": lambda net: net.SGD((X, Y), 1, 10, 0.0),
    "update_mini_batch": lambda net: net.update_mini_batch((X, Y), 0.0),
    "L-BFGS": lambda net: net.fit(
        X, Y, epochs=1, optimizer=optimizers.LBFGS(), callbacks=[lambda *_: True]
    ),
    "pre-training": lambda net: greedy_autoencoder(net, X, epochs=1, learning_rate=0),
}


@pytest.mark.parametrize("name", TRAININGS)
def test_every_way_to_train_scales_once(name: str) -> None:
    net = a_network()
    TRAININGS[name](net)
    if name == "L-BFGS":  # which has taken a step since
        assert net.training_state.initializer is None
        twin = a_network(initializer="zeros")
        lsuv(twin, X)
        TRAININGS[name](twin)
        np.testing.assert_array_equal(net.parameters, twin.parameters)
    else:
        assert_scaled(net)
    before = net.parameters.copy()
    net.fit(X * 5, Y, epochs=1, learning_rate=0)
    np.testing.assert_array_equal(net.parameters, before)


OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "float32": {"dtype": "float32"},
    "batch": {"normalization": "batch", "activation": "relu"},
    "layer": {"normalization": "layer"},
    "group": {"normalization": normalization.GroupNorm(2), "activation": ["gelu", "softplus"]},
    "dropout": {"dropout": 0.5},
    "classic dropout": {"dropout": Dropout(0.5, inverted=False)},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_the_reference_is_scaled_alike(name: str) -> None:
    nets = [a_network(kind, **OPTIONS[name]) for kind in (fastnn.Network, reference.Network)]
    bound = 1e-5 if name == "float32" else 1e-12
    for epochs in (0, 2):
        for net in nets:
            net.fit(X, Y, epochs=epochs, batch_size=10, learning_rate=0.1)
        ours, theirs = (net.parameters for net in nets)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=bound)


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("ending", [".json", ".npz"])
def test_saved_and_loaded_it_goes_on_to_the_bit(name: str, ending: str, tmp_path: Path) -> None:
    def train(net: Any, epochs: int) -> None:
        net.fit(X, Y, epochs=epochs, batch_size=10, optimizer="adam")

    whole = a_network(**OPTIONS[name])
    train(whole, 5)
    for stop in (0, 2):  # before it was scaled, and after
        net = a_network(**OPTIONS[name])
        train(net, stop)
        assert (net.training_state.initializer is None) == (stop > 0)
        net.save(tmp_path / f"net{ending}")
        net = fastnn.load(tmp_path / f"net{ending}")
        train(net, 5 - stop)
        np.testing.assert_array_equal(net.parameters, whole.parameters)


@pytest.mark.parametrize(
    "change",
    [
        lambda net: setattr(net, "weights", [2 * w for w in net.weights]),
        lambda net: setattr(net, "parameters", 2 * net.parameters),
        lambda net: net.default_weight_initializer(),
        lambda net: net.large_weight_initializer(),
    ],
    ids=["weights", "parameters", "default", "large"],
)
def test_other_weights_stay_as_they_are(change: Train) -> None:
    net = a_network()
    change(net)
    before = net.parameters.copy()
    standing(net)
    np.testing.assert_array_equal(net.parameters, before)


def test_rows_are_taken_from_all_over_the_data() -> None:
    assert evenly_spread(10, 3).tolist() == [0, 4, 9]
    assert evenly_spread(4, 4).tolist() == evenly_spread(4, 9).tolist()
    assert len(set(evenly_spread(1000, 999).tolist())) == 999
    net = a_network(initializer=LSUV(rows=7))
    standing(net)
    assert_scaled(net, X[evenly_spread(len(X), 7)])


def test_what_cannot_be_scaled_changes_nothing() -> None:
    net = a_network()
    before = net.parameters.copy()
    for train in (standing, TRAININGS["SGD"], TRAININGS["update_mini_batch"]):
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(globals(), "X", np.zeros_like(X))
            with pytest.raises(ValueError, match=r"\AX: expected rows for which"):
                train(net)
    np.testing.assert_array_equal(net.parameters, before)
    with pytest.raises(ValueError, match="batch_size"):
        greedy_autoencoder(net, X, epochs=1, batch_size=0)
    assert_unscaled(net)
    standing(net)
    assert_scaled(net)


@pytest.mark.parametrize("rows", [1, 2.5, "many", math.nan])
def test_bad_rows_are_refused(rows: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"\Arows: expected"):
        LSUV(rows)


@pytest.mark.parametrize("lie", [{"name": "zeros"}, {"name": "lsuv", "rows": 0}, 3])
def test_a_damaged_file_is_refused(lie: Any, tmp_path: Path) -> None:
    path = tmp_path / "net.json"
    a_network().save(path)
    content = json.loads(path.read_text())
    assert content["training"]["initializer"] == {"name": "lsuv", "rows": 512}
    content["training"]["initializer"] = lie
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"initializer|rows"):
        fastnn.load(path)
    del content["training"]["initializer"]  # as an older file has none
    path.write_text(json.dumps(content))
    assert fastnn.load(path).training_state.initializer is None


def test_rows_that_would_make_weights_infinite_are_refused() -> None:
    net = fastnn.Network([3, 2], initializer="lsuv", dtype="float32", rng=0)
    before = net.parameters.copy()
    X = 1e-40 * np.random.default_rng(0).normal(size=(9, 3))
    with pytest.raises(ValueError, match=r"X: expected rows for which weights can be divided"):
        net.fit(X, [0, 1, 1] * 3, epochs=1)
    np.testing.assert_array_equal(net.parameters, before)


def test_names() -> None:
    assert initializers.get("lsuv") == LSUV(512)
