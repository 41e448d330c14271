"""Learning rates found by trying, against those that theory gives."""

from __future__ import annotations

import math
import threading
import warnings
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import reference, tune
from fastnn._core.engine import CompiledEngine
from fastnn._core.epoch_options import Epoch
from fastnn._data.rows import Rows
from fastnn.optimizers import Adam
from fastnn.tune import learning_rate_range, learning_rate_threshold

RNG = np.random.default_rng(0)


def bowl(curvature: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows with XᵀX / n = ``curvature`` · I, and a linear target: a round quadratic cost."""
    columns = RNG.normal(size=(64, 4))
    q, _ = np.linalg.qr(columns - columns.mean(axis=0))
    X = math.sqrt(64 * curvature) * q
    return X, X @ np.array([1.0, -2.0, 0.5, 1.5])


def line() -> fastnn.Network:
    return fastnn.Network([4, 1], fastnn.QuadraticCost, output="identity", initializer="zeros",
                          rng=0)  # fmt: skip


def classes() -> tuple[np.ndarray, np.ndarray]:
    X = RNG.normal(size=(600, 6))
    return X, (X[:, 0] * X[:, 1] > 0).astype(int)


def classifier() -> fastnn.Network:
    return fastnn.Network([6, 16, 2], fastnn.LogLikelihoodCost, rng=1)


@pytest.mark.parametrize("curvature", [0.003, 1.3, 3.0, 3000.0])
@pytest.mark.parametrize("start", [0.01, 1e-6, 50.0])
def test_the_threshold_of_a_quadratic_cost_is_2_over_its_curvature(
    curvature: float, start: float
) -> None:
    X, y = bowl(curvature)
    found = learning_rate_threshold(line, X, y, batch_size=64, start=start, refinements=6)
    assert found.learning_rate < 2 / curvature < found.above
    assert found.above / found.learning_rate == pytest.approx(10 ** (1 / 64), rel=1e-9)


def test_the_search_goes_by_tens_and_then_refines() -> None:
    X, y = bowl(1.0)
    found = learning_rate_threshold(line, X, y, batch_size=64, refinements=2)
    rates = [trial.learning_rate for trial in found.trials]
    middle = math.sqrt(10)
    assert rates == pytest.approx([0.01, 0.1, 1, 10, middle, math.sqrt(middle)])
    assert [trial.falls for trial in found.trials] == [True, True, True, False, False, True]
    assert found.learning_rate == pytest.approx(math.sqrt(middle))
    assert found.above == pytest.approx(middle)
    down = learning_rate_threshold(line, X, y, batch_size=64, start=100.0, refinements=0)
    assert [trial.learning_rate for trial in down.trials] == pytest.approx([100, 10, 1])
    assert (down.learning_rate, down.above) == pytest.approx((1, 10))


def test_a_trial_records_the_costs_of_the_training_data() -> None:
    X, y = bowl(1.0)
    found = learning_rate_threshold(line, X, y, batch_size=64, start=1.5, epochs=2, refinements=0)
    trial = found.trials[0]
    # Each step multiplies the distance from the minimum by 1 − 1.5, and the cost by its square.
    first = np.mean(y**2) / 2
    assert trial.costs == pytest.approx((first, first / 4, first / 16), rel=1e-9)
    assert trial.falls
    # A cost that oscillates or diverges ends its trial.
    assert not found.trials[1].falls and len(found.trials[1].costs) == 2


def test_a_threshold_for_mini_batches_of_a_classifier() -> None:
    X, y = classes()
    found = learning_rate_threshold(classifier, X, y)
    assert found.learning_rate < found.above <= 1.34 * found.learning_rate
    below = classifier().fit(X, y, epochs=3, learning_rate=found.learning_rate)
    assert below["training_cost"][-1] < below["training_cost"][0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        far = classifier()
        start = far.total_cost((X, y), 0.0)
        far.fit(X, y, epochs=3, learning_rate=100 * found.above)
    assert far.total_cost((X, y), 0.0) > start


def test_the_reference_has_the_same_threshold() -> None:
    X, y = bowl(1.0)

    def slow() -> reference.Network:
        return reference.Network([4, 1], fastnn.QuadraticCost, output="identity",
                                 initializer="zeros", rng=0)  # fmt: skip

    found = learning_rate_threshold(slow, X, y, batch_size=64, refinements=1)
    assert found.learning_rate < 2 < found.above


def test_rprop_takes_the_whole_data_whatever_the_batch_size() -> None:
    X, y = bowl(1.0)
    found = learning_rate_threshold(line, X, y, batch_size=8, optimizer="rprop", refinements=0)
    assert found.trials[0].falls


def test_a_cost_that_falls_at_no_rate_is_said() -> None:
    X, _ = bowl(1.0)
    with pytest.raises(RuntimeError, match=r"fell at no learning rate from 0\.01 down to 1e-09"):
        learning_rate_threshold(line, X, np.zeros(64))


def test_a_cost_that_falls_at_every_rate_has_no_upper_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tune, "LARGEST", 1.0)
    X, y = bowl(1.0)
    found = learning_rate_threshold(line, X, y, batch_size=64)
    assert found.learning_rate == pytest.approx(1) and found.above == math.inf


def test_the_range_test_records_a_cost_a_rate() -> None:
    X, y = classes()
    found = learning_rate_range(classifier, X, y, lowest=1e-4, highest=1.0, steps=50)
    np.testing.assert_allclose(found.learning_rates, np.geomspace(1e-4, 1, 50))
    assert len(found.costs) == len(found.smoothed) == 50
    assert 1e-4 <= found.suggestion < found.largest <= 1
    assert found.smoothed[-1] < found.smoothed[0]


def test_the_range_test_takes_the_costs_before_the_steps() -> None:
    X, y = bowl(1.0)
    found = learning_rate_range(line, X, y, lowest=0.1, highest=1.0, steps=10, batch_size=64)
    costs, distance = [], 1.0
    for rate in np.geomspace(0.1, 1, 10):
        costs.append(distance**2 * np.mean(y**2) / 2)
        distance *= 1 - rate
    np.testing.assert_allclose(found.costs, costs, rtol=1e-9)
    weights = 0.9 ** np.arange(10)
    smoothed = [np.average(costs[: i + 1], weights=weights[i::-1]) for i in range(10)]
    np.testing.assert_allclose(found.smoothed, smoothed, rtol=1e-9)


@pytest.mark.parametrize("curvature", [1.0, 10.0, 100.0])
def test_the_suggestion_follows_the_curvature(curvature: float) -> None:
    X, y = bowl(curvature)
    noisy = y + math.sqrt(curvature) * RNG.normal(size=64)
    found = learning_rate_range(line, X, noisy, highest=1e3, steps=400, batch_size=16)
    assert 0.01 / curvature < found.suggestion < 0.3 / curvature
    assert found.largest == pytest.approx(10 * found.suggestion)
    # It ended when the cost rose, and before it overflowed.
    assert len(found.costs) < 400
    assert found.costs.max() < 1e5 * found.costs[0]


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_the_suggestion_learns(optimizer: str) -> None:
    X, _ = classes()
    y = (X[:, 0] > 0.2).astype(int)
    found = learning_rate_range(classifier, X, y, highest=1000.0, optimizer=optimizer)
    history = classifier().fit(X, y, epochs=10, optimizer=optimizer, learning_rate=found.suggestion)
    assert history["training_cost"][-1] < 0.3


def test_a_suggestion_is_not_below_what_was_tested() -> None:
    X, y = classes()
    found = learning_rate_range(classifier, X, y, lowest=0.1, highest=0.2, steps=10)
    assert found.suggestion == pytest.approx(0.1)


def test_the_range_test_carries_an_optimizers_state_on() -> None:
    X, y = classes()
    whole = learning_rate_range(classifier, X, y, optimizer=Adam(), steps=20, rng=4)
    net = classifier()
    rows = net._arrays(X, y)
    batches = tune._batches(rows, 32, np.random.default_rng(4))
    for rate, cost in zip(np.geomspace(1e-6, 10, 20), whole.costs, strict=True):
        batch = next(batches)
        history = net.fit(batch.X, batch.Y, epochs=1, batch_size=32, optimizer=Adam(),
                          learning_rate=rate)  # fmt: skip
        assert history["training_cost"][0] == pytest.approx(cost, rel=1e-9)


def test_all_rows_are_taken_before_any_is_taken_again() -> None:
    rows = line()._arrays(np.arange(40.0).reshape(10, 4), np.zeros(10))
    batches = tune._batches(rows, 4, np.random.default_rng(0))
    taken = np.concatenate([next(batches).X[:, 0] for _ in range(10)])
    for start in range(0, 40, 10):
        assert sorted(taken[start : start + 10]) == list(range(0, 40, 4))
    assert list(taken[:10]) != list(taken[10:20])


def test_the_range_test_takes_batch_norm_and_few_rows() -> None:
    X, y = classes()
    found = learning_rate_range(
        lambda: fastnn.Network([6, 8, 2], normalization="batch", dropout=0.2, rng=0),
        X[:5], y[:5], batch_size=32, steps=20,
    )  # fmt: skip
    assert np.isfinite(found.costs).all() and len(found.costs) == 20


THRESHOLD, RANGE = learning_rate_threshold, learning_rate_range


@pytest.mark.parametrize(
    ("function", "asked", "error", "message"),
    [
        (THRESHOLD, {"start": 0}, ValueError, "start: .*above 0"),
        (THRESHOLD, {"start": 1e12}, ValueError, "start: expected 1e-09 to 1e[+]09"),
        (THRESHOLD, {"epochs": 0}, ValueError, "epochs: .*1 or more"),
        (THRESHOLD, {"refinements": -1}, ValueError, "refinements: "),
        (THRESHOLD, {"batch_size": 0}, ValueError, "batch_size: "),
        (THRESHOLD, {"optimizer": "lbfgs"}, ValueError, "optimizer: .*no learning rate"),
        (THRESHOLD, {"n_jobs": 0}, ValueError, "n_jobs: .*1 or more"),
        (THRESHOLD, {"n_jobs": 3, "X": np.ones((3, 2))}, ValueError, r"X: expected shape"),
        (THRESHOLD, {"make_network": 3}, TypeError, "make_network: .*3"),
        (THRESHOLD, {"make_network": dict}, TypeError, r"make_network: .*returned \{\}"),
        (THRESHOLD, {"X": np.ones((3, 2))}, ValueError, r"X: expected shape \(n, 4\)"),
        (RANGE, {"lowest": 0}, ValueError, "lowest: .*above 0"),
        (RANGE, {"lowest": 2.0, "highest": 1.0}, ValueError, "highest: .*above lowest, 2.0"),
        (RANGE, {"steps": 2}, ValueError, "steps: .*3 or more"),
        (RANGE, {"batch_size": 1.5}, TypeError, "batch_size: .*1.5"),
        (RANGE, {"optimizer": "rprop"}, ValueError, "optimizer: .*mini-batches, got Rprop"),
        (RANGE, {"optimizer": "lbfgs"}, ValueError, "optimizer: .*no learning rate"),
        (RANGE, {"rng": None}, TypeError, "rng: .*None"),
        (RANGE, {"make_network": None}, TypeError, "make_network: .*None"),
        (RANGE, {"lowest": 1e200, "highest": 1e201}, ValueError, "lowest: .*diverge, got 1e[+]200"),
    ],
)
def test_bad_input_is_named(function, asked, error: type[Exception], message: str) -> None:
    X, y = bowl(1.0)
    with pytest.raises(error, match=message):
        function(**{"make_network": line, "X": X, "y": y, **asked})


class SpeakingEngine(CompiledEngine):
    """Warns in each epoch, as another thread may."""

    def epoch(self, net: Any, rows: Rows, order: np.ndarray, epoch: Epoch) -> float:
        warnings.warn("of someone else", RuntimeWarning, stacklevel=1)
        return super().epoch(net, rows, order, epoch)


class Speaking(fastnn.Network):
    """Shows whether it is told of divergence."""

    _new_engine = SpeakingEngine


@pytest.mark.parametrize("search", [learning_rate_range, learning_rate_threshold])
def test_divergence_is_expected_without_a_filter_for_all_warnings(search: Any) -> None:
    """Filters are the whole process's, and two threads could leave all of them ignored."""
    X, y = bowl(1.0)
    made: list[fastnn.Network] = []

    def make() -> fastnn.Network:
        made.append(Speaking([4, 1], fastnn.QuadraticCost, output="identity", rng=0))
        return made[-1]

    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        search(make, X, y, batch_size=64)
    assert {str(each.message) for each in heard} == {"of someone else"}
    assert all("tells_of_divergence" not in vars(net) for net in made)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        made[-1].fit(X, y, epochs=2000, learning_rate=1e9)
    assert "diverged" in str(heard[-1].message)


@pytest.mark.parametrize("n_jobs", [2, 3, 5, None])
@pytest.mark.parametrize("start", [0.01, 1e-6, 50.0, 1.9])
def test_several_trials_at_a_time_find_the_same(n_jobs: int | None, start: float) -> None:
    X, y = bowl(1.3)
    told: dict[str, Any] = {"start": start, "refinements": 5, "batch_size": 20}
    one, several = [
        learning_rate_threshold(line, X, y, **told, n_jobs=each) for each in (1, n_jobs)
    ]
    assert several == one and len(one.trials) > 6


def test_several_trials_at_a_time_are_made_where_the_caller_is() -> None:
    X, y = bowl(1.0)
    made: list[str] = []

    def make() -> fastnn.Network:
        made.append(threading.current_thread().name)
        return line()

    found = learning_rate_threshold(make, X, y, batch_size=64, n_jobs=3, refinements=2)
    assert set(made) == {threading.current_thread().name}
    # Of three at a time one at least is asked for.
    assert len(found.trials) <= len(made) <= 3 * len(found.trials)
    with pytest.raises(RuntimeError, match=r"from 0\.01 down to 1e-09"):
        learning_rate_threshold(line, X, np.zeros(64), n_jobs=3)


@pytest.mark.parametrize("n", range(1, 9))
def test_the_rates_due_are_the_next_one_and_what_may_follow_it(n: int) -> None:
    def search(falls: Any) -> tuple[float, float]:
        return tune._search(1.0, 2, falls)

    root = math.sqrt(10)
    assert tune._due(search, {}, n) == pytest.approx(
        [1, 10, 0.1, 100, root, 0.01, 0.1 * root, 1000][:n]
    )
    # Down so far, and so the next guess is further down.
    assert tune._due(search, {1.0: False, 0.1: False}, 2) == pytest.approx([0.01, 0.001])
    ended = {1.0: True, 10.0: False, root: True, math.sqrt(10 * root): True}
    assert tune._due(search, ended, n) == []
