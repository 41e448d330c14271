"""What is measured after each epoch, of the training and of the validation data."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from fastnn._common.checks import brief
from fastnn._data.rows import Rows, classes_of
from fastnn._training.evaluation import count_correct, mean_cost
from fastnn._training.trainable import Judged
from fastnn.regularizers import Regularizer

__all__ = ["METRICS", "check_metrics", "measures_of_fit"]

Metric = Callable[[np.ndarray, np.ndarray], float]


def _squares(a: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return (a − y)² in float64, in which that of any float32 is a number."""
    return np.square(np.subtract(a, y, dtype=np.float64))


METRICS: dict[str, Metric] = {
    "accuracy": lambda a, y: np.count_nonzero(classes_of(a) == classes_of(y)) / len(y),
    "mean_squared_error": lambda a, y: float(np.mean(_squares(a, y))),
    "mean_absolute_error": lambda a, y: float(np.mean(np.abs(np.subtract(a, y, dtype=np.float64)))),
    "r2": lambda a, y: float(
        1 - np.sum(_squares(a, y)) / np.sum(_squares(y, y.mean(axis=0, dtype=np.float64)))
    ),
}


def check_metrics(metrics: Iterable[str | Metric]) -> dict[str, Metric]:
    """Return the metrics by name; a callable ``f(outputs, targets)`` goes by its own.

    Raises
    ------
    TypeError, ValueError
        For an unknown name or something that cannot be called.
    """
    named: dict[str, Metric] = {}
    for metric in _listed(metrics):
        if isinstance(metric, str):
            if metric not in METRICS:
                raise ValueError(f"metrics: expected {', '.join(METRICS)}, got {brief(metric)}")
            name, function = metric, METRICS[metric]
        elif callable(metric):
            name, function = getattr(metric, "__name__", type(metric).__name__), metric
        else:
            raise TypeError(f"metrics: expected a name or a callable, got {brief(metric)}")
        if named.get(name, function) is not function:
            raise ValueError(f"metrics: expected different names, got two called {brief(name)}")
        named[name] = function
    return named


def _listed(metrics: Any) -> list[Any]:
    if isinstance(metrics, str):
        return [metrics]
    try:
        return list(metrics)
    except TypeError:
        raise TypeError(
            f"metrics: expected a list of names and callables, got {brief(metrics)}"
        ) from None


def measures_of_fit(
    model: Judged, rows: Rows, validation: Rows | None, metrics: Iterable[str | Metric]
) -> dict[str, Callable[[], float]]:
    """Return what to record after each epoch, by its name in the history."""
    named = check_metrics(metrics)
    measures: dict[str, Callable[[], float]] = {}
    if validation is not None:
        judged, none = validation, Regularizer()
        measures["validation_cost"] = lambda: mean_cost(model, judged, none)
        if judged.are_classes:
            measures["validation_accuracy"] = lambda: count_correct(model, judged) / len(judged)
    for prefix, part in (("training", rows), ("validation", validation)):
        if part is not None:
            for name, metric in named.items():
                measures[f"{prefix}_{name}"] = _measure(model, part, metric)
    return measures


def _measure(model: Judged, rows: Rows, metric: Metric) -> Callable[[], float]:
    def measure() -> float:
        value = metric(model._engine.evaluation_outputs(model, rows.X), rows.Y)
        try:
            return float(value)
        except (TypeError, ValueError):
            name = getattr(metric, "__name__", type(metric).__name__)
            raise TypeError(
                f"metrics: expected {brief(name)} to return a number, got {brief(value)}"
            ) from None

    return measure
