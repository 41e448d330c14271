"""What trains the jobs of a search, networks or estimators."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Protocol

from fastnn.many._data import Data
from fastnn.many._scoring import Scoring

__all__ = ["Learner", "Outcome"]


class Outcome(NamedTuple):
    """What became of a training; NaN where there is no such number."""

    training_cost: float = math.nan
    validation_cost: float = math.nan
    score: float = math.nan
    epochs: int = 0
    error: str = ""
    model: Any = None


class Learner(Protocol):
    """Trains one model of a setting, a seed and a fold, and judges it."""

    data: Data
    ends_at_ctrl_c: bool

    def run(self, setting: int, seed: int, fold: int, scoring: Scoring) -> Outcome: ...
    def work_of(self, setting: int, fold: int) -> float: ...
    def keep(self, setting: int, model: Any) -> Any: ...
    def drop(self, setting: int, model: Any) -> None: ...
