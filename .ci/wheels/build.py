"""Build wheels for other platforms and Pythons on one Linux machine; ``make wheels`` runs it.

zig's clang, from the package ziglang, brings every platform's C library. Python's headers are those
of interpreters on this machine. Only ``pyconfig.h`` differs between platforms: that of Linux serves
macOS too, where modules ask it the same, and one of Windows is beside this file. What has been
built is kept under ``build/wheels``, so that a second run takes seconds.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from platforms import NOT_MADE, PLATFORMS, PYTHONS, Target

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "wheels"
LARGEST = 1.51e6  # bytes of a wheel that is published; packed by zopfli, it is smaller than others
# The parts of Windows' C library that modules call.
WINDOWS_LIBRARIES = ("heap", "math", "private", "stdio", "string")


def interpreters(version: str) -> list[str]:
    """Pythons on this machine that may be of ``version``: on the path, of pyenv, of uv."""
    found = [shutil.which(f"python{version}"), shutil.which(f"python{version}t")]
    homes = os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), Path.home() / ".local/share/uv"
    for home in map(Path, homes):
        found += map(str, home.glob(f"*/*{version}*/bin/python{version}"))
    return [python for python in found if python]


def include_of(version: str) -> str | None:
    """The folder of ``Python.h`` of that version: ``FASTNN_HEADERS=3.14=FOLDER:...`` names some."""
    for named in os.environ.get("FASTNN_HEADERS", "").split(":"):
        if named.partition("=")[0] == version:
            return named.partition("=")[2]
    program = (
        "import sysconfig; print(sysconfig.get_python_version(), sysconfig.get_path('include'))"
    )
    for python in interpreters(version):
        said = subprocess.run([python, "-c", program], capture_output=True, text=True, check=False)
        found, _, folder = said.stdout.strip().partition(" ")
        if found == version and Path(folder, "Python.h").is_file():
            return folder
    return None


def windows_headers(target: Target, folder: Path) -> Path:
    """Return a folder of Python's headers with the ``pyconfig.h`` of Windows."""
    copy = folder / f"include-{target.abi}"
    if not copy.is_dir():
        shutil.copytree(target.include, copy)
    shutil.copy2(HERE / "windows" / "pyconfig.h", copy)
    return copy


def import_library(target: Target, folder: Path) -> None:
    """Write what links a module to Windows' Python: the names that its headers declare."""
    pattern = re.compile(r"PyAPI_(FUNC|DATA)\s*\([^)]*\)[\s*]*(?:_Py_NO_RETURN\s+)?(_?Py\w+)")
    headers = [*Path(target.include).glob("*.h"), *Path(target.include, "cpython").glob("*.h")]
    texts = (path.read_text(encoding="utf-8") for path in headers)
    names = {name: kind for text in texts for kind, name in pattern.findall(text)}
    lines = [f"    {name}{' DATA' * (names[name] == 'DATA')}\n" for name in sorted(names)]
    definition = folder / f"{target.python_dll}.def"
    definition.write_text(f"LIBRARY {target.python_dll}.dll\nEXPORTS\n{''.join(lines)}")
    machine = "i386:x86-64" if target.platform.zig.startswith("x86_64") else "arm64"
    library = folder / f"lib{target.python_dll}.a"
    run(
        [sys.executable, "-m", "ziglang", "dlltool", "-m", machine, "-d", definition, "-l", library]
    )


def run_time(folder: Path, told: dict[str, str]) -> list[str]:
    """Return what links a module to Windows without MinGW's run time."""
    compiled = folder / "runtime.o"
    source = HERE / "windows" / "runtime.c"
    run([told["CC"], "-Os", "-fno-builtin", "-c", source, "-o", compiled], env=told)
    libraries = [f"-lapi-ms-win-crt-{part}-l1-1-0" for part in WINDOWS_LIBRARIES]
    return ["-nostdlib", str(compiled), "-lkernel32", *libraries]


def environment(target: Target, folder: Path) -> dict[str, str]:
    """What setup.py is told, to build for ``target`` below ``folder``."""
    platform, compiler = target.platform, str(HERE / "zigcc")
    told = {
        **os.environ,
        "ZIG_PYTHON": sys.executable,
        "ZIG_TARGET": platform.zig,
        "ZIG_LOCAL_CACHE_DIR": str(BUILD / "zig"),
        "ZIG_GLOBAL_CACHE_DIR": str(BUILD / "zig"),
        "CC": compiler,
        "CFLAGS": "-DNDEBUG -fwrapv",
        "LDFLAGS": "-Wl,-s",
        "SETUPTOOLS_EXT_SUFFIX": target.suffix,
        "FASTNN_ABI": target.abi,
        "FASTNN_PYTHON_INCLUDE": target.include,
        "FASTNN_BUILD": str(folder.relative_to(ROOT)),
    }
    linker = [compiler, "-shared"]
    if platform.is_windows:
        import_library(target, folder)
        told["FASTNN_PYTHON_INCLUDE"] = str(windows_headers(target, folder))
        linker += [f"-L{folder}", f"-l{target.python_dll}", *run_time(folder, told)]
    elif not platform.is_linux:
        linker += ["-undefined", "dynamic_lookup"]  # of Python, which is there by then
    return {**told, "LDSHARED": " ".join(linker)}


def run(command: list[object], **options: object) -> str:
    """Run a command and return what it said, which is shown if it fails."""
    said = subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options,
    )  # fmt: skip
    if said.returncode != 0:
        sys.exit(f"{said.stdout[-4000:]}\nerror: {' '.join(map(str, command[:4]))} ... failed")
    return said.stdout


def build(target: Target, folder: Path, out: Path) -> Path:
    """Build one wheel into ``out``."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"{target.abi}/lib*/**/*.*"):
        if old.suffix not in (".so", ".pyd"):  # a file deleted from the sources would stay
            old.unlink()
    setup, told_of = [sys.executable, "setup.py", "-q"], environment(target, folder)
    run([*setup, "build"], cwd=ROOT, env=told_of)
    for beside in folder.glob(f"{target.abi}/lib*/**/*.*"):
        if beside.suffix in (".lib", ".pdb"):  # what Windows' linker writes beside a module
            beside.unlink()
    with tempfile.TemporaryDirectory() as place:
        run([*setup, "bdist_wheel", "--skip-build", "-d", place], cwd=ROOT, env=told_of)
        (wheel,) = Path(place).glob("*.whl")
        python, abi = target.tags
        told = [f"--python-tag={python}", f"--abi-tag={abi}", f"--platform-tag={target.tag}"]
        run([sys.executable, "-m", "wheel", "tags", "--remove", *told, wheel])
        (wheel,) = Path(place).glob("*.whl")
        if target.platform.is_linux:
            check_linux(wheel, target.tag)
        return repacked(wheel, out)


def repacked(wheel: Path, out: Path) -> Path:
    """Write the wheel into ``out``, its files in the same format by zopfli: a twentieth smaller."""
    import zopfli

    made = out / wheel.name
    with zipfile.ZipFile(wheel) as old, zopfli.ZipFile(made, "w") as new:
        for entry in old.infolist():
            new.writestr(entry, old.read(entry))
    return made


def check_linux(wheel: Path, tag: str) -> None:
    """Stop unless the modules run wherever the tag says, as auditwheel finds.

    Of musl it finds nothing where there is none: there the modules must need its C library alone.
    """
    if tag.startswith("musllinux"):
        needed = libraries(wheel)
        if not needed <= {"libc.so"}:
            sys.exit(f"error: {wheel.name} needs {', '.join(sorted(needed))}")
        return
    said = run([sys.executable, "-m", "auditwheel", "show", wheel])
    if f'platform tag: "{tag}"' not in " ".join(said.split()):
        sys.exit(f"{said}\nerror: {wheel.name} is not {tag}")


def libraries(wheel: Path) -> set[str]:
    """The shared libraries that the wheel's modules need."""
    from elftools.elf.elffile import ELFFile

    needed: set[str] = set()
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.endswith(".so"):
                dynamic = ELFFile(io.BytesIO(archive.read(name))).get_section_by_name(".dynamic")
                needed.update(tag.needed for tag in dynamic.iter_tags("DT_NEEDED"))
    return needed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--platform", nargs="*", choices=PLATFORMS, default=[*PLATFORMS])
    parser.add_argument("--abi", nargs="*", choices=PYTHONS, default=[*PYTHONS])
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    told = parser.parse_args()
    told.out.mkdir(parents=True, exist_ok=True)
    for abi in told.abi:
        include = include_of(PYTHONS[abi])
        if include is None:
            print(f"no headers of Python {PYTHONS[abi]} here: no wheels for {abi}")
            continue
        for name in told.platform:
            if (name, abi) in NOT_MADE:
                continue
            target = Target(PLATFORMS[name], abi, include)
            for old in told.out.glob(f"*-{'-'.join(target.tags)}-*{target.platform.tag}*.whl"):
                old.unlink()
            wheel = build(target, BUILD / name, told.out)
            check = [sys.executable, ROOT / ".ci/check_wheel.py", wheel, str(LARGEST)]
            subprocess.run(check, check=True)


if __name__ == "__main__":
    main()
