"""Whether a description computes what its model does: asked before anything is written."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.export._graph import Graph
from fastnn.export._numpy import numpy_source, run_source
from fastnn.export._samples import as_given, sample_rows

__all__ = ["results_of", "tested"]

ROWS = 8
TOLERANCES = {np.dtype(np.float64): 1e-8, np.dtype(np.float32): 1e-3}


def tested(model: Any, graph: Graph) -> tuple[np.ndarray, np.ndarray]:
    """Return some rows (n, n_in) and their results (n, n_results), in float64.

    The results are those of the NumPy module, and close to the model's own, for which its
    preparation, and rounding, may leave no other explanation than that both are the same function.

    Raises
    ------
    RuntimeError
        If the model has other results.
    """
    rows = sample_rows(graph, ROWS)
    given = as_given(graph, rows)
    module = run_source(numpy_source(graph, np.dtype(np.float64)))
    found, own = results_of(module, graph, given), results_of(model, graph, given)
    size = max(1.0, float(np.abs(own).max()))
    difference = float(np.abs(found - own).max())
    if not difference <= TOLERANCES[graph.dtype] * size:
        raise RuntimeError(
            f"model: what would be exported differs from its predictions by {difference:g}; "
            "nothing was written"
        )
    return rows, found


def results_of(model: Any, graph: Graph, X: Any) -> np.ndarray:
    """Return what a model, or the module written of it, gives: probabilities or outputs.

    Parameters
    ----------
    model : Network, estimator, Pipeline or module
    graph : Graph
    X : rows, as the model takes them

    Returns
    -------
    float64 array (n, n_results)
    """
    predict = model.predict_proba if graph.kind in ("classifier", "multilabel") else model.predict
    return np.asarray(predict(X), dtype=np.float64).reshape(-1, graph.n_results)
