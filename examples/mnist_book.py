"""The book's two classic MNIST trainings, chapter 1 and chapter 3, and how long they take.

The one with the cross-entropy, small initial weights and the L2 penalty has more test images right
than the one with the quadratic cost and large weights, from the first epochs on. The marks are the
epochs that are best on the validation images.

    python examples/mnist_book.py [FOLDER OF MNIST] [--output mnist_book.png] [--quick] [--seed 1]

Without a folder, and where FASTNN_MNIST names none, MNIST is downloaded.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from _command_line import add_folder, load_mnist, new_parser
from _picture import legend_of, new_figure, save

import fastnn
from fastnn.plot import comparison

# name: sizes, cost, initializer, eta, lmbda
RUNS: dict[str, tuple[list[int], Any, str, float, float]] = {
    "784-30-10, quadratic cost, η = 3": ([784, 30, 10], fastnn.QuadraticCost, "large", 3.0, 0.0),
    "784-100-10, cross-entropy, η = 0.5, λ = 5": (
        [784, 100, 10],
        fastnn.CrossEntropyCost,
        "default",
        0.5,
        5.0,
    ),
}


@dataclass
class Watch:
    """Notes how many validation and test images are right after each epoch."""

    split: fastnn.datasets.Split
    validation: list[int] = field(default_factory=list)
    test: list[int] = field(default_factory=list)

    def __call__(self, net: fastnn.Network, history: fastnn.History) -> None:
        self.validation.append(net.accuracy(self.split.validation))
        self.test.append(net.accuracy(self.split.test))

    @property
    def percent(self) -> np.ndarray:
        """Right test images after each epoch, in percent."""
        return 100 * np.array(self.test) / len(self.split.test[0])

    @property
    def best(self) -> int:
        """The place of the first epoch that is best on the validation images."""
        return int(np.argmax(self.validation))


def measure(split: fastnn.datasets.Split, epochs: int, seed: int) -> dict[str, Watch]:
    watches = {}
    for name, (sizes, cost, initializer, eta, lmbda) in RUNS.items():
        random.seed(seed)
        np.random.seed(seed)
        net = fastnn.Network(sizes, cost, initializer=initializer)
        watch = watches[name] = Watch(split)
        # The book's penalty is meant for its 50,000 images: the same λ/n for fewer.
        lmbda *= len(split.train[0]) / 50_000
        started = time.perf_counter()
        net.SGD(split.train, epochs, 10, eta, lmbda, callbacks=[watch])
        seconds = time.perf_counter() - started
        print(
            f"{name}: {epochs} epochs in {seconds:.1f} s, {watch.percent[watch.best]:.2f} % of "
            f"the test set after the epoch that was best on the validation set, "
            f"{watch.percent[-1]:.2f} % after the last"
        )
    return watches


def draw(watches: dict[str, Watch]) -> Any:
    figure = new_figure(9, 6.5)
    axes = figure.subplots()
    curves = {name: watch.percent for name, watch in watches.items()}
    comparison(curves, legend=False, ax=axes)
    for line, watch in zip(axes.lines, watches.values(), strict=True):
        line.set(markevery=[watch.best], markersize=10)
    axes.locator_params(axis="x", integer=True)
    axes.set_title("right test images of MNIST\n(mark: the epoch best on the validation images)")
    axes.set(xlabel="epoch", ylabel="right (%)")
    legend_of(figure, axes, 1)
    return figure


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = new_parser(__doc__, "mnist_book", seed=1)
    add_folder(parser, "they are downloaded")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> dict[str, Watch]:
    asked = arguments(argv)
    split = load_mnist(asked.folder)
    X, y = split.train
    if asked.quick:
        split = split._replace(train=(X[:5000], y[:5000]))
    watches = measure(split, 5 if asked.quick else 30, asked.seed)
    save(asked, draw, watches)
    return watches


if __name__ == "__main__":
    main()
