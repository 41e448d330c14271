"""Put a wheel's compiled modules beside the sources too: ``place_modules.py fastnn_cpu-*.whl``.

In a clone Python takes the folder ``fastnn/`` for the package, even where a wheel is installed.
"""

from __future__ import annotations

import sys
import zipfile
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def place(wheel: Path) -> None:
    """Write the modules into ``fastnn/_core/``, in place of all others for this Python."""
    suffix = EXTENSION_SUFFIXES[0]
    with zipfile.ZipFile(wheel) as archive:
        modules = {name: archive.read(name) for name in archive.namelist() if name.endswith(suffix)}
    for old in (ROOT / "fastnn" / "_core").glob(f"*{suffix}"):
        old.unlink()  # not overwritten: a program may be running it
    for name, content in modules.items():
        (ROOT / name).write_bytes(content)


if __name__ == "__main__":
    place(Path(sys.argv[1]))
