"""History: rows, columns, the book's lists and tables."""

from __future__ import annotations

import copy
import csv
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import History, reference
from fastnn import history as history_module

ROWS = [
    {"epoch": 1, "learning_rate": 0.5, "training_cost": 0.9, "evaluation_accuracy": 7},
    {"epoch": 2, "learning_rate": 0.25, "training_cost": 1 / 3, "evaluation_accuracy": 9},
]

COPIES: dict[str, Callable[[History], History]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda history: pickle.loads(pickle.dumps(history)),
}


@pytest.fixture
def history() -> History:
    history = History()
    for row in ROWS:
        history.append(dict(row))
    return history


@pytest.fixture
def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.random((12, 3)), rng.integers(0, 2, 12)


def columns_of(rows: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


@pytest.mark.parametrize("asked", [False, True], ids=["at the end", "in between"])
def test_rows_added_as_columns_are_those_added_one_by_one(asked: bool) -> None:
    later = [{**row, "epoch": row["epoch"] + 2} for row in ROWS]
    last = {**ROWS[0], "epoch": 5}
    history = History()
    history.append(dict(ROWS[0]))
    for n, rows in ((2, ROWS[1:]), (4, later)):
        history.extend(columns_of(rows))
        assert len(history) == n
        assert not asked or history[-1] == rows[-1]
    history.append(dict(last))
    assert len(history) == 5
    assert list(history) == history.rows == [*ROWS, *later, last]
    assert history.rows is history.rows
    kinds = [type(value) for value in history[2].values()]
    assert kinds == [int, float, float, int]  # as from rows: none of them NumPy's
    assert history.columns == list(ROWS[0])
    assert history["epoch"] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_a_copy_goes_its_own_way(copied: Callable[[History], History]) -> None:
    history = History()
    history.extend(columns_of(ROWS))
    twin = copied(history)
    twin.append({**ROWS[0], "epoch": 3})
    twin.extend(columns_of(ROWS))
    assert (len(history), len(twin)) == (2, 5)
    assert history.rows == twin.rows[:2] == ROWS
    assert twin["epoch"] == [1, 2, 3, 1, 2]


def test_rows_asked_for_by_several_threads_are_there_once() -> None:
    for _ in range(20):
        history = History()
        history.extend(columns_of(ROWS * 200))
        with ThreadPoolExecutor(4) as pool:
            seen = list(pool.map(list, [history] * 8))
        assert all(rows == ROWS * 200 for rows in seen)
        assert len(history) == 400


ADDED: dict[str, Callable[[History, dict[str, Any]], None]] = {
    "append": lambda history, row: history.append(row),
    "extend": lambda history, row: history.extend(columns_of([row])),
}


@pytest.mark.parametrize("add", ADDED.values(), ids=ADDED)
def test_rows_added_while_another_thread_reads_are_kept(
    add: Callable[[History, dict[str, Any]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    history, later = History(), {**ROWS[0], "epoch": 3}
    history.extend(columns_of(ROWS))
    writer = threading.Thread(target=add, args=(history, later))
    inner = history_module._rows_of

    def interrupted(columns: Any) -> Any:
        if not writer.ident:
            writer.start()
            writer.join(0.1)  # what adds a row has begun, and ends here unless it is made to wait
        return inner(columns)

    monkeypatch.setattr(history_module, "_rows_of", interrupted)
    seen = list(history)
    writer.join()
    assert seen[:2] == ROWS
    assert history.rows == [*ROWS, later]


def test_rows_and_columns(history: History) -> None:
    assert len(history) == 2
    assert list(history) == ROWS
    assert (history[0], history[-1]) == (ROWS[0], ROWS[1])
    assert history[0:1] == ROWS[:1]
    assert history.columns == ["epoch", "learning_rate", "training_cost", "evaluation_accuracy"]
    assert history["evaluation_accuracy"] == [7, 9]
    assert history.to_dict() == {
        "epoch": [1, 2],
        "learning_rate": [0.5, 0.25],
        "training_cost": [0.9, 1 / 3],
        "evaluation_accuracy": [7, 9],
    }
    assert repr(history) == f"<History of 2 epochs: {', '.join(history.columns)}>"


def test_columns_are_the_users_own(history: History) -> None:
    history["epoch"].clear()
    history.to_dict()["epoch"].clear()
    assert history["epoch"] == [1, 2]


def test_what_was_not_recorded(history: History) -> None:
    with pytest.raises(KeyError, match="'val': recorded were epoch, learning_rate, training_cost"):
        history["val"]
    with pytest.raises(KeyError, match="'val': recorded were no epochs"):
        History()["val"]
    with pytest.raises(IndexError):
        history[2]


def test_without_epochs() -> None:
    history = History()
    assert (len(history), list(history), history.columns, history.to_dict()) == (0, [], [], {})
    assert history.book_lists() == ([], [], [], [])


def test_book_lists_come_in_the_books_order(history: History) -> None:
    assert history.book_lists() == ([], [7, 9], [0.9, 1 / 3], [])


def test_a_table_comes_back(history: History, tmp_path: Path) -> None:
    history.to_csv(tmp_path / "history.csv")
    with (tmp_path / "history.csv").open(newline="") as file:
        header, *lines = csv.reader(file)
    assert header == history.columns
    assert [[float(cell) for cell in line] for line in lines] == [
        list(map(float, row.values())) for row in ROWS
    ]
    assert list(tmp_path.iterdir()) == [tmp_path / "history.csv"]


def test_a_table_is_written_whole_or_not_at_all(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "history.csv"
    path.write_text("old")

    def fail(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        history.to_csv(str(path))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", [fastnn.Network, reference.Network])
def test_fit_records_every_epoch(kind: type, data: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = data
    net = kind([3, 4, 2], rng=0)
    history = net.fit(X, y, epochs=3, learning_rate=0.2, validation_data=(X[:5], y[:5]))
    assert history.columns == [
        "epoch", "learning_rate", "seconds", "training_cost", "validation_cost",
        "validation_accuracy",
    ]  # fmt: skip
    assert history["epoch"] == [1, 2, 3]
    assert history["learning_rate"] == [0.2] * 3
    assert all(seconds > 0 for seconds in history["seconds"])
    last = history[-1]
    assert last["validation_cost"] == pytest.approx(net.total_cost((X[:5], y[:5]), 0.0))
    assert last["validation_accuracy"] == net.accuracy((X[:5], y[:5])) / 5
    assert {type(value) for row in history for value in row.values()} == {int, float}


FLAGS = {
    "monitor_evaluation_cost": 0,
    "monitor_evaluation_accuracy": 1,
    "monitor_training_cost": 2,
    "monitor_training_accuracy": 3,
}


@pytest.mark.parametrize("kind", [fastnn.Network, reference.Network])
@pytest.mark.parametrize("flags", [[], *([flag] for flag in FLAGS), list(FLAGS)], ids=len)
def test_sgd_returns_what_is_asked_for_in_the_books_order(
    kind: type, flags: list[str], data: tuple[np.ndarray, np.ndarray]
) -> None:
    X, y = data
    net = kind([3, 4, 2], rng=0)
    lists = net.SGD(
        (X, y), 2, 5, 0.5, 0.1, evaluation_data=(X[:7], y[:7]), **dict.fromkeys(flags, True)
    )
    assert isinstance(lists, tuple)
    expected = [
        net.total_cost((X[:7], y[:7]), 0.1),
        net.accuracy((X[:7], y[:7])),
        net.total_cost((X, y), 0.1),
        net.accuracy((X, y)),
    ]
    for flag, place in FLAGS.items():
        if flag not in flags:
            assert lists[place] == []
            continue
        assert len(lists[place]) == 2
        assert lists[place][-1] == pytest.approx(expected[place], rel=1e-12)
        assert type(lists[place][-1]) is (int if "accuracy" in flag else float)


def test_the_history_grows_while_it_is_watched(data: tuple[np.ndarray, np.ndarray]) -> None:
    lengths, seen = [], []

    def watch(net: fastnn.Network, history: History) -> bool:
        lengths.append(len(history))
        seen.append(history)
        return len(history) == 4

    history = fastnn.Network([3, 2], rng=0).fit(*data, epochs=9, callbacks=[watch])
    assert lengths == [1, 2, 3, 4]
    assert all(each is history for each in seen)


@pytest.mark.parametrize("asked", [False, True])
def test_the_last_epoch_needs_no_rows(asked: bool) -> None:
    history = History()
    with pytest.raises(IndexError):
        history.last("epoch")
    history.append({"epoch": 1, "training_cost": 0.5})
    assert history.last("training_cost") == 0.5
    history.extend({"epoch": np.array([2, 3]), "training_cost": np.array([0.25, 1 / 3])})
    if asked:
        assert len(history.rows) == 3
    assert (history.last("training_cost"), history.last("epoch")) == (1 / 3, 3)
    assert type(history.last("training_cost")) is float
    history.append({"epoch": 4, "training_cost": 2.0})
    assert history.last("training_cost") == history[-1]["training_cost"] == 2.0
