"""The weights of a network: as images, and as the lines between its neurons."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._common.checks import check_whole
from fastnn._common.extras import require
from fastnn.normalization import BatchNorm, GroupNorm, Normalization
from fastnn.plot._looks import COLOURS, finished, new_axes, panels_in
from fastnn.plot._models import image_shape, network_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_CIRCLES = 9  # of a layer, an even number of which would have no middle
RADIUS = 0.28
APART = 3.2  # columns of circles


def weights(
    net: Any,
    shape: tuple[int, int] | None = None,
    *,
    most: int = 40,
    ax: Axes | None = None,
    language: str = "en",
) -> Axes:
    """Draw the weights of each neuron of the first layer as an image, all by one scale.

    Parameters
    ----------
    net : Network
        Or a fitted estimator, or a network of ``fastnn.dlfs``.
    shape : (int, int), optional
        Height and width of the inputs as an image; a square by default.
    most : int, default 40
        Neurons up to which all are drawn, else the first ones.
    ax : Axes, optional
        Where to draw, in panels within it; a figure of its own by default.
    language : {"en", "zh"}, default "en"
        Of the texts; Chinese needs a font that has its signs.

    Returns
    -------
    matplotlib.axes.Axes
        Its ``child_axes`` are the images.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError, ValueError
        Naming the argument; if the inputs are no square and there is no ``shape``.
    """
    network = network_of(net, "net")
    rows = np.asarray(network.weights[0])
    image = image_shape(shape, network.sizes[0])
    if image is None:
        raise ValueError(f"shape: expected height and width, for {network.sizes[0]} are no square")
    n = min(len(rows), check_whole(most, "most", 1))
    columns = min(n, max(4, round((2 * n) ** 0.5)) if ax is None else _columns(n, ax))
    lines = -(-n // columns)
    ax = new_axes(ax, 0.9 * columns + 1, 0.8 * lines + 0.7)
    largest = float(np.abs(rows[:n]).max()) or 1.0
    panels = panels_in(ax, lines, columns, gap=0.02)
    for panel in panels[n:]:
        panel.remove()
    for panel, row in zip(panels, rows[:n], strict=False):
        shown = panel.imshow(row.reshape(image), cmap="PuOr", vmin=-largest, vmax=largest)
        panel.set(xticks=[], yticks=[])
    some = "" if n == len(rows) else f" ({n} / {len(rows)})"
    ax.set_title(f"weights of the first layer{some}")
    bar = ax.figure.colorbar(shown, ax=ax, label="weight", shrink=0.8, pad=0.02)
    return finished(ax, language, bar.ax)


def _columns(n: int, ax: Axes) -> int:
    """Return beside how many others each of n squares stands, so that they fill a panel."""
    box = ax.get_window_extent()
    return max(1, round((n * box.width / box.height) ** 0.5))


def network(net: Any, *, ax: Axes | None = None, language: str = "en") -> Axes:
    """Draw the layers as columns of neurons, with what each of them does.

    Parameters
    ----------
    net : Network
        Or a fitted estimator, or a network of ``fastnn.dlfs``.
    ax : Axes, optional
        Where to draw; a figure of its own by default.
    language : {"en", "zh"}, default "en"
        Of the texts; Chinese needs a font that has its signs.

    Returns
    -------
    matplotlib.axes.Axes
        Of a layer of many neurons some are left out, and dots stand for them.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError
        If ``net`` is no network.
    """
    model = network_of(net, "net")
    sizes = model.sizes
    ax = new_axes(ax, 1.9 * len(sizes) + 0.6, 5.2)
    heights = [_heights(n) for n in sizes]
    for l, (left, right) in enumerate(pairwise(heights)):
        for bottom in left:
            for top in right:
                ends = [APART * l + RADIUS, APART * (l + 1) - RADIUS]
                ax.plot(ends, [bottom, top], color="0.75", linewidth=0.5, zorder=1)
    circle = require("matplotlib.patches", extra="plot").Circle
    below = -MOST_CIRCLES / 2 - 0.3
    for l, (n, places) in enumerate(zip(sizes, heights, strict=True)):
        colour = COLOURS[0] if 0 < l < len(sizes) - 1 else COLOURS[2] if l == 0 else COLOURS[1]
        x = APART * l
        for y in places:
            ax.add_patch(circle((x, y), RADIUS, facecolor=colour, edgecolor="white", zorder=2))
        if n > len(places):
            ax.text(x, 0, "⋮", ha="center", va="center", fontsize=18)
        texts = "\n".join(_texts(model, l))
        ax.text(x, below, texts, ha="center", va="top", fontsize="small")
    ax.set_xlim(-1.5, APART * (len(sizes) - 1) + 1.5)
    ax.set_ylim(below - 2.3, MOST_CIRCLES / 2 + 0.3)
    ax.set_aspect("equal")
    ax.set_axis_off()
    ax.set_title(f"layers of the network: {model.n_parameters:,} parameters")
    return finished(ax, language)


def _heights(n: int) -> np.ndarray:
    """Return where the circles of a layer stand; those in the middle of many are left out."""
    if n <= MOST_CIRCLES:
        return np.arange(n) - (n - 1) / 2
    all_of_them = np.arange(MOST_CIRCLES) - (MOST_CIRCLES - 1) / 2
    return all_of_them[np.abs(all_of_them) > 0.5]


def _texts(model: Any, l: int) -> list[str]:
    """Return what is written below a layer."""
    n, last = model.sizes[l], len(model.sizes) - 1
    if l == 0:
        return [f"{n:,} inputs"]
    if l == last:
        return [f"{n:,} outputs", model.output]
    texts = [f"{n:,} neurons", model.activation[l - 1]]
    if model.normalization is not None:
        texts.append(_name_of(model.normalization))
    if model.dropout[l - 1].rate:
        texts.append(f"dropout {model.dropout[l - 1].rate:g}")
    return texts


def _name_of(norm: Normalization) -> str:
    if isinstance(norm, BatchNorm):
        return "batch norm"
    return "group norm" if isinstance(norm, GroupNorm) else "layer norm"
