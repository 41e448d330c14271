"""Searches over what has ``submit``: the bits of threads, whoever works and whoever dies."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from many_searches import small_search, told

import fastnn
from fastnn.many import _executors, _parcel, fit_many
from fastnn.many._executors import check_executor, run_over
from fastnn.many._jobs import Done, Job
from fastnn.many._parcel import Parcel, Sent, run_batch
from fastnn.many._shared import DataNeeded, Shared, with_arrays

TESTS = Path(__file__).parent
TIME_LIMIT = 60


@pytest.fixture(scope="module")
def search() -> tuple[Any, list[Job], list[tuple]]:
    found, jobs, done = small_search()
    assert len(jobs) == 200
    assert {done.error for done in done} == {"", "diverged in epoch 1"}
    return found, jobs, told(done)


@pytest.fixture(autouse=True)
def nothing_is_left_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Files for workers are removed."""
    monkeypatch.setattr(_executors, "SHORTEST", 0.01)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    yield
    assert [path for path in tmp_path.iterdir() if path.name.startswith("fastnn-")] == []


# --- the executors


def threads(stack: ExitStack) -> Any:
    return stack.enter_context(ThreadPoolExecutor(2))


def processes(method: str) -> Callable[[ExitStack], Any]:
    def make(stack: ExitStack) -> Any:
        if method not in multiprocessing.get_all_start_methods():
            pytest.skip(f"this system does not {method} processes")
        if method == "fork" and "jax" in sys.modules:
            pytest.skip("an earlier test began threads of JAX's, which take no fork")
        context = multiprocessing.get_context(method)
        return stack.enter_context(ProcessPoolExecutor(2, mp_context=context))

    return make


def loky(stack: ExitStack) -> Any:
    executors = pytest.importorskip("joblib.externals.loky")
    executor = executors.ProcessPoolExecutor(2)
    stack.callback(executor.shutdown)
    return executor


def dask_client(stack: ExitStack) -> Any:
    """A client of two worker processes that know where the tests and fastnn lie."""
    distributed = pytest.importorskip("distributed", reason="dask is not installed")
    cluster = stack.enter_context(
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address=None,
            silence_logs=50,
        )
    )
    return stack.enter_context(distributed.Client(cluster))


EXECUTORS = {
    "threads": threads,
    "spawned processes": processes("spawn"),
    "forked processes": processes("fork"),
    "loky": loky,
}


class ByHand:
    """An executor that does jobs at once, on what ``at_once`` makes of its arguments, or never."""

    def __init__(self, at_once: Callable[[Any], Any] | None = None) -> None:
        self.calls: list[tuple[Future, Any, tuple]] = []
        self._at_once = at_once

    def submit(self, function: Callable[..., Any], *given: Any) -> Future:
        future: Future = Future()
        self.calls.append((future, function, given))
        if self._at_once is not None:
            future.set_running_or_notify_cancel()
            try:
                future.set_result(function(*(self._at_once(each) for each in given)))
            except Exception as error:
                future.set_exception(error)
        return future


def run(executor: Any, search: Any, jobs: list[Job]) -> list[Done]:
    heard: list[Done] = []
    check_executor(executor)
    run_over(executor, search, jobs, heard.append)
    return heard


@pytest.mark.parametrize("name", EXECUTORS)
def test_the_bits_of_one_thread(name: str, search: Any) -> None:
    found, jobs, expected = search
    with ExitStack() as stack:
        executor = EXECUTORS[name](stack)
        assert told(run(executor, found, jobs)) == expected
        assert told(run(executor, found, jobs[::2])) == expected[::2]  # another search, after it
    found.shared.close()


def test_dask_with_a_worker_killed_in_the_middle(search: Any) -> None:
    """Also through its executor, and of jobs that the killed one had begun."""
    with ExitStack() as stack:
        client = dask_client(stack)
        found, jobs, expected = search
        assert told(run(client.get_executor(), found, jobs)) == expected
        slow, jobs, done = small_search(epochs=100)
        pids = list(client.run(os.getpid).values())
        heard: list[Done] = []

        def hear(done: Done) -> None:
            heard.append(done)
            if len(heard) == 20:
                os.kill(pids[0], signal.SIGKILL)

        run_over(client, slow, jobs, hear)
        assert told(heard) == told(done)
        assert pids[0] not in client.run(os.getpid).values()
        slow.shared.close()
        _the_cluster_goes_away(client, slow, jobs, done)
        with pytest.raises(ValueError, match="executor: expected one that takes jobs, got Client"):
            check_executor(client)


def _the_cluster_goes_away(client: Any, search: Any, jobs: list[Job], done: list[Done]) -> None:
    """What is left then is done by threads."""
    heard: list[Done] = []

    def hear(each: Done) -> None:
        heard.append(each)
        if len(heard) == 20:
            client.close()

    with pytest.warns(RuntimeWarning, match="Client broke or was shut down"):
        run_over(client, search, jobs, hear)
    assert told(heard) == told(done)


def test_mpi() -> None:
    pytest.importorskip("mpi4py", reason="mpi4py is not installed")
    beside = Path(sys.executable).with_name("mpiexec")
    mpiexec = str(beside) if beside.exists() else shutil.which("mpiexec")
    if mpiexec is None:
        pytest.skip("mpiexec is not installed")
    path = [str(Path(fastnn.__file__).parents[1]), str(TESTS), os.environ.get("PYTHONPATH", "")]
    ran = subprocess.run(
        [mpiexec, "-n", "3", sys.executable, "-m", "mpi4py.futures", str(TESTS / "mpi_search.py")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("2 workers, 200 rows, same: True")


# --- a worker that dies


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL")
@pytest.mark.parametrize("make", [processes("spawn"), loky], ids=["processes", "loky"])
def test_a_pool_that_breaks_leaves_the_rest_to_threads(make: Any) -> None:
    slow, jobs, done = small_search(epochs=100)
    heard: list[Done] = []
    with ExitStack() as stack:
        executor = make(stack)
        pid = executor.submit(os.getpid).result()

        def hear(done: Done) -> None:
            heard.append(done)
            if len(heard) == 20:
                os.kill(pid, signal.SIGKILL)

        with pytest.warns(RuntimeWarning, match=r"broke or was shut down; the \d+ jobs") as said:
            run_over(executor, slow, jobs, hear)
        assert len(said) == 1
        assert told(heard) == told(done)
        with pytest.raises(ValueError, match="executor: expected one that takes jobs"):
            fit_many(np.zeros((2, 1)), [0, 1], [], executor=executor)
    slow.shared.close()


def test_a_pool_that_is_shut_down_in_the_middle_too(search: Any) -> None:
    found, jobs, expected = search
    heard: list[Done] = []
    with ThreadPoolExecutor(2) as executor:

        def hear(done: Done) -> None:
            heard.append(done)
            if len(heard) == 5:
                executor.shutdown(wait=False, cancel_futures=True)

        with pytest.warns(RuntimeWarning, match="ThreadPoolExecutor broke or was shut down"):
            run_over(executor, found, jobs, hear)
    assert told(heard) == expected


class Killed(Exception):
    """As Dask says it."""


Killed.__name__ = "KilledWorker"


def test_a_job_that_kills_its_workers_fails_alone(search: Any) -> None:
    found, jobs, expected = search

    class Deadly(ByHand):
        def submit(self, function: Any, *given: Any) -> Future:
            if given and any(job.row == 17 for job in given[1]):
                future: Future = Future()
                future.set_exception(Killed())
                return future
            return super().submit(function, *given)

    heard = run(Deadly(lambda each: each), found, jobs)
    (lost,) = [done for done in heard if done.error.startswith("lost")]
    assert (lost.row, lost.error) == (17, "lost with its worker 3 times: KilledWorker")
    assert np.isnan(lost.score) and lost.model is None
    others = [done for done in heard if done.row != 17]
    assert told(others) == [row for row in expected if row[0] != 17]


# --- what goes to the workers


def test_a_worker_that_does_not_see_the_file_gets_the_data(search: Any) -> None:
    """As on another machine: it says so, and the batch comes again with them."""
    found, jobs, expected = search

    def elsewhere(each: Any) -> Any:
        sent = pickle.loads(pickle.dumps(each))  # by any protocol
        if isinstance(sent, Sent) and sent._folder is not None:
            sent._folder = "/no/such/folder"
        return sent

    executor = ByHand(elsewhere)
    _parcel._unpacked.clear()
    assert told(run(executor, found, jobs)) == expected
    results = [future.result() for future, function, _ in executor.calls if function is run_batch]
    assert 0 < sum(result is None for result in results) < len(results) / 2
    found.shared.close()


def test_data_travel_once(search: Any) -> None:
    found, jobs, _ = search
    parcel = Parcel(found)
    sizes = [len(pickle.dumps(parcel)) for _ in range(2)]
    assert sizes[0] == sizes[1] < 300
    first, second = (pickle.loads(pickle.dumps(parcel)) for _ in range(2))
    assert first.opened() is second.opened() is not found
    arrays = first.opened().shared
    for name, array in found.shared.items():
        assert np.array_equal(arrays[name], array)
        assert not arrays[name].flags.writeable
        assert isinstance(_base(arrays[name]), np.memmap)
    parcel.close()
    found.shared.close()
    _parcel._unpacked.clear()
    with pytest.raises(DataNeeded):
        first.opened()
    assert run_batch(first, jobs[:1]) is None


def _base(array: np.ndarray) -> Any:
    while isinstance(array.base, np.ndarray) and not isinstance(array, np.memmap):
        array = array.base
    return array


def test_threads_get_the_search_itself(search: Any) -> None:
    found, jobs, _ = search
    parcel = Parcel(found)
    assert parcel.opened() is found
    assert len(run_batch(parcel, jobs[:2])) == 2
    parcel.close()
    assert run_batch(parcel, jobs[:2]) == []  # after an interrupt no job is begun


def test_only_the_best_model_of_a_batch_travels() -> None:
    found, jobs, _ = small_search(epochs=2, keep="best")
    sent = pickle.loads(pickle.dumps(Parcel(found).with_data()))  # to one who knows of no best yet
    done = run_batch(sent, jobs[:20])
    (best,) = [each for each in done if each.model is not None]
    assert best.score == max(each.score for each in done)


def test_shared_arrays_are_the_same_wherever_they_are_read() -> None:
    given = {
        "rows": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "empty": np.empty((0, 3), dtype=np.float32),
        "strided": np.arange(20)[::3],
        "text": np.array(["a", "bc"]),
        "swapped": np.arange(3, dtype=">i4"),
    }
    shared = Shared(given)
    assert all(np.shares_memory(shared[name], given[name]) for name in given if given[name].size)
    mapped = pickle.loads(pickle.dumps(shared))
    with with_arrays():
        sent = pickle.loads(pickle.dumps(shared, protocol=5))
    shared.close()
    for other in (shared, mapped, sent):
        assert list(other) == list(given)
        for name, array in given.items():
            assert np.array_equal(other[name], array)
            assert other[name].dtype == array.dtype
            with pytest.raises(ValueError, match="read-only"):
                other[name][...] = array
    given["rows"][0, 0] = 7.0  # it is the caller's own array still
    assert shared["rows"][0, 0] == 7.0


# --- sizes of batches


class Counted:
    """A search whose jobs take known work and seconds."""

    keep = "none"

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def run(self, job: Job) -> Done:
        return Done(job.row, 0.0, 0.0, 0.0, 1, self.seconds, "", None)

    def work_of(self, job: Job) -> float:
        return 1e6


@pytest.mark.parametrize(
    ("seconds", "n", "longest"), [(1e-4, 20_000, 2500), (0.004, 2_000, 125), (5.0, 40, 1)]
)
def test_batches_are_worth_sending_and_end_together(seconds, n, longest, monkeypatch) -> None:
    monkeypatch.setattr(_executors, "SHORTEST", 0.05)
    monkeypatch.setattr(_executors, "FIRST", 1e6)
    executor = ByHand(lambda each: each)
    executor._max_workers = 2
    jobs = [Job(row, 0, row, -1) for row in range(n)]
    heard = run(executor, Counted(seconds), jobs)
    assert sorted(done.row for done in heard) == list(range(n))
    sizes = [len(given[1]) for _, function, given in executor.calls if function is run_batch]
    assert sizes[:4] == [1] * 4  # while their speed is not known
    least = max(1, round(0.05 / seconds))
    assert max(sizes) <= longest
    assert all(size >= least for size in sizes[4:-1])
    assert sizes[-1] <= 2 * least


# --- what is refused, and interrupts


@pytest.mark.parametrize(
    ("executor", "kind", "words"),
    [
        (3, TypeError, "executor: expected an object with submit, as in concurrent.futures, got 3"),
        (threading.Thread(), TypeError, "executor: expected an object with submit"),
    ],
)
def test_what_is_no_executor_is_refused(executor: Any, kind: type, words: str) -> None:
    with pytest.raises(kind, match=words):
        fit_many(np.zeros((2, 1)), [0, 1], {"sizes": [1, 2], "epochs": 1}, executor=executor)


@pytest.mark.parametrize("make", EXECUTORS.values(), ids=EXECUTORS)
def test_an_executor_that_was_shut_down_is_refused(make: Any) -> None:
    with ExitStack() as stack:
        executor = make(stack)
    with pytest.raises(ValueError, match=r"executor: expected one that takes jobs, got .*shutdown"):
        fit_many(np.zeros((2, 1)), [0, 1], {"sizes": [1, 2], "epochs": 1}, executor=executor)


def test_an_asynchronous_client_is_refused() -> None:
    client = ByHand()
    client.asynchronous = True
    with pytest.raises(TypeError, match="executor: expected one that is not asynchronous"):
        check_executor(client)


class Unpicklable:
    """A metric that no process but this one can have."""

    def __reduce__(self) -> Any:
        raise TypeError("it holds a socket")

    def __call__(self, outputs: np.ndarray, targets: np.ndarray) -> float:
        return 0.0


def test_what_cannot_be_sent_is_an_error_of_one_line() -> None:
    grid = {"sizes": [1, 2], "epochs": 1}
    with ExitStack() as stack:
        executor = processes("spawn")(stack)
        with pytest.raises(TypeError, match=r"executor: the search cannot be sent .* a socket"):
            fit_many(np.zeros((2, 1)), [0, 1], grid, scoring=Unpicklable(), executor=executor)
        assert executor.submit(abs, -1).result() == 1  # it is as good as before
    with ThreadPoolExecutor(1) as threads_of_this_process:
        found = fit_many(
            np.zeros((2, 1)), [0, 1], grid, scoring=Unpicklable(), executor=threads_of_this_process
        )
    assert found["score"].tolist() == [0.0]


def test_a_worker_that_cannot_run_jobs_at_all_is_told(search: Any) -> None:
    found, jobs, _ = search

    def without_fastnn(each: Any) -> Any:
        raise ModuleNotFoundError("No module named 'fastnn'")

    with pytest.raises(RuntimeError, match="a worker could not run its jobs: ModuleNotFoundError"):
        run(ByHand(without_fastnn), found, jobs)


def test_what_the_caller_raises_ends_it(search: Any) -> None:
    found, jobs, _ = search

    def full(done: Done) -> None:
        raise OSError("disk full")

    with ThreadPoolExecutor(2) as executor, pytest.raises(OSError, match="disk full"):
        run_over(executor, found, jobs, full)


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals are POSIX ones")
@pytest.mark.parametrize("name", ["threads", "spawned processes", "loky"])
def test_ctrl_c_ends_it_at_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    slow, jobs, _ = small_search(epochs=100)
    heard: list[float] = []
    sent: list[Future] = []
    with ExitStack() as stack:
        executor = EXECUTORS[name](stack)
        submit = executor.submit

        def keeping(*given: Any) -> Future:
            sent.append(submit(*given))
            return sent[-1]

        monkeypatch.setattr(executor, "submit", keeping)

        def interrupt() -> None:
            while not heard:
                time.sleep(0.001)
            heard.append(time.perf_counter())
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

        thread = threading.Thread(target=interrupt)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            run_over(executor, slow, jobs, lambda done: heard.append(0.0))
        seconds = time.perf_counter() - max(heard)
        thread.join()
    assert seconds < 0.5  # 0.01, but on a busy machine
    assert len(heard) < 150
    if name == "threads":  # of processes all may have been on their way
        assert any(future.cancelled() for future in sent)
    slow.shared.close()


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals are POSIX ones")
def test_ctrl_c_ends_long_jobs_in_threads_too() -> None:
    X, y = np.zeros((50, 1)), [0, 1] * 25
    executor = ThreadPoolExecutor(2)
    grid = {"sizes": [1, 2], "epochs": 10**7}
    main = threading.main_thread().ident
    timer = threading.Timer(0.3, lambda: signal.pthread_kill(main, signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        fit_many(X, y, grid, seeds=range(4), executor=executor)
    interrupted = time.perf_counter()
    executor.shutdown(wait=True)
    assert time.perf_counter() - interrupted < 1
