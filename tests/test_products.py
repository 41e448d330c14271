"""The products of a dense layer with every instruction set that this processor has."""

import numpy as np
import pytest
from instruction_sets import run

from fastnn._core import dense as _dense
from fastnn._core import isa as _isa
from fastnn._core.gemm import multiply

CHECK = """
import itertools
import numpy as np
from fastnn._core import dense as _dense
from fastnn._core import isa as _isa

rng = np.random.default_rng(0)
sizes = [1, 2, 3, 4, 5, 7, 10, 16, 17, 33, 64, 65, 130]
shapes = [tuple(rng.choice(sizes, 3)) for _ in range(150)]
shapes += itertools.product([1, 5, 16, 17], [1, 30], [1, 784])
shapes += [(131, 401, 501), (97, 1025, 260), (260, 130, 531)]  # packed
for (m, n_in, n_out), dtype in itertools.product(shapes, (np.float64, np.float32)):
    inp, w, b, dout = (
        rng.standard_normal(shape).astype(dtype)
        for shape in [(m, n_in), (n_out, n_in), n_out, (m, n_out)]
    )
    out, dinp, dw, db = (
        np.full(shape, np.nan, dtype) for shape in [(m, n_out), (m, n_in), (n_out, n_in), n_out]
    )
    _dense.dense_forward(out, inp, w, b)
    _dense.dense_backward(dinp, dw, db, dout, inp, w)
    tolerance = {"rtol": 0, "atol": 1e-12 if dtype == np.float64 else 2e-4}
    wide = [a.astype(np.float64) for a in (inp, w, b, dout)]
    np.testing.assert_allclose(out, wide[0] @ wide[1].T + wide[2], **tolerance)
    np.testing.assert_allclose(dinp, wide[3] @ wide[1], **tolerance)
    np.testing.assert_allclose(dw, wide[3].T @ wide[0], **tolerance)
    np.testing.assert_allclose(db, wide[3].sum(axis=0), **tolerance)
print(_isa.instruction_set, len(shapes))
"""


@pytest.mark.parametrize("level", _isa.LEVELS)
def test_every_level_multiplies(level):
    if level not in _isa.available():
        pytest.skip(f"this processor does not have {level}")
    result = run(CHECK, level)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split()[0] == level
    assert int(result.stdout.split()[1]) > 150


# So many multiplications that panels are packed, with edges in every dimension.
WIDE = [(131, 1301, 701), (517, 784, 300), (64, 2100, 800), (1030, 330, 321), (66, 70, 25000)]
WIDE += [(128, 512, 784), (70, 650, 1000)]


@pytest.mark.parametrize("shape", WIDE)
@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_wide_products(shape, offset, dtype):
    """Against float64; with an offset no row is aligned, and NaN stands around each matrix."""
    m, n_in, n_out = shape
    rng = np.random.default_rng(3)

    def matrix(*dims: int, fill: bool = True) -> np.ndarray:
        size = int(np.prod(dims))
        room = np.full(size + offset + 64, np.nan, dtype)
        if fill:
            room[offset : offset + size] = rng.standard_normal(size)
        return room[offset : offset + size].reshape(dims)

    inp, w, b, dout = matrix(m, n_in), matrix(n_out, n_in), matrix(n_out), matrix(m, n_out)
    out, dinp = matrix(m, n_out, fill=False), matrix(m, n_in, fill=False)
    dw, db = matrix(n_out, n_in, fill=False), matrix(n_out, fill=False)
    _dense.dense_forward(out, inp, w, b)
    _dense.dense_backward(dinp, dw, db, dout, inp, w)
    inp, w, b, dout = (a.astype(np.float64) for a in (inp, w, b, dout))
    for written in (out, dinp, dw, db):
        assert np.isnan(written.base[-64:]).all()
    rounding = 5e-6 if dtype == np.float32 else 1e-14
    for actual, left, right in ((out - b, inp, w.T), (dinp, dout, w), (dw, dout.T, inp)):
        atol = rounding * left.shape[1] ** 0.5
        np.testing.assert_allclose(actual, left @ right, rtol=0, atol=atol)


TRAINED = """
import numpy as np, fastnn
def trained(n_threads, dtype, optimizer):
    rng = np.random.default_rng(4)
    X = rng.standard_normal((260, 700)).astype(dtype)
    y = np.eye(10, dtype=dtype)[rng.integers(10, size=260)]
    net = fastnn.Network([700, 530, 270, 10], dtype=dtype, rng=1)
    net.fit(X, y, epochs=1, batch_size=130, learning_rate=0.01, optimizer=optimizer,
            regularizer=fastnn.regularizers.L1(0.1), n_threads=n_threads)
    return net.parameters.copy()
for dtype in (np.float32, np.float64):
    for optimizer in ("sgd", "adam"):
        alone = trained(1, dtype, optimizer)
        for n_threads in (2, 3, 4, 8, 16):
            np.testing.assert_array_equal(trained(n_threads, dtype, optimizer), alone)
"""


@pytest.mark.parametrize("level", _isa.LEVELS)
def test_wide_layers_by_any_number_of_threads(level):
    """Each worker computes its own neurons of wide layers, between whatever boundaries."""
    if level not in _isa.available():
        pytest.skip(f"this processor does not have {level}")
    result = run(TRAINED, level)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["nt", "nn", "tn"])
def test_products_as_the_benchmark_calls_them(kind, dtype):
    rng = np.random.default_rng(5)
    A, B = rng.standard_normal((7, 5)).astype(dtype), rng.standard_normal((5, 9)).astype(dtype)
    C = np.zeros((7, 9), dtype)
    factors = {"nt": (A, B.T.copy()), "nn": (A, B), "tn": (A.T.copy(), B)}[kind]
    multiply(kind, C, *factors, 2)
    expected = A @ B * (1.5 if kind == "tn" else 1)
    np.testing.assert_allclose(C, expected, rtol=0, atol=1e-5 if dtype == np.float32 else 1e-13)
    with pytest.raises(ValueError, match=f"{kind}: expected factors of a product"):
        multiply(kind, C[:6], *factors, 1)


def test_an_unknown_kind_of_product_is_refused():
    with pytest.raises(ValueError, match="'xx' is not in list"):
        multiply("xx", *(np.zeros((2, 2)) for _ in range(3)), 1)
