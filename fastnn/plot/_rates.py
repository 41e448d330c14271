"""The cost by the learning rate, of a range test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnn.plot._looks import COLOURS, finished, legend_below, new_axes, tidy
from fastnn.tune import RateRange

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def learning_rate_range(result: RateRange, *, ax: Axes | None = None, language: str = "en") -> Axes:
    """Draw the costs of a learning rate range test, with the rate that it suggests.

    Parameters
    ----------
    result : RateRange
        What ``fastnn.tune.learning_rate_range`` returned.
    ax : Axes, optional
        Where to draw; a figure of its own by default.
    language : {"en", "zh"}, default "en"
        Of the texts; Chinese needs a font that has its signs.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError
        If ``result`` is something else.
    """
    if not isinstance(result, RateRange):
        raise TypeError(f"result: expected a RateRange, got {type(result).__name__}")
    ax = new_axes(ax, 5.6, 4.2)
    ax.plot(result.learning_rates, result.costs, ".", color="0.75", label="mini-batches")
    ax.plot(result.learning_rates, result.smoothed, color=COLOURS[0], label="smoothed")
    suggested, largest = result.suggestion, result.largest
    ax.axvline(suggested, color=COLOURS[1], linestyle="--", label=f"suggested: {suggested:.3g}")
    ax.axvline(largest, color=COLOURS[3], linestyle=":", label=f"largest: {largest:.3g}")
    ax.set_xscale("log")
    # The costs of a training that runs away would leave nothing to see of the others.
    smooth = result.smoothed[np.isfinite(result.smoothed)]
    least, first = float(smooth.min()), float(smooth[0])
    room = 0.15 * (first - least) or 1.0
    ax.set_ylim(least - room, first + 3 * room)
    tidy(ax, "learning rate range test", "learning rate", "mean cost of a mini-batch")
    legend_below(ax, 2)
    return finished(ax, language)
