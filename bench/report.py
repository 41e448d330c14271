"""From timings to Markdown: a table a work, and one line a work in the table of all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from statistics import median

from bench.checking import Check
from bench.contenders.base import Contender
from bench.counting import bytes_moved, flops
from bench.timing import Timing
from bench.works import Work

HEAD = (
    "| contender | threads | time | min–max | × reference | × best peer | GFLOP/s | of peak "
    "| largest difference | test accuracy |\n"
    "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n"
)
SUMMARY = (
    "| work | reference | best peer | fastnn | n_threads=1 | × best peer | × reference "
    "| GFLOP/s | of peak | targets |\n"
    "|---|---:|---|---:|---:|---:|---:|---:|---:|---|\n"
)
NONE = "–"


@dataclass(frozen=True)
class Row:
    """One contender's line: who, how fast, and whether it computed the same."""

    contender: Contender
    timing: Timing
    check: Check


@dataclass(frozen=True)
class Result:
    """All lines of one work, in the order they were run.

    Attributes
    ----------
    work : Work
    n : int
        Training rows.
    repeats : int
        Timed rounds.
    rows : list of Row
    refused : list of str
        Who did not take part, and why.
    roofs : dict of int to float
        Operations a second of a large product, by number of threads.
    """

    work: Work
    n: int
    repeats: int
    rows: list[Row]
    refused: list[str]
    roofs: dict[int, float]

    def best(self, role: str) -> Row | None:
        """The fastest among the contenders of one role, by median; None where there is none."""
        rows = [row for row in self.rows if row.contender.role == role]
        return min(rows, key=lambda row: row.timing.median, default=None)

    def named(self, name: str) -> Row | None:
        """The line of one contender; None if it did not take part."""
        return next((row for row in self.rows if row.contender.name == name), None)

    def speed(self, row: Row) -> float:
        """Operations a second, counted from the sizes."""
        return flops(self.work, self.n) / row.timing.median

    def share(self, row: Row) -> float | None:
        """Share of the peak of the threads it may use; None if the peak was not measured."""
        if not self.roofs:
            return None
        decides = row.contender.name == "fastnn"
        threads = max(self.roofs) if decides else row.timing.threads
        return self.speed(row) / self.roofs[threads]


def ratio(base: Row | None, own: Row | None) -> float | None:
    """How many times faster than `base`; None without both.

    The median of the ratios round by round: a machine that slows down for a while slows both.
    """
    if base is None or own is None:
        return None
    pairs = zip(base.timing.seconds, own.timing.seconds, strict=True)
    return median(b / o for b, o in pairs)


def times(value: float | None) -> str:
    """A ratio in three digits, a dash for none."""
    if value is None:
        return NONE
    return f"{value:.2f}" if value < 100 else f"{value:.0f}"


def percent(value: float | None) -> str:
    """A share in whole percent, a dash for none."""
    return NONE if value is None else f"{value:.0%}"


def duration(seconds: float) -> str:
    """Seconds in four digits and the unit that suits them."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size or unit == "µs":
            number = seconds / size
            digits = 3 if number < 10 else 2 if number < 100 else 1
            return f"{number:.{digits}f} {unit}"
    raise AssertionError("the smallest unit takes all")


def threads_of(row: Row) -> str:
    """The threads a contender ran with; fastnn decides by itself."""
    return "auto" if row.contender.name == "fastnn" else str(row.timing.threads)


def _line(result: Result, row: Row) -> str:
    t, peer, reference = row.timing, result.best("peer"), result.best("reference")
    accuracy = NONE if isnan(row.check.accuracy) else f"{row.check.accuracy:.4f}"
    scaled = f" ({t.rows} rows, scaled)" if t.rows else ""
    return (
        f"| {row.contender.label}{scaled} | {threads_of(row)} | {duration(t.median)} "
        f"| {duration(min(t.seconds))}–{duration(max(t.seconds))} "
        f"| {times(ratio(reference, row))} | {times(ratio(peer, row))} "
        f"| {result.speed(row) / 1e9:.2f} | {percent(result.share(row))} "
        f"| {row.check.difference:.1e} | {accuracy} |\n"
    )


def counted(result: Result) -> str:
    """What the work costs by its sizes, and what the machine can do."""
    operations, moved = flops(result.work, result.n), bytes_moved(result.work, result.n)
    peaks = ", ".join(
        f"{peak / 1e9:.1f} GFLOP/s with {n} thread{'s' if n > 1 else ''}"
        for n, peak in result.roofs.items()
    )
    text = (
        f"Counted: {operations / 1e9:.4g} GFLOP and {moved / 1e9:.4g} GB, "
        f"{operations / moved:.1f} operations a byte"
    )
    return f"{text}; peak of BLAS: {peaks}.\n" if peaks else f"{text}.\n"


def verdicts(result: Result) -> list[str]:
    """The work's targets, each with what was reached and whether that is enough."""
    own, target = result.named("fastnn"), result.work.target
    if own is None:
        return []
    peer, reference = (ratio(result.best(role), own) for role in ("peer", "reference"))
    share, seconds = result.share(own), own.timing.median
    asked = [
        (target.peer, peer, "{} × best peer", times),
        (target.reference, reference, "{} × reference", times),
        (target.share, share, "{} of peak", percent),
    ]
    found = [
        f"{'met' if got >= wanted else 'NOT met'}: {text.format(shown(wanted))}"
        for wanted, got, text, shown in asked
        if wanted is not None and got is not None
    ]
    if target.seconds is not None:
        word = "met" if seconds <= target.seconds else "NOT met"
        found.append(f"{word}: at most {duration(target.seconds)}")
    return found


def table(result: Result) -> str:
    """The work's Markdown section."""
    work = result.work
    lines = [
        f"## {work.name}\n\n{work.describe()}; {result.n} rows; time {work.unit()}; "
        f"rounds: {result.repeats}\n\n",
        HEAD,
        *(_line(result, row) for row in result.rows),
        "\n" + counted(result),
    ]
    probes = "; ".join(
        f"{row.contender.label} "
        + ", ".join(f"{n}: {duration(s)}" for n, s in row.timing.probe.items())
        for row in result.rows
        if row.timing.probe
    )
    if probes:
        lines.append(f"\nProbe on the first rows, by number of threads: {probes}.\n")
    if result.refused:
        lines.append("\nNot run: " + "; ".join(result.refused) + ".\n")
    return "".join(lines)


def _summary_line(result: Result) -> str:
    reference, peer = result.best("reference"), result.best("peer")
    own, alone = result.named("fastnn"), result.named("fastnn_1")
    best = NONE if peer is None else f"{peer.contender.label} {duration(peer.timing.median)}"
    shown = [
        NONE if row is None else duration(row.timing.median) for row in (reference, own, alone)
    ]
    speed = NONE if own is None else f"{result.speed(own) / 1e9:.2f}"
    share = None if own is None else result.share(own)
    return (
        f"| {result.work.name} | {shown[0]} | {best} | {shown[1]} | {shown[2]} "
        f"| {times(ratio(peer, own))} | {times(ratio(reference, own))} "
        f"| {speed} | {percent(share)} | {'; '.join(verdicts(result)) or NONE} |\n"
    )


def summary(results: list[Result]) -> str:
    """One line a work."""
    return "## All works\n\n" + SUMMARY + "".join(_summary_line(result) for result in results)


def document(machine: list[str], results: list[Result]) -> str:
    """The whole Markdown file."""
    head = "# Measured\n\n" + "".join(f"- {line}\n" for line in machine)
    return "\n".join([head, summary(results), *(table(result) for result in results)])


def write_whole(path: Path, save: Callable[[Path], object]) -> None:
    """Let `save` write a temporary file beside `path`, then put it in place in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        save(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def publish(path: Path, title: str, facts: Iterable[str], body: str) -> None:
    """Print a report, what it was measured on or by first, and write it to `path`."""
    text = f"# {title}\n\n" + "".join(f"- {fact}\n" for fact in facts) + f"\n{body}"
    print(text)
    write_whole(path, lambda temporary: temporary.write_text(text, "utf-8"))
