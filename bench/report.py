"""From timings to a Markdown table and a bar chart."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bench.checking import Check
from bench.contenders.base import Contender
from bench.timing import Timing
from bench.works import Work

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEAD = (
    "| contender | threads | s an epoch | min–max | × reference | × best peer "
    "| largest difference | test accuracy |\n"
    "|---|---:|---:|---:|---:|---:|---:|---:|\n"
)
COLOURS = {"reference": "#9a9a9a", "peer": "#7fa7c9", "ours": "#d1495b"}


@dataclass(frozen=True)
class Row:
    """One contender's line: who, how fast, and whether it computed the same."""

    contender: Contender
    timing: Timing
    check: Check


@dataclass(frozen=True)
class Result:
    """All lines of one work, in the order they were run."""

    work: Work
    repeats: int
    rows: list[Row]
    refused: list[str]

    def best(self, role: str) -> Timing | None:
        """The fastest among the contenders of one role, by median; None where there is none."""
        timings = [row.timing for row in self.rows if row.contender.role == role]
        return min(timings, key=lambda timing: timing.median, default=None)


def speedup(base: Timing | None, own: Timing) -> str:
    """How many times faster than `base`, a dash without one.

    The median of the ratios round by round: a machine that slows down for a while slows both.
    """
    if base is None:
        return "–"
    ratios = [b / o for b, o in zip(base.seconds, own.seconds, strict=True)]
    return f"{median(ratios):.2f}"


def table(result: Result) -> str:
    """The work's Markdown section."""
    reference, peer = result.best("reference"), result.best("peer")
    lines = [
        f"## {result.work.name}\n\n{result.work.describe()}; rounds: {result.repeats}\n\n",
        HEAD,
    ]
    for row in result.rows:
        t = row.timing
        lines.append(
            f"| {row.contender.label} | {t.threads} | {t.median:.4f} "
            f"| {min(t.seconds):.4f}–{max(t.seconds):.4f} "
            f"| {speedup(reference, t)} | {speedup(peer, t)} "
            f"| {row.check.difference:.1e} | {row.check.accuracy:.4f} |\n"
        )
    probes = "; ".join(
        f"{row.contender.label} "
        + ", ".join(f"{n}: {s * 1e3:.1f}" for n, s in row.timing.probe.items())
        for row in result.rows
    )
    lines.append(f"\nProbe, ms an epoch of its first rows by number of threads: {probes}.\n")
    lines += [f"\nNot run: {reason}.\n" for reason in result.refused]
    return "".join(lines)


def document(machine: list[str], results: list[Result]) -> str:
    """The whole Markdown file."""
    head = "# One epoch\n\n" + "".join(f"- {line}\n" for line in machine)
    return "\n".join([head, *(table(result) for result in results)])


def write_whole(path: Path, save: Callable[[Path], None]) -> None:
    """Let `save` write a temporary file beside `path`, then put it in place in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        save(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def chart(path: Path, results: list[Result]) -> None:
    """One panel of bars a work: seconds an epoch, min to max as a line over the bar."""
    from matplotlib.figure import Figure

    heights = [len(result.rows) + 1.5 for result in results]
    figure = Figure(figsize=(8, 0.36 * sum(heights)), layout="constrained")
    panels = figure.subplots(len(results), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, result in zip(panels, results, strict=True):
        _draw(axes, result)
    panels[-1].set_xlabel(
        "median seconds an epoch (line: min to max; ×: times faster than the reference)"
    )
    write_whole(path, lambda temporary: figure.savefig(temporary, dpi=150, format="png"))


def _draw(axes: Axes, result: Result) -> None:
    reference = result.best("reference")
    rows = sorted(result.rows, key=lambda row: row.timing.median)
    names = [row.contender.label for row in rows]
    medians = [row.timing.median for row in rows]
    spread = [
        [m - min(row.timing.seconds) for m, row in zip(medians, rows, strict=True)],
        [max(row.timing.seconds) - m for m, row in zip(medians, rows, strict=True)],
    ]
    colours = [COLOURS[row.contender.role] for row in rows]
    axes.barh(names, medians, xerr=spread, color=colours, ecolor="#333333", capsize=2)
    for place, row in enumerate(rows):
        t = row.timing
        ratio = "" if reference is None else f"   {speedup(reference, t)}×"
        text = f"  {t.median:.3g} s{ratio}"
        axes.text(max(t.seconds), place, text, va="center", fontsize=8)
    axes.set_xlim(0, 1.3 * max(max(row.timing.seconds) for row in rows))
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(f"{result.work.name}: {result.work.describe()}", fontsize=9, loc="left")
