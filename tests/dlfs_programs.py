"""What the programs of *Deep Learning from Scratch*, chapters 5 and 6, do, written anew.

Each takes a module with the book's names, ``fastnn.dlfs`` or the algorithm in NumPy, and images
``(x_train, t_train), (x_test, t_test)``, and returns what the book draws.

    FASTNN_MNIST=... python tests/dlfs_programs.py

measures all of them, as the book has them, through both modules, in seconds of the processor.
"""

from __future__ import annotations

import sys
import time
from types import SimpleNamespace

import dlfs_algorithm
import numpy as np

from fastnn.dlfs.functions import relu, sigmoid
from fastnn.dlfs.multi_layer_net import MultiLayerNet
from fastnn.dlfs.multi_layer_net_extend import MultiLayerNetExtend
from fastnn.dlfs.optimizer import SGD, AdaGrad, Adam, Momentum
from fastnn.dlfs.trainer import Trainer
from fastnn.dlfs.two_layer_net import TwoLayerNet
from fastnn.dlfs.util import shuffle_dataset

COMPILED = SimpleNamespace(
    TwoLayerNet=TwoLayerNet, MultiLayerNet=MultiLayerNet, MultiLayerNetExtend=MultiLayerNetExtend,
    Trainer=Trainer, SGD=SGD, Momentum=Momentum, AdaGrad=AdaGrad, Adam=Adam,
)  # fmt: skip


def activation_histograms(deviation, activation):
    """The outputs of five layers of 100 neurons for 1000 Gaussian rows."""
    function = {"sigmoid": sigmoid, "relu": relu}[activation]
    x, layers = np.random.randn(1000, 100), []
    for _ in range(5):
        x = function(x @ (deviation * np.random.randn(100, 100)))
        layers.append(x)
    return layers


def way_down(optimizer, steps=30):
    """The points through which an optimizer goes down x²/20 + y² from (−7, 2)."""
    params, way = {"x": -7.0, "y": 2.0}, []
    for _ in range(steps):
        way.append((params["x"], params["y"]))
        optimizer.update(params, {"x": params["x"] / 10, "y": 2 * params["y"]})
    return np.array(way)


def two_layers(book, images, iterations=10000, size=100):
    """Chapter 5: gradient descent by hand; the accuracies once an epoch."""
    (x, t), (x_test, t_test) = images
    network = book.TwoLayerNet(x.shape[1], 50, 10)
    per_epoch, accuracies = max(len(x) // size, 1), []
    for i in range(iterations):
        batch = np.random.choice(len(x), size)
        grads = network.gradient(x[batch], t[batch])
        for name in ("W1", "b1", "W2", "b2"):
            network.params[name] -= 0.1 * grads[name]
        network.loss(x[batch], t[batch])
        if i % per_epoch == 0:
            accuracies.append((network.accuracy(x, t), network.accuracy(x_test, t_test)))
    return accuracies


def _losses(networks, optimizers, images, iterations, size=128):
    """Train several networks on the same mini-batches; the losses of each."""
    (x, t), _ = images
    losses = {name: [] for name in networks}
    for _ in range(iterations):
        batch = np.random.choice(len(x), size)
        for name, network in networks.items():
            optimizers[name].update(network.params, network.gradient(x[batch], t[batch]))
            losses[name].append(network.loss(x[batch], t[batch]))
    return losses


def compare_optimizers(book, images, iterations=2000):
    optimizers = {name: getattr(book, name)() for name in ("SGD", "Momentum", "AdaGrad", "Adam")}
    n_in = images[0][0].shape[1]
    networks = {name: book.MultiLayerNet(n_in, [100] * 4, 10) for name in optimizers}
    return _losses(networks, optimizers, images, iterations)


def compare_initial_weights(book, images, iterations=2000):
    kinds = {"std=0.01": 0.01, "Xavier": "sigmoid", "He": "relu"}
    n_in, optimizer = images[0][0].shape[1], book.SGD(lr=0.01)
    networks = {
        name: book.MultiLayerNet(n_in, [100] * 4, 10, weight_init_std=kind)
        for name, kind in kinds.items()
    }
    return _losses(networks, dict.fromkeys(kinds, optimizer), images, iterations)


def batch_norm(book, images, scales, epochs=20, lr=0.01, size=100):
    """For each scale of the initial weights the accuracies with batch norm, and without."""
    (x, t), _ = images
    x, t, found = x[:1000], t[:1000], []
    for scale in scales:
        networks = [
            book.MultiLayerNetExtend(
                x.shape[1], [100] * 5, 10, weight_init_std=scale, use_batchnorm=norm
            )
            for norm in (True, False)
        ]
        optimizer, accuracies = book.SGD(lr=lr), []
        for i in range((epochs - 1) * (len(x) // size) + 1):
            batch = np.random.choice(len(x), size)
            for network in networks:
                optimizer.update(network.params, network.gradient(x[batch], t[batch]))
            if i % (len(x) // size) == 0:
                accuracies.append([network.accuracy(x, t) for network in networks])
        found.append(np.array(accuracies).T)
    return np.array(found)


def overfit(book, images, epochs, lr=0.01, **options):
    """The accuracies on 300 images and on others, epoch by epoch; and the network."""
    (x, t), (x_test, t_test) = images
    network = book.MultiLayerNetExtend(x.shape[1], [100] * 6, 10, **options)
    trainer = book.Trainer(
        network, x[:300], t[:300], x_test, t_test, epochs=epochs, mini_batch_size=100,
        optimizer_param={"lr": lr}, verbose=False,
    )  # fmt: skip
    trainer.train()
    return np.array([trainer.train_acc_list, trainer.test_acc_list]), network


def random_search(book, images, trials=100, epochs=50, lr=(-6, -2)):
    """(validation accuracy, learning rate, weight decay) of each trial, the best first."""
    (x, t), _ = images
    x, t = shuffle_dataset(x[:500], t[:500])
    found = []
    for _ in range(trials):
        decay, rate = 10 ** np.random.uniform(-8, -4), 10 ** np.random.uniform(*lr)
        network = book.MultiLayerNet(x.shape[1], [100] * 6, 10, weight_decay_lambda=decay)
        trainer = book.Trainer(
            network, x[100:], t[100:], x[:100], t[:100], epochs=epochs, mini_batch_size=100,
            optimizer_param={"lr": rate}, verbose=False,
        )  # fmt: skip
        trainer.train()
        found.append((trainer.test_acc_list[-1], rate, decay))
    return sorted(found, reverse=True)


def measure() -> None:
    from fastnn.dlfs.mnist import load_mnist

    images = load_mnist()
    scales = np.logspace(0, -4, num=16)
    programs = {
        "two layers, 10,000 steps": lambda book: two_layers(book, images),
        "optimizers, 4 × 2000 steps": lambda book: compare_optimizers(book, images),
        "initial weights, 3 × 2000 steps": lambda book: compare_initial_weights(book, images),
        "batch norm, 16 × 2 × 191 steps": lambda book: batch_norm(book, images, scales),
        "weight decay, 201 epochs of 300": lambda book: overfit(
            book, images, 201, weight_decay_lambda=0.1
        ),
        "dropout, 301 epochs of 300": lambda book: overfit(
            book, images, 301, use_dropout=True, dropout_ration=0.2
        ),
        "random search, 100 × 200 steps": lambda book: random_search(book, images),
    }
    wanted = sys.argv[1:]
    print("| program | NumPy, s | fastnn.dlfs, s | times |\n|---|---|---|---|")
    for name, program in programs.items():
        if wanted and not any(word in name for word in wanted):
            continue
        seconds = []
        for book in (dlfs_algorithm, COMPILED):
            np.random.seed(0)
            start = time.process_time()
            with np.errstate(all="ignore"):
                program(book)
            seconds.append(time.process_time() - start)
        plain, compiled = seconds
        print(f"| {name} | {plain:.1f} | {compiled:.1f} | {plain / compiled:.1f} |", flush=True)


if __name__ == "__main__":
    measure()
