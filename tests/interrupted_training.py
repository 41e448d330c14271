"""A program for the tests: trains until Ctrl-C, then looks whether its network is sound.

Prints a line after each epoch and, after the interruption, one of JSON. A column of the inputs is
always zero, so that in each mini-batch its weights only decay, by a known factor: they count the
mini-batches done. The same number, done again, must give the same network to the bit.
"""

from __future__ import annotations

import json
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import threadpoolctl

import fastnn
from fastnn._core.blas import need_blas
from fastnn.book import network2
from fastnn.regularizers import L2

# A shell's background jobs ignore the signal, and so would what they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


class PythonCost:
    """The quadratic cost of a user's own."""

    @staticmethod
    def fn(a: np.ndarray, y: np.ndarray) -> float:
        return 0.5 * float(np.sum((a - y) ** 2))

    @staticmethod
    def delta(z: np.ndarray, a: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (a - y) * a * (1 - a)


WIDE = {"activation": "relu", "cost": fastnn.LogLikelihoodCost}  # packed products
# sizes, options, rows, mini-batch size, learning rate (a power of two, exact in either dtype)
CASES: dict[str, tuple[list[int], dict[str, Any], int, int, float]] = {
    "tiny": ([3, 2, 2], {}, 300_000, 1, 2**-20),
    "small": ([65, 30, 10], {}, 100_000, 10, 2**-20),
    "deep": ([10, *[8] * 50, 3], {}, 100_000, 10, 2**-20),
    "wide": ([100, 600, 600, 10], WIDE, 10_240, 128, 2**-10),
    "large-batch": ([785, 100, 10], {"dtype": "float32"}, 20_000, 2000, 2**-10),
    "python-cost": ([65, 30, 10], {"cost": PythonCost}, 30_000, 10, 2**-20),
    "book": ([65, 30, 10], {}, 50_000, 10, 2**-20),
}


def make_data(sizes: list[int], n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.random((n, sizes[0]), dtype=np.float32)
    X[:, 0] = 0
    return X, rng.integers(0, sizes[-1], n)


def orders(case: str, n: int) -> Iterator[np.ndarray]:
    """The order of the rows in each epoch: the book shuffles, the others here do not."""
    order = list(range(n))
    random.seed(1)
    while True:
        if case == "book":
            random.shuffle(order)
        yield np.array(order)


def new_network(case: str) -> fastnn.Network:
    sizes, options, *_ = CASES[case]
    if case == "book":
        np.random.seed(2)
        return network2.Network(sizes)
    return fastnn.Network(sizes, rng=2, **options)


def training(case: str, net: Any, X: np.ndarray, y: np.ndarray) -> Callable[[], Any]:
    """Return what trains for longer than anybody waits."""
    _, _, n, batch_size, rate = CASES[case]
    if case == "book":
        pairs = [(x[:, np.newaxis], int(label)) for x, label in zip(X, y, strict=True)]
        random.seed(1)
        return lambda: net.SGD(pairs, 100_000, batch_size, rate, lmbda=float(n))
    return lambda: net.fit(
        X,
        y,
        epochs=100_000,
        batch_size=batch_size,
        learning_rate=rate,
        regularizer=L2(float(n)),
        shuffle=False,
        callbacks=[lambda net, history: print(history[-1]["epoch"])],
    )


def count_batches(case: str, net: fastnn.Network) -> int:
    rate = CASES[case][-1]
    counter, start = (float(each.weights[0][0, 0]) for each in (net, new_network(case)))
    return round(np.log(counter / start) / np.log1p(-rate))


def replay(case: str, X: np.ndarray, y: np.ndarray, batches: int) -> np.ndarray:
    """Return the parameters after so many mini-batches that nobody interrupted."""
    _, _, n, batch_size, rate = CASES[case]
    rows_left = batches * batch_size
    net = new_network(case)
    for order in orders(case, n):
        rows = order[: min(n, rows_left)]
        if len(rows) == 0:
            return net.parameters
        fastnn.Network.fit(
            net,
            X[rows],
            y[rows],
            epochs=1,
            batch_size=batch_size,
            learning_rate=rate,
            regularizer=L2(float(len(rows))),
            shuffle=False,
        )
        rows_left -= len(rows)
    raise AssertionError("there is always a next epoch")


def blas_threads() -> list[int]:
    return [pool["num_threads"] for pool in threadpoolctl.threadpool_info()]


def main(case: str) -> None:
    sizes, _, n, batch_size, _ = CASES[case]
    X, y = make_data(sizes, n)
    net = new_network(case)
    need_blas()  # so that its threads are counted before, too
    threads = blas_threads()
    train = training(case, net, X, y)
    try:
        train()
    except KeyboardInterrupt:
        caught = time.monotonic()
    result = {"caught": caught, "threads restored": blas_threads() == threads}
    stopped_at = net.parameters.copy()
    result["finite"] = bool(np.isfinite(stopped_at).all())
    batches = result["batches"] = count_batches(case, net)
    result["reachable"] = bool(np.array_equal(stopped_at, replay(case, X, y, batches)))
    net.SGD((X[:1000], y[:1000]), 1, batch_size, 0.1)
    went_on = np.isfinite(net.parameters).all() and not np.array_equal(net.parameters, stopped_at)
    result["goes on"] = bool(went_on)
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1])
