"""How right a network is: its right answers and its cost on some rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from fastnn._core.judge import Measure
from fastnn._data.rows import Rows, classes_of
from fastnn._training.trainable import Judged
from fastnn.regularizers import Regularizer

__all__ = ["Judgement", "Metric", "count_correct", "mean_cost", "metric_of", "squares_about_mean"]

Metric = Callable[[np.ndarray, np.ndarray], float]


def count_correct(network: Judged, rows: Rows) -> int:
    """Return for how many rows the network's class is the target's."""
    outputs = network._engine.evaluation_outputs(network, rows.X)
    return _count_equal(outputs, rows.Y)


def _count_equal(a: np.ndarray, y: np.ndarray) -> int:
    """Return in how many rows outputs and targets, (n, n_out) both, are of the same class."""
    return int(np.count_nonzero(classes_of(a) == classes_of(y)))


def mean_cost(network: Judged, rows: Rows, regularizer: Regularizer) -> float:
    """Return the mean cost over ``rows`` plus the penalty on the weights for that many rows."""
    mean = network._engine.mean_cost(network, rows)
    if not (regularizer.l1 or regularizer.l2):
        return mean  # without making views of the weights, which takes as long as a few rows
    return mean + regularizer.penalty(network.weights, len(rows))


def _squares(a: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return (a − y)² in float64, in which that of any float32 is a number."""
    return np.square(np.subtract(a, y, dtype=np.float64))


def _sum(x: np.ndarray) -> float:
    """Return what ``np.sum`` does, which takes as long as some networks' predictions."""
    return float(np.add.reduce(x, axis=None))


def squares_about_mean(Y: np.ndarray) -> float:
    """Return the sum of the squares of targets (n, n_out) from their means."""
    return _sum(_squares(Y, np.add.reduce(Y, axis=0, dtype=np.float64) / len(Y)))


_METRICS: dict[Measure, Metric] = {
    Measure.ACCURACY: lambda a, y: _count_equal(a, y) / len(y),
    Measure.MEAN_SQUARED_ERROR: lambda a, y: float(np.mean(_squares(a, y))),
    Measure.MEAN_ABSOLUTE_ERROR: lambda a, y: float(
        np.mean(np.abs(np.subtract(a, y, dtype=np.float64)))
    ),
    Measure.R2: lambda a, y: float(1 - np.float64(_sum(_squares(a, y))) / squares_about_mean(y)),
}


def metric_of(measure: Measure) -> Metric:
    """Return the function of outputs and targets, (n, n_out) both, that a measure computes."""
    return _METRICS[measure]


@dataclass(frozen=True)
class Judgement:
    """What a network's answers to some rows are judged by: called, it returns the number.

    The compiled core computes the same, where it takes a training whole.

    Attributes
    ----------
    network : Judged
    rows : Rows
    measure : Measure
    regularizer : Regularizer
        Whose penalty on the weights, for so many rows, a mean cost has added.
    """

    network: Judged
    rows: Rows
    measure: Measure
    regularizer: Regularizer = field(default_factory=Regularizer)

    def __call__(self) -> float:
        network, rows = self.network, self.rows
        if self.measure == Measure.MEAN_COST:
            return mean_cost(network, rows, self.regularizer)
        if self.measure == Measure.N_CORRECT:
            return count_correct(network, rows)
        outputs = network._engine.evaluation_outputs(network, rows.X)
        return metric_of(self.measure)(outputs, rows.Y)
