"""How right a network is: its right answers and its cost on some rows."""

from __future__ import annotations

import numpy as np

from fastnn._data.rows import Rows, classes_of
from fastnn._training.trainable import Judged
from fastnn.regularizers import Regularizer


def count_correct(network: Judged, rows: Rows) -> int:
    """Return for how many rows the network's class is the target's."""
    outputs = network._engine.evaluation_outputs(network, rows.X)
    return int(np.count_nonzero(classes_of(outputs) == classes_of(rows.Y)))


def mean_cost(network: Judged, rows: Rows, regularizer: Regularizer) -> float:
    """Return the mean cost over ``rows`` plus the penalty on the weights for that many rows."""
    mean = network._engine.mean_cost(network, rows)
    if not (regularizer.l1 or regularizer.l2):
        return mean  # without making views of the weights, which takes as long as a few rows
    return mean + regularizer.penalty(network.weights, len(rows))
