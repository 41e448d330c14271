"""The benchmark of trainings that share the processors."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import fastnn  # noqa: F401 before the repository is put on the path: the installed package is meant

ROOT = Path(__file__).resolve().parents[1]
if not (ROOT / "bench" / "sharing.py").exists():
    pytest.skip("the benchmark is not beside the tests", allow_module_level=True)
sys.path.append(str(ROOT))

from bench import sharing  # noqa: E402
from bench.sharing import Training, Way  # noqa: E402

QUICK = ["small", "--repeats", "1", "--seconds", "0.01", "--at-once", "2"]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "SETTLE", 0.0)
    monkeypatch.setitem(sharing.TRAININGS, "small", Training((8, 5, 3), 10, "float32", 50))


def test_the_table_has_a_row_a_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sharing.main([*QUICK, "--output", str(tmp_path)]) == 0
    text = (tmp_path / "sharing.md").read_text("utf-8")
    assert "medians of 1 rounds" in text and "2 by default" in text
    assert sum(line.startswith("| small |") for line in text.splitlines()) == 1
    assert capsys.readouterr().out.strip() == text.strip()


def test_ratios_are_taken_round_by_round() -> None:
    ways = [Way(1, 1), Way(1, None), Way(2, 1), Way(2, None)]
    times = [[1.0, 2.0, 4.0], [0.5, 1.0, 2.0], [1.0, 3.0, 4.0], [1.2, 2.2, 8.0]]
    line = sharing.row("any", dict(zip(ways, times, strict=True)))
    assert line == "| any | 2.000 | × 0.50 | × 1.00 | **× 1.20** | 1.15 |\n"


def test_other_results_in_company_are_no_measurement(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sharing, "SEED", None)
    assert sharing.main([*QUICK, "--output", str(tmp_path)]) == 1
    assert "not equal: small, 1 at once, n_threads=1" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
