"""The format ``.c``: C99 with a header, no allocation, nothing but math.h."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fastnn._common.checks import brief
from fastnn._common.version import version
from fastnn.export._c_fixed import fixed_layers_in_c
from fastnn.export._c_header import c_header, named_tables
from fastnn.export._c_networks import LayersInC, layers_in_c
from fastnn.export._c_stages import PreparationInC, preparation_in_c
from fastnn.export._c_text import comment, table
from fastnn.export._fixed_model import FixedModel
from fastnn.export._folded import Folded, folded
from fastnn.export._graph import Graph
from fastnn.export._metadata import metadata_of

__all__ = ["CSource", "c_source", "identifier"]

TOLERANCES = {"double": 1e-9, "float": 1e-3}


@dataclass(frozen=True)
class CSource:
    """A program in C.

    Attributes
    ----------
    source, header : str
    flash, ram : int
        Bytes of its tables of numbers, and of the arrays on the stack while it predicts.
    """

    source: str
    header: str
    flash: int
    ram: int


def identifier(path: Path) -> str:
    """Return the beginning of all names in a file: its own, with _ for what C's do not have.

    Raises
    ------
    ValueError
        If that is no name in C.
    """
    stem = path.stem
    if not re.fullmatch(r"[A-Za-z_][\w .+-]*", stem, re.ASCII):
        raise ValueError(
            "path: expected a file whose name begins with a letter, of letters, digits, _, -, . "
            f"and blanks, since names in C follow it; got {brief(path.name)}"
        )
    return re.sub(r"\W", "_", stem)


def c_source(
    graph: Graph,
    path: Path,
    dtype: np.dtype,
    tests: tuple[np.ndarray, np.ndarray],
    fixed: FixedModel | None = None,
) -> CSource:
    """Return the source and the header of what ``graph`` computes.

    Parameters
    ----------
    graph : Graph
    path : Path
        Of the source, after which its names begin.
    dtype : float64 or float32
        Of all numbers.
    tests : arrays (n, n_in) and (n, n_results)
        Inputs and what comes out, for the self-test.
    fixed : FixedModel, optional
        Its layers in fixed point, to be written instead of numbers.
    """
    stem, real = identifier(path), "float" if dtype == np.float32 else "double"
    members = [folded(member) for member in graph.members]
    preparation = preparation_in_c(graph.preparation, stem, real)
    if fixed is None:
        code = layers_in_c(members, stem, real, preparation.inputs)
    else:
        code = fixed_layers_in_c(fixed.members, fixed.kind, stem, real, preparation.inputs)
    flash = code.flash + dtype.itemsize * preparation.n_numbers + 4 * preparation.n_integers
    arrays = _arrays(graph, code, preparation)
    ram = code.integer_bytes + dtype.itemsize * sum(arrays.values())
    sizes = f"{flash} bytes of tables in flash, {ram} bytes of arrays on the stack"
    source = "".join(
        [
            comment(_about(graph, members, real, sizes, fixed)),
            "\n#include <math.h>\n" + "#include <stdint.h>\n" * (fixed is not None),
            f'\n#include "{path.stem}.h"\n\n',
            named_tables(graph, stem),
            *preparation.tables,
            *code.tables,
            *code.functions,
            _predict(graph, code, preparation, arrays, stem, real),
            _class_of(graph, stem, real),
            _self_test(graph, stem, real, tests),
        ]
    )
    return CSource(source, c_header(graph, stem, real, sizes), flash, ram)


def _about(
    graph: Graph, members: list[list[Folded]], real: str, sizes: str, fixed: FixedModel | None
) -> str:
    """Return what stands on top of the source."""
    first = members[0]
    layers = [f"{first[0].weights.shape[1]} inputs"]
    for layer in first:
        norm = "" if layer.norm is None else f", normalized in {layer.norm.groups} group(s)"
        layers.append(f"{len(layer.bias)} {layer.activation}{norm}")
    several = f" (the first of {len(members)}, whose outputs are averaged)" * (len(members) > 1)
    told = [f"{name}: {value}" for name, value in metadata_of(graph).items() if name != "fastnn"]
    return "\n".join(
        [
            f"A model in C99, written by fastnn {version()}, in {real}.",
            "",
            f"Layers{several}: {'; '.join(layers)}.",
            f"{sizes[0].upper()}{sizes[1:]}.",
            *([] if fixed is None else [_of_fixed(fixed)]),
            *told,
        ]
    )


def _of_fixed(fixed: FixedModel) -> str:
    changed = "" if fixed.changed is None else f", and {fixed.changed:.3%} of the classes"
    return (
        f"Layers in fixed point, with weights of {fixed.kind}. On the sample rows that changes "
        f"results by up to {fixed.error:.3g}{changed}."
    )


def _arrays(graph: Graph, code: LayersInC, preparation: PreparationInC) -> dict[str, int]:
    """Return the arrays of a prediction, with how many numbers each of them has."""
    mean = graph.n_outputs if len(graph.members) > 1 else 0
    sizes = {**code.arrays, "v": preparation.made, "u": preparation.gathered, "mean": mean}
    return {name: size for name, size in sizes.items() if size}


def _predict(
    graph: Graph, code: LayersInC, preparation: PreparationInC, arrays: dict[str, int], stem: str,
    real: str,
) -> str:  # fmt: skip
    checks = preparation.checks or bool(code.integers)
    outputs, layers = _mean(graph, code)
    text = "".join([*preparation.lines, layers, *_results(graph, outputs, checks)])
    listed = ", ".join(f"{name}[{size}]" for name, size in arrays.items())
    declared = [f"    {real} {listed};\n", code.integers]
    declared += [f"    {real} t;\n"] if re.search(r"\bt\b", text) else []
    declared += ["    int i;\n"] if re.search(r"\bi\b", text) else []
    declared += ["    int known = 1;\n"] if checks else []
    head = f"\nvoid {stem}_predict(const {real} *x, {real} *y)\n{{\n"
    return "".join([head, *declared, "\n", text, "}\n"])


def _mean(graph: Graph, code: LayersInC) -> tuple[str, str]:
    """Return where the outputs are in the end, and the statements that put them there."""
    if len(code.bodies) == 1:
        return code.bodies[0][1], code.bodies[0][0]
    n_out, text = graph.n_outputs, ""
    for m, (body, source) in enumerate(code.bodies):
        sign = "=" if m == 0 else "+="
        text += f"{body}    for (i = 0; i < {n_out}; i++)\n        mean[i] {sign} {source}[i];\n"
    text += f"    for (i = 0; i < {n_out}; i++)\n        mean[i] /= {len(code.bodies)};\n"
    return "mean", text


def _results(graph: Graph, source: str, checks: bool) -> list[str]:
    """Return the statements that write ``y``."""
    if graph.complements:
        lines = [f"    y[0] = 1 - {source}[0];\n    y[1] = {source}[0];\n"]
    else:
        lines = [f"    for (i = 0; i < {graph.n_outputs}; i++)\n        y[i] = {source}[i];\n"]
    if checks:
        lines.append(
            f"    for (i = 0; i < {graph.n_results} && !known; i++)\n        y[i] = NAN;\n"
        )
    return lines


def _class_of(graph: Graph, stem: str, real: str) -> str:
    if not graph.classes:
        return ""
    if graph.n_results == 1:
        body = "    return y[0] != y[0] ? -1 : y[0] > 0.5;\n".replace(
            "0.5", "0.5f" if real == "float" else "0.5"
        )
    else:
        body = (
            f"    int i, best = 0;\n    for (i = 0; i < {graph.n_results}; i++) {{\n"
            "        if (y[i] != y[i])\n            return -1;\n"
            "        best = y[i] > y[best] ? i : best;\n    }\n    return best;\n"
        )
    return f"\nint {stem}_class(const {real} *y)\n{{\n{body}}}\n"


def _self_test(graph: Graph, stem: str, real: str, tests: tuple[np.ndarray, np.ndarray]) -> str:
    X, Y = tests
    tolerance = f"{TOLERANCES[real]!r}{'f' if real == 'float' else ''}"
    absolute = "fabsf" if real == "float" else "fabs"
    n_in, n_out = graph.preparation.n_in, graph.n_results
    return "".join(
        [
            f"\n#ifdef {stem.upper()}_SELF_TEST\n",
            table(f"{stem}_test_x", X, real),
            table(f"{stem}_test_y", Y, real),
            f"\n/* 0 if all is as it was computed when this was written, else 1. */\n"
            f"int main(void)\n{{\n    {real} y[{n_out}];\n    int i, j;\n"
            f"    for (i = 0; i < {len(X)}; i++) {{\n"
            f"        {stem}_predict({stem}_test_x + i * {n_in}, y);\n"
            f"        for (j = 0; j < {n_out}; j++) {{\n"
            f"            const {real} expected = {stem}_test_y[i * {n_out} + j];\n"
            f"            if (!({absolute}(y[j] - expected) <= {tolerance} * "
            f"(1 + {absolute}(expected))))\n                return 1;\n"
            "        }\n    }\n    return 0;\n}\n#endif\n",
        ]
    )
