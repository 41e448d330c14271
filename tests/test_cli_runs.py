"""Folders of runs: what is in them, that they go on from wherever they were ended, and their
pictures; somebody's own table with Chinese names from beginning to end; learning rates and
experiments."""

from __future__ import annotations

import csv
import importlib.util
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_commands import run
from cli_files import points, write_table
from conftest import REPOSITORY

import fastnn
from fastnn.cli import main
from fastnn.cli.pictures import draw_run
from fastnn.cli.run_folder import RunFolder

if sys.version_info < (3, 11):
    pytest.importorskip("tomli")

# What has to go on: an optimizer's state, masks, statistics, schedules and rules.
KINDS = {
    "stopping": "--optimizer adam --learning-rate 0.05 --dropout 0.3 --normalization batch "
    "--stopping patience=3",
    "halving": "--schedule halve-on-plateau patience=1 until=0.05 --optimizer sgd momentum=0.9",
    "waiting for data": "--initializer lsuv --activation relu --schedule cosine epochs=9 "
    "--dropout-schedule warm-up epochs=4 --dropout 0.2 --dtype float32 --stopping none",
}


# What is a name in both languages.
WORDS = ("sigmoid", "softmax", "tanh", "relu")


class Killed(BaseException):
    """What no program catches."""


@pytest.fixture(autouse=True)
def in_a_folder_with_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("fastnn.cli.train.draw_run", lambda *_: [])
    write_table(Path("points.csv"), *points())


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts of the figures that were written since, in fonts that have their signs."""
    pytest.importorskip("matplotlib")
    from matplotlib import font_manager
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    from fastnn.plot._chinese import FONTS

    known = {font.name for font in font_manager.fontManager.ttflist}
    if not known & set(FONTS):
        pytest.skip("no font with Chinese signs is installed")
    found: list[str] = []
    save = Figure.savefig

    def savefig(figure: Any, *arguments: Any, **options: Any) -> None:
        save(figure, *arguments, **options)
        found.extend(text.get_text() for text in figure.findobj(Text) if text.get_visible())

    monkeypatch.setattr(Figure, "savefig", savefig)
    return found


def fails(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(command.split()) == 2
    return capsys.readouterr().err


def history(folder: str) -> list[dict[str, str]]:
    """The rows of a run, without the time that each took."""
    rows = list(csv.DictReader(Path(folder, "history.csv").read_text().splitlines()))
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def assert_same(first: str, second: str) -> None:
    assert history(first) == history(second)
    a, b = (fastnn.load(Path(name, "model.npz")) for name in (first, second))
    assert np.array_equal(a.parameters, b.parameters)
    assert np.array_equal(a.running_statistics, b.running_statistics)


def test_what_is_in_a_folder(capsys) -> None:
    said = run("train points.csv --epochs 3 --run folder --seed 1 --stopping 5", capsys)
    names = ["best.npz", "checkpoint.npz", "config.toml", "history.csv", "model.npz",
             "result.json", "run.json"]  # fmt: skip
    assert sorted(path.name for path in Path("folder").iterdir()) == names
    assert len(history("folder")) == 3 and "wrote folder/model.npz" in said
    found = json.loads(Path("folder/result.json").read_text())
    assert f"test accuracy {found['test']['accuracy']:.2%}" in said
    assert "test accuracy" not in run("evaluate folder/model.npz points.csv", capsys)
    run("train points.csv --epochs 3 -o alone.npz --seed 1 --stopping 5", capsys)
    alone, kept = fastnn.load("alone.npz"), fastnn.load("folder/model.npz")
    assert np.array_equal(alone.parameters, kept.parameters)


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_is_killed_anywhere_goes_on_to_the_same_numbers(
    kind: str, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = f"train points.csv --epochs 9 --seed 3 --hidden 6 --progress none {KINDS[kind]} --run"
    run(f"{told} whole", capsys)
    save, writes = fastnn.Network.save, 0

    def deadly(network: fastnn.Network, path: str) -> None:
        nonlocal writes
        writes += 1
        if writes == 3:
            raise Killed
        save(network, path)

    command, deaths = f"{told} parts", 0
    with monkeypatch.context() as patch:
        patch.setattr(fastnn.Network, "save", deadly)
        while True:
            try:
                assert main(command.split()) == 0
                break
            except Killed:  # after a row of the history, or after a checkpoint, before the best
                deaths, writes = deaths + 1, 0
                command = "train --resume parts --progress none"
                with Path("parts/history.csv").open("ab") as file:
                    file.write(b"4,0.5"[: deaths % 3])
    assert deaths >= 3
    assert_same("whole", "parts")


def test_two_that_begin_in_one_new_folder_at_the_same_moment(capsys, monkeypatch) -> None:
    """Both have found it new; the one that is later says so and leaves it alone."""
    begin = RunFolder.begin

    def overtaken(folder: RunFolder, *told: Any) -> None:
        other = RunFolder(str(folder.path))
        begin(other, *told)
        before.update({path.name: path.read_bytes() for path in folder.path.iterdir()})
        with other:
            begin(folder, *told)

    before: dict[str, bytes] = {}
    monkeypatch.setattr(RunFolder, "begin", overtaken)
    words = fails("train points.csv --epochs 1 --run folder", capsys)
    assert "--run: expected a new folder or an empty one, got folder" in words
    assert {path.name: path.read_bytes() for path in Path("folder").iterdir()} == before


def test_a_process_that_is_killed(capsys) -> None:
    told = "points.csv --epochs 120 --seed 3 --optimizer adam --dropout 0.2 --progress none"
    command = [sys.executable, "-m", "fastnn", "train", *told.split(), "--run", "killed"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        rows = Path("killed/history.csv")
        while not rows.exists() or rows.read_bytes().count(b"\n") < 3:
            assert process.poll() is None
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    assert not Path("killed/model.npz").exists()
    run("train --resume killed --progress none", capsys)
    run(f"train {told} --run whole", capsys)
    assert_same("whole", "killed")


def test_ctrl_c_says_how_it_goes_on(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    record = RunFolder.record

    def interrupt(folder: RunFolder, network: Any, history: Any, *, is_best: bool) -> None:
        record(folder, network, history, is_best=is_best)
        if len(history) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(RunFolder, "record", interrupt)
    assert (
        main(["train", "points.csv", "--epochs", "4", "--run", "folder", "--progress", "none"])
        == 130
    )
    assert capsys.readouterr().err == (
        "fastnn: interrupted after epoch 2; 'fastnn train --resume folder' goes on\n"
    )


def test_a_finished_run_goes_on_with_more_epochs(capsys) -> None:
    told = "train points.csv --seed 2 --optimizer adam --progress none"
    run(f"{told} --epochs 3 --run folder", capsys)
    before = Path("folder/model.npz").read_bytes()
    run("train --resume folder --progress none", capsys)
    assert Path("folder/model.npz").read_bytes() == before
    run("train --resume folder --epochs 5 --n-threads 1 --progress none", capsys)
    run(f"{told} --epochs 5 --run longer", capsys)
    assert_same("folder", "longer")


def test_a_time_limit_is_that_of_all_parts_together(capsys) -> None:
    run("train points.csv --seed 2 --epochs 2 --time-limit 60 --run folder", capsys)
    text = Path("folder/history.csv").read_text().splitlines()
    cells = text[2].split(",")
    cells[2] = "61.0"
    Path("folder/history.csv").write_text("\n".join([*text[:2], ",".join(cells)]) + "\n")
    assert "trained 2 epochs" in run("train --resume folder --epochs 9", capsys)


def test_what_cannot_go_on(capsys) -> None:
    run("train points.csv --epochs 3 --seed 2 --run folder --stopping 5", capsys)
    assert "--resume: expected no setting but epochs, time_limit, n_threads, got hidden" in fails(
        "train --resume folder --hidden 3", capsys
    )
    assert "got schedule" in fails("train --resume folder --decay-schedule step every=2", capsys)
    assert "expected no --config" in fails("train --resume folder --config x.toml", capsys)
    with RunFolder("folder") as other:
        other.go_on()
        assert "another process is training there" in fails("train --resume folder", capsys)
    lines = Path("folder/history.csv").read_text().splitlines()
    Path("folder/history.csv").write_text("\n".join(lines[:2]) + "\n")
    assert "expected the 3 epochs of checkpoint.npz, got 1" in fails(
        "train --resume folder", capsys
    )
    Path("folder/history.csv").write_text("\n".join([lines[0], *lines[2:]]) + "\n")
    assert "history.csv, row 1: expected epoch 1" in fails("train --resume folder", capsys)
    Path("folder/history.csv").write_text("\n".join([lines[0], "1,x"]) + "\n")
    assert "history.csv, row 1: expected a number a column" in fails(
        "train --resume folder", capsys
    )
    Path("folder/run.json").write_text("[" * 100_000)
    assert "expected a run of format 1" in fails("train --resume folder", capsys)


def test_other_data_are_noticed(capsys) -> None:
    run("train points.csv --epochs 1 --run folder", capsys)
    write_table(Path("points.csv"), *points(seed=1))
    assert "points.csv: expected the rows that folder began with" in fails(
        "train --resume folder", capsys
    )


# --- a table of one's own, from beginning to end


@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_a_table_with_chinese_names(encoding: str, capsys, monkeypatch, texts) -> None:
    """Trained, drawn in Chinese, asked by another table, and written as a program."""
    monkeypatch.setattr("fastnn.cli.train.draw_run", draw_run)
    X, y = points(90)
    kinds = [("猫", "狗", "鱼")[k] for k in y]
    rows = [f"{a:.6f},{b:.6f},{kind}" for (a, b), kind in zip(X, kinds, strict=True)]
    Path("动物.csv").write_text("\n".join(["体长,体重,种类", *rows]), encoding=encoding)
    Path("新的.csv").write_text("\n".join(["体重,体长", "1.0,0.0"]), encoding=encoding)
    how = [] if encoding == "utf-8" else ["--encoding", "gbk"]
    told = ["--target", "种类", "--run", "结果", "--epochs", "40", "--seed", "0", *how]
    assert main(["train", "动物.csv", *told, "--class-weight", "猫=2", "--language", "zh"]) == 0
    said = capsys.readouterr()
    assert said.err == "" and "3 classes: 狗, 猫, 鱼" in said.out
    used = Path("结果/config.toml").read_text(encoding="utf-8")
    assert 'target = "种类"' in used and 'class_weight = { "猫" = 2.0 }' in used
    assert json.loads(Path("结果/result.json").read_text(encoding="utf-8"))["classes"] == [
        "狗", "猫", "鱼",
    ]  # fmt: skip

    del texts[:]
    assert main(["plot", "结果", "--language", "zh", "--folder", "图", "--ending", ".svg"]) == 0
    assert capsys.readouterr().err == ""
    names = ["confusion.svg", "learning_curves.svg", "network.svg"]
    assert sorted(path.name for path in Path("图").iterdir()) == names
    shown = set(texts)
    assert {"学习曲线", "轮次", "训练", "预测类别", "猫", "3 个输出\nsigmoid"} <= shown
    assert not [text for text in shown if re.search("[a-z]{3}", text) and not text.endswith(WORDS)]

    assert main(["predict", "结果/model.npz", "新的.csv", *how]) == 0
    assert capsys.readouterr().out == "class\n鱼\n"  # as its columns' names say
    assert main(["export", "结果/model.npz", "模型.py"]) == 0
    spec = importlib.util.spec_from_file_location("model", "模型.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network = fastnn.load("结果/model.npz")
    np.testing.assert_allclose(module.predict(X), network.predict(X), rtol=1e-12)


def test_pictures_without_the_data(capsys, texts) -> None:
    run("train points.csv --epochs 2 --run folder", capsys)
    Path("points.csv").unlink()
    said = run("plot folder", capsys)
    assert "note: no picture of what it confuses: " in said and "confusion.png" not in said
    assert sorted(path.stem for path in Path("folder").glob("*.png")) == [
        "learning_curves", "network",
    ]  # fmt: skip
    assert "learning curves" in texts
    assert "RUN: expected a folder" in fails("plot none", capsys)
    assert "--folder: expected a folder" in fails("plot folder --folder none/figures", capsys)


def test_a_picture_of_a_regression(capsys, monkeypatch) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setattr("fastnn.cli.train.draw_run", draw_run)
    X, _ = points(60)
    lines = [f"{a},{b},{a + b}" for a, b in X]
    Path("sums.csv").write_text("a,b,sum\n" + "\n".join(lines) + "\n")
    run("train sums.csv --epochs 2 --run folder", capsys)
    assert sorted(path.stem for path in Path("folder").glob("*.png")) == [
        "learning_curves", "network",
    ]  # fmt: skip


# --- learning rates and experiments


def test_lr_find(capsys) -> None:
    told = "points.csv --hidden 5 --seed 2 --batch-size 8 --steps 60 --lowest 1e-3 --highest 1e3"
    said = run(f"lr-find {told}", capsys).splitlines()
    table = [line.split() for line in said if line.startswith("  ") and "." in line]
    assert main(f"lr-find {told} --json".split()) == 0
    found = json.loads(capsys.readouterr().out)
    assert float(table[0][0]) == 1e-3 and len(table) == 20
    assert float(table[-1][0]) == pytest.approx(found["learning_rates"][-1], rel=5e-3)
    assert [f"{found['costs'][0]:.4f}", f"{found['smoothed'][0]:.4f}"] == table[0][1:]
    assert found["suggestion"] == found["largest"] / 10 and 1e-3 < found["largest"] < 1e3
    assert said[-1].endswith(f"--learning-rate {found['suggestion']:.2g}")
    assert "highest: expected a rate above lowest" in fails(f"lr-find {told} --lowest 1e4", capsys)
    assert "mini-batches" in fails(f"lr-find {told} --optimizer rprop", capsys)


def test_the_picture_of_lr_find(capsys, texts) -> None:
    run("lr-find points.csv --plot rates.png --language en", capsys)
    assert Path("rates.png").read_bytes().startswith(b"\x89PNG")
    assert "learning rate range test" in texts


def test_experiments(capsys, monkeypatch) -> None:
    names = sorted(path.stem for path in (REPOSITORY / "examples").glob("[!_]*.py"))
    listed = run("experiments", capsys).splitlines()
    assert [line.split()[0] for line in listed] == names
    assert all(len(line.split()) > 5 and line.endswith(".") for line in listed)
    assert f"expected one of {', '.join(names)}, got 'none'" in fails("experiments none", capsys)
    before = sys.argv, sys.path.copy()
    assert "usage: circles.py" in run("experiments circles --help", capsys)
    pytest.importorskip("matplotlib")
    monkeypatch.delenv("FASTNN_MNIST", raising=False)
    monkeypatch.setitem(sys.modules, "pooch", None)
    assert "pooch" in fails("experiments mnist-book --quick", capsys)
    assert (sys.argv, sys.path) == before


def test_experiments_that_are_not_installed(capsys, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fastnn, "__file__", str(tmp_path / "fastnn" / "__init__.py"))
    assert "not in this installation" in fails("experiments", capsys)
