"""``fastnn export``: a saved network into a file that is run without fastnn."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from fastnn.cli.examples import TABLE_OPTIONS
from fastnn.cli.input_options import DATA_HELP, add_model, add_table
from fastnn.cli.matching import read_to_predict
from fastnn.cli.outputs import check_outputs, say, writing
from fastnn.cli.rows import check_features
from fastnn.datasets.by_name import files_of
from fastnn.export import Exported, export
from fastnn.network import Network, load

HELP = """\
Write a saved network as a file that is run without fastnn. FILE is one of
  STEM.c            C99, with STEM.h beside it: STEM_predict(x, y), nothing but
                    math.h, no allocation; with -DSTEM_SELF_TEST (in capitals)
                    a program that returns 0 if all is right
  STEM.py           a module of NumPy with predict(X)
  STEM.mjs          an ES module of JavaScript with predict(row)
  STEM.onnx         for onnxruntime and others; needs onnx
  STEM.safetensors  the weights by PyTorch's names; needs safetensors"""

EXAMPLES = """\
examples:
  fastnn export digits.json digits.c --dtype float32
  fastnn export flowers.json flowers.py
  fastnn export digits.json digits.c --fixed int16 --sample digits
  fastnn export flowers.json flowers.c --fixed int8 --sample flowers.csv"""

# Rows of a sample, evenly spaced in what is given: units need no more.
_MOST_ROWS = 5000


def add(commands: Any) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser(
        "export",
        help="write a saved network as a file that needs no fastnn",
        description=f"{HELP}\n\n{DATA_HELP}",
        epilog=EXAMPLES,
    )
    parser.set_defaults(run=run, part="all")
    add_model(parser)
    parser.add_argument("file", metavar="FILE", help="what to write; see above")
    parser.add_argument(
        "--dtype",
        choices=("float64", "float32"),
        help="of the arithmetic (default: float64; float32 in .onnx, the network's own in "
        ".safetensors)",
    )
    parser.add_argument(
        "--fixed",
        choices=("int16", "int8"),
        help="of STEM.c: layers in fixed point, with weights of this type, and its cost printed",
    )
    parser.add_argument(
        "--sample",
        dest="data",
        metavar="DATA",
        help="with --fixed: rows by which its units are chosen, such as those of the training; "
        "larger numbers than theirs may be cut off",
    )
    add_table(parser)


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
