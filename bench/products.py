"""Time the matrix products of layers: ``python -m bench.products [--isa v3]``.

One thread, factors that stay in its caches. Beside fastnn's kernels stand OpenBLAS, through SciPy,
and MKL, through PyTorch; the peak is the best that any of the kernels reached on small factors.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
from threadpoolctl import threadpool_limits

from bench import machine
from bench.command import add_output, say, seconds
from bench.contenders.networks import Fastnn
from bench.instruction_set import add_isa, hold
from bench.report import publish

# Rows, inputs and neurons of layers; the first is for the peak.
LAYERS = [
    (24, 96, 24), (10, 784, 30), (10, 784, 100), (10, 100, 10), (32, 784, 100), (32, 100, 100),
    (64, 784, 256), (64, 256, 128), (128, 784, 512), (128, 512, 512), (256, 2048, 2048),
]  # fmt: skip
KINDS = {"forward": "nt", "backward": "nn", "update": "tn"}
Product = Callable[[], object]


def factors(kind: str, layer: tuple[int, int, int], dtype: str) -> list[np.ndarray]:
    """The product and its factors: Z = X Wᵀ, dX = dZ W, dW = dZᵀ X."""
    m, n_in, n_out = layer
    rng = np.random.default_rng(0)
    shapes = {"x": (m, n_in), "w": (n_out, n_in), "z": (m, n_out)}
    named = {name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}
    return [named[name] for name in {"nt": "zxw", "nn": "xzw", "tn": "wzx"}[kind]]


def by_fastnn(kind: str, C: np.ndarray, A: np.ndarray, B: np.ndarray) -> Product:
    """The product by the kernel that a layer of these sizes takes."""
    from fastnn._core.gemm import multiply

    return lambda: multiply(kind, C, A, B, 10)


def by_openblas(kind: str, C: np.ndarray, A: np.ndarray, B: np.ndarray) -> Product:
    """The product by SciPy's BLAS."""
    from scipy.linalg import blas

    gemm = blas.dgemm if C.dtype == np.float64 else blas.sgemm
    # Of columns: Cᵀ = op(B)ᵀ op(A)ᵀ, into C itself.
    trans_b, trans_a = kind == "nt", kind == "tn"
    return lambda: gemm(1.0, B.T, A.T, c=C.T, trans_a=trans_b, trans_b=trans_a, overwrite_c=1)


def by_mkl(kind: str, C: np.ndarray, A: np.ndarray, B: np.ndarray) -> Product:
    """The product by PyTorch."""
    import torch

    out, a, b = (torch.from_numpy(each) for each in (C, A, B))
    a, b = (a.T if kind == "tn" else a), (b.T if kind == "nt" else b)
    return lambda: torch.mm(a, b, out=out)


def gigaflops(product: Product, times: int, operations: float, budget: float) -> float:
    """The best of many calls, each of ``times`` products."""
    product()
    best, end = float("inf"), time.perf_counter() + budget
    while time.perf_counter() < end:
        start = time.perf_counter()
        product()
        best = min(best, time.perf_counter() - start)
    return times * operations / best / 1e9


def contenders() -> dict[str, tuple[Callable[..., Product], int]]:
    """Who takes part: how it multiplies, and how many products a call is."""
    found = {"fastnn": (by_fastnn, 10), "OpenBLAS": (by_openblas, 1)}
    if find_spec("torch") is not None:
        import torch

        torch.set_num_threads(1)
        found["PyTorch"] = (by_mkl, 1)
    else:
        say("without PyTorch: torch is not installed")
    return found


def measure(dtype: str, layers: list[tuple[int, int, int]], budget: float) -> str:
    """The table of one number type."""
    who = contenders()
    rows: list[tuple[str, dict[str, float]]] = []
    for layer in layers:
        for name, kind in KINDS.items():
            C, A, B = factors(kind, layer, dtype)
            operations = 2.0 * np.prod(layer)
            found = {
                each: gigaflops(way(kind, C, A, B), times, operations, budget)
                for each, (way, times) in who.items()
            }
            rows.append((f"{'-'.join(map(str, layer))} {name}", found))
    peak = max(found["fastnn"] for _, found in rows)
    lines = [
        f"## {dtype}, peak {peak:.0f} GFLOP/s",
        "",
        f"| rows-inputs-neurons | {' | '.join(who)} | fastnn, of peak |",
        "|---|" + "---:|" * (len(who) + 1),
    ]
    for label, found in rows:
        numbers = " | ".join(f"{found[each]:.1f}" for each in who)
        lines.append(f"| {label} | {numbers} | {found['fastnn'] / peak:.0%} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns 0."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.products", description="Time the matrix products of layers."
    )
    parser.add_argument(
        "--seconds", type=seconds, default=0.05, help="for each product (default: 0.05)"
    )
    add_isa(parser)
    add_output(parser, "products.md")
    options = parser.parse_args(arguments)
    hold(options.isa, "bench.products", arguments)
    load_before = machine.load()
    with threadpool_limits(1):
        tables = [measure(dtype, LAYERS, options.seconds) for dtype in ("float64", "float32")]
    lines = machine.describe([Fastnn()], load_before)
    lines.append(f"one thread, the best of {options.seconds} s each")
    publish(options.output / "products.md", "Products", lines, "\n".join(tables))
    return 0


if __name__ == "__main__":
    sys.exit(main())
