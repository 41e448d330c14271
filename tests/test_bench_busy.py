"""The benchmark of trainings beside busy programs, and of one instruction set for all."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

import fastnn  # noqa: F401 before the repository is put on the path: the installed package is meant

ROOT = Path(__file__).resolve().parents[1]
if not (ROOT / "bench" / "busy.py").exists():
    pytest.skip("the benchmark is not beside the tests", allow_module_level=True)
sys.path.append(str(ROOT))

from bench import busy, instruction_set, machine, products  # noqa: E402
from bench.sharing import Training  # noqa: E402


def test_the_table_has_a_row_for_each_number_of_programs_and_epochs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(busy.TRAININGS, "small", Training((8, 5, 3), 10, "float32", 50))
    asked = ["small", "--programs", "0", "1", "--epochs", "2", "3", "--repeats", "1"]
    assert busy.main([*asked, "--output", str(tmp_path)]) == 0
    text = (tmp_path / "busy.md").read_text()
    assert text.strip() == capsys.readouterr().out.strip()
    rows = [line.split(" | ")[:3] for line in text.splitlines() if line.startswith("| small")]
    assert rows == [["| small", epochs, count] for count in "01" for epochs in "23"]


def test_all_are_held_to_one_instruction_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLA_FLAGS", "--xla_dump_to=x")
    held = instruction_set.environment("v3")
    assert held["FASTNN_ISA"] == "v3" and held["OPENBLAS_CORETYPE"] == "Haswell"
    assert held["XLA_FLAGS"] == "--xla_dump_to=x --xla_cpu_max_isa=AVX2"
    assert instruction_set.held_to() == []
    for name, value in held.items():
        monkeypatch.setenv(name, value)
    assert instruction_set.environment("v3") == held
    assert instruction_set.held_to()[0].startswith("All held to v3: FASTNN_ISA=v3 OPENBLAS")
    assert machine.describe([], "0")[-1] == instruction_set.held_to()[0]
    instruction_set.hold("v3", "bench.epoch", [])  # is so already: nothing is started


def test_the_command_starts_anew_where_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    monkeypatch.delenv("FASTNN_ISA", raising=False)
    monkeypatch.setattr(os, "execve", lambda *call: started.append(call))
    instruction_set.hold(None, "bench.epoch", ["tiny"])
    assert started == []
    instruction_set.hold("v3", "bench.epoch", ["tiny", "--isa", "v3"])
    [(program, command, environment)] = started
    assert program == sys.executable
    assert command[1:] == ["-m", "bench.epoch", "tiny", "--isa", "v3"]
    assert environment["FASTNN_ISA"] == "v3"


def test_products_of_all_are_the_same() -> None:
    """Each contender writes the product into the same array."""
    for kind in products.KINDS.values():
        found = []
        for way in (products.by_fastnn, products.by_openblas):
            C, A, B = products.factors(kind, (5, 7, 4), "float64")
            C[:] = 0
            way(kind, C, A, B)()
            found.append(C / (2 - 0.5**9) if way is products.by_fastnn and kind == "tn" else C)
        assert abs(found[0] - found[1]).max() < 1e-12
    text = products.measure("float32", [(5, 7, 4)], 0.001)
    assert len(text.splitlines()) == 7
