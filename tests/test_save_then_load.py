"""What is saved can be loaded, whatever training it has been through, and goes on as it would have.

A training that ``fit`` guards leaves nothing that ``save`` refuses.
"""

from __future__ import annotations

import copy
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fastnn
from fastnn import costs, optimizers, schedules
from fastnn.book import network2
from fastnn.dropout import Dropout
from fastnn.normalization import BatchNorm, GroupNorm, LayerNorm

SUFFIXES = (".json", ".npz")
N_IN, N_OUT = 3, 2


def saved_and_loaded(net: Any, folder: Path) -> list[Any]:
    """Return the network as both kinds of file give it back."""
    back = []
    for suffix in SUFFIXES:
        net.save(folder / f"net{suffix}")
        back.append(fastnn.load(folder / f"net{suffix}"))
    return back


def assert_alike(net: Any, back: Any) -> None:
    assert back.parameters.tobytes() == net.parameters.tobytes()
    assert back.running_statistics.tobytes() == net.running_statistics.tobytes()
    ours, theirs = net.training_state, back.training_state
    assert theirs.slots.tobytes() == ours.slots.tobytes()
    for name in ("optimizer", "steps", "epochs", "seed", "plateau", "initializer"):
        assert getattr(theirs, name) == getattr(ours, name), name
    assert (back.normalization, back.dropout) == (net.normalization, net.dropout)
    assert (back.activation, back.output, back.dtype) == (net.activation, net.output, net.dtype)
    assert costs.parameter_of(back.cost) == costs.parameter_of(net.cost)


# --- what was lost before


def extreme(norm: Any, scale: float, dtype: str = "float32", **fit: Any) -> fastnn.Network:
    rng = np.random.default_rng(0)
    X, y = scale * rng.normal(size=(16, N_IN)), rng.integers(0, N_OUT, 16)
    net = fastnn.Network([N_IN, 4, N_OUT], normalization=norm, dtype=dtype, rng=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net.fit(X, y, epochs=3, batch_size=16, **fit)
    return net


@pytest.mark.parametrize("optimizer", optimizers.NAMES)
@pytest.mark.parametrize("norm", ["batch", None])
@pytest.mark.parametrize("scale", [1e19, 1e25, 1e37])
def test_huge_inputs_do_not_make_a_network_that_cannot_be_saved(
    tmp_path: Path, scale: float, norm: str | None, optimizer: str
) -> None:
    net = extreme(norm, scale, optimizer=optimizer)
    for back in saved_and_loaded(net, tmp_path):
        assert_alike(net, back)


def test_infinite_statistics_are_divergence() -> None:
    rng = np.random.default_rng(0)
    X, y = 1e19 * rng.normal(size=(16, N_IN)), rng.integers(0, N_OUT, 16)
    net = fastnn.Network([N_IN, 4, N_OUT], normalization="batch", dtype="float32", rng=0)
    before = net.parameters.copy()
    with pytest.warns(RuntimeWarning, match="diverged in epoch 1: a parameter, a running"):
        history = net.fit(X, y, epochs=3)
    assert len(history) == 0
    np.testing.assert_array_equal(net.parameters, before)
    assert np.isfinite(net.running_statistics).all()


def test_infinite_numbers_of_the_optimizer_are_divergence() -> None:
    """A sum of squares that is infinite would stop its parameter for ever, without a word."""
    rng = np.random.default_rng(0)
    X, y = 1e30 * rng.normal(size=(16, N_IN)), rng.integers(0, N_OUT, 16)
    for optimizer in ("adam", "rmsprop", "adagrad"):
        net = fastnn.Network([N_IN, N_OUT], dtype="float32", rng=0)
        with pytest.warns(RuntimeWarning, match="or a number of the optimizer's"):
            net.fit(X, y, epochs=3, optimizer=optimizer)
        assert not net.training_state.slots.any()


def test_infinite_statistics_are_divergence_for_lbfgs_too() -> None:
    net = extreme("batch", 1e19, optimizer="lbfgs")
    assert np.isfinite(net.running_statistics).all()
    assert np.isfinite(net.training_state.slots).all()


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_the_books_networks_train_on_and_are_not_saved_then(tmp_path: Path) -> None:
    net = network2.Network([2, 3, 1])
    data = [(np.full((2, 1), 1e300), np.ones((1, 1)))]
    net.SGD(data, 2, 1, 1e300, lmbda=1e10)
    if np.isfinite(net.parameters).all():
        pytest.skip("it did not diverge")
    with pytest.raises(ValueError, match="parameters: expected finite numbers to save"):
        net.save(tmp_path / "net")
    assert list(tmp_path.iterdir()) == []


# --- whatever is asked for

scales = st.sampled_from(
    [0.0, 1e-300, 1e-40, 1e-20, 1.0, 1e5, 1e18, 1e19, 1e30, 1e37, 1e100, 1e150]
)
rates = st.sampled_from([None, 0.0, 1e-300, 0.1, 10.0, 1e10, 1e200])
kinds_of_optimizer = st.one_of(
    st.builds(optimizers.SGD, momentum=st.sampled_from([0.0, 0.9]), nesterov=st.booleans()),
    st.builds(optimizers.RMSprop, eps=st.sampled_from([0.0, 1e-8, 1])),
    st.builds(optimizers.AdaGrad),
    st.builds(optimizers.Adam, beta1=st.sampled_from([0, 0.9]), eps=st.sampled_from([0, 2**64])),
    st.builds(optimizers.AdamW, weight_decay=st.sampled_from([0.0, 0.01, 1e10])),
    st.builds(optimizers.Rprop),
    st.builds(optimizers.LBFGS, memory=st.integers(1, 3)),
)
kinds_of_cost = st.sampled_from(
    [
        fastnn.QuadraticCost,
        fastnn.CrossEntropyCost,
        fastnn.LogLikelihoodCost,
        costs.HuberCost(0.5),
        costs.AbsoluteCost,
        costs.PoissonCost,
        costs.QuantileCost(0.25),
    ]
)
kinds_of_norm = st.sampled_from(
    [None, BatchNorm(momentum=1), BatchNorm(eps=1e-300), LayerNorm(), GroupNorm(groups=2)]
)
drops = st.sampled_from([0.0, 0.5, Dropout(np.float32(0.25), np.False_), Dropout(0)])
sources = st.sampled_from(["PCG64", "MT19937", "Philox", "SFC64", "PCG64DXSM", None])
initial = st.sampled_from(["default", "zeros", "lsuv", "he_normal", fastnn.initializers.LSUV(5)])


def made(draw: Any) -> fastnn.Network:
    source = draw(sources)
    generator = source and np.random.Generator(getattr(np.random, source)(1))
    hidden = draw(st.lists(st.sampled_from([2, 4]), max_size=2))
    return fastnn.Network(
        [N_IN, *hidden, N_OUT],
        draw(kinds_of_cost),
        activation=draw(st.sampled_from(["sigmoid", "relu", "elu", "tanh", "softplus"])),
        initializer=draw(initial),
        normalization=draw(kinds_of_norm),
        dropout=draw(drops),
        input_scale=draw(st.sampled_from([1, 0.5, np.float32(1 / 255), 1e-30, 1e30])),
        dtype=draw(st.sampled_from(["float64", "float32"])),
        rng=generator,
    )


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_any_training_can_be_saved_and_goes_on(
    tmp_path_factory: pytest.TempPathFactory, data: Any
) -> None:
    folder = tmp_path_factory.mktemp("nets")
    np.random.seed(0)
    net = made(data.draw)
    rng = np.random.default_rng(1)
    X, Y = rng.normal(size=(8, N_IN)), rng.uniform(size=(8, N_OUT))
    X *= data.draw(scales)
    if net.dtype == np.float32:
        X = np.clip(X, -1e37, 1e37)
    options: dict[str, Any] = {
        "optimizer": data.draw(kinds_of_optimizer),
        "learning_rate": data.draw(rates),
        "batch_size": 8,
        "shuffle": data.draw(st.booleans()),
    }
    if isinstance(options["optimizer"], optimizers.LBFGS) and any(d.rate for d in net.dropout):
        options["optimizer"] = "adam"
    elif not isinstance(options["optimizer"], optimizers.LBFGS):
        options["schedule"] = data.draw(
            st.sampled_from([None, schedules.HalveOnPlateau(1, monitor="training_cost")])
        )
    try:
        net.fit(X, Y, epochs=data.draw(st.integers(0, 3)), **options)
    except ValueError as error:  # LSUV of inputs that are all the same, or what input_scale does
        assert re.match(r"X: expected rows for which|X \(as float32\): expected finite", str(error))
    few = rng.normal(size=(3, N_IN))
    for back in saved_and_loaded(net, folder):
        assert_alike(net, back)
        np.testing.assert_array_equal(back.predict(few), net.predict(few))
        if not isinstance(net.random_source, np.random.Generator):
            continue
        same = copy.deepcopy(net)
        for each in (same, back):
            try:
                each.fit(few[[0, 1, 2, 0, 1, 2, 0, 1]], Y, epochs=2, **options)
            except ValueError as error:
                assert str(error).startswith("X: expected rows for which")
        assert_alike(same, back)
