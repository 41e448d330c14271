"""Many rows: the same outputs by any threads and in any blocks, and bad inputs found on the way."""

import _thread
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from instruction_sets import run

import fastnn
from fastnn._core import engine
from fastnn._core import isa as _isa
from fastnn._core import predict as _prediction
from fastnn._core.row_source import RowSource
from fastnn._data import inputs as sources
from fastnn.normalization import GroupNorm

FLOATS = ["float64", "float32"]
N = 1001  # rows: blocks of unequal size, at any size of a block
rng = np.random.default_rng(0)


def net_of(sizes: list[int], dtype: str = "float64", **options: Any) -> fastnn.Network:
    return fastnn.Network(sizes, dtype=dtype, rng=1, **options)


def rows(n_in: int, dtype: str = "float64", n: int = N) -> np.ndarray:
    return np.random.default_rng(2).standard_normal((n, n_in)).astype(dtype)


def predicted(
    net: fastnn.Network, X: Any, n_threads: int = 1, size: int = 256, checked: bool = True
) -> tuple[bool, np.ndarray]:
    """Whether all was predicted, and the outputs, with a plan for ``size`` rows."""
    plan = net._engine.workspace(net, size).compiled
    out = np.full((len(X), net.sizes[-1]), np.nan, net.dtype)
    work = np.full(n_threads * plan.work_size, np.nan, net.dtype)
    vectors = net._parameters, net._running
    return _prediction.predict(plan, *vectors, work, X, out, n_threads, checked), out


# What comes out.


WIDE = [[3, 2], [1, 1], [20, 32, 1], [130, 33, 17, 5], [300, 100, 10], [40, 700, 12, 3]]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("sizes", WIDE, ids=str)
def test_outputs_are_those_of_numpy(sizes: list[int], dtype: str) -> None:
    net = net_of(sizes, dtype, activation="tanh")
    X = rows(sizes[0], dtype)
    a = X.astype(np.float64)
    for l, (w, b) in enumerate(zip(net.weights, net.biases, strict=True)):
        z = a @ w.T.astype(np.float64) + b.T
        a = np.tanh(z) if l < len(sizes) - 2 else 1 / (1 + np.exp(-z))
    done, out = predicted(net, X)
    assert done
    np.testing.assert_allclose(out, a, rtol=0, atol=1e-12 if dtype == "float64" else 1e-4)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("sizes", WIDE, ids=str)
def test_bits_do_not_depend_on_threads_or_blocks(sizes: list[int], dtype: str) -> None:
    """Blocks of the plan are as large as it says, or smaller."""
    net, X = net_of(sizes, dtype), rows(sizes[0], dtype)
    _, alone = predicted(net, X)
    sizes_of_blocks = (1, 7, 50, 256, 1000) if _isa.instruction_set != "base" else (256,)
    for n_threads, size in [(2, 256), (3, 256), (5, 256), *((2, each) for each in sizes_of_blocks)]:
        done, out = predicted(net, X, n_threads, size)
        assert done
        np.testing.assert_array_equal(out, alone)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n", [1, 20, 128, 129, 256, 257, 600, 1100])
def test_bits_of_wide_layers_do_not_depend_on_threads(n: int, dtype: str) -> None:
    """One block, of which workers share the neurons, or several as equal as can be."""
    net, X = net_of([300, 400, 150, 7], dtype, normalization="layer"), rows(300, dtype, n)
    done, alone = predicted(net, X)
    assert done
    for n_threads in (2, 3, 5):
        done, out = predicted(net, X, n_threads)
        assert done
        np.testing.assert_array_equal(out, alone)
        np.testing.assert_array_equal(net.predict(X), alone)


def test_a_number_that_is_not_finite_is_found_by_workers_that_share_a_block() -> None:
    net, X = net_of([300, 400, 150, 7]), rows(300, n=100)
    X[99, 299] = np.nan
    done, _ = predicted(net, X, n_threads=3, checked=False)
    assert not done


@pytest.mark.skipif(_isa.instruction_set == "base", reason="BLAS sums as it likes")
def test_a_row_has_the_same_outputs_wherever_it_stands() -> None:
    net, X = net_of([784, 30, 10]), rows(784)
    expected = net.predict(X)
    for first in (1, 47, 48, 300, 600):
        np.testing.assert_array_equal(net.predict(X[first:]), expected[first:])
    np.testing.assert_array_equal(net.predict(X[::-1]), expected[::-1])


OPTIONS: dict[str, dict[str, Any]] = {
    "softmax": {"output": "softmax"},
    "gelu": {"activation": "gelu"},
    "batch norm": {"normalization": "batch"},
    "layer norm": {"normalization": "layer", "dropout": 0.3},
    "group norm": {"normalization": GroupNorm(4), "activation": "silu"},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_what_comes_after_the_products_is_that_of_few_rows(options: dict[str, Any]) -> None:
    net, X = net_of([150, 40, 24, 6], **options), rows(150)
    net.fit(X[:64], rng.integers(0, 6, 64), epochs=1, batch_size=16)
    few = np.concatenate([net.predict(X[i : i + 8]) for i in range(0, N, 8)])
    np.testing.assert_allclose(net.predict(X), few, rtol=0, atol=1e-13)


LEVELS = """
import numpy as np
import fastnn
X = np.random.default_rng(0).standard_normal((700, 260))
for dtype in ("float64", "float32"):
    for sizes in ([260, 30, 10], [260, 65, 7, 1], [260, 129, 70]):
        net = fastnn.Network(sizes, dtype=dtype, rng=0)
        few = np.concatenate([net.predict(X[i : i + 8].astype(dtype)) for i in range(0, 700, 8)])
        many = net.predict(X.astype(dtype))
        np.testing.assert_allclose(many, few, rtol=0, atol=1e-12 if dtype == "float64" else 1e-5)
        X[650, 200] = np.inf
        try:
            net.predict(X.astype(dtype))
        except ValueError as error:
            assert "got inf at (650, 200)" in str(error), error
        else:
            raise AssertionError("no error")
        X[650, 200] = 0
"""


@pytest.mark.parametrize("level", _isa.LEVELS)
def test_every_instruction_set_predicts(level: str) -> None:
    if level not in _isa.available():
        pytest.skip(f"this processor does not have {level}")
    result = run(LEVELS, level)
    assert result.returncode == 0, result.stderr


def test_nothing_beyond_the_rows_is_read_or_written() -> None:
    """NaN stands around the inputs, and what stands around the outputs stays."""
    for dtype in FLOATS:
        net = net_of([37, 33, 9], dtype)
        X = np.full((N + 2, 37), np.nan, dtype)
        X[1:-1] = rows(37, dtype)
        out = np.full((N + 2, 9), 7, dtype)
        plan = net._engine.workspace(net, 256).compiled
        work = np.empty(plan.work_size, dtype)
        vectors = net._parameters, net._running, work
        assert _prediction.predict(plan, *vectors, X[1:-1], out[1:-1], 1, False)
        assert (out[[0, -1]] == 7).all()
        np.testing.assert_array_equal(out[1:-1], net.predict(X[1:-1]))


def test_ctrl_c_stops_a_prediction() -> None:
    n = 1_000_000  # many seconds, if nobody stopped it, of rows that need no memory
    net = net_of([512, 512, 1])
    plan = net._engine.workspace(net, 256).compiled
    none, starts = np.zeros(0, np.int32), np.zeros(n + 1, np.int32)
    X = RowSource(np.zeros(0), 1.0, none, starts, 512)
    out, work = np.full((n, 1), np.nan), np.empty(2 * plan.work_size)

    def interrupt_once_begun() -> None:
        while np.isnan(out[0, 0]) and not done.wait(0.001):
            pass
        _thread.interrupt_main()

    done = threading.Event()
    other = threading.Thread(target=interrupt_once_begun)
    try:
        with pytest.raises(KeyboardInterrupt):
            other.start()
            _prediction.predict(plan, net._parameters, net._running, work, X, out, 2)
    finally:
        done.set()
        other.join()
    assert np.isfinite(out[0, 0]) and np.isnan(out[-1, 0])


# Numbers that are not finite.


@pytest.fixture
def two_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "usable", lambda: 2)
    monkeypatch.setattr(engine, "WORTH_SHARING", 0)


KINDS: dict[str, Callable[[np.ndarray, Path], Any]] = {
    "same dtype": lambda X, _: X,
    "other float": lambda X, _: X.astype(np.float32),
    "half": lambda X, _: X.astype(np.float16),
    "Fortran order": lambda X, _: np.asfortranarray(X),
    "every other column": lambda X, _: np.repeat(X, 2, axis=1)[:, ::2],
    "other byte order": lambda X, _: X.astype(X.dtype.newbyteorder()),
    "list": lambda X, _: X.tolist(),
    "memory-mapped": lambda X, folder: mapped(X, folder),
    "CSR": lambda X, _: pytest.importorskip("scipy.sparse").csr_matrix(X),
}


def mapped(X: np.ndarray, folder: Path) -> np.ndarray:
    np.save(folder / "X.npy", X)
    return np.load(folder / "X.npy", mmap_mode="r")


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [(0, 0), (47, 129), (500, 64), (N - 1, 0), (N - 1, 129)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_number_is_named_with_its_place(
    kind: str, place: tuple[int, int], bad: float, tmp_path: Path
) -> None:
    X = rows(130)
    X[place] = bad
    X[place[0] + 1 :, 3] = np.nan  # the first counts
    message = rf"^X: expected finite numbers, got {bad} at \({place[0]}, {place[1]}\)$"
    with pytest.raises(ValueError, match=message):
        net_of([130, 30, 10]).predict(KINDS[kind](X, tmp_path))


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("kind", KINDS)
def test_good_rows_of_every_kind_are_predicted(kind: str, tmp_path: Path) -> None:
    X = np.round(rows(130) * 4) / 4  # the same in any dtype
    net = net_of([130, 30, 10])
    expected = predicted(net, X)[1]
    np.testing.assert_array_equal(net.predict(KINDS[kind](X, tmp_path)), expected)


@pytest.mark.parametrize("n", [9, 200, 256, 257, N])
@pytest.mark.parametrize("n_threads", [1, 2, 4])
@pytest.mark.parametrize("dtype", FLOATS)
def test_the_core_says_that_a_number_may_be_bad(n: int, n_threads: int, dtype: str) -> None:
    net, X = net_of([130, 30, 10], dtype), rows(130, dtype, n)
    assert predicted(net, X, n_threads, checked=False)[0]
    for row in (0, n // 2, n - 1):
        spoilt = X.copy()
        spoilt[row, row % 130] = np.inf
        assert not predicted(net, spoilt, n_threads, checked=False)[0]
        assert predicted(net, spoilt, n_threads)[0]  # then nobody looks


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_bad_number_shows_even_if_all_its_weights_are_zero(bad: float) -> None:
    net, X = net_of([130, 30, 10], initializer="zeros"), rows(130)
    X[700, 5] = bad
    with pytest.raises(ValueError, match=rf"got {bad} at \(700, 5\)"):
        net.predict(X)


def test_sums_that_overflow_are_no_reason_to_refuse() -> None:
    """Finite numbers are predicted, whatever the network makes of them."""
    net, X = net_of([130, 30, 10]), rows(130)
    X[700] = 1e308
    np.testing.assert_array_equal(net.predict(X)[:700], net.predict(X[:700]))
    net.weights[0][0] = 1e300
    out = net.predict(X)
    assert out.shape == (N, 10)
    X[800, 1] = np.nan
    with pytest.raises(ValueError, match=r"got nan at \(800, 1\)"):
        net.predict(X)


def test_a_number_too_large_once_scaled_or_converted_is_named_with_its_place() -> None:
    X = rows(130)
    X[600, 7] = 1e39
    with pytest.raises(ValueError, match=r"^X \(as float32\): expected .* inf at \(600, 7\)$"):
        net_of([130, 30, 10], "float32").predict(X)
    X[600, 7] = 1e308
    with pytest.raises(ValueError, match=r"^X \(as float64\): expected .* inf at \(600, 7\)$"):
        net_of([130, 30, 10], input_scale=10.0).predict(X)


def test_bytes_are_scaled_and_columns_are_named() -> None:
    net = net_of([130, 30, 10], input_scale=1 / 255)
    X = rng.integers(0, 256, (N, 130)).astype(np.uint8)
    np.testing.assert_array_equal(net.predict(X), net.predict(X / 1.0))
    columns = rows(130).T.copy()
    columns[4, 600] = np.nan
    with pytest.raises(ValueError, match=r"^a: expected finite numbers, got nan at \(600, 4\)$"):
        net.feedforward(columns)


def test_all_rows_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not before, as long as all is well."""
    looked = []
    monkeypatch.setattr(sources, "check_finite", lambda *_: looked.append("all"))
    monkeypatch.setattr(sources, "_checked", lambda *_: looked.append("all"))
    net, X = net_of([130, 30, 10]), rows(130)
    net.predict(X)
    net.predict(X.astype(np.float32))
    assert looked == []
    X[3, 3] = np.nan
    net.predict(X)
    assert looked == ["all"]


def test_a_network_of_other_parameters_predicts_by_them() -> None:
    """What is kept from one prediction to the next holds none of the weights."""
    net, X = net_of([130, 30, 10]), rows(130)
    before = net.predict(X)
    net.parameters[:] *= 2
    after = net.predict(X)
    assert (after != before).any()
    np.testing.assert_array_equal(after, predicted(net, X)[1])
    for first, second in pairwise([net.predict(X), net.predict(X)]):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", [[20, 32, 1], [3, 5, 4, 2], [64, 30, 10], [300, 40, 10]])
def test_rows_predicted_in_memory_that_is_kept_have_the_bits_of_those_in_blocks(sizes, dtype):
    net = fastnn.Network(sizes, dtype=dtype, rng=0)
    X = np.random.default_rng(0).standard_normal((1200, sizes[0])).astype(dtype)
    for m in (1, 8, 9, 100, 127, 128, 129, 300, 566, 567, 568, 1200):
        few = net._engine.predict_few(net, X[:m])
        blocks = net._engine.predict_in_blocks(net, RowSource(X[:m]), checked=True)
        if few is not None:
            np.testing.assert_array_equal(few, blocks)
        np.testing.assert_array_equal(net.predict(X[:m]), blocks)
        bad = X[:m].copy()
        bad[m // 2, 1] = np.nan
        assert net._engine.predict_few(net, bad) is None


def test_the_second_cache_is_no_smaller_nor_larger_than_there_are():
    assert 64 * 1024 <= _prediction.second_cache() <= 256 * 1024**2
    assert _prediction.second_cache() % 1024 == 0
