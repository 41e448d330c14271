"""``fastnn.dlfs`` against the book's algorithm in NumPy, seed for seed."""

from __future__ import annotations

import copy
import functools
import math
import pickle
import signal
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest
from dlfs_algorithm import Plain, Stepper, train

from fastnn._core.engine import CompiledEngine
from fastnn._core.thread_tuner import ThreadTuner
from fastnn.dlfs import optimizer as optimizers
from fastnn.dlfs import trainer as trainer_module
from fastnn.dlfs._compiled import Compiled
from fastnn.dlfs.functions import softmax
from fastnn.dlfs.multi_layer_net import MultiLayerNet
from fastnn.dlfs.multi_layer_net_extend import MultiLayerNetExtend
from fastnn.dlfs.trainer import Trainer
from fastnn.dlfs.two_layer_net import TwoLayerNet

SIZES = [20, 15, 12, 5]
ROUNDING = 1e-9


def some_data() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Clouds around five points that overlap."""
    rng = np.random.default_rng(1)
    centres, labels = rng.normal(size=(5, 20)), rng.integers(5, size=400)
    rows = (centres[labels] + rng.normal(size=(400, 20))).astype(np.float32)
    return rows[:300], labels[:300], rows[300:], labels[300:]


X, T, X_TEST, T_TEST = DATA = some_data()
ONE_HOT = np.eye(5)[T]

# What the constructors are told, ours and the algorithm's.
NETWORKS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({}, {}),
    "sigmoid": (
        {"activation": "sigmoid", "weight_init_std": "Xavier"},
        {"activation": "sigmoid", "std": "xavier"},
    ),
    "decay": ({"weight_decay_lambda": 0.1}, {"decay": 0.1}),
    "by a number": ({"weight_init_std": 0.3}, {"std": 0.3}),
    "norm": ({"use_batchnorm": True}, {"norm": True}),
    "dropout": ({"use_dropout": True, "dropout_ration": 0.2}, {"dropout": 0.2}),
    "all": (
        {"use_dropout": True, "use_batchnorm": True, "weight_decay_lambda": 0.01},
        {"dropout": 0.5, "norm": True, "decay": 0.01},
    ),
}
OPTIMIZERS = {
    "SGD": ("sgd", {"lr": 0.05}),
    "Momentum": ("with_momentum", {"lr": 0.02, "momentum": 0.8}),
    "Nesterov": ("nesterov", {"lr": 0.02}),
    "AdaGrad": ("adagrad", {"lr": 0.05}),
    "RMSprop": ("rmsprop", {"lr": 0.005, "decay_rate": 0.9}),
    "Adam": ("adam", {"lr": 0.01, "beta1": 0.8}),
}


# Each network with three optimizers in turn, each optimizer with half of the networks.
BOTH = [
    (case, optimizer)
    for i, case in enumerate(NETWORKS)
    for k, optimizer in enumerate(OPTIMIZERS)
    if (i + k) % 2 == 0
]


def pair(case: str, seed: int = 0) -> tuple[MultiLayerNetExtend, Plain]:
    """The same network twice, each drawn from the same seed."""
    ours, plain = NETWORKS[case]
    np.random.seed(seed)
    one = MultiLayerNetExtend(SIZES[0], SIZES[1:-1], SIZES[-1], **ours)
    np.random.seed(seed)
    return one, Plain(SIZES, **plain)


def check_same(net: Any, plain: Plain) -> None:
    assert set(net.params) == set(plain.params)
    for name, expected in plain.params.items():
        np.testing.assert_allclose(net.params[name], expected, rtol=0, atol=ROUNDING, err_msg=name)
    for norm, mean, variance in zip(
        plain.norms, net.network.running_means, net.network.running_variances, strict=False
    ):
        np.testing.assert_allclose(mean[:, 0], norm.mean, rtol=0, atol=ROUNDING)
        np.testing.assert_allclose(variance[:, 0], norm.var, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("case", NETWORKS)
def test_the_same_weights_are_drawn(case):
    net, plain = pair(case)
    for name, expected in plain.params.items():
        np.testing.assert_array_equal(net.params[name], expected)
    assert np.random.get_state()[2] > 0


@pytest.mark.parametrize(("case", "optimizer"), BOTH)
def test_a_training_is_the_same_after_200_steps(case, optimizer):
    net, plain = pair(case)
    name, told = OPTIMIZERS[optimizer]
    np.random.seed(1)
    trainer = Trainer(net, *DATA, 20, 30, optimizer, told, verbose=False)
    trainer.train()
    np.random.seed(1)
    losses, right, right_test = train(plain, Stepper(name, **told), *DATA, 20, 30)
    assert len(losses) == 200 and len(right) == 20
    check_same(net, plain)
    np.testing.assert_allclose(trainer.train_loss_list, losses, rtol=0, atol=ROUNDING)
    assert (trainer.train_acc_list, trainer.test_acc_list) == (right, right_test)


@pytest.mark.parametrize("by_layers", [False, True], ids=["at once", "by layers"])
@pytest.mark.parametrize(("case", "optimizer"), BOTH)
def test_a_loop_of_the_program_is_the_same(case, optimizer, by_layers):
    net, plain = pair(case)
    if by_layers:
        assert next(iter(net.layers)) == "Affine1"
    name, told = OPTIMIZERS[optimizer]
    ours, other = getattr(optimizers, optimizer)(**told), Stepper(name, **told)
    np.random.seed(2)
    for i in range(40):
        state, batch = np.random.get_state(), slice(7 * i % 250, 7 * i % 250 + 25)
        x, t = X[batch], (ONE_HOT if i % 2 else T)[batch]
        ours.update(net.params, net.gradient(x, t))
        loss = net.loss(x, t)
        np.random.set_state(state)
        other.update(plain.params, plain.gradient(x, t))
        assert abs(loss - plain.loss(x, t)) <= ROUNDING
    check_same(net, plain)
    assert net.accuracy(X_TEST, np.eye(5)[T_TEST]) == plain.accuracy(X_TEST, T_TEST)


@pytest.mark.parametrize("case", ["plain", "norm"])
def test_in_training_outputs_and_losses_are_those_of_training(case):
    net, plain = pair(case)
    for _ in range(2):
        expected = plain.predict(X, train_flg=True)
        np.testing.assert_allclose(net.predict(X, train_flg=True), expected, rtol=0, atol=1e-12)
        assert abs(net.loss(X, T, train_flg=True) - plain.loss(X, T, train_flg=True)) <= 1e-12
    np.testing.assert_allclose(net.predict(X), plain.predict(X), rtol=0, atol=1e-11)
    check_same(net, plain)


def test_the_other_two_networks():
    np.random.seed(3)
    nets = TwoLayerNet(20, 8, 5), MultiLayerNet(20, [8, 6], 5, weight_decay_lambda=0.1)
    np.random.seed(3)
    twins = Plain([20, 8, 5], std=0.01), Plain([20, 8, 6, 5], decay=0.1)
    for net, twin in zip(nets, twins, strict=True):
        ours, other = optimizers.Adam(), Stepper("adam", 0.001)
        for _ in range(20):
            ours.update(net.params, net.gradient(X, T))
            other.update(twin.params, twin.gradient(X, T))
        check_same(net, twin)
        assert abs(net.loss(X, T) - twin.loss(X, T)) < 1e-12
        assert net.accuracy(X, T) == twin.accuracy(X, T)
    assert list(nets[0].layers) == ["Affine1", "Relu1", "Affine2"]
    assert list(nets[1].layers)[:2] == ["Affine1", "Activation_function1"]


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("case", ["plain", "norm", "decay"])
def test_the_gradient_is_that_of_differences(case, rows):
    """One row, too, whose batch norm the book's program checks so."""
    net, _ = pair(case)
    for name in ("beta1", "beta2"):  # no ReLU just at 0, where there is no slope
        if name in net.params:
            net.params[name] = np.linspace(0.2, 0.5, len(net.params[name]))
    x, t = X[:rows], ONE_HOT[:rows]
    by_backprop, by_differences = net.gradient(x, t), net.numerical_gradient(x, t)
    assert set(by_backprop) == set(by_differences)
    for name, expected in by_differences.items():
        np.testing.assert_allclose(by_backprop[name], expected, rtol=2e-5, atol=2e-6, err_msg=name)


def test_targets_that_are_no_classes_are_taken_as_the_book_does():
    net, plain = pair("plain")
    t = np.random.default_rng(0).random((300, 5))
    for name, expected in plain.gradient(X, t).items():
        np.testing.assert_allclose(net.gradient(X, t)[name], expected, rtol=0, atol=1e-12)


# What a program may do.


def test_parameters_are_views_and_take_what_is_assigned():
    net, _ = pair("plain")
    new = np.ones((20, 15))
    view = net.params["W1"]
    net.params["W1"] = new
    assert (view == 1).all() and (net.network.weights[0] == 1).all()
    new[...] = 2
    assert (view == 1).all()
    saved = pickle.loads(pickle.dumps(net.params))
    assert type(saved) is dict
    net.params["b1"] -= 3
    assert (net.network.biases[0] == -3).all()
    net.params = saved
    assert (net.params["b1"] == 0).all()
    with pytest.raises(ValueError, match=r"W1: expected shape \(20, 15\), got \(15, 20\)"):
        net.params["W1"] = new.T
    with pytest.raises(TypeError, match="W1: expected another name to delete"):
        del net.params["W1"]


def test_a_layer_that_is_replaced_computes():
    net, plain = pair("plain")
    expected = plain.predict(X)

    class Doubled:
        def forward(self, x):
            return 2 * np.maximum(x, 0)

    net.layers["Activation_function2"] = Doubled()
    W, b = net.params["W3"], net.params["b3"]
    np.testing.assert_allclose(net.predict(X) - b, 2 * (expected - b), rtol=0, atol=1e-12)
    assert net.layers["Affine3"].W is W and net.layers["Affine3"].x.shape == (300, 12)


def test_layers_that_are_looked_at_hold_what_they_computed():
    net, plain = pair("sigmoid")
    first = net.layers["Activation_function1"]
    net.gradient(X, T)
    plain.gradient(X, T)
    np.testing.assert_allclose(first.out, plain.layers[1].out, rtol=0, atol=1e-12)
    np.testing.assert_allclose(net.layers["Affine2"].dW, plain.products[1].dW, rtol=0, atol=1e-12)
    np.testing.assert_allclose(net.last_layer.y, softmax(net.predict(X)), rtol=0, atol=1e-12)


@pytest.mark.parametrize("method", ["loss", "predict", "gradient"])
def test_a_method_that_is_replaced_is_called(method):
    calls = []

    class Own(MultiLayerNetExtend):
        pass

    def replaced(self, *told, **named):
        calls.append(method)
        return getattr(MultiLayerNetExtend, method)(self, *told, **named)

    setattr(Own, method, replaced)
    np.random.seed(0)
    net = Own(*(SIZES[0], SIZES[1:-1], SIZES[-1]), use_batchnorm=True)
    np.random.seed(0)
    plain = Plain(SIZES, norm=True)
    np.random.seed(1)
    Trainer(net, *DATA, epochs=2, verbose=False).train()
    np.random.seed(1)
    train(plain, Stepper("sgd", 0.01), *DATA, 2, 100)
    check_same(net, plain)
    assert len(calls) >= 6


def test_an_optimizer_that_is_replaced_is_called():
    net, _ = pair("plain")
    trainer = Trainer(net, *DATA, epochs=1, verbose=False)
    before = {name: value.copy() for name, value in net.params.items()}

    class Backwards:
        def update(self, params, grads):
            for name in params:
                params[name] += 0.01 * grads[name]

    trainer.optimizer = Backwards()
    trainer.train_step()
    assert any((net.params[name] != before[name]).any() for name in before)
    assert trainer.train_loss_list[0] > 0


def test_any_network_may_be_trained():
    class Line:
        def __init__(self):
            self.params = {"w": np.array([3.0])}

        def gradient(self, x, t):
            return {"w": 2 * self.params["w"]}

        def loss(self, x, t):
            return self.params["w"][0] ** 2

        def accuracy(self, x, t):
            return 0.5

    trainer = Trainer(Line(), *DATA, epochs=3, optimizer="momentum", verbose=False)
    trainer.train()
    assert trainer.train_loss_list[-1] < trainer.train_loss_list[0] < 9
    assert trainer.train_acc_list == [0.5] * 3


def test_copies_are_networks_of_their_own():
    for case in ("norm", "all"):
        net, _ = pair(case)
        net.gradient(X, T)
        for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
            np.testing.assert_array_equal(other.predict(X), net.predict(X))
            before = net.predict(X)
            optimizers.SGD(lr=1).update(other.params, other.gradient(X, T))
            np.testing.assert_array_equal(net.predict(X), before)
            assert not np.allclose(other.predict(X), before)
        assert net.layers
        with pytest.raises(TypeError, match="layers were handed out cannot be copied"):
            copy.deepcopy(net)


def test_the_trainer_prints_what_the_book_prints(capsys):
    net, _ = pair("plain")
    Trainer(net, *DATA, epochs=1, evaluate_sample_num_per_epoch=50).train()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "train loss", "=== epoch", "train loss", "train loss",
        "=============== Final Test Accuracy ===============", "test acc",
    ]  # fmt: skip
    assert float(lines[-1].split(":")[1]) == net.accuracy(X_TEST, T_TEST)


BAD: dict[str, tuple[Any, type[Exception], str]] = {
    "activation": (
        lambda: MultiLayerNet(4, [3], 2, "tanh"), ValueError,
        "activation: expected 'relu' or 'sigmoid', got 'tanh'",
    ),
    "initializer": (
        lambda: MultiLayerNet(4, [3], 2, weight_init_std="lecun"), ValueError,
        "weight_init_std: expected 'relu' or 'he' or 'sigmoid' or 'xavier', got 'lecun'",
    ),
    "dropout": (
        lambda: MultiLayerNetExtend(4, [3], 2, use_dropout=True, dropout_ration=1), ValueError,
        "rate: expected a rate below 1, got 1",
    ),
    "a size": (lambda: TwoLayerNet(4, 0, 2), ValueError, "sizes"),
    "labels": (
        lambda: TwoLayerNet(4, 3, 2).gradient(np.ones((2, 4)), np.array([0, 2])), ValueError,
        "t: expected whole labels from 0 to 1, got 2 at 1",
    ),
    "inputs": (
        lambda: TwoLayerNet(4, 3, 2).predict(np.ones((2, 5))), ValueError,
        r"x: expected shape \(n, 4\), got \(2, 5\)",
    ),
    "NaN": (
        lambda: TwoLayerNet(4, 3, 2).predict(np.full((2, 4), np.nan)), ValueError,
        r"x: expected finite numbers, got nan at \(0, 0\)",
    ),
    "an optimizer": (
        lambda: Trainer(TwoLayerNet(20, 3, 5), *DATA, optimizer="lion"), ValueError,
        "optimizer: expected 'sgd' or .* or 'adam', got 'lion'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_fit_is_refused(case):
    call, error, words = BAD[case]
    with pytest.raises(error, match=words):
        call()


PROGRAM = """
import fastnn.dlfs
fastnn.dlfs.install()
import numpy as np
from common.multi_layer_net_extend import MultiLayerNetExtend
from common.trainer import Trainer
from common.optimizer import *
from common.util import smooth_curve
from dataset.mnist import load_mnist
import common.layers, fastnn.dlfs.layers
assert common.layers is fastnn.dlfs.layers and load_mnist.__module__ == "fastnn.dlfs.mnist"
x, t = np.random.rand(40, 6), np.random.randint(3, size=40)
net = MultiLayerNetExtend(6, [5], 3, use_batchnorm=True)
trainer = Trainer(net, x, t, x, t, epochs=2, mini_batch_size=10, verbose=False)
trainer.train()
assert len(smooth_curve(trainer.train_loss_list)) == 8 and isinstance(trainer.optimizer, SGD)
"""


def test_a_program_finds_the_modules_by_the_books_names():
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)


def test_rows_that_change_between_two_steps_are_seen():
    """And those of ``train``, checked once, give the same as step by step."""
    (x, t), rest = (DATA[0].copy(), DATA[1].copy()), DATA[2:]
    nets = [pair("plain")[0] for _ in range(3)]
    np.random.seed(1)
    whole = Trainer(nets[0], x, t, *rest, epochs=2, verbose=False)
    whole.train()
    for net, changed in ((nets[1], False), (nets[2], True)):
        np.random.seed(1)
        trainer = Trainer(net, x, t, *rest, epochs=2, verbose=False)
        for i in range(whole.max_iter):
            if changed and i == 1:
                x *= 0.5
                t[:] = t[::-1]
            trainer.train_step()
        same = np.array(trainer.train_loss_list) == np.array(whole.train_loss_list)
        assert same.all() != changed and same[0]


def test_rows_that_are_no_numbers_are_named_by_the_step_that_meets_them():
    x = DATA[0].copy()
    x[3, 0] = np.nan
    trainer = Trainer(pair("plain")[0], x, *DATA[1:], epochs=3, mini_batch_size=1, verbose=False)
    np.random.seed(0)
    with pytest.raises(ValueError, match=r"^x: "):
        trainer.train()
    assert len(trainer.train_loss_list) > 0


# Many steps in one call of the core.


def trained(case: str, optimizer: str, way: str, **options: Any) -> tuple[Any, Trainer]:
    """Train by ``train`` in one of two ways: in the core, or step by step."""
    net, _ = pair(case)
    name, told = optimizer, OPTIMIZERS[optimizer][1]
    np.random.seed(4)
    trainer = Trainer(net, *DATA, optimizer=name, optimizer_param=told, verbose=False, **options)
    if way == "step by step":
        trainer.train_step = functools.partial(Trainer.train_step, trainer)
    trainer.train()
    return net, trainer


@pytest.mark.parametrize("size", [1, 32, 70, 300, 400])
@pytest.mark.parametrize("case", ["plain", "sigmoid", "decay", "norm", "all"])
def test_the_steps_of_an_epoch_at_once_are_those_one_by_one(case, size):
    """With as many mini-batches an epoch as make 75, 9.4, 4.3, 1; and more rows than there are."""
    if size == 1 and case in ("norm", "all"):
        size = 2  # one row has no variance
    optimizer = list(OPTIMIZERS)[size % len(OPTIMIZERS)]
    options = {"epochs": 2 if size < 10 else 7, "mini_batch_size": size}
    one, at_once = trained(case, optimizer, "at once", **options)
    state = np.random.get_state()[1:]
    other, by_step = trained(case, optimizer, "step by step", **options)
    assert repr(np.random.get_state()[1:]) == repr(state)
    for name, expected in other.params.items():
        np.testing.assert_allclose(one.params[name], expected, rtol=0, atol=1e-12, err_msg=name)
    running = one.network.running_variances, other.network.running_variances
    for left, right in zip(*running, strict=True):
        np.testing.assert_allclose(left, right, rtol=0, atol=1e-12)
    losses = at_once.train_loss_list
    assert len(losses) == at_once.current_iter == at_once.max_iter > 0
    np.testing.assert_allclose(losses, by_step.train_loss_list, rtol=0, atol=1e-12)
    assert at_once.train_acc_list == by_step.train_acc_list
    assert at_once.test_acc_list == by_step.test_acc_list
    assert at_once.current_epoch == by_step.current_epoch == len(at_once.train_acc_list)
    assert at_once.optimizer._steps == by_step.optimizer._steps


@pytest.mark.parametrize("case", ["plain", "decay", "norm"])
def test_the_recorded_loss_is_that_of_the_network_after_the_step(case):
    net, _ = pair(case)
    trainer = Trainer(net, X, ONE_HOT, *DATA[2:], 3, 30, "Adam", {"lr": 0.01}, verbose=False)
    np.random.seed(5)
    for _ in range(5):
        state = np.random.get_state()
        trainer.train_step()
        np.random.set_state(state)
        batch = np.random.choice(300, 30)
        assert abs(trainer.train_loss_list[-1] - net.loss(X[batch], ONE_HOT[batch])) <= 1e-12


def test_a_stretch_is_one_call_of_the_core(monkeypatch):
    calls = []
    steps = Compiled.steps

    def counted(self, rows, batches, *rest):
        calls.append(len(batches))
        steps(self, rows, batches, *rest)

    monkeypatch.setattr(Compiled, "steps", counted)
    monkeypatch.setattr("fastnn.dlfs._compiled.PAUSE", math.inf)
    trained("norm", "SGD", "at once", epochs=3, mini_batch_size=30)
    assert calls == [1, 10, 10, 9]
    calls.clear()
    monkeypatch.setattr(trainer_module, "STRETCH", 120)
    trained("norm", "SGD", "at once", epochs=3, mini_batch_size=30)
    assert calls == [1, 4, 4, 2, 4, 4, 2, 4, 4, 1]


def test_the_core_comes_back_now_and_then_and_goes_on(monkeypatch):
    expected, whole = trained("norm", "Momentum", "at once", epochs=2, mini_batch_size=30)
    monkeypatch.setattr("fastnn.dlfs._compiled.PAUSE", 0.0)
    net, trainer = trained("norm", "Momentum", "at once", epochs=2, mini_batch_size=30)
    assert trainer.train_loss_list == whole.train_loss_list
    np.testing.assert_array_equal(net.params["W1"], expected.params["W1"])


def test_a_step_of_a_subclass_is_taken():
    steps = []

    class Own(Trainer):
        def train_step(self):
            steps.append(self.current_iter)
            super().train_step()

    Own(pair("plain")[0], *DATA, epochs=2, verbose=False).train()
    assert steps == list(range(6))


def interrupted(trainer: Trainer, at: int, where: str) -> None:
    """Train until Ctrl-C, in the step number ``at`` of one that ends every call after one step."""
    compiled, n = trainer.network._compiled, 0
    steps = compiled.steps

    def some(rows, batches, rule, slots, rate, decay, counter, losses):
        nonlocal n
        n += 1
        if where == "before" and n == at:
            raise KeyboardInterrupt
        steps(rows, batches[:1], rule, slots, rate, decay, counter, losses)
        if n == at:
            if where == "between":  # the step was taken, its loss is not known
                losses.pop()
            raise KeyboardInterrupt

    compiled.steps = some
    try:
        with pytest.raises(KeyboardInterrupt):
            trainer.train()
    finally:
        del compiled.steps


@pytest.mark.parametrize("where", ["before", "between", "after"])
@pytest.mark.parametrize("case", ["decay", "norm"])
def test_at_ctrl_c_lists_network_and_random_numbers_are_those_of_the_steps_taken(case, where):
    at = 14
    taken = at - (where == "before")
    nets, trainers = [], []
    for _ in range(2):
        net, _ = pair(case)
        np.random.seed(6)
        nets.append(net)
        trainers.append(Trainer(net, *DATA, 3, 30, "Adam", {"lr": 0.01}, verbose=False))
    for _ in range(taken):
        trainers[1].train_step()
    expected = np.random.get_state()
    np.random.seed(6)
    interrupted(trainers[0], at, where)
    assert repr(np.random.get_state()) == repr(expected)
    one, other = trainers
    assert one.current_iter == len(one.train_loss_list) == taken == one.optimizer._steps
    np.testing.assert_allclose(one.train_loss_list, other.train_loss_list, rtol=0, atol=1e-12)
    assert one.train_acc_list == other.train_acc_list and len(one.train_acc_list) == 2
    for name, value in nets[1].params.items():
        np.testing.assert_array_equal(nets[0].params[name], value)
    one.train_step()  # it goes on
    other.train_step()
    assert len(one.train_loss_list) == taken + 1


def test_a_signal_ends_a_long_stretch_with_as_many_losses_as_steps():
    net, rows = MultiLayerNet(200, [300, 300], 5), np.random.rand(500, 200)
    labels = np.arange(500) % 5
    trainer = Trainer(
        net, rows, labels, rows[:10], labels[:10], epochs=10**6, mini_batch_size=100,
        evaluate_sample_num_per_epoch=10, verbose=False,
    )  # fmt: skip
    threading.Timer(0.3, signal.raise_signal, [signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    assert 0 < len(trainer.train_loss_list) == trainer.optimizer._steps
    # As in the book, a step is counted after the accuracies, if they are due.
    assert trainer.optimizer._steps - trainer.current_iter in (0, 1)


@pytest.mark.parametrize("case", ["plain", "decay", "norm"])
def test_two_threads_give_the_same_steps(case, monkeypatch):
    expected, alone = trained(case, "Momentum", "at once", epochs=2, mini_batch_size=30)
    monkeypatch.setattr("fastnn.dlfs._compiled.tuner_for", lambda n, work: ThreadTuner(2, True))
    monkeypatch.setattr(CompiledEngine, "_threads_for", lambda self, net, n_rows: 2)
    net, trainer = trained(case, "Momentum", "at once", epochs=2, mini_batch_size=30)
    assert trainer.train_loss_list == alone.train_loss_list
    for name, value in expected.params.items():
        np.testing.assert_array_equal(net.params[name], value)
