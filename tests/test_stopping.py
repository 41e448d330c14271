"""Early stopping: worked examples, what counts as better, snapshots, resuming."""

from __future__ import annotations

import dataclasses
import json
import math
import pickle
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import modest

from fastnn.stopping import EarlyStopping, StoppingWatch


def run(
    watch: StoppingWatch,
    values: Sequence[float],
    first: int = 1,
    snapshot: Callable[[], Any] | None = None,
) -> int | None:
    """Show the watch one epoch after the other; return the epoch it stops at."""
    for epoch, value in enumerate(values, first):
        if watch.observe({"epoch": epoch, watch.rule.monitor: value}, snapshot):
            return epoch
    return None


def test_no_improvement_in_ten() -> None:
    """The best is epoch 3: epochs 4 to 13 are the ten."""
    watch = EarlyStopping().start()
    assert run(watch, [0.5, 0.6, 0.9] + [0.9, 0.8] * 10) == 13
    assert (watch.best, watch.best_epoch, watch.waited) == (0.9, 3, 10)


def test_an_improvement_in_the_tenth_epoch_is_in_time() -> None:
    watch = EarlyStopping().start()
    assert run(watch, [0.9] + [0.8] * 9 + [0.91] + [0.9] * 9) is None
    assert (watch.best_epoch, watch.waited) == (11, 9)
    assert run(watch, [0.91], first=21) == 21


@modest
@given(st.lists(st.integers(0, 5), max_size=30), st.integers(1, 6))
def test_the_definition(values: list[int], patience: int) -> None:
    """It stops at the first epoch whose last ``patience`` hold none better than all before."""
    expected = None
    for n in range(patience + 1, len(values) + 1):
        if max(values[n - patience : n]) <= max(values[: n - patience]):
            expected = n
            break
    watch = EarlyStopping(patience=patience).start()
    assert run(watch, values) == expected
    seen = values[:expected]
    if seen:
        assert watch.best == max(seen) and watch.best_epoch == 1 + seen.index(max(seen))


# --- what counts as better

LARGER = [
    "validation_accuracy", "training_accuracy", "evaluation_accuracy", "validation_r2",
    "validation_score", "validation_auc", "validation_f1", "validation_AUC",
]  # fmt: skip
SMALLER = ["validation_cost", "training_cost", "validation_loss", "validation_error", "mae"]


@pytest.mark.parametrize("monitor", [*LARGER, *SMALLER])
def test_the_name_says_the_direction(monitor: str) -> None:
    up, down = (EarlyStopping(2, monitor=monitor).start() for _ in range(2))
    run(up, [1, 2, 3])
    run(down, [3, 2, 1])
    assert (up.best, down.best) == ((3, 3) if monitor in LARGER else (1, 1))


@pytest.mark.parametrize("monitor", ["validation_accuracy", "validation_cost"])
def test_the_mode_overrules_the_name(monitor: str) -> None:
    for mode, expected in (("max", 3), ("min", 1)):
        watch = EarlyStopping(9, monitor=monitor, mode=mode).start()
        run(watch, [2, 3, 1, 2])
        assert watch.best == expected


@pytest.mark.parametrize("mode", ["min", "max"])
def test_improvement_is_by_more_than_min_delta(mode: str) -> None:
    """Steps of exactly min_delta from the best are none; small ones add up."""
    sign = 1 if mode == "max" else -1
    watch = EarlyStopping(9, min_delta=0.25, monitor="m", mode=mode).start()
    run(watch, [sign * value for value in (-1, -0.75, -0.875, -0.625, -0.5)])
    assert (watch.best, watch.best_epoch, watch.waited) == (sign * -0.625, 4, 1)


def test_a_constant_negative_value_is_no_improvement() -> None:
    for mode in ("min", "max"):
        assert run(EarlyStopping(3, monitor="m", mode=mode).start(), [-1.0] * 9) == 4


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("mode", ["min", "max"])
def test_what_is_not_finite_is_never_better(bad: float, mode: str) -> None:
    watch = EarlyStopping(3, monitor="m", mode=mode).start()
    assert run(watch, [bad, bad, 0.5, bad, bad]) is None
    assert (watch.best, watch.best_epoch, watch.waited) == (0.5, 3, 2)
    assert run(watch, [bad], first=6) == 6


def test_nothing_but_nan() -> None:
    watch = EarlyStopping(3).start()
    assert run(watch, [math.nan] * 9, snapshot=lambda: "never") == 3
    assert (watch.best, watch.best_epoch, watch.best_snapshot) == (None, None, None)


def test_numbers_of_numpy_and_counts_will_do() -> None:
    watch = EarlyStopping(2).start()
    run(watch, [np.float32(0.5), np.int64(3), 4])
    assert watch.best == 4 and type(watch.best) is float


# --- restoring


def test_the_snapshot_is_of_the_best_epoch_and_taken_only_then() -> None:
    parameters = np.zeros(2)
    taken = []

    def snapshot() -> list[np.ndarray]:
        taken.append(parameters[0])
        return [parameters.copy()]

    watch = EarlyStopping(patience=3).start()
    for epoch, accuracy in enumerate([0.1, 0.3, 0.2, 0.4, 0.4, 0.1, 0.2], 1):
        parameters += 1  # what an epoch of training does
        if watch.observe({"epoch": epoch, "validation_accuracy": accuracy}, snapshot):
            break
    assert epoch == 7 and taken == [1, 2, 4]
    parameters[...] = watch.best_snapshot[0]
    assert parameters.tolist() == [4, 4] and watch.best_epoch == 4


def test_without_restore_no_copy_is_made() -> None:
    def snapshot() -> None:
        raise AssertionError("a copy was made")

    watch = EarlyStopping(patience=2, restore_best=False).start()
    assert run(watch, [0.1, 0.2, 0.3, 0.1, 0.1], snapshot=snapshot) == 5
    assert watch.best_snapshot is None and watch.best_epoch == 3


# --- resuming

COSTS = [5.0, 3.0, 4.0, 2.0, 2.5, math.nan, 2.0, 1.0, 1.5, 1.0]


@pytest.mark.parametrize("split", range(len(COSTS)))
def test_resumed_at_any_epoch(split: int) -> None:
    rule = EarlyStopping(patience=4, monitor="validation_cost")
    whole, first = rule.start(), rule.start()
    assert run(whole, [*COSTS, 3.0, 3.0, 3.0]) == 12
    run(first, COSTS[:split], snapshot=lambda: first.best_epoch)
    state = json.loads(json.dumps(first.state(), allow_nan=False))
    second = rule.start(state, first.best_snapshot)
    assert second.best_snapshot == first.best_epoch
    rest = [*COSTS, 3.0, 3.0, 3.0][split:]
    assert run(second, rest, split + 1, lambda: second.best_epoch) == 12
    assert second.best_snapshot == 8
    assert second.state() == whole.state() == {"best": 1.0, "best_epoch": 8, "waited": 4}


def test_a_state_is_plain_numbers() -> None:
    watch = EarlyStopping().start()
    assert watch.state() == {"waited": 0}
    run(watch, [math.nan])
    assert watch.state() == {"waited": 1}
    watch.observe({"epoch": np.int64(2), "validation_accuracy": np.float32(0.5)})
    assert watch.state() == {"best": 0.5, "best_epoch": 2, "waited": 0}
    assert {type(value) for value in watch.state().values()} == {int, float}


def test_two_trainings_do_not_meet() -> None:
    rule = EarlyStopping(patience=2)
    assert run(rule.start(), [0.9, 0.1, 0.1]) == 3
    assert run(rule.start(), [0.1, 0.2, 0.3]) is None


# --- the rule


def test_a_rule_is_a_value() -> None:
    rule = EarlyStopping(5, monitor="validation_cost")
    assert pickle.loads(pickle.dumps(rule)) == rule
    assert hash(rule) == hash(EarlyStopping(patience=5, monitor="validation_cost"))
    assert rule != EarlyStopping(5)
    assert repr(EarlyStopping()) == (
        "EarlyStopping(patience=10, min_delta=0.0, monitor='validation_accuracy', "
        "mode='auto', restore_best=True)"
    )
    with pytest.raises(dataclasses.FrozenInstanceError):
        rule.patience = 4  # type: ignore[misc]


def start(**state: Any) -> StoppingWatch:
    return EarlyStopping().start(state)


def observe(monitor: str, **row: Any) -> bool:
    return EarlyStopping(monitor=monitor, mode="max").start().observe(row)


REFUSED: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: EarlyStopping(0), ValueError, "patience: expected 1 or more, got 0"),
    (lambda: EarlyStopping(True), TypeError, "patience: expected a whole number, got True"),
    (lambda: EarlyStopping(min_delta=-0.1), ValueError, "min_delta: expected a finite number of 0"),
    (lambda: EarlyStopping(min_delta="1"), TypeError, "min_delta: expected a number, got '1'"),
    (lambda: EarlyStopping(monitor=None), TypeError, "monitor: expected the name of a column"),
    (lambda: EarlyStopping(mode="best"), ValueError, "mode: expected one of auto, min, max, got"),
    (lambda: EarlyStopping(mode=["min"]), ValueError, "mode: expected one of auto, min, max, got"),
    (lambda: EarlyStopping(restore_best=1), TypeError, "restore_best: expected True or False"),
    (
        lambda: observe("validation_accuracy", epoch=1, training_cost=0.5),
        ValueError,
        r"monitor: expected a column recorded \(epoch, training_cost\), "
        "got 'validation_accuracy'; it needs validation_data",
    ),
    (lambda: observe("f1", epoch=1), ValueError, r"monitor: .* \(epoch\), got 'f1'\Z"),
    (lambda: observe("m", m=1.0), ValueError, r"monitor: .* \(m\), got 'epoch'"),
    (lambda: observe("m", epoch=1, m=None), TypeError, "monitor: expected numbers in 'm'"),
    (lambda: observe("m", epoch=1, m="1"), TypeError, "monitor: expected numbers in 'm', got '1'"),
    (lambda: EarlyStopping().start([1]), TypeError, "state: expected None or a mapping"),
    (lambda: start(), ValueError, "state: expected waited, and best with best_epoch or neither"),
    (lambda: start(waited=1, best=0.5), ValueError, "state: expected waited, and best with"),
    (lambda: start(waited=1, best_epoch=2), ValueError, "state: expected waited, and best with"),
    (lambda: start(waited=-1), ValueError, r"state\['waited'\]: expected 0 or more, got -1"),
    (
        lambda: start(waited=1, best=math.nan, best_epoch=1),
        ValueError,
        r"state\['best'\]: expected a finite number, got nan",
    ),
    (
        lambda: start(waited=1, best=0.5, best_epoch=0),
        ValueError,
        r"state\['best_epoch'\]: expected 1 or more, got 0",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("make", "error", "match"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_refused(make: Callable[[], Any], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=rf"\A{match}"):
        make()


@pytest.mark.parametrize("row", [{"epoch": 2}, {"epoch": 2, "validation_accuracy": None}])
def test_a_refused_row_changes_nothing(row: dict[str, Any]) -> None:
    watch = EarlyStopping().start()
    run(watch, [0.5, 0.4])
    before = watch.state()
    with pytest.raises((TypeError, ValueError)):
        watch.observe(row)
    assert watch.state() == before
