"""From a chain of layers to a ``Network``, whose layers have one order and one normalization.

Dense, normalization, activation, dropout: that is a hidden layer. What stands in another order is
refused with its name; what scales and shifts is multiplied into the dense layer beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from fastnn import costs
from fastnn._common.checks import brief, check_finite, check_sizes
from fastnn.activations import HIDDEN, OUTPUT
from fastnn.convert._chain import Activation, Affine, Dense, Drop, Layer, Norm
from fastnn.network import Network
from fastnn.normalization import BatchNorm, Normalization

__all__ = ["assemble"]

# What a network is trained by on, where nobody says: the cost whose outputs these are.
COSTS = {
    "sigmoid": costs.CrossEntropyCost,
    "softmax": costs.LogLikelihoodCost,
    "identity": costs.QuadraticCost,
    "exp": costs.PoissonCost,
}
_FOLDING = "inference=True folds batch norm into the layers beside it"


def assemble(
    chain: Sequence[Layer], *, output: str | None = None, cost: Any = None, inference: bool = False
) -> Network:
    """Return the network that computes what ``chain`` does.

    Parameters
    ----------
    chain : sequence of layers
    output : str, optional
        Activation of the outputs, where the chain ends without one.
    cost : class or object, optional
        By default the one whose outputs these are.
    inference : bool
        Whether batch norm is folded and dropout left out.

    Raises
    ------
    ValueError
        Naming the layer that does not fit, and why.
    """
    layers = [layer for layer in chain if not _does_nothing(layer)]
    if inference:
        layers = [_as_affine(layer) for layer in layers if not isinstance(layer, Drop)]
    layers, input_scale = _input_scale(layers)
    blocks = _blocks(_folded(layers))
    last = _output_of(blocks[-1], output)
    hidden = blocks[:-1]
    sizes = _sizes(blocks)
    network = Network(
        sizes,
        COSTS[last] if cost is None else cost,
        activation=[_hidden_name(block) for block in hidden],
        output=last,
        initializer="zeros",
        normalization=_normalization(hidden),
        dropout=[0.0 if block.drop is None else block.drop.rate for block in hidden],
        input_scale=input_scale,
        dtype=_dtype(layers),
    )
    _fill(network, blocks)
    return network


def _does_nothing(layer: Layer) -> bool:
    if isinstance(layer, Drop):
        return layer.rate == 0
    return isinstance(layer, Activation) and layer.function == "identity"


def _dtype(layers: Sequence[Layer]) -> np.dtype:
    """Return float64 if the numbers of a dense layer are, else float32, which holds halves too."""
    dense = [layer for layer in layers if isinstance(layer, Dense)]
    double = any(each.W.itemsize == 8 or each.b.itemsize == 8 for each in dense)
    return np.dtype(np.float64 if double else np.float32)


# What scales and shifts


def _as_affine(layer: Layer) -> Layer:
    """Return batch norm as it predicts, γ (x − μ)/√(σ² + ε) + β, as one factor and one shift."""
    if not isinstance(layer, Norm) or layer.mean is None or layer.variance is None:
        return layer
    scale = layer.gamma.astype(np.float64) / np.sqrt(
        layer.variance.astype(np.float64) + layer.kind.eps
    )
    return Affine(layer.name, scale, layer.beta - scale * layer.mean)


def _input_scale(layers: list[Layer]) -> tuple[list[Layer], float]:
    """Take a plain factor on all inputs off the front: ``Network`` has one."""
    first = layers[0] if layers else None
    if isinstance(first, Affine) and not first.shift.any():
        factors = np.unique(first.scale)
        if len(factors) == 1 and np.isfinite(factors[0]) and factors[0] > 0:
            return layers[1:], float(factors[0])
    return layers, 1.0


def _folded(layers: list[Layer]) -> list[Layer]:
    """Return the layers with what scales and shifts multiplied into the dense layer beside it."""
    done: list[Layer] = []
    for layer in layers:
        before = done[-1] if done else None
        if isinstance(layer, Affine) and isinstance(before, Dense):
            done[-1] = _after(before, layer)
        elif isinstance(layer, Affine) and isinstance(before, Affine):
            both = before.scale * layer.scale, before.shift * layer.scale + layer.shift
            done[-1] = Affine(f"{before.name} and {layer.name}", *both)
        elif isinstance(layer, Dense) and isinstance(before, Affine):
            done[-1] = _before(before, layer)
        else:
            done.append(layer)
    for layer in done:
        if isinstance(layer, Affine):
            raise ValueError(
                f"layer {layer.name}: what scales and shifts must stand beside a dense layer"
            )
    return done


def _after(dense: Dense, affine: Affine) -> Dense:
    n_out = len(dense.b)
    scale, shift = _spread(affine.scale, n_out, affine), _spread(affine.shift, n_out, affine)
    return _like(dense, scale[:, np.newaxis] * dense.W, scale * dense.b + shift)


def _before(affine: Affine, dense: Dense) -> Dense:
    n_in = dense.W.shape[1]
    scale, shift = _spread(affine.scale, n_in, affine), _spread(affine.shift, n_in, affine)
    return _like(dense, dense.W * scale, dense.b + dense.W.astype(np.float64) @ shift)


def _like(dense: Dense, W: np.ndarray, b: np.ndarray) -> Dense:
    return replace(dense, W=W.astype(dense.W.dtype), b=b.astype(dense.b.dtype))


def _spread(values: np.ndarray, n: int, affine: Affine) -> np.ndarray:
    wide = values.astype(np.float64)
    if wide.ndim and wide.shape != (n,):
        raise ValueError(f"layer {affine.name}: expected {n} numbers, got shape {values.shape}")
    return np.broadcast_to(wide, (n,))


# The order of the layers


@dataclass
class _Block:
    """A dense layer and what follows it."""

    dense: Dense
    norm: Norm | None = None
    activation: Activation | None = None
    drop: Drop | None = None
    taken: list[str] = field(default_factory=list)


def _blocks(layers: list[Layer]) -> list[_Block]:
    """Return the layers grouped by the dense layer that they follow."""
    blocks: list[_Block] = []
    for layer in layers:
        if isinstance(layer, Dense):
            blocks.append(_Block(layer))
        elif not blocks:
            raise ValueError(
                f"layer {layer.name}: {_kind_of(layer)} before the first dense layer"
                f"{_hint_for(layer)}"
            )
        else:
            _take(blocks[-1], layer)
    if not blocks:
        raise ValueError("layers: expected at least one dense layer, got none")
    for extra in (blocks[-1].norm, blocks[-1].drop):
        if extra is not None:
            raise ValueError(
                f"layer {extra.name}: {_kind_of(extra)} of the outputs, which have none"
                f"{_hint_for(extra)}"
            )
    return blocks


def _hint_for(layer: Layer) -> str:
    return f"; {_FOLDING}" if isinstance(layer, Norm) and layer.mean is not None else ""


_PLACES = {"norm": 0, "activation": 1, "drop": 2}


def _take(block: _Block, layer: Layer) -> None:
    place = {Norm: "norm", Activation: "activation", Drop: "drop"}[type(layer)]  # type: ignore[index]
    last = block.taken[-1] if block.taken else None
    if last is not None and _PLACES[place] <= _PLACES[last]:
        after = getattr(block, last)
        raise ValueError(
            f"layer {layer.name}: {_kind_of(layer)} after {_kind_of(after)} {after.name}; expected "
            f"dense, normalization, activation, dropout in this order{_hint_for(layer)}"
        )
    setattr(block, place, layer)
    block.taken.append(place)


def _kind_of(layer: Any) -> str:
    if isinstance(layer, Norm):
        return "normalization"
    return layer.function if isinstance(layer, Activation) else "dropout"


def _hidden_name(block: _Block) -> str:
    activation = block.activation
    if activation is None:
        return "identity"
    if activation.function not in HIDDEN:
        raise ValueError(
            f"layer {activation.name}: {activation.function} in a hidden layer; expected one of "
            f"{', '.join(HIDDEN)}"
        )
    return activation.function


def _output_of(block: _Block, output: str | None) -> str:
    """Return the activation of the outputs, of the chain or as asked for."""
    if output is not None and output not in OUTPUT:
        raise ValueError(f"output: expected one of {', '.join(OUTPUT)}, got {brief(output)}")
    found = "identity" if block.activation is None else block.activation.function
    if output is None:
        if found == "log_softmax":
            raise ValueError(
                f"layer {block.activation.name}: log_softmax of the outputs; output='softmax' "  # type: ignore[union-attr]
                "gives the probabilities themselves"
            )
        if found not in OUTPUT:
            raise ValueError(
                f"layer {block.activation.name}: {found} of the outputs; expected one of "  # type: ignore[union-attr]
                f"{', '.join(OUTPUT)}"
            )
        return found
    if found not in ("identity", output) and (found, output) != ("log_softmax", "softmax"):
        raise ValueError(f"output: the last layer has {found} already, got {output!r}")
    return output


def _sizes(blocks: list[_Block]) -> list[int]:
    sizes = [blocks[0].dense.W.shape[1]]
    for block in blocks:
        W = block.dense.W
        if W.shape[1] != sizes[-1]:
            raise ValueError(
                f"layer {block.dense.name}: expected {sizes[-1]} inputs, as many as the layer "
                f"before has outputs, got weights of shape {W.shape}"
            )
        sizes.append(len(W))
    return check_sizes(sizes)


def _normalization(hidden: list[_Block]) -> Normalization | None:
    """Return the normalization that all hidden layers have."""
    norms = [block.norm for block in hidden]
    first = next((norm for norm in norms if norm is not None), None)
    if first is None:
        return None
    for block, norm in zip(hidden, norms, strict=True):
        if norm is None or norm.kind != first.kind:
            got = "none" if norm is None else repr(norm.kind)
            name = block.dense.name if norm is None else norm.name
            hint = f"; {_FOLDING}" if isinstance(first.kind, BatchNorm) else ""
            raise ValueError(
                f"layer {name}: expected the normalization of layer {first.name}, {first.kind!r}, "
                f"in all hidden layers, got {got}{hint}"
            )
    return first.kind


# The numbers


def _fill(network: Network, blocks: list[_Block]) -> None:
    for l, block in enumerate(blocks):
        dense = block.dense
        for name, values in (("weights", dense.W), ("bias", dense.b)):
            check_finite(values, f"layer {dense.name}: {name}")
        network.weights[l], network.biases[l] = dense.W, dense.b
        if block.norm is not None:
            _fill_norm(network, l, block.norm)


def _fill_norm(network: Network, l: int, norm: Norm) -> None:
    parts = [(network.gammas, norm.gamma), (network.betas, norm.beta)]
    if norm.mean is not None and norm.variance is not None:
        parts += [(network.running_means, norm.mean), (network.running_variances, norm.variance)]
    for views, values in parts:
        try:
            views[l] = values if values.ndim else np.full(views[l].shape, values)
        except ValueError as error:
            raise ValueError(f"layer {norm.name}: {error}") from None
