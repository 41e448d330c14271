"""What the commands share: types of arguments, who takes part, what is said meanwhile."""

from __future__ import annotations

import argparse
import math
import sys

from bench.contenders import CONTENDERS, Contender


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
