"""Ten steps of every optimizer against PyTorch's, and batch norm's running statistics."""

from __future__ import annotations

import numpy as np
import pytest
from pytorch import import_torch
from torch_twin import TorchTwin

import fastnn
from fastnn import optimizers
from fastnn.normalization import BatchNorm

torch = import_torch()

OPTIMIZERS = {
    "sgd": (optimizers.SGD(), 0.5, lambda w, o: torch.optim.SGD([*w, *o], lr=0.5)),
    "momentum": (
        optimizers.SGD(momentum=0.9), 0.1,
        lambda w, o: torch.optim.SGD([*w, *o], lr=0.1, momentum=0.9),
    ),
    "nesterov": (
        optimizers.SGD(momentum=0.8, nesterov=True), 0.1,
        lambda w, o: torch.optim.SGD([*w, *o], lr=0.1, momentum=0.8, nesterov=True),
    ),
    "rmsprop": (
        optimizers.RMSprop(alpha=0.9), 0.01,
        lambda w, o: torch.optim.RMSprop([*w, *o], lr=0.01, alpha=0.9, eps=1e-8),
    ),
    "adagrad": (
        optimizers.AdaGrad(), 0.05, lambda w, o: torch.optim.Adagrad([*w, *o], lr=0.05, eps=1e-10)
    ),
    "adam": (
        optimizers.Adam(beta1=0.8, beta2=0.99), 0.02,
        lambda w, o: torch.optim.Adam([*w, *o], lr=0.02, betas=(0.8, 0.99)),
    ),
    "adamw": (
        optimizers.AdamW(weight_decay=0.2), 0.02,
        lambda w, o: torch.optim.AdamW(
            [{"params": w, "weight_decay": 0.2}, {"params": o, "weight_decay": 0.0}], lr=0.02
        ),
    ),
    "rprop": (optimizers.Rprop(), 0.01, lambda w, o: torch.optim.Rprop([*w, *o], lr=0.01)),
}  # fmt: skip


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    return rng.uniform(-1, 1, (20, 4)), rng.dirichlet(np.ones(3), 20)


def assert_same_parameters(net: fastnn.Network, twin: TorchTwin, atol: float) -> None:
    ours = [*net.weights, *net.biases, *net.gammas, *net.betas]
    for array, leaf in zip(ours, (*twin.weights, *twin.others), strict=True):
        theirs = leaf.detach().numpy()
        np.testing.assert_allclose(array.reshape(theirs.shape), theirs, rtol=0, atol=atol)


@pytest.mark.parametrize("norm", [None, "layer"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_ten_steps_are_pytorchs(name, norm):
    optimizer, rate, make = OPTIMIZERS[name]
    X, Y = data()
    net = fastnn.Network([4, 6, 3], activation="tanh", normalization=norm, rng=1)
    twin = TorchTwin(torch, net)
    theirs = make(twin.weights, twin.others)
    start = net.parameters.copy()
    net.fit(X, Y, epochs=10, batch_size=20, optimizer=optimizer, learning_rate=rate, shuffle=False)
    for _ in range(10):
        twin.backward(X, Y)
        theirs.step()
    assert np.abs(net.parameters - start).max() > 0.01
    assert_same_parameters(net, twin, 1e-10)


@pytest.mark.parametrize("momentum", [0.1, 0.7])
def test_running_statistics_are_pytorchs(momentum):
    X, Y = data()
    norm = BatchNorm(momentum=momentum)
    net = fastnn.Network([4, 6, 5, 3], activation="tanh", normalization=norm, rng=1)
    twin = TorchTwin(torch, net)
    theirs = torch.optim.SGD([*twin.weights, *twin.others], lr=0.1)
    net.fit(X, Y, epochs=3, batch_size=7, learning_rate=0.1, shuffle=False)
    for _ in range(3):
        for start in (0, 7, 14):
            twin.backward(X[start : start + 7], Y[start : start + 7])
            theirs.step()
    assert_same_parameters(net, twin, 1e-10)
    means = zip(net.running_means, net.running_variances, twin.running, strict=True)
    for mean, variance, (their_mean, their_variance) in means:
        np.testing.assert_allclose(mean[:, 0], their_mean, rtol=0, atol=1e-10)
        np.testing.assert_allclose(variance[:, 0], their_variance, rtol=0, atol=1e-10)
