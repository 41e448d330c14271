"""The drop-ins: a program of the book must not notice that its modules are ours."""

import inspect
import random
import subprocess
import sys
import textwrap
from itertools import pairwise

import numpy as np
import pytest
from book_algorithm import BookNetwork

import fastnn
from fastnn.book import network, network2
from fastnn.dropout import Dropout


def seed():
    random.seed(11)
    np.random.seed(12)


@pytest.fixture
def pairs():
    """120 pairs of the book's kind: column, one-hot column."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 120)
    return [(rng.random((13, 1)), network2.vectorized_result(label)) for label in labels]


@pytest.fixture
def evaluation():
    rng = np.random.default_rng(1)
    return [(rng.random((13, 1)), label) for label in rng.integers(0, 10, 40)]


def difference(net, book):
    ours, theirs = [*net.weights, *net.biases], [*book.weights, *book.biases]
    return max(np.abs(a - b).max() for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("batch_size", [1, 7, 10, 120, 500])
@pytest.mark.parametrize("cost", ["cross-entropy", "quadratic"])
@pytest.mark.parametrize("large", [False, True])
def test_network2_gives_the_books_run(pairs, evaluation, batch_size, cost, large):
    seed()
    book = BookNetwork([13, 8, 10], cost, large=False)
    if large:  # the book draws the default weights first, then the large ones
        book = BookNetwork([13, 8, 10], cost, large=True)
    theirs = book.train(list(pairs), 3, batch_size, 0.5, 2.0, evaluation)
    seed()
    kinds = {"cross-entropy": network2.CrossEntropyCost, "quadratic": network2.QuadraticCost}
    net = network2.Network([13, 8, 10], cost=kinds[cost])
    if large:
        net.large_weight_initializer()
    ours = net.SGD(
        list(pairs),
        3,
        batch_size,
        0.5,
        lmbda=2.0,
        evaluation_data=evaluation,
        monitor_evaluation_cost=True,
        monitor_evaluation_accuracy=True,
        monitor_training_cost=True,
        monitor_training_accuracy=True,
    )
    assert difference(net, book) < 1e-12
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_network_gives_the_books_run(pairs, evaluation, capsys):
    seed()
    book = BookNetwork([13, 6, 10], "quadratic", large=True)
    right = []
    data = list(pairs)
    for _ in range(2):
        book.train(data, 1, 10, 3.0)
        right.append(book.right(evaluation))
    seed()
    net = network.Network([13, 6, 10])
    assert net.SGD(list(pairs), 2, 10, 3.0, test_data=evaluation) is None
    assert difference(net, book) < 1e-12
    expected = [f"Epoch {epoch}: {count} / 40" for epoch, count in enumerate(right)]
    assert capsys.readouterr().out.splitlines() == expected


def test_network_prints_without_test_data(pairs, capsys):
    network.Network([13, 10]).SGD(pairs, 2, 10, 1.0)
    assert capsys.readouterr().out == "Epoch 0 complete\nEpoch 1 complete\n"


def test_network2_prints_what_is_monitored(pairs, evaluation, capsys):
    net = network2.Network([13, 10])
    costs, counts, training_costs, training_counts = net.SGD(
        pairs, 1, 10, 0.5, 0.0, evaluation, True, True, True, True
    )
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 0 training complete",
        f"Cost on training data: {training_costs[0]}",
        f"Accuracy on training data: {training_counts[0]} / 120",
        f"Cost on evaluation data: {costs[0]}",
        f"Accuracy on evaluation data: {counts[0]} / 40",
        "",
    ]


def test_lists_not_asked_for_are_empty(pairs, evaluation):
    result = network2.Network([13, 10]).SGD(
        pairs, 2, 10, 0.5, evaluation_data=evaluation, monitor_evaluation_accuracy=True
    )
    assert isinstance(result, tuple)
    assert [len(column) for column in result] == [0, 2, 0, 0]
    assert all(isinstance(count, int) for count in result[1])


def test_two_runs_on_one_list_go_on_from_its_order(pairs):
    """The book shuffles the caller's list in place, so a second run starts from there."""
    data, theirs = list(pairs), list(pairs)
    seed()
    book = BookNetwork([13, 10])
    for _ in range(2):
        book.train(theirs, 2, 10, 0.5)
    seed()
    net = network2.Network([13, 10])
    for _ in range(2):
        net.SGD(data, 2, 10, 0.5)
    assert difference(net, book) < 1e-12
    assert all(a is b for a, b in zip(data, theirs, strict=True))


def test_zip_is_taken_as_training_data(pairs):
    xs, ys = zip(*pairs, strict=True)
    net, same = network2.Network([13, 10]), network2.Network([13, 10])
    same.parameters = net.parameters
    random.seed(1)
    net.SGD(zip(xs, ys, strict=True), 1, 10, 0.5)
    random.seed(1)
    same.SGD(list(pairs), 1, 10, 0.5)
    np.testing.assert_array_equal(net.parameters, same.parameters)


def test_lists_read_before_training_keep_their_numbers(pairs):
    """In the book training makes new arrays, so that ``best = net.weights`` is a snapshot."""
    net = network2.Network([13, 10])
    for train in (
        lambda: net.SGD(pairs, 1, 10, 0.5),
        lambda: net.update_mini_batch(pairs[:10], 0.5, 0.0, 120),
        lambda: setattr(net, "weights", [np.ones((10, 13))]),
    ):
        weights = net.weights
        before = [w.copy() for w in weights]
        train()
        np.testing.assert_array_equal(weights, before)
        assert np.abs(net.weights[0] - before[0]).max() > 0


@pytest.mark.parametrize("name", ["backprop", "update_mini_batch"])
@pytest.mark.parametrize("module", [network, network2])
def test_a_replaced_method_is_called(pairs, module, name):
    calls = []

    def replacement(self, *args):
        calls.append(args)
        return getattr(module.Network, name)(self, *args)

    replaced = type("Replaced", (module.Network,), {name: replacement})
    nets = []
    for kind in (module.Network, replaced):
        seed()
        nets.append(kind([13, 5, 10]))
        nets[-1].SGD(list(pairs), 2, 10, 0.5)
    np.testing.assert_allclose(nets[0].parameters, nets[1].parameters, atol=1e-13)
    assert len(calls) == (240 if name == "backprop" else 24)


def test_a_replaced_feedforward_judges(pairs, evaluation):
    class Contrary(network2.Network):
        def feedforward(self, a):
            return -super().feedforward(a)

    net = Contrary([13, 10])
    least = [np.argmin(network2.Network.feedforward(net, x)) for x, _ in evaluation]
    expected = sum(int(a == y) for a, (_, y) in zip(least, evaluation, strict=True))
    assert net.accuracy(evaluation) == expected


def test_a_replaced_cost_derivative_trains(pairs):
    class Doubled(network.Network):
        def cost_derivative(self, output_activations, y):
            return 2 * (output_activations - y)

    seed()
    doubled = Doubled([13, 5, 10])
    doubled.SGD(list(pairs), 2, 10, 0.5)
    seed()
    plain = network.Network([13, 5, 10])
    plain.SGD(list(pairs), 2, 10, 1.0)
    np.testing.assert_allclose(doubled.parameters, plain.parameters, atol=1e-13)


def test_a_replaced_initializer_is_used():
    class Ones(network2.Network):
        def default_weight_initializer(self):
            self.biases = [np.ones((n, 1)) for n in self.sizes[1:]]
            self.weights = [np.ones((n_out, n_in)) for n_in, n_out in pairwise(self.sizes)]

    assert np.all(Ones([3, 2, 4]).parameters == 1)


def test_save_takes_any_name_and_load_reads_it(tmp_path, pairs):
    net = network2.Network([13, 10], cost=network2.QuadraticCost)
    net.SGD(pairs, 1, 10, 0.5)
    net.save(tmp_path / "saved.txt")
    back = network2.load(tmp_path / "saved.txt")
    np.testing.assert_array_equal(back.parameters, net.parameters)
    assert back.cost is network2.QuadraticCost
    assert type(back) is network2.Network


def test_load_refuses_what_the_book_could_not_compute(tmp_path):
    fastnn.Network([2, 3, 1], activation="relu").save(tmp_path / "relu.json")
    with pytest.raises(ValueError, match=r"relu\.json: expected sigmoid neurons"):
        network2.load(tmp_path / "relu.json")


def test_load_refuses_what_would_answer_otherwise(tmp_path):
    """Scaled inputs and classic dropout are no part of the book's networks."""
    named = {
        "input_scale 0.5": {"input_scale": 0.5},
        "classic dropout": {"dropout": Dropout(0.5, inverted=False)},
    }
    for what, options in named.items():
        fastnn.Network([2, 3, 1], **options).save(tmp_path / "other.json")
        with pytest.raises(ValueError, match=rf"other\.json: expected .* as they are, got {what}"):
            network2.load(tmp_path / "other.json")
    other = (tmp_path / "other.json").read_text()
    (tmp_path / "other.json").write_text(other.replace('[{"rate": 0.5', '[3, {"rate": 0.5'))
    with pytest.raises(ValueError, match=r"other\.json: dropout: expected a list"):
        network2.load(tmp_path / "other.json")
    saved = fastnn.Network([2, 3, 1], dropout=0.5)
    saved.save(tmp_path / "same.json")
    x = np.array([[0.3], [0.7]])
    loaded = network2.load(tmp_path / "same.json")
    np.testing.assert_array_equal(loaded.feedforward(x), saved.feedforward(x))


def test_a_cost_put_into_the_module_loads(tmp_path, monkeypatch):
    class Mine(network2.QuadraticCost):
        pass

    network2.Network([2, 2], cost=Mine).save(tmp_path / "mine.json")
    with pytest.raises(ValueError, match="no cost 'Mine'"):
        network2.load(tmp_path / "mine.json")
    monkeypatch.setattr(network2, "Mine", Mine, raising=False)
    assert network2.load(tmp_path / "mine.json").cost is Mine


SIGNATURES = {
    network.Network.SGD: "self training_data epochs mini_batch_size eta test_data",
    network.Network.update_mini_batch: "self mini_batch eta",
    network.Network.backprop: "self x y",
    network.Network.evaluate: "self test_data",
    network.Network.cost_derivative: "self output_activations y",
    network2.Network.__init__: "self sizes cost",
    network2.Network.SGD: "self training_data epochs mini_batch_size eta lmbda evaluation_data "
    "monitor_evaluation_cost monitor_evaluation_accuracy monitor_training_cost "
    "monitor_training_accuracy early_stopping_n",
    network2.Network.update_mini_batch: "self mini_batch eta lmbda n",
    network2.Network.accuracy: "self data convert",
    network2.Network.total_cost: "self data lmbda convert",
    network2.load: "filename",
}


@pytest.mark.parametrize("function", SIGNATURES, ids=lambda f: f"{f.__module__}.{f.__qualname__}")
def test_signatures_are_the_books(function):
    assert " ".join(inspect.signature(function).parameters) == SIGNATURES[function]


NAMES = {
    network: {"np", "random", "sigmoid", "sigmoid_prime", "Network"},
    network2: {"json", "np", "random", "sys", "sigmoid", "sigmoid_prime", "Network", "load"}
    | {"QuadraticCost", "CrossEntropyCost", "vectorized_result"},
}


@pytest.mark.parametrize("module", NAMES)
def test_modules_have_the_books_names(module):
    assert set(module.__all__) >= NAMES[module]
    assert all(hasattr(module, name) for name in NAMES[module])


def test_sigmoid_on_scalars_and_arrays():
    assert network2.sigmoid(0.0) == 0.5
    assert network2.sigmoid_prime(0) == 0.25
    z = np.array([[-800.0], [0.3], [800.0]])
    np.testing.assert_allclose(network2.sigmoid(z), [[0], [0.574442516811659], [1]], atol=1e-15)


def test_a_program_does_not_notice(tmp_path):
    """A whole program, told only that ``network2`` is another module."""
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent(
            """
            import sys
            import fastnn.book.network2
            sys.modules["network2"] = fastnn.book.network2

            import random
            from network2 import *
            import network2

            random.seed(1)
            np.random.seed(2)
            xs = [np.random.rand(4, 1) for _ in range(30)]
            data = [(x, np.eye(2)[[int(x[0, 0] > 0.5)]].T) for x in xs]
            test = [(x, int(np.argmax(y))) for x, y in data]
            net = network2.Network([4, 6, 2], cost=network2.CrossEntropyCost)
            net.large_weight_initializer()
            best, best_weights = -1, None
            for _ in range(30):
                net.SGD(data, 1, 5, 0.5, lmbda=0.01, evaluation_data=test)
                if net.accuracy(test) > best:
                    best, best_weights = net.accuracy(test), net.weights
            nabla_b, nabla_w = net.backprop(*data[0])
            assert [w.shape for w in nabla_w] == [w.shape for w in net.weights]
            net.weights = [w - 0.0 * g for w, g in zip(net.weights, nabla_w)]
            net.save("net")
            same = network2.load("net")
            assert same.total_cost(data, 0.0) == net.total_cost(data, 0.0)
            print("accuracy", best)
            """
        )
    )
    run = subprocess.run(
        [sys.executable, str(program)], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
    assert int(run.stdout.splitlines()[-1].split()[1]) >= 27


def test_a_seeded_program_follows_the_book_on_mnist(mnist_folder):
    """3 epochs over 3000 real images: the weights of the book's algorithm."""
    (X, y), *_ = fastnn.datasets.load_mnist(mnist_folder)
    pairs = [
        (x[:, np.newaxis], network2.vectorized_result(label))
        for x, label in zip(X[:3000], y[:3000], strict=True)
    ]
    seed()
    book = BookNetwork([784, 30, 10])
    book.train(list(pairs), 3, 10, 0.5, 5.0)
    seed()
    net = network2.Network([784, 30, 10])
    net.SGD(list(pairs), 3, 10, 0.5, 5.0)
    assert difference(net, book) < 1e-10
