"""The kernels of 64-bit ARM, in an emulator: against NumPy, and against those of plain numbers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

pytest.importorskip("ziglang", reason="needs zig's compiler, ziglang of PyPI")
pytest.importorskip("unicorn", reason="needs the emulator Unicorn, unicorn of PyPI")

from arm_machine import Arm, Plain

DTYPES = {"double": np.float64, "float": np.float32}
LEVELS = ("base", "neon")
N_ACTIVATIONS = 13
SIZES = (1, 2, 3, 4, 7, 16, 37)


@pytest.fixture(scope="module")
def arm(tmp_path_factory):
    return Arm(tmp_path_factory.mktemp("arm"))


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return Plain(tmp_path_factory.mktemp("plain"))


class Kernels:
    """A table's kernels on the emulated machine and, of plain numbers, on this one."""

    def __init__(self, arm, plain, kind: str, name: str, level: str, size: int) -> None:
        self.arm, self.plain, self.dtype = arm, plain, DTYPES[name]
        table = f"fastnn_{kind}_{name}"
        self.on_arm = arm.table(table, LEVELS.index(level) * size, size)
        self.on_plain = plain.table(table, 0, size)
        self.rng = np.random.default_rng(0)

    def array(self, *shape: int) -> np.ndarray:
        return self.rng.standard_normal(shape).astype(self.dtype)

    def number(self, x: float) -> np.floating:
        return self.dtype(x)

    def compare(self, place: int, *arguments, result=None, ulps: float = 8) -> None:
        """Both give the same numbers, to so many units in the last place of the largest."""
        own = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
        actual = self.arm.call(self.on_arm[place], *own, result=result)
        expected = self.plain.call(self.on_plain[place], *arguments, result=result)
        for ours, theirs in [(actual, expected), *zip(own, arguments, strict=True)]:
            if isinstance(theirs, np.ndarray | float):
                size = np.nanmax(np.abs(theirs), initial=0)
                atol = ulps * np.finfo(self.dtype).eps * max(size, 1)
                np.testing.assert_allclose(ours, theirs, rtol=0, atol=atol)
            else:
                assert ours == theirs


@pytest.fixture(params=list(itertools.product(DTYPES, LEVELS)), ids="-".join)
def kernels_of(request, arm, plain):
    name, level = request.param

    def kernels(kind: str, size: int, more_of_double: int = 0) -> Kernels:
        of_this = size + (more_of_double if name == "double" else 0)
        return Kernels(arm, plain, kind, name, level, of_this)

    return kernels


def close(k: Kernels, actual: np.ndarray, expected: np.ndarray, depth: int) -> None:
    atol = 4 * np.sqrt(depth) * np.finfo(k.dtype).eps
    np.testing.assert_allclose(actual, expected, rtol=0, atol=atol * max(1, np.abs(expected).max()))


SHAPES = [(1, 1, 1), (4, 4, 33), (5, 7, 9), (10, 30, 150), (3, 2, 130), (9, 26, 37), (17, 13, 64)]


@pytest.mark.parametrize(("m", "n", "k"), SHAPES)
def test_products(kernels_of, m, n, k):
    of = kernels_of("gemm", 6)
    _, nt, tn, nn, panels, np_ = of.on_arm
    A, B, bias, out = of.array(m, k), of.array(n, k), of.array(n), np.full((m, n), np.nan, of.dtype)
    wide = A.astype(np.float64), B.astype(np.float64)
    expected = wide[0] @ wide[1].T
    for start in (bias, None):
        of.arm.call(nt, out, n, A, k, B, k, start, m, n, k)
        close(of, out, expected + (0 if start is None else start), k)
        of.arm.call(nn, out, n, A, k, np.ascontiguousarray(B.T), n, start, m, n, k)
        close(of, out, expected + (0 if start is None else start), k)
    packed = np.full((n + 3) // 4 * 4 * k, np.nan, of.dtype)
    of.arm.call(panels, packed, B, n, k)
    of.arm.call(np_, out, A, packed, bias, m, n, k, A)
    close(of, out, expected + bias, k)
    before = of.array(m, n)
    for beta in (0.75, 0):
        out = before.copy() if beta else np.full((m, n), np.nan, of.dtype)
        down = np.ascontiguousarray(A.T), np.ascontiguousarray(B.T)
        of.arm.call(tn, out, n, down[0], m, down[1], n, m, n, k, of.number(-0.5),
                    of.number(beta), None)  # fmt: skip
        close(of, out, beta * before.astype(np.float64) - 0.5 * expected, k)


def test_activations(kernels_of):
    of = kernels_of("activation", 2 * N_ACTIVATIONS + 3)
    softmax = 2 * N_ACTIVATIONS
    present = [place for place in range(softmax) if of.on_plain[place]]
    assert len(present) == 2 * (N_ACTIVATIONS - 2)
    for place, size in itertools.product(present, SIZES):
        if place < N_ACTIVATIONS:
            x = of.array(max(size, 4)) * of.number(20)
            x[:3] = 0, -0.0, 1e-3
            of.compare(place, x, len(x))
        else:
            of.compare(place, of.array(size + 4), np.abs(of.array(size + 4)) % 1, size + 4)
    for m, n in itertools.product((1, 3), SIZES):
        of.compare(softmax, of.array(m, n) * of.number(9), m, n)
        of.compare(softmax + 1, of.array(m, n), np.abs(of.array(m, n)) % 1, m, n)
        of.compare(softmax + 2, np.abs(of.array(n)), n)


def test_optimizers(kernels_of):
    of = kernels_of("optimizer", 12)
    coefficients = np.array([0.1, 0.9, 0.1, 1e-8, 0.99, 0.01, 1.0], of.dtype)
    for place, size in itertools.product(range(9), SIZES):
        squares = np.abs(of.array(size))
        of.compare(place, of.array(size), of.array(size), squares, squares + 1, size, coefficients)
    for place, size in itertools.product((9, 10), SIZES):
        of.compare(place, of.array(size), size, result=float)
    for m, n in itertools.product((1, 5), SIZES):
        factors = of.number(0.5), of.number(0.25)
        of.compare(11, of.array(n), of.array(m, n + 3), m, n, n + 3, *factors)


@pytest.mark.parametrize(("m", "n"), [(1, 1), (2, 5), (9, 12), (40, 7)])
def test_norms(kernels_of, m, n):
    of = kernels_of("norm", 7)
    eps = np.float64(1e-5)
    x, hat, rows = of.array(m, n), of.array(m, n), [of.array(n) for _ in range(4)]
    variance = np.abs(of.array(n)) + of.number(0.5)
    of.compare(0, x, hat, *(of.array(n) for _ in range(3)), *rows[:2], m, n, n, eps, ulps=64)
    of.compare(1, of.array(m, n), *rows[:2], hat, *rows[2:], m, n, n, ulps=64)
    of.compare(2, of.array(m, n), rows[0], variance, *rows[2:], m, n, n, eps, ulps=64)
    of.compare(3, *rows[:2], of.array(m, n), hat, m, n, n, ulps=64)
    groups = 2 if n % 2 == 0 else 1
    for channels, spatial in ((n, 1), (1, n)):
        groups = 2 if channels % 2 == 0 else 1
        inverse, of_channel = of.array(m, groups), [of.array(channels) for _ in range(2)]
        of.compare(4, of.array(m, n), of.array(m, n), inverse, *of_channel, m, channels, groups,
                   spatial, eps, ulps=256)  # fmt: skip
        of.compare(5, of.array(m, n), hat, inverse, of_channel[0], m, channels, groups, spatial,
                   ulps=64)  # fmt: skip
        of.compare(6, *of_channel, of.array(m, n), hat, m, channels, spatial, ulps=64)


def test_dropout(kernels_of):
    of = kernels_of("dropout", 1)
    for size in SIZES:
        out = of.array(size)
        of.compare(0, out, of.array(size), 5, size, 1 << 30, of.number(1.25), 77, 99, ulps=0)


def test_costs(kernels_of):
    of = kernels_of("cost", 3)
    for pair, n in itertools.product(range(3), SIZES):
        z = of.array(n) * of.number(5)
        a = (1 / (1 + np.exp(-z)) if pair < 2 else np.exp(z)).astype(of.dtype)
        y = (np.arange(n) % 2).astype(of.dtype)
        for weights in (None, np.abs(of.array(n))):
            of.compare(0, z, a, y, weights, n, pair, result=float, ulps=64 * n)
    for pair, m, n in itertools.product((3, 4), (1, 5), (2, 7, 16)):
        z = of.array(m, n) * of.number(5)
        e = np.exp(z - z.max(axis=1, keepdims=True))
        a, y = (e / e.sum(axis=1, keepdims=True)).astype(of.dtype), np.eye(n, dtype=of.dtype)
        y = y[np.arange(m) % n]
        of.compare(1, z, a, y, None, m, n, pair, result=float, ulps=256)
        if pair == 3:
            down = [np.ascontiguousarray(b.T) for b in (z, a, y)]
            of.compare(2, *down, None, m, n, m, result=float, ulps=256)


def test_feature_major(kernels_of):
    """The gradient of two blocks: of the first one the lanes are kept."""
    of = kernels_of("feature_major", 7, more_of_double=1)
    pick, product, gradient, row_gradient, by_rows, softmax, softmax_delta = of.on_arm[:7]
    lanes = 16 // np.dtype(of.dtype).itemsize
    for n_out, n_in, width in [(1, 1, 4), (5, 4, 8), (7, 9, 12), (12, 3, 20)]:
        rows, W, b = of.array(width, n_in), of.array(n_out, n_in), of.array(n_out)
        x, out = np.ascontiguousarray(rows.T), np.full((n_out, width), np.nan, of.dtype)
        expected = W.astype(np.float64) @ x + b[:, None]
        of.arm.call(product, out, W, n_in, 1, b, x, None, n_out, n_in, width, 1)
        close(of, out, np.maximum(expected, 0), n_in)
        act, back = of.array(n_in, width), np.empty_like(x)
        of.arm.call(product, back, W, 1, n_in, None, out, act, n_in, n_out, width, 0)
        close(of, back, np.where(act > 0, W.T.astype(np.float64) @ out, 0), n_out)
        size = n_out * n_in + n_out
        sums, total = np.zeros((size, lanes), of.dtype), np.empty(size, of.dtype)
        for first, to in ((1, None), (0, total)):
            of.arm.call(
                gradient, sums, to, of.number(0.5), 0, n_out * n_in, out, x, n_out, n_in, width,
                first,
            )  # fmt: skip
        close(of, total[: n_out * n_in].reshape(n_out, n_in), out.astype(np.float64) @ x.T, width)
        close(of, total[n_out * n_in :], out.sum(axis=1, dtype=np.float64), width)
        order, mixed = of.rng.permutation(width).astype(np.int64), np.empty_like(rows)
        mixed[order] = rows
        whole = total[: n_out * n_in].copy()
        for to, before, scale, told in (
            (sums, None, 1, (rows, None)),
            (total, sums, 0.5, (mixed, order)),
        ):
            of.arm.call(
                row_gradient, to, before, of.number(scale), out, width, *told, n_out, n_in, width
            )
        close(of, total[: n_out * n_in], whole, width)
        assert of.arm.call(by_rows, n_in, width, result=int) in (0, 1)
        e = np.exp(act.astype(np.float64) - act.max(axis=0))
        of.arm.call(softmax, act, n_in, width)
        close(of, act, e / e.sum(axis=0), n_in)
        y = np.abs(of.array(n_in, width))
        of.arm.call(softmax_delta, back, act, y, n_in, width)
        close(of, back, act * y.sum(axis=0, dtype=np.float64) - y, n_in)
        picked = np.zeros((n_in, width), of.dtype)
        of.arm.call(pick, picked, width, rows, n_in, order, width)
        np.testing.assert_array_equal(picked, rows[order].T)
    if of.dtype == np.float64:
        for size, weights in itertools.product(SIZES, (None, np.ones(37))):
            a, y = np.abs(of.array(size)) % 1, np.arange(size) % 2.0
            of.compare(7, np.ones(1), a, y, weights, size, of.number(800), result=int)
