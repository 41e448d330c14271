"""What the book's networks do: SGD with its monitors, one step, the gradient of one example."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import numpy as np

from fastnn import costs
from fastnn._common.checks import check_callbacks, check_flag, check_number, check_whole
from fastnn._core.atomic import alone
from fastnn._core.epoch_options import Epoch
from fastnn._core.judge import Measure
from fastnn._core.threads import training
from fastnn._data.rows import Rows, as_example
from fastnn._training.evaluation import Judgement, count_correct
from fastnn._training.loop import BUSY, train
from fastnn._training.options import Callback, Options
from fastnn._training.trainable import Judged, Trainable
from fastnn.history import BookLists, History
from fastnn.optimizers import SGD
from fastnn.regularizers import L2, Regularizer

__all__ = ["gradient_of_checked", "sgd", "take_step"]


class Taught(Trainable, Protocol):
    """A network that learns from what a program of the book's has."""

    sizes: list[int]

    def _rows(self, data: Any, name: str) -> Rows: ...


def sgd(
    network: Taught,
    training_data: Any,
    evaluation_data: Any,
    monitors: Mapping[str, Any],
    *,
    epochs: int,
    mini_batch_size: int,
    eta: float,
    lmbda: float,
    early_stopping_n: int,
    shuffle: bool,
    callbacks: Iterable[Callback],
    progress: bool,
) -> BookLists:
    """Check the arguments of ``SGD``, train, and return the book's lists.

    Parameters
    ----------
    monitors : mapping of str to bool
        Whether to record the cost or the accuracy of the training or the evaluation data, such as
        "training_cost".
    """
    rows = network._rows(training_data, "training_data")
    options = Options(
        epochs=check_whole(epochs, "epochs", 0),
        batch_size=check_whole(mini_batch_size, "mini_batch_size", 1),
        learning_rate=check_number(eta, "eta"),
        regularizer=L2(check_number(lmbda, "lmbda")),
        shuffle=check_flag(shuffle, "shuffle"),
        with_cost=False,
        progress=check_flag(progress, "progress"),
    )
    patience = check_whole(early_stopping_n, "early_stopping_n", 0)
    wanted = [name for name, asked in monitors.items() if check_flag(asked, f"monitor_{name}")]
    sets = {"training": rows}
    if evaluation_data is not None:
        sets["evaluation"] = network._rows(evaluation_data, "evaluation_data")
    elif patience or any(name.startswith("evaluation") for name in wanted):
        raise ValueError(
            "evaluation_data: expected data, since it is monitored or stopped by; got None"
        )
    measures = {
        name: _measure(network, sets[name.partition("_")[0]], name, options.regularizer)
        for name in wanted
    }
    stop = [_NoImprovement(sets["evaluation"], patience)] if patience else []
    network.check_batch_size(min(options.batch_size, len(rows)))
    listening: list[Callback] = [*check_callbacks(callbacks), *stop]
    told = network, rows, options, measures, listening
    return training().call_alone(network, BUSY, train, *told).book_lists()


def take_step(network: Trainable, rows: Rows, eta: Any, lmbda: Any, n: Any) -> None:
    """Take one step of gradient descent on a mini-batch.

    Raises
    ------
    RuntimeError
        If another thread is training this network, before anything is changed.
    """
    network.check_batch_size(len(rows))
    state = network.training_state
    epoch = Epoch(
        batch_size=len(rows),
        optimizer=SGD(),
        penalty=L2(check_number(lmbda, "lmbda")),
        n=len(rows) if n is None else check_whole(n, "n", 1),
        rates=np.array([check_number(eta, "eta")]),
        slots=np.empty((0, 0), dtype=network.dtype),
        seed=network.dropout_seed(),
        counter=state.counter,
        masks=state.masks,
    )
    alone(network, BUSY, _step_once, network, rows, epoch)


def _step_once(network: Trainable, rows: Rows, epoch: Epoch) -> None:
    network.meet_data(rows.X)
    network._engine.epoch(network, rows, np.arange(len(rows), dtype=np.intp), epoch)


def gradient_of_checked(network: Taught, x: Any, y: Any) -> np.ndarray:
    """Return the gradient of an example that the short way does not take, or refuse it."""
    n_in, n_out = network.sizes[0], network.sizes[-1]
    rows = as_example(x, y, n_in, n_out, network._dtype, network._input_scale)
    costs.check_targets(network.cost, rows.Y, "y")
    network.check_batch_size(1)
    engine = network._engine
    gradient = engine.gradient_of_example(network, rows.inputs, rows.Y)
    return engine.cost_and_gradient(network, rows)[1] if gradient is None else gradient


def _measure(network: Judged, rows: Rows, name: str, regularizer: Regularizer) -> Any:
    """Return what measures the cost or the right answers of ``network`` on ``rows``."""
    if name.endswith("_cost"):
        return Judgement(network, rows, Measure.MEAN_COST, regularizer)
    return Judgement(network, rows, Measure.N_CORRECT)


class _NoImprovement:
    """Stops when the evaluation accuracy has not risen for ``patience`` epochs."""

    def __init__(self, rows: Rows, patience: int) -> None:
        self.rows, self.patience = rows, patience
        self.best, self.waited = -1, 0

    def __call__(self, network: Judged, history: History) -> bool:
        known = history[-1].get("evaluation_accuracy")
        accuracy = count_correct(network, self.rows) if known is None else known
        self.waited = 0 if accuracy > self.best else self.waited + 1
        self.best = max(self.best, accuracy)
        return self.waited >= self.patience
