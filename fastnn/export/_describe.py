"""From any model that can be exported to the description of what it computes."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np

from fastnn.export._graph import Graph
from fastnn.export._pipeline import add_step
from fastnn.export._preparing import Preparing

__all__ = ["graph_of"]

EXPECTED = (
    "a fastnn.Network, a fitted estimator or ensemble of fastnn.sklearn, or a fitted scikit-learn "
    "Pipeline that ends in one"
)


def graph_of(model: Any) -> Graph:
    """Return what ``model`` computes, with copies of its numbers.

    Parameters
    ----------
    model : Network, estimator, ensemble or Pipeline
        Fitted, if it is to be.

    Raises
    ------
    TypeError
        If it is none of these, or a step of the pipeline cannot be exported.
    ValueError
        If one of its numbers is not finite, or it is not fitted.
    """
    if _is_pipeline(model):
        return _of_pipeline(model)
    describe = getattr(model, "_graph", None)
    if describe is None or isinstance(model, type):
        raise TypeError(f"model: expected {EXPECTED}, got {type(model).__name__}")
    graph: Graph = describe()
    return graph


def _is_pipeline(model: Any) -> bool:
    # Who has a pipeline has imported its class; who has not need not have scikit-learn.
    module = sys.modules.get("sklearn.pipeline")
    return module is not None and type(model) is module.Pipeline


def _of_pipeline(pipeline: Any) -> Graph:
    graph = graph_of(pipeline.steps[-1][1])
    preparing = Preparing(int(pipeline.n_features_in_))
    columns = np.arange(preparing.n_in)
    for _, step in pipeline.steps[:-1]:
        columns = add_step(preparing, columns, step)
    names = getattr(pipeline, "feature_names_in_", None)
    return replace(
        graph,
        preparation=preparing.done(preparing.append(columns, graph.preparation)),
        features=None if names is None else tuple(map(str, names)),
    )
