"""What is measured after each epoch, of the training and of the validation data."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from fastnn._common.checks import brief
from fastnn._core.judge import Measure
from fastnn._data.rows import Rows
from fastnn._training.evaluation import Judgement, Metric
from fastnn._training.trainable import Judged

__all__ = ["METRICS", "check_metrics", "measures_of_fit"]

# Those that go by a name.
METRICS: dict[str, Measure] = {
    "accuracy": Measure.ACCURACY,
    "mean_squared_error": Measure.MEAN_SQUARED_ERROR,
    "mean_absolute_error": Measure.MEAN_ABSOLUTE_ERROR,
    "r2": Measure.R2,
}


def check_metrics(metrics: Iterable[str | Metric]) -> dict[str, Metric | Measure]:
    """Return the metrics by name; a callable ``f(outputs, targets)`` goes by its own.

    Raises
    ------
    TypeError, ValueError
        For an unknown name or something that cannot be called.
    """
    named: dict[str, Metric | Measure] = {}
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
        measures["validation_cost"] = Judgement(model, validation, Measure.MEAN_COST)
        if validation.are_classes:
            measures["validation_accuracy"] = Judgement(model, validation, Measure.ACCURACY)
    for prefix, part in (("training", rows), ("validation", validation)):
        if part is not None:
            for name, metric in named.items():
                measures[f"{prefix}_{name}"] = _measure(model, part, metric)
    return measures


def _measure(model: Judged, rows: Rows, metric: Metric | Measure) -> Callable[[], float]:
    if isinstance(metric, Measure):
        return Judgement(model, rows, metric)

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
