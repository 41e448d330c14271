"""Threads: the same bits for any number, wherever they are started, and how many there are."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import threadpoolctl

import fastnn
from fastnn import optimizers, regularizers
from fastnn._core import threads as _threads
from fastnn._core.atomic import Users
from fastnn._core.compiled_plan import CompiledPlan
from fastnn._core.plan import LayerOptions, ParameterLayout, Workspace
from fastnn._core.thread_pool import count_rounds
from fastnn._core.thread_tuner import Stalls, ThreadTuner
from fastnn.normalization import GroupNorm

RNG = np.random.default_rng(0)
X, LABELS = RNG.normal(size=(150, 37)), RNG.integers(0, 10, 150)
COUNTS = (2, 3, 4, 7)

NETS = {
    "book": ([37, 30, 10], {"cost": fastnn.CrossEntropyCost}),
    "one-tile": ([37, 5, 3, 10], {"activation": "tanh"}),
    "wide": ([37, 300, 520, 10], {"activation": "relu"}),
    "batch": ([37, 70, 50, 10], {"activation": "relu", "normalization": "batch", "dropout": 0.3}),
    "layer": ([37, 70, 50, 10], {"activation": "gelu", "normalization": "layer", "dropout": 0.2}),
    "group": ([37, 72, 48, 10], {"activation": "mish", "normalization": GroupNorm(4)}),
    "wide-output": ([37, 20, 100], {"cost": fastnn.QuadraticCost, "output": "identity"}),
    "softmax": ([37, 40, 40], {"cost": fastnn.CrossEntropyCost, "output": "softmax"}),
}  # fmt: skip
OPTIMIZERS = {
    "sgd": optimizers.SGD(),
    "momentum": optimizers.SGD(momentum=0.9),
    "adam": optimizers.Adam(),
    "adamw": optimizers.AdamW(),
    "rmsprop": optimizers.RMSprop(),
}
PENALTIES = {"none": None, "all": regularizers.Regularizer(l1=0.1, l2=0.2, max_norm=0.9)}


def trained(name, n_threads, dtype="float64", batch_size=32, **fit):
    sizes, options = NETS[name]
    net = fastnn.Network(sizes, **{"cost": fastnn.LogLikelihoodCost, **options}, dtype=dtype, rng=1)
    labels = LABELS if sizes[-1] == 10 else np.tile(np.eye(sizes[-1])[:10], (15, 1))
    history = net.fit(X, labels, epochs=2, batch_size=batch_size, n_threads=n_threads, **fit)
    return np.concatenate([net.parameters, net.running_statistics]), history["training_cost"]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", NETS)
def test_any_number_of_threads_gives_the_same_bits(name, optimizer, dtype):
    fit = {"dtype": dtype, "optimizer": OPTIMIZERS[optimizer], "learning_rate": 0.01}
    alone, cost = trained(name, 1, **fit)
    assert np.isfinite(alone).all()
    for n_threads in COUNTS:
        together, same_cost = trained(name, n_threads, **fit)
        np.testing.assert_array_equal(together, alone)
        assert same_cost == cost


@pytest.mark.parametrize("batch_size", [1, 2, 7, 64, 150])
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("name", ["book", "wide", "layer"])
def test_for_any_mini_batch_and_penalty_too(name, penalty, batch_size):
    weights = np.linspace(0.1, 2, len(X))
    fit = {"batch_size": batch_size, "regularizer": PENALTIES[penalty], "sample_weight": weights}
    alone, cost = trained(name, 1, **fit)
    for n_threads in COUNTS:
        together, same_cost = trained(name, n_threads, **fit)
        np.testing.assert_array_equal(together, alone)
        assert same_cost == cost


@pytest.mark.parametrize(
    "sizes", [[401, 30, 10], [401, 16, 10], [256, 64, 17, 10], [256, 64, 10], [700, 10]]
)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_members_that_work_apart_too(sizes, optimizer, penalty, dtype):
    """Each on its part of the inputs, or of the neurons of the first layer."""
    rows, labels = RNG.normal(size=(95, sizes[0])), RNG.integers(0, 10, 95)
    results = []
    for n_threads in (1, 2, 3, 4):
        options = {"activation": "tanh", "dtype": dtype, "rng": 0}
        if len(sizes) == 4:
            options["normalization"] = "batch"
        net = fastnn.Network(sizes, fastnn.LogLikelihoodCost, **options)
        net.fit(
            rows, labels, epochs=2, batch_size=10, n_threads=n_threads, learning_rate=0.01,
            optimizer=OPTIMIZERS[optimizer], regularizer=PENALTIES[penalty],
        )  # fmt: skip
        results.append(net.parameters.copy())
    assert np.isfinite(results[0]).all()
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


@pytest.mark.parametrize("form", ["bytes", "float32", "sparse"])
def test_members_that_work_apart_take_any_kind(form):
    scipy_sparse = pytest.importorskip("scipy.sparse")
    rows = RNG.integers(0, 255, (60, 300)).astype(np.uint8)
    given = {
        "bytes": rows,
        "float32": rows.astype(np.float32),
        "sparse": scipy_sparse.csr_array(rows.astype(float)),
    }[form]
    results = []
    for X, n_threads in ((rows.astype(float), 1), (given, 1), (given, 2)):
        net = fastnn.Network([300, 20, 10], input_scale=1 / 255, rng=0)
        net.fit(X, LABELS[:60], epochs=2, batch_size=10, n_threads=n_threads)
        results.append(net.parameters.copy())
    np.testing.assert_array_equal(results[1], results[0])
    np.testing.assert_array_equal(results[2], results[0])


def test_large_products_too():
    """Those of BLAS, which multiplies tile by tile."""
    rows, labels = RNG.normal(size=(600, 700)), RNG.integers(0, 10, 600)
    results = []
    for n_threads in (1, 2, 3, 4):
        net = fastnn.Network([700, 600, 10], activation="relu", rng=0)
        net.fit(rows, labels, epochs=1, batch_size=300, n_threads=n_threads, learning_rate=0.01)
        results.append(net.parameters.copy())
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


def test_by_default_too():
    alone, _ = trained("wide", 1)
    np.testing.assert_array_equal(trained("wide", None)[0], alone)


@pytest.mark.parametrize("value", [0, -1, 1.5, "2", True])
def test_what_is_no_number_of_threads_is_refused(value):
    with pytest.raises((TypeError, ValueError), match="n_threads"):
        trained("book", value)


@pytest.mark.parametrize("n", [1, 2, 3, 8, 64])
def test_members_meet(n):
    counts = np.zeros(n, dtype=np.longlong)
    workers = count_rounds(counts, 500)
    assert 1 <= workers <= n
    assert counts[:workers].tolist() == [500] * workers
    assert not counts[workers:].any()


def test_a_thousand_jobs_in_a_row_are_all_done():
    """Some find the workers awake, some asleep."""
    counts = np.zeros(2, dtype=np.longlong)
    for job in range(1000):
        if job % 50 == 0:
            time.sleep(0.001)
        workers = count_rounds(counts, 5)
        assert counts[:workers].tolist() == [5] * workers


def test_more_members_than_there_may_be_are_not_asked_for():
    counts = np.zeros(1000, dtype=np.longlong)
    assert count_rounds(counts, 3) <= 64


def test_whoever_finds_the_team_taken_works_alone():
    """From several threads at once, with the same numbers as ever."""
    alone, _ = trained("batch", 1)
    results, workers = [], []

    def work():
        counts = np.zeros(2, dtype=np.longlong)
        for _ in range(3):
            results.append(trained("batch", 2)[0])
            workers.append(count_rounds(counts, 200))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 12
    assert set(workers) <= {1, 2}
    for result in results:
        np.testing.assert_array_equal(result, alone)


def run(program: str, **environment: str) -> str:
    found = Path(fastnn.__file__).parents[1]
    path = os.pathsep.join([str(found), os.environ.get("PYTHONPATH", "")])
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return result.stdout


TRAIN = """
    import os, sys
    import numpy as np, fastnn
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 50)), rng.integers(0, 10, 200)
    def train():
        net = fastnn.Network([50, 200, 10], rng=0)
        net.fit(X, y, epochs=2, n_threads=2)
        return float(np.abs(net.parameters).sum())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_has_a_team_of_its_own():
    program = (
        TRAIN
        + """
    expected = train()
    child = os.fork()
    if child == 0:
        os._exit(0 if train() == expected else 3)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert train() == expected
    print("done")
    """
    )
    assert run(program) == "done\n"


def test_threads_end_with_the_process():
    assert run(TRAIN + "    print(train() > 0)\n") == "True\n"


def test_worker_processes_train_too():
    joblib = pytest.importorskip("joblib")
    jobs = [joblib.delayed(trained)("book", None) for _ in range(4)]
    alone, _ = trained("book", 1)
    for result, _ in joblib.Parallel(n_jobs=2, backend="threading")(jobs):
        np.testing.assert_array_equal(result, alone)


# How many.


@pytest.fixture
def eight_processors(monkeypatch):
    monkeypatch.setattr(_threads, "_processors", lambda: 8)
    monkeypatch.setattr(_threads, "blas_limit", lambda: 8)


@pytest.mark.parametrize(("work", "most"), [(0, 1), (1.4e5, 1), (1.5e5, 2), (4e5, 5), (1e9, 8)])
def test_no_more_than_the_work_is_worth(eight_processors, work, most):
    assert _threads.tuner_for(None, work).max_workers == most


def test_as_many_as_are_asked_for(eight_processors):
    assert _threads.tuner_for(3, 0).max_workers == 3


def test_a_prediction_takes_its_share_beside_trainings(eight_processors):
    assert _threads.usable() == 8
    with _threads.training(), _threads.training():  # one of them in a callback of the other
        assert _threads.usable() == 8
        with others(_threads.training(), 1):
            assert _threads.usable() == 4
    with others(_threads.training(), 2):
        assert _threads.usable() == 2
    with others(_threads.training(), 20):
        assert _threads.usable() == 1
    assert _threads.usable() == 8


def test_the_limit_of_threadpoolctl_holds(monkeypatch):
    monkeypatch.setattr(_threads, "_processors", lambda: 8)
    with threadpoolctl.threadpool_limits(1):
        assert _threads.tuner_for(None, 1e12).max_workers == 1


def test_the_environments_limit_holds():
    program = "from fastnn._core import threads; print(threads.tuner_for(None, 1e12).max_workers)"
    assert run(program, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1") == "1\n"


def test_a_tuner_of_no_thread_is_refused():
    with pytest.raises(ValueError, match="max_workers: expected 1 thread or more, got 0"):
        ThreadTuner(0)


def test_a_tuner_says_what_it_is():
    assert (ThreadTuner(3).max_workers, ThreadTuner(1).max_workers) == (3, 1)


# How many of them while others train.


@contextmanager
def others(users: Users, count: int) -> Iterator[None]:
    """So many other threads have a call at work."""
    begun, end = threading.Barrier(count + 1), threading.Event()

    def work() -> None:
        begun.wait(60)
        end.wait(60)

    workers = [threading.Thread(target=users.call, args=(work,)) for _ in range(count)]
    for worker in workers:
        worker.start()
    begun.wait(60)
    try:
        yield
    finally:
        end.set()
        for worker in workers:
            worker.join()


def stretches(tuner: ThreadTuner, count: int, seconds: dict[int, float]) -> list[int]:
    """Run stretches on a made-up clock: a unit of work takes so long, by the number of workers."""
    workers = []
    for _ in range(count):
        n, work = tuner.next_stretch()
        workers.append(n)
        tuner.record(n, work * seconds[n], work)
    return workers


TWICE = {n: 1e-10 / n for n in range(1, 9)}  # as fast with twice the workers


def test_threads_are_counted_not_the_calls_of_one():
    users = Users()
    assert users.sharing == 1
    with users, users:
        assert (users.sharing, users.at_work) == (1, 2)
        with others(users, 2):
            assert (users.sharing, users.at_work) == (3, 4)
        assert users.sharing == 1
    with others(users, 2):
        assert users.sharing == 3
    assert (users.sharing, users.at_work) == (1, 0)


@pytest.mark.parametrize(("beside", "share"), [(0, 8), (1, 4), (2, 2), (3, 2), (7, 1), (9, 1)])
def test_a_training_has_its_share_of_the_processors(beside, share):
    users = Users()
    tuner = ThreadTuner(8, False, users, 8)
    with users, others(users, beside):
        assert set(stretches(tuner, 50, TWICE)) == {1, share}
    assert set(stretches(ThreadTuner(3, False, users, 8), 50, TWICE)) == {1, 3}


def test_the_share_is_asked_anew_at_every_stretch():
    users = Users()
    tuner = ThreadTuner(2, False, users, 2)
    with users:
        for _ in range(3):
            assert stretches(tuner, 10, TWICE) == [1] + [2] * 9
            with others(users, 1):
                assert stretches(tuner, 20, TWICE) == [1] * 20


def test_a_fixed_number_stays_whoever_trains():
    users = Users()
    tuner = ThreadTuner(3, True, users, 2)
    with users, others(users, 4):
        assert stretches(tuner, 5, TWICE) == [3] * 5


def test_how_fast_one_share_was_says_nothing_of_another():
    """Four workers are faster than one, two are slower."""
    users, seconds = Users(), {1: 1e-10, 2: 1.5e-10, 4: 0.5e-10}
    tuner = ThreadTuner(4, False, users, 4)
    with users:
        for _ in range(2):
            assert stretches(tuner, 10, seconds) == [1] + [4] * 9
            with others(users, 1):
                assert stretches(tuner, 20, seconds)[:4] == [1, 2, 2, 1]
                assert stretches(tuner, 200, seconds).count(2) <= 10  # trials


def test_who_trains_beside_does_not_make_all_workers_look_fast():
    """One worker is slower while others train; afterwards that is not compared with two."""
    users, seconds = Users(), {1: 1e-10, 2: 1.2e-10}
    tuner = ThreadTuner(2, False, users, 2)
    with users:
        with others(users, 1):
            stretches(tuner, 50, {1: 3e-10})
        assert stretches(tuner, 4, seconds) == [1, 2, 2, 1]


def some_plan() -> CompiledPlan:
    options = [LayerOptions("tanh"), LayerOptions("sigmoid")]
    return Workspace(ParameterLayout((3, 4, 2)), options, 5, np.dtype("f8"), 0).compiled


def remembered(*tuners: ThreadTuner) -> list[int]:
    """What the last of some tuners of one plan begins with, after trainings by the others."""
    plan = some_plan()
    for tuner in tuners[:-1]:
        tuner.recall(plan)
        stretches(tuner, 10, TWICE)
        tuner.remember(plan)
    tuners[-1].recall(plan)
    return stretches(tuners[-1], 3, TWICE)


def test_a_training_begins_as_the_last_one_of_its_plan_ended():
    assert remembered(ThreadTuner(2)) == [1, 2, 2]
    assert remembered(ThreadTuner(2), ThreadTuner(2)) == [2, 2, 2]


def test_what_other_numbers_of_workers_found_out_is_not_taken_over():
    assert remembered(ThreadTuner(2), ThreadTuner(3)) == [1, 3, 3]
    assert remembered(ThreadTuner(2, True), ThreadTuner(2)) == [1, 2, 2]
    users = Users()
    with users, others(users, 1):
        assert remembered(ThreadTuner(2, False, users, 2), ThreadTuner(2)) == [1, 2, 2]


def test_after_stalls_a_training_begins_with_one_worker():
    stalls, plan = Stalls(), some_plan()
    before, after = ThreadTuner(2, stalls=stalls), ThreadTuner(2, stalls=stalls)
    stretches(before, 10, TWICE)
    before.remember(plan)
    stall(ThreadTuner(2, stalls=stalls))
    after.recall(plan)
    assert stretches(after, 3, TWICE) == [1, 1, 1]


def test_a_stretch_without_the_thread_pool_is_one_of_one_worker():
    """Another training has the pool, but there are processors for all workers."""
    tuner = ThreadTuner(2)
    stretches(tuner, 1, TWICE)
    for _ in range(300):
        _, work = tuner.next_stretch()
        tuner.record(1, work * TWICE[1], work)
    assert stretches(tuner, 9, TWICE) == [2] * 9


def stall(tuner: ThreadTuner, seconds: float = 0.0) -> None:
    """Go on until several workers run a stretch, in which they stall, for so long at least."""
    n = 1
    while n == 1:
        n, work = tuner.next_stretch()
        tuner.record(n, work * 1e-10 * n + (n > 1) * seconds, work, stalled=n > 1)


def test_who_stalled_is_tried_again_after_a_pause_only():
    tuner = ThreadTuner(2)
    stretches(tuner, 1, TWICE)
    stall(tuner)
    assert stretches(tuner, 100, TWICE) == [1] * 100
    time.sleep(0.03)
    assert set(stretches(tuner, 10, TWICE)) == {1, 2}


def test_how_fast_all_were_before_they_stalled_is_forgotten():
    tuner = ThreadTuner(2)
    assert stretches(tuner, 10, TWICE)[-1] == 2
    stall(tuner, seconds=1.0)
    assert stretches(tuner, 20, TWICE) == [1] * 20
    plan, later = some_plan(), ThreadTuner(2)
    tuner.remember(plan)
    later.recall(plan)
    assert stretches(later, 1, TWICE) == [1]


def test_all_trainings_know_of_stalls_and_pauses_grow():
    stalls = Stalls()
    stall(ThreadTuner(2, stalls=stalls))
    time.sleep(0.03)
    stall(ThreadTuner(2, stalls=stalls))
    time.sleep(0.03)  # of 0.08 seconds
    assert stretches(ThreadTuner(2, stalls=stalls), 100, TWICE) == [1] * 100
    assert set(stretches(ThreadTuner(2), 100, TWICE)) == {1, 2}


def test_after_a_long_time_without_trainings_the_first_stall_is_the_first_again():
    stalls = Stalls()
    stall(ThreadTuner(2, stalls=stalls))
    time.sleep(0.02 + 4 * 0.08 + 0.01)
    stall(ThreadTuner(2, stalls=stalls))
    time.sleep(0.03)
    assert set(stretches(ThreadTuner(2, stalls=stalls), 10, TWICE)) == {1, 2}


def test_a_stall_in_much_fast_work_changes_nothing():
    tuner = ThreadTuner(2)
    stretches(tuner, 6, TWICE)
    n, work = tuner.next_stretch()
    assert n == 2
    tuner.record(n, 0.01 + work * TWICE[2], work, stalled=True)
    assert stretches(tuner, 3, TWICE) == [2] * 3


def test_trainings_are_counted_by_whatever_they_are_asked():
    seen = []

    def count(*_):
        seen.append(_threads.training().at_work)

    net = fastnn.Network([37, 5, 10], rng=0)
    for fit in ({"n_threads": 1}, {"optimizer": "lbfgs"}):
        net.fit(X, LABELS, epochs=1, callbacks=[count], **fit)
    assert seen and set(seen) == {1}


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_an_estimators_training_is_counted(solver):
    pytest.importorskip("sklearn")
    from fastnn.sklearn import MLPClassifier

    seen = []

    def count(*_):
        seen.append(_threads.training().at_work)

    with pytest.warns(UserWarning, match="(?i)reached"):
        MLPClassifier((5,), solver=solver, max_iter=2, callbacks=count).fit(X, LABELS)
    assert seen and set(seen) == {1}


ALONE_OR_NOT = """
    import os, threading
    import numpy as np, fastnn
    from fastnn._core import threads
    threads._processors = threads.blas_limit = lambda: 2
    users, begun, end = threads.training(), threading.Event(), threading.Event()
    def beside():
        begun.set()
        end.wait(60)
    other = threading.Thread(target=users.call, args=(beside,))
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(2000, 100)), rng.integers(0, 10, 2000)
    def started():
        before = set(os.listdir("/proc/self/task"))
        fastnn.Network([100, 100, 10], rng=0).fit(X, y, epochs=5, batch_size=100)
        return len(set(os.listdir("/proc/self/task")) - before)
    other.start()
    begun.wait(60)
"""
needs_proc = pytest.mark.skipif(  # Wine shows one, with others' threads
    os.name == "nt" or not Path("/proc/self/task").is_dir(), reason="there is no /proc"
)


@needs_proc
def test_a_default_training_beside_another_starts_no_worker():
    program = ALONE_OR_NOT + "    print(started()); end.set(); other.join(); print(started())\n"
    assert run(program) == "0\n1\n"


@needs_proc
def test_a_forked_child_does_not_share_with_what_its_parent_trains():
    program = (
        ALONE_OR_NOT
        + """
    assert started() == 0
    def forked():
        child = os.fork()
        if child == 0:
            os._exit(0 if started() == 1 else 3)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert forked() == 0
    assert users.call(forked) == 0
    assert started() == 0
    end.set()
    print("done")
    """
    )
    assert run(program) == "done\n"


@pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="there is one processor, or no way to ask where a thread may run",
)
@pytest.mark.skipif(
    count_rounds(np.zeros(2, dtype=np.longlong), 1) < 2, reason="this build has no threads"
)
def test_a_worker_that_slept_is_woken_elsewhere_than_the_caller() -> None:
    """In a process of its own, whose other threads are the pool's."""
    code = """
import os, time
import numpy as np
from fastnn._core import thread_pool as _pool
allowed, before = os.sched_getaffinity(0), set(os.listdir("/proc/self/task"))
for round in range(3):
    assert _pool.count_rounds(np.zeros(2, np.int64), 3) == 2
    time.sleep(0.05)
(worker,) = set(os.listdir("/proc/self/task")) - before
where = os.sched_getaffinity(int(worker))
assert where < allowed and len(where) == len(allowed) - 1, (where, allowed)
assert os.sched_getaffinity(0) == allowed
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
