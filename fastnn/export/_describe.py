"""From any model that can be exported to the description of what it computes."""

from __future__ import annotations

from typing import Any

from fastnn.export._graph import Graph

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
    describe = getattr(model, "_graph", None)
    if describe is None or isinstance(model, type):
        raise TypeError(f"model: expected {EXPECTED}, got {type(model).__name__}")
    graph: Graph = describe()
    return graph
