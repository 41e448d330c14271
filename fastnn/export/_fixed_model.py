"""A whole model in fixed point, and what that costs on sample rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn._common.checks import brief, check_choice
from fastnn.export._fixed import KINDS, FixedMember, fixed_member, outputs_of_fixed
from fastnn.export._folded import folded
from fastnn.export._graph import Graph
from fastnn.export._numpy import numpy_source, run_source
from fastnn.export._samples import as_given

__all__ = ["FixedModel", "fixed_model"]


@dataclass(frozen=True)
class FixedModel:
    """Networks in fixed point.

    Attributes
    ----------
    kind : {"int16", "int8"}
        Of the weights.
    members : list of FixedMember
    error : float
        The largest difference that it makes to a result of a sample row.
    changed : float or None
        The share of sample rows with another class; None where there are none.
    tests : arrays (n, n_in) and (n, n_results)
        Rows, and what comes out of fixed point for them.
    """

    kind: str
    members: list[FixedMember]
    error: float
    changed: float | None
    tests: tuple[np.ndarray, np.ndarray]


def fixed_model(graph: Graph, kind: Any, sample: Any, rows: np.ndarray) -> FixedModel:
    """Return a model in fixed point, with units by what sample rows bring about.

    Parameters
    ----------
    graph : Graph
    kind : {"int16", "int8"}
    sample : rows, as the model takes them
    rows : array (n, n_in)
        Rows to test with, of ``sample_rows``.

    Raises
    ------
    TypeError, ValueError
        If there are no sample rows, or they are not the model's; if it has a layer or group norm.
    """
    check_choice(kind, "fixed", KINDS)
    if sample is None:
        raise ValueError(f"sample: expected rows to choose the units of {brief(kind)} by, got None")
    module = run_source(numpy_source(graph, np.dtype(np.float64)))
    functions = {
        layer.activation: getattr(module, f"_{layer.activation}")
        for member in graph.members
        for layer in member.layers
    }
    X = module._rows(sample)
    members = [fixed_member(folded(member), X, kind, functions) for member in graph.members]

    def results(given: np.ndarray) -> np.ndarray:
        found = np.sum([outputs_of_fixed(member, given, functions) for member in members], axis=0)
        return _results(graph, found / len(members))

    exact, found = _results(graph, module._outputs(sample)), results(X)
    changed = None
    if graph.kind != "regressor" and (graph.classes or graph.kind == "multilabel"):
        changed = float((_decided(graph, exact) != _decided(graph, found)).any(axis=1).mean())
    error = float(np.abs(found - exact).max())
    tests = rows, results(module._rows(as_given(graph, rows)))
    return FixedModel(kind, members, error, changed, tests)


def _results(graph: Graph, outputs: np.ndarray) -> np.ndarray:
    return np.concatenate([1 - outputs, outputs], axis=1) if graph.complements else outputs


def _decided(graph: Graph, results: np.ndarray) -> np.ndarray:
    """Return the class of each row (n, 1), or of each of its labels (n, n_outputs)."""
    if graph.kind == "multilabel" or results.shape[1] == 1:
        return results > 0.5
    return results.argmax(axis=1)[:, np.newaxis]
