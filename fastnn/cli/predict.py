"""``fastnn predict``: the class that a saved network sees in each row."""

from __future__ import annotations

import argparse

import numpy as np

from fastnn import datasets
from fastnn._files import write_whole
from fastnn.cli.features import features_in_order
from fastnn.cli.outputs import check_outputs, say, writing
from fastnn.cli.rows import check_features, choose_part
from fastnn.data import classes_of
from fastnn.network import load


def run(arguments: argparse.Namespace) -> None:
    """Write the predictions as a table, to the file asked for or to standard output."""
    check_outputs({"--output": arguments.output}, (arguments.model, arguments.data), {})
    network = load(arguments.model)
    X = _load(arguments, network.sizes[0])
    check_features(network, X, arguments.model, arguments.data)
    table = _table(network.predict(X), arguments.proba)
    if arguments.output is None:
        print(table, end="")
        return
    with writing(arguments.output):
        write_whole(arguments.output, table.encode())
    say(f"wrote {arguments.output}: {len(X)} predictions")


def _load(arguments: argparse.Namespace, n_in: int) -> np.ndarray:
    part = arguments.part
    if part in (None, "all"):
        X = features_in_order(arguments.data, n_in, arguments.target)
        if X is not None:
            return X
    split = datasets.load(arguments.data, target=arguments.target)
    return choose_part(split, part or "test", arguments.data)[0]


def _table(outputs: np.ndarray, with_outputs: bool) -> str:
    """Return the lines of a CSV file, every number such that it reads back as itself."""
    names, columns = ["class"], [classes_of(outputs).astype(str)]
    if with_outputs:
        names += [f"output_{i}" for i in range(outputs.shape[1])]
        columns += list(outputs.T.astype(str))
    rows = map(",".join, zip(*columns, strict=True))
    return "\n".join([",".join(names), *rows, ""])
