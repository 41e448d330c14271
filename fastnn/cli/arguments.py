"""The parser of the command line: it knows the commands, and each of these its own words."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

import fastnn
from fastnn.cli import (
    demo,
    evaluate,
    experiments,
    export,
    info,
    lr_find,
    playground,
    plot,
    predict,
    search,
    train,
)

# As they are listed.
COMMANDS = (
    train, lr_find, plot, search, evaluate, predict, info, export, experiments, demo, playground,
)  # fmt: skip


class Parser(argparse.ArgumentParser):
    """Raises what is wrong for ``main`` to print, instead of printing the whole usage."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message} (see '{self.prog} --help')")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; what it parses has ``run``, which takes the parsed arguments."""
    parser = Parser(
        prog="fastnn",
        description="Train and run small and medium neural networks on a CPU, fast.",
        epilog="'fastnn COMMAND --help' explains a command, with examples.",
    )
    parser.add_argument("--version", action="version", version=f"fastnn {fastnn.__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add(commands)
    return parser
