"""``fastnn info``: what a saved network is."""

from __future__ import annotations

import argparse
from pathlib import Path

from fastnn import costs
from fastnn.cli.outputs import say
from fastnn.network import load


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
    }
    width = max(map(len, lines))
    for name, value in lines.items():
        say(f"{name:{width}}  {value}")
