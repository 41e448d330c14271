"""The compiled network against the reference: same seeds, same numbers."""

import inspect
import itertools
import random

import numpy as np
import pytest
from gradcheck import numerical_gradient
from hypothesis import given
from hypothesis import strategies as st
from strategies import modest

import fastnn
from fastnn import reference, regularizers

PAIRS = {
    fastnn.QuadraticCost: ("sigmoid", "identity", "softmax"),
    fastnn.CrossEntropyCost: ("sigmoid", "softmax"),
    fastnn.LogLikelihoodCost: ("softmax", "sigmoid"),
}
COSTS = [(cost, output) for cost, outputs in PAIRS.items() for output in outputs]
HIDDEN = ("identity", "sigmoid", "tanh", "relu")
PENALTIES = {
    "none": None,
    "L2": regularizers.L2(2.0),
    "L1": regularizers.L1(0.5),
    "both": regularizers.L1L2(0.1, 0.2),
}


def trained(kind, X, y, sizes, *, fit, **options):
    random.seed(5)
    np.random.seed(6)
    net = kind(sizes, **options)
    return net, net.fit(X, y, **fit)


def both(*args, **keywords):
    return [trained(kind, *args, **keywords) for kind in (fastnn.Network, reference.Network)]


def assert_equal_runs(runs, tolerance):
    (ours, our_history), (theirs, their_history) = runs
    np.testing.assert_allclose(ours.parameters, theirs.parameters, rtol=0, atol=tolerance)
    for column in ("training_cost", "validation_cost", "validation_accuracy"):
        if column in their_history.columns:
            np.testing.assert_allclose(our_history[column], their_history[column], rtol=tolerance)


@pytest.mark.parametrize("batch_size", [1, 10, 200])
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("activation", HIDDEN)
@pytest.mark.parametrize(("cost", "output"), COSTS)
def test_training_equals_the_reference(cost, output, activation, penalty, batch_size):
    rng = np.random.default_rng(1)
    X, y = rng.random((53, 7)), rng.integers(0, 3, 53)
    fit = {
        "epochs": 2,
        "batch_size": batch_size,
        "learning_rate": 0.05,
        "regularizer": PENALTIES[penalty],
        "validation_data": (X[::2], y[::2]),
    }
    options = {"cost": cost, "activation": activation, "output": output}
    assert_equal_runs(both(X, y, [7, 5, 4, 3], fit=fit, **options), 1e-12)


@modest
@given(
    sizes=st.lists(st.integers(1, 9), min_size=2, max_size=6),
    n=st.integers(1, 40),
    batch_size=st.integers(1, 45),
    pair=st.sampled_from(COSTS),
    dtype=st.sampled_from(["float64", "float32"]),
    data=st.data(),
)
def test_any_shape_equals_the_reference(sizes, n, batch_size, pair, dtype, data):
    cost, output = pair
    sizes[-1] += output == "softmax"  # of one output it would always be 1
    hidden = st.lists(st.sampled_from(HIDDEN), min_size=len(sizes) - 2, max_size=len(sizes) - 2)
    activation = data.draw(hidden)
    rng = np.random.default_rng(n)
    X, Y = rng.random((n, sizes[0])), rng.random((n, sizes[-1]))
    # Small, for some of these networks are steep, and a run that diverges shows nothing.
    fit = {"epochs": 2, "batch_size": batch_size, "learning_rate": 0.002}
    options = {"cost": cost, "activation": activation, "output": output, "dtype": dtype}
    tolerance = 1e-12 if dtype == "float64" else 1e-4
    assert_equal_runs(both(X, Y, sizes, fit=fit, rng=3, **options), tolerance)


@pytest.mark.parametrize("kind", [fastnn.Network, reference.Network])
@pytest.mark.parametrize("activation", HIDDEN)
@pytest.mark.parametrize(("cost", "output"), COSTS)
def test_gradient_is_the_costs_derivative(kind, cost, output, activation):
    rng = np.random.default_rng(4)
    X, Y = rng.random((6, 5)), rng.dirichlet(np.ones(3), 6)
    net = kind([5, 4, 4, 3], cost, activation=activation, output=output, rng=8)
    gradients = net.gradients(X, Y)
    start = net.parameters.copy()

    def cost_at(parameters):
        net.parameters = parameters
        return net.total_cost((X, Y), 0.0)

    numeric = numerical_gradient(cost_at, start)
    layers = zip(gradients.weights, gradients.biases, strict=True)
    flat = np.concatenate([part.ravel() for layer in layers for part in layer])
    np.testing.assert_allclose(flat, numeric, atol=1e-7)
    net.parameters = start
    assert gradients.cost == pytest.approx(net.total_cost((X, Y), 0.0), rel=1e-14)


class Cubic:
    """A cost that is nobody's: Σ |a − y|³."""

    @staticmethod
    def fn(a, y):
        return np.sum(np.abs(a - y) ** 3)

    @staticmethod
    def delta(z, a, y):
        return 3 * (a - y) * np.abs(a - y) * fastnn.activations.sigmoid_prime(z)


@pytest.mark.parametrize("cost", [Cubic, Cubic(), type("Child", (fastnn.QuadraticCost,), {})])
@pytest.mark.parametrize("batch_size", [1, 8, 100])
def test_a_users_cost_equals_the_reference(cost, batch_size):
    rng = np.random.default_rng(2)
    X, y = rng.random((30, 4)), rng.integers(0, 3, 30)
    fit = {
        "epochs": 3,
        "batch_size": batch_size,
        "learning_rate": 0.5,
        "validation_data": (X, y),
        "regularizer": regularizers.L1L2(0.1, 0.2),
    }
    runs = both(X, y, [4, 5, 3], fit=fit, cost=cost)
    assert_equal_runs(runs, 1e-12)
    ours, theirs = (net.gradients(X, y) for net, _ in runs)
    for a, b in zip(ours.weights + ours.biases, theirs.weights + theirs.biases, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-14)


def test_a_users_delta_is_asked_once_a_mini_batch_in_columns():
    shapes = []

    class Watched(Cubic):
        @staticmethod
        def delta(z, a, y):
            shapes.append((z.shape, a.shape, y.shape))
            return Cubic.delta(z, a, y)

    X, y = np.random.default_rng(0).random((10, 4)), np.arange(10) % 3
    fastnn.Network([4, 3], Watched, rng=0).fit(X, y, epochs=1, batch_size=4)
    assert shapes == [((3, m),) * 3 for m in (4, 4, 2)]


@pytest.mark.parametrize("method", ["feedforward", "predict"])
def test_outputs_equal_the_reference(method):
    options = {"activation": ["tanh", "relu"], "output": "softmax", "rng": 1}
    ours = fastnn.Network([5, 4, 6, 3], **options)
    theirs = reference.Network([5, 4, 6, 3], **options)
    rng = np.random.default_rng(0)
    for shape in [(5,), (1, 5), (700, 5)]:
        X = rng.standard_normal(shape)
        values = X.T if method == "feedforward" else X
        np.testing.assert_allclose(
            getattr(ours, method)(values), getattr(theirs, method)(values), rtol=1e-13
        )


def test_backprop_and_update_mini_batch_equal_the_reference():
    ours, theirs = (kind([6, 4, 3], rng=2) for kind in (fastnn.Network, reference.Network))
    rng = np.random.default_rng(3)
    batch = [(rng.random((6, 1)), label) for label in (0, 2, 1, 1)]
    for a, b in zip(ours.backprop(*batch[0]), theirs.backprop(*batch[0]), strict=True):
        for left, right in zip(a, b, strict=True):
            np.testing.assert_allclose(left, right, atol=1e-15)
            assert left.shape == right.shape
    for net in (ours, theirs):
        net.update_mini_batch(batch, 0.7, 3.0, 50)
    np.testing.assert_allclose(ours.parameters, theirs.parameters, rtol=1e-14)


def public_methods(kind):
    return {
        name: inspect.signature(getattr(kind, name))
        for name in dir(kind)
        if not name.startswith("_") and callable(getattr(kind, name))
    }


def test_the_reference_has_the_same_methods_and_arguments():
    assert public_methods(fastnn.Network) == public_methods(reference.Network)
    assert inspect.signature(fastnn.Network) == inspect.signature(reference.Network)


MNIST_RUNS = {
    "cross-entropy": ({"cost": fastnn.CrossEntropyCost}, 10, 0.5, False),
    "quadratic, large": ({"cost": fastnn.QuadraticCost}, 10, 0.5, True),
    "batch of 1": ({"cost": fastnn.CrossEntropyCost}, 1, 0.1, False),
    "batch above the data": ({"cost": fastnn.CrossEntropyCost}, 5000, 0.5, False),
    "short last batch": ({"cost": fastnn.CrossEntropyCost}, 64, 0.5, False),
}


@pytest.mark.parametrize("run", MNIST_RUNS)
def test_mnist_seed_for_seed(mnist_folder, run):
    """3 epochs over 3000 real images: weights to 1e-10, all four lists to 1e-9."""
    options, batch_size, eta, large = MNIST_RUNS[run]
    splits = fastnn.datasets.load_mnist(mnist_folder)
    training = [part[:3000] for part in splits.train]
    evaluation = [part[:500] for part in splits.validation]
    parameters, lists = [], []
    for kind in (fastnn.Network, reference.Network):
        random.seed(1)
        np.random.seed(2)
        net = kind([784, 30, 10], **options)
        if large:
            net.large_weight_initializer()
        lists.append(
            net.SGD(
                tuple(training), 3, batch_size, eta, 5.0, tuple(evaluation), True, True, True, True
            )
        )
        parameters.append(net.parameters)
    assert np.abs(parameters[0] - parameters[1]).max() <= 1e-10
    for ours, theirs in zip(*lists, strict=True):
        assert len(ours) == 3
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)
    assert len(list(itertools.chain(*lists[0]))) == 12
