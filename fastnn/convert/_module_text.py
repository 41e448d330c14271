"""The module of PyTorch that fastnn's export names in a .safetensors file, as layers.

It is an expression such as ``nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))``. It is
parsed, never evaluated, and only what the export writes is known.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from fastnn._common.checks import brief
from fastnn.dropout import Dropout
from fastnn.normalization import BatchNorm, GroupNorm, LayerNorm, Normalization

__all__ = ["networks_of_text"]

_LONGEST = 2**14
Number = int | float
_Made = str | Normalization | Dropout

# By the name of a module, made of its numbers in order and by name.
_MODULES: dict[str, Callable[..., _Made]] = {
    "Linear": lambda n_in, n_out: "linear",
    "BatchNorm1d": lambda n, eps: BatchNorm(eps=eps),
    "LayerNorm": lambda n, eps: LayerNorm(eps),
    "GroupNorm": lambda groups, n, eps: GroupNorm(groups, eps),
    "Dropout": lambda p: Dropout(p),
    "Sigmoid": lambda: "sigmoid",
    "Tanh": lambda: "tanh",
    "ReLU": lambda: "relu",
    "LeakyReLU": lambda slope: _if(slope == 0.01, "leaky_relu"),
    "ELU": lambda: "elu",
    "SELU": lambda: "selu",
    "GELU": lambda: "gelu",
    "SiLU": lambda: "silu",
    "Mish": lambda: "mish",
    "Softplus": lambda threshold: _if(threshold >= 20, "softplus"),
    "Softmax": lambda dim: _if(dim in (1, -1), "softmax"),
}


def _if(holds: bool, name: str) -> str:
    if not holds:
        raise ValueError(f"no {name} of fastnn's")
    return name


def networks_of_text(text: str) -> list[list[_Made]]:
    """Return the layers of an ``nn.Sequential``, or of each in an ``nn.ModuleList`` of them.

    As ``from_state_dict`` takes them.

    Raises
    ------
    ValueError
        If the text is none that fastnn's export writes.
    """
    if len(text) > _LONGEST:
        raise ValueError(f"its module is described in {len(text)} characters")
    try:
        whole = ast.parse(text, mode="eval").body
        name, given, named = _call(whole)
        if (
            name == "ModuleList"
            and len(given) == 1
            and isinstance(given[0], ast.List)
            and not named
        ):
            return [_sequential(each) for each in given[0].elts]
        return [_sequential(whole)]
    except (SyntaxError, TypeError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"its module {brief(text)} is not of networks: {error}") from None


def _sequential(node: ast.expr) -> list[_Made]:
    name, modules, named = _call(node)
    if name != "Sequential" or named:
        raise ValueError(f"it is an nn.{name}")
    return [_module(module) for module in modules]


def _call(node: ast.expr) -> tuple[str, list[ast.expr], dict[str | None, ast.expr]]:
    """Return the name of ``nn.NAME(...)``, and its arguments."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        inner = node.func.value
        if isinstance(inner, ast.Name) and inner.id == "nn":
            named = {keyword.arg: keyword.value for keyword in node.keywords}
            return node.func.attr, node.args, named
    raise ValueError("it names something else than modules of nn")


def _module(node: ast.expr) -> _Made:
    name, given, named = _call(node)
    if name not in _MODULES:
        raise ValueError(f"nn.{name} is unknown")
    numbers = [_number(each) for each in given]
    by_name = {str(key): _number(each) for key, each in named.items()}
    return _MODULES[name](*numbers, **by_name)


def _number(node: ast.expr) -> Number:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return node.value  # type: ignore[return-value]
    raise ValueError("its arguments are not numbers")
