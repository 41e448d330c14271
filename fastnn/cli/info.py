"""``fastnn info``: what a saved network is."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastnn import costs
from fastnn.cli.input_options import add_model
from fastnn.cli.outputs import say
from fastnn.network import Network, load


def add(commands: Any) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser(
        "info",
        help="describe a saved network",
        description="Describe a saved network: its layers, activations, cost and size.",
        epilog="example:\n  fastnn info digits.json",
    )
    parser.set_defaults(run=run)
    add_model(parser)


def run(arguments: argparse.Namespace) -> None:
    """Print a line on each property of the model."""
    network = load(arguments.model)
    lines = {
        "file": arguments.model,
        "file size": f"{Path(arguments.model).stat().st_size} bytes",
        "sizes": "-".join(map(str, network.sizes)),
        "activation": ", ".join(network.activation) or "no hidden layer",
        "output": network.output,
        "cost": costs.name_of(network.cost),
        "parameters": network.n_parameters,
        "dtype": network.dtype,
        **_of_table(network),
        **_of_training(network),
    }
    width = max(map(len, lines))
    for name, value in lines.items():
        say(f"{name:{width}}  {value}")


def _of_table(network: Network) -> dict[str, str]:
    """Return what the network knows of the table it was trained on."""
    info = network.table
    if info is None:
        return {}
    lines = {"task": info.task}
    if info.classes:
        lines["classes"] = _listed(info.classes)
    if info.target is not None:
        lines["target"] = info.target
    if info.features is not None:
        lines["features"] = _listed(info.features)
    return lines


def _of_training(network: Network) -> dict[str, str]:
    """Return what the network knows of its training."""
    told = network.training_summary
    return (
        {"training": ", ".join(f"{name} {value}" for name, value in told.items())} if told else {}
    )


def _listed(names: Sequence[Any]) -> str:
    shown = ", ".join(str(name) for name in names[:20])
    return shown + f", ... ({len(names)} in all)" * (len(names) > 20)
