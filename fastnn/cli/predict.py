"""``fastnn predict``: the class that a saved network sees in each row."""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from fastnn._common.files import write_whole
from fastnn._common.printable import printable
from fastnn._data.rows import classes_of
from fastnn.cli import values
from fastnn.cli.input_options import DATA_HELP, add_model, add_table
from fastnn.cli.matching import read_to_predict
from fastnn.cli.outputs import check_outputs, say, writing
from fastnn.cli.rows import check_features
from fastnn.datasets.by_name import files_of
from fastnn.network import Network, load

HELP = """\
A table may come with or without the column of targets, an .npz file with or
without y: all their rows are predicted, in the order of the file. Columns are
found by the names in the header, where the network was trained on a table with
one, else by their order. Of other data it is the test part, unless --part says
otherwise.

The answer is a table with the column class, or for a regression prediction;
--proba adds a column for each output."""

EXAMPLES = """\
examples:
  fastnn predict flowers.json new-flowers.csv --output predictions.csv
  fastnn predict digits.json digits --proba | head"""

# Rows that are predicted and written at once.
_BLOCK = 2**12


def add(commands: Any) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser(
        "predict",
        help="write the classes or numbers that a saved network finds for data",
        description="Write the class that a saved network sees in each row, or the number.\n\n"
        f"{DATA_HELP}\n\n{HELP}",
        epilog=EXAMPLES,
    )
    parser.set_defaults(run=run)
    add_model(parser)
    parser.add_argument("data", metavar="DATA", help="the rows; see above")
    parser.add_argument("--proba", action="store_true", help="write the network's outputs too")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="the table to write, CSV (default: standard output)"
    )
    parser.add_argument(
        "--part",
        choices=values.PARTS,
        help="the rows to predict (default: all of a table or of X in an .npz, else test)",
    )
    add_table(parser)


def run(arguments: argparse.Namespace) -> None:
    """Write the predictions as a table, to the file asked for or to standard output."""
    inputs = [arguments.model, *files_of(arguments.data)]
    check_outputs({"--output": arguments.output}, inputs, {})
    network = load(arguments.model)
    if arguments.proba and network.table is not None and network.table.task == "regression":
        raise ValueError(f"--proba: expected a network of classes; {arguments.model} is none")
    X = read_to_predict(arguments, network)
    check_features(network, X, arguments.model, arguments.data)
    blocks = _table(network, X, arguments.proba)
    if arguments.output is None:
        _print(blocks)
        return
    text = io.BytesIO()
    text.writelines(block.encode() for block in blocks)
    with writing(arguments.output):
        write_whole(arguments.output, text.getvalue())
    say(f"wrote {arguments.output}: {len(X)} predictions")


def _print(blocks: Iterator[str]) -> None:
    """Print a table; to a terminal what could steer it is escaped."""
    output = sys.stdout
    if output is None:
        return
    on_terminal = output.isatty()
    for block in blocks:
        shown = "\n".join(map(printable, block.split("\n"))) if on_terminal else block
        try:
            output.write(shown)
        except UnicodeEncodeError as error:
            raise ValueError(
                f"standard output cannot write {error.object[error.start]!r} in {error.encoding}; "
                "expected --output FILE, or PYTHONIOENCODING=utf-8"
            ) from None


def _table(network: Network, X: np.ndarray, with_outputs: bool) -> Iterator[str]:
    """Yield the lines of a CSV file, every number such that it reads back as itself."""
    classes = _classes(network)
    names = ["class"] if classes is not None else ["prediction"]
    if with_outputs:
        n_out = network.sizes[-1]
        labels = range(n_out) if classes is None or n_out == 1 else classes
        names += [f"output_{label}" for label in labels]
    yield _lines([names])
    for start in range(0, len(X), _BLOCK):
        outputs = network.predict(X[start : start + _BLOCK])
        numbers = outputs.astype(str)
        if classes is None:
            yield _lines(numbers.tolist())
            continue
        columns = [[classes[i] for i in classes_of(outputs).tolist()]]
        columns += numbers.T.tolist() if with_outputs else []
        yield _lines(zip(*columns, strict=True))


def _classes(network: Network) -> list[str] | None:
    """Return what is written for each class; None for a regression."""
    info = network.table
    if info is None:
        return [str(i) for i in range(max(2, network.sizes[-1]))]
    return [str(label) for label in info.classes] or None


def _lines(rows: Any) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
