"""A search, one job of it, and what became of the job."""

from __future__ import annotations

import math
import time
from typing import Any, NamedTuple

import numpy as np

from fastnn.many._learner import Learner, Outcome
from fastnn.many._scoring import Scoring

__all__ = ["Done", "Job", "Search"]


class Job(NamedTuple):
    """One training.

    Attributes
    ----------
    row : int
        Of the result.
    setting, seed : int
    fold : int
        -1 without folds.
    """

    row: int
    setting: int
    seed: int
    fold: int


class Done(NamedTuple):
    """What became of a job.

    Attributes
    ----------
    row : int
    training_cost, validation_cost, score : float
        NaN where there is none.
    epochs : int
    seconds : float
    error : str
        "" for none.
    model : Network, estimator or None
        If it is kept.
    """

    row: int
    training_cost: float
    validation_cost: float
    score: float
    epochs: int
    seconds: float
    error: str
    model: Any = None


class Search:
    """What all jobs share.

    Parameters
    ----------
    learner : Learner
        Which holds data and settings.
    scoring : Scoring
    keep : {"none", "best", "all"}
        Which models are kept.
    """

    def __init__(self, learner: Learner, scoring: Scoring, keep: str) -> None:
        self._learner, self._scoring, self.keep = learner, scoring, keep

    def run(self, job: Job) -> Done:
        """Train and judge one model by this thread; what fails is told in ``error``.

        Raises
        ------
        KeyboardInterrupt
            And nothing else.
        """
        started = time.perf_counter()
        try:
            with np.errstate(all="ignore"):
                found = self._learner.run(job.setting, job.seed, job.fold, self._scoring)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a row that says so, whatever it is
            found = Outcome(error=_said(error))
        return Done(
            job.row,
            found.training_cost,
            found.validation_cost,
            found.score,
            found.epochs,
            time.perf_counter() - started,
            found.error,
            None if self.keep == "none" or found.error else found.model,
        )

    def work_of(self, job: Job) -> float:
        """Return about how many operations a job takes."""
        return self._learner.work_of(job.setting, job.fold)

    def is_better(self, a: Done, b: Done) -> bool:
        """Whether ``a`` scored better than ``b``; of equal ones the first row is the better."""
        if a.score == b.score or (math.isnan(a.score) and math.isnan(b.score)):
            return a.row < b.row
        return self._scoring.is_better(a.score, b.score)


def _said(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
