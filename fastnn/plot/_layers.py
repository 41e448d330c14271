"""What goes on in each layer: the spread of its activations, the size of its gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import diagnostics
from fastnn.plot._looks import COLOURS, finished, legend_below, new_axes, panels_in, tidy
from fastnn.plot._models import network_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BINS = 30
_BINS_STACKED = 50
_TALLEST = 0.85  # of the room that a stacked histogram has
_ENDS = {"sigmoid": (0.0, 1.0), "softmax": (0.0, 1.0), "tanh": (-1.0, 1.0)}


def activations(
    net: Any,
    X: Any,
    *,
    stacked: bool = False,
    output: bool = True,
    ax: Axes | None = None,
    language: str = "en",
) -> Axes:
    """Draw a histogram of each layer's activations, side by side or one above the other.

    Parameters
    ----------
    net : Network
        Or a fitted estimator, or a network of ``fastnn.dlfs``.
    X : array-like (n, n_in)
        Some hundred rows are enough; batch norm takes the statistics of these rows.
    stacked : bool, default False
        Whether all are in one panel, the first hidden layer at the bottom, each to its own height;
        good for many layers. A bar far above the others, as ReLU's zeros have, is cut off.
    output : bool, default True
        Whether the output layer is drawn, too.
    ax : Axes, optional
        Where to draw, in panels within it; a figure of its own by default.
    language : {"en", "zh"}, default "en"
        Of the texts; Chinese needs a font that has its signs.

    Returns
    -------
    matplotlib.axes.Axes
        Its ``child_axes`` are the panels of those side by side; the bars of each add up to 100 %.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError, ValueError
        Naming the argument.
    """
    network = network_of(net, "net")
    found = diagnostics.activations(network, X)
    names = [*network.activation, network.output]
    if not output:
        if len(found) == 1:
            raise ValueError("output: expected True, for the network has no hidden layer")
        found, names = found[:-1], names[:-1]
    if stacked:
        ax = new_axes(ax, 4.6, 0.55 * len(found) + 1.8)
        _stack(ax, found, names)
    else:
        ax = new_axes(ax, max(5.0, 2.3 * len(found)), 3.2)
        _side_by_side(ax, found, names)
    return finished(ax, language)


def _side_by_side(ax: Axes, found: list[np.ndarray], names: list[str]) -> None:
    panels = panels_in(ax, 1, len(found), gap=0.04)
    ax.set_title("activations, layer by layer", pad=24)
    for l, (panel, values) in enumerate(zip(panels, found, strict=True)):
        share = np.full(values.size, 100 / values.size)
        panel.hist(values.ravel(), _BINS, weights=share, color=COLOURS[0])
        tidy(panel, f"layer {l + 2} ({names[l]})", "", "")
        panel.title.set_fontsize("medium")
        panel.locator_params(axis="x", nbins=3)
        panel.locator_params(axis="y", nbins=5)
    panels[0].set_ylabel("share (%)")
    panels[len(panels) // 2].set_xlabel("activation of the neurons")


def _stack(ax: Axes, found: list[np.ndarray], names: list[str]) -> None:
    """Draw the histograms as steps, the first hidden layer, which is layer 2, at the bottom."""
    unbounded = [a for a, name in zip(found, names, strict=True) if name not in _ENDS]
    # The few farthest values would leave nothing to see of the others.
    shown = (
        min(float(np.quantile(a, 0.01)) for a in unbounded),
        max(float(np.quantile(a, 0.99)) for a in unbounded),
    ) if unbounded else (0.0, 0.0)  # fmt: skip
    for l, (a, name) in enumerate(zip(found, names, strict=True), start=2):
        low, high = _ENDS.get(name, shown)
        ends = (low, high) if low < high else (low - 0.5, high + 0.5)
        counts, edges = np.histogram(a, bins=_BINS_STACKED, range=ends)
        tallest = counts.max() if name in _ENDS else np.sort(counts)[-2]
        heights = _TALLEST * np.minimum(counts / max(int(tallest), 1), 1)
        colour = COLOURS[0] if l % 2 else COLOURS[-1]  # by turns, to tell neighbours apart
        ax.stairs(l + heights, edges, baseline=l, fill=True, color=colour)
    ax.set(title="activations, layer by layer", xlabel="activation of the neurons", ylabel="layer")
    ax.set_yticks(range(2, len(found) + 2, 1 if len(found) <= 6 else 3))
    ax.set_ylim(1.9, len(found) + 2)
    ax.spines[["top", "right"]].set_visible(False)
    ax.locator_params(axis="x", nbins=4)


def gradients(net: Any, X: Any, y: Any, *, ax: Axes | None = None, language: str = "en") -> Axes:
    """Draw how large the gradient of the mean cost is in each layer, on a logarithmic scale.

    Parameters
    ----------
    net : Network
        Or a fitted estimator, or a network of ``fastnn.dlfs``.
    X : array-like (n, n_in)
    y : array-like (n,) or (n, n_out)
    ax : Axes, optional
        Where to draw; a figure of its own by default.
    language : {"en", "zh"}, default "en"
        Of the texts; Chinese needs a font that has its signs.

    Returns
    -------
    matplotlib.axes.Axes
        Bars of ‖∂C/∂z‖ and of ‖∂C/∂W‖. A layer without a gradient has none.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError, ValueError
        Naming the argument.
    """
    norms = diagnostics.gradient_norms(network_of(net, "net"), X, y)
    ax = new_axes(ax, 5.6, 4.2)
    layers = np.array([each.layer for each in norms])
    bars = {
        r"$\Vert\partial C/\partial z\Vert$": [each.delta for each in norms],
        r"$\Vert\partial C/\partial W\Vert$": [each.weights for each in norms],
    }
    for i, (label, values) in enumerate(bars.items()):
        at, hatch = layers + 0.4 * (i - 0.5), ("", "//")[i]
        ax.bar(at, values, 0.38, label=label, color=COLOURS[i], hatch=hatch, edgecolor="white")
    if any(value > 0 for values in bars.values() for value in values):
        ax.set_yscale("log")
    tidy(ax, "gradient, layer by layer", "layer", "norm")
    ax.set_xticks(layers)
    legend_below(ax, 2)
    return finished(ax, language)
