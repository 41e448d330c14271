"""Network as its users see it: constructor, views, training, history, stopping."""

import copy
import pickle
import random

import numpy as np
import pytest

import fastnn
from fastnn import History, reference, regularizers
from fastnn._core.engine import CompiledEngine
from fastnn._model.model import Model
from fastnn.reference.network import NumpyEngine

KINDS = [fastnn.Network, reference.Network]


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = rng.random((60, 4))
    return X, (X.sum(axis=1) > 2).astype(int)


def test_a_network_is_the_one_model_with_an_engine():
    for kind, engine in ((fastnn.Network, CompiledEngine), (reference.Network, NumpyEngine)):
        assert kind.__mro__ == (kind, Model, object)
        assert type(kind([4, 2])._engine) is engine


def test_defaults_are_the_books():
    net = fastnn.Network([4, 3, 2])
    assert net.sizes == [4, 3, 2]
    assert net.num_layers == 3
    assert net.cost is fastnn.CrossEntropyCost
    assert (net.activation, net.output) == (("sigmoid",), "sigmoid")
    assert net.dtype == np.float64
    assert net.n_parameters == 4 * 3 + 3 + 3 * 2 + 2 == net.parameters.size
    assert fastnn.Network([4, 2], fastnn.LogLikelihoodCost).output == "softmax"


@pytest.mark.parametrize("kind", KINDS)
def test_global_seeds_draw_the_books_weights(kind):
    np.random.seed(3)
    biases = [np.random.randn(n, 1) for n in (3, 2)]
    weights = [np.random.randn(3, 4) / 2.0, np.random.randn(2, 3) / np.sqrt(3)]
    np.random.seed(3)
    net = kind([4, 3, 2])
    for ours, books in zip([*net.weights, *net.biases], [*weights, *biases], strict=True):
        np.testing.assert_array_equal(ours, books)


def test_rng_takes_nothing_from_the_global_states(data):
    random.seed(1)
    np.random.seed(1)
    before = random.getstate(), np.random.get_state()[1].copy()
    nets = [fastnn.Network([4, 2], rng=rng) for rng in (5, np.random.default_rng(5))]
    for net in nets:
        net.fit(*data, epochs=2)
    assert random.getstate() == before[0]
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])
    np.testing.assert_array_equal(nets[0].parameters, nets[1].parameters)


def test_weights_are_views_and_assigning_copies():
    net = fastnn.Network([3, 2], rng=0)
    assert np.shares_memory(net.weights[0], net.parameters)
    assert np.shares_memory(net.biases[0], net.parameters)
    new = np.arange(6.0).reshape(2, 3)
    net.weights[0] = new
    net.biases = [[[1.0], [2.0]]]
    new[:] = -1
    np.testing.assert_array_equal(net.parameters, [0, 1, 2, 3, 4, 5, 1, 2])
    net.weights[0][1, 2] = 9
    assert net.parameters[5] == 9


def test_an_assignment_with_one_bad_entry_changes_nothing():
    net = fastnn.Network([3, 2, 2], rng=0)
    before = net.parameters.copy()
    with pytest.raises(ValueError, match=r"weights\[1\]: expected shape \(2, 2\), got \(3, 3\)"):
        net.weights = [np.zeros((2, 3)), np.zeros((3, 3))]
    np.testing.assert_array_equal(net.parameters, before)


@pytest.mark.parametrize("kind", KINDS)
def test_fit_learns_and_records(kind, data):
    net = kind([4, 8, 2], fastnn.LogLikelihoodCost, activation="tanh", rng=0)
    history = net.fit(*data, epochs=40, batch_size=5, learning_rate=0.5, validation_data=data)
    assert isinstance(history, History)
    assert history["epoch"] == list(range(1, 41))
    assert history["training_cost"][-1] < history["training_cost"][0]
    assert max(history["validation_accuracy"]) >= 0.9
    assert history["learning_rate"] == [0.5] * 40
    assert all(seconds > 0 for seconds in history["seconds"])
    assert history["validation_accuracy"][-1] == net.accuracy(data) / 60


def test_training_cost_is_the_mean_before_each_step(data):
    """With one mini-batch an epoch, it is the cost of the network as the epoch began."""
    penalty = regularizers.L2(3.0)
    net = fastnn.Network([4, 2], rng=0)
    expected = []

    def note(net, history):
        expected.append(net.total_cost(data, 0.0))

    expected.append(net.total_cost(data, 0.0))
    history = net.fit(
        *data, epochs=3, batch_size=60, learning_rate=0.1, regularizer=penalty, callbacks=[note]
    )
    last_penalty = penalty.penalty(net.weights, 60)
    assert history["training_cost"][-1] == pytest.approx(expected[2] + last_penalty, rel=1e-12)


def test_total_cost_has_the_books_penalty(data):
    net = fastnn.Network([4, 3, 2], rng=0)
    squares = sum(np.sum(w**2) for w in net.weights)
    difference = net.total_cost(data, 7.0) - net.total_cost(data, 0.0)
    assert difference == pytest.approx(7.0 / (2 * 60) * squares, rel=1e-12)


def test_callbacks_hear_every_epoch_and_stop(data):
    heard = []

    def second_stops(net, history):
        heard.append("first")
        return len(history) == 2

    def last(net, history):
        heard.append("last")

    net = fastnn.Network([4, 2], rng=0)
    history = net.fit(*data, epochs=10, callbacks=[second_stops, last])
    assert len(history) == 2
    assert heard == ["first", "last"] * 2


@pytest.mark.parametrize("monitored", [True, False])
def test_early_stopping_n_waits_so_many_epochs(data, monitored):
    """With learning rate 0 the accuracy never rises: the first epoch is the best."""
    net = fastnn.Network([4, 2], rng=0)
    epochs = []
    net.SGD(
        data,
        50,
        10,
        0.0,
        evaluation_data=data,
        monitor_evaluation_accuracy=monitored,
        early_stopping_n=4,
        callbacks=[lambda net, history: epochs.append(len(history))],
    )
    assert epochs == [1, 2, 3, 4, 5]


def test_shuffle_false_takes_the_rows_in_order(data):
    X, y = data
    nets = [fastnn.Network([4, 2], rng=0) for _ in range(2)]
    nets[0].fit(X, y, epochs=1, batch_size=7, shuffle=False)
    for start in range(0, 60, 7):
        batch = slice(start, start + 7)
        nets[1].update_mini_batch((X[batch], y[batch]), 0.1, 0.0, 60)
    np.testing.assert_array_equal(nets[0].parameters, nets[1].parameters)


def test_pairs_and_arrays_train_alike(data):
    X, y = data
    nets = [fastnn.Network([4, 2], rng=0) for _ in range(3)]
    nets[0].fit(X, y, epochs=2)
    nets[1].fit([(x[:, np.newaxis], label) for x, label in zip(X, y, strict=True)], epochs=2)
    nets[2].fit(X, np.eye(2)[y], epochs=2)
    for other in nets[1:]:
        np.testing.assert_array_equal(nets[0].parameters, other.parameters)


def test_one_output_is_a_yes_or_no(data):
    net = fastnn.Network([4, 6, 1], rng=0)
    history = net.fit(*data, epochs=60, batch_size=5, learning_rate=1.0, validation_data=data)
    expected = np.count_nonzero((net.predict(data[0])[:, 0] > 0.5) == data[1])
    assert net.accuracy(data) == net.evaluate(data) == expected
    assert history["validation_accuracy"][-1] > 0.85


def test_regression_has_no_accuracy():
    X = np.linspace(-1, 1, 50)[:, np.newaxis]
    net = fastnn.Network(
        [1, 10, 1], fastnn.QuadraticCost, activation="tanh", output="identity", rng=0
    )
    history = net.fit(X, X[:, 0] ** 2, epochs=400, batch_size=5, validation_data=(X, X**2))
    assert "validation_accuracy" not in history.columns
    assert history["validation_cost"][-1] < 0.001


def test_feedforward_keeps_the_shape_of_columns():
    net = fastnn.Network([3, 5, 2], rng=0)
    x = np.array([0.1, 0.2, 0.3])
    column = net.feedforward(x[:, np.newaxis])
    assert column.shape == (2, 1)
    assert net.feedforward(x).shape == (2,)
    assert net.feedforward(np.stack([x, x], axis=1)).shape == (2, 2)
    np.testing.assert_array_equal(net.predict(x), column[:, 0])
    np.testing.assert_array_equal(net.predict([x]), column.T)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_copies_are_independent_and_go_on_alike(kind, copied, data):
    net = kind([4, 3, 2], activation="relu", rng=0)
    net.fit(*data, epochs=1)
    twin = copied(net)
    assert not np.shares_memory(twin.parameters, net.parameters)
    for each in (net, twin):
        each.fit(*data, epochs=2)
    np.testing.assert_array_equal(twin.parameters, net.parameters)


def test_weights_copy_and_pickle_as_a_plain_list():
    net = fastnn.Network([3, 2], rng=0)
    for twin in (copy.deepcopy(net.weights), pickle.loads(pickle.dumps(net.weights))):
        assert type(twin) is list
        twin[0][:] = 7
        assert not np.any(net.weights[0] == 7)


def test_float32_stays_float32(data):
    net = fastnn.Network([4, 3, 2], dtype="float32", rng=0)
    net.fit(*data, epochs=2)
    assert net.parameters.dtype == net.predict(data[0]).dtype == np.float32
    assert isinstance(net.total_cost(data, 1.0), float)


@pytest.mark.parametrize("kind", KINDS)
def test_batch_norm_predicts_with_what_it_saw_in_training(kind, data):
    """By hand: before any training its running mean is 0 and its variance 1."""
    net = kind([4, 3, 2], normalization="batch", activation="identity", output="softmax", rng=0)
    assert net.n_parameters == 4 * 3 + 3 + 3 + 3 + 3 * 2 + 2
    X, _ = data

    def outputs(mean, variance):
        hidden = ((X @ net.weights[0].T + net.biases[0].T) - mean) / np.sqrt(variance + 1e-5)
        return np.exp(z := hidden @ net.weights[1].T + net.biases[1].T) / np.exp(z).sum(
            axis=1, keepdims=True
        )

    np.testing.assert_allclose(net.predict(X), outputs(0.0, 1.0), rtol=1e-12)
    z = X @ net.weights[0].T + net.biases[0].T
    net.fit(*data, epochs=1, batch_size=60, learning_rate=0.0)
    mean, variance = 0.1 * z.mean(axis=0), 0.9 + 0.1 * z.var(axis=0, ddof=1)
    np.testing.assert_allclose(net.predict(X), outputs(mean, variance), rtol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_dropout_is_for_training_alone(kind, data):
    with_it, without = (kind([4, 9, 2], dropout=rate, rng=0) for rate in (0.5, 0.0))
    np.testing.assert_array_equal(with_it.predict(data[0]), without.predict(data[0]))
    for net in (with_it, without):
        net.fit(*data, epochs=1, batch_size=60, learning_rate=0.1, shuffle=False)
    assert (with_it.parameters != without.parameters).any()


def test_repr_says_what_it_is():
    net = fastnn.Network([4, 3, 2], activation="relu", dtype="float32", rng=0)
    assert repr(net) == "<Network 4-3-2, relu, sigmoid, CrossEntropyCost, float32>"
