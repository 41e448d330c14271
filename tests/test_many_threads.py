"""Work shared by threads of this process."""

import _thread
import threading
import time

import numpy as np
import pytest

from fastnn.many import fit_many
from fastnn.many._threads import map_in_threads


@pytest.mark.parametrize("n_threads", [1, 2, 7])
def test_results_come_in_the_order_of_the_items(n_threads):
    def work(item):
        time.sleep(1e-3 * (item % 3))
        return item, threading.get_ident()

    found = map_in_threads(work, range(20), n_threads)
    assert [item for item, _ in found] == list(range(20))
    threads = {thread for _, thread in found}
    assert len(threads) <= n_threads
    assert (threading.get_ident() in threads) == (n_threads == 1)


def test_small_items_are_taken_several_at_a_time():
    begun = []
    found = map_in_threads(lambda item: begun.append(threading.get_ident()), range(5000), 2)
    assert found == [None] * 5000 and len(begun) == 5000


@pytest.mark.parametrize("n_threads", [1, 3])
def test_the_first_error_is_raised_and_no_item_begun_after_it(n_threads):
    begun = []

    def work(item):
        begun.append(item)
        time.sleep(1e-3)
        if item == 5:
            raise LookupError("five")

    with pytest.raises(LookupError, match="five"):
        map_in_threads(work, range(1000), n_threads)
    assert len(begun) < 100


def test_ctrl_c_ends_what_other_threads_train():
    X = np.random.default_rng(0).normal(size=(500, 20))
    setting = {"sizes": [20, 50, 1], "epochs": 10**7}
    before = set(threading.enumerate())
    timer = threading.Timer(0.3, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        fit_many(X, X[:, 0] > 0, setting, seeds=range(4), n_jobs=2)
    asked = time.perf_counter()
    timer.join()
    while set(threading.enumerate()) - before:
        assert time.perf_counter() - asked < 1  # 0.2 s where nobody else is at work
        time.sleep(0.01)


def test_a_search_in_a_search():
    def nested(outputs, targets):
        inner = fit_many(X, y, {"sizes": [3, 1], "epochs": 1}, seeds=range(3), n_jobs=2)
        return inner["score"].mean()

    X = np.random.default_rng(0).normal(size=(40, 3))
    y = X[:, 0] > 0
    found = fit_many(X, y, {"sizes": [3, 1], "epochs": 1}, seeds=range(4), scoring=nested, n_jobs=2)
    assert not any(found["error"]) and len(set(found["score"])) == 1
