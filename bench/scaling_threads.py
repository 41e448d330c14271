"""How an epoch scales with the number of threads: measured, and where there are too few processors
counted from the plan.

Counted are the barriers of a mini-batch, and what the busiest worker multiplies of all: a speed-up
is at most one over that share. Parameters must be the same to the bit for any number.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from statistics import median

import numpy as np

import fastnn
from bench.checking import NotEqual
from bench.contenders.networks import COSTS
from bench.data import synthetic
from bench.problem import targets
from bench.timing import available_cores
from bench.works import WORKS, Work
from fastnn._core.compiled_plan import CompiledPlan
from fastnn._core.plan import NARROW, Mold, plan_of
from fastnn._core.thread_pool import barriers

NAMES = ("nielsen30", "nielsen100", "relu256", "wide512", "bn512", "deep100", "wide2048")
ROWS = 2_560


@dataclass(frozen=True)
class Scaled:
    """One work with one number of threads.

    Attributes
    ----------
    name : str
    n_threads : int
    seconds : float or None
        Of an epoch, the median; None where there are not so many processors.
    share : float
        Of the multiplications, those of the busiest worker.
    barriers : float
        Of a mini-batch.
    """

    name: str
    n_threads: int
    seconds: float | None
    share: float
    barriers: float


def plan_of_work(work: Work) -> CompiledPlan:
    """Return the plan by which fastnn trains the work."""
    net = network(work)
    cost = net._engine._cost_kernel(net)
    mold = Mold(
        tuple(net._options()), work.batch, cost, n_slots=0, n_workers=2, cost_by_z=net._cost_by_z
    )
    return plan_of(net._layout, mold).compiled


def share_of_busiest(
    sizes: tuple[int, ...], n_threads: int, split_layer: int = -1, n_partial_sums: int = 0
) -> float:
    """Return the largest share of the multiplications that a worker does.

    Workers own neurons, 16 or more each; or, with partial sums, the inputs of the split layer and
    what is before them, and each does all that is behind it.
    """
    most = whole = 0
    for l, (n_in, n_out) in enumerate(pairwise(sizes)):
        whole += n_in * n_out
        if n_partial_sums == 0:
            tiles = ceil(n_out / NARROW)
            most += n_in * min(n_out, ceil(tiles / n_threads) * NARROW)
        else:
            busiest = ceil(n_partial_sums / n_threads) if l <= split_layer else n_partial_sums
            most += n_in * n_out * busiest // n_partial_sums
    return most / whole


def network(work: Work) -> fastnn.Network:
    """Return the work's network."""
    return fastnn.Network(
        list(work.sizes), getattr(fastnn, COSTS[work.cost]), activation=work.activation,
        normalization="batch" if work.batch_norm else None, dropout=work.dropout,
        dtype=work.dtype, rng=0,
    )  # fmt: skip


class Trainer:
    """A work on synthetic rows.

    Parameters
    ----------
    work : Work
    rows : int
    """

    def __init__(self, work: Work, rows: int) -> None:
        self._work = work
        self._X, labels = synthetic(rows, work)
        self._Y = targets(work, labels)

    def parameters(self, n_threads: int, epochs: int) -> np.ndarray:
        """Return the parameters after so many epochs."""
        work, net = self._work, network(self._work)
        net.fit(
            self._X, self._Y, epochs=epochs, batch_size=work.batch, learning_rate=1e-3,
            n_threads=n_threads,
        )  # fmt: skip
        return net.parameters.copy()


def measure(name: str, counts: list[int], repeats: int, rows: int = ROWS) -> list[Scaled]:
    """Train with each number of threads; where there are processors, time it.

    Raises
    ------
    NotEqual
        If parameters differ.
    """
    work = WORKS[name]
    trainer, plan = Trainer(work, rows), plan_of_work(work)
    alone = trainer.parameters(1, 1)
    mini_batches = ceil(rows / work.batch)
    found = []
    for n_threads in counts:
        before = barriers()
        if (trainer.parameters(n_threads, 1) != alone).any():
            raise NotEqual(f"{name}: other parameters with {n_threads} threads than with one")
        per_batch = (barriers() - before) / mini_batches
        times = []
        for _ in range(repeats if n_threads <= available_cores() else 0):
            start = time.perf_counter()
            trainer.parameters(n_threads, 1)
            middle = time.perf_counter()
            trainer.parameters(n_threads, 3)
            times.append((time.perf_counter() - middle - (middle - start)) / 2)
        share = share_of_busiest(work.sizes, n_threads, plan.split_layer, plan.n_partial_sums)
        found.append(Scaled(name, n_threads, median(times) if times else None, share, per_batch))
    return found


def table(found: list[Scaled]) -> str:
    """Return the Markdown table."""
    lines = [
        "| work | threads | epoch (ms) | speed-up | at most, as counted | barriers a mini-batch |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    alone = {each.name: each.seconds for each in found if each.n_threads == 1}
    for each in found:
        base = alone.get(each.name)
        timed = "" if each.seconds is None else f"{1e3 * each.seconds:.1f}"
        faster = f"{base / each.seconds:.2f}" if base and each.seconds else ""
        lines.append(
            f"| {each.name} | {each.n_threads} | {timed} | {faster} | {1 / each.share:.2f} "
            f"| {each.barriers:.1f} |"
        )
    return "\n".join(lines) + "\n"
