"""BLAS is held at one thread while kernels run, and is afterwards as it was."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
import threadpoolctl

import fastnn
from fastnn._core import engine
from fastnn._core.blas import need_blas
from fastnn._core.blas_guard import blas_limit, quietly, single_threaded_blas
from fastnn._core.quiet_blas import QuietBlas


def threads() -> list[int]:
    """The number of threads of each BLAS that is loaded."""
    pools = threadpoolctl.threadpool_info()
    return [pool["num_threads"] for pool in pools if pool["user_api"] == "blas"]


@pytest.fixture(autouse=True)
def several_threads() -> Iterator[list[int]]:
    """Set all BLAS to three threads, so that one is a change."""
    need_blas()  # that of the kernels too, before they are counted
    with threadpoolctl.threadpool_limits(3, user_api="blas"):
        before = threads()
        if not before or set(before) != {3}:
            pytest.skip(f"the BLAS here takes no number of threads: {before}")
        yield before


def test_inside_there_is_one_and_afterwards_what_was(several_threads: list[int]) -> None:
    with single_threaded_blas():
        assert set(threads()) == {1}
    assert threads() == several_threads


def test_after_an_exception_it_is_what_it_was(several_threads: list[int]) -> None:
    for error in (ZeroDivisionError, KeyboardInterrupt):
        with pytest.raises(error), single_threaded_blas():
            raise error
        assert threads() == several_threads


def test_the_outermost_restores(several_threads: list[int]) -> None:
    with single_threaded_blas():
        with single_threaded_blas():
            assert set(threads()) == {1}
        assert set(threads()) == {1}
        with pytest.raises(ZeroDivisionError), single_threaded_blas():
            raise ZeroDivisionError
        assert set(threads()) == {1}
    assert threads() == several_threads


def test_the_last_of_two_threads_restores(several_threads: list[int]) -> None:
    """The first to come leaves first, while the other is still at work."""
    inside, may_leave = threading.Event(), threading.Event()
    seen: list[list[int]] = []

    def work() -> None:
        with single_threaded_blas():
            inside.set()
            may_leave.wait(30)
            seen.append(threads())

    worker = threading.Thread(target=work)
    with single_threaded_blas():
        worker.start()
        assert inside.wait(30)
    assert set(threads()) == {1}  # for the other
    may_leave.set()
    worker.join()
    assert set(seen[0]) == {1}
    assert threads() == several_threads


def test_many_threads_in_and_out(several_threads: list[int]) -> None:
    wrong: list[Any] = []

    def work() -> None:
        for _ in range(50):
            with single_threaded_blas():
                if set(threads()) != {1}:
                    wrong.append(threads())

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong
    assert threads() == several_threads


def test_a_thread_that_trained_leaves_blas_to_the_others(several_threads: list[int]) -> None:
    """Some versions of threadpoolctl obey one thread only: it must not be ours for good."""
    trained, may_leave = threading.Event(), threading.Event()

    def train() -> None:
        with single_threaded_blas():
            pass
        trained.set()
        may_leave.wait(30)

    worker = threading.Thread(target=train)
    worker.start()
    assert trained.wait(30)
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        assert set(threads()) == {2}
    assert threads() == several_threads
    may_leave.set()
    worker.join()


class Watching(fastnn.QuadraticCost):
    """A cost that sees how many threads there are while a network trains."""

    seen: list[int] = []  # noqa: RUF012

    @staticmethod
    def delta(z: np.ndarray, a: np.ndarray, y: np.ndarray) -> np.ndarray:
        Watching.seen += threads()
        return a - y


@pytest.mark.parametrize("failing", [False, True], ids=["", "failing"])
def test_training_holds_it_and_gives_it_back(
    several_threads: list[int], monkeypatch: pytest.MonkeyPatch, failing: bool
) -> None:
    Watching.seen.clear()
    net = fastnn.Network([800, 700, 2], Watching, rng=0)
    # As where its products are those of BLAS.
    monkeypatch.setattr(engine, "_guarded", lambda plan, work: partial(quietly, work))
    X, y = np.random.default_rng(0).random((800, 800)), [0, 1] * 400
    if failing:
        monkeypatch.setattr(Watching, "delta", lambda z, a, y: threads() and 1 / 0)
        with pytest.raises(ZeroDivisionError):
            net.fit(X, y, epochs=1, batch_size=400)
    else:
        net.fit(X, y, epochs=2, batch_size=400)
        net.gradients(X, y)
        assert set(Watching.seen) == {1}
    assert threads() == several_threads


def test_prediction_gives_it_back(several_threads: list[int]) -> None:
    net = fastnn.Network([200, 300, 10], rng=0)
    net.predict(np.zeros((500, 200)))
    assert threads() == several_threads


def test_what_was_set_before_is_the_limit(several_threads: list[int]) -> None:
    assert blas_limit() == 3
    with single_threaded_blas():
        assert blas_limit() == 3
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        assert blas_limit() == 2
        with single_threaded_blas():
            assert blas_limit() == 2


class Library:
    """A library of which each thread has a number of its own, as OpenMP's and MKL's are."""

    def __init__(self) -> None:
        self.numbers = threading.local()
        get, put = ctypes.CFUNCTYPE(ctypes.c_int), ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
        self.functions = get(self.number), put(self.set_number)
        self.addresses = [ctypes.cast(each, ctypes.c_void_p).value for each in self.functions]

    def number(self) -> int:
        return getattr(self.numbers, "n", 8)

    def set_number(self, n: int) -> int:
        self.numbers.n = n
        return 0


def test_a_number_of_each_threads_own_is_put_back_in_each() -> None:
    library = Library()
    quiet = QuietBlas()
    quiet.learn([(*library.addresses, True)])  # type: ignore[list-item]
    library.set_number(4)
    seen: list[int] = []

    def elsewhere() -> None:
        seen.append(library.number())
        seen.append(quiet.call(quiet.call, library.number))
        seen.append(library.number())

    def here() -> None:
        worker = threading.Thread(target=elsewhere)
        worker.start()
        worker.join()
        seen.extend([library.number(), quiet.limit])

    quiet.call(here)
    assert seen == [8, 1, 8, 1, 4]
    assert library.number() == 4


def test_a_number_below_one_is_left_alone() -> None:
    """BLIS says -1 where nobody asked for threads, and would take it for 2**32 - 1."""
    library = Library()
    library.set_number(-1)
    quiet = QuietBlas()
    quiet.learn([(*library.addresses, False)])  # type: ignore[list-item]
    assert quiet.call(library.number) == -1
    assert (library.number(), quiet.limit) == (-1, 1)


def test_libraries_are_learnt_once() -> None:
    one, other = Library(), Library()
    quiet = QuietBlas()
    assert not quiet.knows_libraries
    for each in (one, other):
        quiet.learn([(*each.addresses, False)])  # type: ignore[list-item]
    assert quiet.knows_libraries
    assert quiet.call(lambda: (one.number(), other.number())) == (1, 8)
