"""``fastnn export``: a saved network into a file that is run without fastnn."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from fastnn.cli.examples import TABLE_OPTIONS
from fastnn.cli.matching import read_to_predict
from fastnn.cli.outputs import check_outputs, say, writing
from fastnn.cli.rows import check_features
from fastnn.datasets.by_name import files_of
from fastnn.export import Exported, export
from fastnn.network import Network, load

# Rows of a sample, evenly spaced in what is given: units need no more.
_MOST_ROWS = 5000


def run(arguments: argparse.Namespace) -> None:
    """Write the file, and say which and how large."""
    _check(arguments)
    inputs = [arguments.model, *([] if arguments.data is None else files_of(arguments.data))]
    check_outputs({"FILE": arguments.file}, inputs, {})
    network = load(arguments.model)
    options = {"dtype": arguments.dtype}
    if arguments.fixed is not None:
        options |= {"fixed": arguments.fixed, "sample": _sample(arguments, network)}
    with writing(arguments.file):
        done = export(network, arguments.file, **options)
    for path in done.files:
        say(f"wrote {path}: {path.stat().st_size} bytes")
    _say_costs(done, arguments.fixed)


def _check(arguments: argparse.Namespace) -> None:
    """Raise for options that do not go together, before anything is read."""
    if (arguments.fixed is None) != (arguments.data is None):
        raise ValueError(
            "--fixed needs --sample DATA, rows of which its units are chosen, and --sample --fixed"
        )
    if arguments.fixed is not None and Path(arguments.file).suffix != ".c":
        raise ValueError(f"--fixed: only for a FILE that ends in .c, got {arguments.file}")
    told = [name for name in TABLE_OPTIONS if getattr(arguments, name) is not None]
    if arguments.data is None and told:
        raise ValueError(f"--{told[0]}: only with --sample DATA, a table")


def _sample(arguments: argparse.Namespace, network: Network) -> np.ndarray:
    X = read_to_predict(arguments, network)
    check_features(network, X, arguments.model, arguments.data)
    return X[:: -(-len(X) // _MOST_ROWS)]


def _say_costs(done: Exported, fixed: str | None) -> None:
    if done.flash is not None:
        say(f"on a controller: {done.flash} bytes of tables in flash, {done.ram} bytes of stack")
    if done.error is not None:
        changed = "" if done.changed is None else f", and {done.changed:.3%} of the classes"
        say(f"{fixed} changes the outputs for the sample by up to {done.error:.3g}{changed}")
