"""What goes wrong on the command line: one line, exit code 2, and nothing written."""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from cli_files import points, write_idx_folder, write_table

import fastnn
from fastnn._model import storage
from fastnn.cli import main


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with data, models, and files that are neither."""
    monkeypatch.chdir(tmp_path)
    X, y = points()
    write_table(Path("points.csv"), X, y)
    write_table(Path("wide.csv"), np.hstack([X, X]), y)
    write_table(Path("ten.csv"), X, y + 8)
    fastnn.Network([2, 4, 3], rng=0).save("model.json")
    fastnn.Network([2, 1], rng=0).save("one.json")
    Path("text.csv").write_text("a,b,c\n1,2,0\nthree,4,1\n")
    Path("ragged.csv").write_text("1,2\n1,2,3,4\n")
    Path("empty.csv").write_text("")
    Path("header.csv").write_text("a,b\n")
    Path("nan.csv").write_text("1,2\n1,nan\n")
    Path("bytes.csv").write_bytes(b"\xff\xfe\x00")
    Path("text.json").write_text("no network")
    np.savez("names.npz", a=X, b=y)
    np.savez("objects.npz", X=np.array([{}, {}]), y=y[:2])
    np.savez("vector.npz", X=X[:, 0])
    whole = Path("names.npz").read_bytes()
    Path("cut.npz").write_bytes(whole[: len(whole) // 2])
    Path("text.npz").write_text("no archive")
    np.save("single.npy", X)
    Path("single.npy").rename("single.npz")
    with zipfile.ZipFile("foreign.npz", "w") as archive:
        archive.writestr("X", "no array")
    Path("folder").mkdir()


def snapshot() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path().iterdir() if path.is_file()}


def fails(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command that must fail, and return the one line it says."""
    before = snapshot()
    assert main(command.split()) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("fastnn: error: ")
    assert snapshot() == before
    return line


TRAIN = "train points.csv --epochs 1 -o new.json"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        # the words themselves
        ("", "COMMAND"),
        ("learn", "'learn'"),
        ("train", "DATA"),
        ("evaluate model.json", "DATA"),
        ("info", "MODEL"),
        (f"{TRAIN} --hid 3", "--hid"),
        (f"{TRAIN} --epochs 0", "--epochs: expected a whole number of 1 or more, got '0'"),
        (f"{TRAIN} --epochs 1.5", "--epochs"),
        (f"{TRAIN} --epochs {'9' * 5000}", "--epochs"),
        (f"{TRAIN} --batch-size -1", "--batch-size"),
        (f"{TRAIN} --hidden 3 x", "--hidden: expected a whole number of 1 or more, got 'x'"),
        (f"{TRAIN} --learning-rate nan", "--learning-rate: expected a number above 0, got 'nan'"),
        (f"{TRAIN} --learning-rate 0", "--learning-rate"),
        (f"{TRAIN} --l2 -1", "--l2: expected a number of 0 or more, got '-1'"),
        (f"{TRAIN} --l1 inf", "--l1"),
        (f"{TRAIN} --cost squared", "--cost"),
        (f"{TRAIN} --activation step", "--activation"),
        (f"{TRAIN} --output-activation relu", "--output-activation"),
        (f"{TRAIN} --initializer random", "--initializer"),
        (f"{TRAIN} --dtype float16", "--dtype"),
        (f"{TRAIN} --seed -1", "--seed"),
        (f"{TRAIN} --seed {2**32}", "--seed: expected a whole number below 2^32"),
        (f"{TRAIN} --split-seed {2**32}", "--split-seed"),
        (f"{TRAIN} --validation 1", "--validation: expected a share of the rows from 0 to 0.99"),
        (f"{TRAIN} --validation some", "'validation', 'test' or 'none'"),
        (f"{TRAIN} --test nan", "--test"),
        (f"{TRAIN} --target last", "--target"),
        (f"{TRAIN} --progress yes", "--progress"),
        ("evaluate model.json points.csv --part some", "--part"),
        # words that do not go together
        (f"{TRAIN} --activation relu tanh", "activation: expected one name or 1"),
        (f"{TRAIN} --output-activation identity", "CrossEntropyCost goes with sigmoid or softmax"),
        (f"{TRAIN} --validation 0.5 --test 0.5", "at least one row to be left for training"),
        (f"{TRAIN} --validation test --test 0", "no rows in its part 'test'"),
        (f"{TRAIN} --target 3", "target"),
        ("evaluate model.json points.csv --validation 0 --part validation", "'validation'"),
        ("train names.npz --target 0", "target=0"),
        # files to write
        ("train points.csv -o new.txt", "--output: expected a name ending in .json or .npz"),
        ("train points.csv -o no/new.json", "--output: expected a file in a folder that exists"),
        ("train points.csv -o points.csv/new.json", "--output: expected a file in a folder"),
        ("train points.csv --plot new.gif", "--plot: expected a name ending in .png or .pdf"),
        ("train points.csv --history folder", "--history: expected an ordinary file"),
        ("train points.csv --history points.csv", "--history: expected another file"),
        ("train points.csv --history ./folder/../points.csv", "points.csv is read, too"),
        (f"{TRAIN} --history new.json", "new.json is what --output writes"),
        ("predict model.json points.csv -o model.json", "model.json is read, too"),
        ("predict model.json points.csv -o points.csv", "points.csv is read, too"),
        ("predict model.json points.csv -o folder", "--output: expected an ordinary file"),
        ("demo --plot new.txt", "--plot"),
        # data
        ("train none.csv", "none.csv"),
        ("train none", "'none'"),
        ("train folder", "folder"),
        ("train text.json", "text.json"),
        ("train text.csv", "text.csv, line 3, column 1"),
        ("train empty.csv", "empty.csv"),
        ("train names.npz", "names.npz"),
        ("train objects.npz", "objects.npz"),
        ("train cut.npz", "cut.npz"),
        ("train ten.csv --target 0 --cost cross-entropy", "--cost cross-entropy: a regression"),
        ("train ten.csv --target 0 --output-activation sigmoid", "--output-activation sigmoid: a"),
        # models
        ("info none.json", "none.json: No such file or directory"),
        ("info folder", "folder: "),
        ("info text.json", "text.json"),
        ("info cut.npz", "cut.npz"),
        ("info names.npz", "names.npz"),
        ("evaluate points.csv points.csv", "points.csv"),
        # models and data that do not go together
        ("evaluate model.json wide.csv", "takes 2 inputs, but wide.csv has 4 features"),
        ("evaluate model.json ten.csv", "tells 3 classes apart, but ten.csv has class 10"),
        ("evaluate one.json points.csv", "tells 2 classes apart, but points.csv has class 2"),
        ("predict model.json wide.csv", "expected 2 columns"),
        ("predict model.json wide.csv --part test", "takes 2 inputs, but wide.csv has 4"),
        # rows to predict
        ("predict model.json none.csv", "none.csv"),
        ("predict model.json text.csv", "text.csv"),
        ("predict model.json ragged.csv", "ragged.csv"),
        ("predict model.json empty.csv", "empty.csv: no rows; expected at least one line"),
        ("predict model.json header.csv", "header.csv: no rows"),
        ("predict model.json nan.csv", "nan.csv, line 2, column 2: 'nan'; expected a finite"),
        ("predict model.json bytes.csv", "bytes.csv"),
        ("predict model.json points.csv --target 3", "--target: expected a column from -3 to 2"),
        ("predict model.json names.npz", "names.npz"),
        ("predict model.json objects.npz", "objects.npz"),
        ("predict model.json vector.npz", "vector.npz: X"),
        ("predict model.json cut.npz", "cut.npz"),
        ("predict model.json text.npz", "text.npz"),
        ("predict model.json single.npz", "single.npz"),
        ("predict model.json foreign.npz", "foreign.npz"),
    ],
)
def test_one_line_and_exit_code_2(command: str, words: str, capsys) -> None:
    assert words in fails(command, capsys)


def test_classes_that_cannot_be(capsys) -> None:
    # Three kinds of whole numbers in five rows: nobody can know whether they are classes.
    Path("far.csv").write_text("1,0\n2,1\n3,1000000\n4,0\n5,1\n")
    assert "3 different whole numbers in 5 rows" in fails("train far.csv -o new.json", capsys)


def test_a_share_of_data_that_come_in_parts(capsys) -> None:
    write_idx_folder(Path("images"))
    assert "0.1" in fails("train images --validation 0.1", capsys)


def test_a_network_too_large_for_memory(capsys) -> None:
    words = fails(f"{TRAIN} --hidden 2000000000 100000", capsys)
    assert "memory" in words


def test_weights_that_grow_beyond_all_numbers(capsys) -> None:
    command = (
        f"{TRAIN} --learning-rate 1e200 --cost quadratic --output-activation identity "
        "--activation relu --seed 0"
    )
    assert "expected a smaller --learning-rate than 1e+200" in fails(command, capsys)


def test_a_pipe_is_not_written_over(capsys) -> None:
    os.mkfifo("pipe")
    fails("train points.csv --epochs 1 --history pipe", capsys)
    assert Path("pipe").is_fifo()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_not_ours(capsys) -> None:
    Path("folder").chmod(0o500)
    assert "can be written to" in fails("train points.csv -o folder/new.json", capsys)


@pytest.mark.parametrize(
    ("module", "command", "extra"),
    [
        ("matplotlib", f"{TRAIN} --plot new.png", "plot"),
        ("matplotlib", "demo --plot new.png", "plot"),
        ("tqdm", f"{TRAIN} --progress bar", "progress"),
        ("sklearn.datasets", "train digits -o new.json", "sklearn"),
        ("sklearn.datasets", "demo --plot new.png", "sklearn"),
        ("pooch", "train mnist -o new.json", "data"),
    ],
)
def test_a_missing_library(module: str, command: str, extra: str, capsys, monkeypatch) -> None:
    if module != "matplotlib" and command.startswith("demo"):
        pytest.importorskip("matplotlib")
    monkeypatch.delenv("FASTNN_MNIST", raising=False)
    monkeypatch.setitem(sys.modules, module, None)  # so that importing it fails
    assert f'pip install "fastnn-cpu[{extra}]"' in fails(command, capsys)


def test_a_full_disk_names_the_file_and_leaves_the_old_one(capsys, monkeypatch) -> None:
    def no_space(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    assert fails("train points.csv -o model.json --epochs 1", capsys) == (
        "fastnn: error: model.json: No space left on device"
    )
    assert "predictions.csv: No space" in fails(
        "predict model.json points.csv -o predictions.csv", capsys
    )


@pytest.mark.parametrize("error", [MemoryError("a lot"), TypeError("of\ntwo lines"), OSError()])
def test_whatever_a_library_raises(error: Exception, capsys, monkeypatch) -> None:
    def load(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr("fastnn.cli.info.load", load)
    words = fails("info model.json", capsys)
    assert " ".join((str(error) or "OSError").split()) in words


def test_interrupted_while_saving(capsys, monkeypatch) -> None:
    def interrupt(network: fastnn.Network) -> bytes:
        raise KeyboardInterrupt

    before = snapshot()
    monkeypatch.setattr(storage, "to_json", interrupt)
    assert main(["train", "points.csv", "--epochs", "1", "-o", "model.json"]) == 130
    assert capsys.readouterr().err == "fastnn: interrupted\n"
    assert snapshot() == before


def test_interrupted_while_training(capsys, monkeypatch) -> None:
    def interrupt(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    before = snapshot()
    monkeypatch.setattr("fastnn.cli.train.Network.fit", interrupt)
    assert main(TRAIN.split()) == 130
    assert capsys.readouterr().err == (
        "fastnn: interrupted before the training was finished; nothing was saved\n"
    )
    assert snapshot() == before
