"""Several networks on the same data, trained side by side in threads, and averaged."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.utils import Tags, check_random_state, column_or_1d
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from fastnn.sklearn._base import BaseMLP
from fastnn.sklearn._classifier import MLPClassifier
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

    def _fit(self, X: Any, y: Any, sample_weight: Any) -> Any:
        self._validate_params()
        X, y = validate_data(
            self, X, y, accept_sparse="csr", multi_output=True, order="C",
            y_numeric=self._kind is MLPRegressor, dtype=(np.float64, np.float32),
        )  # fmt: skip
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
        members = self._members()
        n_threads = members[0].n_threads
        n_jobs = min(effective_n_jobs(self.n_jobs), len(members))
        if n_jobs > 1:  # a processor each: the threads of a member would want those of the others
            for member in members:
                member.n_threads = 1
        self.estimators_ = _in_threads(
            n_jobs, (delayed(_train)(member, X, y, sample_weight) for member in members)
        )
        for member in members:
            member.n_threads = n_threads
        self.n_outputs_ = members[0].n_outputs_
        return self

    def _members(self) -> list[Any]:
        """Return the networks to train, each with a seed of its own."""
        random_state = check_random_state(self.random_state)
        seeds = random_state.randint(np.iinfo(np.int32).max, size=self.n_estimators)
        model = self._kind() if self.estimator is None else self.estimator
        return [clone(model).set_params(random_state=int(seed)) for seed in seeds]

    def _mean_outputs(self, X: Any) -> np.ndarray:
        """Return the members' outputs (n, n_outputs), averaged."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", order="C", reset=False)
        members = self.estimators_
        n_jobs = min(effective_n_jobs(self.n_jobs), len(members))
        found = _in_threads(n_jobs, (delayed(_ask)(member, X) for member in members))
        # One after the other, so that the sum does not depend on who was ready first.
        total = found[0].copy()
        for outputs in found[1:]:
            total += outputs
        total /= len(found)
        return total

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _in_threads(n_jobs: int, calls: Any) -> list[Any]:
    """Return the calls' results in order; memory is shared, whatever joblib's backend is."""
    return Parallel(n_jobs=n_jobs, require="sharedmem")(calls)


def _train(member: Any, X: Any, y: Any, sample_weight: Any) -> Any:
    with config_context(assume_finite=True):  # the ensemble has looked
        return member.fit(X, y, sample_weight)


def _ask(member: Any, X: Any) -> np.ndarray:
    with config_context(assume_finite=True):
        return member._outputs(X)


class MLPEnsembleClassifier(ClassifierMixin, BaseEnsemble):
    """Several ``MLPClassifier`` of different seeds on the same data; probabilities are averaged.

    The members see all rows, each in an order of its own and from first weights of its own (for
    other rows each, there is scikit-learn's ``BaggingClassifier``). They are trained in threads:
    the data are checked once and never copied for a member.

    Parameters
    ----------
    estimator : MLPClassifier, optional
        Of which the members are copies, with all its arguments but ``random_state``; by default
        ``MLPClassifier()``. A search reaches them as ``estimator__alpha`` and the like. Each
        ``fit`` trains new members, ``warm_start`` or not.
    n_estimators : int, default 5
    n_jobs : int, optional
        Members trained, or asked, at a time: as everywhere in scikit-learn, ``None`` is one unless
        ``joblib.parallel_config`` says otherwise, and -1 as many as there are processors. With
        more than one each member takes one thread, whatever its ``n_threads`` says. The numbers do
        not depend on it.
    random_state : int, RandomState or None, default None
        Where the members' seeds come from.

    Attributes
    ----------
    estimators_ : list of MLPClassifier
        The trained members.
    classes_ : array (n_classes,), or list of arrays
    n_features_in_, n_outputs_ : int
    feature_names_in_ : array of str
        Of a training table whose column names are all strings.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from fastnn.sklearn import MLPClassifier, MLPEnsembleClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier(hidden_layer_sizes=20, solver="lbfgs")
    >>> ensemble = MLPEnsembleClassifier(model, n_estimators=3, n_jobs=2, random_state=0)
    >>> ensemble.fit(X, y).predict(X[:2]).tolist()
    [0, 0]
    """

    _kind = MLPClassifier
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseEnsemble._parameter_constraints,
        "estimator": [MLPClassifier, None],
    }

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPEnsembleClassifier:
        """Train all members.

        Parameters
        ----------
        X : array-like or sparse matrix (n, n_features)
        y : array-like (n,) of labels, or (n, n_labels) of 0 and 1
        sample_weight : array-like (n,), optional
            Weights of the rows.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            For bad arguments or data, or if a weight becomes infinite or NaN.
        """
        self._fit(X, y, sample_weight)
        self.classes_ = self.estimators_[0].classes_
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the labels (n,), or 0 and 1 (n, n_labels), that are most probable on average."""
        outputs = self._mean_outputs(X)
        return self.estimators_[0]._labels(outputs)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the mean of the members' probabilities (n, n_classes), as ``classes_`` go."""
        outputs = self._mean_outputs(X)
        return self.estimators_[0]._probabilities(outputs)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithms of ``predict_proba``."""
        return np.log(self.predict_proba(X))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class MLPEnsembleRegressor(RegressorMixin, BaseEnsemble):
    """Several ``MLPRegressor`` of different seeds on the same data; predictions are averaged.

    Parameters
    ----------
    estimator : MLPRegressor, optional
        Of which the members are copies; by default ``MLPRegressor()``. As for
        ``MLPEnsembleClassifier``.
    n_estimators : int, default 5
    n_jobs : int, optional
        Members trained, or asked, at a time; as for ``MLPEnsembleClassifier``.
    random_state : int, RandomState or None, default None
        Where the members' seeds come from.

    Attributes
    ----------
    estimators_ : list of MLPRegressor
        The trained members.
    n_features_in_, n_outputs_ : int
    feature_names_in_ : array of str
        Of a training table whose column names are all strings.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from fastnn.sklearn import MLPEnsembleRegressor, MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = MLPRegressor(hidden_layer_sizes=5, solver="lbfgs", max_iter=1000)
    >>> MLPEnsembleRegressor(model, n_estimators=3, random_state=0).fit(X, y).predict(X).shape
    (442,)
    """

    _kind = MLPRegressor
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseEnsemble._parameter_constraints,
        "estimator": [MLPRegressor, None],
    }

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPEnsembleRegressor:
        """Train all members.

        Parameters
        ----------
        X : array-like or sparse matrix (n, n_features)
        y : array-like (n,) or (n, n_outputs)
        sample_weight : array-like (n,), optional
            Weights of the rows.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            For bad arguments or data, or if a weight becomes infinite or NaN.
        """
        return self._fit(X, y, sample_weight)

    def predict(self, X: Any) -> np.ndarray:
        """Return the mean of the members' outputs, (n,) or (n, n_outputs)."""
        outputs = self._mean_outputs(X)
        return self.estimators_[0]._targets_as_given(outputs)
