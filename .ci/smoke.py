"""Try the installed package: it trains, its environment is lean, its import is quick.

``--training``: the first of these alone.
"""

from __future__ import annotations

import importlib.metadata
import statistics
import subprocess
import sys
import sysconfig
from pathlib import Path

ALLOWED = {"fastnn-cpu", "numpy", "scipy", "threadpoolctl", "pip", "setuptools"}
SLOWEST = 0.4  # seconds; usually half of it, and half of that is NumPy's


def check_place() -> None:
    """The installed package is imported, not a checkout."""
    import fastnn

    installed = Path(sysconfig.get_path("platlib")).resolve()
    if not Path(fastnn.__file__).resolve().is_relative_to(installed):
        sys.exit(f"fastnn was imported from {fastnn.__file__}, not from {installed}")


def check_training() -> None:
    """A network learns exclusive or, in both dtypes."""
    import numpy as np

    import fastnn

    X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=float)
    y = np.array([0, 1, 1, 0])
    for dtype in ("float64", "float32"):
        net = fastnn.Network([2, 8, 2], fastnn.CrossEntropyCost, dtype=dtype, rng=1)
        net.fit(X, y, epochs=3000, batch_size=4, learning_rate=2.0)
        if not (net.predict(X).argmax(axis=1) == y).all():
            sys.exit(f"{dtype}: the network has not learnt exclusive or")


def check_environment() -> None:
    """Nothing was installed beyond the promised dependencies."""
    found = {str(each.metadata["Name"]).lower() for each in importlib.metadata.distributions()}
    if found - ALLOWED:
        sys.exit(f"installed beside fastnn: {sorted(found - ALLOWED)}")
    print("run-time dependencies:", *sorted(found - {"fastnn-cpu", "pip", "setuptools"}))


def check_import_time() -> None:
    """Median of 9 fresh processes; the time of Python's own start is not counted."""
    program = "import time; t = time.perf_counter(); import fastnn; print(time.perf_counter() - t)"
    command = [sys.executable, "-c", program]
    times = [
        float(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout) for _ in range(9)
    ]
    median = statistics.median(times)
    print(f"import fastnn: {median:.2f} s (median of 9)")
    if median > SLOWEST:
        sys.exit(f"import fastnn: {median:.2f} s, at most {SLOWEST} s are allowed")


if __name__ == "__main__":
    check_training()
    if "--training" not in sys.argv:
        check_place()
        check_environment()
        check_import_time()
