"""``fastnn train``: data in, network out."""

from __future__ import annotations

import argparse
import importlib.util
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn import costs, regularizers
from fastnn._common.extras import require
from fastnn.cli.examples import Examples, read_examples
from fastnn.cli.outputs import MODELS, PICTURES, check_outputs, hints, say, write_files
from fastnn.cli.rows import choose_part, count_classes, quality
from fastnn.cli.scaling import (
    Scaling,
    largest_of_pixels,
    scale_rows,
    scaling_of,
    scaling_of_pixels,
    unscaled,
)
from fastnn.datasets import Split
from fastnn.datasets.by_name import files_of
from fastnn.datasets.split import Xy
from fastnn.history import History
from fastnn.network import Network
from fastnn.plot import plot_history

COSTS = {
    "quadratic": costs.QuadraticCost,
    "cross-entropy": costs.CrossEntropyCost,
    "log-likelihood": costs.LogLikelihoodCost,
}


# What is not given. The outputs of a regression have no sigmoid that would hold long steps in, and
# with tanh, whose mean is 0, short ones get farther.
ACTIVATIONS = {"classification": "sigmoid", "regression": "tanh"}
RATES = {"classification": 0.5, "regression": 0.02}
SOME_ROWS = 1000  # on which the scaled and the unscaled network are compared


def run(arguments: argparse.Namespace) -> None:
    """Train, print and save as the arguments say; what cannot work is found before training."""
    files = {f"--{name}": getattr(arguments, name) for name in ("output", "plot", "history")}
    check_outputs(files, files_of(arguments.data), {"--output": MODELS, "--plot": PICTURES})
    _check_extras(arguments)
    examples = read_examples(arguments)
    split = examples.split
    _check_options(arguments, examples.task)
    for line in examples.said:
        say(line)
    network = _build(arguments, examples)
    validation = _validation(arguments, split)
    rows, sample = split.train, split.train[0][:0]
    scaling = scaling_for(arguments, examples)
    if scaling is not None:
        sample = rows[0][:SOME_ROWS].copy()
        rows = scale_rows(rows, scaling, in_place=True)
        validation = validation and scale_rows(validation, scaling)
    history = _fit(network, rows, validation, arguments, examples.task)
    if scaling is not None:
        network = unscaled_network(network, scaling, sample)
    epochs = f"{len(history)} epoch{'s' * (len(history) > 1)}"
    say(f"trained {epochs} in {sum(history['seconds']):.2f} s")
    if len(split.test[0]):
        say(f"test {quality(network, split.test)}")
    _save(network, history, arguments)


def _check_extras(arguments: argparse.Namespace) -> None:
    if arguments.plot:
        require("matplotlib", extra="plot")
    if arguments.progress == "bar":
        require("tqdm", extra="progress")


def _check_options(arguments: argparse.Namespace, task: str) -> None:
    """Raise for options that a regression does not take: its output is linear."""
    if task != "regression":
        return
    for option, value, wanted in (
        ("--cost", arguments.cost, "quadratic"),
        ("--output-activation", arguments.output_activation, "identity"),
    ):
        if value not in (None, wanted):
            raise ValueError(
                f"{option} {value}: a regression takes {wanted}; or say --task classification"
            )


def _validation(arguments: argparse.Namespace, split: Split) -> Xy | None:
    """Return the rows to measure after each epoch, or None."""
    if isinstance(arguments.validation, str) and arguments.validation in ("test", "none"):
        named = arguments.validation
        return None if named == "none" else choose_part(split, "test", arguments.data)
    return split.validation if len(split.validation[0]) else None


def scaling_for(arguments: argparse.Namespace, examples: Examples) -> Scaling | None:
    """Return how inputs and targets are to be scaled, and say it; None if they are not."""
    X, y = examples.split.train
    regression, asked = examples.task == "regression", arguments.standardize
    largest = 1.0 if examples.are_pixels else None if regression else largest_of_pixels(X)
    if asked is False or (asked is None and largest == 1):
        said = "--no-standardize" if asked is False else "pixels from 0 to 1"
        say(f"scaling: none ({said})")
        return None
    if asked is None and largest is not None:
        say("scaling: pixels from 0 to 255 to 0 to 1, saved within the weights")
        return scaling_of_pixels(X.shape[1])
    scaling = scaling_of(X, y, None if examples.info is None else examples.info.features)
    constant = int(np.count_nonzero(~scaling.used))
    left_out = f", {constant} constant ones left out" * (constant > 0)
    what = "features and target" if regression else "features"
    say(
        f"scaling: {what} to mean 0 and standard deviation 1 in the training rows{left_out}; saved "
        "within the weights (--no-standardize: none)"
    )
    return scaling


def unscaled_network(network: Network, scaling: Scaling, sample: np.ndarray) -> Network:
    """Return the network for rows as they are in the data, and say if it had to be float64."""
    found = unscaled(network, scaling, sample)
    if found is not network:
        say("note: float32 is too coarse for features of this size; the network is now float64")
    return found


def _build(arguments: argparse.Namespace, examples: Examples) -> Network:
    split, info = examples.split, examples.info
    seed = arguments.seed
    if seed is None:
        seed = int(np.random.SeedSequence().generate_state(1)[0])
    n_in, names = split.train[0].shape[1], arguments.activation or [ACTIVATIONS[examples.task]]
    cost, output = arguments.cost or "cross-entropy", arguments.output_activation
    n_out = count_outputs(examples, arguments.data)
    if examples.task == "regression":
        cost, output = "quadratic", "identity"
    network = Network(
        [n_in, *arguments.hidden, n_out],
        COSTS[cost],
        activation=names[0] if len(names) == 1 else names,
        output=output,
        initializer=arguments.initializer,
        dtype=arguments.dtype,
        rng=seed,
    )
    network.table = info
    hidden = ", ".join(dict.fromkeys(network.activation)) or "no hidden layer"
    say(
        f"{'-'.join(map(str, network.sizes))} ({network.n_parameters} parameters), {hidden}, "
        f"output {network.output}, {cost}, {network.dtype}, seed {seed}"
    )
    counts = [f"{len(X)} {name}" for name, (X, _) in zip(Split._fields, split, strict=True)]
    say(f"{arguments.data}: {', '.join(counts)} rows")
    return network


def count_outputs(examples: Examples, data: str) -> int:
    """Return how many outputs a network needs: one a class, and one for a regression."""
    if examples.info is None:
        return count_classes(examples.split, data)
    return len(examples.info.classes) or 1


def _fit(
    network: Network, rows: Xy, validation: Xy | None, arguments: argparse.Namespace, task: str
) -> History:
    bar = arguments.progress == "bar" or (arguments.progress == "auto" and bar_is_possible())
    lines = arguments.progress in ("auto", "lines") and not bar
    callbacks: list[Callable[..., None]] = []
    if lines:
        spread = 0.0
        if task == "regression" and validation is not None:
            spread = float(np.var(validation[1]))
        callbacks.append(lambda _, history: say(_line(history[-1], arguments.epochs, spread)))
    rate = RATES[task] if arguments.learning_rate is None else arguments.learning_rate
    try:
        with warnings.catch_warnings(), hints():
            warnings.filterwarnings("error", message="the training diverged")
            return network.fit(
                *rows,
                epochs=arguments.epochs,
                batch_size=arguments.batch_size,
                learning_rate=rate,
                regularizer=regularizers.L1L2(l1=arguments.l1, l2=arguments.l2),
                validation_data=validation,
                callbacks=callbacks,
                progress=bar,
            )
    except RuntimeWarning:
        raise ValueError(
            f"the weights grew beyond all numbers: expected a smaller --learning-rate than {rate:g}"
        ) from None
    except KeyboardInterrupt:
        raise KeyboardInterrupt("before the training was finished; nothing was saved") from None


def bar_is_possible() -> bool:
    """Whether standard error is a terminal and tqdm is installed."""
    terminal = sys.stderr is not None and sys.stderr.isatty()
    return terminal and importlib.util.find_spec("tqdm") is not None


def _line(row: dict[str, Any], epochs: int, spread: float) -> str:
    """Return what is said of an epoch; ``spread`` is the variance of a regression's targets."""
    parts = [f"epoch {row['epoch']:{len(str(epochs))}}/{epochs}: cost {row['training_cost']:.4f}"]
    if "validation_cost" in row:
        parts.append(f"validation cost {row['validation_cost']:.4f}")
    if spread > 0:  # the quadratic cost is half the mean square
        parts.append(f"R² {1 - 2 * row['validation_cost'] / spread:.4f}")
    elif "validation_accuracy" in row:
        parts.append(f"accuracy {row['validation_accuracy']:.2%}")
    return ", ".join([*parts, f"{row['seconds']:.3f} s"])


def _save(network: Network, history: History, arguments: argparse.Namespace) -> None:
    """Write the files that were asked for, the one that took the work first."""
    write_files(
        (arguments.output, network.save),
        (arguments.history, history.to_csv),
        (arguments.plot, lambda path: plot_history(history, path)),
    )
