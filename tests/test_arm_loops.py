"""The inner loops that compilers make for NEON: how much is done beside multiplying and adding."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from arm_machine import FLAGS

SOURCE = Path(__file__).with_name("neon_loops.c")
TARGET = "aarch64-linux-gnu"
COMPILERS = {
    "clang": [sys.executable, "-m", "ziglang", "cc", "-target", f"{TARGET}.2.17"],
    "gcc": [f"{TARGET}-gcc"],
}
# How many multiply-adds a step of each has at least.
TILES = {
    "dot_full": 16,
    "rank_down": 24,
    "rank_across": 24,
    "rank_of_panel": 24,
    "lane_product_tile": 20,
    "lane_gradient_tile": 20,
}
MOVES = ("mov", "fmov", "movi", "dup", "ins", "umov", "orr", "zip1", "zip2")


def functions(compiler: str, folder: Path) -> dict[str, list[str]]:
    """Compile the tiles, and return the instructions and labels of each."""
    command = COMPILERS[compiler]
    if compiler == "clang" and find_spec("ziglang") is None:
        pytest.skip("needs zig's compiler, ziglang of PyPI")
    if compiler == "gcc" and shutil.which(command[0]) is None:
        pytest.skip(f"needs {command[0]}")
    found: dict[str, list[str]] = {}
    for file in ("gemm_small", "feature_major"):
        name = str(folder / "tiles.s")
        of = [f'-DKERNELS="kernels/{file}.c"', f"-DOF_{file.upper()}"]
        options = ["-O3", "-fPIC", *FLAGS, *of, "-S", str(SOURCE), "-o", name]
        result = subprocess.run([*command, *options], capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        lines: list[str] = []
        for line in Path(name).read_text(encoding="utf-8").splitlines():
            text = line.partition("//")[0].strip()
            if label := re.fullmatch(r"([a-z]\w*):", text):
                lines = found[label[1]] = []
            elif text.endswith(":") or (text and text[0] not in ".#"):
                lines.append(text)
    return found


def inner_loop(lines: list[str]) -> list[list[str]]:
    """Return the instructions of the innermost loop with most multiply-adds, in words."""
    labels = {line[:-1]: i for i, line in enumerate(lines) if line.endswith(":")}
    loops = []
    for end, line in enumerate(lines):
        jump = re.fullmatch(r"(?:b\.?\w*|cbn?z|tbn?z)\s.*?(\.L\w+)", line)
        if jump and labels.get(jump[1], end + 1) <= end:
            loops.append((labels[jump[1]], end))
    innermost = [
        lines[a : b + 1]
        for a, b in loops
        if not any((a, b) != (c, d) and a <= c and d <= b for c, d in loops)
    ]
    words = [[i.split(None, 1) for i in loop if not i.endswith(":")] for loop in innermost]
    return max(words, key=lambda loop: sum(w[0] == "fmla" for w in loop))


@pytest.fixture(scope="module", params=sorted(COMPILERS))
def tiles(request, tmp_path_factory):
    return functions(request.param, tmp_path_factory.mktemp("tiles"))


@pytest.mark.parametrize("dtype", ["double", "float"])
@pytest.mark.parametrize(("name", "least"), TILES.items())
def test_loads_and_moves_are_few(tiles, name, least, dtype):
    """Sums stay in registers, and there are at most 0.35 loads and moves for each multiply-add."""
    loop = inner_loop(tiles[f"{name}_{dtype}"])
    multiply_adds = sum(w[0] == "fmla" for w in loop)
    beside = sum(w[0].startswith("ld") or w[0] in MOVES for w in loop)
    on_stack = [w for w in loop if re.search(r"\[(sp|x29)", w[-1])]
    print(f"{name} {dtype}: {1 + beside / multiply_adds:.3f}")  # pytest -rP shows it
    assert multiply_adds >= least
    assert not on_stack
    assert not [w for w in loop if w[0].startswith("st")]
    assert 1 + beside / multiply_adds <= 1.35
