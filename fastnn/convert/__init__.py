"""Networks from other libraries, and back: scikit-learn, PyTorch, Keras, ONNX.

``from_sklearn`` and ``to_sklearn`` turn a fitted perceptron, or a pipeline that ends in one, into
the other library's; the other functions make a ``Network``: ``from_torch`` of a module,
``from_state_dict`` of its numbers in memory, in a .safetensors file or in one of ``torch.save``,
``from_keras`` of a .keras file, ``from_onnx`` of an .onnx file; ``members_from`` gives those of an
ensemble that was exported. What does not fit exactly is refused with its name. Files are read
without the libraries that wrote them, and nothing in them is executed.
"""

from __future__ import annotations

from fastnn.convert._keras import from_keras
from fastnn.convert._members import members_from
from fastnn.convert._onnx import from_onnx
from fastnn.convert._sklearn import from_sklearn, to_sklearn
from fastnn.convert._state_dict import from_state_dict
from fastnn.convert._torch import from_torch

__all__ = [
    "from_keras", "from_onnx", "from_sklearn", "from_state_dict", "from_torch", "members_from",
    "to_sklearn",
]  # fmt: skip
