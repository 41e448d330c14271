"""Train many small networks at once, beside what else could: ``python -m bench.many``.

A thousand networks 20-32-1 on a thousand rows, 50 epochs of Adam: ``fit_many`` in one call, loops
over scikit-learn, and PyTorch and JAX with the networks side by side. All must reach the same
validation cost. Then twenty thousand networks 8-16-1 in one call, in a process of its own, with
their peak of memory; and jobs with next to no arithmetic, for what a job costs besides.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np

from bench import machine
from bench.command import add_output, add_repeats, positive, refuse_unknown, say
from bench.counting import flops_of_row
from bench.many_peers import TRAINERS, FitMany, Many, Trainer
from bench.memory import peak
from bench.report import write_whole
from bench.roofline import Roof
from bench.timing import SETTLE, available_cores

DTYPES = ("float32", "float64")
PEERS = ("torch", "jax")  # of which the better one counts
TARGETS = {"sklearn": 60.0, "joblib": 30.0, PEERS: 4.0}
NOISE = 4  # standard errors that two mean costs may be apart
SMALL_MB, JOB_MS = 300, 0.2  # what the other two must stay below
HEAD = (
    "| contender | networks timed | time of {count} | min–max | times as long as fastnn | of peak "
    "| validation cost |\n|---|---:|---:|---:|---:|---:|---:|\n"
)
# At the end of the path: an installed fastnn goes before the one beside the benchmark.
START = (
    f"import sys; sys.path.append({str(Path(__file__).resolve().parents[1])!r}); "
    "from bench.many import measure_small; measure_small(sys.argv[1])"
)


@dataclass(frozen=True)
class Line:
    """What one contender's rounds gave: seconds of all networks, and the costs of one round."""

    trainer: Trainer
    seconds: tuple[float, ...]
    costs: np.ndarray

    @property
    def median(self) -> float:
        """Median of the rounds."""
        return median(self.seconds)

    @property
    def error(self) -> float:
        """Standard error of the mean cost."""
        return float(self.costs.std(ddof=1) / np.sqrt(len(self.costs)))


def problem(dtype: str, options: argparse.Namespace) -> Many:
    """Return the thousand rows, and five hundred to judge by; the target is not linear in them."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1_500, 20))
    y = np.sin(X[:, 0]) + X[:, 1] * X[:, 2] + 0.1 * rng.normal(size=len(X))
    X, y = X.astype(dtype), y.astype(dtype)
    return Many(
        X[:1_000], y[:1_000], X[1_000:], y[1_000:],
        count=options.count, epochs=options.epochs, cores=options.cores,
    )  # fmt: skip


def clock(trainer: Trainer, many: Many) -> tuple[float, np.ndarray]:
    """Seconds for all the networks, scaled from those trained, and their validation costs."""
    time.sleep(SETTLE)
    start = time.perf_counter()
    costs = trainer.train(many)
    return (time.perf_counter() - start) * many.count / len(costs), costs


def measure(many: Many, trainers: list[Trainer], repeats: int) -> list[Line]:
    """Time everyone in turn, A B C A B C ..., after ``prepare``."""
    for trainer in trainers:
        say(f"{many.X.dtype}: preparing {trainer.name}")
        with trainer.pools(many):
            trainer.prepare(many)
    rounds = []
    for i in range(repeats):
        say(f"{many.X.dtype}: round {i + 1} of {repeats}")
        timed = []
        for trainer in trainers:
            with trainer.pools(many):
                timed.append(clock(trainer, many))
        rounds.append(timed)
    return [
        Line(trainer, tuple(seconds for seconds, _ in column), column[0][1])
        for trainer, column in zip(trainers, zip(*rounds, strict=True), strict=True)
    ]


def disagreeing(lines: list[Line]) -> list[str]:
    """Return who is further from the first one's mean cost than chance would bring it."""
    first, said = lines[0], []
    for line in lines[1:]:
        apart = abs(line.costs.mean() - first.costs.mean())
        if not apart <= NOISE * np.hypot(line.error, first.error):
            said.append(
                f"{line.trainer.name}: mean validation cost {line.costs.mean():.5f} ± "
                f"{line.error:.5f}, but {first.costs.mean():.5f} ± {first.error:.5f} of "
                f"{first.trainer.name}"
            )
    return said


def flops(many: Many) -> int:
    """Operations in the products of all trainings."""
    return many.count * many.epochs * len(many.X) * flops_of_row(many.sizes)


def table(many: Many, lines: list[Line], roof: float) -> str:
    """Return the Markdown table of one dtype; ``roof`` is the machine's operations a second."""
    ours = next((line for line in lines if line.trainer.role == "ours"), None)
    rows = [HEAD.format(count=many.count)]
    for line in lines:
        ratio = "–" if ours is None else f"{line.median / ours.median:.1f}"
        rows.append(
            f"| {line.trainer.label} | {len(line.costs)} | {line.median:.3g} s "
            f"| {min(line.seconds):.3g}–{max(line.seconds):.3g} | {ratio} "
            f"| {flops(many) / line.median / roof:.1%} "
            f"| {line.costs.mean():.4f} ± {line.error:.4f} |\n"
        )
    return "".join(rows)


def judged(lines: list[Line]) -> str:
    """Return what was promised and whether it was kept."""
    by_name = {line.trainer.name: line.median for line in lines}
    if "fastnn" not in by_name:
        return ""
    said = []
    for names, target in TARGETS.items():
        found = [by_name[name] for name in np.atleast_1d(names) if name in by_name]
        if found:
            ratio = min(found) / by_name["fastnn"]
            word = "met" if ratio >= target else "NOT met"
            said.append(f"{' or '.join(np.atleast_1d(names))} × {ratio:.1f} ({target:g}: {word})")
    return f"Targets: {', '.join(said)}.\n" if said else ""


# The many small ones, in a process of their own: a peak never comes down again


def small_problem(count: int, cores: int) -> Many:
    """Return 8-16-1 on 200 rows, 10 epochs."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 8)).astype(np.float32)
    y = (np.sin(X[:, 0]) + X[:, 1]).astype(np.float32)
    return Many(
        X[:200], y[:200], X[200:], y[200:], hidden=16, count=count, epochs=10, batch=32,
        cores=cores,
    )  # fmt: skip


def measure_small(given: str) -> None:
    """Train them in this process; print seconds, MB above the start, and ms a job besides."""
    options = json.loads(given)
    many, trainer = small_problem(options["count"], options["cores"]), FitMany()
    trainer.train(replace(many, count=2))  # imports and pools
    before, start = peak(), time.perf_counter()
    trainer.train(many)
    seconds, risen = time.perf_counter() - start, (peak() - before) / 2**20
    bare = replace(
        many, X=many.X[:4], y=many.y[:4], X_val=many.X[:4], y_val=many.y[:4], epochs=1, cores=1
    )
    start = time.perf_counter()
    trainer.train(bare)
    job = 1e3 * (time.perf_counter() - start) / many.count
    print(json.dumps({"seconds": seconds, "mb": risen, "ms": job}))


def small(options: argparse.Namespace) -> str:
    """Return the line on the many small ones, measured by another process."""
    given = json.dumps({"count": options.small, "cores": options.cores})
    child = subprocess.run(
        [sys.executable, "-c", START, given], capture_output=True, text=True, check=False
    )
    if child.returncode:
        raise RuntimeError((child.stderr.strip().splitlines() or ["no word"])[-1])
    found: Mapping[str, float] = json.loads(child.stdout.splitlines()[-1])
    words = [
        "met" if found[key] <= most else "NOT met"
        for key, most in (("mb", SMALL_MB), ("ms", JOB_MS))
    ]
    return (
        f"{options.small} networks 8-16-1 on 200 rows, 10 epochs, float32, in one call: "
        f"{found['seconds']:.3g} s, peak {found['mb']:.0f} MB above the start "
        f"({SMALL_MB}: {words[0]}). A job of one step on 4 rows, one after another: "
        f"{found['ms']:.3f} ms ({JOB_MS}: {words[1]}).\n"
    )


# The command


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.many", description=__doc__)
    parser.add_argument(
        "contenders", nargs="*", metavar="NAME",
        help=f"any of {', '.join(TRAINERS)} (default: all)",
    )  # fmt: skip
    numbers = (
        ("--count", 1_000, "networks"), ("--epochs", 50, "of each"),
        ("--small", 20_000, "small networks in one call"),
        ("--cores", min(2, available_cores()), "threads or processes"),
    )  # fmt: skip
    for name, default, text in numbers:
        parser.add_argument(
            name, type=positive, default=default, help=f"{text} (default: {default})"
        )
    parser.add_argument("--dtypes", nargs="+", choices=DTYPES, default=DTYPES, metavar="DTYPE")
    add_repeats(parser, 3)
    add_output(parser, "many.md")
    options = parser.parse_args(arguments)
    refuse_unknown(parser, "contender", options.contenders, TRAINERS)
    options.contenders = options.contenders or list(TRAINERS)
    return options


def taking_part(names: list[str]) -> list[Trainer]:
    """Return those that are installed; says which are not."""
    found = [TRAINERS[name]() for name in names if TRAINERS[name].installed()]
    for name in sorted(set(names) - {trainer.name for trainer in found}):
        say(f"without {name}: {TRAINERS[name].module} is not installed")
    return found


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code (1: costs differed, 2: nothing could be run)."""
    options = parse(arguments)
    load_before = machine.load()
    trainers = taking_part(options.contenders)
    if not trainers:
        return 2
    parts = []
    for dtype in options.dtypes:
        many = problem(dtype, options)
        lines = measure(many, trainers, options.repeats)
        parts.append(
            f"{dtype}:\n\n{table(many, lines, Roof(dtype).measure(many.cores))}\n{judged(lines)}"
        )
        print(parts[-1], flush=True)
        for reason in (wrong := disagreeing(lines)):
            say(f"not equal: {reason}")
        if wrong:
            return 1
    if any(trainer.name == "fastnn" for trainer in trainers):
        parts.append(small(options))
        print(parts[-1], flush=True)
    head = [*machine.describe(trainers, load_before), f"medians of {options.repeats} rounds"]
    text = "# Many networks\n\n" + "".join(f"- {line}\n" for line in head)
    text += "\n" + "\n".join(parts)
    write_whole(options.output / "many.md", lambda path: path.write_text(text, "utf-8"))
    say(f"written to {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
