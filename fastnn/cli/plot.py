"""``fastnn plot``: the pictures of a run, drawn anew."""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np

from fastnn._common.extras import require
from fastnn.cli.examples import Examples, read_examples
from fastnn.cli.outputs import say, writing
from fastnn.cli.pictures import check_folder, draw_run
from fastnn.cli.run_folder import MODEL, RunFolder, fingerprint_of
from fastnn.cli.training import row_arguments
from fastnn.datasets import Split
from fastnn.network import Network, load


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
