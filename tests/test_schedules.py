"""Schedules: literal values, laws of join and product, PyTorch's own, and objects as values."""

from __future__ import annotations

import copy
import math
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytorch import import_torch
from strategies import modest

from fastnn import schedules
from fastnn.schedules import (
    HalveOnPlateau,
    Schedule,
    constant,
    cosine,
    coslog4,
    exponential,
    flat_cosine,
    inverse_scaling,
    inverse_time,
    join,
    one_cycle,
    polynomial,
    product,
    step,
    warm_up,
)

LOG2 = [math.log2(1 + 15 * t) for t in (0.1, 0.75)]

# The schedule, the epochs it is asked for, and what it must answer.
CASES: dict[str, tuple[Schedule, list[float], list[float]]] = {
    "constant": (constant(), [0, 0.5, 100], [1, 1, 1]),
    "constant-0.3": (constant(0.3), [0, 7], [0.3, 0.3]),
    "step": (
        step(3), [0, 1, 2.99, 3, 5.75, 6, 8, 9, 30], [1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.125, 2**-10],
    ),
    "step-tenth": (step(2.5, 0.1), [0, 2.25, 2.5, 4.75, 5], [1, 1, 0.1, 0.1, 0.01]),
    "exponential": (exponential(0.9), [0, 0.5, 1, 2, 3], [1, 0.9**0.5, 0.9, 0.81, 0.729]),
    "exponential-up": (exponential(10), [0, 1, 2, 400], [1, 10, 100, math.inf]),
    "inverse-scaling": (inverse_scaling(), [0, 3, 8, 99, 1.25], [1, 1 / 2, 1 / 3, 1 / 10, 2 / 3]),
    "inverse-scaling-1": (inverse_scaling(1), [0, 1, 2, 9], [1, 1 / 2, 1 / 3, 1 / 10]),
    "inverse-time": (inverse_time(0.5), [0, 0.5, 2, 6], [1, 0.8, 0.5, 0.25]),
    "polynomial": (polynomial(4), [0, 1, 2.5, 4, 9], [1, 0.75, 0.375, 0, 0]),
    "polynomial-2": (polynomial(4, 2, 0.2), [0, 1, 2, 4, 9], [1, 0.65, 0.4, 0.2, 0.2]),
    "cosine": (
        cosine(6), [0, 1, 2, 3, 4, 6, 7], [1, (2 + 3**0.5) / 4, 0.75, 0.5, 0.25, 0, 0],
    ),
    "cosine-floor": (cosine(6, 0.2), [0, 2, 3, 6, 1e9], [1, 0.8, 0.6, 0.2, 0.2]),
    "warm-up": (warm_up(4), [0, 1, 2, 3.5, 4, 50], [0.01, 0.2575, 0.505, 0.87625, 1, 1]),
    "warm-up-from-0": (warm_up(4, 0), [0, 1, 3, 4, 5], [0, 0.25, 0.75, 1, 1]),
    "one-cycle": (
        one_cycle(10), [0, 1, 1.5, 3, 6.5, 10, 11],
        [0.04, 0.28, 0.52, 1, 0.500002, 4e-6, 4e-6],
    ),
    "one-cycle-half": (
        one_cycle(12, 0.5, 0.1, 0), [0, 2, 3, 4, 6, 8, 9, 12],
        [0.1, 0.325, 0.55, 0.775, 1, 0.75, 0.5, 0],
    ),
    "flat-cosine": (
        flat_cosine(12), [0, 5.9, 6, 8, 9, 10, 12, 13], [1, 1, 1, 0.75, 0.5, 0.25, 0, 0],
    ),
    "flat-cosine-0": (flat_cosine(6, 0), [0, 2, 3, 6], [1, 0.75, 0.5, 0]),
    "coslog4": (
        coslog4(15), [0, 1, 3, 7, 15, 16, math.sqrt(2) - 1, 1.5, 11.25],
        [0, 0, 0, 0, 0, 0, 1, *((1 - math.cos(2 * math.pi * x)) / 2 for x in LOG2)],
    ),
    "join": (
        join([warm_up(2, 0), polynomial(4), constant(0.5)], [2, 5]),
        [0, 1, 2, 3, 4.5, 5, 50], [0, 0.5, 1, 0.75, 0.375, 0.5, 0.5],
    ),
    "product": (
        product(warm_up(2, 0), step(4), constant(3)), [0, 1, 2, 4, 8], [0, 1.5, 3, 1.5, 0.75],
    ),
}  # fmt: skip
EVERY = [case[0] for case in CASES.values()]
MAKERS = {schedule.formula.__name__.lstrip("_") for schedule in EVERY}


@pytest.mark.parametrize(("schedule", "epochs", "expected"), CASES.values(), ids=CASES)
def test_values(schedule: Schedule, epochs: list[float], expected: list[float]) -> None:
    factors = [schedule(epoch) for epoch in epochs]
    assert factors == pytest.approx(expected, rel=1e-12, abs=1e-15)
    assert {type(factor) for factor in factors} == {float}


def test_every_function_has_a_case() -> None:
    functions = {name for name in schedules.__all__ if name.islower()} - {"get"}
    assert functions == MAKERS


def test_the_ends_are_exact() -> None:
    """A stop at the end of the schedule is one at 0, and the whole learning rate is whole."""
    for schedule in (cosine(7), flat_cosine(7, 0.3), polynomial(7, 0.9), coslog4(7)):
        assert schedule(7) == schedule(1e6) == 0
    assert one_cycle(7, end=3e-7)(7) == 3e-7 == one_cycle(7, end=3e-7)(1e6)
    for schedule in (cosine(7, 0.3), polynomial(7, 3, 0.3), flat_cosine(7), step(7)):
        assert schedule(0) == 1
    assert warm_up(7, 0.3)(0) == 0.3 and warm_up(7, 0.3)(7) == 1
    assert one_cycle(10, 0.5)(5) == 1


@pytest.mark.parametrize("schedule", EVERY, ids=CASES)
def test_any_number_will_do_for_an_epoch(schedule: Schedule) -> None:
    for epoch in (2, np.float64(2), np.float32(2), np.int64(2)):
        factor = schedule(epoch)
        assert factor == schedule(2.0) and type(factor) is float


# --- laws


EPOCHS = st.floats(0, 1000)
SOME = st.sampled_from([s for s in EVERY if math.isfinite(s(1000))])


@modest
@given(EPOCHS, st.lists(SOME, min_size=1, max_size=4))
def test_a_product_multiplies(epoch: float, factors: list[Schedule]) -> None:
    expected = math.prod(factor(epoch) for factor in factors)
    assert product(*factors)(epoch) == pytest.approx(expected, rel=1e-15)


@modest
@given(EPOCHS, SOME, SOME, st.floats(0.1, 500))
def test_a_joined_schedule_starts_at_its_own_zero(
    epoch: float, first: Schedule, second: Schedule, boundary: float
) -> None:
    joined = join([first, second], [boundary])
    expected = first(epoch) if epoch < boundary else second(epoch - boundary)
    assert joined(epoch) == expected
    assert joined(boundary) == second(0)


@modest
@given(EPOCHS, SOME)
def test_one_joined_or_multiplied_is_itself(epoch: float, schedule: Schedule) -> None:
    assert join([schedule], [])(epoch) == schedule(epoch) == product(schedule)(epoch)


@modest
@given(EPOCHS, SOME, SOME, SOME)
def test_joins_nest(epoch: float, a: Schedule, b: Schedule, c: Schedule) -> None:
    """Boundaries of whole numbers, so that their differences are exact."""
    flat, nested = join([a, b, c], [3, 7]), join([a, join([b, c], [4])], [3])
    assert nested(epoch) == pytest.approx(flat(epoch), rel=1e-9, abs=1e-9)


def test_ones_own_functions_take_part() -> None:
    def linear(epoch: float) -> float:
        return epoch

    assert join([linear, linear], [3])(2.5) == 2.5
    assert join([linear, linear], [3])(3.5) == 0.5
    assert product(linear, linear)(3) == 9
    for answer in (2, np.float32(2)):
        factor = join([lambda epoch, answer=answer: answer], [])(1.0)
        assert factor == 2 and type(factor) is float


# --- PyTorch's


def torch_factors(make: Callable[[Any], Any], epochs: int) -> list[float]:
    """The learning rates of the first ``epochs`` epochs, from 1."""
    torch = import_torch()
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0, momentum=0.9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scheduler = make(optimizer)
        rates = []
        for _ in range(epochs):
            rates.append(float(optimizer.param_groups[0]["lr"]))
            optimizer.step()
            scheduler.step()
    return rates


@pytest.mark.parametrize(
    ("schedule", "name", "options"),
    [
        (step(3, 0.3), "StepLR", {"step_size": 3, "gamma": 0.3}),
        (exponential(0.8), "ExponentialLR", {"gamma": 0.8}),
        (cosine(12, 0.1), "CosineAnnealingLR", {"T_max": 12, "eta_min": 0.1}),
        (polynomial(9, 1.7), "PolynomialLR", {"total_iters": 9, "power": 1.7}),
        (warm_up(5, 0.2), "LinearLR", {"total_iters": 5, "start_factor": 0.2}),
        # It counts its peak and its end from 0 to 11: in the third step of 12, and in the last.
        (one_cycle(11, 2 / 11), "OneCycleLR", {"total_steps": 12, "pct_start": 0.25, "max_lr": 1}),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_same_as_pytorch(schedule: Schedule, name: str, options: dict[str, float]) -> None:
    torch = import_torch()
    maker = getattr(torch.optim.lr_scheduler, name)
    expected = torch_factors(lambda optimizer: maker(optimizer, **options), 12)
    assert [schedule(epoch) for epoch in range(12)] == pytest.approx(expected, rel=1e-10)


# --- schedules as values


@pytest.mark.parametrize("schedule", EVERY, ids=CASES)
def test_they_are_values(schedule: Schedule) -> None:
    for twin in (pickle.loads(pickle.dumps(schedule)), copy.deepcopy(schedule)):
        assert twin == schedule and hash(twin) == hash(schedule)
        assert twin(1.25) == schedule(1.25)
    assert eval(repr(schedule), vars(schedules)) == schedule


def test_no_two_are_equal() -> None:
    assert len(set(EVERY)) == len(EVERY)
    assert step(10) == step(10.0, 0.5) != step(10, 0.25)


def test_their_repr_is_the_call() -> None:
    assert repr(step(10)) == "step(every=10.0, factor=0.5)"
    assert repr(product(constant(), warm_up(2))) == (
        "product(constant(factor=1.0), warm_up(epochs=2.0, start=0.01))"
    )
    assert repr(join([constant(), constant(0.5)], [3])) == (
        "join(schedules=(constant(factor=1.0), constant(factor=0.5)), boundaries=(3.0,))"
    )


def test_a_list_given_may_change_later() -> None:
    parts, boundaries = [constant(1), constant(2)], [5]
    schedule = join(parts, boundaries)
    parts[1], boundaries[0] = constant(9), 1
    assert schedule(3) == 1 and schedule(6) == 2


def test_get() -> None:
    rule = HalveOnPlateau()

    def own(epoch: float) -> float:
        return 1.0

    assert schedules.get(None) == constant()
    assert schedules.get(own) is own
    assert schedules.get(rule) is rule
    assert schedules.get(step(3)) == step(3)


REFUSED: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: constant(-0.1), ValueError, "factor: expected a finite number of 0 or more"),
    (lambda: step(0), ValueError, "every: expected a finite number above 0, got 0"),
    (lambda: step("3"), TypeError, "every: expected a number, got '3'"),
    (lambda: step(3, 0), ValueError, "factor: expected a finite number above 0"),
    (lambda: exponential(-0.9), ValueError, "rate: expected a finite number above 0"),
    (lambda: exponential(math.nan), ValueError, "rate: expected a finite number above 0"),
    (lambda: inverse_scaling(-1), ValueError, "power: expected a finite number of 0 or more"),
    (lambda: inverse_time(math.inf), ValueError, "decay: expected a finite number of 0 or more"),
    (lambda: polynomial(3, 0), ValueError, "power: expected a finite number above 0"),
    (lambda: polynomial(0), ValueError, "epochs: expected a finite number above 0"),
    (lambda: polynomial(3, 1, 1.5), ValueError, "floor: expected a number from 0 to 1, got 1.5"),
    (lambda: cosine(-3), ValueError, "epochs: expected a finite number above 0, got -3"),
    (lambda: cosine(3, 2), ValueError, "floor: expected a number from 0 to 1, got 2"),
    (lambda: cosine(True), TypeError, "epochs: expected a number, got True"),
    (lambda: warm_up(0), ValueError, "epochs: expected a finite number above 0"),
    (lambda: warm_up(3, 1.01), ValueError, "start: expected a number from 0 to 1"),
    (lambda: one_cycle(0), ValueError, "epochs: expected a finite number above 0"),
    (lambda: one_cycle(3, 0), ValueError, "peak_at: expected a number between 0 and 1, got 0"),
    (lambda: one_cycle(3, 1), ValueError, "peak_at: expected a number between 0 and 1, got 1"),
    (lambda: one_cycle(3, start=2), ValueError, "start: expected a number from 0 to 1"),
    (lambda: one_cycle(3, end=-1), ValueError, "end: expected a finite number of 0 or more"),
    (lambda: flat_cosine(3, 1), ValueError, "flat: expected a number below 1, got 1"),
    (lambda: flat_cosine(3, 2), ValueError, "flat: expected a number from 0 to 1, got 2"),
    (lambda: flat_cosine(0), ValueError, "epochs: expected a finite number above 0"),
    (lambda: coslog4(0), ValueError, "epochs: expected a finite number above 0"),
    (lambda: join(step(3), []), TypeError, "schedules: expected a list of schedules, got step"),
    (lambda: join([step(3)], 3), TypeError, "boundaries: expected a list of numbers, got 3"),
    (lambda: join([], []), ValueError, "boundaries: expected one fewer than schedules, got 0 for"),
    (lambda: join([step(3)], [3]), ValueError, "boundaries: .* got 1 for 1"),
    (lambda: join([step(3)] * 3, [3]), ValueError, "boundaries: .* got 1 for 3"),
    (lambda: join([step(3), 1], [3]), TypeError, r"schedules\[1\]: expected a schedule .* got 1"),
    (lambda: join([step(3)] * 2, [0]), ValueError, r"boundaries\[0\]: .* above 0, got 0"),
    (lambda: join([step(3)] * 3, [3, 3]), ValueError, "boundaries: expected growing numbers"),
    (lambda: product(), ValueError, "schedules: expected one or more, got none"),
    (lambda: product(step(3), None), TypeError, r"schedules\[1\]: .*got None"),
    (lambda: product(HalveOnPlateau()), TypeError, r"schedules\[0\]: .*got HalveOnPlateau"),
    (lambda: schedules.get(0.5), TypeError, "schedule: expected a schedule such as .* got 0.5"),
    (lambda: schedules.get("cosine"), TypeError, "schedule: expected .* got 'cosine'"),
    (lambda: schedules.get(cosine), TypeError, "schedule: .* got cosine itself: call it"),
    (lambda: schedules.get(HalveOnPlateau), TypeError, "schedule: .* HalveOnPlateau itself"),
    (lambda: step(3)(-0.5), ValueError, "epoch: expected a finite number of 0 or more, got -0.5"),
    (lambda: step(3)(math.nan), ValueError, "epoch: expected a finite number"),
    (lambda: step(3)(math.inf), ValueError, "epoch: expected a finite number"),
    (lambda: step(3)("1"), TypeError, "epoch: expected a number, got '1'"),
]


@pytest.mark.parametrize(("make", "error", "match"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_refused(make: Callable[[], Any], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=rf"\A{match}") as caught:
        make()
    assert "\n" not in str(caught.value)
