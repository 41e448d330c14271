"""``fastnn plot``: the pictures of a run, drawn anew."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

import numpy as np

from fastnn._common.extras import require
from fastnn.cli.examples import Examples, read_examples
from fastnn.cli.outputs import PICTURES, say, writing
from fastnn.cli.pictures import check_folder, draw_run
from fastnn.cli.result_options import add_language
from fastnn.cli.run_folder import MODEL, RunFolder, fingerprint_of
from fastnn.cli.training import row_arguments
from fastnn.datasets import Split
from fastnn.network import Network, load

HELP = """\
Draw the pictures of a folder that 'fastnn train --run' wrote anew: the learning
curves, the layers of the network and, where the data are still what they were,
which classes it takes for which."""

EXAMPLES = """\
examples:
  fastnn plot digits-run --language zh
  fastnn plot digits-run --folder figures --ending .pdf"""


def add(commands: Any) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser(
        "plot",
        help="draw the pictures of a run anew",
        description=HELP,
        epilog=EXAMPLES,
    )
    parser.set_defaults(run=run)
    parser.add_argument("folder_of_run", metavar="RUN", help="the folder of the run")
    parser.add_argument(
        "--folder", metavar="DIR", help="the folder to draw into, made if need be (default: RUN)"
    )
    parser.add_argument(
        "--ending",
        choices=PICTURES,
        default=".png",
        help="the kind of the pictures (default: %(default)s)",
    )
    add_language(parser)


def run(arguments: argparse.Namespace) -> None:
    """Draw what a run has come to, and say which pictures there are."""
    require("matplotlib", extra="plot")
    folder = RunFolder(arguments.folder_of_run)
    if arguments.folder:
        place = check_folder(arguments.folder, "--folder", may_be_new=True)
    else:
        place = check_folder(folder.path, "RUN")
    history, network = folder.history(), load(folder.file(MODEL))
    examples = _examples(folder, network)
    with writing(str(place)):
        place.mkdir(exist_ok=True)
        paths = draw_run(
            place, network, history, examples, arguments.language or "en", arguments.ending
        )
    for path in paths:
        say(f"wrote {path}")


def _examples(folder: RunFolder, network: Network) -> Examples:
    """Return the run's data; without rows, which is said, if they are not what they were."""
    settings = folder.settings()
    try:
        examples = read_examples(row_arguments(settings))
        folder.check_rows(fingerprint_of(examples.split), settings["data"])
    except (OSError, ValueError) as error:
        say(f"note: no picture of what it confuses: {error}")
        rows = np.empty((0, network.sizes[0])), np.empty(0)
        return Examples(Split(rows, rows, rows), network.table, False, [])
    return replace(examples, said=[])
