"""How ONNX says what a network's layers compute: in one operator, or in several as exporters do."""

from __future__ import annotations

import math
from collections.abc import Callable

from fastnn.convert._onnx_graph import Const, Op, Pattern, Z

__all__ = ["ACTIVATIONS", "COMPLEMENTED", "NORMALIZED"]

_AXIS = {"axis": (-1, 1)}
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def _op(kind: str, *inputs: Pattern) -> Op:
    return Op(kind, inputs)


_SOFTPLUS = (
    _op("Softplus", Z),
    _op("Add", _op("Relu", Z), _op("Log", _op("Add", 1.0, _op("Exp", _op("Neg", _op("Abs", Z)))))),
)
_ERF = [
    _op("Add", _op("Erf", inner), 1.0)
    for inner in (_op("Mul", Z, math.sqrt(0.5)), _op("Div", Z, math.sqrt(2)))
]
_ABOVE = _op("Greater", Z, 0.0)
_BELOW = _op("Sub", _op("Exp", _op("Neg", _op("Relu", _op("Neg", Z)))), 1.0)

# Of each activation all its forms; a form that holds another one's stands before it.
ACTIVATIONS: dict[str, list[Pattern]] = {
    "mish": [_op("Mish", Z), *(_op("Mul", Z, _op("Tanh", each)) for each in _SOFTPLUS)],
    "silu": [_op("Mul", Z, _op("Sigmoid", Z)), Op("Swish", (Z,), {"alpha": (1.0,)})],
    "gelu": [
        Op("Gelu", (Z,), {"approximate": (b"none",)}),
        *(_op("Mul", _op("Mul", Z, 0.5), each) for each in _ERF),
        *(_op("Mul", _op("Mul", Z, each), 0.5) for each in _ERF),
    ],
    "selu": [
        Op("Selu", (Z,), {"alpha": (_SELU_ALPHA,), "gamma": (_SELU_SCALE,)}),
        _op("Mul", _op("Where", _ABOVE, Z, _op("Mul", _BELOW, _SELU_ALPHA)), _SELU_SCALE),
    ],
    "elu": [Op("Elu", (Z,), {"alpha": (1.0,)}), _op("Where", _ABOVE, Z, _BELOW)],
    "leaky_relu": [
        Op("LeakyRelu", (Z,), {"alpha": (0.01,)}),
        _op("Where", _ABOVE, Z, _op("Mul", Z, 0.01)),
    ],
    "softplus": [*_SOFTPLUS],
    "sigmoid": [_op("Sigmoid", Z)],
    "tanh": [_op("Tanh", Z)],
    "relu": [_op("Relu", Z)],
    "exp": [_op("Exp", Z)],
    "softmax": [Op("Softmax", (Z,), _AXIS)],
    "log_softmax": [Op("LogSoftmax", (Z,), _AXIS)],
}

# The probabilities of both classes by that of the second one.
COMPLEMENTED = Op("Concat", (_op("Sub", 1.0, Z), Z), _AXIS)


def _mean_pairs(of: Pattern, last: int) -> list[tuple[Pattern, Callable[[Pattern], Pattern]]]:
    """The mean over the last axis, and how that of something else is then written.

    The axis is an attribute, or from opset 18 on an input.
    """
    told = {"keepdims": (1,)}
    attribute = {**told, "axes": ([-1], [last])}

    def by_attribute(each: Pattern) -> Pattern:
        return Op("ReduceMean", (each,), attribute)

    def by_input(each: Pattern) -> Pattern:
        return Op("ReduceMean", (each, Const("axes")), told)

    return [(make(of), make) for make in (by_attribute, by_input)]


def _x_hat(of: Pattern, last: int) -> list[Pattern]:
    """(x − μ) / √(σ² + ε), over the last axis."""
    found: list[Pattern] = []
    for mean, mean_of in _mean_pairs(of, last):
        d = _op("Sub", of, mean)
        for square in (_op("Mul", d, d), _op("Pow", d, 2.0)):
            deviation = _op("Sqrt", _op("Add", mean_of(square), Const("eps")))
            found.append(_op("Div", d, deviation))
    return found


_GROUPED = _op("Reshape", Z, Const("groups"))
_BY_GROUPS = [
    *_x_hat(_GROUPED, 2),
    Op("InstanceNormalization", (_GROUPED, Const("ones"), Const("zeros"))),
]

# Normalizations without γ and β. Layer norm, then group norm, which is that of a reshaped value.
NORMALIZED: list[Pattern] = [
    *_x_hat(Z, 1),
    *(_op("Reshape", each, _op("Shape", Z)) for each in _BY_GROUPS),
    *(_op("Reshape", each, Const("flat")) for each in _BY_GROUPS),
]
