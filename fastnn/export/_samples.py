"""Rows that a model may be given, made up from what its preparation says of each column."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn._common.extras import require
from fastnn.export._graph import Graph, Stage

__all__ = ["as_given", "sample_rows"]


def sample_rows(graph: Graph, n: int) -> np.ndarray:
    """Return ``n`` rows (n, n_in) of numbers, those of their categories for texts."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((n, graph.preparation.n_in)) / graph.members[0].input_scale
    rows = _narrow(rows)
    filled = dict(_filled(graph.preparation.stages, graph.preparation.n_in))
    settled = set()
    # Categories first: of a column that is scaled, too, they are all there is.
    for stage in sorted(graph.preparation.stages, key=lambda s: s.kind not in ("lookup", "equals")):
        for k, source in enumerate(stage.sources.tolist()):
            column = filled.get(source, source)
            if column < graph.preparation.n_in and column not in settled and stage.kind != "fill":
                rows[:, column] = _values(stage, k, rng, n)
                settled.add(column)
    for source, missing in _missing(graph, filled):
        rows[n // 2, source] = missing
    return rows


def _filled(stages: tuple[Stage, ...], n_in: int) -> list[tuple[int, int]]:
    """Return the columns of stages "fill", each with the input that it was."""
    found, width = [], n_in
    for stage in stages:
        if stage.kind == "fill":
            found += [(width + k, int(source)) for k, source in enumerate(stage.sources)]
        width += stage.width
    return [pair for pair in found if pair[1] < n_in]


def _missing(graph: Graph, filled: dict[int, int]) -> list[tuple[int, float]]:
    """Return inputs that may be missing, each with the mark of it; about every other one."""
    stages = [stage for stage in graph.preparation.stages if stage.kind == "fill"]
    pairs = [pair for s in stages for pair in zip(s.sources.tolist(), s.b.tolist(), strict=True)]
    alone = {*filled.values()}
    unfilled = {
        int(i)
        for each in (graph.preparation.columns, *(s.sources for s in graph.preparation.stages
                     if s.kind != "fill"))
        for i in each
    }  # fmt: skip
    return [(s, mark) for s, mark in pairs if s in alone and s not in unfilled][::2]


def _values(stage: Stage, k: int, rng: np.random.Generator, n: int) -> np.ndarray:
    """Return values of a column for which what a stage makes of it is of order 1."""
    z = rng.standard_normal(n)
    if stage.kind == "lookup":
        return rng.choice(stage.a, n)
    if stage.kind == "equals":
        return rng.choice(stage.a[stage.sources == stage.sources[k]], n)
    a, b = stage.a[k], stage.b[k]
    if stage.kind == "center":
        return _narrow(a + b * z)
    if stage.kind == "scale" and a != 0:
        return _narrow((z - b) / a)
    if stage.kind == "bend" and b != 0:
        return _narrow(a + z / b)
    return _narrow(z)


def _narrow(values: np.ndarray) -> np.ndarray:
    """Return numbers that are the same in float32, but for those beyond it."""
    with np.errstate(over="ignore"):
        narrow = np.asarray(values).astype(np.float32).astype(np.float64)
    return np.where(np.isfinite(narrow), narrow, values)


def as_given(graph: Graph, rows: np.ndarray) -> Any:
    """Return rows as a user gives them: with texts, and with the names of columns, if it has any.

    Parameters
    ----------
    graph : Graph
    rows : array (n, n_in)
        As ``sample_rows`` returns them.
    """
    columns: list[Any] = list(rows.T)
    for i, texts in graph.preparation.texts.items():
        values = [np.nan if code != code else texts[int(code)] for code in rows[:, i]]
        columns[i] = np.array(values, dtype=object)
    if graph.features is None or graph.kind == "network":
        return np.stack(columns, axis=1) if graph.preparation.texts else rows
    pandas = require("pandas", extra="pandas")  # estimators that know names want to see them
    table = pandas.DataFrame(dict(enumerate(columns)))
    table.columns = list(graph.features)
    return table
