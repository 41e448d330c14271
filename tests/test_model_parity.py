"""Whole training runs, compiled against the reference: every option, and options together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import costs, optimizers, reference, regularizers, schedules
from fastnn.dropout import Dropout
from fastnn.normalization import BatchNorm, GroupNorm

X = np.random.default_rng(1).random((53, 7))
LABELS = np.random.default_rng(2).integers(0, 3, 53)
ACTIVATIONS = (
    "identity", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "mish",
    "softplus",
)  # fmt: skip
NORMS = {"none": None, "batch": "batch", "layer": "layer", "group": GroupNorm(groups=2)}
DROPOUTS = {"all": 0.0, "inverted": 0.4, "classic": Dropout(0.3, inverted=False)}
OPTIMIZERS = {
    "sgd": optimizers.SGD(),
    "momentum": optimizers.SGD(momentum=0.9),
    "nesterov": optimizers.SGD(momentum=0.9, nesterov=True),
    "rmsprop": optimizers.RMSprop(),
    "adagrad": optimizers.AdaGrad(),
    "adam": optimizers.Adam(),
    "adamw": optimizers.AdamW(weight_decay=0.1),
    "rprop": optimizers.Rprop(),
}
PENALTIES = {
    "none": None,
    "both": regularizers.L1L2(0.1, 0.2),
    "max-norm": regularizers.MaxNorm(0.8),
    "all": regularizers.Regularizer(l1=0.1, l2=0.2, max_norm=0.9),
}
# Each cost with every output that goes with it.
PAIRS = {
    "quadratic": (fastnn.QuadraticCost, ("sigmoid", "identity", "softmax")),
    "cross-entropy": (fastnn.CrossEntropyCost, ("sigmoid", "softmax")),
    "likelihood": (fastnn.LogLikelihoodCost, ("softmax", "sigmoid")),
    "huber": (costs.HuberCost(0.3), ("identity", "sigmoid")),
    "absolute": (costs.AbsoluteCost, ("identity", "sigmoid")),
    "poisson": (costs.PoissonCost, ("exp",)),
    "quantile": (costs.QuantileCost(0.3), ("identity", "sigmoid")),
}
COSTS = {f"{name}-{o}": (cost, o) for name, (cost, outputs) in PAIRS.items() for o in outputs}
every_norm = pytest.mark.parametrize("norm", NORMS)
every_dropout = pytest.mark.parametrize("dropout", DROPOUTS)


def assert_alike(options: dict[str, Any], fit: dict[str, Any], y: Any = LABELS) -> None:
    """Two epochs: parameters and running statistics to 1e-9, all that is recorded to 1e-8."""
    nets, histories = [], []
    for kind in (fastnn.Network, reference.Network):
        net = kind(**{"sizes": [7, 6, 4, 3], "rng": 3, **options})
        before = net.parameters.copy()
        histories.append(net.fit(X, y, **{"epochs": 2, "batch_size": 13, **fit}))
        assert (net.parameters != before).any()
        nets.append(net)
    ours, theirs = nets
    assert np.isfinite(theirs.parameters).all()
    np.testing.assert_allclose(ours.parameters, theirs.parameters, rtol=0, atol=1e-9)
    np.testing.assert_allclose(
        ours.running_statistics, theirs.running_statistics, rtol=0, atol=1e-9
    )
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=0, atol=1e-9)
    assert histories[0].columns == histories[1].columns
    for column in set(histories[1].columns) - {"seconds"}:
        np.testing.assert_allclose(
            histories[0][column], histories[1][column], rtol=1e-8, atol=1e-10, err_msg=column
        )


@every_dropout
@every_norm
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation(activation, norm, dropout):
    """With the three of the book's costs and the outputs that they go with by default."""
    for cost in (fastnn.QuadraticCost, fastnn.CrossEntropyCost, fastnn.LogLikelihoodCost):
        options = {"cost": cost, "activation": activation, "normalization": NORMS[norm]}
        fit = {"learning_rate": 0.05, "validation_data": (X[::2], LABELS[::2])}
        assert_alike({**options, "dropout": DROPOUTS[dropout]}, fit)


@every_dropout
@every_norm
@pytest.mark.parametrize("pair", COSTS)
def test_every_cost_with_every_output(pair, norm, dropout):
    cost, output = COSTS[pair]
    options = {"cost": cost, "output": output, "activation": "tanh", "normalization": NORMS[norm]}
    targets = np.random.default_rng(4).dirichlet(np.ones(3), 53)
    assert_alike({**options, "dropout": DROPOUTS[dropout]}, {"learning_rate": 0.02}, targets)


@pytest.mark.parametrize("penalty", PENALTIES)
@every_norm
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer(optimizer, norm, penalty):
    """Over rows that count differently, for one class's sake and for their own."""
    fit = {
        "optimizer": OPTIMIZERS[optimizer],
        "learning_rate": 0.01,
        "regularizer": PENALTIES[penalty],
        "sample_weight": 0.5 + np.arange(53) / 53,
        "class_weight": {0: 2.0},
        "batch_size": 53 if optimizer == "rprop" else 10,
        "epochs": 4 if optimizer == "rprop" else 2,
    }
    dropout = 0.0 if optimizer == "rprop" else 0.2
    assert_alike({"normalization": NORMS[norm], "activation": "tanh", "dropout": dropout}, fit)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("class_weight", [None, "balanced", {1: 0.5}])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("cost", ["cross-entropy-sigmoid", "likelihood-softmax"])
def test_weights_and_smoothing(cost, weighted, class_weight, smoothing):
    fit = {"class_weight": class_weight, "label_smoothing": smoothing, "learning_rate": 0.1}
    if weighted:
        fit["sample_weight"] = np.arange(53.0)  # the first row counts nothing
    assert_alike({"cost": COSTS[cost][0], "normalization": "batch", "activation": "elu"}, fit)


SCHEDULES = {
    "step": schedules.step(1),
    "exponential": schedules.exponential(0.5),
    "inverse-time": schedules.inverse_time(0.5),
    "cosine": schedules.cosine(2),
    "one-cycle": schedules.one_cycle(2),
    "warm-up": schedules.product(schedules.warm_up(1), schedules.inverse_scaling()),
    "own": lambda epoch: 1 / (1 + epoch),
}


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedules(schedule, optimizer):
    fit = {"optimizer": OPTIMIZERS[optimizer], "learning_rate": 0.05}
    assert_alike({"normalization": "batch"}, {**fit, "schedule": SCHEDULES[schedule]})


@every_norm
@pytest.mark.parametrize("batch_size", [1, 2, 4, 13, 26, 52, 53, 200])
def test_every_batch_size(batch_size, norm):
    """1 row in the last mini-batch for most: batch norm leaves it out, the others take it."""
    if norm == "batch" and batch_size == 1:
        pytest.skip("batch norm has no variance of one row")
    assert_alike(
        {"normalization": NORMS[norm], "activation": "relu", "dropout": 0.3},
        {"batch_size": batch_size, "learning_rate": 0.02},  # Adam would enlarge rounding
    )


@pytest.mark.parametrize("sizes", [[7, 3], [7, 2, 3], [7, 4, 2, 6, 8, 3], [7, 32, 16, 3]])
@every_norm
def test_every_depth(norm, sizes):
    options = {"sizes": sizes, "normalization": NORMS[norm], "activation": "mish"}
    assert_alike({**options, "dropout": 0.1}, {"learning_rate": 0.1})


@pytest.mark.parametrize("momentum", [0.01, 0.5, 1.0])
@pytest.mark.parametrize("eps", [1e-8, 0.1])
def test_batch_norms_numbers(eps, momentum):
    norm = BatchNorm(eps=eps, momentum=momentum)
    assert_alike({"normalization": norm, "activation": "tanh"}, {"learning_rate": 0.1})


class Cubic:
    """A cost that is nobody's: Σ |a − y|³, for sigmoid outputs."""

    @staticmethod
    def fn(a: np.ndarray, y: np.ndarray) -> float:
        return np.sum(np.abs(a - y) ** 3)

    @staticmethod
    def delta(z: np.ndarray, a: np.ndarray, y: np.ndarray) -> np.ndarray:
        return 3 * (a - y) * np.abs(a - y) * fastnn.activations.sigmoid_prime(z)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@every_dropout
@every_norm
@pytest.mark.parametrize("batch_size", [13, 53])
def test_a_cost_in_python(norm, dropout, optimizer, batch_size):
    options = {"cost": Cubic, "normalization": NORMS[norm], "dropout": DROPOUTS[dropout]}
    rate = 0.05 if optimizer == "sgd" else 0.005  # Adam would enlarge rounding
    fit = {"optimizer": optimizer, "learning_rate": rate, "sample_weight": np.arange(53.0)}
    assert_alike({**options, "activation": "gelu"}, {**fit, "batch_size": batch_size})
