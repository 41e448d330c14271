"""How much memory some code takes at its peak, in a process of its own; Linux only."""

from __future__ import annotations

import subprocess
import sys


def peak_of(code: str, *arguments: object) -> int:
    """Return the bytes by which running ``code`` raises the memory of a process."""
    # Not ru_maxrss, which a process inherits from the one that started it.
    program = (
        "import sys\n"
        "from fastnn import datasets\n"
        "from fastnn.cli import main\n"
        "def peak():\n"
        "    with open('/proc/self/status') as status:\n"
        "        return next(int(l.split()[1]) for l in status if l.startswith('VmHWM'))\n"
        "start = peak()\n"
        f"{code}\n"
        "print(peak() - start)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)], capture_output=True, check=True
    )
    return 1024 * int(run.stdout.splitlines()[-1])
