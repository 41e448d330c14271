"""Time trainings beside busy programs: ``python -m bench.busy [NETWORK ...]``.

By default a training should then take no longer than with one thread: a worker without a processor
lets all others wait.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from bench import machine
from bench.command import add_networks, add_output, add_repeats, positive, refuse_unknown, say
from bench.contenders.networks import Fastnn
from bench.report import publish
from bench.sharing import TRAININGS, Training

TARGET = 1.2  # times one thread
HEAD = (
    "| network | epochs | busy programs | one thread (ms an epoch) | default | × one thread "
    "| target |\n|---|---:|---:|---:|---:|---:|---:|\n"
)


@contextmanager
def busy(count: int) -> Iterator[None]:
    """So many programs that compute all the time."""
    programs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        time.sleep(0.2)  # they have started
        yield
    finally:
        for program in programs:
            program.kill()
            program.wait()


def measure(training: Training, epochs: int, repeats: int) -> dict[int | None, float]:
    """Return the median of milliseconds an epoch with one thread and by default, interleaved."""
    data = training.data()
    found: dict[int | None, list[float]] = {1: [], None: []}
    for _ in range(repeats):
        for n_threads, times in found.items():
            start = time.perf_counter()
            training.run(data, epochs, n_threads)
            times.append(1e3 * (time.perf_counter() - start) / epochs)
    return {n_threads: float(np.median(times)) for n_threads, times in found.items()}


def row(name: str, epochs: int, count: int, found: dict[int | None, float]) -> str:
    """Return a line of the table."""
    alone, default = found[1], found[None]
    return (
        f"| {name} | {epochs} | {count} | {alone:.1f} | {default:.1f} "
        f"| **× {default / alone:.2f}** | {TARGET} |\n"
    )


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.busy",
        description="Time default trainings and those of one thread beside busy programs.",
    )
    add_networks(parser, TRAININGS)
    parser.add_argument(
        "--programs", type=int, nargs="+", default=[0, 1, 2], help="how many (default: 0 1 2)"
    )
    parser.add_argument(
        "--epochs", type=positive, nargs="+", default=[6, 100], help="default: 6 100"
    )
    add_repeats(parser, 5)
    add_output(parser, "busy.md")
    options = parser.parse_args(arguments)
    refuse_unknown(parser, "network", options.networks, TRAININGS)
    return options


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns 0."""
    options = parse(arguments)
    load_before = machine.load()
    table = HEAD
    for name in options.networks or TRAININGS:
        for count in options.programs:
            for epochs in options.epochs:
                with busy(count):
                    found = measure(TRAININGS[name], epochs, options.repeats)
                line = row(name, epochs, count, found)
                say(line.strip())
                table += line
    lines = machine.describe([Fastnn()], load_before)
    lines.append(f"medians of {options.repeats} rounds")
    publish(options.output / "busy.md", "Trainings beside busy programs", lines, table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
