"""Writes ``tests/golden``: files of today's format, which every later version has to read.

    python tests/golden_files.py 1

Given the number of the format. Files that are there are never written again: a new format gets new
ones. Beside each stands what the network that was saved gave, and gave after more training.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import fastnn
from fastnn import optimizers, schedules
from fastnn._model import storage
from fastnn._model.table_info import TableInfo
from fastnn.normalization import BatchNorm, GroupNorm

GOLDEN = Path(__file__).parent / "golden"
INPUTS = np.linspace(-1.5, 1.5, 8 * 3).reshape(8, 3)
LABELS = np.arange(8) % 2


def _plain() -> fastnn.Network:
    return fastnn.Network([3, 4, 2], rng=0)


def _book() -> fastnn.Network:
    """No Generator of its own: the state of ``random`` and ``numpy.random`` is nobody's to save."""
    net = fastnn.Network([3, 4, 2], fastnn.QuadraticCost)
    net.weights = [np.arange(12).reshape(4, 3) / 10 - 0.5, np.arange(8).reshape(2, 4) / 7 - 0.5]
    net.biases = [np.arange(4) / 3 - 1, np.arange(2) - 0.25]
    return net


def _batch() -> fastnn.Network:
    net = fastnn.Network(
        [3, 5, 4, 2],
        fastnn.LogLikelihoodCost,
        activation=["mish", "leaky_relu"],
        normalization=BatchNorm(0.2, initial_mean=0.5),
        dropout=[0.2, fastnn.dropout.Dropout(0.1, inverted=False)],
        input_scale=0.5,
        rng=1,
    )
    net.fit(INPUTS, LABELS, epochs=3, batch_size=4, optimizer="adam")
    net.table = TableInfo("classification", ("no", "yes"), ("a", "b", "c"), "answer", 3)
    return net


def _group() -> fastnn.Network:
    source = np.random.Generator(np.random.Philox(2))
    net = fastnn.Network(
        [3, 4, 2],
        activation="silu",
        output="softmax",
        normalization=GroupNorm(2, eps=1e-3),
        dtype="float32",
        rng=source,
    )
    net.fit(INPUTS, LABELS, epochs=3, batch_size=8, optimizer="rprop")
    return net


def _plateau() -> fastnn.Network:
    net = fastnn.Network([3, 2], fastnn.costs.HuberCost(2.0), rng=3)
    plateau = schedules.HalveOnPlateau(1, monitor="training_cost")
    net.fit(INPUTS, INPUTS[:, :2], epochs=3, optimizer=optimizers.SGD(0.9), schedule=plateau)
    return net


def _waiting() -> fastnn.Network:
    return fastnn.Network([3, 3, 2], activation="relu", initializer="lsuv", rng=4)


def _told() -> fastnn.Network:
    """Knows of its training, and was put back to its best epoch."""
    net = fastnn.Network([3, 4, 2], activation="elu", rng=5)
    stopping = fastnn.stopping.EarlyStopping(2, monitor="training_cost", restore_best=True)
    net.fit(INPUTS, LABELS, epochs=4, batch_size=8, optimizer="rmsprop", stopping=stopping)
    return net


NETWORKS: dict[str, Callable[[], fastnn.Network]] = {
    "plain": _plain,
    "book": _book,
    "batch": _batch,
    "group": _group,
    "plateau": _plateau,
    "waiting": _waiting,
    "told": _told,
}


def trained_on(net: fastnn.Network) -> fastnn.Network:
    """Train a network for two more epochs of fixed order, with the optimizer that it has."""
    optimizer = net.training_state.optimizer or "sgd"
    net.fit(INPUTS, LABELS, epochs=2, batch_size=8, optimizer=optimizer, shuffle=False)
    return net


def described(net: fastnn.Network) -> dict[str, Any]:
    """Return what a network gives, and its parameters once it is trained on."""
    outputs = net.predict(INPUTS).tolist()
    return {"outputs": outputs, "trained_on": trained_on(net).parameters.tolist()}


def main() -> None:
    """Write the files of the format that the command line names, but those that are there."""
    (number,) = sys.argv[1:]
    if int(number) != storage.FORMAT:
        raise SystemExit(f"this version writes format {storage.FORMAT}, not {number}")
    GOLDEN.mkdir(exist_ok=True)
    for name, make in NETWORKS.items():
        for ending in (".json", ".npz"):
            path = GOLDEN / f"format{number}-{name}{ending}"
            if not path.exists():
                make().save(path)
        path = GOLDEN / f"format{number}-{name}.expected"
        if not path.exists():
            path.write_text(json.dumps(described(make())) + "\n", encoding="utf-8")
    path = GOLDEN / "book.json"
    if not path.exists():
        content = json.loads(storage.to_json(_book()))
        kept = {key: content[key] for key in ("sizes", "weights", "biases", "cost")}
        path.write_text(json.dumps(kept), encoding="utf-8")


if __name__ == "__main__":
    main()
