"""Epochs that are run at once must not be told from the same ones run one at a time."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import history as history_module
from fastnn import optimizers
from fastnn._core import engine
from fastnn._training import unattended as epochs_at_once
from fastnn.book import network2
from fastnn.regularizers import L2, MaxNorm
from fastnn.stopping import EarlyStopping

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(30, 3)), RNG.integers(0, 2, 30)
EPOCHS = 300


def record_of(arguments: tuple[Any, ...]) -> Any:
    """The record that a call of ``train_epoch`` writes, or None."""
    return arguments[16] if len(arguments) > 16 else None


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many epochs each call of the compiled core ran."""
    numbers: list[int] = []
    inner = engine._epoch.train_epoch

    def counted(*arguments: Any) -> float:
        record = record_of(arguments)
        numbers.append(1 if record is None else len(record))
        return inner(*arguments)

    monkeypatch.setattr(engine._epoch, "train_epoch", counted)
    return numbers


def nothing(net: object, history: object) -> None:
    """A callback: with it, epochs are run one at a time."""


def new_network(**options: Any) -> fastnn.Network:
    return fastnn.Network([3, 4, 2], rng=1, **options)


def without_seconds(history: fastnn.History) -> list[dict[str, Any]]:
    return [{name: x for name, x in row.items() if name != "seconds"} for row in history]


CASES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"dtype": "float32", "activation": "relu"}, {"batch_size": 7}),
    ({"normalization": "batch", "dropout": 0.3}, {"optimizer": optimizers.Adam()}),
    ({"normalization": "layer"}, {"regularizer": MaxNorm(0.5)}),
    ({}, {"optimizer": optimizers.Rprop(), "batch_size": 30, "n_threads": 2}),
]


@pytest.mark.parametrize("options, told", CASES)
def test_as_one_at_a_time(options: dict[str, Any], told: dict[str, Any], calls: list[int]) -> None:
    told = {"epochs": EPOCHS, "learning_rate": 0.1, "shuffle": False, **told}
    one, many = new_network(**options), new_network(**options)
    alone = one.fit(X, Y, callbacks=[nothing], **told)
    assert calls == [1] * EPOCHS
    calls.clear()
    together = many.fit(X, Y, **told)
    assert sum(calls) == EPOCHS and len(calls) < EPOCHS
    assert without_seconds(together) == without_seconds(alone)
    assert all(row["seconds"] > 0 for row in together)
    for a, b in zip(one.snapshot(), many.snapshot(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert many.training_state.epochs == EPOCHS
    one.fit(X, Y, callbacks=[nothing], **told)
    many.fit(X, Y, **told)
    np.testing.assert_array_equal(many.parameters, one.parameters)


@pytest.mark.parametrize(
    "told",
    [
        {"shuffle": True},
        {"metrics": ["accuracy"]},
        {"regularizer": L2(0.1)},
        {"schedule": fastnn.schedules.exponential(0.1)},
        {"stopping": EarlyStopping(50, monitor="training_cost")},
        {"time_limit": 100.0},
    ],
)
def test_one_at_a_time_where_somebody_looks(told: dict[str, Any], calls: list[int]) -> None:
    told = {"epochs": 40, "shuffle": False, **told}
    new_network().fit(X, Y, **told)
    assert set(calls) == {1}


def test_a_program_of_the_book_is_called_after_each_epoch(calls: list[int]) -> None:
    net = network2.Network([3, 4, 2])
    net.fit(X, Y, epochs=5, shuffle=False)
    assert calls == [1] * 5


def test_rows_are_not_made_between_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    inner, rows_of = engine._epoch.train_epoch, history_module._rows_of
    made: list[int] = []
    at_blocks: list[int] = []

    def in_blocks_of_ten(*arguments: Any) -> float:
        cost = inner(*arguments)
        record = record_of(arguments)
        if record is not None:
            record[:, 1] = epochs_at_once.AT_ONCE / 10.5
            at_blocks.append(len(made))
        return cost

    def counted(columns: Any) -> Any:
        made.append(len(columns["epoch"]))
        return rows_of(columns)

    monkeypatch.setattr(engine._epoch, "train_epoch", in_blocks_of_ten)
    monkeypatch.setattr(history_module, "_rows_of", counted)
    history = new_network().fit(X, Y, epochs=20_000, batch_size=30, shuffle=False)
    assert len(at_blocks) > 2 and not any(at_blocks)
    assert history["epoch"] == list(range(1, 20_001))
    assert len(made) == len(at_blocks)


def diverged(callbacks: list[Any]) -> tuple[fastnn.Network, fastnn.History, list[str]]:
    net = fastnn.Network([3, 4, 2], fastnn.QuadraticCost, output="identity", rng=1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        history = net.fit(
            X, Y, epochs=5000, batch_size=30, learning_rate=5, shuffle=False,
            optimizer=optimizers.SGD(momentum=0.9), callbacks=callbacks,
        )  # fmt: skip
    return net, history, [str(each.message) for each in caught]


def test_divergence_is_put_back_to_where_its_epoch_began(calls: list[int]) -> None:
    one, alone, texts = diverged([nothing])
    calls.clear()
    many, together, same_texts = diverged([])
    assert max(calls) > 1 and 2 < len(alone) < 5000
    assert same_texts == texts and len(texts) == 1
    assert without_seconds(together) == without_seconds(alone)
    for a, b in zip(one.snapshot(), many.snapshot(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert many.training_state.epochs == one.training_state.epochs


def test_ctrl_c_leaves_the_epochs_that_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = engine._epoch.train_epoch

    def interrupted(*arguments: Any) -> float:
        record = record_of(arguments)
        if record is None:
            return inner(*arguments)
        inner(*arguments[:16], record[:3], *arguments[17:])
        raise KeyboardInterrupt

    monkeypatch.setattr(engine._epoch, "train_epoch", interrupted)
    net, other = new_network(), new_network()
    told = {"batch_size": 10, "shuffle": False}
    with pytest.raises(KeyboardInterrupt):
        for _ in range(20):  # the first ones of a training may be slow
            net.fit(X, Y, epochs=EPOCHS, **told)
    state = net.training_state
    assert state.steps == 3 * state.epochs
    other.fit(X, Y, epochs=state.epochs, callbacks=[nothing], **told)
    np.testing.assert_array_equal(net.parameters, other.parameters)


@pytest.mark.parametrize("shape", [(0, 2), (2, 3), (2, 0)])
def test_the_record_has_two_columns(shape: tuple[int, int]) -> None:
    net = new_network()
    workspace = net._engine.workspace(net, 4)
    rule = optimizers.SGD().rule(fastnn.regularizers.Regularizer(), 4)
    with pytest.raises(ValueError, match="record: expected one row or more of 2 numbers"):
        engine._epoch.train_epoch(
            workspace.compiled, rule, net.parameters, net.running_statistics, np.empty((0, 0)),
            workspace.memory, X, np.eye(2)[Y], np.empty(0), np.arange(4), np.ones(1), 0,
            np.zeros(1, np.uint64), True, fastnn._core.threads.ThreadTuner(1), np.empty(0),
            np.ones(shape),
        )  # fmt: skip
