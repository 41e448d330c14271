"""How far a plain network gets on MNIST: 784-800-800-10, ReLU, batch norm, dropout, max-norm.

Trained with Adam along a cosine, on the images as they are or, with --distort, on images that are
shifted and elastically distorted anew in each epoch. All choices were made on the 10,000 validation
images; the test images are looked at once, at the end.

    python examples/mnist_best.py FOLDER [--distort] [--seeds 0 1 2] [--epochs 30]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

import fastnn
from fastnn import augment, regularizers, schedules


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


def train(net: fastnn.Network, X: np.ndarray, y: np.ndarray, epochs: int, rng: Any) -> None:
    """Train on the images as they are or, with a random generator, on distorted ones."""
    options = {
        "batch_size": 100,
        "optimizer": "adam",
        "learning_rate": 2e-3,
        "schedule": schedules.cosine(epochs),
    }
    if rng is None:
        net.fit(X, y, epochs=epochs, regularizer=regularizers.MaxNorm(3.0), **options)
        return
    for _ in range(epochs):
        # Each call goes on where the one before stopped: with Adam's state and along the cosine.
        net.fit(distorted(X, rng), y, epochs=1, **options)


def main(argv: Sequence[str] | None = None) -> list[float]:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", help="of the MNIST files")
    parser.add_argument("--distort", action="store_true", help="shift and distort the images")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, help="default: 30, with --distort 60")
    parser.add_argument("--rows", type=int, help="train on the first so many images only")
    asked = parser.parse_args(argv)
    epochs = asked.epochs or (60 if asked.distort else 30)

    (X, y), validation, test = fastnn.datasets.load_mnist(asked.folder)
    accuracies = []
    for seed in asked.seeds:
        net = network(seed, asked.distort)
        started = time.perf_counter()
        rng = np.random.default_rng(100 + seed) if asked.distort else None
        train(net, X[: asked.rows], y[: asked.rows], epochs, rng)
        minutes = (time.perf_counter() - started) / 60
        right = [net.accuracy(data) / len(data[1]) for data in (validation, test)]
        accuracies.append(right[1])
        print(
            f"seed {seed}: {right[0]:.2%} of the validation images, {right[1]:.2%} of the test "
            f"images, {epochs} epochs in {minutes:.1f} min",
            flush=True,
        )
    print(f"mean of {len(accuracies)}: {np.mean(accuracies):.2%} of the test images")
    return accuracies


if __name__ == "__main__":
    main()
