"""The record of bits: what it holds, and that it shows a change."""

from __future__ import annotations

import json
from pathlib import Path

import bits
import pytest


@pytest.fixture(scope="module")
def found() -> dict[str, str]:
    return bits.digests()


def test_any_number_of_threads_has_one_digest(found: dict[str, str]) -> None:
    trained = [name.rsplit(" ", 1) for name in found if " " in name]
    assert {int(n_threads) for _, n_threads in trained} == set(bits.THREADS)
    for name, n_threads in trained:
        assert found[f"{name} {n_threads}"] == found[f"{name} 1"], name


def test_no_two_configurations_have_one(found: dict[str, str]) -> None:
    alone = [digest for name, digest in found.items() if " " not in name or name.endswith(" 1")]
    assert len(set(alone)) == len(alone) > 80


def test_a_change_is_shown(
    found: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(bits, "all_digests", lambda: dict(found))
    record = tmp_path / "before.json"
    assert bits.main(["record", str(record)]) == 0
    assert bits.main(["compare", str(record)]) == 0
    before = json.loads(record.read_text())
    record.write_text(json.dumps({**before, "book float64 1": "0"}))
    assert bits.main(["compare", str(record)]) == 1
    assert "changed: book float64 1\n" in capsys.readouterr().out
