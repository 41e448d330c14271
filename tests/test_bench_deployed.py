"""``bench.deployed`` times what agrees, and says which does not."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

import fastnn  # noqa: F401 before the repository is put on the path: the installed package is meant

ROOT = Path(__file__).resolve().parents[1]
if not (ROOT / "bench" / "deployed.py").exists():
    pytest.skip("the benchmark is not beside the tests", allow_module_level=True)
sys.path.append(str(ROOT))

from bench import deployed  # noqa: E402

QUICK = ["--repeats", "2", "--seconds", "0.001"]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("cc") is None:
        pytest.skip("needs cc")
    monkeypatch.setattr(deployed, "NETWORKS", {"small": (3, 4, 2)})
    for name in ("by_onnx", "by_torch"):  # their imports take seconds
        monkeypatch.setattr(deployed, name, deployed.by_sklearn)


def test_the_table_has_a_line_for_each_that_is_asked(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    assert deployed.main([*QUICK, "--output", str(tmp_path)]) == 0
    lines = (tmp_path / "deployed.md").read_text("utf-8").splitlines()
    asked = [line.split("|")[2].strip() for line in lines if line.startswith("| small")]
    assert {"fastnn", "exported NumPy", "scikit-learn", "C in a loop of C, cc -O2"} <= {*asked}


def test_outputs_that_differ_end_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = lambda net, folder: lambda X: np.zeros(2)  # noqa: E731
    monkeypatch.setattr(deployed, "by_sklearn", wrong)
    assert deployed.main([*QUICK, "--output", str(tmp_path)]) == 1
    assert "not equal: small, scikit-learn" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())
