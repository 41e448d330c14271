"""The demo: one training in compiled code and in plain Python, and how the two compare."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn import reference
from fastnn._common.extras import require
from fastnn.datasets import load_digits
from fastnn.datasets.split import Xy
from fastnn.history import History
from fastnn.network import Network
from fastnn.plot import plot_history

__all__ = ["Comparison", "run_demo"]

SIZES = [64, 30, 10]
BATCH_SIZE = 10
LEARNING_RATE = 0.5
SEED = 1


@dataclass(frozen=True)
class Comparison:
    """What the demo found.

    Attributes
    ----------
    accuracy : float
        Fraction of the test digits that the compiled network reads right.
    seconds, reference_seconds : float
        Of training, for the compiled network and for the reference.
    difference : float
        The largest between a weight or bias of one and the same of the other.
    history : History
        Of a training of the compiled network, as it was drawn.
    """

    accuracy: float
    seconds: float
    reference_seconds: float
    difference: float
    history: History


def run_demo(
    plot: str | os.PathLike[str], *, epochs: int = 30, say: Callable[[str], object] = print
) -> Comparison:
    """Train on scikit-learn's digits, then again by the reference, with the same random numbers.

    Both networks start from the same weights and see the same mini-batches.

    Parameters
    ----------
    plot : path
        Where to draw the curves: a .png, .pdf or .svg file.
    epochs : int, default 30
    say : callable, default print
        Gets each line of text.

    Returns
    -------
    Comparison

    Raises
    ------
    ImportError
        If scikit-learn, which has the digits, or matplotlib is not installed.
    ValueError
        If ``plot`` has another ending.
    """
    require("matplotlib", extra="plot")
    split = load_digits(dtype="float64")
    say(
        f"handwritten digits of 8 x 8 pixels: {len(split.train[0])} to train on, "
        f"{len(split.test[0])} to test with"
    )
    history = Network(SIZES, rng=SEED).fit(
        *split.train,
        epochs=epochs,
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATE,
        validation_data=split.validation,
    )
    plot_history(history, plot)
    say(f"wrote the curves to {os.fspath(plot)}")
    fast = Network(SIZES, rng=SEED)
    seconds = _time_training(fast, split.train, epochs)
    accuracy = fast.accuracy(split.test) / len(split.test[0])
    say(f"fastnn: {epochs} epochs of {fast!r} in {seconds:.3f} s")
    say(f"test accuracy {accuracy:.1%}")
    slow = reference.Network(SIZES, rng=SEED)
    reference_seconds = _time_training(slow, split.train, epochs)
    say(f"the reference, the same in plain Python an example at a time: {reference_seconds:.2f} s")
    difference = float(np.abs(fast.parameters - slow.parameters).max())
    say(f"fastnn is {reference_seconds / seconds:.0f} times faster")
    say(f"largest difference between their weights: {difference:.1e}")
    return Comparison(accuracy, seconds, reference_seconds, difference, history)


def _time_training(network: Any, rows: Xy, epochs: int) -> float:
    """Train with nothing measured on the way, and return the seconds."""
    started = time.perf_counter()
    network.SGD(rows, epochs, BATCH_SIZE, LEARNING_RATE)
    return time.perf_counter() - started
