"""``fastnn demo``: a first look at what the package does."""

from __future__ import annotations

import argparse

from fastnn.cli.outputs import PICTURES, check_outputs, say, writing


def run(arguments: argparse.Namespace) -> None:
    """Run the demo, a line at a time, and write its picture."""
    from fastnn.demo import run_demo  # with the reference, which no other command needs

    check_outputs({"--plot": arguments.plot}, (), {"--plot": PICTURES})
    with writing(arguments.plot):
        run_demo(arguments.plot, epochs=arguments.epochs, say=say)
