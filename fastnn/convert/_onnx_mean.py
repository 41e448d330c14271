"""The mean of several networks in a graph of ONNX: their sum, divided by how many they are."""

from __future__ import annotations

from fastnn.convert._onnx_graph import Graph

__all__ = ["averaged"]

_MOST_MEMBERS = 1000


def averaged(graph: Graph, name: str) -> list[str]:
    """Return the values whose mean a value is; itself, if it is no mean of several."""
    node = graph.maker(name)
    if node is None or node.kind != "Div":
        return [name]
    count = graph.constant(node.inputs[1])
    terms = _terms(graph, graph.source(node.inputs[0]))
    if count is None or count.size != 1 or len(terms) < 2 or count.reshape(()) != len(terms):
        return [name]
    return terms


def _terms(graph: Graph, name: str) -> list[str]:
    """Return the values, none a constant, that are added up one after the other."""
    back: list[str] = []
    for _ in range(_MOST_MEMBERS):
        node = graph.maker(name)
        if node is None or node.kind != "Add":
            break
        if any(graph.constant(each) is not None for each in node.inputs):
            break  # of a layer: its bias
        name, last = (graph.source(each) for each in node.inputs)
        back.append(last)
    return [name, *back[::-1]]
