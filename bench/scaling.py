"""How cost grows with the work: ``python -m bench.scaling``."""

from __future__ import annotations

import argparse
import sys

from bench import data, machine, scaling_report, scaling_threads
from bench.checking import NotEqual, check
from bench.command import (
    NO_CHART,
    add_contenders,
    add_output,
    add_repeats,
    positive,
    present,
    refuse_unknown,
    say,
    seconds,
)
from bench.contenders import CONTENDERS
from bench.report import duration, publish, write_whole
from bench.scaling_grid import GRID, QUICK, Point, points
from bench.scaling_report import Measured
from bench.timing import interleave

# PyTorch with autograd is slower than by hand in every work, and would take most of the time.
TAKE_PART = ("numpy", "torch_by_hand", "jax", "fastnn", "fastnn_1")
CHECKED_ROWS = 256


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.scaling",
        description="Time an epoch as one size of the work grows, in several libraries.",
    )
    parser.add_argument(
        "axes", nargs="*", metavar="AXIS",
        help=f"what varies: any of {', '.join(GRID)} (default: all)",
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="a small grid, a few minutes")
    parser.add_argument(
        "--threads", type=positive, nargs="*", metavar="N",
        help="instead, works of fastnn with so many threads each (default: 1 2 4 8 16)",
    )  # fmt: skip
    add_repeats(parser, 5)
    parser.add_argument(
        "--seconds", type=seconds, default=0.5,
        help="about how long one epoch of a peer may take, at most (default: 0.5)",
    )  # fmt: skip
    add_contenders(parser, TAKE_PART)
    add_output(parser, "scaling.csv, .md and .png")
    options = parser.parse_args(arguments)
    refuse_unknown(parser, "axis", options.axes, GRID)
    return options


def measure(point: Point, options: argparse.Namespace) -> Measured:
    """Check and time one point.

    Raises
    ------
    NotEqual
        If a contender computes something else.
    """
    work = point.work()
    arrays = data.load(work)
    absent = [name for name in CONTENDERS if name not in TAKE_PART]
    contenders = present([*options.skip, *absent])
    # Fewer rows than a mini-batch would make another problem of it.
    check(work, arrays.head(max(CHECKED_ROWS, work.batch)), contenders)
    rounds = interleave(work, arrays, contenders, options.repeats, options.max_threads)
    return Measured(point, rounds.timings)


def by_threads(options: argparse.Namespace) -> int:
    """Measure works with several numbers of threads; returns the exit code."""
    load_before, found = machine.load(), []
    for name in scaling_threads.NAMES:
        try:
            found += scaling_threads.measure(
                name, options.threads or [1, 2, 4, 8, 16], options.repeats
            )
        except NotEqual as reason:
            say(f"not equal: {reason}")
            return 1
        say(f"{name}: the same bits with every number of threads")
    lines = machine.describe([CONTENDERS["fastnn"]()], load_before)
    publish(options.output / "threads.md", "Threads", lines, scaling_threads.table(found))
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code (1: a check failed)."""
    options = parse(arguments)
    if options.threads is not None:
        return by_threads(options)
    load_before = machine.load()
    whole = QUICK if options.quick else GRID
    grid = {axis: whole[axis] for axis in options.axes or whole}
    measured: list[Measured] = []
    for point in points(grid, options.seconds):
        try:
            measured.append(measure(point, options))
        except NotEqual as reason:
            say(f"not equal: {reason}")
            return 1
        found = measured[-1]
        times = ", ".join(f"{n} {duration(t.median)}" for n, t in found.timings.items())
        say(f"{point.axis} {point.value} ({point.timed_rows} of {point.rows} rows): {times}")
    contenders = (CONTENDERS[name]() for name in measured[0].timings)
    lines = machine.describe(contenders, load_before)
    text = scaling_report.document(lines, measured, options.repeats)
    print(text)
    write_whole(options.output / "scaling.md", lambda path: path.write_text(text, "utf-8"))
    table = scaling_report.as_csv(measured)
    write_whole(options.output / "scaling.csv", lambda path: path.write_text(table, "utf-8"))
    try:
        scaling_report.chart(options.output / "scaling.png", measured)
    except ImportError:
        say(NO_CHART)
    say(f"written to {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
