"""The names that a network keeps of its table: saved, read back, checked."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import fastnn
from fastnn._model.table_info import TableInfo

CLASSES = TableInfo("classification", ("a", "b", "ç\x1b"), ("x", "y"), "kind", 2)
NUMBERS = TableInfo("classification", (-1, 2.5, 7), None, None, 0)
AMOUNTS = TableInfo("regression", (), ("x", "y"), "price", 2)


@pytest.mark.parametrize("info", [CLASSES, NUMBERS, AMOUNTS])
@pytest.mark.parametrize("name", ["a.json", "a.npz"])
def test_round_trip(info: TableInfo, name: str, tmp_path: Path) -> None:
    net = fastnn.Network([2, 3] if info.classes else [2, 1], rng=0)
    net.table = info
    net.save(tmp_path / name)
    loaded = fastnn.load(tmp_path / name)
    assert loaded.table == info
    assert [type(label) for label in loaded.table.classes] == [type(c) for c in info.classes]


@pytest.mark.parametrize("name", ["a.json", "a.npz"])
def test_a_network_without_a_table_says_nothing(name: str, tmp_path: Path) -> None:
    net = fastnn.Network([2, 3], rng=0)
    net.save(tmp_path / name)
    assert b'"table"' not in (tmp_path / name).read_bytes()
    assert fastnn.load(tmp_path / name).table is None


def test_a_single_output_has_two_classes(tmp_path: Path) -> None:
    net = fastnn.Network([2, 1], rng=0)
    net.table = TableInfo("classification", ("no", "yes"))
    net.save(tmp_path / "a.json")
    assert fastnn.load(tmp_path / "a.json").table == net.table


@pytest.mark.parametrize(
    "change",
    [
        {"task": "guess"},
        {"task": ["regression"]},
        {"task": "regression"},  # with classes
        {"classes": ["a", "b"]},
        {"classes": ["a", "b", "b"]},
        {"classes": ["a", "b", 1]},
        {"classes": [1, 2, True]},
        {"classes": [1, 1.0, 2]},
        {"classes": [1, 2, {"a": 1}]},
        {"classes": [1, 2, 10**400]},
        {"classes": [[], [], []]},
        {"classes": "abc"},
        {"classes": None},
        {"features": ["x"]},
        {"features": ["x", 1]},
        {"features": "xy"},
        {"target": 1},
        {"column": -1},
        {"column": 3},
        {"column": True},
        {"column": 1.0},
        {"more": 1},
        "table",
        [],
        1,
    ],
)
def test_a_table_that_is_none_is_refused(change: object, tmp_path: Path) -> None:
    net = fastnn.Network([2, 3], rng=0)
    net.table = CLASSES
    net.save(tmp_path / "a.json")
    content = json.loads((tmp_path / "a.json").read_text())
    content["table"] = {**content["table"], **change} if isinstance(change, dict) else change
    (tmp_path / "b.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"b\.json: .*table"):
        fastnn.load(tmp_path / "b.json")


def test_a_table_with_a_key_missing_is_refused(tmp_path: Path) -> None:
    net = fastnn.Network([2, 3], rng=0)
    net.table = CLASSES
    net.save(tmp_path / "a.json")
    content = json.loads((tmp_path / "a.json").read_text())
    for key in list(content["table"]):
        damaged = {k: v for k, v in content["table"].items() if k != key}
        (tmp_path / "b.json").write_text(json.dumps({**content, "table": damaged}))
        with pytest.raises(ValueError, match="table: expected a description with"):
            fastnn.load(tmp_path / "b.json")


def test_predictions_do_not_depend_on_it(tmp_path: Path) -> None:
    net = fastnn.Network([2, 3], rng=0)
    before = net.predict(np.ones((4, 2)))
    net.table = CLASSES
    assert np.array_equal(net.predict(np.ones((4, 2))), before)
