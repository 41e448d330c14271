"""The program that does what the page did, seed for seed."""

from __future__ import annotations

from collections.abc import Sequence

from fastnn.playground._data import Data
from fastnn.playground._settings import Settings, fit_arguments, network_arguments
from fastnn.playground._source import Name, call, source

Phase = tuple[Settings, int]  # what was chosen, and the epochs that were trained so


def program(data: Data, phases: Sequence[Phase]) -> str:
    """Return a program in Python that trains the same network to the same weights.

    Parameters
    ----------
    data : Data
    phases : sequence of (Settings, int)
        How it was trained, one after the other, at least one.
    """
    n_in, n_out = data.sizes
    first = phases[0][0]
    lines = call(
        "network = fastnn.Network",
        [source([n_in, *first.hidden, n_out])],
        network_arguments(first, data.regression, data.dtype),
    )
    for settings, epochs in phases:
        told = fit_arguments(settings, data.regression) | {"validation_data": Name("test")}
        lines += call("history = network.fit", ["X", "y"], {"epochs": epochs, **told})
    score = "r2" if data.regression else "accuracy"
    lines += ["", f'print("test {score}:", history[-1]["validation_{score}"])']
    return "\n".join([*_imports(data, lines), "", *data.code, "", *lines]) + "\n"


def _imports(data: Data, lines: Sequence[str]) -> list[str]:
    text = "\n".join(lines)
    named = [name for name in ("optimizers", "regularizers") if f"{name}." in text]
    return ["import fastnn", f"from fastnn import {', '.join(['datasets', *named])}", *data.imports]
