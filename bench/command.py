"""What the commands share: arguments and their types, who takes part, what is said meanwhile."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Collection
from pathlib import Path

from bench.contenders import CONTENDERS, Contender
from bench.timing import available_cores

NO_CHART = "no chart: matplotlib is missing, pip install matplotlib"


def positive(text: str) -> int:
    """An argparse type: a whole number from 1."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, got {text!r}")
    return number


def seconds(text: str) -> float:
    """An argparse type: a number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return number


def add_repeats(parser: argparse.ArgumentParser, default: int) -> None:
    """Take ``--repeats``."""
    parser.add_argument(
        "--repeats", type=positive, default=default, help=f"timed rounds (default: {default})"
    )


def add_networks(parser: argparse.ArgumentParser, names: Collection[str]) -> None:
    """Take any of these networks, all by default; ``refuse_unknown`` looks at what was given."""
    parser.add_argument(
        "networks", nargs="*", metavar="NETWORK", help=f"any of {', '.join(names)} (default: all)"
    )


def add_contenders(parser: argparse.ArgumentParser, names: Collection[str]) -> None:
    """Take ``--skip`` of these names, and ``--max-threads``."""
    parser.add_argument(
        "--skip", nargs="+", default=[], choices=names, metavar="NAME",
        help=f"contenders to leave out, of {', '.join(names)}",
    )  # fmt: skip
    parser.add_argument(
        "--max-threads", type=positive, default=min(2, available_cores()),
        help="settings 1 to this many threads are probed (default: 2, or the cores there are)",
    )  # fmt: skip


def add_output(parser: argparse.ArgumentParser, files: str) -> None:
    """Take ``--output``, the folder for these files."""
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).parent / "results",
        help=f"folder for {files} (default: bench/results)",
    )  # fmt: skip


def refuse_unknown(
    parser: argparse.ArgumentParser, what: str, given: Collection[str], known: Collection[str]
) -> None:
    """End the program if a name that was given is not among the known ones."""
    unknown = [name for name in given if name not in known]
    if unknown:
        parser.error(f"unknown {what} {unknown[0]!r}; choose from {', '.join(known)}")


def say(text: str) -> None:
    """Print to standard error what is going on; the report goes to standard output."""
    print(text, file=sys.stderr, flush=True)


def present(skip: list[str]) -> list[Contender]:
    """The contenders that take part; says which are not installed."""
    found = []
    for name, contender in CONTENDERS.items():
        if name in skip:
            continue
        if contender.installed():
            found.append(contender())
        else:
            say(f"without {name}: {contender.module} is not installed")
    return found
