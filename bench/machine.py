"""What the numbers were measured on."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from pathlib import Path

from threadpoolctl import threadpool_info

from bench.contenders.base import Contender
from bench.instruction_set import held_to
from bench.timing import available_cores


def processor() -> str:
    """The processor's own name where the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def blas() -> str:
    """The BLAS libraries loaded now, with version and the kernels they chose."""
    found = {
        " ".join(str(pool.get(key)) for key in ("internal_api", "version", "architecture"))
        for pool in threadpool_info()
        if pool["user_api"] == "blas"
    }
    return ", ".join(sorted(found)) or "unknown"


def load() -> str:
    """How busy the machine is: processes that ran or wanted to, over the last minute."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def describe(contenders: Iterable[Contender], load_before: str) -> list[str]:
    """Lines for the head of a report: machine, its load before the run, versions."""
    versions = {c.distribution: c.version() for c in contenders}
    return [
        f"{processor()}, {available_cores()} cores, {platform.system()}, "
        f"load before the run {load_before}",
        f"Python {platform.python_version()}, "
        + ", ".join(f"{name} {version}" for name, version in sorted(versions.items())),
        f"BLAS: {blas()}",
        *held_to(),
    ]
