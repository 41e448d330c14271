"""``fastnn evaluate``: how good a saved network is on data."""

from __future__ import annotations

import argparse

from fastnn import costs
from fastnn.cli.matching import read_to_measure
from fastnn.cli.outputs import say
from fastnn.cli.rows import check_classes, check_features, choose_part, quality
from fastnn.network import load


def run(arguments: argparse.Namespace) -> None:
    """Print how right the model is on a part of the data, and its mean cost."""
    model, data = arguments.model, arguments.data
    network = load(model)
    X, y = choose_part(read_to_measure(arguments, network), arguments.part, data)
    check_features(network, X, model, data)
    if y.dtype.kind == "i":
        check_classes(network, y, model, data)
    cost = network.total_cost((X, y), 0.0)
    rows = "all" if arguments.part == "all" else f"its {arguments.part} part of"
    say(f"{model} on {data}, {rows} {len(X)} rows")
    say(quality(network, (X, y)))
    say(f"cost {cost:.6g} ({costs.name_of(network.cost)})")
