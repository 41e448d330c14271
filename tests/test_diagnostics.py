"""What the diagnostics say of networks whose health is known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import fastnn
from fastnn import reference
from fastnn.activations import HIDDEN
from fastnn.diagnostics import activation_statistics, activations, gradient_norms
from fastnn.dropout import Dropout
from fastnn.initializers import Constant, HeNormal, LeCunNormal, Normal
from fastnn.lsuv import lsuv
from fastnn.reference.activations import DERIVATIVES, FUNCTIONS

RNG = np.random.default_rng(0)
X = RNG.normal(size=(700, 20))  # more rows than go through the layers at once
Y = RNG.integers(0, 3, 700)


def by_hand(net: fastnn.Network, X: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Each layer's weighted inputs and activations, without normalization."""
    found, a = [], X.T
    for name, w, b in zip([*net.activation, net.output], net.weights, net.biases, strict=True):
        z = w @ a + b
        a = FUNCTIONS[name](z)
        found.append((z.T, a.T))
    return found


@pytest.mark.parametrize("name", HIDDEN)
def test_activations_and_their_statistics_are_those_by_hand(name: str) -> None:
    net = fastnn.Network([20, 30, 7, 3], activation=name, output="softmax", rng=1,
                         cost=fastnn.LogLikelihoodCost)  # fmt: skip
    statistics = activation_statistics(net, X, slope=0.2)
    wanted = by_hand(net, X)
    for l, (made, stats, (z, a)) in enumerate(
        zip(activations(net, X), statistics, wanted, strict=True)
    ):
        np.testing.assert_allclose(made, a, rtol=1e-10, atol=1e-12)
        assert (stats.layer, stats.units) == (l + 2, a.shape[1])
        assert stats.mean == pytest.approx(a.mean(), rel=1e-9, abs=1e-12)
        assert stats.std == pytest.approx(a.std(), rel=1e-9)
        assert (stats.min, stats.max) == pytest.approx((a.min(), a.max()), rel=1e-9, abs=1e-12)
        slopes = a * (1 - a) if stats.activation == "softmax" else DERIVATIVES[name](z)
        flat = np.abs(slopes) < 0.2
        assert stats.saturated == pytest.approx(flat.mean(), abs=1e-12)
        assert stats.dead == flat.all(axis=0).mean()
    assert statistics.rows == 700 and statistics.slope == 0.2


def test_zero_weights_make_all_units_of_a_layer_alike() -> None:
    net = fastnn.Network([20, 8, 8, 3], activation="tanh", initializer="zeros", rng=0)
    hidden = activation_statistics(net, X)[:2]
    assert [(each.mean, each.std, each.saturated) for each in hidden] == [(0, 0, 0)] * 2
    norms = gradient_norms(net, X, Y)
    assert norms[0].weights == norms[1].weights == norms[0].delta == norms[1].delta == 0
    assert norms[2].delta > 0


def test_zero_weights_make_relu_units_dead() -> None:
    net = fastnn.Network([20, 8, 3], activation="relu", initializer="zeros", rng=0)
    hidden = activation_statistics(net, X)[0]
    assert (hidden.saturated, hidden.dead) == (1, 1)


def test_dead_units_are_counted() -> None:
    net = fastnn.Network([20, 8, 3], activation="relu", initializer="he_normal", rng=0)
    assert activation_statistics(net, X)[0].dead == 0
    net.biases[0][:3] = -1000
    found = activation_statistics(net, X)[0]
    assert found.dead == 3 / 8
    assert 3 / 8 < found.saturated < 1


def test_large_weights_saturate_tanh_and_scaled_ones_do_not() -> None:
    inputs = RNG.normal(size=(1000, 100))
    shares = {}
    for name, initializer in {"large": Normal(sigma=1.0), "scaled": LeCunNormal()}.items():
        net = fastnn.Network([100] * 6, activation="tanh", initializer=initializer, rng=0)
        shares[name] = [each.saturated for each in activation_statistics(net, inputs)[:5]]
    assert min(shares["large"]) > 0.7
    assert max(shares["scaled"]) < 0.05


def test_small_weights_let_the_signal_die_and_batch_norm_keeps_it() -> None:
    inputs = RNG.normal(size=(500, 100))

    def spreads(normalization: str | None) -> list[float]:
        net = fastnn.Network([100] * 6, activation="tanh", initializer=Normal(sigma=0.01),
                             normalization=normalization, rng=0)  # fmt: skip
        return [each.std for each in activation_statistics(net, inputs)[:4]]

    without, kept = spreads(None), spreads("batch")
    assert all(after < 0.2 * before for before, after in itertools.pairwise(without))
    assert min(kept) > 0.5


def test_batch_norm_takes_the_statistics_of_all_rows_and_keeps_its_own() -> None:
    net = fastnn.Network([20, 6, 3], activation="identity", normalization="batch", rng=0)
    before = net.snapshot()
    hidden = activations(net, X)[0]
    np.testing.assert_allclose(hidden.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(hidden.std(axis=0), 1, rtol=1e-3)
    assert all(np.array_equal(a, b) for a, b in zip(before, net.snapshot(), strict=True))
    with pytest.raises(ValueError, match="batch norm needs"):
        activations(net, X[:1])


@pytest.mark.parametrize("dropout", [0.5, Dropout(0.5, inverted=False)])
def test_nothing_is_dropped(dropout: float | Dropout) -> None:
    kept = fastnn.Network([20, 6, 3], rng=0)
    dropping = fastnn.Network([20, 6, 3], dropout=dropout, rng=0)
    np.testing.assert_array_equal(activations(kept, X)[0], activations(dropping, X)[0])


def test_float32_stays_float32() -> None:
    net = fastnn.Network([20, 6, 3], activation="gelu", dtype="float32", rng=0)
    assert {a.dtype for a in activations(net, X)} == {np.dtype("float32")}
    np.testing.assert_allclose(activations(net, X)[-1], net.predict(X), rtol=1e-6)


def test_activations_are_copies() -> None:
    net = fastnn.Network([20, 6, 3], rng=0)
    first = activations(net, X)[0].copy()
    kept = activations(net, X)[0]
    activations(net, X * 2)
    np.testing.assert_array_equal(kept, first)


@pytest.mark.parametrize("hidden", [3, 4, 5])
def test_the_gradient_of_a_deep_sigmoid_network_vanishes(hidden: int) -> None:
    net = fastnn.Network([20, *[30] * hidden, 3], rng=0)
    deltas = [each.delta for each in gradient_norms(net, X, Y)][:-1]
    assert all(first < after for first, after in itertools.pairwise(deltas))
    assert deltas[0] < 0.1 * deltas[-1]


def test_the_gradient_of_a_deep_relu_network_does_not() -> None:
    net = fastnn.Network([20, *[30] * 5, 3], activation="relu", initializer="he_normal", rng=0)
    deltas = [each.delta for each in gradient_norms(net, X, Y)][:-1]
    assert 0.2 < deltas[0] / deltas[-1] < 5


@pytest.mark.parametrize("model", [fastnn.Network, reference.Network])
def test_gradient_norms_are_of_the_mean_over_the_rows(model: type) -> None:
    net = model([20, 6, 5, 3], rng=0)
    rows = 40
    each = [net.backprop(x, y) for x, y in zip(X[:rows], Y[:rows], strict=True)]
    norms = gradient_norms(net, X[:rows], Y[:rows])
    assert norms.rows == rows
    assert norms.cost == pytest.approx(net.total_cost((X[:rows], Y[:rows]), 0.0), rel=1e-12)
    for l, found in enumerate(norms):
        mean_b = np.mean([nabla_b[l] for nabla_b, _ in each], axis=0)
        mean_w = np.mean([nabla_w[l] for _, nabla_w in each], axis=0)
        assert found.delta == found.biases == pytest.approx(np.linalg.norm(mean_b), rel=1e-10)
        assert found.weights == pytest.approx(np.linalg.norm(mean_w), rel=1e-10)
        assert found.layer == l + 2


def test_the_delta_of_a_normalized_layer_is_after_the_normalization() -> None:
    net = fastnn.Network([20, 6, 3], normalization="batch", rng=0)
    hidden, output = gradient_norms(net, X, Y)
    gradients = net.gradients(X, Y)
    assert hidden.delta == pytest.approx(np.linalg.norm(gradients.betas[0]))
    assert hidden.delta > 1e-4
    assert hidden.biases < 1e-12  # what batch norm takes off again has no influence
    assert output.delta == output.biases > 0


def test_rows_may_be_lists() -> None:
    net = fastnn.Network([20, 6, 3], rng=0)
    norms = gradient_norms(net, X[:4].tolist(), Y[:4].tolist())
    assert norms == gradient_norms(net, X[:4], Y[:4]) and norms.rows == 4


def test_tables_have_a_line_a_layer() -> None:
    net = fastnn.Network([20, 6, 3], activation="relu", rng=0)
    for table, titles in (
        (str(activation_statistics(net, X)), "layer activation units mean std min max saturated"),
        (str(gradient_norms(net, X, Y)), "layer delta weights biases"),
    ):
        lines = table.splitlines()
        assert lines[0].split()[: len(titles.split())] == titles.split()
        assert [line.split()[0] for line in lines[1:]] == ["2", "3"]
        assert len({len(line) for line in lines}) == 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_lsuv_gives_every_layer_unit_variance(activation: str, dtype: str) -> None:
    inputs = 7 * X + 0.3
    net = fastnn.Network([20, 50, 50, 50, 50, 3], activation=activation, dtype=dtype, rng=0)
    scales = lsuv(net, inputs)
    assert len(scales) == 5 and scales[0] > 2
    assert all(np.all(b == 0) for b in net.biases)
    for z, _ in by_hand(net, inputs.astype(dtype)):
        assert z.std() == pytest.approx(1, abs=1e-5)
    for w, scale in zip(net.weights[1:4], scales[1:4], strict=True):
        np.testing.assert_allclose(w @ w.T * scale**2, np.eye(50), atol=1e-5)


@pytest.mark.parametrize("normalization", ["batch", "layer"])
def test_lsuv_scales_what_the_normalization_takes(normalization: str) -> None:
    net = fastnn.Network([20, 9, 8, 3], normalization=normalization, dropout=0.5, rng=0)
    lsuv(net, X)
    first, second, _ = activations(net, X)
    for below, w in zip((X, first, second), net.weights, strict=True):
        assert (below @ w.T).std() == pytest.approx(1, abs=1e-6)


def test_lsuv_keeps_the_spread_where_a_small_initializer_loses_it() -> None:
    net = fastnn.Network([20, *[40] * 8, 3], activation="relu", initializer=HeNormal(), rng=0)
    lsuv(net, X)
    assert min(each.std for each in activation_statistics(net, X)[:8]) > 0.3


def test_lsuv_leaves_the_network_as_it_was_when_it_cannot() -> None:
    net = fastnn.Network([20, 5, 3], rng=0)
    before = net.parameters.copy()
    for bad in (np.ones((10, 20)) * 0, X * np.nan, X[:, :4]):
        with pytest.raises(ValueError, match="X: expected"):
            lsuv(net, bad)
    np.testing.assert_array_equal(net.parameters, before)


def test_bad_input_is_named() -> None:
    net = fastnn.Network([20, 5, 3], initializer=Constant(0.1), rng=0)
    twin = reference.Network([20, 5, 3], rng=0)
    for function in (activations, activation_statistics, lsuv):
        with pytest.raises(TypeError, match=r"network: expected a fastnn\.Network"):
            function(twin, X)
        with pytest.raises(ValueError, match=r"X: expected shape \(n, 20\)"):
            function(net, X[:, :3])
    with pytest.raises(ValueError, match=r"slope: .*above 0"):
        activation_statistics(net, X, slope=0)
    with pytest.raises(TypeError, match="network: expected a network, got int"):
        gradient_norms(3, X, Y)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="y: expected whole labels"):
        gradient_norms(net, X, Y + 1)
