"""``fastnn export``: a saved network into a file that is run without fastnn."""

from __future__ import annotations

import argparse

from fastnn.cli.outputs import check_outputs, say
from fastnn.export import Exported, export
from fastnn.network import load


def run(arguments: argparse.Namespace) -> None:
    """Write the file, and say which and how large."""
    check_outputs({"FILE": arguments.file}, [arguments.model], {})
    done = export(load(arguments.model), arguments.file, dtype=arguments.dtype)
    for path in done.files:
        say(f"wrote {path}: {path.stat().st_size} bytes")
    _say_memory(done)


def _say_memory(done: Exported) -> None:
    if done.flash is not None:
        say(f"on a controller: {done.flash} bytes of tables in flash, {done.ram} bytes of stack")
