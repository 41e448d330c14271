"""The header of a model in C, and the tables of names that it declares."""

from __future__ import annotations

from typing import Any

from fastnn._common.version import version
from fastnn.export._c_text import comment, texts
from fastnn.export._graph import Graph

__all__ = ["c_header", "named_tables"]


def c_header(graph: Graph, stem: str, real: str, sizes: str) -> str:
    """Return the header of the model ``stem``, in numbers of the type ``real``."""
    upper, n_in, n_out = stem.upper(), graph.preparation.n_in, graph.n_results
    constants = [
        f"#define {upper}_N_IN {n_in}\n#define {upper}_N_OUT {n_out}\n",
        f"#define {upper}_N_CLASSES {len(graph.classes)}\n" if graph.classes else "",
    ]
    declared = [f"extern {each};\n" for each in _declarations(graph, stem)]
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


def _declarations(graph: Graph, stem: str) -> list[str]:
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


def named_tables(graph: Graph, stem: str) -> str:
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


def _declared_class(graph: Graph, stem: str, real: str) -> str:
    what = comment(
        f"From what {stem}_predict wrote to the class: its place in {stem}_classes, -1 for NaN."
    )
    return f"{what}int {stem}_class(const {real} *y);\n"
