"""Look into a network: what its layers put out, and how strongly each of them learns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn._common.checks import check_number
from fastnn._model.layers import LayerOutputs, check_compiled, layer_outputs
from fastnn._model.model import Model

__all__ = [
    "ActivationStatistics",
    "GradientNorms",
    "LayerGradient",
    "LayerStatistics",
    "activation_statistics",
    "activations",
    "gradient_norms",
]


@dataclass(frozen=True)
class LayerStatistics:
    """One layer's activations over some rows.

    Attributes
    ----------
    layer : int
        2 for the first hidden layer, as the book counts, with the inputs as layer 1.
    activation : str
        Its name.
    units : int
        Neurons of the layer.
    mean, std, min, max : float
        Over all rows and units; of two passes, in float64.
    saturated : float
        Share of the activations at which the slope ``|f'(z)|`` is below the given one.
    dead : float
        Share of the units that are saturated in every row, and so cannot learn from any of them.
        For ReLU these are the units that are zero in every row.
    """

    layer: int
    activation: str
    units: int
    mean: float
    std: float
    min: float
    max: float
    saturated: float
    dead: float


@dataclass(frozen=True)
class ActivationStatistics:
    """Statistics of every layer, the first hidden layer first; ``print`` shows a table.

    Attributes
    ----------
    layers : tuple of LayerStatistics
        One of each.
    rows : int
        How many rows went through the network.
    slope : float
        Below which an activation counts as saturated.
    """

    layers: tuple[LayerStatistics, ...]
    rows: int
    slope: float

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[LayerStatistics]:
        return iter(self.layers)

    def __getitem__(self, index: int) -> LayerStatistics:
        return self.layers[index]

    def __str__(self) -> str:
        titles = ("layer", "activation", "units", "mean", "std", "min", "max", "saturated", "dead")
        lines = [
            (
                f"{each.layer}",
                each.activation,
                f"{each.units}",
                *(f"{value:.4g}" for value in (each.mean, each.std, each.min, each.max)),
                f"{each.saturated:.1%}",
                f"{each.dead:.1%}",
            )
            for each in self.layers
        ]
        return _table(titles, lines)


@dataclass(frozen=True)
class LayerGradient:
    """The norms of one layer's part of the gradient.

    Attributes
    ----------
    layer : int
        2 for the first hidden layer, as the book counts.
    delta : float
        ‖δ‖, with δ = ∂C/∂z of the mean cost C, a vector with a number for each unit, and z what
        the activation takes: after the normalization, where there is one.
    weights : float
        ‖∂C/∂W‖, the root of the sum of all squares.
    biases : float
        ‖∂C/∂b‖; the same as ``delta`` where nothing is normalized.
    """

    layer: int
    delta: float
    weights: float
    biases: float


@dataclass(frozen=True)
class GradientNorms:
    """Gradient norms of every layer, the first hidden layer first; ``print`` shows a table.

    Attributes
    ----------
    layers : tuple of LayerGradient
        One of each.
    rows : int
        Over how many rows the gradient is the mean.
    cost : float
        The mean cost of these rows.
    """

    layers: tuple[LayerGradient, ...]
    rows: int
    cost: float

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[LayerGradient]:
        return iter(self.layers)

    def __getitem__(self, index: int) -> LayerGradient:
        return self.layers[index]

    def __str__(self) -> str:
        lines = [
            (
                f"{each.layer}",
                *(f"{value:.4g}" for value in (each.delta, each.weights, each.biases)),
            )
            for each in self.layers
        ]
        return _table(("layer", "delta", "weights", "biases"), lines)


def activations(network: Any, X: Any) -> list[np.ndarray]:
    """Return what each layer puts out, for histograms and the like.

    As in training but without dropout: batch norm takes the statistics of these rows.

    Parameters
    ----------
    network : Network
    X : array-like (n, n_in)

    Returns
    -------
    list of arrays (n, n_out)
        Of the network's dtype; the first hidden layer first, the output layer last.

    Raises
    ------
    TypeError, ValueError
        If ``network`` is no ``fastnn.Network`` or ``X`` does not fit it.
    """
    return [each.activations for each in layer_outputs(check_compiled(network), X, training=True)]


def activation_statistics(network: Any, X: Any, *, slope: float = 0.05) -> ActivationStatistics:
    """Return mean, spread, saturation and dead units of each layer's activations.

    As in training but without dropout: batch norm takes the statistics of these rows. All
    activations are kept at once, so that some thousands of rows are better than all.

    Parameters
    ----------
    network : Network
    X : array-like (n, n_in)
    slope : float, default 0.05
        An activation with ``|f'(z)|`` below this counts as saturated. 0.05 means outside 0.053 to
        0.947 for the sigmoid, outside ±0.975 for tanh, zero for ReLU; a leaky ReLU's 0.01 counts.

    Returns
    -------
    ActivationStatistics

    Raises
    ------
    TypeError, ValueError
        Naming the argument.

    Notes
    -----
    Saturation is what slows a sigmoid's learning in Nielsen, *Neural Networks and Deep Learning*
    (2015), chapter 3. The table of means and spreads by layer is that of Glorot and Bengio,
    *Understanding the difficulty of training deep feedforward neural networks* (2010).

    Examples
    --------
    >>> import numpy as np
    >>> import fastnn
    >>> from fastnn.diagnostics import activation_statistics
    >>> net = fastnn.Network([2, 3, 1], initializer="zeros", rng=0)
    >>> print(activation_statistics(net, np.eye(2)))
    layer  activation  units  mean  std  min  max  saturated  dead
        2     sigmoid      3   0.5    0  0.5  0.5       0.0%  0.0%
        3     sigmoid      1   0.5    0  0.5  0.5       0.0%  0.0%
    """
    checked = check_number(slope, "slope", positive=True)
    found = layer_outputs(check_compiled(network), X, training=True)
    layers = tuple(_statistics(l, layer, checked) for l, layer in enumerate(found, start=2))
    return ActivationStatistics(layers, len(found[0].activations), checked)


def gradient_norms(network: Model, X: Any, y: Any) -> GradientNorms:
    """Return how large the gradient is in each layer: whether it vanishes or explodes.

    The gradient is that of the mean cost over the rows, without any penalty, as in training but
    without dropout.

    Parameters
    ----------
    network : Network
        Or the reference's.
    X : array-like (n, n_in)
    y : array-like (n,) or (n, n_out)

    Returns
    -------
    GradientNorms

    Raises
    ------
    TypeError, ValueError
        If something else is given, or data that do not fit the network.

    Notes
    -----
    ‖δ‖ of the mean over the rows is the speed of learning of M. Nielsen, *Neural Networks and Deep
    Learning* (2015), chapter 5.
    """
    if not isinstance(network, Model):
        raise TypeError(f"network: expected a network, got {type(network).__name__}")
    gradient = network.gradients(X, y)
    # Only a normalized layer, which is a hidden one, has a shift β between z and its bias.
    deltas = [*gradient.betas, *gradient.biases[len(gradient.betas) :]]
    columns = zip(deltas, gradient.weights, gradient.biases, strict=True)
    layers = tuple(
        LayerGradient(l, *(float(np.linalg.norm(array.astype(np.float64))) for array in arrays))
        for l, arrays in enumerate(columns, start=2)
    )
    return GradientNorms(layers, len(np.asarray(X)), gradient.cost)


def _statistics(l: int, layer: LayerOutputs, slope: float) -> LayerStatistics:
    a = layer.activations
    saturated = np.abs(layer.slopes) < slope
    return LayerStatistics(
        layer=l,
        activation=layer.name,
        units=a.shape[1],
        mean=float(a.mean(dtype=np.float64)),
        std=float(a.std(dtype=np.float64)),
        min=float(a.min()),
        max=float(a.max()),
        saturated=float(saturated.mean()),
        dead=float(saturated.all(axis=0).mean()),
    )


def _table(titles: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(titles, *lines, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in (titles, *lines)
    )
