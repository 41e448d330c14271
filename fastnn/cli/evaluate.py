"""``fastnn evaluate``: how good a saved network is on data."""

from __future__ import annotations

import argparse

from fastnn import costs, datasets
from fastnn.cli.outputs import say
from fastnn.cli.rows import check_classes, check_features, choose_part
from fastnn.network import load


def run(arguments: argparse.Namespace) -> None:
    """Print the accuracy and the mean cost of the model on a part of the data."""
    model, data = arguments.model, arguments.data
    network = load(model)
    split = datasets.load(
        data,
        seed=arguments.split_seed,
        test_fraction=arguments.test,
        validation_fraction=arguments.validation,
        target=arguments.target,
    )
    X, y = choose_part(split, arguments.part, data)
    check_features(network, X, model, data)
    check_classes(network, y, model, data)
    right, cost = network.accuracy((X, y)), network.total_cost((X, y), 0.0)
    rows = "all" if arguments.part == "all" else f"its {arguments.part} part of"
    say(f"{model} on {data}, {rows} {len(X)} rows")
    say(f"accuracy {right / len(X):.2%} ({right} of {len(X)})")
    say(f"cost {cost:.6g} ({costs.name_of(network.cost)})")
