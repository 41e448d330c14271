"""``fastnn demo``: a first look at what the package does."""

from __future__ import annotations

import argparse
from typing import Any

from fastnn.cli import values
from fastnn.cli.outputs import PICTURES, check_outputs, say, writing

HELP = """\
Train 64-30-10 on the digits of scikit-learn, then train the same network on
the same mini-batches with the pure-Python reference, and show the accuracy,
both times, how far the weights are apart, and the curves as a picture. Needs
scikit-learn and matplotlib."""


def add(commands: Any) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser(
        "demo",
        help="train on digits, beside the pure-Python reference",
        description=HELP,
        epilog="example:\n  fastnn demo --plot curves.png",
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "--plot",
        default="curves.png",
        metavar="FILE",
        help="the picture to write: .png, .pdf or .svg (default: %(default)s)",
    )
    parser.add_argument(
        "--epochs",
        type=values.count,
        default=30,
        metavar="N",
        help="passes over the training rows, for both (default: %(default)s)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Run the demo, a line at a time, and write its picture."""
    from fastnn.demo import run_demo  # with the reference, which no other command needs

    check_outputs({"--plot": arguments.plot}, (), {"--plot": PICTURES})
    with writing(arguments.plot):
        run_demo(arguments.plot, epochs=arguments.epochs, say=say)
