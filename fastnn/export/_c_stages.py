"""The stages of a preparation in C: a loop over tables each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from fastnn.export._c_text import integers, literal, table
from fastnn.export._graph import Preparation, Stage

__all__ = ["PreparationInC", "preparation_in_c"]


@dataclass
class PreparationInC:
    """What a preparation becomes.

    Attributes
    ----------
    tables : list of str
        Definitions.
    lines : list of str
        Statements that read ``x`` and write ``v``, and ``u`` if there is one.
    made, gathered : int
        Numbers in ``v`` and in ``u``.
    inputs : str
        An expression for the inputs of the layers.
    checks : bool
        Whether a row may hold what was never seen, so that ``known`` becomes 0.
    n_numbers, n_integers : int
        In the tables.
    """

    stem: str
    real: str
    tables: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    made: int = 0
    gathered: int = 0
    inputs: str = "x"
    checks: bool = False
    n_numbers: int = 0
    n_integers: int = 0

    def numbers(self, values: np.ndarray, index: str = "i") -> str:
        """Return an expression for the number of index i: a table's, or the one that all are."""
        listed = values.tolist()
        if index and ((values == values[0]).all() or np.isnan(values).all()):
            return literal(listed[0], self.real)
        name = f"{self.stem}_t{len(self.tables)}"
        self.tables.append(table(name, values, self.real))
        self.n_numbers += len(listed)
        return f"{name}[{index}]" if index else name

    def source(self, array: str, columns: np.ndarray) -> str:
        """Return an expression for the column of index i of an array."""
        first = int(columns[0])
        if (columns == first).all():
            return f"{array}[{first}]"
        if np.array_equal(columns, np.arange(first, first + len(columns))):
            return f"{array}[i + {first}]" if first else f"{array}[i]"
        name = f"{self.stem}_t{len(self.tables)}"
        self.tables.append(integers(name, columns.tolist()))
        self.n_integers += len(columns)
        return f"{array}[{name}[i]]"


def preparation_in_c(preparation: Preparation, stem: str, real: str) -> PreparationInC:
    """Return tables and statements for a preparation; numbers are of type ``real``."""
    code = PreparationInC(stem, real)
    if preparation.is_plain:
        return code
    n_in = preparation.n_in
    for stage in preparation.stages:
        if stage.kind in ("lookup", "equals"):
            _check_apart(stage.a, real)
        if stage.kind == "lookup":
            _look_up(code, stage, n_in)
        else:
            for start, stop, array, columns in _runs(stage.sources, n_in):
                part = Stage(stage.kind, columns, stage.a[start:stop], stage.b[start:stop])
                _elementwise(code, part, array, code.made + start)
        code.made += stage.width
    _gather(code, preparation)
    return code


def _runs(sources: np.ndarray, n_in: int) -> Iterator[tuple[int, int, str, np.ndarray]]:
    """Yield the stretches of columns that are all given, in ``x``, or all made, in ``v``."""
    made = sources >= n_in
    ends = [*(np.flatnonzero(np.diff(made)) + 1).tolist(), len(sources)] if len(sources) else []
    start = 0
    for stop in ends:
        columns = sources[start:stop]
        array, first = ("v", n_in) if made[start] else ("x", 0)
        yield start, stop, array, columns - first
        start = stop


def _check_apart(categories: np.ndarray, real: str) -> None:
    """Raise if categories become the same in the type of numbers."""
    with np.errstate(over="ignore"):
        narrow = categories.astype(np.float32 if real == "float" else np.float64)
    if len(np.unique(narrow)) < len(np.unique(categories)):
        raise ValueError("dtype: expected 'float64', since some categories are equal in float32")


def _elementwise(code: PreparationInC, stage: Stage, array: str, to: int) -> None:
    """Add the loop of a stage, which writes from ``v[to]`` on."""
    a, b = code.numbers(stage.a), code.numbers(stage.b)
    x, v = code.source(array, stage.sources), f"v[i + {to}]" if to else "v[i]"
    root = "sqrtf" if code.real == "float" else "sqrt"
    lines = {
        "center": [f"{v} = ({x} - {a}) / {b};"],
        "scale": [f"{v} = {x} * {a} + {b};"],
        "clip": [f"t = {x};", f"{v} = t < {a} ? {a} : t > {b} ? {b} : t;"],
        "fill": [f"t = {x};", f"{v} = {_is('t', stage.b, b)} ? {a} : t;"],
        "equals": [f"t = {x};", f"{v} = {_is('t', stage.a, a)};"],
        "bend": [
            f"t = ({x} - {a}) * {b};",
            "t = t < -LARGE ? -LARGE : t > LARGE ? LARGE : t;",
            f"{v} = t / {root}(1 + t * t / 9);",
        ],
    }[stage.kind]
    large = literal(1e15 if code.real == "float" else 1e100, code.real)
    body = "\n".join(f"        {line}" for line in lines).replace("LARGE", large)
    code.lines.append(f"    for (i = 0; i < {stage.width}; i++) {{\n{body}\n    }}\n")


def _is(x: str, values: np.ndarray, expression: str) -> str:
    """Return whether ``x`` is a value, NaN as NaN."""
    missing = np.isnan(values)
    if missing.all():
        return f"({x} != {x})"
    same = f"{x} == {expression}"
    if missing.any():
        return f"({same} || ({x} != {x} && {expression} != {expression}))"
    return f"({same})"


def _look_up(code: PreparationInC, stage: Stage, n_in: int) -> None:
    column = int(stage.sources[0])
    x = f"v[{column - n_in}]" if column >= n_in else f"x[{column}]"
    keys, values = code.numbers(stage.a, ""), code.numbers(stage.b, "")
    found = _is("t", stage.a, f"{keys}[i]")
    n, to = len(stage.a), f"v[{code.made}]"
    otherwise = "NAN" if stage.default is None else literal(stage.default, code.real)
    unknown = "" if stage.default is not None else f"\n    known = known && i < {n};"
    code.checks = code.checks or stage.default is None
    code.lines.append(
        f"    t = {x};\n    for (i = 0; i < {n} && !{found}; i++)\n        ;\n"
        f"    {to} = i < {n} ? {values}[i] : {otherwise};{unknown}\n"
    )


def _gather(code: PreparationInC, preparation: Preparation) -> None:
    columns, n_in = preparation.columns, preparation.n_in
    runs = [*_runs(columns, n_in)]
    if len(runs) == 1:
        _, _, array, places = runs[0]
        if np.array_equal(places, np.arange(places[0], places[0] + len(places))):
            code.inputs = f"{array} + {int(places[0])}" if places[0] else array
            return
    for start, stop, array, places in runs:
        source, u = code.source(array, places), f"u[i + {start}]" if start else "u[i]"
        code.lines.append(f"    for (i = 0; i < {stop - start}; i++)\n        {u} = {source};\n")
    code.gathered, code.inputs = len(columns), "u"
