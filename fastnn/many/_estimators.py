"""Jobs that train scikit-learn's estimators, ours or others'."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from fastnn._common.checks import brief
from fastnn._common.extras import require
from fastnn._core.threads import work_of_batch
from fastnn.many._data import Data
from fastnn.many._learner import Outcome
from fastnn.many._scoring import Scoring
from fastnn.many._settings import Setting, of_setting

__all__ = ["EstimatorLearner"]

# What a search gives itself.
GIVEN = ("random_state", "n_threads")


class EstimatorLearner:
    """Trains copies of an estimator, one a job.

    Parameters
    ----------
    data : Data
    settings : sequence of mappings
        Parameters for ``set_params``.
    estimator : estimator
    """

    # Perceptrons, scikit-learn's and ours, only warn of it, and go on from a part of a training.
    ends_at_ctrl_c = False

    def __init__(self, data: Data, settings: Sequence[Setting], estimator: Any) -> None:
        self.data, self._settings, self._estimator = data, settings, estimator

    def check(self) -> None:
        """Raise unless the estimator takes all settings.

        Raises
        ------
        TypeError, ValueError
            Naming the setting and the parameter.
        """
        base = require("sklearn.base", extra="sklearn")
        if not all(
            callable(getattr(self._estimator, name, None)) for name in ("fit", "get_params")
        ):
            raise TypeError(f"estimator: expected an estimator, got {brief(self._estimator)}")
        known = base.clone(self._estimator).get_params()
        for i, setting in enumerate(self._settings):
            for key in setting:
                if key not in known or key.rpartition("__")[2] in GIVEN:
                    raise ValueError(
                        f"settings[{i}]: {brief(key)}: expected a parameter of "
                        f"{type(self._estimator).__name__} but {' and '.join(GIVEN)}"
                    )
            try:
                model = self._model(i, 0)
                if hasattr(model, "_parameter_constraints"):
                    model._validate_params()
            except (TypeError, ValueError) as error:
                raise of_setting(i, error) from error

    @property
    def classifies(self) -> bool:
        """Whether it is a classifier."""
        base = require("sklearn.base", extra="sklearn")
        return bool(base.is_classifier(self._estimator))

    def _model(self, setting: int, seed: int) -> Any:
        """Return an untrained copy; all that is in it, such as a pipeline's steps, has the seed."""
        clone = require("sklearn.base", extra="sklearn").clone
        model = clone(self._estimator).set_params(**self._settings[setting])
        own = dict(zip(GIVEN, (seed, 1), strict=True))
        names = {name: name.rpartition("__")[2] for name in model.get_params()}
        return model.set_params(**{name: own[last] for name, last in names.items() if last in own})

    def run(self, setting: int, seed: int, fold: int, scoring: Scoring) -> Outcome:
        """Train an estimator and judge it."""
        model = self._model(setting, seed)
        model.fit(*self.data.given(fold))
        judged = self.data.given(fold, "test")
        return Outcome(
            training_cost=_number(model, "loss_", math.nan),
            score=scoring.compute(model, *judged),
            epochs=int(_number(model, "n_iter_", 0)),
            model=model,
        )

    def keep(self, setting: int, model: Any) -> Any:
        """Return the estimator of a job as its owner's."""
        return model

    def drop(self, setting: int, model: Any) -> None:
        """Let go an estimator that nobody keeps."""

    def work_of(self, setting: int, fold: int) -> float:
        """Return about how many operations a training takes, for a network of such sizes."""
        told = self._model(setting, 0).get_params()
        order = self.data.order(fold, "train")
        rows = self.data.n if order is None else len(order)
        hidden = np.atleast_1d(told.get("hidden_layer_sizes", 100))
        sizes = [self.data.n_inputs, *map(int, hidden), 1]
        n_parameters = sum(a * b for a, b in pairwise(sizes))
        return float(told.get("max_iter", 100)) * work_of_batch(rows, n_parameters)


def _number(model: Any, name: str, missing: float) -> float:
    try:
        return float(getattr(model, name))
    except (AttributeError, TypeError, ValueError):
        return missing
