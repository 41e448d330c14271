"""The judgement of the preset: what is in its table, and that its contenders can be fitted."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.dummy import DummyClassifier, DummyRegressor

import fastnn.sklearn  # before the repository is put on the path: the installed package is meant

ROOT = Path(__file__).resolve().parents[1]
if not (ROOT / "bench" / "tabular.py").exists():
    pytest.skip("the benchmark is not beside the tests", allow_module_level=True)
sys.path.append(str(ROOT))

from bench import tabular  # noqa: E402


def known(classifies: bool, seed: int) -> list:
    """Four that answer the same, whatever the rows are."""
    kind = DummyClassifier if classifies else DummyRegressor
    return [kind() for _ in tabular.CONTENDERS]


def test_the_table_has_means_and_spreads(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(tabular, "models", known)
    assert tabular.main(["--quick", "--output", str(tmp_path)]) == 0
    text = (tmp_path / "tabular.md").read_text("utf-8")
    row = next(line for line in text.splitlines() if line.startswith("| iris"))
    assert "| iris | 150 × 4 | 33.3 ± 0.0 (" in row
    assert row.count("33.3 ± 0.0") == 4
    assert "| diabetes | 442 × 10 |" in text
    assert "1 seeds × 5 folds" in text
    assert "| iris |" in capsys.readouterr().out


@pytest.mark.parametrize("classifies", [True, False])
def test_both_perceptrons_are_the_same_network(classifies):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3)).astype(np.float32)
    y = X[:, 0] > 0 if classifies else X[:, 0] * 10
    theirs, ours, preset, _ = tabular.models(classifies, seed=1)
    for model in (theirs, ours):
        chain = model if classifies else model.regressor
        chain[-1].set_params(max_iter=3)
    with pytest.warns(UserWarning):
        a, b = (model.fit(X, y).predict(X) for model in (theirs, ours))
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-3)
    assert preset.preset == "tabular"
    assert isinstance(preset, (fastnn.sklearn.MLPClassifier, fastnn.sklearn.MLPRegressor))


@pytest.mark.parametrize("tables", [tabular.CLASSES, tabular.NUMBERS])
def test_every_table_is_real_or_said_to_be_constructed(tables):
    for name, make in tables.items():
        X, y = make(0)
        constructed = not np.array_equal(X, make(1)[0])
        assert constructed == name.endswith("(constructed)")
        assert len(X) == len(y)
        assert np.isfinite(X).all()
