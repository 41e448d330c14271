"""``fastnn playground``: a page on which networks train before one's eyes."""

from __future__ import annotations

import argparse
from typing import Any

from fastnn._model.table_info import TASKS
from fastnn.cli import values
from fastnn.cli.examples import options_named, table_options
from fastnn.cli.input_options import add_table
from fastnn.cli.outputs import say

HELP = """\
Open a page on which networks train before your eyes: decision boundary,
learning curves, activations and gradients, two settings side by side, and the
Python that does the same. In English and Chinese. It is served to this machine
alone (127.0.0.1), at an address with a random token; nothing is written to any
file. Ctrl-C ends it."""

EXAMPLES = """\
examples:
  fastnn playground
  fastnn playground flowers.csv --target species"""


def add(commands: Any) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser(
        "playground",
        help="a page on which networks train live",
        description=HELP,
        epilog=EXAMPLES,
    )
    parser.set_defaults(run=run)
    parser.add_argument("data", nargs="?", metavar="DATA.csv", help="a table to begin with")
    parser.add_argument(
        "--port",
        type=values.port,
        default=0,
        metavar="N",
        help="where it is served (default: at a port that is free)",
    )
    parser.add_argument(
        "--no-browser", dest="browser", action="store_false", help="only print the address"
    )
    parser.add_argument("--task", choices=TASKS, help="what the targets are, as for train")
    add_table(parser)


def run(arguments: argparse.Namespace) -> None:
    """Serve the page until Ctrl-C."""
    from fastnn.playground import serve  # with an HTTP server, which no other command needs

    told = {"target": arguments.target, "task": arguments.task, **table_options(arguments)}
    given = [f"--{name}" for name, value in told.items() if value is not None]
    if given and arguments.data is None:
        raise ValueError(f"{', '.join(given)}: expected a table, as in 'playground data.csv'")
    with options_named():
        serve(arguments.data, port=arguments.port, browser=arguments.browser, say=say, **told)
