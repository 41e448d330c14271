"""Where the time of fastnn's epochs goes: ``python -m bench.profile [WORK ...]``.

Prints a table for each work: milliseconds of each phase by one thread and by as many as pay, of
one epoch on synthetic rows.
"""

from __future__ import annotations

import argparse

import numpy as np

from bench.command import positive
from bench.contenders.networks import COSTS
from bench.data import synthetic
from bench.problem import targets
from bench.works import WORKS, Work

DEFAULT = ("nielsen30", "relu256", "wide512", "bn512", "deep100")
ROUNDS = 3


def measure(work: Work, rows: int, n_threads: int | None) -> dict[str, float]:
    """The phases' milliseconds: of each the median over some epochs."""
    import fastnn
    from fastnn.profiling import profile_epoch

    X, labels = synthetic(rows, work)
    net = fastnn.Network(
        list(work.sizes),
        cost=getattr(fastnn, COSTS[work.cost]),
        activation=work.activation,
        normalization="batch" if work.batch_norm else None,
        dropout=work.dropout,
        dtype=work.dtype,
        rng=0,
    )
    rounds = [
        profile_epoch(
            net,
            X,
            targets(work, labels),
            batch_size=work.batch,
            learning_rate=0.001,
            n_threads=n_threads,
        )
        for _ in range(ROUNDS)
    ]
    return {name: 1e3 * float(np.median([each[name] for each in rounds])) for name in rounds[0]}


def table(work: Work, rows: int, columns: dict[str, dict[str, float]]) -> str:
    """A Markdown table of the phases, a column for each number of threads."""
    names = list(columns)
    lines = [
        f"## {work.name}: milliseconds an epoch of {rows} rows",
        "",
        f"| phase | {' | '.join(names)} |",
        "|---|" + "---:|" * len(names),
    ]
    for phase in columns[names[0]]:
        values = [columns[name][phase] for name in names]
        if any(value > 0 for value in values):
            lines.append(f"| {phase} | {' | '.join(f'{value:.2f}' for value in values)} |")
    totals = [sum(columns[name].values()) for name in names]
    lines.append(f"| all | {' | '.join(f'{total:.2f}' for total in totals)} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.profile")
    known = [name for name, work in WORKS.items() if not work.predict_rows]
    parser.add_argument("works", nargs="*", metavar="WORK", help=f"any of {', '.join(known)}")
    parser.add_argument("--rows", type=positive, default=10_000, help="rows of the epoch")
    asked = parser.parse_args(arguments)
    for name in asked.works or DEFAULT:
        if name not in known:
            parser.error(f"WORK: expected any of {', '.join(known)}, got {name!r}")
    for name in asked.works or DEFAULT:
        work = WORKS[name]
        columns = {
            "1 thread": measure(work, asked.rows, 1),
            "as many as pay": measure(work, asked.rows, None),
        }
        print(table(work, asked.rows, columns))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
