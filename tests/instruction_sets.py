"""Run code with an instruction set forced: it is chosen when fastnn is loaded."""

import os
import subprocess
import sys


def run(code: str, level: str) -> subprocess.CompletedProcess[str]:
    """Run ``code`` in a process of its own; ``level`` is a name of ``_isa.LEVELS``, or empty."""
    environment = {**os.environ, "FASTNN_ISA": level}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
