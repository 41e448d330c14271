"""The command ``fastnn search``: what it tries, tells, writes, refuses and resumes."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import pytest
from cli_commands import run
from cli_files import points, write_table

import fastnn
from fastnn import datasets
from fastnn.cli import main, search
from fastnn.cli.search_results import lines_of_table, varying
from fastnn.many import fit_many
from fastnn.preprocessing import Standardizer

if sys.version_info < (3, 11):
    pytest.importorskip("tomli")

GRID = """
seeds = [3, 5]

[settings]
hidden = [[4], [6, 4], []]
cost = "log_likelihood"
epochs = 4
optimizer = { name = "adam", beta1 = 0.8 }
learning_rate = [0.1, 0.001]
"""


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a table of classes, one of numbers, and grids."""
    monkeypatch.chdir(tmp_path)
    X, y = points()
    write_table(Path("points.csv"), X, y)
    rows = [f"{a!r},{b!r},{10 + a - 2 * b!r}" for a, b in X.tolist()]
    Path("numbers.csv").write_text("\n".join(["a,b,price", *rows]) + "\n")
    Path("grid.toml").write_text(GRID)


def by_hand(**more: object) -> object:
    """The same search in Python."""
    split = datasets.load("points.csv")
    scale = Standardizer().fit(split.train[0])
    rows, validation = ((scale.transform(X), y) for X, y in (split.train, split.validation))
    told = {"validation_data": validation, "seeds": [3, 5], **more}
    settings = {
        "sizes": [[2, 4, 3], [2, 6, 4, 3], [2, 3]], "cost": "log_likelihood", "epochs": 4,
        "optimizer": fastnn.optimizers.Adam(beta1=0.8), "learning_rate": [0.1, 0.001],
    }  # fmt: skip
    return fit_many(*rows, settings, **told)


def read_jobs(path: str) -> dict[str, list[str]]:
    with Path(path).open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]}


def results(path: str) -> dict[str, list[str]]:
    """Return a table of jobs without what the clock says."""
    return {name: cells for name, cells in read_jobs(path).items() if name != "seconds"}


def test_it_is_fit_many_on_the_rows_of_train(capsys) -> None:
    printed = run("search grid.toml points.csv --table jobs.csv -o best.json --jobs 1", capsys)
    expected, jobs = by_hand(), read_jobs("jobs.csv")
    for name in ("setting", "seed", "fold", "training_cost", "validation_cost", "score", "epochs"):
        assert [float(cell) for cell in jobs[name]] == expected[name].tolist()
    assert jobs["sizes"][::4] == ["2-4-3", "2-6-4-3", "2-3"]
    assert jobs["optimizer"][0] == "adam (beta1 0.8)"
    best = expected.best()
    assert f"best job: row {best['row']}, seed {best['seed']}, score {best['score']:.4f}" in printed
    network = fastnn.load("best.json")
    split = datasets.load("points.csv")
    scale = Standardizer().fit(split.train[0])
    outputs = expected.network(best["row"]).predict(scale.transform(split.test[0]))
    assert np.allclose(network.predict(split.test[0]), outputs, rtol=0, atol=1e-12)
    assert network.table.classes == (0, 1, 2)
    assert "judged by 12 rows" in printed
    assert "its network, test accuracy" in printed


def test_the_best_setting_is_the_first_line(capsys) -> None:
    lines = run("search grid.toml points.csv --top 3", capsys).splitlines()
    head = next(i for i, line in enumerate(lines) if "validation cost" in line)
    means = [float(line.split()[0]) for line in lines[head + 1 : head + 4]]
    every = by_hand().by_setting()["score_mean"]
    assert means == pytest.approx(sorted(every, reverse=True)[:3], abs=1e-4)
    assert lines[head + 4].startswith("best job")
    assert "all: cost log_likelihood, epochs 4, optimizer adam (beta1 0.8)" in lines


def test_small_scores_may_be_the_good_ones(capsys) -> None:
    grid = GRID.replace("[settings]", 'scoring = "mean_squared_error"\n[settings]')
    Path("grid.toml").write_text(grid)
    lines = run("search grid.toml points.csv", capsys).splitlines()
    scores = [float(line.split()[0]) for line in lines if " ± " in line]
    assert len(scores) == 6 and scores == sorted(scores)


def test_folds_of_training_and_validation_rows(capsys) -> None:
    pytest.importorskip("sklearn")
    Path("grid.toml").write_text(f"cv = 3\n{GRID}")
    printed = run("search grid.toml points.csv --table jobs.csv", capsys)
    assert "each network is trained on 96 rows, and judged by 3 folds of the rows" in printed
    jobs = read_jobs("jobs.csv")
    assert jobs["fold"] == ["0", "1", "2"] * 12
    assert "fold " in next(line for line in printed.splitlines() if line.startswith("best job"))


def test_a_regression_needs_not_say_its_cost(capsys) -> None:
    Path("grid.toml").write_text(
        "[settings]\nhidden = [8]\nactivation = ['tanh', 'relu']\nepochs = 60\n"
        "optimizer = 'adam'\nlearning_rate = 0.03\nbatch_size = 8"
    )
    printed = run("search grid.toml numbers.csv -o best.json", capsys)
    assert "all: cost quadratic, output identity, sizes 2-8-1" in printed
    assert "test R² 0.9" in printed
    X, y = datasets.load("numbers.csv", task="regression").test
    assert np.abs(fastnn.load("best.json").predict(X)[:, 0] - y).max() < 1  # of numbers around 10


def test_single_settings_and_jobs_that_fail(capsys) -> None:
    Path("grid.toml").write_text(
        "[[settings]]\nhidden = [4]\nepochs = 2\n"
        "[[settings]]\nsizes = [2, 5, 3]\nepochs = 3\ncost = 'quadratic'\noutput = 'identity'\n"
        "learning_rate = 1e200\n"
    )
    printed = run("search grid.toml points.csv", capsys)
    assert "2 jobs of 2 settings" in printed
    assert "note: 1 failed, the first with diverged in epoch 1" in printed
    last = next(line for line in printed.splitlines() if "1 of 1" in line)
    assert last.split("  ")[-1] == (
        "sizes 2-5-3, epochs 3, cost quadratic, output identity, learning_rate 1e+200"
    )


def test_without_validation_rows_it_is_said(capsys) -> None:
    printed = run("search grid.toml points.csv --validation 0", capsys)
    assert "judged by 96 rows, which are those it is trained on" in printed


def test_a_journal_is_gone_on_with(capsys) -> None:
    command = "search grid.toml points.csv --journal jobs.jsonl --table {}"
    run(command.format("one.csv"), capsys)
    lines = Path("jobs.jsonl").read_bytes().splitlines(keepends=True)
    assert len(lines) == 13
    Path("jobs.jsonl").write_bytes(b"".join(lines[:5]) + lines[5][:20])  # killed within a line
    run(command.format("two.csv"), capsys)
    again = Path("jobs.jsonl").read_bytes().splitlines(keepends=True)
    assert again[:5] == lines[:5] and len(again) == 13
    assert results("one.csv") == results("two.csv")


def test_after_ctrl_c_it_is_said_how_to_go_on(capsys, monkeypatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(search, "fit_many", interrupted)
    for more, words in (("--journal j.jsonl", "goes on from j.jsonl"), ("", "--journal keeps")):
        assert main(f"search grid.toml points.csv {more}".split()) == 130
        assert words in capsys.readouterr().err


def test_over_a_dask_cluster(capsys) -> None:
    distributed = pytest.importorskip("distributed", reason="dask is not installed")
    run("search grid.toml points.csv --table one.csv", capsys)
    with distributed.LocalCluster(
        n_workers=1, processes=False, dashboard_address=None, protocol="tcp"
    ) as cluster:
        command = f"search grid.toml points.csv --table two.csv --dask {cluster.scheduler_address}"
        assert main(command.split()) == 0
        address = cluster.scheduler_address
    assert results("one.csv") == results("two.csv")
    capsys.readouterr()
    search.CONNECTED_AFTER, before = "1s", search.CONNECTED_AFTER
    try:
        assert main(f"search grid.toml points.csv --dask {address}".split()) == 2
    finally:
        search.CONNECTED_AFTER = before
    assert "--dask: no scheduler answers at tcp://" in capsys.readouterr().err


def test_the_picture(capsys) -> None:
    pytest.importorskip("matplotlib")
    printed = run("search grid.toml points.csv --plot scores.svg", capsys)
    assert "wrote scores.svg" in printed
    assert Path("scores.svg").read_bytes().lstrip().startswith(b"<?xml")


def test_what_differs_and_what_does_not() -> None:
    settings = [{"a": 1, "b": [1]}, {"a": 1, "b": [2]}, {"a": 1, "b": [1], "c": 0.5}]
    assert varying(settings) == ({"a": 1}, ["b", "c"])
    X, y = np.eye(4), [0, 1, 0, 1]
    found = fit_many(X, y, [{"sizes": [4, 2], "epochs": 1}], n_jobs=1)
    assert lines_of_table(found, [0])[1].endswith("  the only one")


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        ("", "grid.toml: settings: expected a table [settings], got none"),
        ("seeds = 3\nhidden = 3", "grid.toml: 'hidden': expected one of settings, seeds, cv"),
        (f"{GRID}\nbatch-size = 3\nbatch_size = 4", "grid.toml: settings: batch_size: expected it"),
        ("[settings\n", "grid.toml: expected a TOML file: "),
        (GRID.replace("[3, 5]", "0"), "grid.toml: seeds: expected how many or a list of them"),
        (GRID.replace("[3, 5]", "[3, 'x']"), "grid.toml: seeds: expected how many"),
        (GRID.replace("[3, 5]", "[-1]"), "grid.toml: seeds[0]: expected 0 or more, got -1"),
        (f"cv = 'five'\n{GRID}", "grid.toml: cv: expected a number of folds, got 'five'"),
        (f"scoring = 1\n{GRID}", "grid.toml: scoring: expected a name, got 1"),
        (f"scoring = 'best'\n{GRID}", "grid.toml: scoring: "),
        ("[settings]\nepochs = 1", "settings: hidden: expected it or sizes, got neither"),
        ("[settings]\nhidden = [1]\nsizes = [2, 3]", "hidden: expected it or sizes, got both"),
        ("[settings]\nhidden = 3", "settings: hidden: expected numbers of neurons, got 3"),
        ("[[settings]]\nhidden = [0]\nepochs = 1", "settings[0]: hidden: expected numbers"),
        ("settings = [1]", "settings[0]: expected a table [[settings]], got 1"),
        (GRID.replace("epochs", "epoch"), "grid.toml: settings[0]: 'epoch': expected a key of"),
        (GRID.replace("[0.1, 0.001]", "[0.1, -1]"), "grid.toml: settings[1]: learning_rate: "),
        (GRID.replace("[0.1, 0.001]", "[]"), "settings: learning_rate: expected at least one"),
        (GRID.replace("log_likelihood", "mse"), "settings[0]: cost: expected one of quadratic"),
        (GRID.replace("hidden = [[4], [6, 4], []]", "sizes = [9, 3]"), "expected 2 inputs"),
    ],
)
def test_a_bad_grid_is_one_line(grid: str, words: str, capsys) -> None:
    Path("grid.toml").write_text(grid)
    assert main(["search", "grid.toml", "points.csv", "-o", "new.json"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("fastnn: error: ") and words in line
    assert not Path("new.json").exists()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("search", "GRID, DATA"),
        ("search none.toml points.csv", "none.toml: No such file or directory"),
        ("search . points.csv", ".: Is a directory"),
        ("search points.csv grid.toml", "points.csv: expected a TOML file: "),
        ("search grid.toml points.csv -o grid.toml", "--output: expected a name ending in .json"),
        ("search grid.toml points.csv --table t.txt", "--table: expected a name ending in .csv"),
        ("search grid.toml points.csv --table points.csv", "points.csv is read, too"),
        ("search grid.toml points.csv --journal grid.toml", "grid.toml is read, too"),
        ("search grid.toml points.csv --plot s.gif", "--plot: expected a name ending in .png"),
        ("search grid.toml points.csv --jobs 0", "--jobs: expected a whole number of 1 or more"),
        ("search grid.toml points.csv --jobs 1 --dask a", "not allowed with argument"),
        ("search grid.toml points.csv --validation 1", "--validation: expected a share"),
    ],
)
def test_bad_words_are_one_line(command: str, words: str, capsys) -> None:
    before = {path: path.read_bytes() for path in Path().iterdir()}
    assert main(command.split()) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("fastnn: error: ") and words in line
    assert {path: path.read_bytes() for path in Path().iterdir()} == before


def test_a_journal_of_another_search_is_refused(capsys) -> None:
    run("search grid.toml points.csv --journal jobs.jsonl", capsys)
    Path("grid.toml").write_text(GRID.replace("[3, 5]", "[3, 6]"))
    assert main(["search", "grid.toml", "points.csv", "--journal", "jobs.jsonl"]) == 2
    assert "which differs in seeds" in capsys.readouterr().err


def test_when_all_jobs_fail_the_first_reason_is_told(capsys) -> None:
    Path("grid.toml").write_text(
        "[settings]\nhidden = [4]\nepochs = 1\ncost = 'quadratic'\noutput = 'identity'\n"
        "learning_rate = 1e200\n"
    )
    assert main(["search", "grid.toml", "points.csv"]) == 2
    said = capsys.readouterr().err
    assert "no job succeeded, the first failed with diverged in epoch 1" in said
