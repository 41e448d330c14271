"""The layers of all networks of a model in C, in floating point."""

from __future__ import annotations

from dataclasses import dataclass

from fastnn.export._c_layers import ACTIVATIONS, DENSE, NORM, RESTRICT, in_type
from fastnn.export._c_text import literal, table
from fastnn.export._folded import Folded

__all__ = ["LayersInC", "layers_in_c"]


@dataclass(frozen=True)
class LayersInC:
    """What the layers become.

    Attributes
    ----------
    tables, functions : list of str
        Definitions.
    bodies : list of (str, str)
        Of each network the statements, and the array where they put its outputs.
    arrays : dict of str to int
        The arrays that these use, with how many numbers each has.
    flash : int
        Bytes of the tables.
    integers : str
        A declaration of arrays of integers, or nothing.
    integer_bytes : int
        Of these.
    """

    tables: list[str]
    functions: list[str]
    bodies: list[tuple[str, str]]
    arrays: dict[str, int]
    flash: int
    integers: str = ""
    integer_bytes: int = 0


def layers_in_c(members: list[list[Folded]], stem: str, real: str, inputs: str) -> LayersInC:
    """Return tables, functions and statements; ``inputs`` is the array they start from."""
    layers = [layer for each in members for layer in each]
    names = sorted({layer.activation for layer in layers})
    norms = [NORM] if any(layer.norm is not None for layer in layers) else []
    functions = [DENSE, *norms, *(ACTIVATIONS[name] for name in names)]
    width = max(len(layer.bias) for layer in layers)
    arrays = {"a": width, "b": width} if any(len(each) > 1 for each in members) else {"a": width}
    size = 4 if real == "float" else 8
    return LayersInC(
        [in_type(RESTRICT, real, stem)]
        + [_tables(each, f"{stem}_{m}", real) for m, each in enumerate(members)],
        [in_type(each, real, stem) for each in functions],
        [_body(each, stem, f"{stem}_{m}", real, inputs) for m, each in enumerate(members)],
        arrays,
        size * sum(_count(layer) for layer in layers),
    )


def _count(layer: Folded) -> int:
    return layer.weights.size + (1 if layer.norm is None else 3) * len(layer.bias)


def _tables(layers: list[Folded], beginning: str, real: str) -> str:
    parts = []
    for l, layer in enumerate(layers):
        parts.append(table(f"{beginning}_w{l}", layer.weights.T, real))
        parts.append(table(f"{beginning}_b{l}", layer.bias, real))
        if layer.norm is not None:
            parts.append(table(f"{beginning}_gamma{l}", layer.norm.gamma, real))
            parts.append(table(f"{beginning}_beta{l}", layer.norm.beta, real))
    return "".join(parts)


def _body(
    layers: list[Folded], stem: str, beginning: str, real: str, inputs: str
) -> tuple[str, str]:
    source, text = inputs, ""
    for l, layer in enumerate(layers):
        to = "ab"[l % 2]
        text += _layer(layer, (stem, beginning, l), real, source, to)
        source = to
    return text, source


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
