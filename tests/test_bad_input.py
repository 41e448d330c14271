"""Bad input through every door: one clear error that names the argument, and nothing changes."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from refusals import assert_one_line, frozen, global_state, refused, state_of

import fastnn
from fastnn import functional, initializers, optimizers, reference, regularizers
from fastnn.book import network, network2
from fastnn.dropout import Dropout
from fastnn.normalization import GroupNorm
from fastnn.pretrain import greedy_autoencoder
from fastnn.stopping import EarlyStopping

rng = np.random.default_rng(0)
X = rng.random((6, 3))
LABELS = np.array([0, 1, 0, 1, 1, 0])
TARGETS = np.eye(2)[LABELS]
PAIRS = [(x[:, np.newaxis], y[:, np.newaxis]) for x, y in zip(X, TARGETS, strict=True)]
SQUARE = np.ones((30, 30))  # its repr has many lines


def with_one(array: np.ndarray, value: Any) -> np.ndarray:
    """Return a copy of ``array`` whose last entry is ``value``."""
    array = array.copy()
    array.flat[-1] = value
    return array


def replaced(i: int, pair: Any) -> list[Any]:
    """Return the pairs with another in place of the one at ``i``."""
    return [*PAIRS[:i], pair, *PAIRS[i + 1 :]]


class Unreadable:
    """An array-like whose conversion fails."""

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        raise RuntimeError("not now,\nplease")


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


@pytest.fixture(params=[fastnn.Network, reference.Network], ids=["compiled", "reference"])
def net(request: pytest.FixtureRequest) -> fastnn.Network:
    return request.param([3, 4, 2])


@pytest.fixture
def compiled() -> fastnn.Network:
    return fastnn.Network([3, 4, 2])


# --- what is on or off

FLAGS: dict[str, Callable[[Any], object]] = {
    "inverted": lambda flag: Dropout(0.5, flag),
    "nesterov": lambda flag: optimizers.SGD(0.9, nesterov=flag),
    "restore_best": lambda flag: EarlyStopping(restore_best=flag),
    "training": lambda flag: functional.batch_norm(X, training=flag),
    "header": lambda flag: fastnn.datasets.load_csv("no file", header=flag),
    "shuffle": lambda flag: fastnn.Network([3, 2]).fit(X, LABELS, epochs=1, shuffle=flag),
    "progress": lambda flag: greedy_autoencoder(
        fastnn.Network([3, 4, 2]), X, epochs=1, progress=flag
    ),
    "monitor_training_cost": lambda flag: network2.Network([3, 2]).SGD(
        PAIRS, 1, 2, 0.1, monitor_training_cost=flag
    ),
}


@pytest.mark.parametrize("name", FLAGS)
@pytest.mark.parametrize("value", ["classic", 2, SQUARE])
def test_a_flag_is_true_or_false(name, value):
    with pytest.raises(TypeError, match=f"^{name}: expected True or False, got") as caught:
        FLAGS[name](value)
    assert_one_line(caught.value)


def test_a_number_is_no_flag():
    with pytest.raises(TypeError, match=r"^momentum: expected a number, got True"):
        optimizers.SGD(True)


# --- the constructor

NO_MEMORY = 10**9
SIZES = {
    "none": (None, TypeError, "sizes: expected a list"),
    "a-number": (784, TypeError, "sizes: expected a list of layer sizes, got 784"),
    "empty": ([], ValueError, "sizes: expected an input and an output layer"),
    "one-layer": ([784], ValueError, "sizes: expected an input and an output layer"),
    "too-many-layers": ([1] * 10_001, ValueError, "sizes: .* at most 10000"),
    "endless": (count(1), ValueError, "sizes: .* at most 10000"),
    "zero": ([3, 0, 2], ValueError, r"sizes\[1\]: expected 1 or more, got 0"),
    "negative": ([3, -4], ValueError, r"sizes\[1\]: expected 1 or more, got -4"),
    "float": ([3.0, 2], TypeError, r"sizes\[0\]: expected a whole number, got 3\.0"),
    "nan": ([3, float("nan")], TypeError, r"sizes\[1\]: expected a whole number"),
    "bool": ([3, True], TypeError, r"sizes\[1\]: expected a whole number, got True"),
    "string": ("32", TypeError, r"sizes\[0\]: expected a whole number, got '3'"),
    "nested": ([[3, 2]] * 2, TypeError, r"sizes\[0\]: expected a whole number, got \[3, 2\]"),
    "array-in-it": ([3, SQUARE], TypeError, r"sizes\[1\]: expected a whole number"),
    "unprintable": ([3, Unprintable()], TypeError, r"sizes\[1\]: expected a whole number"),
    "huge": ([NO_MEMORY, NO_MEMORY], MemoryError, "sizes: .* needs"),
    "huge-in-the-middle": ([2, 2**31 - 1, 2**31 - 1, 2], MemoryError, "sizes: .* needs"),
    "more-than-an-int": ([2**31, 1], ValueError, "sizes: expected at most 2147483647"),
    "more-than-a-word": ([10**30, 1], ValueError, r"sizes\[0\]: expected 9\d+ or less"),
    "more-than-has-digits": ([10**5000, 1], ValueError, r"sizes\[0\]: expected 9\d+ or less"),
}


class NoDelta:
    @staticmethod
    def fn(a: np.ndarray, y: np.ndarray) -> float:
        return 0.0


class NoFn:
    @staticmethod
    def delta(z: np.ndarray, a: np.ndarray, y: np.ndarray) -> np.ndarray:
        return a - y


class NumberAsDelta(NoDelta):
    delta = 1.0


OPTIONS = {
    "cost-none": ({"cost": None}, TypeError, "cost: .* without fn"),
    "cost-name": ({"cost": "quadratic"}, TypeError, "cost: .* got 'quadratic' without fn"),
    "cost-array": ({"cost": SQUARE}, TypeError, "cost: .* without fn"),
    "cost-without-delta": ({"cost": NoDelta}, TypeError, "cost: .* without delta"),
    "cost-without-fn": ({"cost": NoFn()}, TypeError, "cost: .* without fn"),
    "cost-delta-no-function": ({"cost": NumberAsDelta}, TypeError, "cost: .* without delta"),
    "activation-unknown": ({"activation": "softplus2"}, ValueError, "activation: expected one of"),
    "activation-softmax": ({"activation": "softmax"}, ValueError, "activation: expected one of"),
    "activation-number": ({"activation": 1}, TypeError, "activation: expected a name"),
    "activation-too-many": ({"activation": ["tanh"] * 2}, ValueError, "activation: expected one"),
    "activation-none-in-it": ({"activation": [None]}, TypeError, "activation: expected a name"),
    "activation-array": ({"activation": [SQUARE]}, TypeError, "activation: expected a name"),
    "output-unknown": ({"output": "relu"}, ValueError, "output: expected one of"),
    "output-number": ({"output": 0}, TypeError, "output: expected a name"),
    "output-not-for-the-cost": ({"output": "identity"}, ValueError, "output: CrossEntropyCost"),
    "likelihood-of-identity": (
        {"cost": fastnn.LogLikelihoodCost, "output": "identity"},
        ValueError,
        "output: LogLikelihoodCost goes with softmax or sigmoid, got 'identity'",
    ),
    "initializer-unknown": ({"initializer": "he"}, ValueError, "initializer: expected one of"),
    "initializer-class": ({"initializer": initializers.Zeros}, TypeError, "initializer: expected"),
    "normalization": (
        {"normalization": "Batch"},
        ValueError,
        "normalization: expected None or",
    ),
    "normalization-array": (
        {"normalization": SQUARE},
        TypeError,
        "normalization: expected",
    ),
    "dropout": ({"dropout": 1.0}, ValueError, "dropout: expected a rate below 1"),
    "dropout-negative": ({"dropout": -0.1}, ValueError, "dropout: expected"),
    "dropout-nan": ({"dropout": np.nan}, ValueError, "dropout: expected"),
    "dropout-too-many": ({"dropout": [0.1, 0.2]}, ValueError, "dropout: expected one rate or 1"),
    "groups-that-do-not-divide": (
        {"normalization": GroupNorm(groups=3)},
        ValueError,
        "normalization: 3 groups do not",
    ),
    "dropout-string": ({"dropout": "0"}, TypeError, "dropout: expected a number"),
    "dropout-array": ({"dropout": SQUARE}, TypeError, "dropout: expected a number"),
    "dtype-half": ({"dtype": "float16"}, ValueError, "dtype: expected 'float64' or 'float32'"),
    "dtype-int": ({"dtype": int}, ValueError, "dtype: expected"),
    "dtype-none": ({"dtype": None}, ValueError, "dtype: expected .* got None"),
    "dtype-unknown": ({"dtype": "double precision"}, ValueError, "dtype: expected"),
    "dtype-no-syntax": ({"dtype": "(2,f4"}, ValueError, "dtype: expected"),
    "dtype-swapped": (
        {"dtype": np.dtype("f8").newbyteorder()},
        ValueError,
        "dtype: expected 'float64' or 'float32'",
    ),
    "rng-float": ({"rng": 1.5}, TypeError, "rng: expected None, an int or"),
    "rng-bool": ({"rng": True}, TypeError, "rng: expected None, an int or"),
    "rng-negative": ({"rng": -1}, ValueError, "rng: expected a seed of 0 or more, got -1"),
    "rng-old-kind": ({"rng": np.random.RandomState(0)}, TypeError, "rng: expected .* RandomState"),
}


def test_softmax_of_a_single_output() -> None:
    for options in ({"cost": fastnn.LogLikelihoodCost}, {"output": "softmax"}):
        with refused(ValueError, "output: the softmax of a single output is always 1"):
            fastnn.Network([3, 1], **options)


@pytest.mark.parametrize(("sizes", "error", "match"), SIZES.values(), ids=SIZES)
def test_sizes(sizes: Any, error: type, match: str) -> None:
    with refused(error, match):
        fastnn.Network(sizes)


@pytest.mark.parametrize(("options", "error", "match"), OPTIONS.values(), ids=OPTIONS)
def test_options(options: dict[str, Any], error: type, match: str) -> None:
    with refused(error, match):
        fastnn.Network([3, 4, 2], **options)


@pytest.mark.parametrize(
    ("values", "match"),
    [
        (lambda m, n: np.zeros((n, m)), r"weights\[0\]: expected shape \(4, 3\), got \(3, 4\)"),
        (lambda m, n: np.full((m, n), np.nan), r"weights\[0\]: expected finite numbers"),
        (lambda m, n: [["0"] * n] * m, r"weights\[0\]: expected real numbers"),
    ],
    ids=["transposed", "nan", "strings"],
)
def test_an_initializer_that_draws_nonsense(values: Callable, match: str) -> None:
    class Bad(initializers.Initializer):
        def weights(self, rng: Any, n_out: int, n_in: int) -> Any:
            return values(n_out, n_in)

    with refused((TypeError, ValueError), match):
        fastnn.Network([3, 4, 2], initializer=Bad())


def test_sizes_for_which_the_system_has_no_memory_raise_at_once() -> None:
    """Also where the machine has the memory, but the process may not have it."""
    program = """
        import resource
        import fastnn
        used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 2**28,) * 2)
        try:
            fastnn.Network([10_000, 10_000])
        except MemoryError as error:
            status = dict(line.split(":", 1) for line in open("/proc/self/status"))
            print(str(error).count("\\n"), status["VmHWM"].split()[0])
    """
    if not sys.platform.startswith("linux"):
        pytest.skip("the limit is set as Linux sets it")
    if "libasan" in os.environ.get("LD_PRELOAD", ""):
        pytest.skip("the sanitizer's own shadow memory would be counted")
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
    lines, kilobytes = map(int, run.stdout.split())
    assert lines == 0
    assert kilobytes < 400_000


# --- rows of numbers

SPARSE = r"expected a dense array.*pass its \.to(csr|array)\(\)"
ROWS = {
    "string": ("abc", TypeError, "expected real numbers, got str"),
    "strings": ([["a", "b", "c"]], TypeError, "expected real numbers, got list"),
    "numbers-as-strings": (X.astype(str), TypeError, "expected real numbers"),
    "bytes": (b"abc", TypeError, "expected real numbers, got bytes"),
    "none": (None, TypeError, "expected real numbers, got NoneType"),
    "none-in-it": ([[1.0, None, 2.0]], TypeError, "expected real numbers"),
    "objects": (X.astype(object), TypeError, "expected real numbers, got ndarray of dtype object"),
    "complex": (X + 1j, TypeError, "expected real numbers, got ndarray of dtype complex128"),
    "dates": (np.zeros((6, 3), "datetime64[D]"), TypeError, "expected real numbers"),
    "records": (np.zeros(6, "f8,f8,f8"), TypeError, "expected real numbers"),
    "set": ({1, 2, 3}, TypeError, "expected real numbers, got set"),
    "generator": ((row for row in X), TypeError, "expected real numbers, got generator"),
    "function": (len, TypeError, "expected real numbers"),
    "unreadable": (Unreadable(), TypeError, "expected an array, got a Unreadable: RuntimeError"),
    "masked": (np.ma.masked_less(X, 0.5), TypeError, "expected an array without masked"),
    "ragged": ([[1, 2, 3], [1, 2]], ValueError, "expected rows of equal length"),
    "too-deep": (eval("[" * 70 + "]" * 70), ValueError, "expected"),
    "beyond-float": ([[1.0, 2.0, 10**400]], TypeError, "expected"),
    "csc": (scipy.sparse.csc_matrix(X), TypeError, SPARSE),
    "coo-array": (scipy.sparse.coo_array(X), TypeError, SPARSE),
    "number": (1.0, ValueError, r"expected shape"),
    "too-narrow": (X[:, :2], ValueError, r"expected shape"),
    "too-wide": (np.ones((6, 4)), ValueError, r"expected shape"),
    "images": (X.reshape(2, 3, 3), ValueError, r"expected shape"),
    "no-rows": (X[:0], ValueError, "expected"),
    "nan": (with_one(X, np.nan), ValueError, r"expected finite numbers, got nan at"),
    "infinite": (with_one(X, np.inf), ValueError, r"expected finite numbers, got inf at"),
}
ROW_TAKERS = {
    "predict": ("X", lambda net, rows: net.predict(rows)),
    "feedforward": ("a", lambda net, rows: net.feedforward(getattr(rows, "T", rows))),
    "gradients": ("X", lambda net, rows: net.gradients(rows, LABELS)),
    "fit": ("X", lambda net, rows: net.fit(rows, LABELS, epochs=1)),
}


@pytest.mark.parametrize(("rows", "error", "match"), ROWS.values(), ids=ROWS)
@pytest.mark.parametrize(("argument", "call"), ROW_TAKERS.values(), ids=ROW_TAKERS)
def test_rows(
    net: fastnn.Network, argument: str, call: Callable, rows: Any, error: type, match: str
) -> None:
    with refused(error, f"{argument}: {match}", net, rows):
        call(net, rows)


@pytest.mark.parametrize(("argument", "call"), ROW_TAKERS.values(), ids=ROW_TAKERS)
def test_rows_too_large_for_float32(argument: str, call: Callable) -> None:
    net = fastnn.Network([3, 2], dtype="float32")
    rows = with_one(X, 1e300)
    with refused(ValueError, rf"{argument} \(as float32\): expected finite", net, rows):
        call(net, rows)


# --- targets

TARGETS_UNFIT = {
    "none": (None, TypeError, "expected real numbers"),
    "strings": (["zero", "one"] * 3, TypeError, "expected real numbers"),
    "objects": (LABELS.astype(object), TypeError, "expected real numbers"),
    "complex": (TARGETS * 1j, TypeError, "expected real numbers"),
    "sparse": (scipy.sparse.csr_matrix(TARGETS), TypeError, "expected a dense array"),
    "masked": (np.ma.masked_equal(LABELS, 1), TypeError, "expected an array without masked"),
    "ragged": ([[0, 1]] * 5 + [[0]], ValueError, "expected rows of equal length"),
    "too-few": (LABELS[:5], ValueError, r"expected shape \(6,\) or \(6, 2\), got \(5,\)"),
    "too-many": (np.tile(LABELS, 2), ValueError, r"expected shape .* got \(12,\)"),
    "empty": ([], ValueError, r"expected shape .* got \(0,\)"),
    "number": (1, ValueError, r"expected shape .* got \(\)"),
    "too-narrow": (np.ones((6, 3)), ValueError, r"expected shape .* got \(6, 3\)"),
    "transposed": (TARGETS.T, ValueError, r"expected shape .* got \(2, 6\)"),
    "three-dimensions": (TARGETS[..., None], ValueError, r"expected shape .* got \(6, 2, 1\)"),
    "negative": (with_one(LABELS, -1), ValueError, "expected whole labels from 0 to 1, got -1 at"),
    "too-large": (with_one(LABELS, 2), ValueError, "expected whole labels .* got 2 at 5"),
    "largest": (with_one(LABELS.astype("u8"), 2**64 - 1), ValueError, "expected whole labels"),
    "fraction": (with_one(LABELS / 1, 0.5), ValueError, "expected whole labels .* got 0.5 at 5"),
    "nan-label": (with_one(LABELS / 1, np.nan), ValueError, r"expected finite .* at \(5,\)"),
    "nan": (with_one(TARGETS, np.nan), ValueError, r"expected finite numbers, got nan at \(5, 1\)"),
    "infinite": (with_one(TARGETS, -np.inf), ValueError, "expected finite numbers, got -inf"),
    "above-one": (with_one(TARGETS, 2.0), ValueError, "CrossEntropyCost takes targets from 0 to 1"),
    "below-zero": (with_one(TARGETS, -1.0), ValueError, "CrossEntropyCost takes targets from 0"),
}
TARGET_TAKERS = {
    "gradients": ("y", lambda net, y: net.gradients(X, y)),
    "fit": ("y", lambda net, y: net.fit(X, y, epochs=1)),
    "validation": (
        r"validation_data(\[1\])?",
        lambda net, y: net.fit(X, LABELS, epochs=1, validation_data=(X, y)),
    ),
    "SGD": (r"training_data(\[1\])?", lambda net, y: net.SGD((X, y), 1, 2, 0.1)),
}


@pytest.mark.parametrize(
    ("argument", "call", "y", "error", "match"),
    [
        pytest.param(*taker, *case, id=f"{name}-{what}")
        for name, taker in TARGET_TAKERS.items()
        for what, case in TARGETS_UNFIT.items()
        if (name, what) != ("fit", "none")  # then the pairs are in X
    ],
)
def test_targets(
    compiled: fastnn.Network, argument: str, call: Callable, y: Any, error: type, match: str
) -> None:
    with refused(error, f"{argument}: {match}", compiled, y):
        call(compiled, y)


def test_likelihood_takes_no_negative_target() -> None:
    net = fastnn.Network([3, 2], fastnn.LogLikelihoodCost)
    with refused(ValueError, "y: LogLikelihoodCost takes targets of 0 or more", net):
        net.fit(X, with_one(TARGETS, -1.0), epochs=1)


# --- the book's pairs

x, y = PAIRS[1]
PAIR_DATA = {
    "none": (None, TypeError, ": expected pairs"),
    "number": (3, TypeError, ": expected pairs .* got int"),
    "a-network": (fastnn.Network([3, 2]), TypeError, ": expected pairs .* got Network"),
    "string": ("data", ValueError, r"\[0\]: expected a pair \(x, y\), got 'd'"),
    "path": ("mnist.pkl.gz", ValueError, r"\[0\]: expected a pair"),
    "empty-list": ([], ValueError, ": expected at least one pair"),
    "empty-tuple": ((), ValueError, ": expected at least one pair"),
    "empty-arrays": ((X[:0], LABELS[:0]), ValueError, r"\[0\]: expected at least one row"),
    "only-X": (X, ValueError, r"\[0\]: expected a pair \(x, y\), got array"),
    "only-xs": ([x for x, _ in PAIRS], ValueError, r"\[0\]: expected a pair"),
    "wide-rows": (SQUARE, ValueError, r"\[0\]: expected a pair"),
    "numbers": ([1, 2, 3], ValueError, r"\[0\]: expected a pair \(x, y\), got 1"),
    "a-triple": (replaced(1, (x, y, y)), ValueError, r"\[1\]: expected a pair"),
    "a-single": (replaced(1, (x,)), ValueError, r"\[1\]: expected a pair"),
    "none-in-it": (replaced(5, None), ValueError, r"\[5\]: expected a pair \(x, y\), got None"),
    "dict": ({"X": X, "y": LABELS}, ValueError, r"\[0\]: expected a pair \(x, y\), got 'X'"),
    "short-x": (replaced(1, (x[:2], y)), ValueError, r"\[1\]\[0\]: expected 3 numbers"),
    "long-x": (replaced(1, ([1, 2, 3, 4], y)), ValueError, r"\[1\]\[0\]: expected 3 numbers"),
    "ragged-x": (replaced(1, ([1, [2, 3]], y)), ValueError, r"\[1\]\[0\]: expected rows of equal"),
    "string-x": (replaced(1, ("123", y)), TypeError, r"\[1\]\[0\]: expected real numbers"),
    "object-x": (replaced(1, (x.astype(object), y)), TypeError, r"\[1\]\[0\]: expected real"),
    "complex-x": (replaced(1, (x * 1j, y)), TypeError, r"\[1\]\[0\]: expected real numbers"),
    "sparse-x": (
        replaced(1, (scipy.sparse.csr_matrix(x), y)),
        TypeError,
        r"\[1\]\[0\]: expected a dense",
    ),
    "nan-x": (replaced(1, (x * np.nan, y)), ValueError, r": expected finite .* nan at \(1, 0\)"),
    "short-y": (replaced(1, (x, y[:1])), ValueError, r"\[1\]\[1\]: expected 2 numbers"),
    "long-y": (replaced(1, (x, np.ones(3))), ValueError, r"\[1\]\[1\]: expected 2 numbers"),
    "string-y": (replaced(1, (x, "1")), TypeError, r"\[1\]\[1\]: expected real numbers"),
    "ragged-y": (replaced(0, (x, [1, [0]])), ValueError, r"\[0\]\[1\]: expected rows of equal"),
    "none-y": (replaced(0, (x, None)), TypeError, r"\[0\]\[1\]: expected real numbers"),
    "infinite-y": (replaced(1, (x, y + np.inf)), ValueError, r": expected finite numbers"),
    "too-large-y": (replaced(1, (x, 7 * y)), ValueError, ": CrossEntropyCost takes targets"),
    "label-too-large": ([(x, 0), (x, 2)], ValueError, ": expected whole labels .* got 2 at 1"),
    "label-negative": ([(x, 0), (x, -1)], ValueError, ": expected whole labels .* got -1 at 1"),
    "label-fraction": ([(x, 0), (x, 0.5)], ValueError, ": expected whole labels .* got 0.5 at 1"),
    "different-lengths": ((X, LABELS[:4]), ValueError, r"\[1\]: expected shape .* got \(4,\)"),
    "sparse-arrays": (
        (scipy.sparse.csc_matrix(X), LABELS),
        TypeError,
        r"\[0\]: expected a dense array or a sparse one in CSR form",
    ),
}
PAIR_TAKERS = {
    "SGD": ("training_data", lambda net, data: net.SGD(data, 1, 2, 0.1)),
    "fit": ("X", lambda net, data: net.fit(data, epochs=1)),
    "step": ("mini_batch", lambda net, data: net.update_mini_batch(data, 0.1)),
    "evaluate": ("test_data", lambda net, data: net.evaluate(data)),
    "accuracy": ("data", lambda net, data: net.accuracy(data)),
    "total_cost": ("data", lambda net, data: net.total_cost(data, 0.0)),
    "evaluation": (
        "evaluation_data",
        lambda net, data: net.SGD(PAIRS, 1, 2, 0.1, evaluation_data=data),
    ),
    "validation": (
        "validation_data",
        lambda net, data: net.fit(X, LABELS, epochs=1, validation_data=data),
    ),
}


@pytest.mark.parametrize(
    ("argument", "call", "data", "error", "match"),
    [
        pytest.param(*taker, *case, id=f"{name}-{what}")
        for name, taker in PAIR_TAKERS.items()
        for what, case in PAIR_DATA.items()
        if what != "none" or not name.endswith("ation")  # those may be left out
    ],
)
def test_pairs(
    compiled: fastnn.Network, argument: str, call: Callable, data: Any, error: type, match: str
) -> None:
    with refused(error, argument + match, compiled, data):
        call(compiled, data)


@pytest.mark.parametrize(("data", "error", "match"), PAIR_DATA.values(), ids=PAIR_DATA)
def test_pairs_into_the_books_network(data: Any, error: type, match: str) -> None:
    net = network2.Network([3, 4, 2])
    with refused(error, "training_data" + match, net, data):
        net.SGD(data, 1, 2, 0.1)


def test_pairs_into_the_books_first_network() -> None:
    net = network.Network([3, 4, 2])
    with refused(ValueError, r"training_data\[1\]: expected a pair", net):
        net.SGD(replaced(1, None), 1, 2, 0.1)
    with refused(ValueError, r"test_data\[1\]\[0\]: expected 3 numbers", net):
        net.SGD(PAIRS, 1, 2, 0.1, test_data=replaced(1, (x[:2], 0)))


def test_a_generator_already_used_up(net: fastnn.Network) -> None:
    pairs = iter(PAIRS)
    net.SGD(pairs, 1, 2, 0.1)
    with refused(ValueError, "training_data: expected at least one pair", net):
        net.SGD(pairs, 1, 2, 0.1)


def test_an_error_in_the_users_generator_passes_through(net: fastnn.Network) -> None:
    def pairs() -> Any:
        yield PAIRS[0]
        raise KeyError("the file ended")

    with refused(KeyError, "'the file ended'", net):
        net.SGD(pairs(), 1, 2, 0.1)


BACKPROP = {
    "short-x": (x[:2], y, ValueError, r"x: expected 3 numbers, got shape \(2, 1\)"),
    "string-x": ("abc", y, TypeError, "x: expected real numbers"),
    "nan-x": (x * np.nan, y, ValueError, "x: expected finite numbers"),
    "many-x": (X, y, ValueError, r"x: expected 3 numbers, got shape \(6, 3\)"),
    "long-y": (x, np.ones(3), ValueError, r"y: expected a label or 2 numbers, got shape \(3,\)"),
    "no-y": (x, None, TypeError, "y: expected real numbers"),
    "label": (x, 2, ValueError, "y: expected whole labels from 0 to 1, got 2"),
    "above-one": (x, 2 * y, ValueError, "y: CrossEntropyCost takes targets from 0 to 1"),
}


@pytest.mark.parametrize(("x", "y", "error", "match"), BACKPROP.values(), ids=BACKPROP)
def test_backprop(net: fastnn.Network, x: Any, y: Any, error: type, match: str) -> None:
    with refused(error, match, net, (x, y)):
        net.backprop(x, y)


# --- numbers

FIT = {
    "epochs": [1.0, "1", None, True, -1, np.nan, [1], SQUARE, 1 + 0j, 2**70],
    "batch_size": [0, -1, 2.0, "8", None, True, np.inf, SQUARE, 10**400],
    "learning_rate": [-0.1, np.nan, np.inf, "0.1", True, [0.1], SQUARE, 1j, 10**400],
    "optimizer": ["adamax", "SGD", None, 1, ["sgd"], SQUARE],
    "regularizer": [0.1, "l2", regularizers.L2, {"l2": 1.0}, SQUARE],
    "callbacks": [1, None, len, [print, None], "print", [SQUARE]],
    "shuffle": ["no", None, 2, SQUARE],
    "progress": ["no", None, SQUARE],
    "validation_data": [5, "val", (X,), (X, LABELS, LABELS), (X[:, :2], LABELS), SQUARE],
}
BOOK = {
    "epochs": FIT["epochs"],
    "mini_batch_size": FIT["batch_size"],
    "eta": FIT["learning_rate"],
    "lmbda": FIT["learning_rate"],
    "evaluation_data": [5, "val", (X,), (X[:, :2], LABELS)],
    "monitor_evaluation_cost": ["yes", None, SQUARE],
    "monitor_training_accuracy": ["yes", 2, SQUARE],
    "early_stopping_n": [-1, 1.5, None, True, "10"],
}
STEP = {"eta": FIT["learning_rate"], "lmbda": FIT["learning_rate"], "n": [0, -5, 1.5, "6", 10**400]}


def cases(table: dict[str, list[Any]]) -> list[Any]:
    """One parameter (argument, value) for each value."""
    return [
        pytest.param(argument, value, id=f"{argument}-{i}")
        for argument, values in table.items()
        for i, value in enumerate(values)
    ]


@pytest.mark.parametrize(("argument", "value"), cases(FIT))
def test_fit_arguments(net: fastnn.Network, argument: str, value: Any) -> None:
    with refused((TypeError, ValueError), rf"{argument}\b", net, (X, LABELS, value)):
        net.fit(X, LABELS, **{"epochs": 1, "batch_size": 2, argument: value})


@pytest.mark.parametrize("kind", [fastnn.Network, network2.Network])
@pytest.mark.parametrize(("argument", "value"), cases(BOOK))
def test_sgd_arguments(kind: type, argument: str, value: Any) -> None:
    net = kind([3, 4, 2])
    arguments = {"epochs": 1, "mini_batch_size": 2, "eta": 0.1, argument: value}
    data = list(PAIRS)
    with refused((TypeError, ValueError), rf"{argument}\b", net, (data, value)):
        net.SGD(data, **arguments)


@pytest.mark.parametrize(("argument", "value"), cases(STEP))
def test_update_mini_batch_arguments(net: fastnn.Network, argument: str, value: Any) -> None:
    with refused((TypeError, ValueError), rf"{argument}\b", net, value):
        net.update_mini_batch(PAIRS, **{"eta": 0.1, argument: value})


@pytest.mark.parametrize("lmbda", FIT["learning_rate"])
def test_total_cost_arguments(net: fastnn.Network, lmbda: Any) -> None:
    with refused((TypeError, ValueError), "lmbda: expected", net, lmbda):
        net.total_cost(PAIRS, lmbda)


@pytest.mark.parametrize(
    "wish",
    [
        {"monitor_evaluation_cost": True},
        {"monitor_evaluation_accuracy": True},
        {"early_stopping_n": 3},
    ],
    ids=lambda wish: next(iter(wish)),
)
@pytest.mark.parametrize("kind", [fastnn.Network, network2.Network])
def test_evaluation_data_missing_but_asked_for(kind: type, wish: dict[str, Any]) -> None:
    net = kind([3, 4, 2])
    with refused(ValueError, "evaluation_data: expected data", net):
        net.SGD(PAIRS, 1, 2, 0.1, **wish)


@pytest.mark.parametrize("missing", ["epochs", "mini_batch_size", "eta"])
def test_an_argument_left_out(net: fastnn.Network, missing: str) -> None:
    arguments = {"epochs": 1, "mini_batch_size": 2, "eta": 0.1}
    del arguments[missing]
    with refused(TypeError, f".*'{missing}'", net):
        net.SGD(PAIRS, **arguments)


# --- what is assigned

PARAMETERS = {
    "none": (None, TypeError, "expected real numbers"),
    "string": ("0" * 26, TypeError, "expected real numbers"),
    "too-short": (np.zeros(25), ValueError, r"expected shape \(26,\), got \(25,\)"),
    "a-number": (0.0, ValueError, r"expected shape \(26,\), got \(\)"),
    "column": (np.zeros((26, 1)), ValueError, r"expected shape \(26,\), got \(26, 1\)"),
    "complex": (np.zeros(26, complex), TypeError, "expected real numbers"),
    "nan": (with_one(np.zeros(26), np.nan), ValueError, r"expected finite .* nan at \(25,\)"),
    "infinite": (with_one(np.zeros(26), -np.inf), ValueError, r"expected finite .* -inf at"),
}
WEIGHTS = [np.ones((4, 3)), np.ones((2, 4))]
LISTS = {
    "none": (None, TypeError, ": expected a list of 2 arrays"),
    "number": (1.0, TypeError, ": expected a list of 2 arrays, got 1.0"),
    "too-few": (WEIGHTS[:1], ValueError, ": expected 2 arrays, got 1"),
    "too-many": (WEIGHTS * 2, ValueError, ": expected 2 arrays, got more"),
    "endless": (count(), ValueError, ": expected 2 arrays, got more"),
    "empty": ([], ValueError, ": expected 2 arrays, got 0"),
    "numbers": ([1.0, 2.0], ValueError, r"\[0\]: expected shape"),
    "swapped": (WEIGHTS[::-1], ValueError, r"\[0\]: expected shape"),
    "transposed": ([w.T for w in WEIGHTS], ValueError, r"\[0\]: expected shape"),
    "strings": (["a", "b"], TypeError, r"\[0\]: expected real numbers"),
    "ragged": ([[[1, 2, 3], [1]], WEIGHTS[1]], ValueError, r"\[0\]: expected rows of equal"),
}


@pytest.mark.parametrize(("values", "error", "match"), PARAMETERS.values(), ids=PARAMETERS)
def test_parameters(net: fastnn.Network, values: Any, error: type, match: str) -> None:
    with refused(error, f"parameters: {match}", net, values):
        net.parameters = values


@pytest.mark.parametrize(("values", "error", "match"), LISTS.values(), ids=LISTS)
@pytest.mark.parametrize("name", ["weights", "biases"])
def test_lists(net: fastnn.Network, name: str, values: Any, error: type, match: str) -> None:
    with refused(error, name + match, net, values):
        setattr(net, name, values)


@pytest.mark.parametrize("name", ["weights", "biases"])
@pytest.mark.parametrize("kind", [fastnn.Network, network2.Network])
def test_a_list_whose_last_array_is_bad_changes_no_other(kind: type, name: str) -> None:
    net = kind([3, 4, 2])
    values = [np.array(array) + 1 for array in getattr(net, name)]
    values[-1] = with_one(values[-1], np.nan)
    with refused(ValueError, rf"{name}\[1\]: expected finite numbers", net, values):
        setattr(net, name, values)


@pytest.mark.parametrize("name", ["parameters", "weights", "biases"])
def test_what_float32_cannot_hold(name: str) -> None:
    net = fastnn.Network([3, 2], dtype="float32")
    old = getattr(net, name)
    values = np.full(8, 1e300) if name == "parameters" else [np.full(old[0].shape, 1e300)]
    with refused(ValueError, rf"{name}(\[0\])? \(as float32\): expected finite", net, values):
        setattr(net, name, values)


@pytest.mark.parametrize(
    "name", ["append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"]
)
def test_layers_are_neither_added_nor_taken_away(net: fastnn.Network, name: str) -> None:
    with refused(TypeError, "weights: a network's layers are fixed", net):
        getattr(net.weights, name)(1)


# --- costs in Python

COSTS = {
    "delta-shape": (lambda z, a, y: (a - y)[:1], ValueError, "expected .*delta to return shape"),
    "delta-number": (lambda z, a, y: 1.0, ValueError, "expected .*delta to return shape"),
    "delta-none": (lambda z, a, y: None, TypeError, ".*delta: expected real numbers"),
    "delta-string": (lambda z, a, y: "a - y", TypeError, ".*delta: expected real numbers"),
    "delta-complex": (lambda z, a, y: a * 1j, TypeError, ".*delta: expected real numbers"),
    "delta-ragged": (lambda z, a, y: [[1], [1, 2]], ValueError, ".*delta: expected rows of equal"),
    "fn-none": (lambda a, y: None, TypeError, "expected .*fn to return a number, got None"),
    "fn-string": (lambda a, y: "low", TypeError, "expected .*fn to return a number, got 'low'"),
    "fn-complex": (lambda a, y: 1j, TypeError, "expected .*fn to return a number"),
    "fn-array": (lambda a, y: np.tile(a, 30), TypeError, "expected .*fn to return a number"),
}


@pytest.mark.parametrize(("function", "error", "match"), COSTS.values(), ids=COSTS)
@pytest.mark.parametrize("method", ["update_mini_batch", "gradients", "total_cost"])
def test_costs_that_return_nonsense(
    request: pytest.FixtureRequest, method: str, function: Callable, error: type, match: str
) -> None:
    is_fn = "fn-" in request.node.callspec.id
    methods = {"fn": lambda a, y: 0.0, "delta": lambda z, a, y: a - y}
    methods["fn" if is_fn else "delta"] = function
    cost = type("Own", (), {name: staticmethod(method) for name, method in methods.items()})
    net = fastnn.Network([3, 4, 2], cost)
    calls = {
        "update_mini_batch": lambda: net.update_mini_batch(PAIRS, 0.1),
        "gradients": lambda: net.gradients(X, LABELS),
        "total_cost": lambda: net.total_cost(PAIRS, 0.0),
    }
    if method == ("update_mini_batch" if is_fn else "total_cost"):
        calls[method]()  # it does not ask for this one
        return
    with refused(error, f"cost: {match}", net):
        calls[method]()


def test_an_error_in_the_users_cost_passes_through() -> None:
    class Failing:
        @staticmethod
        def fn(a: np.ndarray, y: np.ndarray) -> float:
            raise ZeroDivisionError("in fn")

        @staticmethod
        def delta(z: np.ndarray, a: np.ndarray, y: np.ndarray) -> np.ndarray:
            raise ZeroDivisionError("in delta")

    net = fastnn.Network([3, 4, 2], Failing)
    with refused(ZeroDivisionError, "in delta", net):
        net.update_mini_batch(PAIRS, 0.1)
    with refused(ZeroDivisionError, "in fn", net):
        net.gradients(X, LABELS)
    with refused(ZeroDivisionError, "in fn", net):
        net.total_cost(PAIRS, 0.0)


def test_an_error_in_a_callback_passes_through_after_the_epoch(compiled: fastnn.Network) -> None:
    def fail(network: Any, history: Any) -> None:
        raise ZeroDivisionError("mine")

    twin = fastnn.Network([3, 4, 2])
    twin.parameters = compiled.parameters
    with pytest.raises(ZeroDivisionError, match="mine"):
        compiled.fit(X, LABELS, epochs=3, shuffle=False, callbacks=[fail])
    twin.fit(X, LABELS, epochs=1, shuffle=False)
    np.testing.assert_array_equal(compiled.parameters, twin.parameters)


# --- files

PATHS = {
    "none": (None, TypeError, "path: expected a file's name, got None"),
    "number": (5, TypeError, "path: expected a file's name, got 5"),
    "bytes": (b"net.json", TypeError, "path: expected a file's name, got b'net.json'"),
    "array": (SQUARE, TypeError, "path: expected a file's name"),
    "null-byte": ("net\0.json", ValueError, "path: expected a file's name"),
}


@pytest.mark.parametrize(("path", "error", "match"), PATHS.values(), ids=PATHS)
def test_paths(compiled: fastnn.Network, path: Any, error: type, match: str) -> None:
    with refused(error, match):
        fastnn.load(path)
    with refused(error, match, compiled):
        compiled.save(path)


# --- whatever else there is

numbers = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.complex_numbers(), st.text(max_size=3)
)
arrays = hnp.arrays(
    dtype=hnp.scalar_dtypes() | st.just(np.dtype(object)),
    shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)
junk = st.recursive(
    numbers | arrays | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
    max_leaves=8,
)
# Close to what is right: one thing wrong at a time.
near = st.one_of(
    junk,
    st.just(X),
    st.just(LABELS),
    hnp.arrays(hnp.floating_dtypes(), (6, 3)),
    hnp.arrays(hnp.integer_dtypes() | hnp.boolean_dtypes(), (6,)),
    st.lists(st.tuples(hnp.arrays(float, (3, 1)), st.integers(-1, 2)), max_size=3),
    st.lists(st.tuples(junk, junk), min_size=1, max_size=2),
)
fuzz = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
CALLS: dict[str, Callable[[fastnn.Network, Any, Any], Any]] = {
    "predict": lambda net, a, b: net.predict(a),
    "feedforward": lambda net, a, b: net.feedforward(a),
    "fit": lambda net, a, b: net.fit(a, b, epochs=1, batch_size=2, validation_data=(a, b)),
    "fit-numbers": lambda net, a, b: net.fit(X, LABELS, epochs=0, batch_size=a, learning_rate=b),
    "SGD": lambda net, a, b: net.SGD(a, 1, 2, 0.1, 0.1, b, True, True, True, True),
    "step": lambda net, a, b: net.update_mini_batch(a, b),
    "backprop": lambda net, a, b: net.backprop(a, b),
    "assign": lambda net, a, b: (setattr(net, "weights", a), setattr(net, "biases", b)),
    "parameters": lambda net, a, b: setattr(net, "parameters", a),
}


@pytest.mark.parametrize("call", CALLS)
@given(a=near, b=near)
@fuzz
def test_junk(call: str, a: Any, b: Any) -> None:
    net = fastnn.Network([3, 4, 2], rng=0)
    before, data, globals_before = state_of(net), frozen((a, b)), global_state()
    try:
        with np.errstate(all="ignore"):
            CALLS[call](net, a, b)
    except (TypeError, ValueError) as error:
        assert_one_line(error)
        assert state_of(net) == before
    assert np.isfinite(net.parameters).all()
    assert frozen((a, b)) == data
    assert global_state() == globals_before


@given(content=st.binary(max_size=60) | st.binary(max_size=60).map(lambda b: b"PK\x03\x04" + b))
@fuzz
def test_junk_in_a_file(tmp_path: Any, content: bytes) -> None:
    path = tmp_path / "net.json"
    path.write_bytes(content)
    with refused(ValueError, os.fspath(path)):
        fastnn.load(path)
