"""What a training is told, on the command line and in a TOML file: every option of the model."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from cli_commands import run
from cli_files import points, write_table

import fastnn
from fastnn import datasets, initializers, normalization, optimizers, regularizers, schedules
from fastnn.cli import main
from fastnn.cli.settings import KEYS, UNSAID, read_settings
from fastnn.cli.toml_files import read_toml, toml_of
from fastnn.dropout import Dropout
from fastnn.many._settings import FIT_KEYS, NETWORK_KEYS
from fastnn.stopping import EarlyStopping

if sys.version_info < (3, 11):
    pytest.importorskip("tomli")


@pytest.fixture(autouse=True)
def in_a_folder_with_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_table(Path("points.csv"), *points())


def fails(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    before = sorted(Path.cwd().rglob("*"))
    assert main(command.split()) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("fastnn: error: ") and printed.err.count("\n") == 1
    assert "trained" not in printed.out and sorted(Path.cwd().rglob("*")) == before
    return printed.err


WORDS = """--hidden 6 4 --activation tanh relu --cost log-likelihood --initializer normal sigma=0.3
 --normalization group groups=2 --dropout 0.1 0.2 --input-scale 0.5 --dtype float32 --seed 11
 --epochs 12 --batch-size 7 --optimizer adam beta1=0.8 --learning-rate 0.02
 --regularizer l1l2 l1=0.1 l2=0.5 --schedule cosine epochs=12 --dropout-schedule warm-up epochs=3
 --stopping patience=2 monitor=validation_cost --class-weight 0=2 2=0.5 --label-smoothing 0.1
 --metrics r2 accuracy --no-shuffle --n-threads 1 --no-standardize"""
FILE = """
hidden = [6, 4]
activation = ["tanh", "relu"]
cost = "log_likelihood"
initializer = { name = "normal", sigma = 0.3 }
normalization = { name = "group", groups = 2 }
dropout = [0.1, 0.2]
input_scale = 0.5
dtype = "float32"
seed = 11
epochs = 12
batch_size = 7
optimizer = { name = "adam", beta1 = 0.8 }
learning_rate = 0.02
regularizer = { name = "l1l2", l1 = 0.1, l2 = 0.5 }
stopping = { patience = 2, monitor = "validation_cost" }
class_weight = { 0 = 2, 2 = 0.5 }
label_smoothing = 0.1
metrics = ["r2", "accuracy"]
shuffle = false
n_threads = 1
standardize = false
[schedule]
learning_rate = { name = "cosine", epochs = 12 }
dropout = { name = "warm_up", epochs = 3 }
"""


def by_hand() -> tuple[fastnn.Network, fastnn.history.History]:
    split = datasets.load("points.csv")
    network = fastnn.Network(
        [2, 6, 4, 3], fastnn.LogLikelihoodCost, activation=["tanh", "relu"],
        initializer=initializers.Normal(sigma=0.3), normalization=normalization.GroupNorm(groups=2),
        dropout=[0.1, 0.2], input_scale=0.5, dtype="float32", rng=11,
    )  # fmt: skip
    history = network.fit(
        *split.train, epochs=12, batch_size=7, optimizer=optimizers.Adam(beta1=0.8),
        learning_rate=0.02, regularizer=regularizers.L1L2(0.1, 0.5),
        schedule={"learning_rate": schedules.cosine(12), "dropout": schedules.warm_up(3)},
        stopping=EarlyStopping(patience=2, monitor="validation_cost"),
        class_weight={0: 2, 2: 0.5}, label_smoothing=0.1, metrics=["r2", "accuracy"], shuffle=False,
        validation_data=split.validation,
    )  # fmt: skip
    return network, history


def test_all_that_a_model_takes_is_said_in_words_or_in_a_file(capsys) -> None:
    """The same numbers by both, in a run folder and without, as by a program."""
    network, history = by_hand()
    Path("model.toml").write_text(FILE)

    run(f"train points.csv -o words.npz --history words.csv {WORDS}", capsys)
    run("train points.csv -o file.npz --history file.csv --config model.toml", capsys)
    run("train points.csv --run folder --config model.toml", capsys)
    for name in ("words.npz", "file.npz", "folder/model.npz"):
        assert np.array_equal(fastnn.load(name).parameters, network.parameters), name
    for name in ("words.csv", "file.csv", "folder/history.csv"):
        header, *rows = Path(name).read_text().splitlines()
        assert header.split(",") == history.columns and len(rows) == len(history) < 12
        costs = [float(row.split(",")[header.split(",").index("validation_cost")]) for row in rows]
        assert costs == history["validation_cost"]


def test_every_key_of_the_model_is_a_setting() -> None:
    assert set(UNSAID) <= {*NETWORK_KEYS, *FIT_KEYS}
    assert {*NETWORK_KEYS, *FIT_KEYS} - set(UNSAID) <= set(KEYS)


def test_the_command_line_counts_more_than_the_file(capsys) -> None:
    Path("model.toml").write_text(
        'data = "points.csv"\nhidden = [4]\nepochs = 3\nseed = 1\nstopping = 1\n'
        'schedule = { name = "cosine", epochs = 3 }\n'
    )
    said = run(
        "train --config model.toml --hidden 5 --seed 2 --stopping none --json "
        "--decay-schedule step every=2 --progress none".replace("--json ", "")
        + " --run folder",
        capsys,
    )
    assert "2-5-3" in said and "seed 2" in said and "trained 3 epochs" in said
    used = read_toml("folder/config.toml")
    assert used["schedule"] == {
        "learning_rate": {"name": "cosine", "epochs": 3},
        "decay": {"name": "step", "every": 2},
    }
    assert used["stopping"] == "none" and Path(used["data"]).is_absolute()


def test_the_settings_of_a_run_repeat_it(capsys) -> None:
    run("train points.csv --epochs 2 --run first --l2 0.5", capsys)
    run("train --config first/config.toml --run second", capsys)
    first, second = (fastnn.load(f"{name}/model.npz") for name in ("first", "second"))
    assert np.array_equal(first.parameters, second.parameters)


def test_a_file_may_spell_its_keys_as_options_are(capsys) -> None:
    Path("hyphens.toml").write_text("learning-rate = 0.25\nbatch-size = 7\nepochs = 1\n")
    run("train points.csv --config hyphens.toml --run folder", capsys)
    used = read_settings("folder/config.toml")
    assert (used["learning_rate"], used["batch_size"]) == (0.25, 7)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("epochss = 3", "model.toml: 'epochss': expected one of data, target"),
        ("sizes = [2, 3]", "model.toml: 'sizes': expected one of"),
        ("output-activation = 'softmax'", "--output-activation is told by output"),
        ("l2 = 0.1", "--l2 is told by regularizer = { name"),
        ("batch-size = 3\nbatch_size = 4", "model.toml: batch_size: expected it once, got it by"),
        ("[network]\nhidden = [3]", "model.toml: 'network': expected one of"),
        ("epochs = 0", "model.toml: epochs: expected a whole number of 1 or more, got '0'"),
        ("epochs = true", "model.toml: epochs: expected a number, got True"),
        ("hidden = 3", "model.toml: hidden: expected numbers of neurons, got 3"),
        ("cost = { q = 0.5 }", "model.toml: cost: expected a name among its keys, got {'q': 0.5}"),
        ("activation = 3", "model.toml: activation: expected a name or a list of them, got 3"),
        ("cost = 'squared'", "model.toml: cost: expected one of quadratic, cross_entropy"),
        ("optimizer = { name = 'adam', beta = 1 }", "model.toml: optimizer: Adam: got an unexp"),
        ("schedule = 'cosine'", "model.toml: schedule: cosine: missing a required argument"),
        (
            "stopping = { patience = 0 }",
            "model.toml: stopping: patience: expected 1 or",
        ),
        ("shuffle = 1", "model.toml: shuffle: expected true or false, got 1"),
        ("task = 'both'", "model.toml: task: expected classification or regression"),
        ("target = true", "model.toml: target: expected a column's name or number"),
        ("index = 1.5", "model.toml: index: expected a column's name or number"),
        ("data = 3", "model.toml: data: expected a text, got 3"),
        ("validation = 'some'", "model.toml: validation: expected a share"),
        ("dtype = 'float16'", "dtype: expected"),
        ("metrics = ['f1']", "metrics: expected accuracy"),
        ("class_weight = { 7 = 1 }", "class_weight: expected classes among ['0', '1', '2'], got"),
        ("stopping = { monitor = 'validation_loss' }", "monitor: expected a column recorded"),
        ("epochs = ", "model.toml: expected a TOML file: Invalid value"),
    ],
)
@pytest.mark.parametrize("option", ["", " --run folder"])
def test_what_is_wrong_in_a_file_is_named_before_anything_is_trained(
    text: str, words: str, option: str, capsys
) -> None:
    Path("model.toml").write_text(f"{text}\n")
    assert words in fails(f"train points.csv --config model.toml -o m.json{option}", capsys)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--optimizer adam 3", "--optimizer: expected KEY=VALUE, got '3'"),
        ("--optimizer adamm", "--optimizer: expected one of sgd, "),
        ("--optimizer adam beta1=0.5 beta1=0.5", "--optimizer: expected beta1 once"),
        ("--optimizer adam beta=0.5", "optimizer: Adam: got an unexpected keyword argument 'beta'"),
        ("--dropout 1", "--dropout: expected a number from 0, below 1, got '1'"),
        ("--stopping never", "--stopping: expected a whole number of 1 or more, got 'never'"),
        ("--class-weight heavy", "--class-weight: expected KEY=VALUE, got 'heavy'"),
        ("--class-weight 0=-1", "--class-weight: expected a number of 0 or more"),
        ("--l2 1 --regularizer l1 strength=1", "--l2: expected it or --regularizer, got both"),
        ("--schedule cosine", "schedule: cosine: missing a required argument: 'epochs'"),
        ("--config points.csv", "points.csv: expected a TOML file"),
        ("--config none.toml", "none.toml: No such file"),
        ("--run points.csv", "--run: expected a new folder in one that exists, got points.csv"),
        ("--run .", "--run: expected a new folder or an empty one, got ."),
        ("--run a/b", "--run: expected a new folder in one that exists"),
        ("--resume none", "No such file"),
        ("--resume . --run new", "--run: expected it or --resume, got both"),
    ],
)
def test_what_is_wrong_in_words(words: str, expected: str, capsys) -> None:
    assert expected in fails(f"train points.csv -o m.json {words}", capsys)


def test_without_data(capsys) -> None:
    assert "DATA" in fails("train --epochs 1", capsys)


def test_dropout_with_settings(capsys) -> None:
    run("train points.csv -o m.npz --epochs 1 --dropout 0.25 inverted=false", capsys)
    assert fastnn.load("m.npz").dropout == (Dropout(0.25, inverted=False),)


@pytest.mark.parametrize("cost", ["huber threshold=0.5", "absolute", "quantile q=0.6", "poisson"])
def test_costs_of_a_regression(cost: str, capsys) -> None:
    """Amounts are counts here, so that all costs take them; each beats the mean by far."""
    X, _ = points(200)
    y = np.round(np.exp(1.5 + X[:, 0])).astype(int) + (np.arange(200) % 7 == 0)
    write_table(Path("counts.csv"), X, y)
    text = run(f"train counts.csv --task regression --cost {cost} --epochs 60 --seed 0 "
               "--optimizer adam --learning-rate 0.02 -o m.json", capsys)  # fmt: skip
    assert float(text.split("test R² ")[1].split(",")[0]) > 0.7
    words = cost.split()[0]
    assert f", {words}, float64" in text
    assert fastnn.load("m.json").output == ("exp" if words == "poisson" else "identity")


def test_class_weights_go_by_the_names_of_the_classes(capsys) -> None:
    X, y = points()
    lines = [f"{a},{b},{('cat', 'dog', 'eel')[k]}" for (a, b), k in zip(X, y, strict=True)]
    Path("pets.csv").write_text("a,b,pet\n" + "\n".join(lines) + "\n")
    run("train pets.csv -o heavy.json --epochs 30 --seed 0 --class-weight eel=50", capsys)
    run("train pets.csv -o even.json --epochs 30 --seed 0", capsys)
    middle = [[0.4, 0.4]] * 2  # between all three
    heavy, even = (fastnn.load(name).predict(middle)[0] for name in ("heavy.json", "even.json"))
    assert heavy.argmax() == 2 and heavy[2] > even[2] + 0.2
    assert "among ['cat', 'dog', 'eel'], got 'cow'" in fails(
        "train pets.csv --class-weight cow=2", capsys
    )


def test_json_is_all_of_standard_output(capsys) -> None:
    assert (
        main(["train", "points.csv", "--epochs", "2", "--seed", "4", "--json", "-o", "m.json"]) == 0
    )
    printed = capsys.readouterr()
    assert printed.out.count("\n") == 1
    found = json.loads(printed.out)
    assert found["epochs"] == 2 and found["sizes"] == [2, 30, 3] and found["seed"] == 4
    assert found["rows"] == {"train": 84, "validation": 12, "test": 24}
    network, test = fastnn.load("m.json"), datasets.load("points.csv").test
    assert found["test"] == {
        "accuracy": network.accuracy(test) / 24, "right": network.accuracy(test), "rows": 24,
    }  # fmt: skip
    assert found["settings"]["epochs"] == 2 and 0 < found["last_epoch"]["training_cost"] < 5
    assert "wrote m.json" in printed.err


def test_toml_is_read_back() -> None:
    told = {
        "text": 'a "b" \\ \t\n\x7f 中文', "numbers": [1, -2.5, 1e-300, True], "table": {
            "": 1, "a.b": "c", "在": [{"x": 1}, {}]}, "none": None,
    }  # fmt: skip
    Path("m.toml").write_text(toml_of(told), encoding="utf-8")
    assert read_toml("m.toml") == {key: value for key, value in told.items() if key != "none"}
    with pytest.raises(TypeError, match="expected a plain value"):
        toml_of({"a": object()})
