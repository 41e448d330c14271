"""Signals at any instruction: nothing stays changed, nothing waits; other threads, forks."""

from __future__ import annotations

import copy
import functools
import os
import pickle
import subprocess
import sys
import textwrap
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import threadpoolctl
from interrupting import at_each, interrupt

import fastnn
from fastnn import optimizers, reference
from fastnn._core import atomic as _atomic
from fastnn._core import blas_guard as _blas_threads
from fastnn._core import engine
from fastnn._core import threads as _threads
from fastnn._training import lbfgs
from fastnn.normalization import BatchNorm
from fastnn.sklearn import MLPClassifier, MLPEnsembleClassifier, MLPRegressor

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 6)), RNG.integers(0, 3, 40)
WIDE_X = RNG.normal(size=(20, 2000))
TESTS = Path(__file__).parent


@functools.cache
def libraries() -> list[Any]:
    """Each BLAS that is loaded, that of the kernels among them."""
    _blas_threads.single_threaded_blas()
    everything = threadpoolctl.ThreadpoolController().lib_controllers
    return [each for each in everything if each.user_api == "blas"]


def threads() -> list[int]:
    """The number of threads of each."""
    return [each.num_threads for each in libraries()]


@pytest.fixture
def several_threads() -> Iterator[list[int]]:
    """Set all BLAS to three threads, so that one is a change."""
    libraries()
    with threadpoolctl.threadpool_limits(3, user_api="blas"):
        before = threads()
        if not before or set(before) != {3}:
            pytest.skip(f"the BLAS here takes no number of threads: {before}")
        yield before


def is_at_rest() -> bool:
    return _blas_threads.single_threaded_blas().at_work == _threads.training().at_work == 0


def always(plan: Any, work: Callable[..., Any]) -> Callable[..., Any]:
    """In place of ``engine._guarded``: as if every network were wide, so that small ones do."""
    return functools.partial(_blas_threads.quietly, work)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_guarded", always)


class OwnCost(fastnn.QuadraticCost):
    """In Python, so that there are instructions between the kernels."""

    @staticmethod
    def delta(z: np.ndarray, a: np.ndarray, y: np.ndarray) -> np.ndarray:
        return a - y


# Ctrl-C.


@pytest.mark.usefixtures("quick")
def test_a_prediction_interrupted_anywhere_leaves_blas_as_it_was(
    several_threads: list[int],
) -> None:
    net = fastnn.Network([2000, 600], rng=0)
    expected, interrupted = net.predict(WIDE_X), 0
    for error in at_each(lambda: lambda: net.predict(WIDE_X), interrupt):
        interrupted += isinstance(error, KeyboardInterrupt)
        assert threads() == several_threads
        assert is_at_rest()
    assert interrupted > 100
    np.testing.assert_array_equal(net.predict(WIDE_X), expected)


@pytest.mark.usefixtures("quick")
def test_a_training_interrupted_anywhere_leaves_nothing_held(several_threads: list[int]) -> None:
    net, interrupted = fastnn.Network([6, 4, 3], OwnCost, rng=0), 0

    def train() -> object:
        return net.fit(X, Y, epochs=2, batch_size=20, optimizer="adam")

    for error in at_each(lambda: train, interrupt, by="line"):
        interrupted += isinstance(error, KeyboardInterrupt)
        assert threads() == several_threads
        assert is_at_rest()
        worker = threading.Thread(target=net.fit, args=(X, Y), kwargs={"epochs": 0})
        worker.start()  # another thread may train it now
        worker.join()
        assert net.training_state.optimizer in (None, optimizers.SGD(), optimizers.Adam())
    assert interrupted > 100
    assert len(train()) == 2  # type: ignore[arg-type]


def test_every_step_is_counted_that_was_taken() -> None:
    """With a rate of 0 and weight decay, the weights tell how many steps there were."""
    interrupted = 0

    def make() -> Callable[[], object]:
        nonlocal net
        net = fastnn.Network([6, 4, 3], OwnCost, dropout=0.5, rng=0)
        decay = optimizers.AdamW(weight_decay=0.5)
        zeros = np.zeros((40, 6))  # no gradient for the first weights, which only decay
        return lambda: net.fit(
            zeros, Y, epochs=2, batch_size=10, optimizer=decay, learning_rate=2**-4
        )

    net = fastnn.Network([6, 4, 3], rng=0)
    make()
    start = net.weights[0][0, 0]
    for error in at_each(make, interrupt, by="line"):
        interrupted += isinstance(error, KeyboardInterrupt)
        taken = round(np.log(net.weights[0][0, 0] / start) / np.log1p(-(2**-5)))
        assert net.training_state.steps == taken
        assert int(net.training_state.masks[0]) == taken
    assert interrupted > 100


@pytest.mark.parametrize("by", ["line", "opcode"])
def test_another_optimizer_interrupted_never_has_the_state_of_the_first(by: str) -> None:
    adam, other = optimizers.Adam(), optimizers.Adam(beta1=0.8)  # of the same shape

    def make() -> Callable[[], object]:
        nonlocal net
        net = copy.deepcopy(begun)
        return lambda: net.training_state.prepare(other, net.n_parameters, net.dtype)

    begun = fastnn.Network([6, 4, 3], rng=0)
    begun.fit(X, Y, epochs=1, optimizer=adam)
    net, interrupted = begun, 0
    for error in at_each(make, interrupt, by=by):
        interrupted += isinstance(error, KeyboardInterrupt)
        state = net.training_state
        if state.optimizer == adam:
            np.testing.assert_array_equal(state.slots, begun.training_state.slots)
            assert state.steps == begun.training_state.steps
        assert state.optimizer != other or not state.slots.any()
    assert interrupted > 5


def test_lbfgs_interrupted_leaves_batch_norm_its_momentum() -> None:
    net = fastnn.Network([6, 4, 3], normalization="batch", activation="tanh", rng=0)
    for _ in at_each(
        lambda: lambda: net.fit(X, Y, epochs=1, optimizer="lbfgs"), interrupt, by="line", step=3
    ):
        assert net.normalization == BatchNorm()
        assert is_at_rest()


ESTIMATORS = {
    "plain": lambda: MLPClassifier((4,), max_iter=2, random_state=0),
    "preset": lambda: MLPRegressor(
        hidden_layer_sizes=(4,), max_iter=2, preset="tabular", random_state=0
    ),
    "lbfgs": lambda: MLPRegressor(
        hidden_layer_sizes=(4,), max_iter=2, solver="lbfgs", random_state=0
    ),
    "ensemble": lambda: MLPEnsembleClassifier(
        MLPClassifier((4,), max_iter=1), n_estimators=2, random_state=0
    ),
}


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.filterwarnings("ignore")
def test_an_estimator_interrupted_anywhere_keeps_its_arguments(name: str) -> None:
    models: list[Any] = []

    def make() -> Callable[[], object]:
        models.append(ESTIMATORS[name]())
        return lambda: models[-1].fit(X, Y)

    expected = {key: repr(value) for key, value in ESTIMATORS[name]().get_params().items()}
    for _ in at_each(make, interrupt, by="line", step=3):
        found = {key: repr(value) for key, value in models[-1].get_params().items()}
        assert found == expected
        assert is_at_rest()
    assert len(models) > 50
    assert models[-1].fit(X, Y).predict(X).shape == (40,)


def columns(n: int, first: int) -> dict[str, np.ndarray]:
    return {"epoch": np.arange(first, first + n), "seconds": np.zeros(n)}


def _used(history: fastnn.History) -> list[int]:
    """Write and read a history; return what it read."""
    history.extend(columns(3, 1))
    history.extend(columns(2, 4))
    list(history)
    history.append({"epoch": 6, "seconds": 0.0})
    history.extend(columns(2, 7))
    assert len(history) == 8
    history.extend(columns(2, 9))
    history.append({"epoch": 11, "seconds": 0.0})
    pickle.dumps(history)
    return history["epoch"]


def test_a_history_interrupted_anywhere_has_whole_rows() -> None:
    histories: list[fastnn.History] = []

    def make() -> Callable[[], object]:
        histories.append(fastnn.History())
        return lambda: _used(histories[-1])

    for error in at_each(make, interrupt):
        history = histories[-1]
        assert isinstance(error, KeyboardInterrupt)
        assert len(history) == len(history.rows)
        assert history["epoch"] == list(range(1, len(history) + 1)) if len(history) else True
    assert len(histories) > 100


# Handlers that use what they interrupt. In a process of its own each, which is ended if it waits.

PROGRAM = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
import fastnn, threadpoolctl
from fastnn._core import engine
from fastnn._core import blas_guard as _blas_threads
from interrupting import at_each
from test_signals import OwnCost, _used, always, is_at_rest, libraries, threads, X, Y
engine._guarded = always
libraries()
threadpoolctl.threadpool_limits(3, user_api="blas")
net, other = (fastnn.Network([6, 4, 3], OwnCost, rng=0) for _ in range(2))
expected, before = other.predict(X), threads()
"""


def run(program: str) -> None:
    found = str(Path(fastnn.__file__).parents[1])
    path = os.pathsep.join([found, os.environ.get("PYTHONPATH", "")])
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM + textwrap.dedent(program)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert result.stdout == "done\n"


HANDLERS = {
    "predicts": "assert (other.predict(X) == expected).all()",
    "predicts-the-same": "net.predict(X)",
    "trains": "other.fit(X, Y, epochs=1, learning_rate=0.0)",
    "trains-the-same": "net.fit(X, Y, epochs=1, learning_rate=0.0)",
    "trains-in-threads": (
        "worker = threading.Thread(target=other.fit, args=(X, Y), "
        "kwargs={'epochs': 1, 'learning_rate': 0.0}); worker.start(); worker.join()"
    ),
}


@pytest.mark.parametrize("handler", HANDLERS.values(), ids=HANDLERS)
def test_a_handler_may_train_and_predict(handler: str) -> None:
    run(f"""
    import threading
    def handle():
        {handler}
    work = {{
        "predict": lambda: net.predict(X),
        "fit": lambda: net.fit(X, Y, epochs=1, batch_size=20, learning_rate=0.0),
    }}
    for each in work.values():
        for error in at_each(lambda: each, handle, by="line", step=2):
            assert error is None, repr(error)
            assert threads() == before
            assert is_at_rest()
    print("done")
    """)


def test_a_handler_may_read_the_history() -> None:
    run("""
    def check():
        n, rows = len(history), list(history)
        assert [row["epoch"] for row in rows] == list(range(1, n + 1))
    def make():
        global history
        history = fastnn.History()
        return lambda: results.append(_used(history))
    results = []
    for error in at_each(make, check):
        assert error is None, repr(error)
    assert all(each == list(range(1, 12)) for each in results) and len(results) > 100
    print("done")
    """)


# Forked children.

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


FORKED = """
    import os, threading
    def fork():
        child = os.fork()
        if child == 0:
            if threads() != before:
                os._exit(3)
            if not is_at_rest():
                os._exit(4)
            if (other.predict(X) != expected).any() or threads() != before:
                os._exit(5)
            net.cost = other.cost
            net.fit(X, Y, epochs=1)  # whoever trained it is not here
            os._exit(0 if threads() == before and is_at_rest() else 6)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status == 0, status
        forks.append(child)
    forks = []
"""


@needs_fork
@pytest.mark.parametrize("who", ["another thread", "this one"])
def test_a_child_forked_while_a_network_trains_has_all_its_threads(who: str) -> None:
    run(
        FORKED
        + f"""
    class Forking(OwnCost):
        def delta(self, z, a, y):
            assert set(threads()) == {{1}}
            if {who!r} == "this one":
                fork()
            else:
                worker = threading.Thread(target=fork)
                worker.start(); worker.join()
            return a - y
    net = fastnn.Network([6, 4, 3], Forking(), rng=0)
    net.fit(X, Y, epochs=1, batch_size=20)
    assert len(forks) == 2 and threads() == before and is_at_rest()
    print("done")
    """
    )


@needs_fork
def test_a_child_may_train_what_its_parent_was_training() -> None:
    run(
        FORKED
        + """
    net.fit(X, Y, epochs=2, callbacks=[lambda net, history: fork()])
    worker = threading.Thread(
        target=net.fit, args=(X, Y),
        kwargs={"epochs": 2, "callbacks": [lambda net, history: (begun.set(), go_on.wait(60))]},
    )
    begun, go_on = threading.Event(), threading.Event()
    worker.start(); begun.wait(60)
    fork()
    go_on.set(); worker.join()
    assert len(forks) == 3 and threads() == before and is_at_rest()
    print("done")
    """
    )


@needs_fork
def test_a_child_that_goes_on_with_what_it_was_forked_in_counts_right() -> None:
    run("""
    import os
    child = _blas_threads.quietly(os.fork)
    if child == 0:
        fine = is_at_rest() and threads() == before
        other.predict(X)
        os._exit(0 if fine and is_at_rest() and threads() == before else 3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert threads() == before and is_at_rest()
    print("done")
    """)


# One network in several threads.


class Waiting:
    """A training in a thread of its own, which waits after its first epoch."""

    def __init__(self, fit: Callable[..., object]) -> None:
        self.begun, self.may_end = threading.Event(), threading.Event()
        self.errors: list[BaseException] = []

        def wait(*_: object) -> None:
            self.begun.set()
            self.may_end.wait(60)

        def work() -> None:
            try:
                fit(wait)
            except BaseException as error:
                self.errors.append(error)

        self.thread = threading.Thread(target=work)

    def __enter__(self) -> Waiting:
        self.thread.start()
        assert self.begun.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self.may_end.set()
        self.thread.join()


SECOND: dict[str, Callable[[fastnn.Network], object]] = {
    "fit": lambda net: net.fit(X, Y, epochs=1, optimizer="adam"),
    "lbfgs": lambda net: net.fit(X, Y, epochs=1, optimizer="lbfgs"),
    "SGD": lambda net: net.SGD((X, Y), 1, 10, 0.1),
    "update_mini_batch": lambda net: net.update_mini_batch((X, Y), 0.1),
}


@pytest.mark.parametrize("second", SECOND.values(), ids=SECOND)
@pytest.mark.parametrize("kind", [fastnn.Network, reference.Network])
def test_a_second_thread_is_refused_and_the_first_goes_on(
    kind: Any, second: Callable[[fastnn.Network], object]
) -> None:
    told = {"epochs": 4, "batch_size": 10, "optimizer": optimizers.SGD(momentum=0.5)}
    alone, net = (kind([6, 4, 3], rng=0, initializer="lsuv") for _ in range(2))
    alone.fit(X, Y, callbacks=[lambda net, history: None], **told)
    with Waiting(lambda wait: net.fit(X, Y, callbacks=[wait], **told)) as first:
        before = net.snapshot()
        with pytest.raises(RuntimeError, match=r"fit: another thread is training this network.*"
                                               r"copy\.deepcopy"):  # fmt: skip
            second(net)
        assert all(np.array_equal(*pair) for pair in zip(before, net.snapshot(), strict=True))
        assert np.isfinite(net.predict(X)).all()
        second(copy.deepcopy(net))  # as it advises
    assert not first.errors
    np.testing.assert_array_equal(net.parameters, alone.parameters)
    second(net)  # its turn


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_second_thread_is_refused_an_estimator(method: str) -> None:
    alone = MLPClassifier((4,), max_iter=3, random_state=0).fit(X, Y)
    model = MLPClassifier((4,), max_iter=3, random_state=0)
    with Waiting(lambda wait: model.set_params(callbacks=[wait]).fit(X, Y)) as first:
        with pytest.raises(RuntimeError, match="fit: another thread is training this estimator"):
            getattr(model, method)(X, Y)
        assert model.predict(X).shape == (40,)
    assert not first.errors
    np.testing.assert_array_equal(model.coefs_[0], alone.coefs_[0])
    getattr(model, method)(X, Y)


def test_a_callback_may_train_on() -> None:
    net, costs = fastnn.Network([6, 4, 3], rng=0), []

    def once_more(net: fastnn.Network, history: fastnn.History) -> None:
        costs.append(net.fit(X, Y, epochs=1)[0]["training_cost"])
        net.update_mini_batch((X, Y), 0.1)

    assert len(net.fit(X, Y, epochs=3, callbacks=[once_more])) == len(costs) == 3


@pytest.mark.usefixtures("quick")
def test_a_prediction_while_another_thread_trains() -> None:
    """Its weights are some of before a step and some of after, each whole."""
    net, errors, results = fastnn.Network([2000, 600], rng=0), [], []
    targets = RNG.random((20, 600))
    trained = threading.Event()

    def predict() -> None:
        try:
            while not trained.is_set():
                results.append(np.isfinite(net.predict(WIDE_X)).all())
                results.append(np.isfinite(net.predict(WIDE_X[0])).all())
        except BaseException as error:
            errors.append(error)

    workers = [threading.Thread(target=predict) for _ in range(3)]
    for worker in workers:
        worker.start()
    try:
        net.fit(WIDE_X, targets, epochs=30, batch_size=10)
    finally:
        trained.set()
        for worker in workers:
            worker.join()
    assert not errors and results and all(results)


def test_line_searches_in_two_threads_leave_other_warnings_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first to begin is the first to be through: the other puts back what that one ignored."""
    both, through, inner = threading.Barrier(2), threading.Event(), lbfgs.line_search

    def in_turn(*arguments: Any) -> Any:
        if not through.is_set():
            both.wait(60)
            if threading.current_thread() is not workers[0]:
                assert through.wait(60)
        return inner(*arguments)

    def train(net: fastnn.Network) -> None:
        net.fit(X, Y, epochs=1, optimizer="lbfgs")
        through.set()

    monkeypatch.setattr(lbfgs, "line_search", in_turn)
    nets = [fastnn.Network([6, 4, 3], rng=0) for _ in range(2)]
    workers = [threading.Thread(target=train, args=(net,)) for net in nets]
    with warnings.catch_warnings():
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        ours = [each for each in warnings.filters if each[0] == "ignore" and each[2] is Warning]
        assert not [each for each in ours if each[1] is None and each[4] == 0]
        with pytest.warns(RuntimeWarning, match="of someone else"):
            warnings.warn("of someone else", RuntimeWarning, stacklevel=1)


# The parts.


def test_writing_all_is_whole_or_not_at_all() -> None:
    targets = np.zeros(3), np.zeros((2, 2))
    with pytest.raises(ValueError, match="sources: expected 2 arrays, got 1"):
        _atomic.write_all(targets, (np.ones(3),))
    with pytest.raises(ValueError, match=r"expected an array of shape \(2, 2\), got \(4,\)"):
        _atomic.write_all(targets, (np.ones(3), np.ones(4)))
    assert not targets[0].any()
    _atomic.write_all(targets, (np.ones(3), np.full((2, 2), 2.0)))
    assert (targets[0] == 1).all() and (targets[1] == 2).all()


def test_attributes_are_put_back() -> None:
    class Thing:
        def __init__(self) -> None:
            self.a, self.b = 1, 2

    thing = Thing()
    assert _atomic.with_attributes(thing, {"a": 5}, lambda: (thing.a, thing.b)) == (5, 2)
    with pytest.raises(ZeroDivisionError):
        _atomic.with_attributes(thing, {"a": 5}, lambda: 1 / 0)
    assert _atomic.with_attributes(thing, {"c": 5}, lambda: thing.c) == 5
    assert vars(thing) == {"a": 1, "b": 2}


def test_one_thread_at_a_time_and_that_one_again() -> None:
    thing, refused = object(), []
    deep = _atomic.alone(thing, "no", _atomic.alone, thing, "no", lambda: 3)
    assert deep == 3

    def ask() -> None:
        with pytest.raises(RuntimeError, match=r"^no$"):
            _atomic.alone(thing, "no", int)
        refused.append(_atomic.alone(object(), "no", int))

    def in_a_thread() -> None:
        worker = threading.Thread(target=ask)
        worker.start()
        worker.join()

    _atomic.alone(thing, "no", in_a_thread)
    assert refused == [0]
    with pytest.raises(ZeroDivisionError):
        _atomic.alone(thing, "no", lambda: 1 / 0)
    assert _atomic.alone(thing, "no", int) == 0


def test_calls_are_counted_of_all_threads() -> None:
    users = _atomic.Users()
    seen: list[int] = []

    def look(deeper: int) -> None:
        seen.append(users.at_work)
        if deeper:
            users.call(look, deeper - 1)
            worker = threading.Thread(target=users.call, args=(look, 0))
            worker.start()
            worker.join()

    users.call(look, 2)
    assert seen == [1, 2, 3, 3, 2] and users.at_work == 0
