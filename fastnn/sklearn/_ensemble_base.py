"""What ensembles of classifiers and of regressors share: members, threads, the mean."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from joblib import effective_n_jobs
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.utils import Tags, check_random_state, column_or_1d
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from fastnn._common.rng import sound_random_state
from fastnn._core.atomic import with_attributes
from fastnn.export._graph import Graph
from fastnn.many._threads import map_in_threads
from fastnn.sklearn import _presets
from fastnn.sklearn._base import BaseMLP, check_pair
from fastnn.sklearn._categories import mask_of
from fastnn.sklearn._exported import graph_of_ensemble
from fastnn.sklearn._regressor import MLPRegressor


class BaseEnsemble(BaseEstimator):
    """Base of ``MLPEnsembleClassifier`` and ``MLPEnsembleRegressor``."""

    _kind: ClassVar[type[BaseMLP]]
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_estimators": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any = None,
        n_estimators: int = 5,
        *,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _fit(self, X: Any, y: Any, sample_weight: Any, validation_data: Any) -> Any:
        """Train new members."""
        self._validate_params()
        members = self._members()
        members[0]._check_arguments(again=False)  # before one of them is looked into
        apart = mask_of(X, _presets.as_applied(members[0]).categorical_features) is not None
        X, y, sample_weight = self._checked(X, y, sample_weight, apart, reset=True)
        if validation_data is not None:
            check_pair(validation_data)
            rows = self._checked_inputs(validation_data[0], apart, reset=False)
            validation_data = (rows, *validation_data[1:])
        return self._train(members, "fit", apart, X, y, sample_weight, validation_data)

    def _fit_part(self, X: Any, y: Any, sample_weight: Any, *further: Any) -> Any:
        """Train all members, new if there are none, one epoch on these rows."""
        self._validate_params()
        first = not hasattr(self, "estimators_")
        members = self._members() if first else self.estimators_
        if len(members) != self.n_estimators:
            raise ValueError(
                f"n_estimators: partial_fit goes on with the {len(members)} members there are, got "
                f"{self.n_estimators}"
            )
        X, y, sample_weight = self._checked(X, y, sample_weight, apart=False, reset=first)
        return self._train(members, "partial_fit", False, X, y, sample_weight, *further)

    def _train(self, members: list[Any], method: str, apart: bool, *data: Any) -> Any:
        """Call a method of each member on the data, as many at a time as ``n_jobs`` says."""
        n_jobs = min(effective_n_jobs(self.n_jobs), len(members))
        # A processor each: the threads of a member would want those of the others.
        changes = {"n_threads": 1} if n_jobs > 1 else {}

        def train(member: BaseMLP) -> None:
            told = member, changes, getattr(member, method), *data
            _call(with_attributes, apart, *told)

        map_in_threads(train, members, n_jobs)
        self.estimators_ = members
        self.n_outputs_ = members[0].n_outputs_
        return self

    def _checked(
        self, X: Any, y: Any, sample_weight: Any, apart: bool, reset: bool
    ) -> tuple[Any, Any, Any]:
        """Return rows, targets and weights as members can share them; see ``_checked_inputs``."""
        if apart:
            return self._checked_inputs(X, apart, reset), y, sample_weight
        X, y = validate_data(
            self, X, y, accept_sparse="csr", multi_output=True, order="C",
            y_numeric=self._kind is MLPRegressor, dtype=(np.float64, np.float32), reset=reset,
        )  # fmt: skip
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
        return X, y, sample_weight

    def _checked_inputs(self, X: Any, apart: bool, reset: bool) -> Any:
        """Return checked rows; ``apart``, if each member is to check them and number categories."""
        if apart:
            validate_data(self, X, reset=reset, skip_check_array=True)
            return X
        return validate_data(self, X, accept_sparse="csr", order="C", reset=reset)

    def _model(self) -> Any:
        """Return the estimator of which the members are copies."""
        return self._kind() if self.estimator is None else self.estimator

    def _members(self) -> list[Any]:
        """Return the networks to train, each with a seed of its own."""
        random_state = sound_random_state(check_random_state(self.random_state))
        seeds = random_state.randint(np.iinfo(np.int32).max, size=self.n_estimators)
        model = self._model()
        return [clone(model).set_params(random_state=int(seed)) for seed in seeds]

    def _mean_outputs(self, X: Any) -> np.ndarray:
        """Return the members' outputs (n, n_outputs), averaged."""
        check_is_fitted(self)
        members = self.estimators_
        apart = members[0]._categories is not None
        X = self._checked_inputs(X, apart, reset=False)
        n_jobs = min(effective_n_jobs(self.n_jobs), len(members))
        found = map_in_threads(lambda one: _call(one._outputs, apart, X), members, n_jobs)
        # One after the other, so that the sum does not depend on who was ready first.
        total = found[0].copy()
        for outputs in found[1:]:
            total += outputs
        total /= len(found)
        return total

    def _graph(self) -> Graph:
        """Return what this ensemble computes, for ``fastnn.export``."""
        check_is_fitted(self)
        return graph_of_ensemble([member._graph() for member in self.estimators_])

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _call(method: Callable[..., Any], apart: bool, *data: Any) -> Any:
    with config_context(assume_finite=not apart):  # else the ensemble has looked
        return method(*data)
