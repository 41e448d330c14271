"""The programs of the other book through ``fastnn.dlfs``: each shows what it is there to teach."""

from __future__ import annotations

import dlfs_programs as programs
import numpy as np
import pytest
from dlfs_programs import COMPILED

import fastnn
from fastnn.dlfs import optimizer
from fastnn.dlfs.functions import softmax_loss
from fastnn.dlfs.multi_layer_net_extend import MultiLayerNetExtend
from fastnn.dlfs.two_layer_net import TwoLayerNet

pytest.importorskip("sklearn", reason="the digits are scikit-learn's")


@pytest.fixture(scope="module")
def images():
    """Digits of 8 × 8 pixels, so that a test takes a second."""
    train, _, test = fastnn.datasets.load_digits()
    return train, test


@pytest.fixture(autouse=True)
def seeded():
    np.random.seed(0)


def test_the_gradient_check_of_chapter_5(images):
    (x, t), _ = images
    network = TwoLayerNet(64, 20, 10, weight_init_std=0.1)
    by_backprop = network.gradient(x[:3], t[:3])
    for name, by_differences in network.numerical_gradient(x[:3], t[:3]).items():
        assert np.abs(by_backprop[name] - by_differences).mean() < 1e-6


def test_two_layers_learn(images):
    accuracies = programs.two_layers(COMPILED, images, 1000)
    assert max(accuracies[0]) < 0.4 and min(accuracies[-1]) > 0.9


def spread(layers):
    return [layer.std() for layer in layers]


def near(layers, *places):
    """The share of the last layer's outputs that are within 0.05 of a place."""
    return sum((np.abs(layers[-1] - place) < 0.05).mean() for place in places)


def test_histograms_of_activations():
    """Too large weights saturate, too small ones leave all neurons alike, Xavier's do neither."""
    large, small, xavier = (
        programs.activation_histograms(deviation, "sigmoid") for deviation in (1, 0.01, 0.1)
    )
    assert near(large, 0, 1) > 0.5 > 0.05 > near(xavier, 0, 1)
    assert near(small, 0.5) > 0.99 and spread(small)[-1] < 0.03 < 0.08 < min(spread(xavier))


def test_histograms_of_relu():
    """By He's weights layers keep their spread, by others it falls from layer to layer."""
    small, xavier, he = (
        spread(programs.activation_histograms(deviation, "relu"))
        for deviation in (0.01, 0.1, np.sqrt(2) / 10)
    )
    assert small[-1] < 1e-5 and xavier[-1] < 0.35 * xavier[0]
    assert 0.7 < he[-1] / he[0] < 1.3


def test_ways_down():
    """SGD goes to and fro across the valley; AdaGrad and Adam come nearer to the bottom."""
    ways = {
        "SGD": programs.way_down(optimizer.SGD(lr=0.95)),
        "Momentum": programs.way_down(optimizer.Momentum(lr=0.1)),
        "AdaGrad": programs.way_down(optimizer.AdaGrad(lr=1.5)),
        "Adam": programs.way_down(optimizer.Adam(lr=0.3)),
    }
    turns = {name: (np.diff(np.sign(way[:, 1])) != 0).sum() for name, way in ways.items()}
    assert turns["SGD"] == 29 > 10 > max(turns[name] for name in ("Momentum", "AdaGrad", "Adam"))
    assert all(np.abs(way[-1]).max() < np.abs(way[0]).max() / 2 for way in ways.values())


def late(losses):
    return {name: np.mean(values[-20:]) for name, values in losses.items()}


def test_optimizers_compared(images):
    losses = late(programs.compare_optimizers(COMPILED, images, 120))
    assert losses["SGD"] > 3 * max(losses[name] for name in ("Momentum", "AdaGrad", "Adam"))


def test_initial_weights_compared(images):
    losses = programs.compare_initial_weights(COMPILED, images, 250)
    end = late(losses)
    assert abs(end["std=0.01"] - np.log(10)) < 0.05  # it has learnt nothing
    assert end["He"] < 0.5 * end["Xavier"] < 0.5 * end["std=0.01"]


def test_batch_norm_learns_from_all_scales(images):
    scales = np.logspace(0, -4, num=16)
    with np.errstate(all="ignore"):  # without it some run away
        found = programs.batch_norm(COMPILED, images, scales, epochs=8, lr=0.03)[:, :, -1]
    with_norm, without = found.T
    assert with_norm.min() > 0.35 and (with_norm > 0.9).sum() >= 5
    assert (without < 0.2).sum() >= 12  # from which it cannot start at all
    assert (with_norm > without).sum() >= 14


def overfitted(images, epochs, **options):
    """The accuracy at the end on the 300 images, and how much larger the error of others is."""
    (x, t), (x_test, t_test) = images
    right, network = programs.overfit(COMPILED, images, epochs, lr=0.05, **options)
    errors = (
        softmax_loss(network.predict(x), labels)
        for x, labels in ((x_test, t_test), (x[:300], t[:300]))
    )
    return right[0, -20:].mean(), np.subtract(*errors)


def test_weight_decay_against_overfitting(images):
    right, gap = overfitted(images, 150)
    _, decayed = overfitted(images, 150, weight_decay_lambda=0.03)
    assert right == 1 and gap > 0.2 and decayed < 0.75 * gap


def test_dropout_against_overfitting(images):
    right, gap = overfitted(images, 150)
    dropped_right, dropped = overfitted(images, 200, use_dropout=True, dropout_ration=0.2)
    assert right == 1 > dropped_right > 0.7 and dropped < 0.85 * gap


def test_the_gradient_check_of_batch_norm(images):
    (x, t), _ = images
    network = MultiLayerNetExtend(64, [10, 10], 10, use_batchnorm=True)
    by_backprop = network.gradient(x[:4], np.eye(10)[t[:4]])
    for name, by_differences in network.numerical_gradient(x[:4], np.eye(10)[t[:4]]).items():
        assert np.abs(by_backprop[name] - by_differences).mean() < 1e-5


def test_a_random_search_finds_where_to_look(images):
    found = programs.random_search(COMPILED, images, trials=16, epochs=20, lr=(-5, -1))
    accuracies, rates, decays = np.array(found).T
    assert accuracies[0] > 0.8 > 0.2 > accuracies[-1]
    assert list(accuracies) == sorted(accuracies)[::-1] and (decays < 1e-4).all()
    assert np.log10(rates[:3]).mean() > -2 > -2.5 > np.log10(rates[-5:]).mean()
