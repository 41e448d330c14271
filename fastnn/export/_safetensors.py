"""The format ``.safetensors``: PyTorch's names of the matching ``torch.nn.Sequential``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from fastnn._common.extras import require
from fastnn.export._folded import Folded, folded
from fastnn.export._graph import Graph, Member, Stage
from fastnn.export._metadata import metadata_of

__all__ = ["safetensors_bytes"]

MODULES = {
    "sigmoid": "Sigmoid()",
    "tanh": "Tanh()",
    "relu": "ReLU()",
    "leaky_relu": "LeakyReLU(0.01)",
    "elu": "ELU()",
    "selu": "SELU()",
    "gelu": "GELU()",
    "silu": "SiLU()",
    "mish": "Mish()",
    "softplus": "Softplus(threshold=40)",
    "softmax": "Softmax(dim=1)",
}


def safetensors_bytes(graph: Graph, dtype: np.dtype) -> bytes:
    """Return the content of a file with the weights of a model.

    Its metadata have the entry ``module``, the expression of the module whose ``load_state_dict``
    takes them: an ``nn.Sequential``, of an ensemble an ``nn.ModuleList`` of them, whose outputs are
    averaged. A preparation that only shifts and scales is within the weights of the first layer.

    Raises
    ------
    ImportError
        Without safetensors.
    TypeError
        If PyTorch has no module for a step of the preparation or for an activation.
    ValueError
        If a number is too large for ``dtype``.
    """
    save = require("safetensors.numpy", extra="safetensors").save
    tensors: dict[str, np.ndarray] = {}
    expressions = []
    for m, member in enumerate(graph.members):
        first = f"{m}." if len(graph.members) > 1 else ""
        layers = _with_preparation(folded(member, batch_norm=False), graph)
        expressions.append(_add_layers(tensors, first, layers, member, dtype))
    several = f"nn.ModuleList([{', '.join(expressions)}])"
    module = several if len(expressions) > 1 else expressions[0]
    content: bytes = save(tensors, {**metadata_of(graph), "module": module})
    return content


def _add_layers(
    tensors: dict[str, np.ndarray], first: str, layers: list[Folded], member: Member,
    dtype: np.dtype,
) -> str:  # fmt: skip
    """Add the tensors of one network; return the expression of its module."""
    modules: list[str] = []
    for layer, told in zip(layers, member.layers, strict=True):
        n_out, n_in = layer.weights.shape
        numbers = {"weight": layer.weights, "bias": layer.bias}
        _add(tensors, f"{first}{len(modules)}", numbers, dtype)
        modules.append(f"nn.Linear({n_in}, {n_out})")
        if layer.norm is not None:
            _add(tensors, f"{first}{len(modules)}", dict(_numbers_of(layer)), dtype)
            modules.append(_norm_module(layer))
        if layer.activation != "identity":
            modules.append(f"nn.{_module(layer.activation)}")
        if told.dropout:
            modules.append(f"nn.Dropout({told.dropout!r})")
    return f"nn.Sequential({', '.join(modules)})"


def _module(activation: str) -> str:
    if activation not in MODULES:
        raise TypeError(f"model: torch.nn has no module for the activation {activation!r}")
    return MODULES[activation]


def _add(
    tensors: dict[str, np.ndarray], place: str, numbers: dict[str, np.ndarray], dtype: np.dtype
) -> None:
    for name, values in numbers.items():
        with np.errstate(over="ignore"):
            converted = np.ascontiguousarray(values, None if values.dtype.kind == "i" else dtype)
        if not np.isfinite(converted).all():
            raise ValueError(f"dtype: expected 'float64', since {place}.{name} is too large")
        tensors[f"{place}.{name}"] = converted


def _numbers_of(layer: Folded) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the state of a normalization."""
    norm = layer.norm
    assert norm is not None
    yield from (("weight", norm.gamma), ("bias", norm.beta))
    if norm.mean is not None and norm.variance is not None:
        yield from (("running_mean", norm.mean), ("running_var", norm.variance))
        yield "num_batches_tracked", np.zeros((), np.int64)


def _norm_module(layer: Folded) -> str:
    norm, n = layer.norm, len(layer.bias)
    assert norm is not None
    if norm.kind == "batch":
        return f"nn.BatchNorm1d({n}, eps={norm.eps!r})"
    if norm.groups == 1:
        return f"nn.LayerNorm({n}, eps={norm.eps!r})"
    return f"nn.GroupNorm({norm.groups}, {n}, eps={norm.eps!r})"


def _with_preparation(layers: list[Folded], graph: Graph) -> list[Folded]:
    """Return layers that take what the preparation takes.

    A column that goes into the layers is c x + d of a given one: W' = W c, b' = b + W d, and the
    weights of what comes from the same one add up.
    """
    preparation = graph.preparation
    n_in = preparation.n_in
    factors, shifts, origins = [1.0] * n_in, [0.0] * n_in, list(range(n_in))
    for stage in preparation.stages:
        for source, c, d in _lines(stage):
            factors.append(c * factors[source])
            shifts.append(c * shifts[source] + d)
            origins.append(origins[source])
    if preparation.is_plain:
        return layers
    columns, first = preparation.columns, layers[0]
    weights = np.zeros((len(first.bias), n_in))
    scaled = first.weights * np.array(factors)[columns]
    np.add.at(weights.T, np.array(origins)[columns], scaled.T)
    bias = first.bias + first.weights @ np.array(shifts)[columns]
    return [replace(first, weights=weights, bias=bias), *layers[1:]]


def _lines(stage: Stage) -> Iterator[tuple[int, float, float]]:
    """Yield for each column of a stage its source, and c and d of c x + d."""
    if stage.kind not in ("center", "scale"):
        raise TypeError(
            "model: safetensors hold layers alone; cannot export a preparation that does more than "
            f"shift and scale, got a step {stage.kind!r}"
        )
    a, b = stage.a, stage.b
    c, d = (1 / b, -a / b) if stage.kind == "center" else (a, b)
    yield from zip(stage.sources.tolist(), c.tolist(), d.tolist(), strict=True)
