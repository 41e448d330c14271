"""A graph of ONNX as values by name, and patterns that are looked for in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastnn._common.checks import brief
from fastnn.convert._numbers import floats_of

__all__ = ["Const", "Graph", "Node", "Op", "Pattern", "Z"]

_COMMUTE = ("Add", "Mul")
_FLOATS = (1, 11)  # TensorProto's float and double


@dataclass(frozen=True)
class Node:
    """An operator with its inputs and its attributes.

    Attributes
    ----------
    kind : str
        Its name, with the domain in front if it is none of the standard ones.
    name : str
        For messages.
    inputs : list of str
    attributes : dict
    """

    kind: str
    name: str
    inputs: list[str]
    attributes: dict[str, Any]


@dataclass(frozen=True)
class Const:
    """Any constant, the same wherever this name stands; found, it is kept by the name."""

    name: str


class Z:
    """The value that goes in, the same wherever it stands."""


@dataclass(frozen=True)
class Op:
    """An operator, the patterns of its inputs, and attributes with the values they must have."""

    kind: str
    inputs: tuple[Pattern, ...]
    attributes: dict[str, tuple[Any, ...]] = field(default_factory=dict)


Pattern = Op | Const | float | type[Z]


class Graph:
    """The values of a graph.

    Parameters
    ----------
    onnx : module
    graph : GraphProto
    size : int
        Bytes of the file: of its numbers no more are read than four times that.
    """

    def __init__(self, onnx: Any, graph: Any, size: int) -> None:
        self._onnx, self._left = onnx, 4 * size
        self._tensors = {tensor.name: tensor for tensor in graph.initializer}
        self._arrays: dict[str, np.ndarray] = {}
        self._makers: dict[str, Node] = {}
        for proto in graph.node:
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in proto.attribute}
            if proto.op_type == "Constant" and proto.domain in ("", "ai.onnx"):
                self._add_constant(proto, attributes)
                continue
            domain = "" if proto.domain in ("", "ai.onnx") else f"{proto.domain}."
            kind, name = domain + proto.op_type, proto.name or (proto.output or ["?"])[0]
            node = Node(kind, name, list(proto.input), attributes)
            for output in proto.output[:1]:  # others are of training
                self._makers[output] = node
        given = [value for value in graph.input if value.name not in self._tensors]
        if len(given) != 1 or given[0].type.tensor_type.elem_type not in _FLOATS:
            names = brief([value.name for value in given])
            raise ValueError(f"expected one input of floating-point numbers, got {names}")
        self.input: str = given[0].name
        sides = given[0].type.tensor_type.shape.dim
        self.width: int = sides[-1].dim_value if len(sides) == 2 else 0  # 0 if it is not told

    def _add_constant(self, proto: Any, attributes: dict[str, Any]) -> None:
        (name,), ((key, value),) = proto.output, attributes.items()
        if key == "value":
            self._tensors[name] = value
        else:
            self._arrays[name] = np.array(value)

    def maker(self, name: str) -> Node | None:
        """Return the node whose first output a value is."""
        return self._makers.get(name)

    def constant(self, name: str) -> np.ndarray | None:
        """Return a value that is a constant, or None."""
        for _ in range(8):  # through what leaves it as it is
            node = self._makers.get(name)
            if node is None or node.kind != "Identity":
                break
            name = node.inputs[0]
        if name not in self._arrays and name in self._tensors:
            tensor = self._tensors[name]
            if tensor.data_location == 1:
                raise ValueError(f"tensor {brief(name)}: its numbers are in another file")
            self._arrays[name] = self._onnx.numpy_helper.to_array(tensor)
        return self._arrays.get(name)

    def numbers(self, name: str) -> np.ndarray | None:
        """Return a constant of floating-point numbers, or None."""
        array = self.constant(name)
        if array is None:
            return None
        found = floats_of(array, f"tensor {brief(name)}")
        self._left -= found.nbytes  # several nodes may share a tensor
        if self._left < 0:
            raise ValueError("its layers are larger than the file")
        return found

    def source(self, name: str) -> str:
        """Return the value that this one is, whatever changes nothing being left out."""
        for _ in range(1000):
            node = self._makers.get(name)
            if node is None or not self._changes_nothing(node):
                return name
            name = node.inputs[0]
        raise ValueError(f"node {brief(name)}: its inputs go round in circles")

    def _changes_nothing(self, node: Node) -> bool:
        if node.kind == "Cast":
            return node.attributes.get("to") in _FLOATS
        if node.kind == "Flatten":
            return node.attributes.get("axis", 1) == 1
        return node.kind in ("Identity", "Dropout")

    # Patterns

    def find(self, pattern: Pattern, name: str) -> dict[str, Any] | None:
        """Return what a value's pattern has for ``Z``, as "z", and for its constants, or None."""
        return next(self._found(pattern, name, {}), None)

    def _found(
        self, pattern: Pattern, name: str, known: dict[str, Any]
    ) -> Iterator[dict[str, Any]]:
        """Yield each way in which a value has this pattern, given what is known of ``Z``."""
        if pattern is Z:
            source = self.source(name)
            if known.setdefault("z", source) == source and self.constant(source) is None:
                yield known
        elif isinstance(pattern, Const):
            array = self.constant(name)
            if array is not None and np.array_equal(known.get(pattern.name, array), array):
                yield {**known, pattern.name: array}
        elif isinstance(pattern, Op):
            yield from self._found_operator(pattern, self.source(name), known)
        elif self._is_number(name, pattern):
            yield known

    def _is_number(self, name: str, wanted: Any) -> bool:
        array = self.constant(name)
        is_number = array is not None and array.size == 1 and array.dtype.kind in "fiu"
        return is_number and bool(np.isclose(float(array.reshape(())), wanted, 1e-6, 0))  # type: ignore[union-attr]

    def _found_operator(
        self, pattern: Op, name: str, known: dict[str, Any]
    ) -> Iterator[dict[str, Any]]:
        node = self._makers.get(name)
        if node is None or node.kind != pattern.kind or len(node.inputs) != len(pattern.inputs):
            return
        for key, allowed in pattern.attributes.items():
            # The first is what it is by default.
            value = node.attributes.get(key, allowed[0])
            if isinstance(value, float):
                if not any(np.isclose(value, each, 1e-6, 0) for each in allowed):
                    return
            elif value not in allowed:
                return
        orders = [node.inputs]
        if node.kind in _COMMUTE:
            orders.append(node.inputs[::-1])
        for order in orders:
            yield from self._found_all(list(zip(pattern.inputs, order, strict=True)), known)

    def _found_all(
        self, pairs: list[tuple[Pattern, str]], known: dict[str, Any]
    ) -> Iterator[dict[str, Any]]:
        if not pairs:
            yield known
            return
        (pattern, name), *rest = pairs
        for found in self._found(pattern, name, dict(known)):
            yield from self._found_all(rest, found)
