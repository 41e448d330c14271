"""The demo: it trains, compares with the reference, and draws."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fastnn import demo
from fastnn.cli import main

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")


def test_the_two_trainings_agree(tmp_path: Path) -> None:
    lines: list[str] = []
    found = demo.run_demo(tmp_path / "curves.png", epochs=3, say=lines.append)
    assert found.difference < 1e-10
    assert found.reference_seconds > 0 < found.seconds
    assert found.accuracy > 0.85
    assert len(found.history) == 3
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    text = "\n".join(lines)
    assert f"test accuracy {found.accuracy:.1%}" in text
    assert f"{found.reference_seconds / found.seconds:.0f} times faster" in text
    assert f"their weights: {found.difference:.1e}" in text


def test_two_kinds_of_network_start_alike(tmp_path: Path, monkeypatch) -> None:
    timed = []
    monkeypatch.setattr(demo, "_time_training", lambda network, *rest: timed.append(network) or 1.0)
    demo.run_demo(tmp_path / "curves.png", epochs=1, say=lambda line: None)
    fast, slow = timed
    assert type(fast) is not type(slow)
    assert (fast.parameters == slow.parameters).all()


def test_the_subcommand(tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--epochs", "2"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "2 epochs" in printed.out
    assert float(re.search(r"between their weights: (\S+)", printed.out)[1]) < 1e-10
    assert [path.name for path in tmp_path.iterdir()] == ["curves.png"]
