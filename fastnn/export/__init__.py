"""Write a model to a file that is run without fastnn: C, NumPy, JavaScript, ONNX, safetensors.

``export(model, path)`` takes a ``Network``, a fitted estimator or ensemble of ``fastnn.sklearn``,
or a scikit-learn ``Pipeline`` that ends in one; the suffix of ``path`` says the format.
"""

from __future__ import annotations

from fastnn.export._describe import graph_of
from fastnn.export._export import Exported, export
from fastnn.export._graph import Graph

__all__ = ["export", "Exported", "Graph", "graph_of"]
