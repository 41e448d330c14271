"""``fastnn export`` in fixed point, with a sample of rows in a file."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from cli_files import points, write_table

import fastnn
from fastnn.cli import main


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a table, in which commands run, and the network that was trained on it."""
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "points.csv", *points())
    told = ["train", "points.csv", "-o", "net.json", "--epochs", "3", "--seed", "1"]
    assert main([*told, "--progress", "none"]) == 0
    return tmp_path


def test_the_units_are_chosen_by_the_rows_of_a_table(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    told = ["export", "net.json", "net.c", "--fixed", "int16", "--sample", "points.csv"]
    assert main(told) == 0
    said = capsys.readouterr().out
    net = fastnn.load(trained / "net.json")
    done = net.export(trained / "other.c", fixed="int16", sample=points()[0])
    assert done.error is not None and done.changed is not None
    assert f"int16 changes the outputs for the sample by up to {done.error:.3g}" in said
    assert f", and {done.changed:.3%} of the classes" in said
    text = (trained / "net.c").read_text()
    assert (
        text.replace("net_", "other_").replace("NET_", "OTHER_").replace('"net.h"', '"other.h"')
        == (trained / "other.c").read_text()
    )


def test_the_sample_may_be_arrays_with_or_without_targets(trained: Path) -> None:
    X, y = points()
    np.savez(trained / "rows.npz", X=X)
    np.savez(trained / "both.npz", X=X, y=y)
    texts = []
    for name in ("rows.npz", "both.npz", "points.csv"):
        told = ["export", "net.json", "net.c", "--fixed", "int8", "--sample", name]
        assert main([*told, "--dtype", "float32"]) == 0
        texts.append((trained / "net.c").read_text())
    assert texts[0] == texts[1] == texts[2]
    assert re.search(r"Layers in fixed point, with weights of\s+\*?\s*int8", texts[0])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["net.c", "--fixed", "int16"], "--fixed needs --sample DATA"),
        (["net.c", "--sample", "points.csv"], "--fixed needs --sample DATA"),
        (["net.c", "--header"], "--header: only with --sample DATA, a table"),
        (["net.c", "--fixed", "int4", "--sample", "points.csv"], "invalid choice: 'int4'"),
        (["net.py", "--fixed", "int8", "--sample", "points.csv"], "--fixed: only for a FILE that"),
        (["net.c", "--fixed", "int8", "--sample", "none.csv"], "none.csv: no such file"),
        (["net.c", "--fixed", "int8", "--sample", "digits"], "net.json takes 2 inputs, but digits"),
        (["points.csv"], "FILE: expected another file|path: expected a file's name that ends in"),
    ],
)
def test_what_does_not_go_together_writes_nothing(
    options: list[str], said: str, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if "digits" in options:
        pytest.importorskip("sklearn")
    before = {path.name: path.read_bytes() for path in trained.iterdir()}
    assert main(["export", "net.json", *options]) == 2
    assert re.search(said, capsys.readouterr().err)
    assert {path.name: path.read_bytes() for path in trained.iterdir()} == before
