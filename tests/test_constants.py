"""The numbers that parts of the core share are the same in Cython, in Python and in C."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import REPOSITORY

from fastnn._core import compiled_plan

CORE = REPOSITORY / "src_cython" / "fastnn" / "_core"
if not CORE.is_dir():
    pytest.skip("the sources are not beside the tests", allow_module_level=True)
CONSTANTS = {
    name: int(value)
    for name, value in re.findall(
        r"^    ([A-Z_]+) = (\d+)", (CORE / "constants.pxd").read_text(encoding="utf-8"), re.M
    )
}


def defined(header: str, name: str) -> int:
    """The number of a macro in a header."""
    text = (CORE / "runtime" / header).read_text(encoding="utf-8")
    (value,) = re.findall(rf"^#define {name} (\d+)", text, re.M)
    return int(value)


@pytest.mark.parametrize(
    "name",
    ["CACHE_LINE", "ALIGNMENT", "MAX_LANES", "MAX_PARTIAL_SUMS", "MAX_WORKERS", "WIDE_LAYER"],
)
def test_python_has_those_of_cython(name: str) -> None:
    assert getattr(compiled_plan, name) == CONSTANTS[name]


def test_those_of_c_are_the_same() -> None:
    workers = defined("thread_pool.h", "FASTNN_MAX_WORKERS")
    assert workers == CONSTANTS["MAX_WORKERS"]
    assert defined("prefetch.h", "FASTNN_LINE") == CONSTANTS["CACHE_LINE"]


def test_those_that_follow_from_others() -> None:
    assert CONSTANTS["DOUBLES_PER_LINE"] * 8 == CONSTANTS["CACHE_LINE"]
    assert CONSTANTS["ALIGNMENT"] * 4 == CONSTANTS["CACHE_LINE"]
    assert CONSTANTS["ALIGNMENT"] % CONSTANTS["MAX_LANES"] == 0
    assert CONSTANTS["ROW_BUFFER"] >= compiled_plan.MAX_LANES


@pytest.mark.parametrize("source", [*CORE.glob("*.pyx"), *CORE.glob("*.pxd")], ids=lambda p: p.name)
def test_each_stands_once(source: Path) -> None:
    """No other file gives one of them a number of its own."""
    if source.name != "constants.pxd":
        text = source.read_text(encoding="utf-8")
        assert not re.findall(rf"^\s+({'|'.join(CONSTANTS)}) = \d", text, re.M)
