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

for name, (sizes, cost, initializer, eta, lmbda) in RUNS.items():
    random.seed(1)
    np.random.seed(1)
    net = fastnn.Network(sizes, cost, initializer=initializer)
    started = time.perf_counter()
    _, right, _, _ = net.SGD(
        splits.train,
        30,
        10,
        eta,
        lmbda,
        evaluation_data=splits.test,
        monitor_evaluation_accuracy=True,
    )
    seconds = time.perf_counter() - started
    print(f"{name}: {right[-1] / 100:.2f} % of the test set after 30 epochs in {seconds:.1f} s")
