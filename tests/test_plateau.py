"""Halving on a plateau: the book's problem worked out, resuming, and what is refused."""

from __future__ import annotations

import dataclasses
import json
import math
import pickle
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from fastnn._monitor.plateau import HalveOnPlateau, PlateauWatch


def run(watch: PlateauWatch, values: Sequence[float], first: int = 1) -> list[tuple[float, bool]]:
    """What a training sees: after each epoch the factor and whether it stops."""
    seen = []
    for epoch, value in enumerate(values, first):
        stop = watch.observe({"epoch": epoch, watch.rule.monitor: value})
        seen.append((watch(float(epoch)), stop))
    return seen


def test_worked_example() -> None:
    """Patience 2: the best stays 0.7; a tie is no improvement; the count starts anew."""
    accuracies = [0.5, 0.6, 0.6, 0.55, 0.59, 0.7, 0.7, 0.7, 0.69, 0.6]
    factors = [1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125]
    seen = run(HalveOnPlateau(patience=2).start(), accuracies)
    assert seen == [(factor, False) for factor in factors]


def test_the_books_run_ends_at_one_128th() -> None:
    """The best is the first epoch: a halving every ten epochs, the end at the seventh."""
    seen = run(HalveOnPlateau().start(), [0.9] + [0.8] * 100)
    expected = [0.5 ** (max(0, epoch - 1) // 10) for epoch in range(1, 102)]
    assert [factor for factor, _ in seen][:71] == expected[:71]
    assert [stop for _, stop in seen].index(True) == 70
    assert seen[69] == (1 / 64, False) and seen[70] == (1 / 128, True)


@pytest.mark.parametrize(
    ("factor", "until", "cuts"),
    [
        (0.5, 1 / 8, 3), (0.1, 1e-3, 3), (0.1, 1e-5, 5),
        (0.3, 0.027, 3), (0.5, 0.3, 2), (0.9, 0.9, 1),
    ],
)  # fmt: skip
def test_the_end_is_reached_in_spite_of_rounding(factor: float, until: float, cuts: int) -> None:
    watch = HalveOnPlateau(patience=1, factor=factor, until=until).start()
    stops = [stop for _, stop in run(watch, [0.0] * 10)]
    assert stops.index(True) == cuts  # the first epoch is the best
    assert watch.cuts == 9 and watch.factor == pytest.approx(factor**9)


def test_until_zero_never_stops() -> None:
    """Not even where the factor is too small for a float."""
    seen = run(HalveOnPlateau(patience=1, until=0).start(), [0.0] * 1200)
    assert not any(stop for _, stop in seen)
    assert seen[49][0] == 0.5**49 and seen[-1][0] == 0


@pytest.mark.parametrize(
    ("rule", "values", "cuts"),
    [
        (HalveOnPlateau(1, monitor="validation_cost"), [3, 2, 1, 0.5], 0),
        (HalveOnPlateau(1, monitor="validation_cost"), [1, 2, 3], 2),
        (HalveOnPlateau(1, monitor="validation_cost", mode="max"), [1, 2, 3], 0),
        (HalveOnPlateau(1, min_delta=0.1), [0.5, 0.55, 0.625, 0.7, 0.75], 2),
        (HalveOnPlateau(1), [math.nan, 0.5, math.nan, math.inf, 0.6], 3),
    ],
    ids=["falls", "rises", "rises-max", "min-delta", "nan"],
)
def test_what_counts_as_improvement(rule: HalveOnPlateau, values: list[float], cuts: int) -> None:
    watch = rule.start()
    run(watch, values)
    assert watch.cuts == cuts


ACCURACIES = [0.2, 0.4, 0.4, 0.3, 0.5, 0.5, 0.5, 0.5, 0.6, 0.1, 0.2, 0.3, math.nan, 0.61]


@pytest.mark.parametrize("split", range(len(ACCURACIES) + 1))
def test_resumed_at_any_epoch(split: int) -> None:
    rule = HalveOnPlateau(patience=2, until=1 / 16)
    whole, first = rule.start(), rule.start()
    expected = run(whole, ACCURACIES)
    seen = run(first, ACCURACIES[:split])
    state = json.loads(json.dumps(first.state(), allow_nan=False))
    second = rule.start(state)
    assert second(0.0) == first(0.0)
    assert seen + run(second, ACCURACIES[split:], split + 1) == expected
    assert second.state() == whole.state() == {
        "cuts": 4, "best": 0.61, "best_epoch": 14, "waited": 0,
    }  # fmt: skip


def test_a_state_is_plain_numbers() -> None:
    assert HalveOnPlateau().start().state() == {"cuts": 0, "waited": 0}


def test_two_trainings_do_not_meet() -> None:
    rule = HalveOnPlateau(patience=1)
    one, other = rule.start(), rule.start()
    run(one, [0.5, 0.5])
    assert (one(0.0), other(0.0)) == (0.5, 1.0)


def test_a_rule_is_a_value() -> None:
    rule = HalveOnPlateau(patience=3)
    assert pickle.loads(pickle.dumps(rule)) == rule == HalveOnPlateau(3, 0.5, 1 / 128)
    assert hash(rule) == hash(HalveOnPlateau(3)) and rule != HalveOnPlateau()
    assert repr(rule).startswith("HalveOnPlateau(patience=3, factor=0.5, until=0.0078125, ")
    with pytest.raises(dataclasses.FrozenInstanceError):
        rule.patience = 4  # type: ignore[misc]


ROW = {"epoch": 1, "learning_rate": 0.1, "training_cost": 2.0}
REFUSED: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: HalveOnPlateau(0), ValueError, "patience: expected 1 or more, got 0"),
    (lambda: HalveOnPlateau(2.5), TypeError, "patience: expected a whole number, got 2.5"),
    (lambda: HalveOnPlateau(factor=1), ValueError, "factor: expected a number below 1, got 1"),
    (lambda: HalveOnPlateau(factor=0), ValueError, "factor: expected a finite number above 0"),
    (lambda: HalveOnPlateau(until=1), ValueError, "until: expected a number below 1, got 1"),
    (lambda: HalveOnPlateau(until=-1), ValueError, "until: expected a finite number of 0 or more"),
    (lambda: HalveOnPlateau(min_delta=-1), ValueError, "min_delta: expected a finite number of 0"),
    (lambda: HalveOnPlateau(monitor=1), TypeError, "monitor: expected the name of a column, got 1"),
    (lambda: HalveOnPlateau(mode="up"), ValueError, "mode: expected one of auto, min, max, got"),
    (
        lambda: HalveOnPlateau().start().observe(ROW),
        ValueError,
        r"monitor: expected a column recorded \(epoch, learning_rate, training_cost\), "
        "got 'validation_accuracy'; it needs validation_data",
    ),
    (lambda: HalveOnPlateau().start({"cuts": 1}), ValueError, "state: expected waited"),
    (lambda: HalveOnPlateau().start({"waited": 1}), ValueError, "state: expected cuts"),
    (
        lambda: HalveOnPlateau().start({"waited": 1, "cuts": -1}),
        ValueError,
        r"state\['cuts'\]: expected 0 or more, got -1",
    ),
    (lambda: HalveOnPlateau().start(3), TypeError, "state: expected None or a mapping, got 3"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "error", "match"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_refused(make: Callable[[], Any], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=rf"\A{match}"):
        make()
