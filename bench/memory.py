"""Peak memory of an epoch of fastnn: ``python -m bench.memory [WORK ...]``.

Every measurement runs in a process of its own: a peak never comes down again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bench.command import positive, refuse_unknown
from bench.works import WORKS, Work

# Vectors as long as the parameters that training may hold: with SGD these and what they were when
# the epoch began; with Adam these, the gradient and the two moments.
COPIES = {"sgd": 2, "adam": 4}
SLACK = 64 * 2**20
ROWS = 50_000  # as many as MNIST has to train on
# At the end of the path: an installed fastnn goes before the one beside the benchmark.
START = (
    f"import sys; sys.path.append({str(Path(__file__).resolve().parents[1])!r}); "
    "from bench.memory import main; sys.exit(main())"
)
DEFAULT = ("wide512", "bn512", "deep100", "wide2048")


@dataclass(frozen=True)
class Memory:
    """What one process measured, in bytes.

    Attributes
    ----------
    data : int
        Inputs and targets.
    parameters : int
        Of the network.
    built : int
        How far the peak rose above the memory after imports and data while the network was built.
    trained : int
        The same after an epoch.
    """

    data: int
    parameters: int
    built: int
    trained: int

    def allowed(self, optimizer: str) -> int:
        """How far it may rise: the parameters, as often as the optimizer needs, and 64 MB.

        The data are there before and must not be copied.
        """
        return COPIES[optimizer] * self.parameters + SLACK


def peak() -> int:
    """The most memory this process ever held, in bytes.

    Linux lets a child inherit the peak of its parent in ``getrusage``, so that a large parent
    hides what its child does; its own is in /proc.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text("utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource

    usage = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return usage if sys.platform == "darwin" else usage * 1024


def measure_here(work: Work, optimizer: str) -> Memory:
    """Train one epoch in this process, on synthetic rows: memory does not depend on values."""
    import fastnn
    from bench.contenders.networks import COSTS
    from bench.data import synthetic
    from bench.problem import targets

    X, labels = synthetic(work.rows, work)
    Y = targets(work, labels)
    before = peak()
    net = fastnn.Network(
        list(work.sizes),
        cost=getattr(fastnn, COSTS[work.cost]),
        activation=work.activation,
        normalization="batch" if work.batch_norm else None,
        dropout=work.dropout,
        dtype=work.dtype,
        rng=0,
    )
    built = peak()
    net.fit(X, Y, epochs=1, batch_size=work.batch, learning_rate=0.001, optimizer=optimizer)
    return Memory(X.nbytes + Y.nbytes, net.parameters.nbytes, built - before, peak() - before)


def measure(work: Work, optimizer: str) -> Memory:
    """The same in a fresh process.

    Raises
    ------
    RuntimeError
        If it fails; with the last line it said.
    """
    given = json.dumps([asdict(work), optimizer])
    child = subprocess.run(
        [sys.executable, "-c", START, "--child", given],
        capture_output=True,
        text=True,
        check=False,
    )
    if child.returncode:
        said = child.stderr.strip().splitlines() or ["no word"]
        raise RuntimeError(f"{work.name} with {optimizer}: {said[-1]}")
    return Memory(**json.loads(child.stdout.splitlines()[-1]))


def of_json(text: str) -> tuple[Work, str]:
    """The work and the optimizer that `measure` sent."""
    work, optimizer = json.loads(text)
    fields: dict[str, Any] = work | {"sizes": tuple(work["sizes"])}
    del fields["target"]
    return Work(**fields), optimizer


def mb(size: int) -> str:
    """Bytes in MB (2²⁰)."""
    return f"{size / 2**20:.1f}"


HEAD = (
    "| work | optimizer | data | parameters | network built | after an epoch | allowed | |\n"
    "|---|---|---:|---:|---:|---:|---:|---|\n"
)


def line(work: Work, optimizer: str, found: Memory) -> str:
    """One row of the table."""
    allowed = found.allowed(optimizer)
    word = "met" if found.trained <= allowed else "NOT met"
    sizes = (found.data, found.parameters, found.built, found.trained, allowed)
    return f"| {work.name} | {optimizer} | {' | '.join(map(mb, sizes))} | {word} |"


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.memory",
        description="Peak memory of one epoch of fastnn, in MB above the data's.",
    )
    trained = [name for name, work in WORKS.items() if not work.predict_rows]
    parser.add_argument(
        "works", nargs="*", metavar="WORK",
        help=f"any of {', '.join(trained)} (default: {' '.join(DEFAULT)})",
    )  # fmt: skip
    parser.add_argument(
        "--optimizer", nargs="+", choices=COPIES, default=list(COPIES), metavar="NAME",
        help=f"any of {', '.join(COPIES)} (default: all)",
    )  # fmt: skip
    parser.add_argument("--rows", type=positive, default=ROWS, help=f"default: {ROWS}")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    refuse_unknown(parser, "work", options.works, trained)
    return options


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code (1: more memory than allowed)."""
    options = parse(arguments)
    if options.child:
        print(json.dumps(asdict(measure_here(*of_json(options.child)))))
        return 0
    print(HEAD, end="")
    code = 0
    for name in options.works or DEFAULT:
        work = replace(WORKS[name], rows=options.rows)
        for optimizer in options.optimizer:
            found = measure(work, optimizer)
            print(line(work, optimizer, found), flush=True)
            code |= found.trained > found.allowed(optimizer)
    return code


if __name__ == "__main__":
    sys.exit(main())
