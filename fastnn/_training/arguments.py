"""What ``fit`` was asked for, checked and put into the forms that the epoch loop takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from fastnn import optimizers, regularizers, schedules
from fastnn._common.checks import (
    MOST_THREADS,
    as_array,
    brief,
    check_finite,
    check_flag,
    check_number,
    check_whole,
    physical_memory,
)
from fastnn._data.rows import Rows, classes_of
from fastnn._monitor.best_epoch import check_recorded
from fastnn._training.options import SCHEDULED, Options
from fastnn._training.trainable import Trainable
from fastnn.optimizers import LBFGS
from fastnn.schedules import HalveOnPlateau
from fastnn.stopping import EarlyStopping

# What every epoch's row of the history has, before the measures that were asked for.
ALWAYS_RECORDED = ("epoch", "learning_rate", "seconds", "training_cost")


def smoothed(rows: Rows, share: Any) -> Rows:
    """Return the rows with targets y (1 − share) + share / n_out (Szegedy et al., 2016).

    Raises
    ------
    TypeError, ValueError
        If ``share`` is not a number from 0 to 1.
    """
    amount = check_number(share, "label_smoothing")
    if amount > 1:
        raise ValueError(f"label_smoothing: expected a number up to 1, got {share}")
    if amount == 0:
        return rows
    n_out = rows.Y.shape[1]
    # A single output stands for two classes.
    return replace(rows, Y=rows.Y * (1 - amount) + amount / max(2, n_out))


def weighted(rows: Rows, sample_weight: Any, class_weight: Any) -> Rows:
    """Return the rows with their weights, of mean 1.

    Parameters
    ----------
    rows : Rows
    sample_weight : array-like (n,), optional
        0 or more, not all 0.
    class_weight : mapping from label to number, "balanced" or None
        Times the weight of every row of that class; "balanced" gives n / (classes · rows of the
        class), and a class not in the mapping has 1.

    Raises
    ------
    TypeError, ValueError
        Naming the argument.
    """
    if sample_weight is None and class_weight is None:
        return rows
    weights = np.ones(len(rows))
    if sample_weight is not None:
        weights = as_array(sample_weight, "sample_weight").astype(np.float64)
        if weights.shape != (len(rows),):
            raise ValueError(f"sample_weight: expected shape ({len(rows)},), got {weights.shape}")
        check_finite(weights, "sample_weight")
    if class_weight is not None:
        weights = weights * _of_classes(class_weight, rows)
    if weights.min() < 0 or weights.sum() == 0:
        name = "class_weight" if sample_weight is None else "sample_weight"
        raise ValueError(f"{name}: expected weights of 0 or more, not all 0, got {weights.min()}")
    return replace(rows, weights=(weights / weights.mean()).astype(rows.Y.dtype))


def _of_classes(class_weight: Any, rows: Rows) -> np.ndarray:
    if not rows.are_classes:
        raise ValueError("class_weight: expected targets that are classes")
    labels = classes_of(rows.Y)
    counts = np.bincount(labels, minlength=max(2, rows.Y.shape[1]))
    if isinstance(class_weight, str) and class_weight == "balanced":
        present = np.count_nonzero(counts)
        return (len(labels) / (present * np.maximum(counts, 1)))[labels]
    if not isinstance(class_weight, Mapping):
        raise TypeError(
            f"class_weight: expected a mapping from label to number or 'balanced', "
            f"got {brief(class_weight)}"
        )
    each = np.ones(len(counts))
    for label, weight in class_weight.items():
        if check_whole(label, "class_weight", 0) >= len(counts):
            raise ValueError(
                f"class_weight: expected labels from 0 to {len(counts) - 1}, got {label}"
            )
        each[label] = check_number(weight, f"class_weight[{label}]")
    return each[labels]


def check_schedules(schedule: Any) -> dict[str, Any]:
    """Return a mapping from what is scheduled to its schedule.

    A schedule alone is the learning rate's.

    Raises
    ------
    TypeError, ValueError
        If it is no callable, or a name is none of "learning_rate", "dropout" and "decay".
    """
    if schedule is None:
        return {}
    named = dict(schedule) if isinstance(schedule, Mapping) else {"learning_rate": schedule}
    for name, each in named.items():
        if name not in SCHEDULED:
            raise ValueError(f"schedule: expected {', '.join(SCHEDULED)}, got {name!r}")
        plateau = isinstance(each, HalveOnPlateau)
        if plateau and name != "learning_rate":
            raise ValueError(f"schedule: HalveOnPlateau is for the learning rate, not {name}")
        schedules.get(each)
    return named


def check_stopping(stopping: Any) -> EarlyStopping | None:
    """Return ``stopping`` if it is None or an ``EarlyStopping``; a number is its patience.

    Raises
    ------
    TypeError
        For anything else.
    """
    if stopping is None or isinstance(stopping, EarlyStopping):
        return stopping
    if isinstance(stopping, (int, np.integer)) and not isinstance(stopping, bool):
        return EarlyStopping(patience=check_whole(stopping, "stopping", 1))
    raise TypeError(f"stopping: expected None or an EarlyStopping, got {brief(stopping)}")


def check_monitors(options: Options, measures: Iterable[str]) -> None:
    """Raise for a rule that goes by a column which the history will not have.

    Raises
    ------
    ValueError
        Naming the columns that it will have.
    """
    columns = [*ALWAYS_RECORDED, *measures]
    for rule in (options.stopping, options.schedules.get("learning_rate")):
        if isinstance(rule, (EarlyStopping, HalveOnPlateau)):
            check_recorded(rule.monitor, columns)


def options_of_fit(
    model: Trainable,
    rows: Rows,
    *,
    epochs: Any,
    batch_size: Any,
    optimizer: Any,
    learning_rate: Any,
    regularizer: Any,
    schedule: Any,
    stopping: Any,
    shuffle: Any,
    time_limit: Any,
    n_threads: Any,
    progress: Any,
) -> Options:
    """Return the options that ``fit``'s keywords mean for these training rows.

    Raises
    ------
    TypeError, ValueError
        Naming the argument.
    """
    chosen = optimizers.get(optimizer)
    size = check_whole(batch_size, "batch_size", 1)
    options = Options(
        epochs=check_whole(epochs, "epochs", 0),
        batch_size=len(rows) if isinstance(chosen, LBFGS) else size,
        learning_rate=chosen.default_learning_rate
        if learning_rate is None
        else check_number(learning_rate, "learning_rate"),
        regularizer=regularizers.get(regularizer),
        optimizer=chosen,
        schedules=check_schedules(schedule),
        stopping=check_stopping(stopping),
        shuffle=check_flag(shuffle, "shuffle"),
        fresh_order=True,
        time_limit=None
        if time_limit is None
        else check_number(time_limit, "time_limit", positive=True),
        n_threads=None
        if n_threads is None
        else check_whole(n_threads, "n_threads", 1, MOST_THREADS),
        progress=check_flag(progress, "progress"),
    )
    _check_batches(model, rows, options)
    return options


def _check_batches(model: Trainable, rows: Rows, options: Options) -> None:
    size = min(options.batch_size, len(rows))
    if options.optimizer.full_batch and size < len(rows):
        raise ValueError(
            f"batch_size: {type(options.optimizer).__name__} needs the whole data, "
            f"{len(rows)} rows, got {options.batch_size}"
        )
    model.check_batch_size(size)
    needed = options.optimizer.n_slots * model.n_parameters * model.dtype.itemsize
    if isinstance(options.optimizer, LBFGS) and needed > physical_memory():
        raise ValueError(
            f"memory: expected fewer steps to remember, got {options.optimizer.memory}, which "
            f"need {needed / 1e9:.3g} GB for {model.n_parameters} parameters"
        )
    if isinstance(options.optimizer, LBFGS) and any(each.rate for each in model.dropout):
        raise ValueError("optimizer: L-BFGS needs a network without dropout")
