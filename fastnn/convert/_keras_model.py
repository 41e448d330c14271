"""The layers of a model of Keras, one after the other, by its description."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastnn._common.checks import brief

__all__ = ["config_of", "layers_of_model"]


def config_of(described: Any, name: str) -> Mapping[str, Any]:
    """Return what a description has as its config.

    Raises
    ------
    ValueError
        If it is no description, naming ``name``.
    """
    config = described.get("config") if isinstance(described, Mapping) else None
    if not isinstance(config, Mapping):
        raise ValueError(f"{name}: expected a description of Keras, got {brief(described)}")
    return config


def layers_of_model(model: Any) -> Sequence[Any]:
    """Return the descriptions of the layers of a Sequential, or of a functional chain.

    Raises
    ------
    ValueError
        If it is another model, or a layer takes something else than the output of the one before.
    """
    kind = model.get("class_name") if isinstance(model, Mapping) else None
    if kind not in ("Sequential", "Functional"):
        raise ValueError(f"expected a Sequential or a functional model, got {brief(kind)}")
    config = config_of(model, "model")
    layers = config.get("layers")
    if not isinstance(layers, list):
        raise ValueError(f"layers: expected a list of descriptions, got {brief(layers)}")
    if kind == "Functional":
        _check_chain(layers, config)
    return layers


def _check_chain(layers: list[Any], config: Mapping[str, Any]) -> None:
    """Raise unless each layer takes what the one before gives, and the last one's comes out."""
    names = [config_of(layer, "layers").get("name") for layer in layers]
    for name, before, layer in zip(names, [None, *names], layers, strict=False):
        if (layer.get("class_name") == "InputLayer") != (before is None):
            raise ValueError(f"layer {name}: expected one input, which is the first of the layers")
        nodes = layer.get("inbound_nodes")
        if nodes != [] if before is None else not _is_of(nodes, before):
            raise ValueError(f"layer {name}: expected the output of layer {before} and no other")
    for key, wanted in (("input_layers", names[:1]), ("output_layers", names[-1:])):
        ends = config.get(key)
        if ends not in ([*wanted, 0, 0], [[*wanted, 0, 0]]):
            raise ValueError(f"{key}: expected layer {brief(wanted)} alone, got {brief(ends)}")


def _is_of(nodes: Any, before: Any) -> bool:
    """Whether a layer is called once, with the output of the one before, and not as in training."""
    node = nodes[0] if isinstance(nodes, list) and len(nodes) == 1 else None
    if not isinstance(node, Mapping) or set(node) != {"args", "kwargs"}:
        return False
    given, options = node["args"], node["kwargs"]
    tensor = given[0] if isinstance(given, list) and len(given) == 1 else None
    if not isinstance(tensor, Mapping) or not isinstance(tensor.get("config"), Mapping):
        return False
    plain = isinstance(options, Mapping) and all(each in (None, False) for each in options.values())
    return plain and tensor["config"].get("keras_history") == [before, 0, 0]
