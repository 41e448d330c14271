"""What goes on in each layer: the spread of its activations, the size of its gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import diagnostics
from fastnn.plot._looks import COLOURS, finished, legend_below, new_axes, panels_in, tidy
from fastnn.plot._models import network_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BINS = 30


def activations(net: Any, X: Any, *, ax: Axes | None = None, language: str = "en") -> Axes:
    """Draw a histogram of each layer's activations, side by side.

    Parameters
    ----------
    net : Network
        Or a fitted estimator, or a network of ``fastnn.dlfs``.
    X : array-like (n, n_in)
        Some hundred rows are enough; batch norm takes the statistics of these rows.
    ax : Axes, optional
        Where to draw, in panels within it; a figure of its own by default.
    language : {"en", "zh"}, default "en"
        Of the texts; Chinese needs a font that has its signs.

    Returns
    -------
    matplotlib.axes.Axes
        Its ``child_axes`` are the panels; the bars of each add up to 100 %.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError, ValueError
        Naming the argument.
    """
    network = network_of(net, "net")
    found = diagnostics.activations(network, X)
    ax = new_axes(ax, max(5.0, 2.3 * len(found)), 3.2)
    names = [*network.activation, network.output]
    panels = panels_in(ax, 1, len(found), gap=0.04)
    ax.set_title("activations, layer by layer", pad=24)
    for l, (panel, values) in enumerate(zip(panels, found, strict=True)):
        share = np.full(values.size, 100 / values.size)
        panel.hist(values.ravel(), BINS, weights=share, color=COLOURS[0])
        tidy(panel, f"layer {l + 2} ({names[l]})", "", "")
        panel.title.set_fontsize("medium")
        panel.locator_params(axis="x", nbins=3)
        panel.locator_params(axis="y", nbins=5)
    panels[0].set_ylabel("share (%)")
    panels[len(panels) // 2].set_xlabel("activation of the neurons")
    return finished(ax, language)


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
