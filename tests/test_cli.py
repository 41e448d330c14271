"""The command line, run in this process: what it trains, measures, predicts and prints."""

from __future__ import annotations

import csv
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from cli_commands import run
from cli_files import points, write_idx_folder, write_table

import fastnn
from fastnn import datasets, initializers, regularizers
from fastnn.cli import main
from fastnn.preprocessing import Standardizer


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def table() -> Path:
    return write_table(Path("points.csv"), *points())


@pytest.fixture
def model(table: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    command = f"train {table} -o model.json --epochs 20 --learning-rate 1 --hidden 5 --seed 3"
    assert main(command.split()) == 0
    capsys.readouterr()
    return Path("model.json")


def read_predictions(text: str) -> tuple[list[str], np.ndarray]:
    header, *rows = csv.reader(text.splitlines())
    return header, np.array([[float(field) for field in row] for row in rows])


# --- train


def test_training_with_a_seed_is_training_by_hand(table: Path, capsys) -> None:
    run(
        f"train {table} -o model.npz --hidden 6 4 --activation tanh relu --cost log-likelihood "
        "--initializer he_normal --epochs 3 --batch-size 7 --learning-rate 0.2 --l2 0.5 --l1 0.1 "
        "--seed 11 --history history.csv --no-standardize",
        capsys,
    )
    split = datasets.load(table)
    by_hand = fastnn.Network(
        [2, 6, 4, 3],
        fastnn.LogLikelihoodCost,
        activation=["tanh", "relu"],
        initializer=initializers.HeNormal(),
        rng=11,
    )
    history = by_hand.fit(
        *split.train,
        epochs=3,
        batch_size=7,
        learning_rate=0.2,
        regularizer=regularizers.L1L2(l1=0.1, l2=0.5),
        validation_data=split.validation,
    )
    trained = fastnn.load("model.npz")
    assert trained.activation == ("tanh", "relu")
    assert trained.output == "softmax"
    assert np.array_equal(trained.parameters, by_hand.parameters)
    rows = list(csv.DictReader(Path("history.csv").read_text().splitlines()))
    for name in ("epoch", "training_cost", "validation_cost", "validation_accuracy"):
        assert [float(row[name]) for row in rows] == history[name]


def test_defaults_are_those_that_help_names(table: Path, capsys) -> None:
    run(f"train {table} -o model.json --seed 0", capsys)
    X, y = datasets.load(table).train
    standardizer = Standardizer().fit(X)
    by_hand = fastnn.Network([2, 30, 3], rng=0)
    by_hand.fit(standardizer.transform(X), y, epochs=30, batch_size=10, learning_rate=0.5)
    trained = fastnn.load("model.json")
    assert np.array_equal(trained.weights[0], by_hand.weights[0] / standardizer.scale)
    assert np.array_equal(trained.weights[1], by_hand.weights[1])
    outputs = by_hand.predict(standardizer.transform(X))
    assert np.allclose(trained.predict(X), outputs, rtol=0, atol=1e-12)
    run(f"train {table} -o raw.json --seed 0 --no-standardize", capsys)
    by_hand = fastnn.Network([2, 30, 3], rng=0)
    by_hand.fit(X, y, epochs=30, batch_size=10, learning_rate=0.5)
    assert np.array_equal(fastnn.load("raw.json").parameters, by_hand.parameters)


def test_dtype_and_cost_and_output_reach_the_network(table: Path, capsys) -> None:
    run(
        f"train {table} -o model.npz --dtype float32 --cost quadratic "
        "--output-activation identity --activation relu --learning-rate 0.01 --epochs 1 --hidden 4",
        capsys,
    )
    network = fastnn.load("model.npz")
    assert network.dtype == np.float32
    assert network.cost is fastnn.QuadraticCost
    assert (network.activation, network.output) == (("relu",), "identity")


def test_no_hidden_layer(table: Path, capsys) -> None:
    run(f"train {table} -o model.json --epochs 1 --hidden", capsys)
    assert fastnn.load("model.json").sizes == [2, 3]


def test_a_seed_that_was_not_given_is_printed_and_repeats_the_run(table: Path, capsys) -> None:
    printed = run(f"train {table} -o first.json --epochs 2", capsys)
    seed = re.search(r"seed (\d+)", printed)[1]
    assert f"seed {seed}" not in run(f"train {table} -o other.json --epochs 2", capsys)
    run(f"train {table} -o again.json --epochs 2 --seed {seed}", capsys)
    assert Path("first.json").read_bytes() == Path("again.json").read_bytes()
    assert Path("first.json").read_bytes() != Path("other.json").read_bytes()


def test_a_line_an_epoch_and_the_test_accuracy(table: Path, capsys) -> None:
    printed = run(f"train {table} -o model.json --epochs 10 --seed 3 --progress lines", capsys)
    lines = re.findall(
        r"^epoch ( ?\d+)/10: cost [\d.]+, validation cost [\d.]+, accuracy [\d.]+%, [\d.]+ s$",
        printed,
        re.MULTILINE,
    )
    assert [int(number) for number in lines] == list(range(1, 11))
    test = datasets.load(table).test
    right = fastnn.load("model.json").accuracy(test)
    assert f"test accuracy {right / len(test[0]):.2%} ({right} of {len(test[0])})" in printed
    assert re.search(r"^trained 10 epochs in \d+\.\d\d s$", printed, re.MULTILINE)
    assert printed.endswith("wrote model.json\n")


def test_without_progress_no_epoch_is_printed(table: Path, capsys) -> None:
    printed = run(f"train {table} --epochs 1 --progress none", capsys)
    assert "epoch 1/" not in printed
    assert "the network was not saved" in printed
    assert [path.name for path in Path().iterdir()] == ["points.csv"]


def test_progress_bar(table: Path, capsys) -> None:
    pytest.importorskip("tqdm")
    assert main(f"train {table} --epochs 2 --progress bar".split()) == 0
    printed = capsys.readouterr()
    assert "2/2" in printed.err
    assert "epoch 1/" not in printed.out


@pytest.mark.parametrize(
    ("options", "counts", "measured"),
    [
        ("", (84, 12, 24), 12),
        ("--validation validation", (84, 12, 24), 12),
        ("--validation 0.25", (66, 30, 24), 30),
        ("--validation 0.25 --test 0.5", (30, 30, 60), 30),
        ("--validation 0", (96, 0, 24), None),
        ("--validation none", (84, 12, 24), None),
        ("--validation test", (84, 12, 24), 24),
        ("--validation test --test 0.05", (102, 12, 6), 6),
    ],
)
def test_validation_rows(table: Path, capsys, options, counts, measured) -> None:
    printed = run(f"train {table} --epochs 1 --seed 0 --history h.csv {options}", capsys)
    assert "points.csv: {} train, {} validation, {} test rows".format(*counts) in printed
    (row,) = csv.DictReader(Path("h.csv").read_text().splitlines())
    assert ("validation_accuracy" in row) == (measured is not None)
    if measured is not None:
        right = float(row["validation_accuracy"]) * measured
        assert right == pytest.approx(round(right), abs=1e-9)
    if "test" in options.split():  # the last epoch's accuracy is that of the test, then
        assert f"test accuracy {float(row['validation_accuracy']):.2%}" in printed


def test_no_test_rows(table: Path, capsys) -> None:
    assert "test accuracy" not in run(f"train {table} --epochs 1 --test 0", capsys)


def test_digits(capsys) -> None:
    pytest.importorskip("sklearn")
    printed = run("train digits -o digits.json --epochs 12 --seed 1 --learning-rate 1", capsys)
    assert "digits: 1000 train, 297 validation, 500 test rows" in printed
    assert float(re.search(r"test accuracy ([\d.]+)%", printed)[1]) > 94


def test_a_folder_of_idx_files(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_idx_folder(Path("images"))
    command = "train {} -o {} --hidden 8 --epochs 30 --learning-rate 1 --seed 0"
    printed = run(command.format(folder, "model.npz"), capsys)
    assert "50 train, 10 validation, 20 test rows" in printed
    assert "test accuracy 100.00% (20 of 20)" in printed
    monkeypatch.setenv("FASTNN_MNIST", str(folder))
    run(command.format("mnist", "same.npz"), capsys)
    assert Path("same.npz").read_bytes() == Path("model.npz").read_bytes()
    assert "accuracy 100.00% (20 of 20)" in run(f"evaluate model.npz {folder}", capsys)


def test_npz_with_parts_of_its_own(capsys) -> None:
    X, y = points(60)
    np.savez("parts.npz", x_train=X[:40], y_train=y[:40], x_test=X[40:], y_test=y[40:])
    printed = run("train parts.npz -o m.npz --epochs 30 --seed 0 --validation 0.25", capsys)
    assert "30 train, 10 validation, 20 test rows" in printed
    predicted = read_predictions(run("predict m.npz parts.npz", capsys))[1][:, 0]
    right = np.count_nonzero(predicted == y[40:])
    assert f"({right} of 20)" in run("evaluate m.npz parts.npz", capsys)


def test_curves_are_drawn(table: Path, capsys) -> None:
    pytest.importorskip("matplotlib")
    printed = run(f"train {table} --epochs 2 --plot curves.png", capsys)
    assert "wrote curves.png" in printed
    assert Path("curves.png").read_bytes().startswith(b"\x89PNG")


def test_an_older_file_of_the_name_is_replaced(table: Path, capsys) -> None:
    Path("model.json").write_text("old")
    run(f"train {table} -o model.json --epochs 1", capsys)
    assert fastnn.load("model.json").sizes == [2, 30, 3]


def test_a_link_stays_a_link(table: Path, capsys) -> None:
    Path("models").mkdir()
    Path("model.json").symlink_to("models/real.json")
    run(f"train {table} -o model.json --epochs 1", capsys)
    assert Path("model.json").is_symlink()
    assert fastnn.load("models/real.json").sizes == [2, 30, 3]


# --- evaluate


def test_evaluate(model: Path, table: Path, capsys) -> None:
    network, split = fastnn.load(model), datasets.load(table)
    for part, (X, y) in split._asdict().items():
        printed = run(f"evaluate {model} {table} --part {part}", capsys)
        right = network.accuracy((X, y))
        assert f"accuracy {right / len(X):.2%} ({right} of {len(X)})" in printed
        assert f"cost {network.total_cost((X, y), 0.0):.6g} (CrossEntropyCost)" in printed
        assert f"its {part} part of {len(X)} rows" in printed
    assert run(f"evaluate {model} {table}", capsys) == run(
        f"evaluate {model} {table} --part test", capsys
    )


def test_evaluate_all_rows(model: Path, table: Path, capsys) -> None:
    printed = run(f"evaluate {model} {table} --part all", capsys)
    assert f"({fastnn.load(model).accuracy(points())} of 120)" in printed
    assert "all 120 rows" in printed


def test_evaluate_cuts_as_train_does(table: Path, capsys) -> None:
    cut = "--test 0.3 --validation 0.2 --split-seed 5"
    trained = run(f"train {table} -o model.json --epochs 3 --seed 0 {cut}", capsys)
    accuracy = re.search(r"test (accuracy .*)", trained)[1]
    assert accuracy in run(f"evaluate model.json {table} {cut}", capsys)


def test_a_single_output_tells_two_classes_apart(capsys) -> None:
    fastnn.Network([2, 1], initializer="zeros", rng=0).save("one.json")
    X, y = points()
    table = write_table(Path("two.csv"), X, np.minimum(y, 1))
    printed = run(f"evaluate one.json {table} --part all", capsys)  # says 0.5, so class 0
    assert f"({np.count_nonzero(y == 0)} of 120)" in printed


def test_target_column(model: Path, capsys) -> None:
    X, y = points()
    first = write_table(Path("first.csv"), np.column_stack([y, X]))
    last = write_table(Path("last.csv"), X, y)
    expected = run(f"evaluate {model} {last} --part all", capsys).splitlines()[1:]
    for column in ("0", "-3"):
        printed = run(f"evaluate {model} {first} --part all --target {column}", capsys)
        assert printed.splitlines()[1:] == expected
        assert run(f"predict {model} {first} --target {column}", capsys) == run(
            f"predict {model} {last}", capsys
        )


# --- predict


def test_predictions_round_trip(model: Path, table: Path, capsys) -> None:
    network, (X, _) = fastnn.load(model), points()
    assert "120 predictions" in run(f"predict {model} {table} --proba -o p.csv", capsys)
    header, predicted = read_predictions(Path("p.csv").read_text())
    assert header == ["class", "output_0", "output_1", "output_2"]
    assert np.array_equal(predicted[:, 1:], network.predict(X))
    assert np.array_equal(predicted[:, 0], network.predict(X).argmax(axis=1))
    assert run(f"predict {model} {table} --proba", capsys) == Path("p.csv").read_text()
    header, classes = read_predictions(run(f"predict {model} {table}", capsys))
    assert header == ["class"]
    assert np.array_equal(classes[:, 0], predicted[:, 0])


def test_float32_predictions_round_trip(table: Path, capsys) -> None:
    run(f"train {table} -o model.npz --epochs 2 --dtype float32", capsys)
    _, predicted = read_predictions(run(f"predict model.npz {table} --proba", capsys))
    outputs = fastnn.load("model.npz").predict(points()[0])
    assert np.array_equal(predicted[:, 1:].astype(np.float32), outputs)


def test_rows_without_classes_are_predicted_alike(model: Path, table: Path, capsys) -> None:
    X, y = points()
    expected = run(f"predict {model} {table} --proba", capsys)
    bare = write_table(Path("bare.csv"), X)
    headless = Path("headless.csv")
    headless.write_text("\n" + "".join(bare.read_text().splitlines(keepends=True)[1:]))
    np.savez("bare.npz", X=X)
    np.savez("full.npz", X=X, y=y)
    for name in (bare, headless, "bare.npz", "full.npz"):
        assert run(f"predict {model} {name} --proba", capsys) == expected


def test_predict_parts(model: Path, table: Path, capsys) -> None:
    split = datasets.load(table)
    for part, (X, _) in split._asdict().items():
        _, predicted = read_predictions(run(f"predict {model} {table} --part {part}", capsys))
        assert np.array_equal(predicted[:, 0], fastnn.load(model).predict(X).argmax(axis=1))
    assert run(f"predict {model} {table} --part all", capsys) == run(
        f"predict {model} {table}", capsys
    )


def test_predict_one_row_with_one_output(capsys) -> None:
    fastnn.Network([2, 1], initializer="zeros", rng=0).save("one.json")
    Path("row.csv").write_text("1,2\n")
    assert run("predict one.json row.csv --proba", capsys) == "class,output_0\n0,0.5\n"


# --- info, help and the rest


@pytest.mark.parametrize("name", ["model.json", "model.npz"])
def test_info(name: str, capsys) -> None:
    network = fastnn.Network(
        [4, 3, 3, 2], fastnn.LogLikelihoodCost, activation=["tanh", "relu"], dtype="float32", rng=0
    )
    network.save(name)
    said = dict(re.split(r"  +", line) for line in run(f"info {name}", capsys).splitlines())
    assert said == {
        "file": name,
        "file size": f"{Path(name).stat().st_size} bytes",
        "sizes": "4-3-3-2",
        "activation": "tanh, relu",
        "output": "softmax",
        "cost": "LogLikelihoodCost",
        "parameters": str(network.n_parameters),
        "dtype": "float32",
    }


@pytest.mark.parametrize("command", ["", "train", "evaluate", "predict", "info", "demo"])
def test_help_teaches(command: str, capsys) -> None:
    printed = run(f"{command} --help", capsys)
    assert printed.startswith("usage: fastnn")
    if command:
        assert f"\n  fastnn {command} " in printed  # an example
    assert max(map(len, printed.splitlines())) <= 80


def test_help_shows_the_defaults(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    printed = run("train --help", capsys)
    for option, default in {
        "--hidden": "30",
        "--activation": "sigmoid",
        "--cost": "cross-entropy",
        "--epochs": "30",
        "--batch-size": "10",
        "--learning-rate": "0.5",
        "--l2": "0.0",
        "--dtype": "float64",
        "--progress": "auto",
    }.items():
        assert re.search(
            rf"^  {option} [^\n]*(\n {{10}}[^\n]*)*\(default: {default}\)", printed, re.MULTILINE
        ), option


def test_version(capsys) -> None:
    assert run("--version", capsys) == f"fastnn {fastnn.__version__}\n"


def test_arguments_of_the_process_are_the_default(capsys, monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", ["fastnn", "--version"])
    assert main() == 0
    assert capsys.readouterr().out.startswith("fastnn ")
