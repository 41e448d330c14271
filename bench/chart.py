"""The chart of the works: every contender's speed as a multiple of the best peer's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench.report import Result, Row, ratio, write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Colour, marker and filling of each contender.
STYLES = {
    "reference": ("#9a9a9a", "|", True),
    "numpy": ("#3d6fa5", "s", True),
    "sklearn": ("#8f6bb1", "P", True),
    "torch": ("#d98b2b", "v", False),
    "torch_by_hand": ("#d98b2b", "v", True),
    "jax": ("#3c8d5a", "D", True),
    "fastnn": ("#d1495b", "o", True),
    "fastnn_1": ("#d1495b", "o", False),
}


def ratios_to_best_peer(result: Result) -> list[tuple[Row, float]]:
    """Each contender with its speed beside the best peer's; empty without a peer."""
    peer = result.best("peer")
    found = [(row, ratio(peer, row)) for row in result.rows]
    return [(row, value) for row, value in found if value is not None]


def draw(axes: Axes, results: list[Result]) -> None:
    """A line of marks a work, the first on top; a tick where the target is."""
    for place, result in enumerate(results):
        for row, value in ratios_to_best_peer(result):
            colour, marker, filled = STYLES[row.contender.name]
            ours = row.contender.role == "ours"
            axes.plot(
                value, place, marker, color=colour, markersize=9 if ours else 6.5,
                markerfacecolor=colour if filled else "white", label=row.contender.label,
                zorder=3 if ours else 2, clip_on=False,
            )  # fmt: skip
            if row.contender.name == "fastnn":
                axes.annotate(
                    f"{value:.2f}", (value, place), (0, 7), textcoords="offset points",
                    ha="center", fontsize=7, color=colour,
                )  # fmt: skip
        if result.work.target.peer is not None:
            axes.plot(
                [result.work.target.peer] * 2, [place - 0.3, place + 0.3], color="black",
                linewidth=1.2, label="target",
            )  # fmt: skip
    axes.axvline(1, color="#bbbbbb", linewidth=0.8, zorder=0)
    axes.set_xscale("log")
    axes.set_yticks(range(len(results)), [result.work.name for result in results])
    axes.set_ylim(len(results) - 0.4, -0.6)
    axes.grid(axis="y", color="#eeeeee")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_xlabel("speed as a multiple of the best peer's (right is faster)")


def _legend(figure: Figure, axes: Axes) -> None:
    """Every label once."""
    handles, labels = axes.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    figure.legend(
        list(once.values()),
        list(once),
        loc="outside upper center",
        ncols=5,
        frameon=False,
        fontsize=8,
    )


def chart(path: Path, results: list[Result]) -> None:
    """Write the chart to `path`, a PNG, whole or not at all.

    Raises
    ------
    ImportError
        Without matplotlib.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 1.6 + 0.42 * len(results)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    draw(axes, results)
    _legend(figure, axes)
    write_whole(path, lambda temporary: figure.savefig(temporary, dpi=150, format="png"))
