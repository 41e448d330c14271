"""Check a wheel against the checkout, and print its size: ``check_wheel.py WHEEL [LARGEST]``.

It must hold every Python file, stub, example and file of the playground's page, the library with
every compiled module, and nothing else; must be small; and must require at run time what
pyproject.toml promises.
"""

from __future__ import annotations

import re
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LARGEST = 1.7e6  # bytes, of which Python is more than a third
LIBRARY = "fastnn/_core/kernels"
RUN_TIME = {"numpy", "scipy", "threadpoolctl"}


def expected() -> set[str]:
    """The names in a wheel of this checkout, the library without its platform's suffix."""
    package = ROOT / "fastnn"
    files = [*package.rglob("*.py"), *package.rglob("*.pyi"), package / "py.typed"]
    files += (package / "playground" / "static").iterdir()
    names = {file.relative_to(ROOT).as_posix() for file in files}
    examples = {f"fastnn/experiments/{file.name}" for file in (ROOT / "examples").glob("*.py")}
    return names | {LIBRARY} | examples


def modules() -> set[str]:
    """The compiled modules, by their sources; the last is what Cython adds."""
    sources = (ROOT / "src_cython" / "fastnn" / "_core").glob("*.pyx")
    return {source.stem for source in sources} | {"_cyutility"}


def modules_in(wheel: zipfile.ZipFile) -> set[str]:
    """The modules that the library can begin, by the names that it shows."""
    libraries = [name for name in wheel.namelist() if name.startswith(f"{LIBRARY}.")]
    names = (re.findall(rb"PyInit_(\w+)\0", wheel.read(library)) for library in libraries)
    return {name.decode() for each in names for name in each}


def found(wheel: zipfile.ZipFile) -> set[str]:
    """The names in ``wheel``, its metadata left out."""
    names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    return {re.sub(r"(\.(cpython|cp|abi3)[^/]*)?\.(so|pyd)$", "", name) for name in names}


def run_time_requirements(wheel: zipfile.ZipFile) -> set[str]:
    """The names of what ``wheel`` requires without any extra."""
    metadata = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    lines = Parser().parsestr(wheel.read(metadata).decode()).get_all("Requires-Dist") or []
    return {re.split(r"[^\w.-]", line)[0] for line in lines if "extra ==" not in line}


def check(path: Path, largest: float) -> list[str]:
    """What is wrong with the wheel."""
    with zipfile.ZipFile(path) as wheel:
        wrong = [f"{name} is missing" for name in sorted(expected() - found(wheel))]
        wrong += [f"{name} does not belong in it" for name in sorted(found(wheel) - expected())]
        wrong += [f"module {name} is missing" for name in sorted(modules() - modules_in(wheel))]
        required = run_time_requirements(wheel)
    if required != RUN_TIME:
        wrong.append(f"it requires {sorted(required)}, expected {sorted(RUN_TIME)}")
    if path.stat().st_size > largest:
        wrong.append(f"it has {path.stat().st_size} bytes, at most {largest:.0f} are allowed")
    return wrong


if __name__ == "__main__":
    path = Path(sys.argv[1])
    wrong = check(path, float(sys.argv[2]) if len(sys.argv) > 2 else LARGEST)
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")
    sys.exit("\n".join(f"{path.name}: {complaint}" for complaint in wrong) or None)
