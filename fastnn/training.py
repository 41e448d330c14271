"""The epoch loop: Python owns the epochs, the compiled core owns each one.

schedule → order → epoch → measure → record → stop?
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.data import Rows
from fastnn.history import History
from fastnn.progress import epoch_bar
from fastnn.regularizers import Regularizer

if TYPE_CHECKING:
    from fastnn.model import Model

__all__ = ["Callback", "Options", "train"]

# Called after each epoch with the network and what was recorded; a true answer stops.
Callback = Callable[[Any, History], object]
# Called after each epoch; the number goes into the history under the measure's name.
Measures = Mapping[str, Callable[[], float]]


@dataclass(frozen=True)
class Options:
    """How to train: what ``fit`` and ``SGD`` were told, already checked."""

    epochs: int
    batch_size: int
    learning_rate: float
    regularizer: Regularizer
    shuffle: bool = True
    with_cost: bool = True
    progress: bool = False


@dataclass(frozen=True)
class Step:
    """The numbers of one gradient step, from options and the size of the training set."""

    learning_rate: float
    decay: float
    l1: float

    @classmethod
    def of(cls, learning_rate: float, regularizer: Regularizer, n: int) -> Step:
        return cls(
            learning_rate,
            regularizer.decay(learning_rate, n),
            regularizer.shrinkage(learning_rate, n),
        )


def train(
    network: Model,
    rows: Rows,
    options: Options,
    measures: Measures,
    callbacks: Iterable[Callback] = (),
) -> History:
    """Train ``network`` in place on ``rows`` and return what was recorded.

    Parameters
    ----------
    network : Model
        Compiled or reference.
    rows : Rows
        The training set.
    options : Options
    measures : mapping of str to callable
        What to record after each epoch, in this order.
    callbacks : iterable of callables
        Called as ``callback(network, history)`` after each epoch; a true answer stops.

    Returns
    -------
    History
        With ``training_cost``, the epoch's mean cost with the penalty at its end, if
        ``options.with_cost``.
    """
    callbacks = tuple(callbacks)
    step = Step.of(options.learning_rate, options.regularizer, len(rows))
    order = np.arange(len(rows), dtype=np.intp)
    history = History()
    with epoch_bar(options.epochs, options.progress) as bar:
        for epoch in range(1, options.epochs + 1):
            started = time.perf_counter()
            if options.shuffle:
                network.random_source.shuffle(order)
            cost = network._train_epoch(rows, order, options.batch_size, step, options.with_cost)
            row: dict[str, Any] = {
                "epoch": epoch,
                "learning_rate": options.learning_rate,
                "seconds": time.perf_counter() - started,
            }
            if options.with_cost:
                penalty = options.regularizer.penalty(network.weights, len(rows))
                row["training_cost"] = cost / len(rows) + penalty
            row.update((name, measure()) for name, measure in measures.items())
            history.append(row)
            bar.update(row)
            # Every callback hears of the epoch, even if an earlier one stops.
            answers = [callback(network, history) for callback in callbacks]
            if any(answers):
                break
    return history
