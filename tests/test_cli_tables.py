"""The command line on tables as people have them: what it takes them for, says and predicts."""

from __future__ import annotations

import csv
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from cli_commands import run
from cli_files import points, write_idx_folder, write_table
from peak_memory import peak_of

import fastnn
from fastnn import datasets
from fastnn.cli import main
from fastnn.datasets import read_table, split_rows

NAMES = np.array(["ant", "bee", "cat"])


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def fails(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    before = {path.name: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    assert main(command.split()) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert {p.name: p.read_bytes() for p in Path().rglob("*") if p.is_file()} == before
    return line


def predictions(text: str) -> list[str]:
    header, *rows = csv.reader(text.splitlines())
    assert header[0] in ("class", "prediction")
    return [row[0] for row in rows]


def named_points(path: str = "named.csv", header: str = "x0,x1,kind", **options: object) -> Path:
    """Write the points with names as classes, scaled so that raw numbers cannot be learnt."""
    X, y = points()
    X = X * [1000, 0.01] + [5000, 0]
    rows = [f"{a!r},{b!r},{NAMES[label]}" for (a, b), label in zip(X.tolist(), y, strict=True)]
    Path(path).write_text("\n".join([header, *rows, ""]), **options)
    return Path(path)


# --- scikit-learn's tables as pandas writes them

BUNDLED = {
    "wine": ("load_wine", 95),
    "cancer": ("load_breast_cancer", 95),
    "iris": ("load_iris", 94),
    "digits": ("load_digits", 95),
    "diabetes": ("load_diabetes", 35),
}


def bundled(name: str, numbered: bool):
    """Return a data set as a frame: names of columns, or pandas' own."""
    pandas = pytest.importorskip("pandas")
    data = pytest.importorskip("sklearn.datasets")
    bunch = getattr(data, BUNDLED[name][0])()
    X, y = bunch.data, bunch.target
    if name == "digits":
        X = (X * 255 / 16).astype(int)
    if name == "iris":
        y = bunch.target_names[y]
    frame = pandas.DataFrame(X, columns=None if numbered else bunch.feature_names)
    frame[len(frame.columns) if numbered else "类别"] = y
    return frame


@pytest.mark.parametrize("name", BUNDLED)
@pytest.mark.parametrize("index", [False, True])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
@pytest.mark.parametrize("numbered", [False, True])
def test_tables_as_pandas_writes_them(name, index, encoding, numbered, capsys) -> None:
    frame = bundled(name, numbered)
    frame.to_csv("a.csv", index=index, encoding=encoding)
    option = " --encoding gbk" if encoding == "gbk" and not numbered else ""
    qualities = []
    for seed in range(3):
        printed = run(
            f"train a.csv -o m.json --seed {seed} --split-seed {seed} --progress none{option}",
            capsys,
        )
        found = re.search(r"test (?:accuracy ([\d.]+)%|R² (-?[\d.]+))", printed)
        qualities.append(float(found[1]) if found[1] else 100 * float(found[2]))
    assert np.mean(qualities) > BUNDLED[name][1]
    assert ("left out as an index" in printed) == index
    assert ("regression" in printed) == (name == "diabetes")
    network = fastnn.load("m.json")
    assert network.sizes[0] == len(frame.columns) - 1
    values = predictions(run(f"predict m.json a.csv{option}", capsys))
    truth = frame.iloc[:, -1]
    if name == "diabetes":
        assert np.corrcoef(np.array(values, float), truth)[0, 1] > 0.6
    else:
        assert set(values) <= set(map(str, truth))
        assert np.mean(np.array(values) == truth.astype(str).to_numpy()) > 0.95
    evaluated = run(f"evaluate m.json a.csv --split-seed 2{option}", capsys)
    assert printed.splitlines()[-2].removeprefix("test ") in evaluated


@pytest.mark.parametrize("name", ["wine", "cancer", "iris", "digits"])
def test_as_accurate_as_the_estimator(name: str, capsys) -> None:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from fastnn.sklearn import MLPClassifier

    bundled(name, False).to_csv("a.csv")
    table, ours, theirs = read_table("a.csv"), [], []
    for seed in range(4):
        split = split_rows(table.X, table.y, seed=seed)
        model = make_pipeline(StandardScaler(), MLPClassifier(random_state=seed, max_iter=2000))
        theirs.append(model.fit(*split.train).score(*split.test))
        command = f"train a.csv --seed {seed} --split-seed {seed} --progress none"
        ours.append(float(re.search(r"test accuracy ([\d.]+)%", run(command, capsys))[1]) / 100)
    assert np.mean(ours) > np.mean(theirs) - 0.02


# --- what it says


def test_what_was_taken_for_what_is_said(capsys) -> None:
    named_points()
    printed = run("train named.csv --seed 0 --progress none", capsys)
    assert "table: utf-8, commas, header in line 1\n" in printed
    assert "features: 2: x0, x1\n" in printed
    assert "target: 'kind', the last column; classification, 3 classes: ant, bee, cat\n" in printed
    assert "scaling: features to mean 0 and standard deviation 1 in the training rows" in printed
    Path("plain.csv").write_text("\n".join(named_points().read_text().splitlines()[1:]))
    printed = run("train plain.csv --seed 0 --progress none --target -1", capsys)
    assert "table: utf-8, commas, no header\n" in printed
    assert "features: 2\n" in printed
    assert "target: the last column; classification" in printed


def test_standardization_is_needed_and_can_be_undone(capsys) -> None:
    named_points()

    def accuracy(options: str) -> float:
        printed = run(f"train named.csv --seed 0 --progress none{options}", capsys)
        assert ("--no-standardize)" in printed) == (options != "")
        return float(re.search(r"test accuracy ([\d.]+)%", printed)[1])

    assert accuracy("") > 90 > 60 > accuracy(" --no-standardize")


def test_pixels_are_scaled_alike(capsys) -> None:
    rng = np.random.default_rng(0)
    y = np.arange(200) % 4
    X = rng.integers(0, 60, (200, 64))
    X[np.arange(200), y] = 255
    write_table(Path("pixels.csv"), X, y)
    printed = run("train pixels.csv -o m.json --seed 0 --progress none", capsys)
    assert "scaling: pixels from 0 to 255 to 0 to 1" in printed
    assert "test accuracy 100.00%" in printed
    split = datasets.load("pixels.csv")
    by_hand = fastnn.Network([64, 30, 4], rng=0)
    by_hand.fit(split.train[0] / 256, split.train[1], epochs=30, batch_size=10, learning_rate=0.5)
    outputs = fastnn.load("m.json").predict(X)
    assert np.allclose(outputs, by_hand.predict(X / 256), rtol=0, atol=1e-12)
    np.savez("pixels.npz", X=X.astype(np.float32), y=y)
    assert "pixels from 0 to 255" in run("train pixels.npz --seed 0 --progress none", capsys)
    np.savez("bytes.npz", X=X.astype(np.uint8), y=y)
    assert "none (pixels from 0 to 1)" in run("train bytes.npz --seed 0 --progress none", capsys)
    printed = run("train pixels.csv --standardize --seed 0 --progress none", capsys)
    assert "to mean 0 and standard deviation 1" in printed


def test_float32_that_is_too_coarse_becomes_float64(capsys) -> None:
    X, y = points()
    write_table(Path("far.csv"), X + 1e6, y)
    printed = run("train far.csv -o m.json --dtype float32 --seed 0 --progress none", capsys)
    assert "note: float32 is too coarse" in printed
    network = fastnn.load("m.json")
    assert network.dtype == np.float64
    assert network.accuracy((X + 1e6, y)) > 110
    assert fastnn.load("m.json").table.features == ("x0", "x1")
    run("train far.csv -o m64.json --seed 0 --progress none", capsys)
    near = write_table(Path("near.csv"), X, y)
    run(f"train {near} -o m32.json --dtype float32 --seed 0 --progress none", capsys)
    assert fastnn.load("m32.json").dtype == np.float32


def test_a_column_too_far_from_0_is_named(capsys) -> None:
    X, y = points()
    write_table(Path("far.csv"), X * [1, 1e-3] + [0, 1e12], y)
    words = fails("train far.csv -o m.json", capsys)
    assert "feature 'x1': it varies by" in words and "--no-standardize" in words


# --- classes


def test_classes_are_names(capsys) -> None:
    named_points()
    run("train named.csv -o m.json --seed 0 --progress none", capsys)
    found = predictions(run("predict m.json named.csv", capsys))
    truth = NAMES[points()[1]]
    assert np.mean(np.array(found) == truth) > 0.9
    printed = run("predict m.json named.csv --proba", capsys)
    assert printed.splitlines()[0] == "class,output_ant,output_bee,output_cat"
    evaluated = run("evaluate m.json named.csv --part all", capsys)
    assert f"({np.count_nonzero(np.array(found) == truth)} of 120)" in evaluated
    said = run("info m.json", capsys)
    for line in ("task        classification", "classes     ant, bee, cat", "target      kind",
                 "features    x0, x1"):  # fmt: skip
        assert line in said


@pytest.mark.parametrize("labels", [(1, 2, 3), (-1, 0, 1), (10, 200, 3000), (0.5, 1.5, 2.5)])
def test_classes_are_any_numbers(labels: tuple, capsys) -> None:
    X, y = points()
    write_table(Path("a.csv"), X, np.array(labels)[y])
    option = " --task classification" if labels[0] == 0.5 else ""
    printed = run(f"train a.csv -o m.npz --seed 0 --progress none{option}", capsys)
    assert "3 classes: " + ", ".join(map(str, labels)) in printed
    assert fastnn.load("m.npz").sizes == [2, 30, 3]
    found = np.array(predictions(run("predict m.npz a.csv", capsys)), float)
    assert np.mean(found == np.array(labels)[y]) > 0.9
    right = np.count_nonzero(found == np.array(labels)[y])
    assert f"({right} of 120)" in run("evaluate m.npz a.csv --part all", capsys)


def test_a_class_with_commas_and_quotes_is_written_as_csv(capsys) -> None:
    text = named_points().read_text().replace("ant", '"ant, ""black"""')
    Path("quoted.csv").write_text(text)
    run("train quoted.csv -o m.json --seed 0 --progress none", capsys)
    assert 'ant, "black"' in predictions(run("predict m.json quoted.csv", capsys))


def test_an_unknown_class_is_named_with_its_line(capsys) -> None:
    named_points()
    run("train named.csv -o m.json --seed 0 --epochs 1 --progress none", capsys)
    lines = named_points("other.csv").read_text().splitlines()
    lines.insert(1, "")
    lines[7] = lines[7].replace(lines[7].split(",")[-1], "dog")
    Path("other.csv").write_text("\n".join(lines))
    words = fails("evaluate m.json other.csv", capsys)
    assert "other.csv, line 8: class 'dog'; expected one of the network's: ant, bee, cat" in words


def test_a_table_of_texts_for_a_network_of_numbers(capsys) -> None:
    fastnn.Network([2, 3], rng=0).save("m.json")
    named_points()
    assert "class 'ant'; expected one of" in fails("evaluate m.json named.csv", capsys)


# --- columns


@pytest.fixture
def trained(capsys: pytest.CaptureFixture[str]) -> str:
    named_points()
    run("train named.csv -o m.json --seed 0 --epochs 10 --progress none", capsys)
    return run("predict m.json named.csv --proba", capsys)


def test_columns_are_found_by_their_names(trained: str, capsys) -> None:
    rows = list(csv.DictReader(Path("named.csv").read_text().splitlines()))
    for columns in (["x1", "x0"], ["kind", "x1", "x0"], ["x0", "extra", "x1", "kind"],
                    ["", "x1", "kind", "x0"]):  # fmt: skip
        with Path("other.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            for i, row in enumerate(rows):
                writer.writerow([row.get(name, i) for name in columns])
        assert run("predict m.json other.csv --proba", capsys) == trained
        if "kind" in columns:
            assert (
                run("evaluate m.json other.csv", capsys).splitlines()[1:]
                == (run("evaluate m.json named.csv", capsys).splitlines()[1:])
            )


def test_columns_that_are_missing_are_named(trained: str, capsys) -> None:
    Path("other.csv").write_text("x0,x2\n1,2\n3,4\n")
    words = fails("predict m.json other.csv", capsys)
    assert "1 of the 2 columns that m.json takes are not in the header, such as 'x1'" in words
    Path("other.csv").write_text("x0,x1,x1\n1,2,3\n3,4,5\n")
    assert "two columns are called 'x1'" in fails("predict m.json other.csv", capsys)
    Path("other.csv").write_text("x0,x1\n1,2\n3,4\n")
    assert "takes 2 inputs" not in run("predict m.json other.csv", capsys)
    assert "no column is called 'kind'" in fails("evaluate m.json other.csv", capsys)


def test_rows_without_a_header_are_taken_in_order(trained: str, capsys) -> None:
    lines = Path("named.csv").read_text().splitlines()[1:]
    Path("other.csv").write_text("\n".join(lines))
    assert run("predict m.json other.csv --proba", capsys) == trained
    Path("other.csv").write_text("\n".join(line.rpartition(",")[0] for line in lines))
    assert run("predict m.json other.csv --proba", capsys) == trained


def test_a_target_in_front_is_remembered(capsys) -> None:
    X, y = points()
    rows = [f"{label},{a!r},{b!r}" for label, (a, b) in zip(y, X.tolist(), strict=True)]
    Path("first.csv").write_text("\n".join(rows))
    run("train first.csv -o m.json --target 0 --seed 0 --progress none", capsys)
    found = np.array(predictions(run("predict m.json first.csv", capsys)), int)
    assert np.mean(found == y) > 0.9
    Path("bare.csv").write_text("\n".join(row.partition(",")[2] for row in rows))
    assert predictions(run("predict m.json bare.csv", capsys)) == [str(c) for c in found]
    assert f"({np.count_nonzero(found == y)} of 120)" in run(
        "evaluate m.json first.csv --part all", capsys
    )


def test_targets_by_name(capsys) -> None:
    named_points("a.csv", "kind,x1,label")
    assert "is the target" not in run("train a.csv --target label --epochs 1", capsys)
    printed = run("train a.csv --target kind --epochs 1 --index label", capsys)
    assert "target: 'kind', column 0; regression" in printed
    words = fails("train a.csv --target class", capsys)
    assert "--target: expected a column from -3 to 2 or a column's name" in words
    assert "--index: expected a column" in fails("train a.csv --index no", capsys)


def test_header_and_index_by_option(capsys) -> None:
    X, y = points()
    rows = np.column_stack([np.arange(120), X, y])
    Path("a.csv").write_text("\n".join(f"{int(r[0])},{r[1]!r},{r[2]!r},{int(r[3])}" for r in
                                       rows.tolist()))  # fmt: skip
    assert "--index 0 or --no-index" in fails("train a.csv", capsys)
    assert "features: 2\n" in run("train a.csv --index 0 --epochs 1", capsys)
    assert "features: 3\n" in run("train a.csv --no-index --epochs 1", capsys)
    Path("b.csv").write_text("0,1,2\n" + "1,0,1\n0,1,0\n0,0,2\n" * 20)
    words = fails("train b.csv", capsys)
    assert "b.csv, line 1" in words and "--header or --no-header" in words
    assert "12 test rows" in run("train b.csv --header --epochs 1", capsys)
    assert "12 test rows" in run("train b.csv --no-header --epochs 1", capsys)
    assert "header in line 1" in run("train b.csv --header --epochs 1", capsys)
    assert "no header" in run("train b.csv --no-header --epochs 1", capsys)


@pytest.mark.parametrize("suffix", [".CSV", ".tsv", ".TXT"])
def test_tabs_decimal_commas_and_endings(suffix: str, capsys) -> None:
    text = named_points().read_text().replace(",", "\t").replace(".", ",")
    Path(f"a{suffix}").write_text(text)
    printed = run(f"train a{suffix} -o m.json --seed 0 --progress none", capsys)
    assert "table: utf-8, tabs, header in line 1" in printed
    assert predictions(run(f"predict m.json a{suffix}", capsys)) == predictions(
        run("predict m.json named.csv", capsys)
    )
    printed = run(f"train a{suffix} --delimiter tab --epochs 1", capsys)
    assert "tabs" in printed
    assert "delimiter='|': expected" in fails(f"train a{suffix} --delimiter |", capsys)


def test_an_encoding_that_is_wrong_names_the_option(capsys) -> None:
    named_points(header="长度,宽度,类", encoding="gbk")
    words = fails("train named.csv -o m.json", capsys)
    assert "expected UTF-8 text" in words and "--encoding gbk" in words
    run("train named.csv -o m.json --encoding gbk --epochs 1", capsys)
    assert "--encoding" in fails("predict m.json named.csv", capsys)
    run("predict m.json named.csv --encoding gbk", capsys)
    assert "长度" in run("info m.json", capsys)
    assert "encoding='no'" in fails("predict m.json named.csv --encoding no", capsys)


def test_lines_are_counted_by_all(capsys) -> None:
    fastnn.Network([2, 3], rng=0).save("m.json")
    Path("bad.csv").write_text('"a\na",b,c\n\n1,2,0\n1,x,1\n1,2,2\n')
    for command in ("train bad.csv", "evaluate m.json bad.csv", "predict m.json bad.csv"):
        assert "bad.csv, line 5, column 2: 'x'; expected a finite number" in fails(command, capsys)
    Path("bad.csv").write_text("a,b,c\n1,2,0\n1,nan,1\n1,2,2\n")
    for command in ("train bad.csv", "evaluate m.json bad.csv", "predict m.json bad.csv"):
        assert "bad.csv, line 3, column 2: 'nan'" in fails(command, capsys)


@pytest.mark.parametrize("header", ["1_1,1_2", '"x\n0",x1', "0,1", "a,b"])
def test_predict_reads_headers_as_train_does(header: str, capsys) -> None:
    named_points(header=f"{header},kind")
    run("train named.csv -o m.json --seed 0 --epochs 3 --progress none", capsys)
    found = predictions(run("predict m.json named.csv", capsys))
    assert len(found) == 120
    lines = Path("named.csv").read_text().splitlines()[header.count("\n") + 1 :]
    Path("bare.csv").write_text("\n".join([header, *(line.rpartition(",")[0] for line in lines)]))
    assert predictions(run("predict m.json bare.csv", capsys)) == found


@pytest.mark.parametrize(
    "content",
    [
        b'1,2\n"""\n1,2',  # quotes without an end
        b"(((((\n1,2\n",
        b"1,2\\\n\\\n",
        b"\x00\x00\x00",
        b"\xfd7zXZ\x00\x00",  # the start of an xz file
        b"1,2\n'''",
    ],
)
def test_whatever_a_table_holds_is_one_line(content: bytes, capsys) -> None:
    fastnn.Network([2, 3], rng=0).save("m.json")
    Path("bad.csv").write_bytes(content)
    assert "bad.csv" in fails("predict m.json bad.csv", capsys)
    Path("bad.npz").write_bytes(content)
    assert "bad.npz" in fails("predict m.json bad.npz", capsys)


@pytest.mark.parametrize("compression", [12, 14])  # bzip2, LZMA
def test_packed_otherwise_is_one_line(compression: int, capsys) -> None:
    import zipfile

    fastnn.Network([2, 3], rng=0).save("m.json")
    np.save("X.npy", np.ones((4, 2)))
    with zipfile.ZipFile("a.npz", "w", compression) as archive:
        archive.write("X.npy")
    assert "X: unknown compression" in fails("predict m.json a.npz", capsys)


# --- regression


def prices(path: str = "prices.csv") -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3)) * [1, 100, 0.01]
    y = 2000 + 300 * X[:, 0] - 2 * X[:, 1] + 20 * rng.normal(size=300)
    with Path(path).open("w", newline="") as file:
        csv.writer(file).writerows([["a", "b", "c", "price"], *np.column_stack([X, y]).tolist()])
    return X, y


def test_regression(capsys) -> None:
    X, y = prices()
    printed = run("train prices.csv -o m.json --seed 0 --progress lines", capsys)
    assert "target: 'price', the last column; regression, numbers from" in printed
    assert "3-30-1 (151 parameters), tanh, output identity, quadratic" in printed
    assert "scaling: features and target to mean 0" in printed
    last = re.findall(
        r"^epoch 30/30: cost [\d.]+, validation cost [\d.]+, R² ([\d.]+),", printed, re.M
    )
    assert float(last[0]) > 0.85
    determination, error = re.search(
        r"test R² ([\d.]+), RMSE ([\d.]+) \(60 rows\)", printed
    ).groups()
    assert float(determination) > 0.85 and 15 < float(error) < 150
    network = fastnn.load("m.json")
    found = np.array(predictions(run("predict m.json prices.csv", capsys)), float)
    assert np.array_equal(found, network.predict(X)[:, 0])
    assert np.sqrt(np.mean((found - y) ** 2)) < 150
    evaluated = run("evaluate m.json prices.csv", capsys)
    assert f"R² {determination}, RMSE {error} (60 rows)" in evaluated
    assert "task        regression" in run("info m.json", capsys)


def test_regression_by_hand(capsys) -> None:
    prices()
    run("train prices.csv -o m.json --seed 0 --progress none --validation none", capsys)
    table = read_table("prices.csv")
    X, y = split_rows(table.X, table.y).train
    mean, scale = X.mean(axis=0), X.std(axis=0)
    net = fastnn.Network(
        [3, 30, 1], fastnn.QuadraticCost, activation="tanh", output="identity", rng=0
    )
    net.fit((X - mean) / scale, (y - y.mean()) / y.std(), epochs=30, batch_size=10,
            learning_rate=0.02)  # fmt: skip
    expected = net.predict((X - mean) / scale) * y.std() + y.mean()
    np.testing.assert_allclose(fastnn.load("m.json").predict(X), expected, rtol=1e-9)


def test_whole_numbers_that_differ_are_amounts_unless_told(capsys) -> None:
    X, _ = points()
    write_table(Path("a.csv"), X, 3 * np.arange(120) + 25)
    assert "regression" in run("train a.csv --epochs 1", capsys)
    write_table(Path("b.csv"), X, np.arange(120) % 25)
    words = fails("train b.csv", capsys)
    assert "25 different whole numbers in 120 rows" in words
    assert "--task classification or --task regression" in words
    assert "25 classes" in run("train b.csv --epochs 1 --task classification", capsys)
    assert "regression" in run("train b.csv --epochs 1 --task regression", capsys)


def test_what_a_regression_does_not_take(capsys) -> None:
    prices()
    assert "--cost log-likelihood" in fails("train prices.csv --cost log-likelihood", capsys)
    words = fails("train prices.csv --output-activation softmax", capsys)
    assert "--output-activation softmax: a regression takes identity" in words
    run(
        "train prices.csv --cost quadratic --output-activation identity --epochs 1 -o m.json",
        capsys,
    )
    assert "--proba" in fails("predict m.json prices.csv --proba", capsys)
    named_points()
    assert "expected numbers" in fails("train named.csv --task regression", capsys)
    Path("words.csv").write_text("a,b,c,price\n" + "1,2,3,cheap\n4,5,6,dear\n" * 10)
    assert "'cheap'; expected numbers as targets" in fails("evaluate m.json words.csv", capsys)


# --- .npz files


def test_npz_with_names_and_with_amounts(capsys) -> None:
    X, y = points()
    np.savez("named.npz", X=X, y=NAMES[y])
    printed = run("train named.npz -o m.json --seed 0 --progress none", capsys)
    assert "target: y; classification, 3 classes: ant, bee, cat" in printed
    found = predictions(run("predict m.json named.npz", capsys))
    assert np.mean(np.array(found) == NAMES[y]) > 0.9
    assert "accuracy" in run("evaluate m.json named.npz", capsys)
    np.savez("amounts.npz", X=X, y=X[:, 0] * 300 + 1000)
    printed = run("train amounts.npz -o r.json --seed 0 --progress none", capsys)
    assert "regression" in printed and "test R² 0.9" in printed
    assert "RMSE" in run("evaluate r.json amounts.npz", capsys)
    np.savez("whole.npz", X=X, y=(X[:, 0] * 300 + 1000).astype(int))
    assert "regression" in run("train whole.npz --epochs 1", capsys)
    one_hot = np.eye(4)[y]  # a class without rows
    np.savez("hot.npz", X=X, y=one_hot)
    run("train hot.npz -o h.json --epochs 1", capsys)
    assert fastnn.load("h.json").sizes[-1] == 4
    assert "does not apply" in fails("train named.npz --encoding gbk", capsys)


# --- memory


@pytest.mark.skipif(sys.platform != "linux", reason="measured in /proc")
@pytest.mark.parametrize("kind", ["digits", "measurements"])
def test_memory_is_ten_times_the_file_at_most(kind: str) -> None:
    rng = np.random.default_rng(0)
    width = 200 if kind == "digits" else 20
    rows = rng.integers(0, 10, (20_000, width)) if kind == "digits" else rng.normal(
        size=(20_000, width)).round(3)  # fmt: skip
    text = "\n".join(",".join([*map(str, row), str(i % 3)]) for i, row in enumerate(rows.tolist()))
    Path("a.csv").write_text(text)
    fastnn.Network([width, 3], rng=0).save("m.json")
    for command in (
        "train a.csv --epochs 1 --hidden 2 --no-header --progress none",
        "predict m.json a.csv -o p.csv --no-header",
        "predict m.json a.csv -o p.csv --proba --no-header",
        "evaluate m.json a.csv --no-header",
    ):
        code = "assert main(sys.argv[1:]) == 0"
        assert peak_of(code, *command.split()) < 10 * len(text), command


# --- what must not be written over


def test_data_are_never_written_over(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_idx_folder(Path("mn"))
    named_points()
    fastnn.Network([2, 3], rng=0).save("m.json")
    fastnn.Network([784, 10], rng=0).save("big.json")
    os.link("named.csv", "hard.csv")
    Path("soft.csv").symlink_to("named.csv")
    os.link("m.json", "hard.json")
    Path("loop").symlink_to("mn")
    os.link("mn/t10k-labels-idx1-ubyte", "hard-labels")
    monkeypatch.setenv("FASTNN_MNIST", str(folder))
    for command in (
        "train named.csv --history hard.csv",
        "train named.csv --history soft.csv",
        "train hard.csv --history named.csv",
        "train soft.csv --history named.csv",
        "train mn --history mn/train-images-idx3-ubyte",
        "train mn --history loop/t10k-labels-idx1-ubyte",
        "train loop --history mn/t10k-labels-idx1-ubyte",
        "train mn --history hard-labels",
        "train mn --history mn/train-images-idx3-ubyte.gz",  # it would be read the next time
        "train mn --history mn/train-images.idx3-ubyte",
        "train mnist --history mn/train-images-idx3-ubyte",
        "train mn --history mn",
        "predict m.json named.csv -o hard.csv",
        "predict m.json named.csv -o m.json",
        "predict m.json named.csv -o hard.json",
        "predict big.json mn -o mn/train-labels-idx1-ubyte",
    ):
        words = fails(command, capsys)
        assert "expected another file, as" in words or "expected an ordinary file" in words, command


def test_two_outputs_are_two_files(capsys) -> None:
    named_points()
    Path("a.json").write_text("")
    os.link("a.json", "b.json")
    Path("c.json").symlink_to("a.json")
    for other in ("a.json", "./a.json", "b.json", "c.json"):
        words = fails(f"train named.csv -o a.json --history {other}", capsys)
        assert "is what --output writes" in words


def test_a_model_may_be_kept_beside_its_data(capsys) -> None:
    write_idx_folder(Path("mn"))
    for _ in range(2):
        run("train mn -o mn/model.json --history mn/history.csv --epochs 1", capsys)


# --- what could steer a terminal


def test_escape_sequences_do_not_reach_the_terminal(capsys) -> None:
    fastnn.Network([2, 3], rng=0).save("m.json")
    np.savez("a.npz", **{"\x1b]0;title\x07": np.ones(3)})
    named_points("x\x1b[31m.csv")
    Path("class.csv").write_text(named_points().read_text().replace("ant", "a\x1b[2Jt"))
    for command in (
        ["train", "a.npz"],
        ["predict", "m.json", "a.npz"],
        ["train", "none\x1b[31m.csv"],
        ["train", "\x1b[31m"],
        ["info", "\x1b[31m"],
        ["train", "named.csv", "--target", "\x1b[31m"],
        ["train", "named.csv", "--epochs", "\x1b[31m"],
        ["\x1b[31m"],
        ["train", "x\x1b[31m.csv", "--header", "--target", "x0", "--task", "classification",
         "--index", "\x9b31m"],
        ["evaluate", "m.json", "class.csv"],
    ):  # fmt: skip
        assert main(command) == 2
        words = capsys.readouterr().err
        assert "\x1b" not in words and "\x07" not in words and "\x9b" not in words
        assert "\\x1b" in words or "\\x9b" in words
    assert main(["train", "x\x1b[31m.csv", "-o", "x\x1b[31m.json", "--epochs", "1"]) == 0
    assert main(["train", "class.csv", "-o", "class.json", "--epochs", "1"]) == 0
    assert main(["info", "class.json"]) == 0
    printed = capsys.readouterr().out
    assert "\x1b" not in printed and "x\\x1b[31m.csv: 84 train" in printed
    assert "a\\x1b[2Jt" in printed


def test_a_pickle_that_names_an_escape_sequence(capsys) -> None:
    Path("mn.pkl.gz").write_bytes(b"\x80\x02c\x1b[31mos\nsys\x1btem\n.")
    words = fails("train mn.pkl.gz", capsys)
    assert "it names \\x1b[31mos.sys\\x1btem" in words and "\x1b" not in words


def test_predictions_on_a_terminal_are_escaped(capsys, monkeypatch) -> None:
    Path("class.csv").write_text(named_points().read_text().replace("ant", "a\x1b[2Jt"))
    run("train class.csv -o m.json --seed 0 --progress none", capsys)
    assert "a\x1b[2Jt" in run("predict m.json class.csv", capsys)  # a file gets what it is
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    printed = run("predict m.json class.csv", capsys)
    assert "\x1b" not in printed and "a\\x1b[2Jt" in printed
