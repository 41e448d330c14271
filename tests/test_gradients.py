"""The gradient of whole networks against central differences, and against PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gradcheck import numerical_gradient
from pytorch import import_torch
from test_model_parity import ACTIVATIONS, COSTS
from torch_twin import TorchTwin

import fastnn
from fastnn import costs
from fastnn._core.activation import activation_forward
from fastnn.activations import KERNELS
from fastnn.normalization import BatchNorm, GroupNorm, LayerNorm

# A large eps keeps the normalizations of a few numbers smooth enough for differences.
NORMS = {
    "none": None,
    "batch": BatchNorm(eps=0.1),
    "layer": LayerNorm(eps=0.1),
    "group": GroupNorm(groups=3, eps=0.1),
}
SIZES = [(3, 2), (5, 9, 3), (4, 9, 6, 3), (2, 6, 9, 6, 3), (2, 3, 6, 9, 6, 2)]
KINKED = ("relu", "leaky_relu", "elu", "selu")
CLEAR = 0.02
every_norm = pytest.mark.parametrize("norm", NORMS)
every_depth = pytest.mark.parametrize("sizes", SIZES, ids=lambda sizes: f"{len(sizes) - 1}")


def smallest_hidden_input(net: Any, X: np.ndarray) -> float:
    """How near any hidden activation's input comes to 0, where some have a kink."""
    smallest, a, norm = np.inf, X, net.normalization
    for l, name in enumerate(net.activation if len(net.sizes) > 2 else ()):
        z = a @ net.weights[l].T + net.biases[l].T
        if norm is not None:
            batch = isinstance(norm, BatchNorm)
            parts = z if batch else z.reshape(len(z), norm.groups_of(z.shape[1]), -1)
            axis = 0 if batch else 2
            deviation = np.sqrt(parts.var(axis=axis, keepdims=True) + norm.eps)
            z = ((parts - parts.mean(axis=axis, keepdims=True)) / deviation).reshape(z.shape)
            z = z * net.gammas[l].T + net.betas[l].T
        smallest = min(smallest, float(np.abs(z).min()))
        a = np.ascontiguousarray(z)
        activation_forward(a, KERNELS[name])
    return smallest


def is_smooth(net: Any, X: np.ndarray, Y: np.ndarray) -> bool:
    """Whether no difference taken at this network steps over a kink."""
    if set(net.activation) & set(KINKED) and smallest_hidden_input(net, X) < CLEAR:
        return False
    if net.cost is costs.AbsoluteCost or isinstance(net.cost, costs.QuantileCost):
        return bool(np.abs(net_outputs(net, X) - Y).min() > CLEAR)
    if isinstance(net.cost, costs.HuberCost):
        return bool(np.abs(np.abs(net_outputs(net, X) - Y) - net.cost.parameter).min() > CLEAR)
    return True


def net_outputs(net: Any, X: np.ndarray) -> np.ndarray:
    """The outputs in training: with the statistics of these rows as the running ones."""
    if not isinstance(net.normalization, BatchNorm):
        return net.predict(X)
    twin = fastnn.Network(net.sizes, net.cost, activation=net.activation, output=net.output,
                          normalization=BatchNorm(eps=0.1, momentum=1.0), rng=0)  # fmt: skip
    twin.parameters = net.parameters
    twin.fit(X, np.full((len(X), net.sizes[-1]), 0.5), epochs=1, batch_size=len(X),
             learning_rate=0.0)  # fmt: skip
    return twin.predict(X)


def a_problem(
    sizes: tuple[int, ...], activation: str, norm: str, pair: str
) -> tuple[fastnn.Network, np.ndarray, np.ndarray]:
    """A network and four rows, of the first seed for which no kink is near."""
    cost, output = COSTS[pair]
    for seed in range(3000):
        rng = np.random.default_rng(seed)
        net = fastnn.Network(list(sizes), cost, activation=activation, output=output, rng=seed,
                             normalization=NORMS[norm])  # fmt: skip
        net.parameters = net.parameters + rng.normal(0, 0.3, net.n_parameters)
        X, Y = rng.uniform(-1, 1, (4, sizes[0])), rng.dirichlet(np.ones(sizes[-1]), 4)
        if is_smooth(net, X, Y):
            return net, X, Y
    raise AssertionError("every seed comes near a kink")


def assert_gradient(sizes: tuple[int, ...], activation: str, norm: str, pair: str) -> None:
    net, X, Y = a_problem(sizes, activation, norm, pair)
    gradients, start, layout = net.gradients(X, Y), net.parameters.copy(), net._layout

    def cost_at(parameters: np.ndarray) -> float:
        net.parameters = parameters
        return net.gradients(X, Y).cost

    numeric = numerical_gradient(cost_at, start, 5e-4)
    lists = [(gradients.weights, layout.weights(numeric))]
    for name in ("bias", "gamma", "beta"):
        part = "biases" if name == "bias" else name
        lists.append((getattr(gradients, name + ("es" if name == "bias" else "s")),
                      layout.columns(part, numeric)))  # fmt: skip
    for ours, theirs in lists:
        for mine, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(mine, other, rtol=0, atol=1e-7)


@every_depth
@every_norm
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_central_differences(activation, norm, sizes):
    assert_gradient(sizes, activation, norm, "cross-entropy-sigmoid")


@every_norm
@pytest.mark.parametrize("pair", COSTS)
def test_central_differences_of_every_cost(pair, norm):
    assert_gradient((5, 9, 3), "tanh", norm, pair)


def assert_torchs(sizes: tuple[int, ...], activation: str, norm: str, pair: str) -> None:
    torch = import_torch()
    net, X, Y = a_problem(sizes, activation, norm, pair)
    twin = TorchTwin(torch, net)
    cost, ours = twin.backward(X, Y), net.gradients(X, Y)
    assert ours.cost == pytest.approx(cost, rel=1e-12)
    mine = [*ours.weights, *ours.biases, *ours.gammas, *ours.betas]
    for array, leaf in zip(mine, (*twin.weights, *twin.others), strict=True):
        np.testing.assert_allclose(array.reshape(leaf.shape), leaf.grad.numpy(), rtol=0, atol=1e-9)


@every_depth
@every_norm
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_pytorch(activation, norm, sizes):
    assert_torchs(sizes, activation, norm, "cross-entropy-sigmoid")


@every_norm
@pytest.mark.parametrize("pair", COSTS)
def test_pytorch_of_every_cost(pair, norm):
    assert_torchs((5, 9, 3), "gelu", norm, pair)
