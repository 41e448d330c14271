"""Clocks: a fair epoch, interleaved rounds, the better number of threads."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from statistics import median

from bench.contenders.base import Contender
from bench.data import Arrays
from bench.problem import make_problem
from bench.works import Work

Seconds = dict[int, float]  # by number of threads

SETTLE = 0.2  # seconds; a BLAS pool keeps spinning for ~0.1 s after its last call
PROBE_ROWS = 5_000
PROBE_EPOCHS = 3
WORTH = 0.97  # a second thread must save at least 3 % to be preferred


@dataclass(frozen=True)
class Timing:
    """Seconds of one contender's epochs.

    Attributes
    ----------
    seconds : tuple of float
        One number a round, in the order they were run.
    threads : int
        The setting it ran in.
    probe : dict of int to float
        Seconds of the probe's best epoch for each number of threads tried.
    """

    seconds: tuple[float, ...]
    threads: int
    probe: Seconds

    @property
    def median(self) -> float:
        """Median of the rounds."""
        return median(self.seconds)


def available_cores() -> int:
    """Cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def clock(contender: Contender, threads: int, epochs: int = 1) -> float:
    """Seconds of one epoch, after other contenders' pools have gone to sleep."""
    with contender.pools(threads):
        time.sleep(SETTLE)
        total = 0.0
        for _ in range(epochs):
            start = time.perf_counter()
            own = contender.epoch()
            total += time.perf_counter() - start if own is None else own
        return total / epochs


def probe(work: Work, arrays: Arrays, contender: Contender, max_threads: int) -> dict[int, float]:
    """Seconds of the best of a few epochs over the first rows, for each number of threads."""
    best = {}
    for threads in contender.settings(max_threads):
        contender.setup(make_problem(work, arrays.head(PROBE_ROWS), shuffle=True, threads=threads))
        clock(contender, threads, work.epochs)  # warm: compilation, first touch of memory
        best[threads] = min(clock(contender, threads, work.epochs) for _ in range(PROBE_EPOCHS))
    return best


def choose(seconds: Seconds) -> int:
    """The number of threads to run with: the fastest, the smallest among near equals."""
    chosen = min(seconds)
    for threads in sorted(seconds):
        if seconds[threads] < WORTH * seconds[chosen]:
            chosen = threads
    return chosen


def interleave(
    work: Work, arrays: Arrays, contenders: list[Contender], repeats: int, max_threads: int
) -> dict[str, Timing]:
    """Time every contender `repeats` times, A B C A B C ..., each in its best setting.

    Every epoch visits the rows in a fresh random order, and drawing that order is in the clock.
    One untimed round comes first.
    """
    probes = {c.name: probe(work, arrays, c, max_threads) for c in contenders}
    threads = {name: choose(seconds) for name, seconds in probes.items()}
    for c in contenders:
        c.setup(make_problem(work, arrays, shuffle=True, threads=threads[c.name]))
    rounds = [
        [clock(c, threads[c.name], work.epochs) for c in contenders] for _ in range(repeats + 1)
    ]
    return {
        c.name: Timing(seconds, threads[c.name], probes[c.name])
        for c, seconds in zip(contenders, zip(*rounds[1:], strict=True), strict=True)
    }
