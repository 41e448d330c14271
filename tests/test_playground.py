"""The playground's trainings: known accuracies, the program that does the same, tables, texts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from colour_vision import KINDS, difference
from playground_client import ended, given, trained

import fastnn
from fastnn import datasets
from fastnn.diagnostics import gradient_norms
from fastnn.playground import _server, _settings
from fastnn.playground._data import read_own
from fastnn.playground._refused import Refused
from fastnn.playground._serve import serving
from fastnn.playground._session import Session
from fastnn.plot._looks import COLOURS

PAGE = Path(fastnn.__file__).parent / "playground"
TEXTS = json.loads((PAGE / "static" / "texts.json").read_text(encoding="utf-8"))
pytestmark = pytest.mark.filterwarnings("ignore:the training diverged:RuntimeWarning")


@pytest.fixture
def session() -> Iterator[Session]:
    session = Session()
    yield session
    session.close()


def flowers(*, encoding: str = "utf-8") -> bytes:
    """A table with Chinese headers and classes: two features, three classes around corners."""
    rng = np.random.default_rng(0)
    lines = ["花瓣长度,花瓣宽度,品种"]
    for i in range(90):
        x, y = rng.normal([(0, 0), (4, 0), (0, 4)][i % 3], 0.6)
        lines.append(f"{x + 5:.2f},{y + 5:.2f},{('山鸢尾', '变色鸢尾', '维吉尼亚')[i % 3]}")
    return "\n".join(lines).encode(encoding)


def prices() -> bytes:
    rng = np.random.default_rng(1)
    X = rng.uniform(10, 90, size=(80, 3))
    y = X @ [2.0, -1.0, 0.5] + rng.normal(size=80)
    rows = [",".join(f"{each:.3f}" for each in (*x, t)) for x, t in zip(X, y, strict=True)]
    return "\n".join(["面积,房龄,楼层,价格", *rows]).encode()


# ---- trainings ----------------------------------------------------------------------------------


def test_two_settings_reach_the_accuracies_of_the_same_trainings_by_hand(session: Session) -> None:
    learning = trained(session, "a", hidden=(8,), epochs=60)
    zeros = trained(session, "b", hidden=(8,), epochs=60, initializer="zeros")
    test = datasets.circles(seed=2)
    net = fastnn.Network(
        [2, 8, 2], fastnn.LogLikelihoodCost, activation="tanh", initializer="xavier_normal", rng=0
    )
    history = net.fit(
        *datasets.circles(), epochs=60, batch_size=10, optimizer="adam", learning_rate=0.01,
        validation_data=test, metrics=["accuracy"],
    )  # fmt: skip
    assert learning.status == zeros.status == "done"
    assert np.array_equal(learning.run.network.parameters, net.parameters)
    for name, column in (("training_cost", "training_cost"), ("test_score", "validation_accuracy")):
        assert learning.run.curves[name] == pytest.approx(history[column], rel=1e-5)
    assert learning.run.curves["test_score"][-1] > 0.9
    assert zeros.run.curves["test_score"] == [0.5] * 60


def test_steps_pause_and_reset(session: Session) -> None:
    session.order(["a"], "step")
    session.order(["a"], "step")
    shown = ended(session)
    assert (shown.epochs, shown.status) == (2, "paused")
    first = shown.run.curves["training_cost"].copy()
    session.order(["a"], "reset")
    assert (ended(session).epochs, ended(session).status) == (0, "ready")
    session.order(["a"], "step")
    session.order(["a"], "step")
    assert ended(session).run.curves["training_cost"] == first
    session.order(["a"], "slow")
    session.order(["a"], "run")
    session.order(["a"], "pause")
    shown = ended(session)
    assert shown.status == "paused" and shown.epochs < 10


def test_a_second_run_goes_on_where_the_first_one_ended(session: Session) -> None:
    assert trained(session, epochs=5).epochs == 5
    assert trained(session).epochs == 10


def test_a_training_that_diverges_says_so_and_begins_anew(session: Session) -> None:
    session.take_table("prices.csv", prices(), {})
    steep = {"data": "table", "activation": "relu", "optimizer": "sgd", "learning_rate": 10.0}
    with serving(session):  # it hears the warnings
        assert trained(session, **steep).status == "diverged"
        session.order(["a"], "run")
        assert ended(session).status == "diverged"
        session.change("a", given(**(steep | {"learning_rate": 0.01})))
        assert ended(session).status == "ready"
        assert trained(session).status == "done"


def test_what_the_library_refuses_is_shown(session: Session) -> None:
    shown = trained(session, normalization="batch", batch_size=1)
    assert shown.status == "failed" and "batch" in shown.detail
    assert trained(session, normalization="batch", batch_size=10, epochs=2).status == "done"


def test_pictures_are_those_of_the_network(session: Session) -> None:
    shown = trained(session, hidden=(6, 5), epochs=3, activation="sigmoid")
    net, plane = shown.run.network, shown.run.data.plane
    grid, ends = shown.pictures["answers"], session.points("a")["extent"]
    side = session.points("a")["grid"]
    corner = [low + (high - low) * 0.5 / side for low, high in ends]
    outputs = net.predict([corner])[0]
    assert grid["classes"][0] == outputs.argmax()
    assert grid["shares"][0] == round(100 * outputs.max())
    assert len(grid["classes"]) == side**2
    layers = shown.pictures["layers"]
    assert [layer["units"] for layer in layers] == [6, 5, 2]
    assert all(sum(layer["shares"]) == pytest.approx(1, abs=1e-4) for layer in layers)
    assert shown.pictures["gradients"][0][0] == 0 and shown.pictures["gradients"][-1][0] == 3
    norms = gradient_norms(net, *datasets.circles())
    assert shown.pictures["gradients"][-1][1:] == pytest.approx(
        [layer.weights for layer in norms], rel=1e-5
    )
    assert plane.names == ("x1", "x2")


def test_digits_show_how_each_is_taken(session: Session) -> None:
    pytest.importorskip("sklearn")
    shown = trained(session, data="digits", epochs=8)
    counts = np.array(shown.pictures["answers"]["counts"])
    assert counts.shape == (10, 10) and counts.sum() == 500
    assert np.trace(counts) / 500 == pytest.approx(shown.run.curves["test_score"][-1])
    assert np.trace(counts) / 500 > 0.9


# ---- the program --------------------------------------------------------------------------------

PROGRAMS: dict[str, dict[str, Any]] = {
    "circles": {},
    "moons": {"data": "moons", "cost": "cross_entropy", "optimizer": "momentum", "l2": 0.5},
    "spirals": {"data": "spirals", "normalization": "layer", "optimizer": "rmsprop", "seed": 7},
    "xor": {"data": "xor", "noise": 0.1, "hidden": (), "cost": "quadratic", "optimizer": "sgd"},
    "deep": {"hidden": (6, 5, 4), "activation": "relu", "initializer": "lsuv", "l1": 0.01},
    "dropout": {"dropout": 0.2, "normalization": "batch", "optimizer": "nesterov"},
    "digits": {"data": "digits", "optimizer": "adamw"},
}


def run_program(text: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(text, "program", "exec"), names)
    return names


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_program_finds_the_same_weights(
    name: str, session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    if name == "digits":
        pytest.importorskip("sklearn")
    shown = trained(session, **{"epochs": 4} | PROGRAMS[name])
    names = run_program(session.program("a")["program"])
    assert np.array_equal(names["network"].parameters, shown.run.network.parameters)
    last = shown.run.curves["test_score"][-1]
    assert float(capsys.readouterr().out.split()[-1]) == pytest.approx(last, rel=1e-5)


def test_what_was_changed_on_the_way_is_in_the_program(session: Session) -> None:
    trained(session, epochs=3)
    changed = given(epochs=3, learning_rate=0.1, batch_size=30, l2=0.1)
    session.change("a", changed)
    shown = trained(session)
    assert shown.epochs == 6
    text = session.program("a")["program"]
    assert text.count("network.fit(") == 2
    network = run_program(text)["network"]
    assert np.array_equal(network.parameters, shown.run.network.parameters)


def test_before_the_first_epoch_the_program_is_the_one_to_come(session: Session) -> None:
    names = run_program(session.program("a")["program"].replace("epochs=500", "epochs=2"))
    assert len(names["history"]) == 2


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (flowers(), {}),
        (flowers(encoding="gbk"), {"encoding": "gbk"}),
        (prices(), {"target": "价格"}),
        (prices(), {"target": "0", "header": True}),
    ],
)
def test_the_program_reads_ones_own_table(
    content: bytes, options: dict[str, Any], session: Session, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    session.take_table("我的 'table'.csv", content, options)
    shown = trained(session, data="table", epochs=5)
    (tmp_path / "我的 'table'.csv").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    names = run_program(session.program("a")["program"])
    assert np.array_equal(names["network"].parameters, shown.run.network.parameters)


# ---- tables -------------------------------------------------------------------------------------


def test_a_table_with_chinese_headers_is_learnt(session: Session) -> None:
    session.take_table("花.csv", flowers(encoding="gbk"), {"encoding": "gbk"})
    shown = trained(session, data="table", epochs=40)
    points = session.points("a")
    assert points["classes"] == ["变色鸢尾", "山鸢尾", "维吉尼亚"]
    assert points["names"] == ["花瓣长度", "花瓣宽度"] and points["file"] == "花.csv"
    assert points["rows"] == [72, 18]
    assert 2 < points["extent"][0][0] < points["extent"][0][1] < 12  # by the table's own units
    assert shown.run.curves["test_score"][-1] == 1


def test_numbers_are_found_by_regression(session: Session) -> None:
    session.take_table("prices.csv", prices(), {})
    shown = trained(session, data="table", epochs=100)
    assert shown.pictures["answers"]["kind"] == "scatter"
    assert session.points("a")["classes"] == [] and session.points("a")["target"] == "价格"
    assert shown.run.curves["test_score"][-1] > 0.9


@pytest.mark.parametrize(
    ("content", "options", "code", "said"),
    [
        (b"", {}, "error_table", "no rows"),
        (b"a,b\n1,x\n2,y\nthree,x\n4,y\n", {}, "error_table", "three"),
        (b"a,b,c\n1,2\n", {}, "error_table", "bad.csv"),
        (flowers(encoding="gbk"), {}, "error_encoding", "0xbb"),
        (flowers(), {"target": "高度"}, "error_table", "高度"),
        (flowers(), {"encoding": "klingon"}, "error_table", "klingon"),
        (flowers(), {"task": "regression"}, "error_table", "regression"),
        (bytes(range(256)), {}, "error_encoding", "bad.csv"),
        (b"\0" * 5000, {}, "error_table", "bad.csv"),
        (b"x,name\n" + b"".join(b"%d.5,c%d\n" % (i, i) for i in range(40)),
         {"task": "classification"}, "error_table", "40 classes"),
        (b"1," * 5001 + b"a\n" + b"2," * 5001 + b"b\n", {}, "error_table", "5001 features"),
        (flowers(), {"path": "/etc/passwd"}, "error_settings", "path"),
    ],
)  # fmt: skip
def test_a_bad_table_is_refused_in_words_and_changes_nothing(
    content: bytes, options: dict[str, str], code: str, said: str, session: Session
) -> None:
    before = ended(session)
    with pytest.raises(Refused, match=re.escape(said)) as refused:
        session.take_table("bad.csv", content, options)
    assert refused.value.code == code
    assert ended(session) is before
    with pytest.raises(Refused) as refused:
        session.change("a", given("table"))
    assert refused.value.code == "error_no_table"


def test_a_table_of_the_command_line_is_there_from_the_start(tmp_path: Path) -> None:
    file = tmp_path / "花.csv"
    file.write_bytes(flowers(encoding="gbk"))
    session = Session(read_own(file, {"encoding": "gbk", "target": None}))
    try:
        assert session.points("b")["classes"] == ["变色鸢尾", "山鸢尾", "维吉尼亚"]
        assert run_program(session.program("a")["program"])["network"].sizes == [2, 16, 3]
    finally:
        session.close()


# ---- settings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("data", "secrets"), ("noise", -0.1), ("noise", float("nan")), ("hidden", [0]),
        ("hidden", [8] * 7), ("hidden", 8), ("hidden", [10**9]), ("hidden", [2.5]),
        ("activation", "softmax"), ("initializer", ["zeros"]), ("normalization", None),
        ("dropout", 1), ("cost", "huber"), ("optimizer", "lbfgs"), ("learning_rate", 0),
        ("learning_rate", True), ("batch_size", 0), ("l2", "1"), ("epochs", 10**9), ("seed", -1),
    ],
)  # fmt: skip
def test_settings_out_of_bounds_are_refused_by_name(
    name: str, value: Any, session: Session
) -> None:
    before = ended(session)
    with pytest.raises(Refused, match=re.escape(name)):
        session.change("a", {**given(), name: value})
    assert ended(session) is before


@pytest.mark.parametrize("settings", [None, [], {}, {**given(), "more": 1}])
def test_settings_are_all_there_and_no_others(settings: Any, session: Session) -> None:
    with pytest.raises(Refused, match="settings: expected exactly"):
        session.change("a", settings)


def test_each_choice_can_be_trained(session: Session) -> None:
    fields = {n: f.names for n, f in _settings.FIELDS.items() if isinstance(f, _settings.Choice)}
    fields["data"] = ("moons",)
    for name, choices in fields.items():
        for choice in choices:
            shown = trained(session, **{"hidden": (4,), "epochs": 1, name: choice})
            assert shown.status == "done", (name, choice, shown.detail)
            assert getattr(shown.run.settings, name) == choice


# ---- texts and files ----------------------------------------------------------------------------


def test_both_languages_have_the_same_texts() -> None:
    english, chinese = TEXTS["en"], TEXTS["zh"]
    assert set(TEXTS) == {"en", "zh"} and list(english) == list(chinese)
    for key, words in english.items():
        assert words.strip() and chinese[key].strip()
        assert set(re.findall(r"\{\w+\}", words)) == set(re.findall(r"\{\w+\}", chinese[key])), key


def test_what_is_chinese_has_chinese_signs() -> None:
    """Names that the field writes in Latin letters are the same in both."""
    plain = {k for k, words in TEXTS["zh"].items() if not re.search(r"[\u4e00-\u9fff]", words)}
    names = {k for k in plain if k.split(".")[0] in ("activation", "initializer", "optimizer")}
    assert plain - names == {"other_language", "r2_axis", "gradient_axis", "because"}


def static(ending: str) -> str:
    files = sorted((PAGE / "static").glob(f"*{ending}"))
    assert files
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def test_each_text_that_is_asked_for_is_there() -> None:
    sources = "\n".join(f.read_text(encoding="utf-8") for f in sorted(PAGE.glob("*.py")))
    scripts, page = static(".js"), static(".html")
    wanted = set(re.findall(r'data-t(?:ext|ip)="(\w+)"', page))
    wanted |= set(re.findall(r'\btext\("([\w.]+)"', scripts))
    wanted |= set(re.findall(r'"(error_\w+)"', sources + scripts))
    wanted |= set(_settings.FIELDS)
    for name, field in _settings.FIELDS.items():
        if isinstance(field, _settings.Choice):
            wanted |= {f"{name}.{each}" for each in field.names}
    wanted |= {"activation.softmax", *(f"speed.{each}" for each in ("slow", "medium", "fast"))}
    wanted |= {f"status.{each}" for each in ("ready", "running", "paused", "done", "diverged")}
    assert len(wanted) > 100
    assert sorted(wanted - set(TEXTS["en"])) == []


def test_each_file_of_the_page_is_served() -> None:
    served = {file for file, _ in _server._FILES.values()}
    assert served == {file.name for file in (PAGE / "static").iterdir()}


def test_the_page_loads_nothing_from_elsewhere() -> None:
    for ending in (".html", ".css", ".js"):
        assert not re.search(r"https?://|//\w+\.\w+/", static(ending))
    assert "innerHTML" not in static(".js") and "eval(" not in static(".js")


def test_curves_have_the_colours_of_fastnns_pictures() -> None:
    script = (PAGE / "static" / "canvas.js").read_text(encoding="utf-8")
    named = dict(re.findall(r'^(?:export )?const (\w+) = "(#\w{6})";', script, re.MULTILINE))
    (listed,) = re.findall(r"const CURVES = \[(.*?)\]", script)
    found = [named.get(each, each.strip('"')) for each in listed.split(", ")]
    assert [each.upper() for each in found] == list(COLOURS)


@pytest.mark.parametrize("kind", KINDS)
def test_all_kinds_of_colour_vision_tell_classes_apart(kind: str) -> None:
    script = (PAGE / "static" / "canvas.js").read_text(encoding="utf-8")
    (listed,) = re.findall(r"const CLASSES = \[(.*?)\]", script)
    named = dict(re.findall(r'const (\w+) = "(#\w{6})";', script))
    colours = [named.get(each, each.strip('"')) for each in listed.split(", ")]
    pairs = [(a, b) for i, a in enumerate(colours) for b in colours[:i]]
    assert len(pairs) == 21
    assert min(difference(a, b, kind) for a, b in pairs) > 12
    assert difference(*colours[:2], kind) > 60
