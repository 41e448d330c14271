"""Networks from PyTorch's modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastnn._common.extras import require
from fastnn.convert._assemble import assemble
from fastnn.convert._state_dict import Kind, chain_of
from fastnn.dropout import Dropout
from fastnn.network import Network
from fastnn.normalization import BatchNorm, GroupNorm, LayerNorm

__all__ = ["from_torch"]


def from_torch(
    module: Any, *, output: str | None = None, cost: Any = None, inference: bool = False
) -> Network:
    """Return the network that an ``nn.Sequential`` of PyTorch is.

    Its modules are Linear, BatchNorm1d, LayerNorm, GroupNorm, Dropout, Flatten, Identity, further
    Sequentials, and the activations that fastnn has: Sigmoid, Tanh, ReLU, LeakyReLU(0.01), ELU,
    SELU, GELU, SiLU, Mish, Softplus, Softmax and LogSoftmax. Others are refused by name, for what
    a module's ``forward`` does is not known.

    Parameters
    ----------
    module : torch.nn.Sequential or torch.nn.Linear
        Its numbers are copied.
    output : str, optional
        Activation of the outputs where the module ends without one, as those that are trained on
        logits do: "softmax", "sigmoid" or "exp".
    cost : class or object, optional
        What the network is trained by on; by default the cost whose outputs these are.
    inference : bool, default False
        Whether what matters in training alone may be lost: batch norm is then folded into the
        layers beside it, to rounding, and dropout is left out.

    Returns
    -------
    Network
        Of float64 if a weight is, else of float32. It predicts what the module does in ``eval``.

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    TypeError, ValueError
        Naming the module that does not fit, and why.
    """
    nn = require("torch", extra="torch").nn
    if type(module) not in (nn.Sequential, nn.Linear):
        raise TypeError(f"module: expected an nn.Sequential, got {_name_of(module)}")
    whole = nn.Sequential(module) if type(module) is nn.Linear else module
    kinds = [(name, _kind(nn, name, each)) for name, each in _flat(nn, whole, "")]
    chain = chain_of(whole.state_dict(), kinds)
    return assemble(chain, output=output, cost=cost, inference=inference)


def _name_of(module: Any) -> str:
    return type(module).__name__


def _flat(nn: Any, module: Any, prefix: str) -> list[tuple[str, Any]]:
    """Return the modules of a Sequential and of those within it, with their names."""
    _check_hooks(prefix.rstrip(".") or "module", module)
    found: list[tuple[str, Any]] = []
    for name, each in module._modules.items():  # named_children has a shared module once only
        if type(each) is nn.Sequential:
            found += _flat(nn, each, f"{prefix}{name}.")
        else:
            found.append((prefix + name, each))
    return found


def _check_hooks(name: str, module: Any) -> None:
    if module._forward_hooks or module._forward_pre_hooks:
        raise ValueError(
            f"layer {name}: {_name_of(module)} with hooks, which may change what it computes"
        )


# Modules that are nothing but a function; those with arguments stand below.
_PLAIN = {
    "Flatten": "flatten",
    "Identity": "identity",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "ReLU": "relu",
    "SELU": "selu",
    "SiLU": "silu",
    "Mish": "mish",
}


def _kind(nn: Any, name: str, module: Any) -> Kind:
    """Return what ``from_state_dict`` calls a module.

    Raises
    ------
    ValueError
        If a network has no such layer.
    """
    _check_hooks(name, module)
    kind = type(module)
    title = _name_of(module)
    # A subclass may compute anything, whatever its name.
    if kind is getattr(nn, title, None):
        if title in _PLAIN:
            return _PLAIN[title]
        if title in _WITH_ARGUMENTS:
            found = _WITH_ARGUMENTS[title](module)
            if found is not None:
                return found
    raise ValueError(f"layer {name}: {module!r} is no layer that a Network has")


def _if(holds: bool, kind: Kind) -> Kind | None:
    return kind if holds else None


def _batch_norm(m: Any) -> Kind | None:
    if m.running_mean is None or m.momentum is None or not m.momentum > 0:
        return None
    return BatchNorm(m.momentum, m.eps)


# Of each the arguments for which it is one of ours.
_WITH_ARGUMENTS: dict[str, Callable[[Any], Kind | None]] = {
    "Linear": lambda m: "linear",
    "Dropout": lambda m: _if(m.p < 1, Dropout(m.p if m.p < 1 else 0.0)),
    "LeakyReLU": lambda m: _if(m.negative_slope == 0.01, "leaky_relu"),
    "ELU": lambda m: _if(m.alpha == 1, "elu"),
    "GELU": lambda m: _if(m.approximate == "none", "gelu"),
    "Softplus": lambda m: _if(m.beta == 1 and m.threshold >= 20, "softplus"),
    "Softmax": lambda m: _if(m.dim in (1, -1), "softmax"),
    "LogSoftmax": lambda m: _if(m.dim in (1, -1), "log_softmax"),
    "BatchNorm1d": _batch_norm,
    "LayerNorm": lambda m: _if(len(m.normalized_shape) == 1, LayerNorm(m.eps)),
    "GroupNorm": lambda m: GroupNorm(m.num_groups, m.eps),
}
