"""What a fitted estimator or ensemble computes, for ``fastnn.export``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from fastnn._common.checks import brief
from fastnn.export._graph import Graph, Preparation
from fastnn.export._networks import member_of, untouched
from fastnn.export._preparing import Preparing
from fastnn.network import Network
from fastnn.sklearn._categories import Categories
from fastnn.sklearn._network import training_told

__all__ = ["graph_of_ensemble", "graph_of_estimator"]


def graph_of_estimator(estimator: Any, network: Network) -> Graph:
    """Return what a fitted estimator computes by a network with its coefficients.

    Raises
    ------
    ValueError
        If a number is not finite, or it is a classifier of a single class.
    TypeError
        If labels are neither texts nor numbers.
    """
    kind, classes = _kind(estimator)
    names = getattr(estimator, "feature_names_in_", None)
    return Graph(
        preparation=_preparation(estimator),
        members=(member_of(network),),
        kind=kind,
        classes=classes,
        features=None if names is None else tuple(map(str, names)),
        dtype=np.dtype(network.dtype),
        training={**estimator.network_.training_summary, **training_told(estimator)},
    )


def graph_of_ensemble(members: Sequence[Graph]) -> Graph:
    """Return what the ensemble of some estimators computes, which are all prepared alike."""
    every = tuple(member for graph in members for member in graph.members)
    alike = set.intersection(*({*graph.training.items()} for graph in members))
    told = {name: value for name, value in members[0].training.items() if (name, value) in alike}
    return replace(members[0], members=every, training={"n_estimators": len(every), **told})


def _kind(estimator: Any) -> tuple[str, tuple[Any, ...]]:
    if not is_classifier(estimator):
        return "regressor", ()
    if estimator._label_binarizer.y_type_ not in ("binary", "multiclass"):
        return "multilabel", ()
    classes = tuple(np.asarray(estimator.classes_).tolist())
    if len(classes) < 2:
        raise ValueError("model: expected a classifier of two classes or more, got one")
    kinds = {type(label) for label in classes}
    if kinds != {str} and not kinds <= {int, float, bool}:
        raise TypeError(f"model: expected labels all texts or all numbers, got {brief(classes)}")
    if kinds != {str} and max(map(abs, classes)) > 2**53:
        raise ValueError(f"model: expected labels that are exact as float64, got {brief(classes)}")
    return "classifier", classes


def _preparation(estimator: Any) -> Preparation:
    """Return what a preset does to the inputs."""
    prepared = getattr(estimator, "_preparation", None)
    if prepared is None:
        return untouched(estimator.n_features_in_)
    preparing = Preparing(estimator.n_features_in_)
    columns = np.arange(preparing.n_in)
    if estimator._categories is not None:
        columns = _spread(preparing, estimator._categories)
    clipper = prepared._clipper
    return preparing.done(preparing.add("bend", columns, clipper.center, clipper.scale))


def _spread(preparing: Preparing, categories: Categories) -> np.ndarray:
    """Add what ``Categories.numbered`` and ``spread`` do."""
    parts = [categories._others]
    chosen, known = categories._chosen.tolist(), categories._encoder.categories_
    for column, count, values in zip(chosen, categories.counts, known, strict=True):
        numbers = preparing.numbers(column, values[:count])  # a missing one is the last
        if count == 2:
            parts.append(preparing.add("lookup", [column], numbers, [-1.0, 1.0], 0.0))
        else:
            parts.append(preparing.add("equals", [column] * count, numbers, 0.0))
    return np.concatenate(parts)
