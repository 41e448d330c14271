"""Time trainings that share the processors: ``python -m bench.sharing [NETWORK ...]``.

So many default trainings as there are processors, each in a Python thread of its own, should take
as long as one of them alone in one thread.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

import fastnn
from bench import machine
from bench.checking import NotEqual
from bench.command import (
    add_networks,
    add_output,
    add_repeats,
    positive,
    refuse_unknown,
    say,
    seconds,
)
from bench.contenders.networks import Fastnn
from bench.report import publish
from bench.timing import SETTLE, available_cores

TARGET = 1.15  # times one alone in one thread
SEED = 1
HEAD = (
    "| network | alone, one thread (s) | alone, default | {n} with one thread each "
    "| {n} by default | target |\n|---|---:|---:|---:|---:|---:|\n"
)


@dataclass(frozen=True)
class Training:
    """What each thread trains.

    Attributes
    ----------
    sizes : tuple of int
    batch : int
        Rows in a mini-batch.
    dtype : str
    rows : int
        Of the training data, Gaussian numbers.
    """

    sizes: tuple[int, ...]
    batch: int
    dtype: str
    rows: int

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Return inputs and classes."""
        rng = np.random.default_rng(0)
        X = rng.normal(size=(self.rows, self.sizes[0])).astype(self.dtype)
        return X, rng.integers(0, self.sizes[-1], self.rows)

    def run(self, data: tuple[np.ndarray, np.ndarray], epochs: int, n_threads: int | None) -> Any:
        """Return a network's parameters after so many epochs."""
        net = fastnn.Network(list(self.sizes), rng=SEED, dtype=self.dtype)
        net.fit(*data, epochs=epochs, batch_size=self.batch, n_threads=n_threads)
        return net.parameters


TRAININGS = {
    "nielsen30": Training((784, 30, 10), 10, "float64", 5000),
    "nielsen100": Training((784, 100, 10), 10, "float64", 5000),
    "small": Training((64, 100, 10), 100, "float64", 5000),
    "wide512": Training((784, 512, 512, 10), 128, "float32", 5000),
}


@dataclass(frozen=True)
class Way:
    """How trainings are run.

    Attributes
    ----------
    at_once : int
        In so many Python threads.
    n_threads : int or None
        Of each, as ``fit`` takes it.
    """

    at_once: int
    n_threads: int | None


def clock(
    training: Training, data: tuple[np.ndarray, np.ndarray], epochs: int, way: Way
) -> tuple[float, list[np.ndarray]]:
    """Return seconds from the start of the first training to the end of the last, and results."""
    results: list[np.ndarray] = []

    def work() -> None:
        results.append(training.run(data, epochs, way.n_threads))

    threads = [threading.Thread(target=work) for _ in range(way.at_once)]
    time.sleep(SETTLE)
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - start, results


def epochs_of(training: Training, data: tuple[np.ndarray, np.ndarray], wanted: float) -> int:
    """Return how many epochs take one thread about so many seconds."""
    training.run(data, 1, 1)  # warm
    start = time.perf_counter()
    training.run(data, 1, 1)
    return max(1, round(wanted / (time.perf_counter() - start)))


def measure(training: Training, options: argparse.Namespace) -> dict[Way, list[float]]:
    """Return the seconds of each way, of each round, run A B C A B C ...

    Raises
    ------
    NotEqual
        If a training in company has other results than alone.
    """
    data, n = training.data(), options.at_once
    epochs = epochs_of(training, data, options.seconds)
    found: dict[Way, list[float]] = {Way(k, t): [] for k in (1, n) for t in (1, None)}
    alone = training.run(data, epochs, 1)
    for _ in range(options.repeats):
        for way, times in found.items():
            took, results = clock(training, data, epochs, way)
            if len(results) != way.at_once or any((each != alone).any() for each in results):
                raise NotEqual(f"{way.at_once} at once, n_threads={way.n_threads}")
            times.append(took)
    return found


def row(name: str, found: dict[Way, list[float]]) -> str:
    """Return a line of the table: medians, and medians of the ratios round by round."""
    base, *others = found.values()
    ratios = [median(a / b for a, b in zip(times, base, strict=True)) for times in others]
    default, one_each, by_default = ratios
    return (
        f"| {name} | {median(base):.3f} | × {default:.2f} | × {one_each:.2f} "
        f"| **× {by_default:.2f}** | {TARGET} |\n"
    )


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.sharing",
        description="Time default trainings in several Python threads beside one alone.",
    )
    add_networks(parser, TRAININGS)
    add_repeats(parser, 7)
    parser.add_argument(
        "--seconds", type=seconds, default=1.0,
        help="about how long one training takes one thread (default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "--at-once", type=positive, default=available_cores(),
        help="trainings at the same time (default: the cores there are)",
    )  # fmt: skip
    add_output(parser, "sharing.md")
    options = parser.parse_args(arguments)
    refuse_unknown(parser, "network", options.networks, TRAININGS)
    return options


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code (1: results differ)."""
    options = parse(arguments)
    load_before = machine.load()
    table = HEAD.format(n=options.at_once)
    for name in options.networks or TRAININGS:
        try:
            line = row(name, measure(TRAININGS[name], options))
        except NotEqual as reason:
            say(f"not equal: {name}, {reason}")
            return 1
        say(line.strip())
        table += line
    lines = machine.describe([Fastnn()], load_before)
    lines.append(f"medians of {options.repeats} rounds")
    publish(options.output / "sharing.md", "Trainings at the same time", lines, table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
