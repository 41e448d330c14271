"""Time the works: ``python -m bench.epoch [WORK ...]`` or ``python -m bench.epoch all``."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from bench import data, machine, report
from bench.chart import chart
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
)
from bench.contenders import CONTENDERS
from bench.instruction_set import add_isa, hold
from bench.roofline import Roof
from bench.timing import interleave
from bench.works import GROUPS, WORKS, Work


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.epoch",
        description="Time the same training or prediction in several libraries.",
    )
    default = [name for name, work in WORKS.items() if work.default]
    parser.add_argument(
        "works",
        nargs="*",
        metavar="WORK",
        help=f"any of {', '.join([*GROUPS, *WORKS])} (default: {' '.join(default)})",
    )
    parser.add_argument(
        "--rows", type=positive, help="train on the first so many rows only, for a quick look"
    )
    add_repeats(parser, 7)
    add_contenders(parser, CONTENDERS)
    parser.add_argument("--mnist", help="folder of MNIST's idx files (default: FASTNN_MNIST)")
    add_output(parser, "epoch.md and epoch.png")
    add_isa(parser)
    options = parser.parse_args(arguments)
    refuse_unknown(parser, "work", options.works, [*GROUPS, *WORKS])
    options.works = expand(options.works or default)
    return options


def expand(names: list[str]) -> list[str]:
    """The works that names of works and groups stand for, each once."""
    return list(dict.fromkeys(work for name in names for work in GROUPS.get(name, [name])))


def measure(work: Work, options: argparse.Namespace) -> report.Result:
    """Check and time one work.

    Raises
    ------
    DataNotFound, NotEqual
        If the data are not there, or a contender computes something else.
    """
    arrays = data.load(work, options.mnist)
    if options.rows and not work.predict_rows:
        arrays = arrays.head(options.rows)
    n = len(arrays.X)
    everyone = present(options.skip)
    reasons = {c.name: c.refuses(work, n) for c in everyone}
    refused = [f"{name}, {reason}" for name, reason in reasons.items() if reason]
    contenders = [c for c in everyone if not reasons[c.name]]
    say(f"{work.name}: checking that all compute the same")
    checks = check(work, arrays.head(work.reference_rows or n), contenders)
    say(f"{work.name}: timing {options.repeats} rounds")
    rounds = interleave(
        work, arrays, contenders, options.repeats, options.max_threads, Roof(work.dtype)
    )
    rows = [report.Row(c, rounds.timings[c.name], checks[c.name]) for c in contenders]
    return report.Result(work, n, options.repeats, rows, refused, rounds.roofs)


def write(folder: Path, load_before: str, results: list[report.Result]) -> list[str]:
    """Write table and chart of what was measured so far; returns the lines on the machine."""
    contenders = (row.contender for result in results for row in result.rows)
    lines = machine.describe(contenders, load_before)
    text = report.document(lines, results)
    report.write_whole(folder / "epoch.md", lambda path: path.write_text(text, "utf-8"))
    with suppress(ImportError):  # main says it, once
        chart(folder / "epoch.png", results)
    return lines


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code (1: a check failed, 2: nothing could be run)."""
    options = parse(arguments)
    hold(options.isa, "bench.epoch", arguments)
    load_before = machine.load()
    results: list[report.Result] = []
    lines: list[str] = []
    for name in options.works:
        try:
            results.append(measure(WORKS[name], options))
        except data.DataNotFound as reason:
            say(f"{name} skipped: {reason}")
        except NotEqual as reason:
            say(f"not equal: {reason}")
            return 1
        else:
            print(report.table(results[-1]), flush=True)
            lines = write(options.output, load_before, results)
    if not results:
        return 2
    print(report.summary(results))
    print("\n".join(lines))
    if find_spec("matplotlib") is None:
        say(NO_CHART)
    say(f"written to {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
