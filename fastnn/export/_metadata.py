"""What a model knows of itself, as texts that go into every format."""

from __future__ import annotations

import json

from fastnn._common.version import version
from fastnn.export._graph import Graph

__all__ = ["metadata_of"]


def metadata_of(graph: Graph) -> dict[str, str]:
    """Return texts by name; what is not a text itself is JSON.

    They are ``fastnn`` (the version), ``kind``, and where they are known ``features``,
    ``classes``, ``texts`` (the categories of each input that is a text) and ``training``.
    """
    found = {"fastnn": version(), "kind": graph.kind}
    texts = {str(column): list(known) for column, known in graph.preparation.texts.items()}
    training = dict(graph.training)
    for name, value in (
        ("features", graph.features),
        ("classes", graph.classes),
        ("texts", texts),
        ("training", training),
    ):
        if value:
            found[name] = json.dumps(value, ensure_ascii=True)
    return found
