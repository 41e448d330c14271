"""Time exp, log and the activations, one thread: ``python -m bench.vector_math [FUNCTION ...]``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from statistics import median

import numpy as np

from bench import machine
from bench.command import refuse_unknown
from fastnn._core import isa as _isa
from fastnn._core.activation import Activation, activation_forward, logarithm

FUNCTIONS = ("exp", "log", "sigmoid", "tanh", "softplus", "elu", "gelu", "silu", "mish")
SIZES = (300, 10_000, 1_000_000)
ELEMENTS = 200_000  # so many at least are computed between two looks at the clock
ROUNDS = 9


def numpy_calls(name: str, x: np.ndarray, out: np.ndarray) -> Callable[[], object] | None:
    """NumPy's function, or SciPy's for the sigmoid."""
    from scipy.special import expit

    functions = {"exp": np.exp, "log": np.log, "tanh": np.tanh, "sigmoid": expit}
    function = functions.get(name)
    return None if function is None else lambda: function(x, out=out)


def torch_calls(name: str, x: np.ndarray, out: np.ndarray) -> Callable[[], object] | None:
    """PyTorch's, into an array of its own where it takes one; None without PyTorch."""
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)
    source, target = torch.from_numpy(x), torch.from_numpy(out)
    into = getattr(torch, name, None)
    if into is not None:
        return lambda: into(source, out=target)
    function = getattr(torch.nn.functional, name)
    return lambda: function(source)


def fastnn_calls(name: str, x: np.ndarray, out: np.ndarray) -> Callable[[], object]:
    """Ours, which works in place: a copy, as the others leave their input, is in the clock."""
    rows = out.reshape(1, -1)

    def call() -> None:
        np.copyto(out, x)
        if name == "log":
            logarithm(out)
        else:
            activation_forward(rows, Activation[name.upper()])

    return call


def nanoseconds(calls: dict[str, Callable[[], object]], size: int) -> dict[str, float]:
    """The median over the rounds, an element; each round has every library once."""
    repeats = max(1, ELEMENTS // size)
    rounds: dict[str, list[float]] = {library: [] for library in calls}
    for _ in range(ROUNDS + 1):
        for library, call in calls.items():
            start = time.perf_counter()
            for _ in range(repeats):
                call()
            rounds[library].append((time.perf_counter() - start) / (repeats * size) * 1e9)
    return {library: median(seconds[1:]) for library, seconds in rounds.items()}


def measure(name: str, dtype: str) -> str:
    """One line of the table."""
    generator = np.random.default_rng(0)
    line = f"| {name} | {dtype} |"
    for size in SIZES:
        x = (3 * generator.standard_normal(size)).astype(dtype)
        if name == "log":
            x = np.abs(x)
        out = np.empty_like(x)
        calls = {
            "fastnn": fastnn_calls(name, x, out),
            "numpy": numpy_calls(name, x, np.empty_like(x)),
            "torch": torch_calls(name, x, np.empty_like(x)),
        }
        found = nanoseconds({k: call for k, call in calls.items() if call is not None}, size)
        line += "".join(f" {found[k]:.2f} |" if k in found else " – |" for k in calls)
    return line


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.vector_math",
        description="Nanoseconds an element of exp, log and the activations, one thread.",
    )
    parser.add_argument(
        "functions", nargs="*", metavar="FUNCTION", help=f"any of {', '.join(FUNCTIONS)}"
    )
    chosen = parser.parse_args(arguments).functions or FUNCTIONS
    refuse_unknown(parser, "function", chosen, FUNCTIONS)
    print(f"{machine.processor()}, {_isa.instruction_set}, load {machine.load()}")
    libraries = " | ".join(f"{k} {size}" for size in SIZES for k in ("fastnn", "numpy", "torch"))
    print(f"| | | {libraries} |\n|---|---|" + "---:|" * (3 * len(SIZES)))
    for dtype in ("float64", "float32"):
        for name in chosen:
            print(measure(name, dtype), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
