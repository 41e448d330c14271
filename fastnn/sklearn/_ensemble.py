"""Several networks on the same data, trained side by side in threads, and averaged."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import Tags
from sklearn.utils.metaestimators import available_if

from fastnn.sklearn._classifier import MLPClassifier
from fastnn.sklearn._ensemble_base import BaseEnsemble
from fastnn.sklearn._regressor import MLPRegressor


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
        How many members there are.
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

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, validation_data: Any = None
    ) -> MLPEnsembleClassifier:
        """Train all members.

        Parameters
        ----------
        X : array-like or sparse matrix (n, n_features)
        y : array-like (n,) of labels, or (n, n_labels) of 0 and 1
        sample_weight : array-like (n,), optional
            Weights of the rows.
        validation_data : (X, y) or (X, y, sample_weight), optional
            Rows to judge all members by, in the place of those that ``early_stopping`` of each sets
            aside; without it their score and loss are only recorded in the members' ``history_``.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            For bad arguments or data, or if a weight becomes infinite or NaN.
        """
        self._fit(X, y, sample_weight, validation_data)
        self.classes_ = self.estimators_[0].classes_
        return self

    @available_if(lambda self: self._model()._check_solver())
    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None
    ) -> MLPEnsembleClassifier:
        """Train all members one epoch on these rows, going on from where they stand.

        Parameters
        ----------
        X, y, sample_weight
            As for ``fit``.
        classes : array-like (n_classes,)
            All labels there will ever be; needed in the first call only.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            As ``fit``; and if ``n_estimators`` is another than before.
        """
        self._fit_part(X, y, sample_weight, classes)
        self.classes_ = self.estimators_[0].classes_
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the labels (n,), or 0 and 1 (n, n_labels), that are most probable on average.

        Parameters
        ----------
        X : array-like or sparse matrix (n, n_features)
            Rows, as ``fit`` took them.
        """
        outputs = self._mean_outputs(X)
        return self.estimators_[0]._labels(outputs)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the mean of the members' probabilities (n, n_classes), as ``classes_`` go.

        Parameters
        ----------
        X : array-like or sparse matrix (n, n_features)
            Rows, as ``fit`` took them.
        """
        outputs = self._mean_outputs(X)
        return self.estimators_[0]._probabilities(outputs)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithms of ``predict_proba``.

        Parameters
        ----------
        X : array-like or sparse matrix (n, n_features)
            Rows, as ``fit`` took them.
        """
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
        How many members there are.
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

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, validation_data: Any = None
    ) -> MLPEnsembleRegressor:
        """Train all members.

        Parameters
        ----------
        X : array-like or sparse matrix (n, n_features)
        y : array-like (n,) or (n, n_outputs)
        sample_weight : array-like (n,), optional
            Weights of the rows.
        validation_data : (X, y) or (X, y, sample_weight), optional
            Rows to judge all members by, in the place of those that ``early_stopping`` of each sets
            aside; without it their score and loss are only recorded in the members' ``history_``.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            For bad arguments or data, or if a weight becomes infinite or NaN.
        """
        return self._fit(X, y, sample_weight, validation_data)

    @available_if(lambda self: self._model()._check_solver())
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPEnsembleRegressor:
        """Train all members one epoch on these rows, going on from where they stand.

        Parameters
        ----------
        X, y, sample_weight
            As for ``fit``.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            As ``fit``; and if ``n_estimators`` is another than before.
        """
        return self._fit_part(X, y, sample_weight)

    def predict(self, X: Any) -> np.ndarray:
        """Return the mean of the members' outputs, (n,) or (n, n_outputs).

        Parameters
        ----------
        X : array-like or sparse matrix (n, n_features)
            Rows, as ``fit`` took them.
        """
        outputs = self._mean_outputs(X)
        return self.estimators_[0]._targets_as_given(outputs)
