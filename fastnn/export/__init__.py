"""Write a model to a file that is run without fastnn."""

from __future__ import annotations

from fastnn.export._describe import graph_of
from fastnn.export._graph import Graph

__all__ = ["Graph", "graph_of"]
