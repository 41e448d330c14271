"""Check a source distribution against the checkout: ``check_sdist.py fastnn_cpu-*.tar.gz``.

It must hold all that building and testing need, and nothing that was built.
"""

from __future__ import annotations

import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NEEDED = {
    "src_cython": ("*.pyx", "*.pxd", "*.[ch]"),
    "fastnn": ("*.py", "*.pyi", "py.typed"),
    "fastnn/playground/static": ("*",),
    "tests": ("*.py", "*.c"),
    "bench": ("*.py", "*.md"),
    "examples": ("*.py",),
}
BUILT = (".c", ".o", ".so", ".pyd", ".pyc")


def check(path: Path) -> list[str]:
    """What is wrong with the source distribution."""
    with tarfile.open(path) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    needed = {"Makefile", "LICENSE", "README.md", "pyproject.toml", "setup.py"}
    for folder, patterns in NEEDED.items():
        for pattern in patterns:
            files = (ROOT / folder).rglob(pattern)
            needed |= {file.relative_to(ROOT).as_posix() for file in files}
    wrong = [f"{name} is missing" for name in sorted(needed - held)]
    built = {name for name in held - needed if name.endswith(BUILT)}
    wrong += [f"{name} was built" for name in sorted(built)]
    return wrong


if __name__ == "__main__":
    path = Path(sys.argv[1])
    wrong = check(path)
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")
    sys.exit("\n".join(f"{path.name}: {complaint}" for complaint in wrong) or None)
