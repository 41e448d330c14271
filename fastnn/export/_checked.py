"""Whether a description computes what its model does: asked before anything is written."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.export._graph import Graph, Stage
from fastnn.export._numpy import numpy_source, run_source
from fastnn.export._samples import as_given, sample_rows

__all__ = ["check_narrow", "results_of", "tested"]

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


def check_narrow(graph: Graph, rows: np.ndarray, results: np.ndarray) -> None:
    """Raise unless float32 will do for a model.

    Parameters
    ----------
    graph : Graph
    rows, results : arrays (n, n_in) and (n, n_results)
        As ``tested`` returns them.

    Raises
    ------
    ValueError
        If a column is too far from 0 for its spread, or layers give something else.
    """
    most = TOLERANCES[np.dtype(np.float32)]
    for stage in graph.preparation.stages:
        lost = _lost(stage)
        if not (lost <= most).all():
            raise ValueError(
                "dtype: expected 'float64', since a column is too far from 0 for its spread: "
                f"rounded to float32 it is wrong by up to {lost.max():.1g} of that"
            )
    with np.errstate(over="ignore", invalid="ignore"):
        module = run_source(numpy_source(graph, np.dtype(np.float32)))
        found = results_of(module, graph, as_given(graph, rows))
    difference = float(np.abs(found - results).max())
    if not difference <= most * max(1.0, float(np.abs(results).max())):
        raise ValueError(
            f"dtype: expected 'float64', since in float32 predictions differ by {difference:g}"
        )


def _lost(stage: Stage) -> np.ndarray:
    """Return how much rounding x to float32 changes what a stage makes of it, if that is about 1.

    Of x ≈ −shift / factor the result is factor x + shift, and x is wrong by up to 2⁻²⁴ |x|.
    """
    a, b = stage.a, stage.b
    shifts = {"center": a / np.where(b == 0, 1, b), "scale": b, "bend": a * b}
    shift: np.ndarray = np.abs(shifts[stage.kind]) if stage.kind in shifts else np.zeros(1)
    return 2.0**-24 * shift


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
