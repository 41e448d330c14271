"""``fastnn train``: data in, network out."""

from __future__ import annotations

import argparse
import importlib.util
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn import costs, datasets, regularizers
from fastnn._extras import require
from fastnn.cli.outputs import MODELS, PICTURES, check_outputs, hints, say, writing
from fastnn.cli.rows import choose_part, count_classes
from fastnn.datasets import Split
from fastnn.history import History
from fastnn.network import Network
from fastnn.plot import plot_history

COSTS = {
    "quadratic": costs.QuadraticCost,
    "cross-entropy": costs.CrossEntropyCost,
    "log-likelihood": costs.LogLikelihoodCost,
}


def run(arguments: argparse.Namespace) -> None:
    """Train, print and save as the arguments say; what cannot work is found before training."""
    files = {f"--{name}": getattr(arguments, name) for name in ("output", "plot", "history")}
    check_outputs(files, (arguments.data,), {"--output": MODELS, "--plot": PICTURES})
    _check_extras(arguments)
    split, validation = _load(arguments)
    network = _build(arguments, split)
    history = _fit(network, split, validation, arguments)
    epochs = f"{len(history)} epoch{'s' * (len(history) > 1)}"
    say(f"trained {epochs} in {sum(history['seconds']):.2f} s")
    if len(split.test[0]):
        n, right = len(split.test[0]), network.accuracy(split.test)
        say(f"test accuracy {right / n:.2%} ({right} of {n})")
    _save(network, history, arguments)


def _check_extras(arguments: argparse.Namespace) -> None:
    if arguments.plot:
        require("matplotlib", extra="plot")
    if arguments.progress == "bar":
        require("tqdm", extra="progress")


def _load(arguments: argparse.Namespace) -> tuple[Split, Any]:
    """Return the data, and the rows of them to measure after each epoch or None."""
    share = arguments.validation if isinstance(arguments.validation, float) else None
    split = datasets.load(
        arguments.data,
        seed=arguments.split_seed,
        test_fraction=arguments.test,
        validation_fraction=share,
        target=arguments.target,
    )
    if isinstance(arguments.validation, str) and arguments.validation in ("test", "none"):
        named = arguments.validation
        return split, None if named == "none" else choose_part(split, "test", arguments.data)
    return split, split.validation if len(split.validation[0]) else None


def _build(arguments: argparse.Namespace, split: Split) -> Network:
    seed = arguments.seed
    if seed is None:
        seed = int(np.random.SeedSequence().generate_state(1)[0])
    n_in, n_out = split.train[0].shape[1], count_classes(split, arguments.data)
    names = arguments.activation
    network = Network(
        [n_in, *arguments.hidden, n_out],
        COSTS[arguments.cost],
        activation=names[0] if len(names) == 1 else names,
        output=arguments.output_activation,
        initializer=arguments.initializer,
        dtype=arguments.dtype,
        rng=seed,
    )
    hidden = ", ".join(dict.fromkeys(network.activation)) or "no hidden layer"
    say(
        f"{'-'.join(map(str, network.sizes))} ({network.n_parameters} parameters), {hidden}, "
        f"output {network.output}, {arguments.cost}, {network.dtype}, seed {seed}"
    )
    counts = [f"{len(X)} {name}" for name, (X, _) in zip(Split._fields, split, strict=True)]
    say(f"{arguments.data}: {', '.join(counts)} rows")
    return network


def _fit(network: Network, split: Split, validation: Any, arguments: argparse.Namespace) -> History:
    bar = arguments.progress == "bar" or (arguments.progress == "auto" and _bar_is_possible())
    lines = arguments.progress in ("auto", "lines") and not bar
    callbacks: list[Callable[..., None]] = []
    if lines:
        callbacks.append(lambda _, history: say(_line(history[-1], arguments.epochs)))
    try:
        with warnings.catch_warnings(), hints():
            warnings.filterwarnings("error", message="the training diverged")
            return network.fit(
                *split.train,
                epochs=arguments.epochs,
                batch_size=arguments.batch_size,
                learning_rate=arguments.learning_rate,
                regularizer=regularizers.L1L2(l1=arguments.l1, l2=arguments.l2),
                validation_data=validation,
                callbacks=callbacks,
                progress=bar,
            )
    except RuntimeWarning:
        raise ValueError(
            "the weights grew beyond all numbers: expected a smaller --learning-rate than "
            f"{arguments.learning_rate:g}"
        ) from None
    except KeyboardInterrupt:
        raise KeyboardInterrupt("before the training was finished; nothing was saved") from None


def _bar_is_possible() -> bool:
    terminal = sys.stderr is not None and sys.stderr.isatty()
    return terminal and importlib.util.find_spec("tqdm") is not None


def _line(row: dict[str, Any], epochs: int) -> str:
    parts = [f"epoch {row['epoch']:{len(str(epochs))}}/{epochs}: cost {row['training_cost']:.4f}"]
    if "validation_cost" in row:
        parts.append(f"validation cost {row['validation_cost']:.4f}")
        parts.append(f"accuracy {row['validation_accuracy']:.2%}")
    return ", ".join([*parts, f"{row['seconds']:.3f} s"])


def _save(network: Network, history: History, arguments: argparse.Namespace) -> None:
    """Write the files that were asked for, the one that took the work first."""
    writers = (
        (arguments.output, network.save),
        (arguments.history, history.to_csv),
        (arguments.plot, lambda path: plot_history(history, path)),
    )
    for path, write in writers:
        if path is not None:
            with writing(path):
                write(path)
            say(f"wrote {path}")
    if arguments.output is None:
        say("the network was not saved: --output model.json would")
