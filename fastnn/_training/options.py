"""How to train: what ``fit`` and ``SGD`` were told, once it is checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastnn.history import History
from fastnn.optimizers import SGD, Optimizer
from fastnn.regularizers import Regularizer
from fastnn.stopping import EarlyStopping

__all__ = ["SCHEDULED", "Callback", "Measures", "Options"]

# Called after each epoch with the network and what was recorded; a true answer stops.
Callback = Callable[[Any, History], object]
# Called after each epoch; the number goes into the history under the measure's name.
Measures = Mapping[str, Callable[[], float]]
SCHEDULED = ("learning_rate", "dropout", "decay")


@dataclass(frozen=True)
class Options:
    """How to train: what ``fit`` and ``SGD`` were told, already checked."""

    epochs: int
    batch_size: int
    learning_rate: float
    regularizer: Regularizer
    optimizer: Optimizer = field(default_factory=SGD)
    schedules: Mapping[str, Any] = field(default_factory=dict)
    stopping: EarlyStopping | None = None
    shuffle: bool = True
    # Whether each epoch shuffles the rows as they came, which an interrupted training can repeat,
    # and not the order of the epoch before, as the book does.
    fresh_order: bool = False
    with_cost: bool = True
    time_limit: float | None = None
    n_threads: int | None = None
    progress: bool = False
