"""The products of a dense layer with every instruction set that this processor has."""

import pytest
from instruction_sets import run

from fastnn import _isa

CHECK = """
import itertools
import numpy as np
from fastnn import _dense, _isa

rng = np.random.default_rng(0)
sizes = [1, 2, 3, 4, 5, 7, 10, 16, 17, 33, 64, 65, 130]
shapes = [tuple(rng.choice(sizes, 3)) for _ in range(150)]
shapes += itertools.product([1, 5, 16, 17], [1, 30], [1, 784])
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
