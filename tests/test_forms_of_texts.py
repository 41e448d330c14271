"""What some texts print otherwise: Adam with ε̂, batch norm from 0, weights and biases as one Θ."""

from __future__ import annotations

import dataclasses
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import optimizers, reference
from fastnn.initializers import Epsilon
from fastnn.normalization import BatchNorm, LayerNorm

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
NETWORKS = [fastnn.Network, reference.Network]
RNG = np.random.default_rng(2)
X, LABELS = RNG.normal(size=(24, 4)), RNG.integers(0, 3, 24)


def make(kind: type = fastnn.Network, **told: Any) -> Any:
    defaults = {"activation": "relu", "rng": 3}
    return kind([4, 6, 3], fastnn.LogLikelihoodCost, **(defaults | told))


# Adam.


class AdamOfTheText:
    """As it stands in the text, for one array: a rate that is corrected, and 1e-7 beside √v."""

    def __init__(self, lr: float, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-7):
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps
        self.iter, self.m, self.v = 0, 0.0, 0.0

    def update(self, param: np.ndarray, grad: np.ndarray) -> None:
        self.iter += 1
        lr_t = self.lr * np.sqrt(1.0 - self.beta2**self.iter) / (1.0 - self.beta1**self.iter)
        self.m = self.m + (1 - self.beta1) * (grad - self.m)
        self.v = self.v + (1 - self.beta2) * (grad**2 - self.v)
        param -= lr_t * self.m / (np.sqrt(self.v) + self.eps)


@pytest.mark.parametrize("eps", [1e-7, 0.03])
@pytest.mark.parametrize("kind", NETWORKS)
def test_adam_of_the_text(kind: type, eps: float) -> None:
    net, twin = make(kind), make(kind)
    text = AdamOfTheText(0.01, eps=eps)
    chosen = optimizers.Adam(eps=eps, epsilon_hat=True)
    net.fit(X, LABELS, epochs=20, batch_size=24, optimizer=chosen, learning_rate=0.01)
    for _ in range(20):
        gradients = twin.gradients(X, LABELS)
        pairs = zip(gradients.weights, gradients.biases, strict=True)
        gradient = np.concatenate([part.ravel() for pair in pairs for part in pair])
        text.update(twin.parameters, gradient)
    np.testing.assert_allclose(net.parameters, twin.parameters, rtol=0, atol=1e-11)
    other = make(kind)
    plain = dataclasses.replace(chosen, epsilon_hat=False)
    other.fit(X, LABELS, epochs=20, batch_size=24, optimizer=plain, learning_rate=0.01)
    assert np.abs(net.parameters - other.parameters).max() > (1e-2 if eps > 0.01 else 1e-6)


@pytest.mark.parametrize(("dtype", "atol"), [("float64", 1e-11), ("float32", 1e-4)])
@pytest.mark.parametrize("optimizer", [optimizers.Adam, optimizers.AdamW])
@pytest.mark.parametrize("sizes", [[4, 6, 3], [4, 70, 40, 3]])
def test_the_kernels_are_the_references(
    sizes: list[int], optimizer: type, dtype: str, atol: float
) -> None:
    chosen = optimizer(eps=0.01, beta1=0.8, beta2=0.95, epsilon_hat=True)
    ours, theirs = (
        kind(sizes, fastnn.LogLikelihoodCost, rng=0, dtype=dtype, normalization="layer")
        for kind in NETWORKS
    )
    for net in (ours, theirs):
        net.fit(X, LABELS, epochs=3, batch_size=5, optimizer=chosen, learning_rate=0.01)
    np.testing.assert_allclose(ours.parameters, theirs.parameters, rtol=0, atol=atol)


def test_further_arguments_keep_their_places() -> None:
    assert optimizers.AdamW(0.9, 0.999, 1e-8, 0.2).weight_decay == 0.2
    assert BatchNorm(0.2, 1e-3).eps == 1e-3
    with pytest.raises(TypeError):
        optimizers.Adam(0.9, 0.999, 1e-8, True)  # type: ignore[misc]
    with pytest.raises(TypeError, match="epsilon_hat: expected True or False, got 'yes'"):
        optimizers.Adam(epsilon_hat="yes")  # type: ignore[arg-type]


def test_the_estimators_adam_is_that_of_the_text() -> None:
    pytest.importorskip("sklearn")
    from fastnn.sklearn import MLPRegressor

    told: dict[str, Any] = {"max_iter": 5, "random_state": 0, "hidden_layer_sizes": (6,)}
    by_name, by_object, other = (
        MLPRegressor(solver=solver, epsilon=0.01, **told).fit(X, X[:, 0]).coefs_[0]
        for solver in (
            "adam", optimizers.Adam(eps=0.01, epsilon_hat=True), optimizers.Adam(eps=0.01)
        )
    )  # fmt: skip
    np.testing.assert_array_equal(by_name, by_object)
    assert np.abs(by_name - other).max() > 1e-5


# Batch norm.


@pytest.mark.parametrize("kind", NETWORKS)
def test_running_statistics_from_nothing(kind: type) -> None:
    """The text's: running_mean = 0, running_var = 0, momentum 0.9 of what was."""
    norm = BatchNorm(momentum=0.1, initial_mean=0, initial_variance=0)
    net = make(kind, normalization=norm)
    assert not net.running_statistics.any()
    mean = var = np.zeros((6, 1))
    for _ in range(3):
        z = net.weights[0] @ X.T + net.biases[0]
        mean = 0.9 * mean + 0.1 * z.mean(axis=1, keepdims=True)
        var = 0.9 * var + 0.1 * z.var(axis=1, keepdims=True, ddof=1)
        net.fit(X, LABELS, epochs=1, batch_size=24)
    np.testing.assert_allclose(net.running_means[0], mean, rtol=0, atol=1e-12)
    np.testing.assert_allclose(net.running_variances[0], var, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", NETWORKS)
def test_running_statistics_start_where_they_are_told(kind: type, dtype: str) -> None:
    norm = BatchNorm(initial_mean=-0.5, initial_variance=4.0)
    net = kind([4, 6, 5, 3], normalization=norm, dtype=dtype, rng=0)
    for mean, variance in zip(net.running_means, net.running_variances, strict=True):
        assert (mean == -0.5).all() and (variance == 4.0).all()
    plain = kind([4, 6, 5, 3], normalization="batch", dtype=dtype, rng=0)
    assert sorted(set(plain.running_statistics.tolist())) == [0.0, 1.0]
    one = make(kind, normalization=norm, dtype=dtype, activation="identity")
    z = X @ np.asarray(one.weights[0]).T + np.asarray(one.biases[0]).T
    hidden = (z + 0.5) / np.sqrt(4.0 + norm.eps)
    z = hidden @ np.asarray(one.weights[1]).T + np.asarray(one.biases[1]).T
    expected = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(one.predict(X), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_running_variance_that_is_the_biased_one(kind: type) -> None:
    """The text's: running_var of what it normalized by."""
    norm = BatchNorm(momentum=0.1, initial_variance=0, unbiased=False)
    net = make(kind, normalization=norm)
    var = np.zeros((6, 1))
    for _ in range(3):
        z = net.weights[0] @ X.T + net.biases[0]
        var = 0.9 * var + 0.1 * z.var(axis=1, keepdims=True)
        net.fit(X, LABELS, epochs=1, batch_size=24)
    np.testing.assert_allclose(net.running_variances[0], var, rtol=0, atol=1e-12)


def test_training_does_not_depend_on_where_they_start() -> None:
    nets = [make(normalization=BatchNorm(initial_variance=v)) for v in (0.0, 1.0)]
    for net in nets:
        net.fit(X, LABELS, epochs=3, batch_size=8)
    np.testing.assert_array_equal(nets[0].parameters, nets[1].parameters)
    assert (nets[0].running_variances[0] < nets[1].running_variances[0]).all()


def test_the_estimators_take_it_too() -> None:
    pytest.importorskip("sklearn")
    from fastnn.sklearn import MLPRegressor

    norm = BatchNorm(initial_variance=0.0)
    model = MLPRegressor(normalization=norm, max_iter=1, hidden_layer_sizes=(6,), random_state=0)
    plain = MLPRegressor(normalization="batch", max_iter=1, hidden_layer_sizes=(6,), random_state=0)
    for each in (model, plain):
        each.fit(X, X[:, 0])
    moved = plain.network_.running_variances[0] - model.network_.running_variances[0]
    np.testing.assert_allclose(moved, 0.9, rtol=1e-12)


BAD: dict[str, tuple[Any, type[Exception], str]] = {
    "negative": ({"initial_variance": -1}, ValueError, "initial_variance: expected a finite numb"),
    "NaN": ({"initial_mean": float("nan")}, ValueError, "initial_mean: expected a finite number"),
    "text": ({"initial_mean": "0"}, TypeError, "initial_mean: expected a number, got '0'"),
    "infinite": ({"initial_variance": float("inf")}, ValueError, "initial_variance: expected a"),
    "no flag": ({"unbiased": 2}, TypeError, "unbiased: expected True or False, got 2"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_start_is_refused(case: str) -> None:
    told, error, words = BAD[case]
    with pytest.raises(error, match=words):
        BatchNorm(**told)


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_start_that_float32_does_not_know_is_refused(kind: type) -> None:
    norm = BatchNorm(initial_variance=1e300)
    with pytest.raises(ValueError, match=r"normalization: initial_variance \(as float32\)"):
        make(kind, normalization=norm, dtype="float32")
    assert make(kind, normalization=norm).running_variances[0][0] == 1e300


# In files.

KEPT: dict[str, tuple[Any, Any]] = {
    "all": (
        BatchNorm(initial_mean=0.5, initial_variance=0.0, unbiased=False),
        optimizers.Adam(epsilon_hat=True),
    ),
    "AdamW": (LayerNorm(), optimizers.AdamW(eps=0.1, epsilon_hat=True)),
    "neither": (BatchNorm(), optimizers.Adam()),
}


@pytest.mark.parametrize("ending", [".json", ".npz"])
@pytest.mark.parametrize("case", KEPT)
def test_saved_and_loaded_it_goes_on(case: str, ending: str, tmp_path: Path) -> None:
    norm, optimizer = KEPT[case]
    net = make(normalization=norm)
    net.fit(X, LABELS, epochs=2, batch_size=8, optimizer=optimizer)
    net.save(tmp_path / f"net{ending}")
    loaded = fastnn.load(tmp_path / f"net{ending}")
    assert loaded.normalization == norm and loaded.training_state.optimizer == optimizer
    for each in (net, loaded):
        each.fit(X, LABELS, epochs=2, batch_size=8, optimizer=optimizer)
    np.testing.assert_array_equal(loaded.parameters, net.parameters)
    np.testing.assert_array_equal(loaded.running_statistics, net.running_statistics)


def test_files_say_it_only_where_it_is_asked_for(tmp_path: Path) -> None:
    """So an older fastnn reads a file that needs nothing new."""
    keys = []
    for case in ("all", "neither"):
        norm, optimizer = KEPT[case]
        net = make(normalization=norm)
        net.fit(X, LABELS, epochs=1, batch_size=8, optimizer=optimizer)
        net.save(tmp_path / "net.json")
        content = json.loads((tmp_path / "net.json").read_text())
        keys.append(set(content["normalization"]) | set(content["training"]["optimizer"]))
    new = {"initial_mean", "initial_variance", "unbiased", "epsilon_hat"}
    assert keys[0] - keys[1] == new and not keys[1] & new


# Weights and biases as one matrix.

SIZES = [5, 4, 3, 2]


def thetas(rand: Any, epsilon: float) -> list[np.ndarray]:
    """The text's, layer by layer."""
    return [rand(n_out, 1 + n_in) * 2 * epsilon - epsilon for n_in, n_out in pairwise(SIZES)]


@pytest.mark.parametrize("epsilon", [0.12, 1.0, 0.3])
@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("source", ["int", "Generator", "None"])
def test_epsilon_of_the_text_seed_for_seed(kind: type, source: str, epsilon: float) -> None:
    chosen = Epsilon(epsilon, bias_column=True)
    if source == "None":
        np.random.seed(7)
        expected = thetas(np.random.rand, epsilon)
        np.random.seed(7)
        net = kind(SIZES, initializer=chosen)
    else:
        drawn = np.random.default_rng(7)
        expected = thetas(lambda *shape: drawn.random(shape), epsilon)
        net = kind(
            SIZES, initializer=chosen, rng=7 if source == "int" else np.random.default_rng(7)
        )
    for w, b, theta in zip(net.weights, net.biases, expected, strict=True):
        np.testing.assert_array_equal(b, theta[:, :1])
        np.testing.assert_array_equal(w, theta[:, 1:])


def test_without_it_biases_are_zero_and_the_draws_as_before() -> None:
    assert Epsilon() == Epsilon(0.12, bias_column=False)
    net = fastnn.Network(SIZES, initializer="epsilon", rng=7)
    drawn = np.random.default_rng(7)
    for w, b in zip(net.weights, net.biases, strict=True):
        np.testing.assert_array_equal(w, drawn.uniform(-0.12, 0.12, w.shape))
        assert not b.any()
    with pytest.raises(TypeError, match="bias_column: expected True or False, got 'first'"):
        Epsilon(bias_column="first")  # type: ignore[arg-type]


def test_the_estimators_draw_it_too() -> None:
    pytest.importorskip("sklearn")
    from fastnn.sklearn import MLPRegressor

    model = MLPRegressor(
        initializer=Epsilon(0.3, bias_column=True), max_iter=1, learning_rate_init=1e-12,
        hidden_layer_sizes=(6,), random_state=0,
    ).fit(X, X[:, 0])  # fmt: skip
    assert (np.abs(model.intercepts_[0]) <= 0.3).all() and np.abs(model.intercepts_[0]).min() > 0
