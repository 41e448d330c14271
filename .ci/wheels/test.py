"""Install the wheels of a folder and test them, each by all Pythons here that it is for.

Each Python of this machine from 3.10 on, found as build.py finds them; one for 64-bit ARM under
qemu-user, if ``FASTNN_ARM_ROOT`` names a folder that ``arm-root`` made; one for Windows under Wine,
if ``FASTNN_WINDOWS_PYTHON`` names its ``python.exe``. By default those tests run that would see a
wheel built wrongly; ``--all`` runs the suite.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import wine_math

from build import interpreters

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "test-wheels"
VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.14", "3.15")
LIBRARIES = ("numpy", "scipy", "threadpoolctl", "pytest", "hypothesis")
# One test file for each thing that a compiler or a binary interface could do otherwise.
SHORT = ("isa", "import", "activations", "products", "parity", "threads", "prediction", "example",
         "at_once")  # fmt: skip


@dataclass
class Runner:
    """A Python, how it is started and what pip calls its platform."""

    name: str
    command: list[str]
    version: str
    platforms: list[str] = field(default_factory=list)
    free_threaded: bool = False
    environment: dict[str, str] = field(default_factory=dict)
    libraries: tuple[str, ...] = ()  # that pip would not see that they are needed there

    @property
    def tags(self) -> list[str]:
        """What tells pip which wheels this Python takes."""
        short = self.version.replace(".", "")
        abis = [f"cp{short}t"] if self.free_threaded else [f"cp{short}", "abi3"]
        told = [f"--abi={abi}" for abi in (*abis, "none")]
        told += [f"--platform={platform}" for platform in (*self.platforms, "any")]
        return [*told, f"--python-version={self.version}", "--implementation=cp"]


def linux(machine: str) -> list[str]:
    """The tags of all wheels for a Linux as new as Debian 12."""
    return [f"manylinux_2_{n}_{machine}" for n in range(36, 16, -1)] + [f"manylinux2014_{machine}"]


def of_this_machine() -> list[Runner]:
    found = {}
    program = "import sys, sysconfig; print(bool(sysconfig.get_config_var('Py_GIL_DISABLED')))"
    for version in VERSIONS:
        for python in interpreters(version):
            said = subprocess.run([python, "-c", program], capture_output=True, text=True)
            if said.returncode == 0:
                free = said.stdout.strip() == "True"
                name = f"python{version}{'t' * free}"
                machine = os.uname().machine
                found.setdefault(name, Runner(name, [python], version, linux(machine), free))
    return list(found.values())


def foreign() -> list[Runner]:
    """The Pythons of other platforms that this machine can run."""
    runners = []
    arm, windows = (os.environ.get(f"FASTNN_{what}") for what in ("ARM_ROOT", "WINDOWS_PYTHON"))
    if arm:
        (python,) = Path(arm, "usr", "bin").glob("python3.?[0-9]")
        version = python.name.removeprefix("python")
        home = {"PYTHONHOME": str(Path(arm, "usr")), "OPENBLAS_NUM_THREADS": "1"}
        command = [str(emulated(python, arm))]
        runners.append(Runner("arm", command, version, linux("aarch64"), False, home))
    if windows:
        said = subprocess.run(["wine", windows, "-V"], capture_output=True, text=True, check=True)
        (version,) = re.findall(r"Python (3\.\d+)", said.stdout)
        wine = ["wine", windows]
        runners.append(Runner("windows", wine, version, ["win_amd64"], libraries=("colorama",)))
    return runners


def emulated(python: Path, root: str) -> Path:
    """Write a program that starts Python for ARM; tests find it as ``sys.executable``.

    The kernel of this machine does not know what Python itself is, where a test starts another.
    """
    names = "qemu-aarch64", "qemu-aarch64-static"
    qemu = next((found for name in names if (found := shutil.which(name))), None)
    if qemu is None:
        sys.exit(f"error: FASTNN_ARM_ROOT is set, and {' or '.join(names)} is not on the path")
    site, program = BUILD / "arm", BUILD / "arm-python"
    site.mkdir(parents=True, exist_ok=True)
    command = shlex.join([qemu, "-L", root, str(python)])
    program.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    program.chmod(0o755)
    (site / "sitecustomize.py").write_text(f"import sys\n\nsys.executable = {str(program)!r}\n")
    return program


def install(runner: Runner, wheels: Path) -> Path | None:
    """Install fastnn and what its tests need; None if there is no such wheel."""
    site = BUILD / runner.name
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-qq", "install"]
    into = [*runner.tags, "--only-binary=:all:", f"--target={site}", "--upgrade"]
    ours = [*pip, *into, "--no-index", "--find-links", wheels, "--no-deps", "fastnn-cpu"]
    if subprocess.run(ours, capture_output=True).returncode != 0:
        return None
    if not (site / "pytest").is_dir():
        subprocess.run([*pip, *into, *LIBRARIES, *runner.libraries], check=True)
        subprocess.run(ours, check=True, capture_output=True)
        if runner.name == "windows":
            wine_math.complete(site, Path(runner.command[-1]).parent)
    return site


def wheel_of(site: Path) -> str:
    """The tags of the wheel that was installed."""
    (record,) = site.glob("fastnn_cpu-*.dist-info/WHEEL")
    return " ".join(re.findall(r"^Tag: (.*)$", record.read_text(), re.MULTILINE))


def pytest_words(files: list[Path], more: list[str]) -> list[str]:
    """What a Python is told to run tests, from a folder without another fastnn in it."""
    told = ["-q", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT)]
    modes = ["--import-mode=importlib", "-p", "no:cacheprovider"]
    return ["-m", "pytest", *told, *modes, *map(str, files), *more]


def test(runner: Runner, site: Path, files: list[Path], more: list[str]) -> bool:
    """Run the tests; print the last line of what they say."""
    separator = ";" if runner.name == "windows" else ":"
    path = separator.join([str(site), str(ROOT / "tests")])
    environment = {**os.environ, **runner.environment, "PYTHONPATH": path,
                   "FASTNN_INSTALLED_IN": str(site)}  # fmt: skip
    done = subprocess.run(
        [*runner.command, *pytest_words(files, more)],
        cwd=site, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    (BUILD / f"{runner.name}.log").write_text(done.stdout)
    last = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else "no output"
    print(f"{runner.name}: {wheel_of(site)}: {last}", flush=True)
    return done.returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheels", type=Path, default=ROOT / "dist")
    parser.add_argument("--all", action="store_true", help="the whole suite")
    parser.add_argument("--only", nargs="*", help="names of Pythons: python3.11, arm, windows")
    parser.add_argument("--installed", action="store_true", help="what this Python has, no wheel")
    parser.add_argument("pytest", nargs="*", help="after --: more words for pytest")
    told = parser.parse_args()
    files = [ROOT / "tests"] if told.all else [ROOT / f"tests/test_{name}.py" for name in SHORT]
    if told.installed:
        with tempfile.TemporaryDirectory() as elsewhere:
            words = [sys.executable, *pytest_words(files, told.pytest)]
            sys.exit(subprocess.run(words, cwd=elsewhere, check=False).returncode)
    failed = []
    for runner in [*of_this_machine(), *foreign()]:
        if told.only and runner.name not in told.only:
            continue
        site = install(runner, told.wheels)
        if site is None:
            print(f"{runner.name}: no wheel for it in {told.wheels}")
        elif not test(runner, site, files, told.pytest):
            failed.append(runner.name)
    sys.exit(f"failed: {', '.join(failed)}; see {BUILD}/*.log" if failed else None)


if __name__ == "__main__":
    main()
