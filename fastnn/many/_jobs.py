"""A search, one job of it, and what became of the job."""

from __future__ import annotations

import math
import time
from typing import Any, NamedTuple

import numpy as np

from fastnn.many._learner import Learner, Outcome
from fastnn.many._scoring import Scoring
from fastnn.many._shared import Shared

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

    Where it is pickled, the arrays go as ``shared`` says.

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
        self._best: Done | None = None  # of the jobs that were run here, without its model

    @property
    def shared(self) -> Shared:
        """The arrays."""
        return self._learner.data.shared

    @property
    def ends_at_ctrl_c(self) -> bool:
        """Whether a job ends, with ``KeyboardInterrupt``, at Ctrl-C in its thread."""
        return self._learner.ends_at_ctrl_c

    def __reduce__(self) -> tuple[Any, ...]:
        return Search, (self._learner, self._scoring, self.keep)

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
        cost, judged, score, epochs, error_text, model = found
        seconds = time.perf_counter() - started
        done = Done(job.row, cost, judged, score, epochs, seconds, error_text)
        if model is None:
            return done
        if self._keeps(done):
            return done._replace(model=self._learner.keep(job.setting, model))
        self._learner.drop(job.setting, model)
        return done

    def _keeps(self, done: Done) -> bool:
        """Whether a job's model may be one that is kept in the end."""
        if self.keep != "best" or (self._best is not None and self.is_better(self._best, done)):
            return self.keep == "all"
        self._best = done
        return True

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
