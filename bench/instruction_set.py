"""All contenders held to one instruction set, each by the environment variable that it heeds."""

from __future__ import annotations

import argparse
import os
import sys

# XLA's are added to what is set there already.
VARIABLES = {
    "v3": {
        "FASTNN_ISA": "v3",
        "OPENBLAS_CORETYPE": "Haswell",
        "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
    },
    "v4": {
        "FASTNN_ISA": "v4",
        "OPENBLAS_CORETYPE": "SkylakeX",
        "XLA_FLAGS": "--xla_cpu_max_isa=AVX512",
        "ATEN_CPU_CAPABILITY": "avx512",
        "MKL_ENABLE_INSTRUCTIONS": "AVX512",
        "ONEDNN_MAX_CPU_ISA": "AVX512_CORE",
    },
}


def add_isa(parser: argparse.ArgumentParser) -> None:
    """Take ``--isa``."""
    parser.add_argument(
        "--isa", choices=VARIABLES,
        help="hold all contenders to AVX2 (v3) or AVX-512 (v4); default: each uses what it likes",
    )  # fmt: skip


def environment(isa: str) -> dict[str, str]:
    """The environment in which all are held to ``isa``."""
    flags, of_isa = os.environ.get("XLA_FLAGS", "").split(), VARIABLES[isa]["XLA_FLAGS"]
    flags = [flag for flag in flags if flag != of_isa] + [of_isa]
    return dict(os.environ) | VARIABLES[isa] | {"XLA_FLAGS": " ".join(flags)}


def hold(isa: str | None, module: str, arguments: list[str] | None) -> None:
    """Start the command ``module`` anew if it is not held to ``isa``: libraries look but once."""
    if isa is None or environment(isa) == dict(os.environ):
        return
    command = [sys.executable, "-m", module, *(sys.argv[1:] if arguments is None else arguments)]
    os.execve(sys.executable, command, environment(isa))


def held_to() -> list[str]:
    """The line of a report that says so, if all are held to one instruction set."""
    for isa in VARIABLES:
        if environment(isa) == dict(os.environ):
            told = " ".join(f"{name}={value}" for name, value in VARIABLES[isa].items())
            return [f"All held to {isa}: {told}"]
    return []
