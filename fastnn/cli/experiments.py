"""``fastnn experiments``: the programs in ``examples/``, which the wheel holds, too."""

from __future__ import annotations

import argparse
import ast
import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fastnn
from fastnn.cli.outputs import say

HELP = """\
Run one of the experiments of the texts, each of which prints its numbers and
draws a picture; without NAME list them. What follows NAME is the experiment's:
--quick, --output PICTURE, --seed N and, for some, the folder of MNIST."""

EXAMPLES = """\
examples:
  fastnn experiments
  fastnn experiments circles --output circles.png
  fastnn experiments overfitting --help"""


def add(commands: Any) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser(
        "experiments",
        help="run an experiment of the texts",
        description=HELP,
        epilog=EXAMPLES,
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "name", metavar="NAME", nargs="?", help="which one; without, all are listed"
    )
    parser.add_argument("rest", metavar="...", nargs=argparse.REMAINDER, help="what it is told")


def run(arguments: argparse.Namespace) -> None:
    """List the experiments, or run one with the words that follow its name.

    Raises
    ------
    ValueError
        If there is no such experiment, or it ends with a message.
    """
    programs = {path.stem: path for path in sorted(_folder().glob("[!_]*.py"))}
    if arguments.name is None:
        width = max(map(len, programs))
        for name, path in programs.items():
            say(f"{name:{width}}  {_title(path)}")
        return
    name = arguments.name.replace("-", "_")
    if name not in programs:
        raise ValueError(f"NAME: expected one of {', '.join(programs)}, got {arguments.name!r:.80}")
    with _as_program(programs[name], arguments.rest):
        try:
            runpy.run_path(str(programs[name]), run_name="__main__")
        except SystemExit as ending:
            if isinstance(ending.code, str):
                raise ValueError(ending.code.removeprefix("error: ")) from None
            raise


def _folder() -> Path:
    """Return where the programs lie: in the installed package, or beside it in a clone."""
    package = Path(fastnn.__file__).parent
    for folder in (package / "experiments", package.parent / "examples"):
        if (folder / "circles.py").is_file():
            return folder
    raise ValueError(
        "the experiments are not in this installation of fastnn; they are the folder examples/ of "
        "its sources"
    )


def _title(path: Path) -> str:
    """Return the first sentence of what a program says of itself."""
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(said.split("\n\n")[0].split())


@contextmanager
def _as_program(path: Path, words: list[str]) -> Iterator[None]:
    """Let the block see the arguments and the path of a program that is run."""
    before = sys.argv, sys.path.copy()
    sys.argv = [path.name, *words]
    sys.path.insert(0, str(path.parent))
    try:
        yield
    finally:
        sys.argv, sys.path[:] = before
