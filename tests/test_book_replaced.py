"""What a program of the book replaces is called as the book calls it, with its own data."""

from __future__ import annotations

import copy
import pickle
import random
from itertools import pairwise
from typing import Any

import book_twin
import numpy as np
import pytest

import fastnn
from fastnn.book import network, network2

N_IN, N_OUT = 5, 4


def seed() -> None:
    random.seed(3)
    np.random.seed(4)


def examples(n: int = 24) -> list[Any]:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, N_OUT, n)
    return [
        (x, np.eye(N_OUT)[:, [j]]) for x, j in zip(rng.random((n, N_IN, 1)), labels, strict=True)
    ]


def evaluation() -> list[Any]:
    rng = np.random.default_rng(1)
    return [
        (x, int(j))
        for x, j in zip(rng.random((9, N_IN, 1)), rng.integers(0, N_OUT, 9), strict=True)
    ]


def trained(kind: type, *arguments: Any, sizes: Any = (N_IN, 3, N_OUT), **options: Any) -> Any:
    seed()
    net = kind(list(sizes), *arguments)
    net.SGD(examples(), 2, 7, 0.8, **options)
    return net


def assert_same(ours: Any, theirs: Any) -> None:
    for a, b in zip((*ours.weights, *ours.biases), (*theirs.weights, *theirs.biases), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


# --- costs, an example at a time


class ByClass:
    @staticmethod
    def fn(a, y):
        return float(np.argmax(a) != np.argmax(y))

    @staticmethod
    def delta(z, a, y):
        return (a - y) * (1 + np.argmax(y))


def test_a_delta_that_looks_at_its_example_as_a_whole() -> None:
    assert_same(trained(network2.Network, ByClass), trained(book_twin.Second, ByClass))


def test_a_cost_derivative_that_looks_at_its_example_as_a_whole() -> None:
    def cost_derivative(self: Any, o: Any, y: Any) -> Any:
        return (o - y) / np.linalg.norm(o - y)

    of = {"cost_derivative": cost_derivative}
    kinds = [type("Own", (kind,), of) for kind in (network.Network, book_twin.First)]
    assert_same(*[trained(kind) for kind in kinds])


def test_a_cost_with_a_state_is_asked_in_the_order_of_the_examples() -> None:
    class Learning:
        def __init__(self) -> None:
            self.seen: list[float] = []

        def delta(self, z: Any, a: Any, y: Any) -> Any:
            assert z.shape == a.shape == y.shape == (N_OUT, 1)
            self.seen.append(float(np.sum(a)))
            return (a - y) / len(self.seen)

    costs = Learning(), Learning()
    assert_same(trained(network2.Network, costs[0]), trained(book_twin.Second, costs[1]))
    np.testing.assert_allclose(costs[0].seen, costs[1].seen, atol=1e-12)


def test_what_a_cost_is_shown_may_be_kept_and_written_into() -> None:
    class Keeping:
        def __init__(self) -> None:
            self.kept: list[Any] = []

        def delta(self, z: Any, a: Any, y: Any) -> Any:
            self.kept.append((z.copy(), z, a))
            return np.subtract(a, y, out=a)

    cost, other = Keeping(), Keeping()
    assert_same(trained(network2.Network, cost), trained(book_twin.Second, other))
    assert all(np.array_equal(before, z) for before, z, _ in cost.kept)
    assert len({id(a) for *_, a in cost.kept}) == 48


def test_targets_that_only_the_cost_understands() -> None:
    class Named:
        @staticmethod
        def fn(a: Any, y: Any) -> float:
            return float(a[y["class"], 0])

        @staticmethod
        def delta(z: Any, a: Any, y: Any) -> Any:
            return y["weight"] * (a - np.eye(N_OUT)[:, [y["class"]]])

    nets, lists = [], []
    for kind in (network2.Network, book_twin.Second):
        seed()
        data = [(x, {"class": int(np.argmax(y)), "weight": x[0, 0]}) for x, y in examples()]
        nets.append(kind([N_IN, 3, N_OUT], Named))
        lists.append(nets[-1].SGD(data, 2, 7, 0.8, 0.1, monitor_training_cost=True))
    assert_same(*nets)
    np.testing.assert_allclose(lists[0][2], lists[1][2], atol=1e-12)


@pytest.mark.parametrize("delta", [lambda z, a, y: float((a - y)[0, 0]), lambda z, a, y: [[0.5]]])
def test_a_number_for_a_single_output(delta: Any) -> None:
    cost = type("Own", (), {"delta": staticmethod(delta)})
    nets = []
    for kind in (network2.Network, book_twin.Second):
        seed()
        nets.append(kind([N_IN, 3, 1], cost))
        nets[-1].SGD([(x, y[:1]) for x, y in examples()], 2, 7, 0.8)
    assert_same(*nets)


def test_a_number_without_hidden_layers() -> None:
    cost = type("Own", (), {"delta": staticmethod(lambda z, a, y: a[0, 0] - y[0, 0])})
    assert_same(
        *[trained(kind, cost, sizes=(N_IN, N_OUT)) for kind in (network2.Network, book_twin.Second)]
    )


@pytest.mark.parametrize("returned", [np.zeros((N_OUT, 2)), np.zeros(N_OUT), 1.0, "x", None])
def test_another_shape_is_refused_by_the_name_of_the_cost(returned: Any) -> None:
    cost = type("Odd", (), {"delta": staticmethod(lambda z, a, y: returned)})
    net = network2.Network([N_IN, 3, N_OUT], cost)
    with pytest.raises((TypeError, ValueError), match=r"^cost: Odd\.delta: expected"):
        net.SGD(examples(), 1, 7, 0.8)


@pytest.mark.parametrize("name", ["QuadraticCost", "CrossEntropyCost"])
def test_a_cost_of_the_book_with_another_delta(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    nets = []
    for module, kind in ((network2, network2.Network), (book_twin, book_twin.Second)):
        cost = getattr(module, name)
        monkeypatch.setattr(cost, "delta", staticmethod(lambda z, a, y: 0.1 * np.sign(a - y)))
        nets.append(trained(kind, cost))
    assert_same(*nets)


def test_a_cost_replaced_between_two_epochs() -> None:
    nets = []
    for kind, costs in ((network2.Network, network2), (book_twin.Second, book_twin)):
        turns = [ByClass, costs.QuadraticCost, ByClass, costs.CrossEntropyCost]

        def total_cost(self: Any, *_: Any, turns: Any = turns, **__: Any) -> float:
            self.cost = turns.pop()
            return 0.0

        own = type("Own", (kind,), {"total_cost": total_cost})
        seed()
        nets.append(own([N_IN, 3, N_OUT]))
        nets[-1].SGD(examples(), 4, 7, 0.8, monitor_training_cost=True)
    assert_same(*nets)


def test_what_is_no_cost_is_refused() -> None:
    with pytest.raises(TypeError, match="cost: expected a class"):
        network2.Network([N_IN, N_OUT], "quadratic")
    only_fn = type("Own", (), {"fn": staticmethod(lambda a, y: 0.0)})
    net = network2.Network([N_IN, N_OUT], only_fn)
    with pytest.raises(TypeError, match=r"cost: expected .* with delta, got"):
        net.SGD(examples(), 1, 7, 0.8)


# --- what judges


@pytest.mark.parametrize("labels", [[0.25] * 9, ["a cat"] * 9, [None] * 9])
def test_evaluate_gets_the_very_list(labels: list[Any]) -> None:
    given: list[Any] = []
    test = [(x, label) for (x, _), label in zip(evaluation(), labels, strict=True)]

    class Own(network.Network):
        def evaluate(self, test_data: Any) -> int:
            given.append(test_data)
            return 5

    Own([N_IN, N_OUT]).SGD(examples(), 2, 7, 0.8, test_data=test)
    assert len(given) == 2
    assert all(data is test for data in given)


def test_evaluate_gets_triples(capsys: pytest.CaptureFixture[str]) -> None:
    test = [(x, label, "weight") for x, label in evaluation()]
    net = network.Network([N_IN, N_OUT])
    net.evaluate = lambda data: sum(len(each) for each in data)  # type: ignore[method-assign]
    net.SGD(examples(), 1, 7, 0.8, test_data=test)
    assert capsys.readouterr().out == "Epoch 0: 27 / 9\n"


def test_data_that_nobody_asked_compiled_code_about_is_still_refused() -> None:
    test = [(x, "a cat") for x, _ in evaluation()]
    with pytest.raises(TypeError, match="test_data"):
        network.Network([N_IN, N_OUT]).SGD(examples(), 1, 7, 0.8, test_data=test)
    with pytest.raises(TypeError, match="evaluation_data"):
        network2.Network([N_IN, N_OUT]).SGD(examples(), 1, 7, 0.8, evaluation_data=test)


def heard(calls: list[Any]) -> dict[str, Any]:
    def accuracy(self: Any, data: Any, convert: bool = False) -> int:
        calls.append(("accuracy", len(data), convert))
        return 100 + len(calls)

    def total_cost(self: Any, data: Any, lmbda: float, convert: bool = False) -> float:
        calls.append(("total_cost", len(data), lmbda, convert))
        return 0.5

    return {"accuracy": accuracy, "total_cost": total_cost}


@pytest.mark.parametrize("way", ["subclass", "object", "class"])
def test_monitors_ask_the_programs_own(
    way: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    for kind in (network2.Network, book_twin.Second):
        calls: list[Any] = []
        methods = heard(calls)
        seed()
        if way == "subclass":
            net = type("Own", (kind,), methods)([N_IN, N_OUT])
        else:
            net = kind([N_IN, N_OUT])
            for name, method in methods.items():
                if way == "object":
                    setattr(net, name, method.__get__(net))
                else:
                    monkeypatch.setattr(kind, name, method)
        lists = net.SGD(examples(), 2, 7, 0.8, 0.5, evaluation(), True, True, True, True)
        seen.append((lists, calls, capsys.readouterr().out))
    assert seen[0] == seen[1]
    assert seen[0][1][0] == ("total_cost", 24, 0.5, False)


def test_stopping_hears_the_programs_own_accuracy() -> None:
    class Own(network2.Network):
        def accuracy(self, data: Any, convert: bool = False) -> int:
            return 3

    lists = Own([N_IN, N_OUT]).SGD(
        examples(),
        20,
        7,
        0.8,
        evaluation_data=evaluation(),
        monitor_evaluation_accuracy=True,
        early_stopping_n=2,
    )
    assert lists[1] == [3, 3, 3]


def test_nothing_right_is_no_progress() -> None:
    """The book's best begins at 0: epochs without a right answer count."""
    wrong = [(x, N_OUT - 1) for x, _ in evaluation()]
    data = [(x, np.eye(N_OUT)[:, [0]]) for x, _ in examples()]
    net = network2.Network([N_IN, N_OUT])
    net.biases = [np.array([[9.0], [0], [0], [0]])]
    lists = net.SGD(
        data, 9, 7, 0.1, 0.0, wrong, monitor_evaluation_accuracy=True, early_stopping_n=2
    )
    assert lists[1] == [0, 0]


def test_the_list_lies_in_the_order_of_the_shuffle_when_it_is_judged() -> None:
    seen = []
    for kind in (network2.Network, book_twin.Second):
        own = type(
            "Own",
            (kind,),
            {"accuracy": lambda self, data, convert=False: [float(x[0, 0]) for x, _ in data[:5]]},
        )
        seed()
        lists = own([N_IN, N_OUT]).SGD(examples(), 3, 7, 0.8, monitor_training_accuracy=True)
        seen.append(lists[3])
    assert seen[0] == seen[1]


# --- layers that a program sets itself


def own_beginning(kind: type, form: str) -> type:
    def __init__(self: Any, sizes: Any, cost: Any = None) -> None:
        shapes = [(n_out, n_in) for n_in, n_out in pairwise(sizes)]
        if form == "lists":
            self.weights, self.biases = [], []
            for n_out, n_in in shapes:
                self.weights.append(np.random.randn(n_out, n_in))
                self.biases.append(np.zeros((n_out, 1)))
        else:
            self.biases = [np.zeros((n_out, 1)) for n_out, _ in shapes]
            self.weights = [np.random.randn(*shape) for shape in shapes]
        self.num_layers = len(sizes)
        if form != "without sizes":
            self.sizes = np.array(sizes) if form == "array" else list(sizes)
        if cost is not None:
            self.cost = cost

    return type("Own", (kind,), {"__init__": __init__})


@pytest.mark.parametrize("form", ["plain", "lists", "without sizes", "array"])
def test_a_beginning_that_never_calls_the_books(form: str) -> None:
    assert_same(
        trained(own_beginning(network.Network, form)), trained(own_beginning(book_twin.First, form))
    )
    ours, theirs = (
        trained(
            own_beginning(module.Network if module is network2 else module.Second, form),
            module.QuadraticCost,
            lmbda=0.3,
        )
        for module in (network2, book_twin)
    )
    assert_same(ours, theirs)
    assert ours._is_compiled()
    np.testing.assert_allclose(
        ours.total_cost(examples(), 0.3), theirs.total_cost(examples(), 0.3), rtol=1e-12
    )


def test_such_a_network_has_the_rest_too(tmp_path: Any) -> None:
    seed()
    net = own_beginning(network2.Network, "plain")([N_IN, 3, N_OUT], network2.QuadraticCost)
    assert net.num_layers == 3
    net.save(tmp_path / "net")
    same = network2.load(tmp_path / "net")
    np.testing.assert_array_equal(same.parameters, net.parameters)
    X = np.array([x[:, 0] for x, _ in examples()])
    np.testing.assert_array_equal(net.predict(X), same.predict(X))
    net.fit(X, np.array([y[:, 0] for _, y in examples()]), epochs=1)
    assert "3" in repr(net)


def test_a_cost_that_was_never_set_is_missed() -> None:
    net = own_beginning(network2.Network, "plain")([N_IN, 3, N_OUT])
    with pytest.raises(TypeError, match="cost: expected a class or an object with delta, got None"):
        net.SGD(examples(), 1, 7, 0.8)


def test_vectors_for_biases() -> None:
    """A program that goes through the layers itself may have biases of one dimension."""

    def __init__(self: Any, sizes: Any) -> None:
        self.num_layers, self.sizes = len(sizes), sizes
        self.biases = [np.zeros(n) for n in sizes[1:]]
        self.weights = [np.random.randn(n, m) for m, n in pairwise(sizes)]

    def feedforward(self: Any, a: Any) -> Any:
        a = np.ravel(a)
        for b, w in zip(self.biases, self.weights, strict=True):
            a = np.tanh(w @ a + b)
        return a

    def backprop(self: Any, x: Any, y: Any) -> Any:
        a = self.feedforward(x)
        nabla_b = [0 * b for b in self.biases[:-1]] + [a - np.ravel(y)]
        return nabla_b, [0.1 * w for w in self.weights]

    of = {"__init__": __init__, "feedforward": feedforward, "backprop": backprop}
    nets = []
    for kind in (network.Network, book_twin.First):
        nets.append(trained(type("Own", (kind,), of), test_data=evaluation()))
        assert [b.shape for b in nets[-1].biases] == [(3,), (N_OUT,)]
    assert_same(*nets)
    assert nets[0].evaluate(evaluation()) == nets[1].evaluate(evaluation())


def test_layers_of_other_sizes() -> None:
    nets = []
    for kind in (network2.Network, book_twin.Second):
        net = trained(kind)
        net.sizes = [N_IN, 6, 2, N_OUT]
        net.num_layers = 4
        net.default_weight_initializer()
        net.SGD(examples(), 2, 7, 0.8)
        nets.append(net)
    assert_same(*nets)
    assert nets[0]._is_compiled()


def test_layers_that_do_not_go_together_are_no_network() -> None:
    net = network2.Network([N_IN, 3, N_OUT])
    net.sizes = [N_IN, 2, N_OUT]
    net.weights = [np.ones((2, N_IN)), np.ones((N_OUT, 2))]
    for use in (lambda: net.parameters, lambda: net.save("x")):
        with pytest.raises(ValueError, match="weights, biases: expected layers as sizes says"):
            use()
    with pytest.raises(ValueError, match="broadcast"):
        net.feedforward(np.ones((N_IN, 1)))
    assert "Network" in repr(net)
    with pytest.raises(ValueError, match=r"weights\[0\]: expected shape"):
        network2.Network([N_IN, 3, N_OUT]).weights = net.weights


def test_fewer_layers_go_back_through_the_last_only() -> None:
    nets = []
    for kind in (network2.Network, book_twin.Second):
        seed()
        nets.append(kind([N_IN, 3, 3, N_OUT]))
        nets[-1].num_layers = 2
        nets[-1].SGD(examples(), 2, 7, 0.8)
    assert_same(*nets)


def test_steps_that_diverge_go_on() -> None:
    nets = []
    for kind in (network2.Network, book_twin.Second):
        own = type(
            "Own",
            (kind,),
            {
                "backprop": lambda self, x, y, kind=kind: tuple(
                    [np.nan * each for each in part] for part in kind.backprop(self, x, y)
                )
            },
        )
        nets.append(trained(own))
    assert_same(*nets)
    assert np.isnan(nets[0].weights[0]).all()


# --- the module's functions


@pytest.mark.parametrize("names", [("sigmoid",), ("sigmoid_prime",), ("sigmoid", "sigmoid_prime")])
@pytest.mark.parametrize("chapter", [1, 2])
def test_another_sigmoid(names: Any, chapter: int, monkeypatch: pytest.MonkeyPatch) -> None:
    own = {"sigmoid": lambda z: (1 + np.tanh(z)) / 2, "sigmoid_prime": lambda z: 0.1 + 0 * z}
    module = network if chapter == 1 else network2
    for name in names:
        monkeypatch.setattr(module, name, own[name])
        monkeypatch.setattr(book_twin, name, own[name])
    ours = [module.Network] if chapter == 1 else [network2.Network, network2.QuadraticCost]
    theirs = [book_twin.First] if chapter == 1 else [book_twin.Second, book_twin.QuadraticCost]
    nets = [trained(*ours), trained(*theirs)]
    assert_same(*nets)
    x, y = examples()[0]
    np.testing.assert_allclose(nets[0].feedforward(x), nets[1].feedforward(x), atol=1e-12)
    np.testing.assert_allclose(nets[0].predict(x[:, 0]), nets[1].feedforward(x)[:, 0], atol=1e-12)
    for a, b in zip(nets[0].backprop(x, y)[1], nets[1].backprop(x, y)[1], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)
    right = (
        (lambda net: net.evaluate(evaluation()))
        if chapter == 1
        else (lambda net: net.accuracy(evaluation()))
    )
    assert right(nets[0]) == right(nets[1])
    with pytest.raises(TypeError, match="sigmoid was replaced"):
        nets[0].fit([x[:, 0]], [0], epochs=1)


def test_the_slope_follows_the_sigmoid(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (network, network2):
        monkeypatch.setattr(module, "sigmoid", lambda z: 3.0)
        assert module.sigmoid_prime(0) == -6


def test_another_vectorized_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network2, "vectorized_result", lambda j: np.full((N_OUT, 1), 0.5))
    net = network2.Network([N_IN, N_OUT])
    twin = [(x, np.full((N_OUT, 1), 0.5)) for x, _ in evaluation()]
    assert net.total_cost(evaluation(), 0.1, convert=True) == pytest.approx(
        net.total_cost(twin, 0.1)
    )


def test_vectorized_result_takes_the_number_of_classes() -> None:
    np.testing.assert_array_equal(network2.vectorized_result(2, 4), [[0], [0], [1], [0]])
    np.testing.assert_array_equal(network2.vectorized_result(2, c=3), [[0], [0], [1]])
    assert network2.vectorized_result(9).shape == (10, 1)


@pytest.mark.parametrize("way", ["function", "object"])
def test_another_shuffle(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if way == "function":
        monkeypatch.setattr(random, "shuffle", lambda pairs: pairs.reverse())
    nets = []
    for module, kind in ((network2, network2.Network), (book_twin, book_twin.Second)):
        if way == "object":
            monkeypatch.setattr(module, "random", random.Random(8))
        nets.append(trained(kind))
    assert_same(*nets)


def test_a_shuffle_that_takes_pairs_away_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "shuffle", lambda pairs: pairs.pop())
    with pytest.raises(ValueError, match=r"random\.shuffle: expected it to leave the same pairs"):
        network2.Network([N_IN, N_OUT]).SGD(examples(), 1, 7, 0.8)


def test_other_random_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(np.random, "randn", lambda *shape: np.full(shape, 0.5))
    assert np.all(network.Network([2, 3]).parameters == 0.5)
    assert np.all(network2.Network([4, 3]).weights[0] == 0.25)


# --- the rest of a program


@pytest.mark.parametrize("name", ["backprop", "update_mini_batch", "feedforward"])
@pytest.mark.parametrize("module", [network, network2])
def test_a_method_replaced_on_the_class(
    module: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    original = getattr(module.Network, name)

    def replacement(self: Any, *arguments: Any) -> Any:
        calls.append(arguments)
        return original(self, *arguments)

    monkeypatch.setattr(module.Network, name, replacement)
    expected = {"backprop": 48, "update_mini_batch": 8, "feedforward": 18}
    if module is network:
        trained(network.Network, test_data=evaluation())
    else:
        trained(network2.Network, evaluation_data=evaluation(), monitor_evaluation_accuracy=True)
        expected["feedforward"] = 36  # for it is asked again for what is printed
    assert len(calls) == expected[name]


def test_a_replaced_backprop_gets_the_programs_own_pairs() -> None:
    data = [(x.astype(np.float32), y) for x, y in examples()]
    given = []

    class Own(network2.Network):
        def backprop(self, x: Any, y: Any) -> Any:
            given.append((id(x), id(y)))
            return super().backprop(x, y)

    Own([N_IN, N_OUT]).SGD(list(data), 1, 7, 0.8)
    assert sorted(given) == sorted((id(x), id(y)) for x, y in data)


def test_arrays_still_train_a_network_with_its_own_steps() -> None:
    class Own(network2.Network):
        def update_mini_batch(self, mini_batch: Any, eta: Any, lmbda: Any, n: Any) -> None:
            super().update_mini_batch(mini_batch, eta[0], lmbda, n)

    seed()
    X = np.array([x[:, 0] for x, _ in examples()])
    Y = np.array([y[:, 0] for _, y in examples()])
    net = Own([N_IN, 3, N_OUT])
    net.SGD((X, Y), 2, 7, [0.8])  # what eta means is the method's affair
    assert_same(net, trained(book_twin.Second))


def test_names_that_the_book_leaves_free(tmp_path: Any) -> None:
    class Own(network2.Network):
        def __init__(self, sizes: Any) -> None:
            self.activation, self.output, self.dropout = np.tanh, 1, 0.5
            self.gammas = self.betas = [np.zeros((3, 1))]
            super().__init__(sizes)
            self.normalization, self.input_scale = "none", None
            self._run = self._step = self.module = 3

    net = trained(Own)
    assert_same(net, trained(book_twin.Second))
    assert (net.activation, net.output, net.dropout, net.normalization) == (np.tanh, 1, 0.5, "none")
    assert not np.any(net.gammas)
    net.save(tmp_path / "net")
    np.testing.assert_array_equal(network2.load(tmp_path / "net").parameters, net.parameters)


def test_fit_does_not_pass_over_a_method() -> None:
    class Own(network2.Network):
        def backprop(self, x: Any, y: Any) -> Any:
            raise AssertionError

    with pytest.raises(TypeError, match="fit: backprop was replaced, and only SGD calls it"):
        Own([N_IN, N_OUT]).fit(np.ones((3, N_IN)), [0, 1, 2], epochs=1)


@pytest.mark.parametrize("module", [network, network2])
@pytest.mark.parametrize("again", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_a_copy_goes_on_by_itself(module: Any, again: Any) -> None:
    net = module.Network([N_IN, 3, N_OUT])
    net.backprop(*examples()[0])
    other = again(net)
    before = net.parameters.copy()
    for each in (other, net):
        random.seed(5)
        each.SGD(examples(), 1, 7, 0.8)
        if each is other:
            np.testing.assert_array_equal(net.parameters, before)
    np.testing.assert_array_equal(net.parameters, other.parameters)


def test_networks_of_fastnn_take_columns_together_as_they_say() -> None:
    shapes = []

    class Own(fastnn.QuadraticCost):
        @staticmethod
        def delta(z: Any, a: Any, y: Any) -> Any:
            shapes.append(a.shape)
            return a - y

    fastnn.Network([N_IN, N_OUT], Own).SGD(examples(), 1, 8, 0.8)
    assert shapes == [(N_OUT, 8)] * 3
