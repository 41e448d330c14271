"""Clocks: a fair run, interleaved rounds, the better number of threads."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from statistics import median

from bench.contenders.base import Contender, Problem
from bench.data import Arrays
from bench.problem import make_problem
from bench.roofline import Roof
from bench.works import Work

Seconds = dict[int, float]  # by number of threads

AWAKE = 0.05  # seconds of work after a pause
SETTLE = 0.5  # seconds; idle workers of BLAS and OpenMP pools keep spinning for 0.1 to 0.2 s
PROBE_ROWS = 5_000
PROBE_RUNS = 3
WORTH = 0.97  # a second thread must save at least 3 % to be preferred
REFERENCE_EPOCHS = 10  # at most so many of the reference's are timed together


@dataclass(frozen=True)
class Timing:
    """Seconds of one contender.

    Attributes
    ----------
    seconds : tuple of float
        One number a round, in the order they were run: of ``work.per`` epochs or predictions.
    threads : int
        The setting it ran in.
    probe : dict of int to float
        Seconds of the probe's best run for each number of threads tried; empty where there was
        no choice.
    rows : int or None
        On how many rows it was timed, its seconds then scaled to all; None: on all.
    """

    seconds: tuple[float, ...]
    threads: int
    probe: Seconds
    rows: int | None = None

    @property
    def median(self) -> float:
        """Median of the rounds."""
        return median(self.seconds)


@dataclass(frozen=True)
class Rounds:
    """All that was timed of one work.

    Attributes
    ----------
    timings : dict of str to Timing
        By contender's name.
    roofs : dict of int to float
        Operations a second of a large product, by number of threads: the best of the same rounds.
    """

    timings: dict[str, Timing]
    roofs: dict[int, float]


def available_cores() -> int:
    """Cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def clock(contender: Contender, problem: Problem) -> float:
    """Seconds of ``work.per`` epochs or predictions, after others' pools have gone to sleep.

    Works of many short epochs are done for a while, and the last time counts: after a pause some
    virtual machines are several times slower for as long as such a work takes.
    """
    with contender.pools(problem.threads):
        time.sleep(SETTLE)
        began = time.perf_counter()
        while problem.work.epochs > 1 and time.perf_counter() - began < AWAKE:
            run(contender, problem)
        return run(contender, problem) * problem.work.per / problem.work.epochs


def run(contender: Contender, problem: Problem) -> float:
    """Seconds of ``work.epochs``."""
    work = problem.work
    start = time.perf_counter()
    if not work.predict_rows:
        own = contender.train()
        return time.perf_counter() - start if own is None else own
    X = problem.X[: work.predict_rows]
    start = time.perf_counter()
    for _ in range(work.epochs):
        contender.predict(X)
    return time.perf_counter() - start


def probe(work: Work, arrays: Arrays, contender: Contender, max_threads: int) -> Seconds:
    """Seconds of the best of a few runs on the first rows, for each number of threads."""
    settings = contender.settings(max_threads)
    if len(settings) == 1:
        return {}
    best = {}
    rows = max(PROBE_ROWS, work.predict_rows)
    for threads in settings:
        problem = make_problem(work, arrays.head(rows), shuffle=True, threads=threads)
        contender.setup(problem)
        clock(contender, problem)  # warm: compilation, first touch of memory
        best[threads] = min(clock(contender, problem) for _ in range(PROBE_RUNS))
    return best


def choose(seconds: Seconds) -> int:
    """The number of threads to run with: the fastest, the smallest among near equals."""
    chosen = min(seconds, default=1)
    for threads in sorted(seconds):
        if seconds[threads] < WORTH * seconds[chosen]:
            chosen = threads
    return chosen


def _entry(work: Work, arrays: Arrays, contender: Contender, threads: int) -> tuple[Problem, float]:
    """What a contender is timed on, and the factor on its seconds: the reference gets less."""
    n = len(arrays.X)
    if contender.role == "reference" and not work.predict_rows:
        work = replace(work, epochs=min(work.epochs, REFERENCE_EPOCHS))
        arrays = arrays.head(min(n, work.reference_rows or n))
    problem = make_problem(work, arrays, shuffle=True, threads=threads)
    return problem, n / len(problem.X)


def interleave(
    work: Work, arrays: Arrays, contenders: list[Contender], repeats: int, max_threads: int,
    roof: Roof | None = None,
) -> Rounds:  # fmt: skip
    """Time every contender `repeats` times, A B C A B C ..., each in its best setting.

    Every epoch visits the rows in a fresh random order, and drawing that order is in the clock.
    One untimed round comes first. `roof`, if given, is measured in every round as well.
    """
    probes = {c.name: probe(work, arrays, c, max_threads) for c in contenders}
    threads = {name: choose(seconds) for name, seconds in probes.items()}
    entries = [(c, *_entry(work, arrays, c, threads[c.name])) for c in contenders]
    for c, problem, _ in entries:
        c.setup(problem)
    settings = range(1, max_threads + 1) if roof else range(0)
    rounds, roofs = [], []
    for _ in range(repeats + 1):
        rounds.append([scale * clock(c, problem) for c, problem, scale in entries])
        roofs.append([roof.measure(n) for n in settings] if roof else [])
    timings = {
        c.name: Timing(
            seconds, threads[c.name], probes[c.name], len(problem.X) if scale != 1 else None
        )
        for (c, problem, scale), seconds in zip(entries, zip(*rounds[1:], strict=True), strict=True)
    }
    return Rounds(timings, {n: max(of_round[n - 1] for of_round in roofs) for n in settings})
