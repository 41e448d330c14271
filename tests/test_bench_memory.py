"""The benchmark of peak memory."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

import fastnn  # noqa: F401 before the repository is put on the path: the installed package is meant

ROOT = Path(__file__).resolve().parents[1]
if not (ROOT / "bench" / "memory.py").exists():
    pytest.skip("the benchmark is not beside the tests", allow_module_level=True)
sys.path.append(str(ROOT))

from bench import memory  # noqa: E402
from bench.memory import Memory  # noqa: E402
from bench.works import WORKS, Target, Work  # noqa: E402

MB = 2**20
WIDE = Work("wide", "synthetic", (1_000, 4_000, 10), batch=4, rows=8)


def test_a_fresh_process_measures_its_own_memory() -> None:
    held = b"1" * (300 * MB)  # by the parent, which must not show in the child
    found = memory.measure(WIDE, "adam")
    del held
    assert found.data == 8 * 8 * 1_010
    assert found.parameters == 8 * (1_001 * 4_000 + 4_001 * 10)
    # Itself, the gradient and two moments have been written to.
    assert 4 * found.parameters <= found.trained < 300 * MB + 4 * found.parameters
    assert found.parameters <= found.built <= found.trained


def test_what_fails_in_the_process_is_said() -> None:
    with pytest.raises(RuntimeError, match=r"wide with newton: .*newton"):
        memory.measure(WIDE, "newton")


def test_work_comes_back_from_its_json() -> None:
    work = replace(WORKS["bn512"], rows=7)
    sent = json.dumps([asdict(work), "sgd"])
    assert memory.of_json(sent) == (replace(work, target=Target()), "sgd")


def test_line_judges_by_the_optimizers_copies() -> None:
    found = Memory(data=MB, parameters=10 * MB, built=2 * MB, trained=90 * MB)
    assert found.allowed("sgd") == 84 * MB
    assert found.allowed("adam") == 104 * MB
    assert memory.line(WIDE, "sgd", found) == (
        "| wide | sgd | 1.0 | 10.0 | 2.0 | 90.0 | 84.0 | NOT met |"
    )
    assert memory.line(WIDE, "adam", found).endswith("| 104.0 | met |")


@pytest.mark.parametrize(("trained", "code"), [(1, 0), (10**12, 1)])
def test_command_prints_a_row_a_work_and_optimizer(
    trained: int, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []
    monkeypatch.setattr(
        memory, "measure", lambda work, name: asked.append((work, name)) or Memory(1, 1, 1, trained)
    )
    assert memory.main(["tiny", "wide2048", "--optimizer", "adam", "--rows", "9"]) == code
    assert asked == [(replace(WORKS[name], rows=9), "adam") for name in ("tiny", "wide2048")]
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[0] for line in lines] == ["| work", "|---|---|---:|---:|---:|---:|---:|---|", "| tiny", "| wide2048"]  # fmt: skip  # noqa: E501


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predict_row20"], "unknown work 'predict_row20'"),
        (["--optimizer", "rprop"], "invalid choice: 'rprop'"),
        (["--rows", "0"], "expected a whole number from 1, got '0'"),
    ],
)
def test_command_refuses_bad_arguments(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        memory.main(arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err
