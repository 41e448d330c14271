"""The engines: what one has to bring, and how short the way to the kernels is."""

from __future__ import annotations

import copy
import pickle
import sys
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import reference
from fastnn._core import engine
from fastnn._core.engine import CompiledEngine
from fastnn._core.engine_base import Engine
from fastnn._core.epoch_options import Epoch
from fastnn.reference.network import NumpyEngine

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(30, 5)), RNG.integers(0, 3, 30)
OPTIONS: list[dict[str, Any]] = [
    {},
    {"normalization": "batch", "dropout": 0.3, "activation": "relu"},
    {"normalization": "layer", "activation": ["tanh", "gelu"]},
    {"normalization": fastnn.normalization.GroupNorm(2), "cost": fastnn.LogLikelihoodCost},
]


class Recorder(Engine):
    """An engine of three methods, which asks NumPy and writes down what it was asked for."""

    def __init__(self) -> None:
        self.inner, self.asked = NumpyEngine(), list[str]()

    def epoch(self, net: Any, rows: Any, order: np.ndarray, epoch: Epoch) -> float:
        self.asked.append("epoch")
        return self.inner.epoch(net, rows, order, epoch)

    def predict(self, net: Any, X: Any) -> np.ndarray:
        self.asked.append("predict")
        return self.inner.predict(net, X)

    def cost_and_gradient(self, net: Any, rows: Any) -> tuple[float, np.ndarray]:
        self.asked.append("cost_and_gradient")
        return self.inner.cost_and_gradient(net, rows)


class Recorded(fastnn.reference.Network):
    """The model with that engine."""

    _new_engine = Recorder  # type: ignore[assignment]


def network_of(kind: type[Any], options: dict[str, Any]) -> Any:
    net = kind([5, 6, 4, 3], **options, rng=1)
    net.parameters = np.random.default_rng(2).normal(size=net.n_parameters)
    return net


@pytest.mark.parametrize("options", OPTIONS)
def test_three_methods_are_an_engine(options: dict[str, Any]) -> None:
    ours, expected = network_of(Recorded, options), network_of(reference.Network, options)
    told = {"epochs": 3, "batch_size": 7, "validation_data": (X, Y), "metrics": ["accuracy"]}
    history, wanted = ours.fit(X, Y, **told), expected.fit(X, Y, **told)
    np.testing.assert_array_equal(ours.parameters, expected.parameters)
    for name in ("training_cost", "validation_cost", "validation_accuracy"):
        np.testing.assert_allclose(history[name], wanted[name], rtol=1e-9)
    assert ours._engine.asked.count("epoch") == 3
    for net in (ours, expected):
        assert net.SGD((X, Y), 1, 10, 0.1, shuffle=False, monitor_training_cost=True)[2]
    assert ours.accuracy((X, Y)) == expected.accuracy((X, Y))
    if "normalization" not in options:
        for a, b in zip(ours.backprop(X[0], 1)[1], ours.weights, strict=True):
            assert a.shape == b.shape
    assert np.isfinite(ours.gradients(X, Y).cost)
    assert set(ours._engine.asked) == {"epoch", "predict", "cost_and_gradient"}


@pytest.mark.parametrize("kind", [reference.Network, fastnn.Network])
@pytest.mark.parametrize("options", OPTIONS)
def test_what_follows_from_three_methods(options: dict[str, Any], kind: type[Any]) -> None:
    """Both engines have ways of their own for it, by which the defaults are judged."""
    ours, other = network_of(Recorded, options), network_of(kind, options)
    for l in (0, 1):
        found = ours._engine.hidden_outputs(ours, X, l)
        np.testing.assert_allclose(found, other._engine.hidden_outputs(other, X, l), rtol=1e-9)
    if kind is fastnn.Network:
        z = ours._engine.weighted_inputs(ours, X)
        np.testing.assert_allclose(z, other._engine.weighted_inputs(other, X), rtol=1e-9)


def test_a_waiting_initializer_needs_no_other_method() -> None:
    ours = Recorded([5, 6, 4, 3], initializer="lsuv", rng=1)
    expected = fastnn.Network([5, 6, 4, 3], initializer="lsuv", rng=1)
    for net in (ours, expected):
        net.fit(X, Y, epochs=1, batch_size=10, shuffle=False)
    np.testing.assert_allclose(ours.parameters, expected.parameters, rtol=1e-9)


def test_an_engine_without_one_of_them_is_none() -> None:
    class Half(Engine):
        def predict(self, net: Any, X: Any) -> np.ndarray:
            return np.empty(0)

    with pytest.raises(TypeError, match=r"cost_and_gradient.*epoch"):
        Half()  # type: ignore[abstract]


def test_copies_have_memory_of_their_own() -> None:
    net = fastnn.Network([5, 4, 3], rng=0)
    expected = net.predict(X[:2])
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert type(other._engine) is CompiledEngine and other._engine is not net._engine
        np.testing.assert_array_equal(other.predict(X[:2]), expected)
        other.parameters = 0 * other.parameters
        np.testing.assert_array_equal(net.predict(X[:2]), expected)


def test_a_program_may_train_a_network_while_it_trains_another_way() -> None:
    """A cost in Python that steps the network it is the cost of works in other memory."""
    nested: list[int] = []

    class Own(fastnn.QuadraticCost):
        @staticmethod
        def delta(z: np.ndarray, a: np.ndarray, y: np.ndarray) -> np.ndarray:
            if not nested:
                nested.append(1)
                twin.update_mini_batch((X[:3], Y[:3]), 0.5)
            return (a - y) * a * (1 - a)

    net = fastnn.Network([5, 4, 3], Own, output="sigmoid", rng=0)
    expected = copy.deepcopy(net)
    twin = expected  # first another network, then the same
    nested.append(1)
    expected.update_mini_batch((X[:8], Y[:8]), 0.5)
    nested.clear()
    twin = copy.copy(net)
    assert twin._engine is net._engine
    twin._parameters = net._parameters.copy()
    net.update_mini_batch((X[:8], Y[:8]), 0.5)
    np.testing.assert_array_equal(net.parameters, expected.parameters)


def depth_of_first_call(monkeypatch: pytest.MonkeyPatch, net: fastnn.Network) -> list[str]:
    """Return the names of the Python functions that lead from ``fit`` to the compiled epoch."""
    inner, found = engine._epoch.train_epoch, list[list[str]]()

    def seen(*arguments: Any) -> float:
        frame, names = sys._getframe(1), list[str]()
        while frame is not None and frame.f_code.co_name != depth_of_first_call.__name__:
            names.append(frame.f_code.co_name)
            frame = frame.f_back  # type: ignore[assignment]
        found.append(names[::-1])
        return inner(*arguments)

    monkeypatch.setattr(engine._epoch, "train_epoch", seen)
    net.fit(X, Y, epochs=1)
    return found[0]


def test_the_way_from_fit_to_the_compiled_epoch_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Epochs do not go it again, but every tenth of a second.

    Beside these only ``Users.call_alone`` and ``train_epoch`` itself, which are compiled.
    """
    net = fastnn.Network([5, 4, 3], rng=0)
    net.fit(X, Y, epochs=1)  # what is made once is made
    names = depth_of_first_call(monkeypatch, net)
    assert names == ["fit", "train", "_epochs_in_core", "go", "run_loop"]
