"""The format ``.c``: C99 with a header, no allocation, nothing but math.h."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fastnn._common.checks import brief
from fastnn.export._c_layers import ACTIVATIONS, DENSE, NORM, RESTRICT, in_type
from fastnn.export._c_stages import PreparationInC, preparation_in_c
from fastnn.export._c_text import comment, literal, table, texts
from fastnn.export._folded import Folded, folded
from fastnn.export._graph import Graph
from fastnn.export._metadata import metadata_of, version

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
    graph: Graph, path: Path, dtype: np.dtype, tests: tuple[np.ndarray, np.ndarray]
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
    """
    stem, real = identifier(path), "float" if dtype == np.float32 else "double"
    members = [folded(member) for member in graph.members]
    preparation = preparation_in_c(graph.preparation, stem, real)
    n_numbers = sum(_count(layer) for layers in members for layer in layers)
    flash = (n_numbers + preparation.n_numbers) * dtype.itemsize + 4 * preparation.n_integers
    ram = dtype.itemsize * sum(_arrays(members, preparation).values())
    sizes = f"{flash} bytes of tables in flash, {ram} bytes of arrays on the stack"
    source = "".join(
        [
            comment(_about(graph, members, real, sizes)),
            f'\n#include <math.h>\n\n#include "{path.stem}.h"\n',
            in_type(RESTRICT, real, stem),
            _strings(graph, stem),
            *preparation.tables,
            *(_tables(layers, f"{stem}_{m}", real) for m, layers in enumerate(members)),
            *_functions(members, stem, real),
            _predict(graph, members, preparation, stem, real),
            _class_of(graph, stem, real),
            _self_test(graph, stem, real, tests),
        ]
    )
    return CSource(source, _header(graph, stem, real, sizes), flash, ram)


def _count(layer: Folded) -> int:
    return layer.weights.size + (1 if layer.norm is None else 3) * len(layer.bias)


def _about(graph: Graph, members: list[list[Folded]], real: str, sizes: str) -> str:
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
            *told,
        ]
    )


# The header


def _header(graph: Graph, stem: str, real: str, sizes: str) -> str:
    upper, n_in, n_out = stem.upper(), graph.preparation.n_in, graph.n_results
    constants = [
        f"#define {upper}_N_IN {n_in}\n#define {upper}_N_OUT {n_out}\n",
        f"#define {upper}_N_CLASSES {len(graph.classes)}\n" if graph.classes else "",
    ]
    declared = [f"extern {each};\n" for each in _named_tables(graph, stem)]
    return "".join(
        [
            comment(f"A model in C99, written by fastnn {version()}: {sizes}."),
            f"#ifndef {upper}_H\n#define {upper}_H\n\n",
            '#ifdef __cplusplus\nextern "C" {\n#endif\n\n',
            *constants,
            *(["\n", comment("\n".join(_of_names(graph, stem))), *declared] if declared else []),
            "\n",
            comment(_of_predict(graph)),
            f"void {stem}_predict(const {real} *x, {real} *y);\n",
            "\n" + _declared_class(graph, stem, real) if graph.classes else "",
            "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n",
        ]
    )


def _of_predict(graph: Graph) -> str:
    outputs = {
        "network": "the outputs",
        "classifier": "the probability of each class",
        "multilabel": "the probability of each label, which is given above 0.5",
        "regressor": "the predictions",
    }[graph.kind]
    return (
        f"From one row x of {graph.preparation.n_in} finite numbers to y, {graph.n_results} "
        f"number(s): {outputs}.\nWhere x holds NaN that no step fills, or a category that was "
        "never seen and is no other's, y is NaN. x and y must not overlap."
    )


def _of_names(graph: Graph, stem: str) -> list[str]:
    lines = ["What columns, classes and categories are called."]
    for i in graph.preparation.texts:
        lines.append(
            f"x[{i}] is the number of its text in {stem}_texts_{i}, -1 for any other, NaN if it "
            "is missing."
        )
    return lines


def _named_tables(graph: Graph, stem: str) -> list[str]:
    """Return the declarations of the tables of names."""
    found = []
    if graph.features is not None:
        found.append(f"const char *const {stem}_features[{len(graph.features)}]")
    if graph.classes:
        found.append(f"const {_label_type(graph.classes)} {stem}_classes[{len(graph.classes)}]")
    for i, known in graph.preparation.texts.items():
        found.append(f"const char *const {stem}_texts_{i}[{len(known)}]")
    return found


def _label_type(classes: tuple[Any, ...]) -> str:
    if isinstance(classes[0], str):
        return "char *const"
    whole = all(isinstance(label, int) for label in classes)
    return "long" if whole and max(map(abs, classes)) < 2**31 else "double"


def _strings(graph: Graph, stem: str) -> str:
    """Return the definitions of the tables of names."""
    parts = [""]
    if graph.features is not None:
        parts.append(texts(f"{stem}_features", graph.features))
    if graph.classes and isinstance(graph.classes[0], str):
        parts.append(texts(f"{stem}_classes", graph.classes))
    elif graph.classes:
        kind = _label_type(graph.classes)
        labels = [str(int(c) if kind == "long" else float(c)) for c in graph.classes]
        listed = ", ".join(labels)
        parts.append(f"const {kind} {stem}_classes[{len(labels)}] = {{{listed}}};\n")
    for i, known in graph.preparation.texts.items():
        parts.append(texts(f"{stem}_texts_{i}", known))
    return "\n".join(parts) + "\n"


# The layers


def _tables(layers: list[Folded], beginning: str, real: str) -> str:
    parts = []
    for l, layer in enumerate(layers):
        parts.append(table(f"{beginning}_w{l}", layer.weights.T, real))
        parts.append(table(f"{beginning}_b{l}", layer.bias, real))
        if layer.norm is not None:
            parts.append(table(f"{beginning}_gamma{l}", layer.norm.gamma, real))
            parts.append(table(f"{beginning}_beta{l}", layer.norm.beta, real))
    return "".join(parts)


def _functions(members: list[list[Folded]], stem: str, real: str) -> list[str]:
    """Return the functions that the layers need, each once."""
    layers = [layer for each in members for layer in each]
    names = sorted({layer.activation for layer in layers})
    found = [DENSE]
    found += [NORM] if any(layer.norm is not None for layer in layers) else []
    return [in_type(each, real, stem) for each in (*found, *(ACTIVATIONS[name] for name in names))]


def _layer(layer: Folded, names: tuple[str, str, int], real: str, source: str, to: str) -> str:
    """Return the statements of a layer, from one array to another.

    ``names`` are the beginnings of all names and of those of this network, and the layer's number.
    """
    stem, beginning, l = names
    n_out, n_in = layer.weights.shape
    tables, norm = f"{beginning}_w{l}, {beginning}_b{l}", layer.norm
    lines = [f"{stem}_dense({tables}, {source}, {n_in}, {n_out}, {to});"]
    if norm is not None:
        tables, size = f"{beginning}_gamma{l}, {beginning}_beta{l}", n_out // norm.groups
        eps = literal(norm.eps, real)
        lines.append(f"{stem}_normalize({to}, {norm.groups}, {size}, {eps}, {tables});")
    if layer.activation != "identity":
        lines.append(f"{stem}_{layer.activation}({to}, {n_out});")
    return "".join(f"    {line}\n" for line in lines)


def _all_layers(
    members: list[list[Folded]], stem: str, real: str, inputs: str
) -> tuple[str, list[str]]:
    """Return where the outputs are in the end, and the statements that put them there."""
    n_out, several, body = len(members[0][-1].bias), len(members) > 1, []
    for m, layers in enumerate(members):
        source = inputs
        for l, layer in enumerate(layers):
            to = "ab"[l % 2]
            body.append(_layer(layer, (stem, f"{stem}_{m}", l), real, source, to))
            source = to
        if several:
            sign = "=" if m == 0 else "+="
            body.append(f"    for (i = 0; i < {n_out}; i++)\n        mean[i] {sign} {source}[i];\n")
    if not several:
        return source, body
    body.append(f"    for (i = 0; i < {n_out}; i++)\n        mean[i] /= {len(members)};\n")
    return "mean", body


def _arrays(members: list[list[Folded]], preparation: PreparationInC) -> dict[str, int]:
    """Return the arrays of a prediction, with how many numbers each of them has."""
    width = max(len(layer.bias) for layers in members for layer in layers)
    sizes = {
        "a": width,
        "b": width if any(len(layers) > 1 for layers in members) else 0,
        "v": preparation.made,
        "u": preparation.gathered,
        "mean": len(members[0][-1].bias) if len(members) > 1 else 0,
    }
    return {name: size for name, size in sizes.items() if size}


def _predict(
    graph: Graph, members: list[list[Folded]], preparation: PreparationInC, stem: str, real: str
) -> str:
    outputs, layers = _all_layers(members, stem, real, preparation.inputs)
    prepared = [in_type(line, real, stem) for line in preparation.lines]
    text = "".join([*prepared, *layers, *_results(graph, outputs, preparation.checks)])
    arrays = [f"{name}[{size}]" for name, size in _arrays(members, preparation).items()]
    declared = [f"    {real} {', '.join(arrays)};\n"]
    declared += [f"    {real} t;\n"] if re.search(r"\bt\b", text) else []
    declared += ["    int i;\n"] if re.search(r"\bi\b", text) else []
    declared += ["    int known = 1;\n"] if preparation.checks else []
    head = f"\nvoid {stem}_predict(const {real} *x, {real} *y)\n{{\n"
    return "".join([head, *declared, "\n", text, "}\n"])


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


def _declared_class(graph: Graph, stem: str, real: str) -> str:
    what = comment(
        f"From what {stem}_predict wrote to the class: its place in {stem}_classes, -1 for NaN."
    )
    return f"{what}int {stem}_class(const {real} *y);\n"


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
