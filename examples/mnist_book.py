"""The book's two classic MNIST trainings, chapter 1 and chapter 3, and how long they take.

Run with the folder of the MNIST files, or without it to download them:

    python examples/mnist_book.py [FOLDER]
"""

import random
import sys
import time

import numpy as np

import fastnn

splits = fastnn.datasets.load_mnist(sys.argv[1] if len(sys.argv) > 1 else None)

# name: sizes, cost, initializer, eta, lmbda
RUNS = {
    "784-30-10, quadratic cost, η = 3": ([784, 30, 10], fastnn.QuadraticCost, "large", 3.0, 0.0),
    "784-100-10, cross-entropy, η = 0.5, λ = 5": (
        [784, 100, 10],
        fastnn.CrossEntropyCost,
        "default",
        0.5,
        5.0,
    ),
}


class BestEpoch:
    """Notes the test accuracy of the epoch that is best on the validation data."""

    def __init__(self) -> None:
        self.validation = self.test = self.last = -1

    def __call__(self, net: fastnn.Network, history: fastnn.History) -> None:
        right, self.last = net.accuracy(splits.validation), net.accuracy(splits.test)
        if right > self.validation:
            self.validation, self.test = right, self.last


for name, (sizes, cost, initializer, eta, lmbda) in RUNS.items():
    random.seed(1)
    np.random.seed(1)
    net = fastnn.Network(sizes, cost, initializer=initializer)
    best = BestEpoch()
    started = time.perf_counter()
    net.SGD(splits.train, 30, 10, eta, lmbda, callbacks=[best])
    seconds = time.perf_counter() - started
    print(
        f"{name}: 30 epochs in {seconds:.1f} s, {best.test / 100:.2f} % of the test set after the "
        f"epoch that was best on the validation set, {best.last / 100:.2f} % after the last"
    )
