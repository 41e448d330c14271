"""What a scorer of scikit-learn says of an estimator in training, by rows set aside.

The scorer only knows of the classes that these rows have, the estimator of all: where a class is
absent, a metric of probabilities is told of all classes, or, where it has no value for an absent
one, is the mean over those that are there.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from inspect import Parameter, signature
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, check_scoring, get_scorer, roc_auc_score


def scorer_of(
    estimator: Any, metric: Any, X: Any, y: np.ndarray, weights: np.ndarray | None
) -> Callable[[Any], float]:
    """Return what gives the score of an estimator on these rows.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        With its classes.
    metric : str or callable
        A scorer's name, or a scorer ``f(estimator, X, y)``, which gets the weights only if it takes
        ``sample_weight``.
    X, y : checked rows and their targets as given
    weights : array (n,), optional

    Raises
    ------
    ValueError
        If the name is none of scikit-learn's, or the callable a metric and no scorer.
    """
    try:
        scorer = get_scorer(metric) if isinstance(metric, str) else check_scoring(estimator, metric)
    except ValueError as error:
        raise ValueError(f"stopping_metric: {error}") from None
    told = {} if weights is None or not _takes_weights(scorer) else {"sample_weight": weights}
    ours = _is_of_sklearn(scorer)
    if ours and hasattr(estimator, "classes_"):
        scorer = _for_classes_there(scorer, estimator.classes_, y)

    def score(judged: Any) -> float:
        try:
            return float(scorer(judged, X, y, **told))
        except ValueError as error:
            if not ours:
                raise
            raise ValueError(
                f"stopping_metric: {metric!r} cannot judge the validation rows: {error}"
            ) from error

    return score


def _is_of_sklearn(scorer: Any) -> bool:
    """Whether the scorer is made of a metric of scikit-learn's."""
    module = getattr(getattr(scorer, "_score_func", None), "__module__", None) or ""
    return module.startswith("sklearn.metrics.")


def _takes_weights(scorer: Any) -> bool:
    """Whether a scorer, or the metric that it is made of, takes ``sample_weight``."""
    metric = getattr(scorer, "_score_func", None)
    try:
        parameters = signature(metric or scorer).parameters
    except (TypeError, ValueError):  # of some callables nothing is known
        return True
    takes_any = any(each.kind is Parameter.VAR_KEYWORD for each in parameters.values())
    return "sample_weight" in parameters or (metric is None and takes_any)


def _for_classes_there(scorer: Any, classes: Any, y: np.ndarray) -> Any:
    """Return the scorer, or a copy that knows how to judge rows that lack a class."""
    metric, told = scorer._score_func, scorer._kwargs
    if y.ndim == 2:
        # A label that all rows have, or none has, has no ROC curve: the others make the mean.
        varies = y.min(axis=0) != y.max(axis=0)
        averages = told.get("average", "macro") in ("macro", "weighted")
        if metric is roc_auc_score and averages and varies.any() and not varies.all():
            return _with(scorer, partial(_of_labels, metric, varies), told)
        return scorer
    there = np.isin(classes, y)
    if there.all() or scorer._response_method == "predict":
        return scorer
    against_rest = told.get("multi_class") == "ovr" or metric is average_precision_score
    if against_rest and len(classes) > 2:
        left = {name: told[name] for name in told.keys() - {"multi_class", "labels"}}
        return _with(scorer, partial(_against_rest, metric, classes[there], there), left)
    if "labels" in signature(metric).parameters:
        return _with(scorer, metric, {"labels": classes} | told)
    return scorer


def _with(scorer: Any, metric: Callable[..., Any], told: dict[str, Any]) -> Any:
    """Return a copy of a scorer with another metric and other keywords for it."""
    other = copy.copy(scorer)
    other._score_func, other._kwargs = metric, told
    return other


def _of_labels(
    metric: Callable[..., float], varies: np.ndarray, y: Any, outputs: Any, **told: Any
) -> float:
    """Return a multilabel metric over some of the labels."""
    return metric(y[:, varies], outputs[:, varies], **told)


def _against_rest(
    metric: Callable[..., float], classes: Any, there: np.ndarray, y: Any, outputs: Any, **told: Any
) -> float:
    """Return the mean over ``classes``, those that are there, of a metric of each and the rest."""
    one_hot = (y[:, np.newaxis] == classes).astype(int)
    return metric(one_hot, outputs[:, there], **told)
