"""How far a plain network gets on MNIST: 784-800-800-10, ReLU, batch norm, dropout, max-norm.

Trained with Adam along a cosine, on the images as they are or, with --distort, on images that are
shifted and elastically distorted anew in each epoch. All choices were made on the 10,000 validation
images; the test images are looked at once, at the end. Drawn are the mistakes on the validation
images epoch by epoch, and test images that the last network takes for another digit.

    python examples/mnist_best.py [FOLDER OF MNIST] [--output mnist_best.png] [--quick]
        [--distort] [--seeds 0 1 2] [--epochs 30] [--rows 50000]

Without a folder, and where FASTNN_MNIST names none, MNIST is downloaded.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from _command_line import add_folder, at_least, load_mnist, new_parser
from _picture import legend_of, new_figure, save

import fastnn
from fastnn import augment, regularizers, schedules
from fastnn.plot import comparison, confusion


@dataclass
class Run:
    """A trained network, and how right it was: after each epoch, and at the end."""

    net: fastnn.Network
    validation: list[float]
    test: float


def network(seed: int, distort: bool) -> fastnn.Network:
    return fastnn.Network(
        [784, 800, 800, 10],
        fastnn.LogLikelihoodCost,
        activation="relu",
        initializer="he_normal",
        normalization="batch",
        # Distorted images are never twice the same, so that less noise within is needed.
        dropout=0.3 if distort else 0.5,
        dtype="float32",
        rng=seed,
    )


def distorted(X: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    shifted = augment.random_shifts(X, 2, rng=rng, shape=(28, 28))
    return augment.elastic(shifted, alpha=34.0, sigma=5.0, rng=rng, shape=(28, 28))


def train(net: fastnn.Network, split: fastnn.datasets.Split, epochs: int, rng: Any) -> list[float]:
    """Train on the images as they are or, with a random generator, on distorted ones.

    Return the accuracy on the validation images after each epoch.
    """
    options: dict[str, Any] = {
        "batch_size": 100,
        "optimizer": "adam",
        "learning_rate": 2e-3,
        "schedule": schedules.cosine(epochs),
        "validation_data": split.validation,
    }
    X, y = split.train
    if rng is None:
        history = net.fit(X, y, epochs=epochs, regularizer=regularizers.MaxNorm(3.0), **options)
        return history["validation_accuracy"]
    accuracies = []
    for _ in range(epochs):
        # Each call goes on where the one before stopped: with Adam's state and along the cosine.
        history = net.fit(distorted(X, rng), y, epochs=1, **options)
        accuracies += history["validation_accuracy"]
    return accuracies


def measure(
    split: fastnn.datasets.Split, seeds: Sequence[int], epochs: int, distort: bool
) -> list[Run]:
    runs = []
    for seed in seeds:
        net = network(seed, distort)
        started = time.perf_counter()
        rng = np.random.default_rng(100 + seed) if distort else None
        validation = train(net, split, epochs, rng)
        minutes = (time.perf_counter() - started) / 60
        runs.append(Run(net, validation, net.accuracy(split.test) / len(split.test[1])))
        print(
            f"seed {seed}: {validation[-1]:.2%} of the validation images, {runs[-1].test:.2%} of "
            f"the test images, {epochs} epochs in {minutes:.1f} min",
            flush=True,
        )
    mean = np.mean([run.test for run in runs])
    print(f"mean of {len(runs)}: {mean:.2%} of the test images")
    return runs


def draw(runs: list[Run], seeds: Sequence[int], test: Any) -> Any:
    figure = new_figure(17, 6.2)
    left, right = figure.subfigures(1, 2, width_ratios=[1, 1.7])
    axes = left.subplots()
    wrong = {
        f"seed {seed}: {run.test:.2%} of test right": 100 * (1 - np.array(run.validation))
        for run, seed in zip(runs, seeds, strict=True)
    }
    comparison(wrong, legend=False, ax=axes)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_minor_formatter(lambda value, _: f"{value:.3g}")
    axes.locator_params(axis="x", integer=True)
    axes.set(title="mistakes on the validation images", xlabel="epoch", ylabel="wrong (%)")
    legend_of(left, axes, 1)
    confusion(runs[-1].net, *test, ax=right.subplots())
    return figure


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = new_parser(__doc__, "mnist_best", seed=None)
    add_folder(parser, "they are downloaded")
    add, number = parser.add_argument, at_least(1)
    add("--distort", action="store_true", help="shift and distort the images")
    add("--seed", "--seeds", type=at_least(0), nargs="+", dest="seeds", metavar="SEED",
        help="one network for each; default: 0 1 2, with --quick 0")  # fmt: skip
    add("--epochs", type=number, help="default: 30, with --distort 60, with --quick 2")
    add("--rows", type=number, help="images to train on; default: all, with --quick 5000")
    asked = parser.parse_args(argv)
    asked.seeds = asked.seeds or ([0] if asked.quick else [0, 1, 2])
    asked.epochs = asked.epochs or (2 if asked.quick else 60 if asked.distort else 30)
    asked.rows = asked.rows or (5000 if asked.quick else None)
    return asked


def main(argv: Sequence[str] | None = None) -> list[float]:
    asked = arguments(argv)
    split = load_mnist(asked.folder)
    X, y = split.train
    split = split._replace(train=(X[: asked.rows], y[: asked.rows]))
    runs = measure(split, asked.seeds, asked.epochs, asked.distort)
    save(asked, draw, runs, asked.seeds, split.test)
    return [run.test for run in runs]


if __name__ == "__main__":
    main()
