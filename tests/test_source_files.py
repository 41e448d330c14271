"""Rules that the sources of the compiled core keep."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
INTERNAL = ("_common", "_core", "_data", "_model", "_monitor", "_training")
CORE = REPOSITORY / "src_cython" / "fastnn" / "_core"
pytestmark = pytest.mark.skipif(
    not CORE.is_dir() or not (REPOSITORY / "CONTRIBUTING.md").is_file(),
    reason="the tests stand without the checkout",
)
CYTHON_FILES = sorted([*CORE.rglob("*.pyx"), *CORE.rglob("*.pxd")])
C_FILES = sorted([*CORE.rglob("*.c"), *CORE.rglob("*.h")])


def including(pattern: str) -> list[str]:
    """The C files that include what ``pattern`` matches."""
    include = re.compile(rf"^\s*#\s*include\s+{pattern}", re.MULTILINE)
    return [
        path.relative_to(CORE).as_posix()
        for path in C_FILES
        if include.search(path.read_text(encoding="utf-8"))
    ]


def test_one_file_includes_intrinsics() -> None:
    assert including(r"<(\w*intrin|arm_neon|arm_sve)\.h>") == ["simd/simd.h"]


def test_no_other_file_uses_intrinsics() -> None:
    for path in C_FILES:
        if path.name != "simd.h":
            used = re.findall(r"\b_mm\d*_\w+|\bv\w+q_f(?:32|64)\b", path.read_text("utf-8"))
            assert used == [], path


def test_a_file_of_kernels_is_included_by_nobody() -> None:
    """It is compiled once; only ``foreach_isa.h`` includes it again, by the macro that names it."""
    assert including(r'"[^"]*\.c"') == []
    for path in CYTHON_FILES:
        assert not re.search(r'from "[^"]*\.c"', path.read_text(encoding="utf-8")), path


def test_tables_of_kernels_are_declared_in_one_place() -> None:
    declaring = [
        path.name
        for path in CYTHON_FILES
        if '"kernels/kernels.h"' in path.read_text(encoding="utf-8")
    ]
    assert declaring == ["kernels.pxd", "kernels.pyx"]


def test_contributing_names_each_file_of_the_core() -> None:
    text = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.partition("The compiled core, in `src_cython")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([\w./]+)`", section))
    c_files = {path.relative_to(CORE).as_posix() for path in C_FILES}
    modules = {path.stem for path in CORE.glob("*.pyx")} | {
        path.stem for path in CORE.glob("*.pxd")
    }
    plain = {name.removesuffix(".pyx").removesuffix(".pxd") for name in named}
    assert sorted(c_files - named) == []
    assert sorted(modules - plain) == []


@pytest.mark.parametrize("folder", INTERNAL)
def test_contributing_names_each_internal_file(folder: str) -> None:
    text = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| `{folder}/` \| .*$", text, re.MULTILINE)
    there = {path.name for path in (REPOSITORY / "fastnn" / folder).glob("*.py")} - {"__init__.py"}
    assert sorted(there - set(re.findall(r"`([\w.]+)`", row))) == []


@pytest.mark.parametrize("those", ["SANITIZED", "KERNELS"])
def test_each_test_of_a_list_in_the_makefile_is_there(those: str) -> None:
    text = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    listed = re.search(rf"^{those} \?= \$\(addprefix tests/test_,(.*?)\)", text, re.M | re.S)
    assert listed is not None
    names = listed[1].replace("\\", " ").split()
    assert len(names) > 12
    assert [name for name in names if not (REPOSITORY / "tests" / f"test_{name}").is_file()] == []
