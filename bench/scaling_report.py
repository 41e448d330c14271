"""From the points measured to a CSV, a Markdown table and four panels."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bench.chart import STYLES
from bench.contenders import CONTENDERS
from bench.report import duration, times, write_whole
from bench.scaling_grid import BATCH, DEPTH, N_IN, N_OUT, ROWS, WIDTH, Point
from bench.timing import Timing

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

TOLERANCE = 1.1  # up to 10 % slower than the best peer is no cliff
COLUMNS = (
    "axis", "value", "contender", "threads", "rows", "timed_rows", "seconds_an_epoch",
    "seconds_min", "seconds_max",
)  # fmt: skip
AXES = {
    "width": "hidden units",
    "batch": "rows in a mini-batch",
    "depth": "hidden layers",
    "rows": "training rows",
}
BASE = (
    f"{N_IN} inputs, {DEPTH} hidden layer of {WIDTH} ReLU units, {N_OUT} softmax outputs, "
    f"mini-batches of {BATCH}, {ROWS} rows, float32; one size varies"
)


@dataclass(frozen=True)
class Measured:
    """What one point gave: a timing for each contender, in seconds of the timed rows."""

    point: Point
    timings: dict[str, Timing]

    def seconds(self, name: str) -> tuple[float, ...]:
        """A contender's seconds of an epoch of all rows, round by round."""
        return tuple(s * self.point.scale for s in self.timings[name].seconds)

    def best_peer(self) -> str | None:
        """The fastest peer by median; None without one."""
        peers = [name for name in self.timings if CONTENDERS[name].role == "peer"]
        return min(peers, key=lambda name: self.timings[name].median, default=None)

    def slowness(self, name: str = "fastnn") -> float | None:
        """How many times as long as the best peer it takes; None without both.

        The median of the ratios round by round.
        """
        peer = self.best_peer()
        if peer is None or name not in self.timings:
            return None
        pairs = zip(self.timings[name].seconds, self.timings[peer].seconds, strict=True)
        return median(own / other for own, other in pairs)


def slower(measured: list[Measured]) -> list[str]:
    """A line for every point where fastnn is slower than the best peer by more than 10 %."""
    lines = []
    for each in measured:
        peer, slowness = each.best_peer(), each.slowness()
        if peer is not None and slowness is not None and slowness > TOLERANCE:
            lines.append(
                f"{each.point.axis} {each.point.value}: fastnn takes {slowness:.2f} times as long "
                f"as {CONTENDERS[peer].label}, {duration(median(each.seconds('fastnn')))} an epoch"
            )
    return lines


def as_csv(measured: list[Measured]) -> str:
    """One line a point and contender."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for each in measured:
        for name, timing in each.timings.items():
            seconds, p = each.seconds(name), each.point
            numbers = [f"{s:.6g}" for s in (median(seconds), min(seconds), max(seconds))]
            threads = "auto" if name == "fastnn" else timing.threads
            table.writerow([p.axis, p.value, name, threads, p.rows, p.timed_rows, *numbers])
    return text.getvalue()


def _section(axis: str, measured: list[Measured]) -> str:
    names = list(measured[0].timings)
    head = [AXES[axis], *(CONTENDERS[name].label for name in names), "× best peer", "rows timed"]
    lines = [f"## {AXES[axis].capitalize()}\n", _row(head), "|" + "---:|" * len(head)]
    for each in measured:
        cells = [duration(median(each.seconds(name))) for name in names]
        slowness = each.slowness()
        speed = times(None if slowness is None else 1 / slowness)
        lines.append(_row([str(each.point.value), *cells, speed, str(each.point.timed_rows)]))
    return "\n".join(lines) + "\n"


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def by_axis(measured: list[Measured]) -> dict[str, list[Measured]]:
    """The points of each axis, in the order measured."""
    found: dict[str, list[Measured]] = {}
    for each in measured:
        found.setdefault(each.point.axis, []).append(each)
    return found


def cliffs(measured: list[Measured]) -> str:
    """What `slower` found, as text."""
    lines = slower(measured)
    if not lines:
        return "Nowhere is fastnn slower than the best peer by more than 10 %.\n"
    head = "fastnn is slower than the best peer by more than 10 % at:\n\n"
    return head + "".join(f"- {line}\n" for line in lines)


def document(machine: list[str], measured: list[Measured], repeats: int) -> str:
    """The whole Markdown file."""
    head = "# Seconds an epoch as the work grows\n\n" + "".join(f"- {line}\n" for line in machine)
    about = (
        f"{BASE}. Medians of {repeats} interleaved rounds. Where fewer rows are timed than the "
        f"epoch has ({ROWS}, or the rows that vary), its seconds are scaled up.\n"
    )
    sections = [_section(axis, each) for axis, each in by_axis(measured).items()]
    return "\n".join([head, about, cliffs(measured), *sections])


def short(value: int) -> str:
    """A whole number, round thousands and millions with a letter."""
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if value >= size and value % size == 0:
            return f"{value // size}{letter}"
    return str(value)


def _panel(axes: Axes, axis: str, measured: list[Measured]) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter

    for name in measured[0].timings:
        colour, marker, filled = STYLES[name]
        ours = name.startswith("fastnn")
        axes.plot(
            [each.point.value for each in measured],
            [median(each.seconds(name)) for each in measured],
            marker + ("-" if filled else "--"), color=colour, markersize=5, linewidth=1.2,
            markerfacecolor=colour if filled else "white", label=CONTENDERS[name].label,
            zorder=3 if ours else 2,
        )  # fmt: skip
    for each in measured:
        if (each.slowness() or 0) > TOLERANCE:
            axes.plot(
                each.point.value, median(each.seconds("fastnn")), "o", markersize=13,
                markerfacecolor="none", color="black", label="over 10 % slower than the best peer",
            )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    values = [each.point.value for each in measured]
    axes.set_xticks(values, map(short, values), fontsize=8)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    for side in (axes.xaxis, axes.yaxis):
        side.set_minor_formatter(NullFormatter())
    axes.set_xlabel(AXES[axis])
    axes.set_ylabel("seconds an epoch")
    axes.grid(color="#eeeeee")
    axes.spines[["top", "right"]].set_visible(False)


def chart(path: Path, measured: list[Measured]) -> None:
    """Write the four panels to `path`, a PNG, whole or not at all.

    Raises
    ------
    ImportError
        Without matplotlib.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 7.5), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2, 2)
    labelled: dict[str, Artist] = {}
    for axes, (axis, points) in zip(panels.flat, by_axis(measured).items(), strict=False):
        _panel(axes, axis, points)
        handles, labels = axes.get_legend_handles_labels()
        labelled.update(zip(labels, handles, strict=True))
    for axes in panels.flat[len(by_axis(measured)) :]:
        axes.set_visible(False)
    figure.legend(
        list(labelled.values()), list(labelled), loc="outside upper center", ncols=3, frameon=False
    )
    write_whole(path, lambda temporary: figure.savefig(temporary, dpi=150, format="png"))
