"""What must not disturb a network: Ctrl-C, strange arrays, threads, forks, copies, divergence."""

from __future__ import annotations

import copy
import json
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from interrupted_training import CASES as INTERRUPTED
from refusals import frozen

import fastnn
from fastnn import reference, regularizers
from fastnn._core.engine import CompiledEngine
from fastnn.book import network, network2

TIME_LIMIT = 60
# Whole numbers that every dtype holds, so that its form is all that differs.
rng = np.random.default_rng(0)
X = rng.integers(0, 2, (40, 5)).astype(float)
LABELS = rng.integers(0, 3, 40)
TARGETS = np.eye(3)[LABELS]


def new_network(**options: Any) -> fastnn.Network:
    return fastnn.Network([5, 4, 3], rng=1, **options)


def trained(X: Any, y: Any, **options: Any) -> fastnn.Network:
    net = new_network(**options)
    net.fit(X, y, epochs=3, batch_size=7, learning_rate=0.5, regularizer=regularizers.L2(0.1))
    return net


# --- Ctrl-C


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one process")
@pytest.mark.parametrize("case", INTERRUPTED)
def test_an_interruption_comes_soon_and_leaves_a_sound_network(case: str) -> None:
    program = Path(__file__).with_name("interrupted_training.py")
    process = subprocess.Popen(
        [sys.executable, "-u", str(program), case], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline(), "it has run an epoch, or fallen"
        time.sleep(0.3)
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=TIME_LIMIT)
    finally:
        process.kill()
    result = json.loads(output.splitlines()[-1])
    latency = result.pop("caught") - sent
    assert result.pop("batches") > 0
    assert all(result.values()), result
    assert latency < 1, "0.2 s is what is promised; the rest is for a machine under load"


# --- the forms in which data comes


def through_a_file(array: np.ndarray, tmp_path: Path) -> np.ndarray:
    path = tmp_path / f"{array.ndim}.npy"
    np.save(path, array)
    return np.load(path, mmap_mode="r")


def read_only(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.flags.writeable = False
    return array


class Wrapped:
    """An array-like of another library."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.asarray(self.array, dtype=dtype)


FORMS: dict[str, Callable[[np.ndarray], Any]] = {
    "list": np.ndarray.tolist,
    "tuple": lambda a: tuple(map(tuple, a.tolist())) if a.ndim == 2 else tuple(a.tolist()),
    "list-of-rows": list,
    "fortran": np.asfortranarray,
    "every-second-row": lambda a: np.repeat(a, 2, axis=0)[::2],
    "every-second-column": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "columns-backwards": lambda a: a[..., ::-1].copy()[..., ::-1],
    "transposed-copy": lambda a: a.T.copy().T,
    "broadcast": lambda a: np.broadcast_to(a, (1, *a.shape))[0],
    "unaligned": lambda a: np.frombuffer(b"." + a.tobytes(), a.dtype, offset=1).reshape(a.shape),
    "read-only": read_only,
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "float16": lambda a: a.astype(np.float16),
    "float32": lambda a: a.astype(np.float32),
    "longdouble": lambda a: a.astype(np.longdouble),
    "int8": lambda a: a.astype(np.int8),
    "uint8": lambda a: a.astype(np.uint8),
    "int64": lambda a: a.astype(np.int64),
    "uint64": lambda a: a.astype(np.uint64),
    "masked-nowhere": np.ma.asarray,
    "array-like": Wrapped,
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_rows_trains_alike(form: str, dtype: str) -> None:
    expected = trained(X, LABELS, dtype=dtype)
    given = FORMS[form](X), FORMS[form](LABELS)
    before = frozen(given)
    net = trained(*given, dtype=dtype)
    np.testing.assert_array_equal(net.parameters, expected.parameters)
    np.testing.assert_array_equal(net.predict(given[0]), expected.predict(X))
    assert frozen(given) == before
    one_hot = FORMS[form](TARGETS)
    np.testing.assert_array_equal(trained(X, one_hot, dtype=dtype).parameters, net.parameters)


def test_bool_rows_train_alike() -> None:
    net = trained(X.astype(bool), TARGETS.astype(bool))
    np.testing.assert_array_equal(net.parameters, trained(X, LABELS).parameters)


def test_memory_mapped_rows_train_alike(tmp_path: Path) -> None:
    rows, labels = through_a_file(X, tmp_path), through_a_file(LABELS, tmp_path)
    assert isinstance(rows, np.memmap) and not rows.flags.writeable
    net = trained(rows, labels)
    np.testing.assert_array_equal(net.parameters, trained(X, LABELS).parameters)
    np.testing.assert_array_equal(np.load(rows.filename), X)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_pairs_trains_alike(form: str) -> None:
    expected = new_network()
    expected.SGD(list(zip(X, TARGETS, strict=True)), 2, 7, 0.5)
    pairs = [(FORMS[form](x), FORMS[form](y)) for x, y in zip(X, TARGETS, strict=True)]
    before = frozen(pairs)
    net = new_network()
    net.SGD(pairs, 2, 7, 0.5)
    np.testing.assert_array_equal(net.parameters, expected.parameters)
    assert frozen(pairs) == before


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_columns_is_fed_forward_alike(form: str) -> None:
    net = new_network()
    np.testing.assert_array_equal(net.feedforward(FORMS[form](X.T)), net.predict(X).T)


def everything(net: fastnn.Network, pairs: Any, X: Any, y: Any) -> None:
    """Call every method that takes data."""
    net.SGD(pairs, 2, 3, 0.1, 0.1, (X, y), True, True, True, True, early_stopping_n=5)
    net.fit(X, y, epochs=2, batch_size=3, validation_data=(X, y))
    net.update_mini_batch(pairs[:5], 0.1)
    net.accuracy(pairs), net.evaluate(pairs), net.total_cost(pairs, 0.1)
    net.backprop(*pairs[0]), net.gradients(X, y)
    net.predict(X), net.feedforward(X.T)


# NumPy's BLAS now and then raises the flag in float32, though every number is finite.
@pytest.mark.filterwarnings("ignore:invalid value encountered in dot")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", [fastnn.Network, reference.Network])
def test_the_data_given_is_never_changed(kind: type, dtype: str) -> None:
    rows, targets = X.astype(dtype), TARGETS.astype(dtype)  # those that need no copy
    pairs = list(zip(rows[:, :, np.newaxis], targets[:, :, np.newaxis], strict=True))
    before = frozen((rows, targets, pairs))
    everything(kind([5, 3], rng=0, dtype=dtype), pairs, rows, targets)
    assert frozen((rows, targets, pairs)) == before


@pytest.mark.parametrize("kind", [network.Network, network2.Network])
def test_the_book_only_reorders_a_list(kind: type) -> None:
    pairs = list(zip(X[:, :, np.newaxis], TARGETS[:, :, np.newaxis], strict=True))
    same, as_tuple = list(pairs), tuple(pairs)
    before = frozen(pairs)
    kind([5, 3]).SGD(as_tuple, 1, 7, 0.1)
    assert all(a is b for a, b in zip(as_tuple, pairs, strict=True))
    kind([5, 3]).SGD(same, 1, 7, 0.1)
    assert sorted(map(id, same)) == sorted(map(id, pairs))
    assert [id(pair) for pair in same] != [id(pair) for pair in pairs]
    assert frozen(pairs) == before


# --- the smallest and the largest

EDGES = {
    "one-row": ([5, 4, 3], 1, 1),
    "one-input": ([1, 4, 3], 9, 4),
    "one-output": ([5, 4, 1], 9, 4),
    "one-of-all": ([1, 1, 1], 1, 1),
    "no-hidden-layer": ([5, 3], 9, 4),
    "many-layers": ([2] * 60, 9, 4),
    "batch-beyond-the-rows": ([5, 4, 3], 9, 10**18),
    "a-shorter-last-batch": ([5, 4, 3], 9, 8),
    "more-rows-than-a-block": ([5, 4, 3], 1001, 1000),
}


@pytest.mark.parametrize(("sizes", "n", "batch_size"), EDGES.values(), ids=EDGES)
@pytest.mark.parametrize("cost", [fastnn.CrossEntropyCost, fastnn.LogLikelihoodCost])
def test_edges_equal_the_reference(cost: type, sizes: list[int], n: int, batch_size: int) -> None:
    rng = np.random.default_rng(0)
    rows, targets = rng.random((n, sizes[0])), rng.random((n, sizes[-1]))
    output = "sigmoid" if sizes[-1] == 1 else None
    nets = [kind(sizes, cost, output=output, rng=3) for kind in (fastnn.Network, reference.Network)]
    outputs = []
    for net in nets:
        net.fit(rows, targets, epochs=2, batch_size=batch_size)
        outputs.append(net.predict(rows))
    np.testing.assert_allclose(nets[0].parameters, nets[1].parameters, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(*outputs, rtol=1e-11, atol=1e-12)
    np.testing.assert_array_equal(nets[0].predict(rows[0]), nets[0].predict(rows[:1])[0])


@pytest.mark.parametrize("kind", [fastnn.Network, reference.Network, network2.Network])
def test_no_epochs_change_nothing(kind: type) -> None:
    net = kind([5, 3])
    before = net.parameters.copy()
    lists = net.SGD((X, LABELS), 0, 10, 0.1, evaluation_data=(X, LABELS), early_stopping_n=1)
    assert lists == ([], [], [], [])
    assert len(net.fit(X, LABELS, epochs=0)) == 0
    np.testing.assert_array_equal(net.parameters, before)


@pytest.mark.filterwarnings("ignore:the training diverged:RuntimeWarning")
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("cost", "activation", "output"),
    [
        (fastnn.QuadraticCost, "relu", "identity"),
        (fastnn.QuadraticCost, "identity", "sigmoid"),
        (fastnn.CrossEntropyCost, "tanh", "sigmoid"),
        (fastnn.LogLikelihoodCost, "relu", "softmax"),
    ],
)
@pytest.mark.parametrize("penalty", [regularizers.L2(1e9), regularizers.L1(1e9), None])
def test_divergence_is_no_crash(
    cost: type, activation: str, output: str, dtype: str, penalty: Any
) -> None:
    net = fastnn.Network([5, 4, 3], cost, activation=activation, output=output, dtype=dtype, rng=0)
    history = net.fit(
        1e3 * X,
        LABELS,
        epochs=20,
        batch_size=7,
        learning_rate=1e6,
        regularizer=penalty,
        validation_data=(X, LABELS),
    )
    assert len(history) <= 20
    if penalty is not None and penalty.l2:
        assert len(history) < 20  # it was ended, and put back to where it was sound
    assert np.isfinite(net.parameters).all()
    assert net.predict(X).shape == (40, 3)
    assert 0 <= net.accuracy((X, LABELS)) <= 40
    net.parameters = np.zeros(net.n_parameters)
    net.fit(X, LABELS, epochs=1)
    assert np.isfinite(net.parameters).all()


# --- threads and processes


def test_two_networks_in_two_threads_train_as_each_alone() -> None:
    rng = np.random.default_rng(0)
    rows, labels = rng.random((3000, 50)), rng.integers(0, 10, 3000)

    def train(seed: int) -> np.ndarray:
        net = fastnn.Network([50, 40, 10], rng=seed)
        net.fit(rows, labels, epochs=5, batch_size=10)
        return net.parameters

    alone = [train(seed) for seed in (1, 2)]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(train, (1, 2)))
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("sizes", [[20, 32, 1], [300, 400, 10]], ids=["small", "large"])
def test_four_threads_predict_with_one_network(sizes: list[int]) -> None:
    rng = np.random.default_rng(0)
    net = fastnn.Network(sizes, rng=0)
    parts = [rng.random((200 + i, sizes[0])) for i in range(4)]
    expected = [net.predict(part) for part in parts]
    start = threading.Barrier(4)

    def predict(part: np.ndarray) -> list[np.ndarray]:
        start.wait()
        return [net.predict(part) for _ in range(20)]

    with ThreadPoolExecutor(4) as pool:
        for outputs, right in zip(pool.map(predict, parts), expected, strict=True):
            for output in outputs:
                np.testing.assert_array_equal(output, right)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_trains_and_predicts() -> None:
    """Forked while other threads train, which is the hardest time; a hang shows as a time-out."""
    program = """
        import multiprocessing, threading, warnings
        import numpy as np
        import fastnn

        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons advise against it
        rng = np.random.default_rng(0)
        X, y = rng.random((2000, 100)), rng.integers(0, 10, 2000)

        def train(queue=None):
            net = fastnn.Network([100, 200, 10], rng=0)
            net.fit(X, y, epochs=2, batch_size=50)
            queue and queue.put(net.parameters.tobytes())
            return net

        expected = train().parameters.tobytes()
        stop = threading.Event()

        def train_on():
            while not stop.is_set():
                train().predict(X)

        thread = threading.Thread(target=train_on)
        thread.start()
        context = multiprocessing.get_context("fork")
        for _ in range(5):
            queue = context.Queue()
            child = context.Process(target=train, args=(queue,))
            child.start()
            assert queue.get(timeout=30) == expected
            child.join()
            assert child.exitcode == 0
        stop.set()
        thread.join()
        print("all right")
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
    )
    assert (run.returncode, run.stdout) == (0, "all right\n"), run.stderr


# --- copies and subclasses

COPIES: dict[str, Callable[[Any], Any]] = {
    "deepcopy": copy.deepcopy,
    **{
        f"pickle-{protocol}": lambda value, protocol=protocol: pickle.loads(
            pickle.dumps(value, protocol)
        )
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)
    },
}


class Named(fastnn.Network):
    """A subclass with something of its own."""

    def __init__(self, name: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.name = name

    def predict(self, X: Any) -> np.ndarray:
        return super().predict(X) + 1


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_a_copy_of_a_subclass_keeps_all_and_shares_nothing(copied: Callable[[Any], Any]) -> None:
    net = Named(
        "mine", [5, 4, 3], fastnn.LogLikelihoodCost, activation="tanh", dtype="float32", rng=7
    )
    net.fit(X, LABELS, epochs=1)
    twin = copied(net)
    assert type(twin) is Named
    assert (twin.name, twin.sizes, twin.cost) == ("mine", [5, 4, 3], fastnn.LogLikelihoodCost)
    assert (twin.activation, twin.output, twin.dtype) == (("tanh",), "softmax", np.float32)
    assert not np.shares_memory(twin.parameters, net.parameters)
    assert np.shares_memory(twin.weights[0], twin.parameters)
    np.testing.assert_array_equal(twin.predict(X), net.predict(X))
    for each in (net, twin):  # their generators are in the same state, and each has its own
        each.fit(X, LABELS, epochs=2)
    np.testing.assert_array_equal(twin.parameters, net.parameters)


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_a_copied_history_is_the_same(copied: Callable[[Any], Any]) -> None:
    history = new_network().fit(X, LABELS, epochs=2, validation_data=(X, LABELS))
    twin = copied(history)
    assert type(twin) is fastnn.History
    assert twin.rows == history.rows and twin.rows is not history.rows
    assert twin["validation_accuracy"] == history["validation_accuracy"]


@pytest.mark.parametrize("copied", [*COPIES.values(), copy.copy], ids=[*COPIES, "copy"])
def test_copied_lists_are_plain_and_the_users_own(copied: Callable[[Any], Any]) -> None:
    net = new_network()
    weights = copied(net.weights)
    assert type(weights) is list
    for ours, theirs in zip(net.weights, weights, strict=True):
        np.testing.assert_array_equal(theirs, ours)
        assert not np.shares_memory(theirs, ours)
    weights.append(None)  # nobody minds
    assert len(net.weights) == 2


def test_a_subclass_evaluates_by_its_own_arithmetic() -> None:
    class ContraryEngine(CompiledEngine):
        def predict(self, net: Any, X: Any) -> np.ndarray:
            return 1 - super().predict(net, X)

    class Contrary(fastnn.Network):
        _new_engine = ContraryEngine

    net, contrary = fastnn.Network([5, 1], rng=0), Contrary([5, 1], rng=0)
    answers = (X, (net.predict(X) > 0.5).astype(float))
    assert net.accuracy(answers) == 40
    assert contrary.accuracy(answers) == 0


# --- views


@pytest.mark.parametrize("kind", [fastnn.Network, reference.Network])
def test_views_are_live(kind: type) -> None:
    net = kind([5, 4, 3], rng=0)
    weights, biases, parameters = net.weights, net.biases, net.parameters
    before = net.predict(X)
    weights[1][...] = 0
    biases[1][:, 0] = [1, 2, 3]
    np.testing.assert_allclose(net.predict(X), np.tile(1 / (1 + np.exp([-1, -2, -3])), (40, 1)))
    parameters[...] = kind([5, 4, 3], rng=0).parameters
    np.testing.assert_array_equal(net.predict(X), before)
    net.fit(X, LABELS, epochs=1)
    assert net.parameters is parameters
    for held, read in zip(weights, net.weights, strict=True):
        np.testing.assert_array_equal(held, read)
    assert all(np.shares_memory(each, parameters) for each in [*weights, *biases])


def test_in_place_arithmetic_on_entries_reaches_the_network() -> None:
    net = new_network()
    weights, biases = (copy.deepcopy(each) for each in (net.weights, net.biases))
    net.weights[0] *= 2
    net.biases[-1] -= 1
    np.testing.assert_array_equal(net.weights[0], 2 * weights[0])
    np.testing.assert_array_equal(net.biases[1], biases[1] - 1)
    np.testing.assert_array_equal(net.weights[1], weights[1])


@pytest.mark.parametrize("name", ["parameters", "weights", "biases"])
def test_what_is_assigned_is_copied(name: str) -> None:
    net = new_network()
    mine = copy.deepcopy(getattr(net, name))
    old = getattr(net, name)
    setattr(net, name, mine)
    for entry in [mine] if name == "parameters" else mine:
        entry[...] = 7
    assert not (net.parameters == 7).any()
    assert np.shares_memory(old[0:1] if name == "parameters" else old[0], net.parameters)


def test_assigning_a_network_to_itself_changes_nothing() -> None:
    net = new_network()
    before = net.parameters.copy()
    net.weights, net.biases, net.parameters = net.weights, net.biases, net.parameters
    np.testing.assert_array_equal(net.parameters, before)
    net.parameters = net.parameters[::-1]
    np.testing.assert_array_equal(net.parameters, before[::-1])
