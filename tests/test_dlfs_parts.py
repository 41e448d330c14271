"""The layers, functions, optimizers and helpers of ``fastnn.dlfs``, one by one."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from dlfs_algorithm import Logistic, Mask, Norm, Product, Rectifier, Stepper

from fastnn.dlfs import functions, layers, mnist, optimizer, util
from fastnn.dlfs.gradient import numerical_gradient

rng = np.random.default_rng(0)
X = rng.normal(size=(7, 6))
PARAMS = {
    "W1": rng.normal(size=(6, 4)),
    "b1": rng.normal(size=4),
    "gamma1": rng.normal(size=6),
    "beta1": rng.normal(size=6),
}
LAYERS: dict[str, tuple[Any, Any]] = {
    "Relu": (layers.Relu, Rectifier),
    "Sigmoid": (layers.Sigmoid, Logistic),
    "Affine": (
        lambda: layers.Affine(PARAMS["W1"], PARAMS["b1"]),
        lambda: Product(PARAMS, 1),
    ),
    "Dropout": (lambda: layers.Dropout(0.3), lambda: Mask(0.3)),
    "BatchNormalization": (
        lambda: layers.BatchNormalization(PARAMS["gamma1"], PARAMS["beta1"]),
        lambda: Norm(PARAMS, 1),
    ),
}


def forward(layer: Any, x: np.ndarray, training: bool) -> np.ndarray:
    np.random.seed(0)
    if isinstance(layer, (layers.Dropout, layers.BatchNormalization)):
        return layer.forward(x, training)
    return layer.forward(x)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_goes_forward_and_back(name, dtype):
    ours, other = (make() for make in LAYERS[name])
    eps = np.finfo(dtype).eps
    x = X.astype(dtype)
    kept = x.copy()
    for _ in range(2):
        np.random.seed(0)
        expected = other.forward(x.astype(float), True)
        np.testing.assert_allclose(forward(ours, x, True), expected, rtol=0, atol=80 * eps)
    dout = np.ones(expected.shape, dtype) + np.arange(expected.shape[1], dtype=dtype)
    kept_dout = dout.copy()
    dx = other.backward(dout.astype(float))
    np.testing.assert_allclose(ours.backward(dout), dx, rtol=0, atol=400 * eps)
    for gradient in set(vars(ours)) & {"dW", "db", "dgamma", "dbeta"}:
        expected = getattr(other, gradient)
        np.testing.assert_allclose(getattr(ours, gradient), expected, rtol=0, atol=400 * eps)
    np.testing.assert_array_equal(x, kept)
    np.testing.assert_array_equal(dout, kept_dout)
    expected = other.forward(x.astype(float), False)
    np.testing.assert_allclose(forward(ours, x, False), expected, rtol=0, atol=400 * eps)


def test_layers_take_images():
    images = rng.normal(size=(3, 2, 4, 5))
    affine = layers.Affine(rng.normal(size=(40, 3)), np.zeros(3))
    out = affine.forward(images)
    np.testing.assert_allclose(out, images.reshape(3, 40) @ affine.W, atol=1e-12)
    assert affine.backward(out).shape == images.shape
    norm = layers.BatchNormalization(np.ones(40), np.zeros(40))
    out = norm.forward(images)
    np.testing.assert_allclose(out.mean(axis=0), np.zeros((2, 4, 5)), atol=1e-12)
    assert norm.backward(out).shape == images.shape and norm.running_var.shape == (40,)


def test_running_statistics_that_are_given_are_copied():
    mean, var = np.full(6, 2.0), np.full(6, 9.0)
    norm = layers.BatchNormalization(np.ones(6), np.zeros(6), 0.5, mean, var)
    norm.forward(X)
    assert (mean == 2).all() and (var == 9).all()
    np.testing.assert_allclose(norm.running_mean, 1 + X.mean(axis=0) / 2)
    np.testing.assert_allclose(norm.running_var, 4.5 + X.var(axis=0) / 2)
    assert norm.batch_size == 7 and norm.xn.shape == X.shape


@pytest.mark.parametrize("one_hot", [False, True])
def test_the_last_layer(one_hot):
    labels = np.array([0, 5, 2, 1, 1, 3, 4])
    last = layers.SoftmaxWithLoss()
    loss = last.forward(X, np.eye(6)[labels] if one_hot else labels)
    y = np.exp(X) / np.exp(X).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(loss, -np.log(y[range(7), labels] + 1e-7).mean(), rtol=1e-14)
    np.testing.assert_allclose(last.backward(), (y - np.eye(6)[labels]) / 7, atol=1e-16)
    assert last.loss == loss


def test_functions():
    x = np.array([-800.0, -1.0, 0.0, 2.0, 800.0])
    middle = 1 / (1 + np.exp(-x[1:4]))
    np.testing.assert_allclose(functions.sigmoid(x), [0, *middle, 1], rtol=1e-14)
    np.testing.assert_allclose(functions.sigmoid_grad(x)[1:4], middle * (1 - middle), rtol=1e-14)
    assert functions.sigmoid(0) == 0.5 and functions.sigmoid([[0]]).shape == (1, 1)
    assert functions.sigmoid(np.float32([1])).dtype == np.float32
    assert functions.sigmoid(np.empty((0, 3))).shape == (0, 3)
    np.testing.assert_array_equal(functions.relu(x), [0, 0, 0, 2, 800])
    np.testing.assert_array_equal(functions.relu_grad(x), [0, 0, 1, 1, 1])
    np.testing.assert_array_equal(functions.step_function(x), [0, 0, 0, 1, 1])
    assert functions.step_function(x).dtype == int and functions.identity_function(x) is x
    np.testing.assert_allclose(functions.softmax([1, 1, 1, 1]), 0.25)
    np.testing.assert_allclose(functions.softmax(X).sum(axis=1), 1)
    np.testing.assert_array_equal(functions.softmax([1000.0, 0.0]), [1, 0])
    assert functions.sum_squared_error(np.array([1.0, 3.0]), np.array([0, 1])) == 2.5
    one = functions.cross_entropy_error(np.array([0.25, 0.75]), np.array([0, 1]))
    np.testing.assert_allclose(one, -np.log(0.75 + 1e-7), rtol=1e-14)
    assert functions.cross_entropy_error(np.array([[0.25, 0.75]]), np.array([1])) == one
    assert functions.softmax_loss(np.zeros((2, 2)), np.array([0, 1])) == pytest.approx(np.log(2))
    with pytest.raises(IndexError):
        functions.cross_entropy_error(np.full((1, 2), 0.5), np.array([2]))


def test_differences():
    x = np.array([[1.0, -2.0], [0.5, 3.0]])
    gradient = numerical_gradient(lambda v: (v**3).sum(), x)
    np.testing.assert_allclose(gradient, 3 * x**2, rtol=1e-7)

    def fails(v):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        numerical_gradient(fails, x)
    np.testing.assert_array_equal(x, [[1.0, -2.0], [0.5, 3.0]])
    with pytest.raises(TypeError, match="x: expected an array of floats, got an array of int64"):
        numerical_gradient(np.sum, np.array([1, 2]))


def test_a_smooth_curve():
    """Against the weighted means that the window says, with both ends mirrored."""
    curve = rng.normal(size=30)
    weights = np.i0(2 * np.sqrt(1 - (np.arange(-5, 6) / 5) ** 2)) / np.i0(2)
    beyond = [*curve[5:0:-1], *curve, *curve[:-6:-1]]
    expected = [np.dot(weights, beyond[i : i + 11]) / weights.sum() for i in range(30)]
    np.testing.assert_allclose(util.smooth_curve(list(curve)), expected, rtol=0, atol=1e-14)
    assert len(util.smooth_curve(curve[:3])) == 3


def test_rows_and_targets_are_shuffled_alike():
    np.random.seed(0)
    x, t = util.shuffle_dataset(X, np.arange(7))
    np.testing.assert_array_equal(x, X[t])
    np.random.seed(0)
    np.testing.assert_array_equal(t, np.random.permutation(7))
    assert util.shuffle_dataset(np.zeros((3, 1, 2, 2)), np.arange(3))[0].shape == (3, 1, 2, 2)


# Optimizers.

STEPPERS = {
    "SGD": "sgd", "Momentum": "with_momentum", "Nesterov": "nesterov", "AdaGrad": "adagrad",
    "RMSprop": "rmsprop", "Adam": "adam",
}  # fmt: skip


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("name", STEPPERS)
def test_arrays_are_stepped_in_place(name, order):
    ours = getattr(optimizer, name)(lr=0.1)
    other = Stepper(STEPPERS[name], 0.1)
    start = {"a": X, "b": np.ones(3)}
    params = {key: np.array(value, order=order) for key, value in start.items()}
    twins = {key: value.copy() for key, value in start.items()}
    held = dict(params)
    for i in range(5):
        grads = {key: np.cos(i + value) for key, value in twins.items()}
        ours.update(params, grads)
        other.update(twins, grads)
        ours = copy.deepcopy(ours)  # with its state
    for key, expected in twins.items():
        assert params[key] is held[key]
        np.testing.assert_allclose(params[key], expected, rtol=0, atol=1e-13)


def test_the_state_has_the_books_names():
    params, grads = {"a": np.ones(2)}, {"a": np.array([1.0, 2.0])}
    adam, momentum, adagrad = optimizer.Adam(), optimizer.Momentum(), optimizer.AdaGrad()
    assert adam.m is None and momentum.v is None and adagrad.h is None and adam.iter == 0
    for each in (adam, momentum, adagrad):
        each.update(params, grads)
    np.testing.assert_allclose(adam.m["a"], [0.1, 0.2])
    np.testing.assert_allclose(adam.v["a"], [0.001, 0.004])
    np.testing.assert_allclose(momentum.v["a"], [-0.01, -0.02])
    np.testing.assert_allclose(adagrad.h["a"], [1, 4])
    assert adam.iter == 1


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_numbers_are_replaced(name):
    """As the book's picture of the optimizers' ways has them."""
    params = {"x": -7.0, "y": 2}
    ours, other = getattr(optimizer, name)(lr=0.3), Stepper(STEPPERS[name], 0.3)
    twins = {"x": np.array(-7.0), "y": np.array(2.0)}
    for _ in range(10):
        ours.update(params, {"x": params["x"] / 10, "y": 2 * params["y"]})
        other.update(twins, {"x": twins["x"] / 10, "y": 2 * twins["y"]})
    assert params == pytest.approx({"x": float(twins["x"]), "y": float(twins["y"])}, abs=1e-13)


def test_what_cannot_be_stepped_is_refused_before_anything_is():
    one = np.ones(2)
    adam = optimizer.Adam()
    adam.update({"a": one}, {"a": one})
    before = one.copy()
    bad: list[tuple[Any, Any, type[Exception], str]] = [
        ({"a": one, "b": np.ones(2, int)}, {"a": one, "b": one}, TypeError, "b: .* array of int64"),
        ({"a": one, "b": "0"}, {"a": one, "b": one}, TypeError, "b: expected a number .* got str"),
        ({"a": one, "b": one}, {"a": one}, KeyError, "b"),
        ({"a": one}, {"a": np.ones(3)}, ValueError, "broadcast"),
        ({"a": np.ones(3)}, {"a": np.ones(3)}, ValueError, r"a: expected shape \(2,\) as before"),
    ]
    for params, grads, error, words in bad:
        with pytest.raises(error, match=words):
            adam.update(params, grads)
    np.testing.assert_array_equal(one, before)
    assert adam.iter == 1


# Data.


def test_mnist_in_all_forms(monkeypatch):
    rows = [(np.full((n, 784), 255, np.uint8), np.arange(n)) for n in (5, 2, 3)]
    monkeypatch.setattr(mnist, "load_split", lambda dtype: rows)
    (x, t), (x_test, t_test) = mnist.load_mnist()
    assert x.shape == (7, 784) and x.dtype == np.float32 and (x == 1).all()
    assert t.tolist() == [0, 1, 2, 3, 4, 0, 1] and t.dtype == np.uint8 and len(x_test) == 3
    (x, t), _ = mnist.load_mnist(normalize=False, flatten=False, one_hot_label=True)
    assert x.shape == (7, 1, 28, 28) and x.dtype == np.uint8 and (x == 255).all()
    assert t.shape == (7, 10) and (t.argmax(axis=1) == [0, 1, 2, 3, 4, 0, 1]).all()
    assert (t.sum(axis=1) == 1).all() and t_test.tolist() == [0, 1, 2]
