"""One network used by several threads at once, with a GIL or without one."""

from __future__ import annotations

import copy
import sys
import sysconfig
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import pytest

import fastnn

RNG = np.random.default_rng(0)
X, Y = RNG.random((300, 20)), RNG.integers(0, 3, 300)
N_THREADS = 4


def network(sizes: tuple[int, ...] = (20, 32, 3), **options: Any) -> fastnn.Network:
    return fastnn.Network(sizes, **{"rng": 0, **options})


def together(*works: Callable[[], Any]) -> list[Any]:
    """What each returned; they begin together, each in a thread of its own."""
    start = threading.Barrier(len(works))

    def begin(work: Callable[[], Any]) -> Any:
        start.wait(60)
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(begin, works))


@pytest.fixture(autouse=True)
def often_in_turns() -> Any:
    """With a GIL, threads take turns as often as can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="Python has a GIL")
def test_the_core_needs_no_gil() -> None:
    assert not sys._is_gil_enabled()  # type: ignore[attr-defined]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_rows_predicted_by_several_threads_are_never_mixed_up(dtype: str) -> None:
    net = network(dtype=dtype)
    rows = X[:N_THREADS].astype(dtype)
    expected = [net.predict(row) for row in rows]

    def wrong(k: int) -> int:
        return sum(not np.array_equal(net.predict(rows[k]), expected[k]) for _ in range(3000))

    assert together(*(partial(wrong, k) for k in range(N_THREADS))) == [0] * N_THREADS


def test_the_first_predictions_of_several_threads_are_right() -> None:
    """When each of them finds that nothing has been made ready."""
    for _ in range(30):
        net = network((20, 40, 3))
        expected = copy.deepcopy(net).predict(X)
        few, many = partial(net.predict, X[:2]), partial(net.predict, X)
        for found in together(few, many, few, many):
            np.testing.assert_allclose(found, expected[: len(found)], rtol=1e-12)


def test_gradients_of_examples_are_never_mixed_up() -> None:
    net = network()
    expected = [net.backprop(x, 0)[1][0].copy() for x in X[:N_THREADS]]

    def wrong(k: int) -> int:
        found = (net.backprop(X[k], 0)[1][0] for _ in range(500))
        return sum(not np.array_equal(each, expected[k]) for each in found)

    assert together(*(partial(wrong, k) for k in range(N_THREADS))) == [0] * N_THREADS


def test_predictions_leave_a_training_as_it_is_and_come_between_its_steps() -> None:
    told = {"epochs": 20, "batch_size": 10, "learning_rate": 0.01}
    alone, net, seen = network(), network(), []
    alone.fit(X, Y, **told)
    trained = threading.Event()

    def train() -> None:
        try:
            net.fit(X, Y, **told)
        finally:
            trained.set()

    def predict() -> None:
        while not trained.is_set():
            seen.append(net.predict(X[0]))
            seen.append(net.predict(X)[0])

    together(train, predict, predict)
    np.testing.assert_array_equal(net.parameters, alone.parameters)
    assert seen and np.isfinite(seen).all()
    assert ((np.array(seen) > 0) & (np.array(seen) < 1)).all()


def test_a_copy_made_by_a_callback_is_of_one_moment() -> None:
    """What the documentation advises those who want to predict by whole steps meanwhile."""
    net, latest, ends = network(), [network()], []
    trained = threading.Event()

    def keep(net: fastnn.Network, history: fastnn.History) -> None:
        ends.append(net.parameters.copy())
        latest.append(copy.deepcopy(net))

    def train() -> None:
        try:
            net.fit(X, Y, epochs=15, callbacks=[keep])
        finally:
            trained.set()

    def predict() -> list[tuple[int, np.ndarray]]:
        seen = []
        while len(seen) < 200 and not (seen and trained.is_set()):
            k = len(latest) - 1
            seen.append((k, latest[k].predict(X[:3])))
        return seen

    _, first, second = together(train, predict, predict)
    for k, outputs in first + second:
        of_then = network()
        of_then.parameters = ends[k - 1] if k else of_then.parameters
        np.testing.assert_array_equal(outputs, of_then.predict(X[:3]))


def test_of_two_trainings_of_a_network_one_is_refused_or_both_come_in_turn() -> None:
    told = {"epochs": 3, "batch_size": 10}
    once, twice = network(), network()
    once.fit(X, Y, **told)
    twice.fit(X, Y, **told)
    twice.fit(X, Y, **told)
    for _ in range(10):
        net = network()

        def train(net: fastnn.Network = net) -> str:
            try:
                net.fit(X, Y, **told)
            except RuntimeError as error:
                return str(error)
            return ""

        said = together(train, train)
        refused = [each for each in said if each]
        assert all("another thread is training this network" in each for each in refused)
        right = once if refused else twice
        assert len(refused) < 2
        np.testing.assert_array_equal(net.parameters, right.parameters)


def test_eight_trainings_at_once_are_eight_in_a_row() -> None:
    def trained(seed: int) -> np.ndarray:
        net = network((20, 30, 3), dropout=0.2, rng=seed)
        net.fit(X, Y, epochs=5, batch_size=10, optimizer="adam", learning_rate=0.01)
        return net.parameters

    in_a_row = [trained(seed) for seed in range(8)]
    at_once = together(*(partial(trained, seed) for seed in range(8)))
    np.testing.assert_array_equal(at_once, in_a_row)
