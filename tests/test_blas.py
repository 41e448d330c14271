"""The wall to BLAS: windows of row-major matrices, and when SciPy is imported."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
from closeness import assert_close
from hypothesis import given
from hypothesis import strategies as st
from instruction_sets import run
from strategies import FLOATS, modest

from fastnn._core.blas import gemm
from fastnn._core.isa import instruction_set


def window(rng: np.random.Generator, shape: tuple[int, int], dtype: type, pad: int) -> np.ndarray:
    """Columns in the middle of a wider matrix."""
    wide = rng.standard_normal((shape[0], shape[1] + pad)).astype(dtype)
    return wide[:, pad // 2 : pad // 2 + shape[1]]


@modest
@given(
    dims=st.tuples(*[st.integers(1, 40)] * 3),
    pads=st.tuples(*[st.integers(0, 7)] * 3),
    transposed=st.sampled_from(["", "A", "B"]),
    dtype=st.sampled_from(FLOATS),
)
def test_windows_of_columns_are_multiplied_and_nothing_beside_them_is_written(
    dims, pads, transposed, dtype
):
    rng = np.random.default_rng(0)
    m, n, k = dims
    A = window(rng, (k, m) if transposed == "A" else (m, k), dtype, pads[0])
    B = window(rng, (n, k) if transposed == "B" else (k, n), dtype, pads[1])
    C = window(rng, (m, n), dtype, pads[2])
    whole = C.base.copy()
    a, b = (A.T if transposed == "A" else A), (B.T if transposed == "B" else B)
    wide = [each.astype(np.float64) for each in (a, b, C)]
    gemm(C, A, B, transposed, 2.5, -0.5)
    size = 2.5 * np.abs(wide[0]) @ np.abs(wide[1]) + 0.5 * np.abs(wide[2])
    assert_close(C, 2.5 * wide[0] @ wide[1] - 0.5 * wide[2], size, k + 2)
    first = pads[2] // 2
    np.testing.assert_array_equal(C.base[:, :first], whole[:, :first])
    np.testing.assert_array_equal(C.base[:, first + n :], whole[:, first + n :])


@pytest.mark.parametrize("transposed", ["", "A", "B"])
def test_shapes_that_do_not_go_together_are_refused(transposed):
    C, A, B = np.zeros((2, 3)), np.zeros((4, 5)), np.zeros((6, 7))
    with pytest.raises(ValueError, match="do not go together"):
        gemm(C, A, B, transposed, 1.0, 0.0)


@pytest.mark.parametrize("bad", [0, 1, 2])
def test_matrices_that_are_not_row_major_are_refused(bad):
    arrays = [np.zeros((4, 4)) for _ in range(3)]
    arrays[bad] = arrays[bad].T
    with pytest.raises(ValueError, match="CAB"[bad] + ": expected columns of a row-major matrix"):
        gemm(*arrays, "", 1.0, 0.0)


def test_an_unknown_word_for_the_transposed_one_is_refused():
    with pytest.raises(ValueError, match="transposed: expected '', 'A' or 'B', got 'C'"):
        gemm(*[np.zeros((2, 2)) for _ in range(3)], "C", 1.0, 0.0)


def run_by_blas(program: str) -> subprocess.CompletedProcess[str]:
    """Run a program by the instruction set that leaves large products to BLAS."""
    return run(program, "base")


@pytest.mark.skipif(instruction_set == "base", reason="BLAS multiplies large matrices")
def test_scipy_is_not_imported_where_all_kernels_are_our_own():
    result = run(
        "import sys, numpy, fastnn\n"
        "X, Y = numpy.ones((4000, 200)), numpy.full((4000, 1500), 0.5)\n"
        "net = fastnn.Network([200, 1500], rng=1)\n"
        "net.fit(X, Y, epochs=1, batch_size=4000)\n"
        "assert not [name for name in sys.modules if name.partition('.')[0] == 'scipy']\n",
        instruction_set,
    )
    assert result.returncode == 0, result.stderr


def test_scipy_is_imported_when_it_is_first_needed():
    result = run_by_blas(
        "import sys, numpy, fastnn\n"
        "X, Y = numpy.ones((4000, 200)), numpy.full((4000, 150), 0.5)\n"
        "net = fastnn.Network([200, 150], rng=1)\n"
        "assert not [name for name in sys.modules if name.partition('.')[0] == 'scipy']\n"
        "net.fit(X, Y, epochs=1, batch_size=4000)\n"
        "assert 'scipy.linalg.cython_blas' in sys.modules\n"
    )
    assert result.returncode == 0, result.stderr


def test_holding_blas_at_one_thread_holds_that_of_the_kernels_too():
    result = run_by_blas(
        "import threadpoolctl\n"
        "from fastnn._core.blas_guard import single_threaded_blas\n"
        "with single_threaded_blas():\n"
        "    import scipy.linalg\n"
        "    blas = threadpoolctl.ThreadpoolController().select(user_api='blas')\n"
        "    assert blas.lib_controllers\n"
        "    assert all(each.num_threads == 1 for each in blas.lib_controllers)\n"
    )
    assert result.returncode == 0, result.stderr


def test_a_blas_with_other_arguments_is_refused_before_anything_is_multiplied():
    result = run_by_blas(
        "import types, scipy.linalg.cython_blas as blas, sys\n"
        "twin = types.SimpleNamespace(__pyx_capi__=blas.__pyx_capi__ | "
        "{'dgemm': blas.__pyx_capi__['sgemm']})\n"
        "sys.modules['scipy.linalg.cython_blas'] = sys.modules['scipy.linalg'].cython_blas = twin\n"
        "import fastnn\n"
        "net = fastnn.Network([2000, 600], rng=1)\n"
        "for _ in range(2):\n"
        "    try:\n"
        "        net.predict([[1.0] * 2000] * 200)\n"
        "    except ImportError as error:\n"
        "        print(error)\n"
    )
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("scipy.linalg.cython_blas: expected dgemm with 32-bit integers, got")
