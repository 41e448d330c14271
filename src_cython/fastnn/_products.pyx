"""Which kernel multiplies: chosen once by what the processor has, then by the sizes.

``FASTNN_ISA`` (base, v3 or v4) forces an instruction set that the processor has, for tests.
"""

from os import environ as _environ

from cython cimport floating
from libc.string cimport memcpy

from fastnn._blas cimport gemm_nn, gemm_nt, gemm_tn


cdef extern from "products.h" nogil:
    ctypedef struct SmallProducts:
        const char* name
        void (*nt_double)(double*, const double*, const double*, const double*,
                          Py_ssize_t, Py_ssize_t, Py_ssize_t) noexcept nogil
        void (*nt_float)(float*, const float*, const float*, const float*,
                         Py_ssize_t, Py_ssize_t, Py_ssize_t) noexcept nogil
        void (*rank_double)(double*, const double*, const double*, Py_ssize_t, Py_ssize_t,
                            Py_ssize_t, double, double, Py_ssize_t, Py_ssize_t) noexcept nogil
        void (*rank_float)(float*, const float*, const float*, Py_ssize_t, Py_ssize_t,
                           Py_ssize_t, float, float, Py_ssize_t, Py_ssize_t) noexcept nogil
    const SmallProducts* fastnn_small_products
    int fastnn_best_level() noexcept nogil

cdef enum:
    # Up to so many rows a dot product needs no packing, which is what BLAS would do for more.
    FEW_ROWS = 16
    # Multiplications below which the call of BLAS costs more than they do.
    TINY = 32768

LEVELS = ("base", "v3", "v4")
cdef SmallProducts small


def available() -> tuple:
    """Return the instruction sets that this processor has, the best last."""
    return LEVELS[:fastnn_best_level() + 1]


def _choose_level(str forced) -> int:
    """Return the best level, or the one that ``forced`` names.

    Raises
    ------
    ValueError
        If there is no such level or the processor does not have it.
    """
    if not forced:
        return len(available()) - 1
    if forced not in available():
        raise ValueError(f"FASTNN_ISA: this processor has {', '.join(available())}, "
                         f"got {forced!r}")
    return LEVELS.index(forced)


small = fastnn_small_products[<int> _choose_level(_environ.get("FASTNN_ISA", ""))]
instruction_set = LEVELS[0] if small.name == NULL else small.name.decode()


cdef bint _own_rank(int m, int n, int k) noexcept nogil:
    """Whether our rank-k update beats BLAS: for tiny ones, and with AVX2 for few rows of B.

    OpenBLAS has small kernels of its own for AVX-512, none for AVX2.
    """
    if small.name == NULL:
        return False
    return <Py_ssize_t> m * n * k <= TINY or (small.name[1] == c"3" and k <= FEW_ROWS)


cdef void c_product_nt(
    floating* C, const floating* A, const floating* B, const floating* bias, int m, int n, int k,
) noexcept nogil:
    """C := A Bᵀ + bias in every row, with A (m, k), B (n, k), C (m, n), bias (n,)."""
    cdef Py_ssize_t i
    if small.name != NULL and m <= FEW_ROWS:
        if floating is float:
            small.nt_float(C, A, B, bias, m, n, k)
        else:
            small.nt_double(C, A, B, bias, m, n, k)
        return
    for i in range(m):  # the biases go in first, so that gemm adds to them
        memcpy(C + i * n, bias, n * sizeof(floating))
    gemm_nt(C, A, B, m, n, k, <floating> 1, <floating> 1)


cdef void c_product_nn(
    floating* C, const floating* A, const floating* B, int m, int n, int k,
) noexcept nogil:
    """C := A B, with A (m, k), B (k, n), C (m, n)."""
    if _own_rank(m, n, k):
        if floating is float:
            small.rank_float(C, A, B, m, n, k, 1, 0, k, 1)
        else:
            small.rank_double(C, A, B, m, n, k, 1, 0, k, 1)
    else:
        gemm_nn(C, A, B, m, n, k, <floating> 1, <floating> 0)


cdef void c_product_tn(
    floating* C, const floating* A, const floating* B,
    int m, int n, int k, floating alpha, floating beta,
) noexcept nogil:
    """C := alpha Aᵀ B + beta C, with A (k, m), B (k, n), C (m, n)."""
    if _own_rank(m, n, k):
        if floating is float:
            small.rank_float(C, A, B, m, n, k, alpha, beta, 1, m)
        else:
            small.rank_double(C, A, B, m, n, k, alpha, beta, 1, m)
    else:
        gemm_tn(C, A, B, m, n, k, alpha, beta)
