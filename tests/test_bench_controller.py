"""``bench.controller`` compiles for a Cortex-M4, without a warning, and tells sizes."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

import fastnn  # noqa: F401 before the repository is put on the path: the installed package is meant

ROOT = Path(__file__).resolve().parents[1]
if not (ROOT / "bench" / "controller.py").exists():
    pytest.skip("the benchmark is not beside the tests", allow_module_level=True)
sys.path.append(str(ROOT))

from bench import controller  # noqa: E402


def test_fixed_point_is_smaller_and_about_as_right(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    for compiler in (controller.COMPILER, "cc"):
        if shutil.which(compiler) is None:
            pytest.skip(f"needs {compiler}")
    assert controller.main(["--epochs", "5", "--output", str(tmp_path)]) == 0
    lines = (tmp_path / "controller.md").read_text("utf-8").splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if "| -O" in line]
    flash = {(name, level): int(size) for name, level, size, *_ in cells}
    assert flash["int8", "-Os"] < flash["int16", "-Os"] < flash["float", "-Os"]
    # 64·30 + 30 + 30·10 + 10 weights and biases of four bytes, and little code
    assert 4 * 2260 < flash["float", "-Os"] < 4 * 2260 + 1500
    assert {ram for _, _, _, ram, *_ in cells} == {"0"}
    right = {name: float(told[:-1]) for name, _, _, _, _, told in cells}
    assert abs(right["int16"] - right["float"]) <= 0.3


def test_without_the_compiler_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(controller, "COMPILER", "no-such-compiler")
    assert controller.main([]) == 1
    assert "needs no-such-compiler" in capsys.readouterr().err
