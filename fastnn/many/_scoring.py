"""By what number jobs are compared, and whether a large one is good."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn._common.checks import brief
from fastnn._common.extras import require
from fastnn._monitor.direction import larger_is_better
from fastnn._training.evaluation import metric_of
from fastnn._training.metrics import METRICS

__all__ = ["Scoring", "scoring_of_estimators", "scoring_of_networks"]


@dataclass(frozen=True)
class Scoring:
    """What is computed of rows to judge by.

    Attributes
    ----------
    name : str
    function : callable or None
        Of outputs and targets, or of an estimator, X and y. None: the metric of that name, which
        is found again in another process.
    larger : bool
        Whether large values are good.
    """

    name: str
    function: Callable[..., float] | None
    larger: bool

    def compute(self, *judged: Any) -> float:
        """Return the score of outputs and targets, or of an estimator, X and y.

        Raises
        ------
        TypeError
            If what a user's own function returns is no number.
        """
        value = (self.function or metric_of(METRICS[self.name]))(*judged)
        try:
            return float(value)
        except (TypeError, ValueError):
            raise TypeError(
                f"scoring: expected {brief(self.name)} to return a number, got {brief(value)}"
            ) from None

    def is_better(self, a: float, b: float) -> bool:
        """Whether ``a`` is a number and better than ``b``, or ``b`` is none."""
        if np.isnan(a) or np.isnan(b):
            return bool(np.isnan(b) and not np.isnan(a))
        return a > b if self.larger else a < b


def scoring_of_networks(scoring: Any, are_classes: bool) -> Scoring:
    """Return what ``scoring`` means for networks.

    Parameters
    ----------
    scoring : None, str or callable
        None: "accuracy" for classes, else "r2".
    are_classes : bool

    Raises
    ------
    TypeError, ValueError
        For an unknown name or something that cannot be called.
    """
    if scoring is None:
        scoring = "accuracy" if are_classes else "r2"
    if isinstance(scoring, str):
        if scoring not in METRICS:
            raise ValueError(f"scoring: expected one of {', '.join(METRICS)}, got {brief(scoring)}")
        return Scoring(scoring, None, larger_is_better(scoring))
    if not callable(scoring):
        raise TypeError(f"scoring: expected a name or f(outputs, targets), got {brief(scoring)}")
    name = _name_of(scoring)
    return Scoring(name, scoring, _larger(name))


def scoring_of_estimators(scoring: Any, estimator: Any) -> Scoring:
    """Return what ``scoring`` means for estimators: scikit-learn's scorers, or their ``score``.

    Raises
    ------
    TypeError, ValueError
        For an unknown name, or an estimator without ``score`` if there is none.
    """
    if scoring is None:
        if not callable(getattr(estimator, "score", None)):
            raise TypeError(f"scoring: expected one, since {brief(estimator)} has no score")
        return Scoring("score", _own_score, True)
    if isinstance(scoring, str):
        try:
            scorer = require("sklearn.metrics", extra="sklearn").get_scorer(scoring)
        except ValueError as error:
            raise ValueError(f"scoring: {error}") from None
        return Scoring(scoring, scorer, True)
    if not callable(scoring):
        raise TypeError(f"scoring: expected a name or f(estimator, X, y), got {brief(scoring)}")
    return Scoring(_name_of(scoring), scoring, True)


def _own_score(estimator: Any, X: Any, y: Any) -> float:
    return float(estimator.score(X, y))


def _name_of(function: Any) -> str:
    return getattr(function, "__name__", type(function).__name__)


def _larger(name: str) -> bool:
    try:
        return larger_is_better(name)
    except ValueError:  # its name does not say
        return True
