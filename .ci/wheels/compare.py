"""Time two builds of fastnn by turns: ``compare.py FOLDER_OR_WHEEL OTHER [--rounds 11] [--cpu 0]``.

Each round starts a process with the one and a process with the other, in turn first. Printed are,
for each piece of work, both medians and the median of the rounds' quotients, other by first.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path


def works() -> dict[str, tuple[Callable[[], object], int]]:
    """What is timed, and how many times in one process."""
    import numpy as np

    import fastnn

    draw = np.random.default_rng(0)
    images, digits = draw.random((5000, 784)), draw.integers(0, 10, 5000)
    points, sides = draw.normal(size=(300, 2)), draw.integers(0, 2, (300, 1)).astype(float)

    def training(net: fastnn.Network, X: np.ndarray, y: np.ndarray, **fit: object) -> Callable:
        X = X.astype(net.dtype)
        return lambda: net.fit(X, y, n_threads=1, **fit)

    book = fastnn.Network([784, 30, 10], fastnn.CrossEntropyCost, rng=0)
    wide = fastnn.Network(
        [784, 512, 512, 10], fastnn.LogLikelihoodCost, activation="relu", dtype="float32", rng=0
    )
    tiny = fastnn.Network([2, 10, 5, 1], fastnn.CrossEntropyCost, activation="relu", rng=0)
    asked, row = fastnn.Network([20, 32, 1], rng=0), draw.normal(size=(1, 20))

    def predictions() -> None:
        predict = asked.predict
        for _ in range(20_000):
            predict(row)

    return {
        "nielsen30": (training(book, images, digits, epochs=1, batch_size=10), 15),
        "wide512": (training(wide, images, digits, epochs=1, batch_size=128), 5),
        "tiny": (training(tiny, points, sides, epochs=300, batch_size=300, learning_rate=0.01), 15),
        "one row": (predictions, 15),
    }


def measure() -> dict[str, float]:
    """The shortest seconds of each piece of work, in this process."""
    found = {}
    for name, (work, times) in works().items():
        work()
        seconds = []
        for _ in range(times):
            began = time.perf_counter()
            work()
            seconds.append(time.perf_counter() - began)
        found[name] = min(seconds)
    return found


def in_a_process(site: Path, cpu: int | None) -> dict[str, float]:
    """What ``measure`` returns in a process that finds fastnn in ``site``."""
    place = ["taskset", "-c", str(cpu)] if cpu is not None else []
    environment = {**os.environ, "PYTHONPATH": str(site), "OPENBLAS_NUM_THREADS": "1"}
    said = subprocess.run(
        [*place, sys.executable, __file__, "--measure"],
        cwd=site, env=environment, check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return json.loads(said.stdout)


def unpacked(build: Path, folder: Path) -> Path:
    """The folder in which Python finds this build."""
    if build.suffix != ".whl":
        return build.resolve()
    with zipfile.ZipFile(build) as wheel:
        wheel.extractall(folder)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("builds", type=Path, nargs="*", help="two wheels, or folders with fastnn")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--cpu", type=int, help="the processor that all run on")
    parser.add_argument("--measure", action="store_true", help="this build alone, in JSON")
    told = parser.parse_args()
    if told.measure:
        print(json.dumps(measure()))
        return
    if len(told.builds) != 2:
        parser.error("expected two builds")
    with tempfile.TemporaryDirectory() as place:
        sites = [unpacked(build, Path(place, str(i))) for i, build in enumerate(told.builds)]
        rounds = []
        for i in range(told.rounds):
            order = (0, 1) if i % 2 == 0 else (1, 0)
            times = {which: in_a_process(sites[which], told.cpu) for which in order}
            rounds.append((times[0], times[1]))
    for name in rounds[0][0]:
        first, other = (statistics.median(each[k][name] for each in rounds) for k in (0, 1))
        quotients = sorted(each[1][name] / each[0][name] for each in rounds)
        middle, low, high = statistics.median(quotients), quotients[0], quotients[-1]
        print(
            f"{name:10} {1e3 * first:9.3f} ms {1e3 * other:9.3f} ms  "
            f"quotient {middle:.3f} ({low:.3f} to {high:.3f})"
        )


if __name__ == "__main__":
    main()
