"""Which kernel multiplies: that of the instruction set, then chosen by the sizes."""

from cython cimport floating
from libc.string cimport memcpy

from fastnn._blas cimport gemm_nn, gemm_nt, gemm_tn
from fastnn._isa cimport c_level


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

cdef enum:
    # Up to so many rows a dot product needs no packing, which is what BLAS would do for more.
    FEW_ROWS = 16
    # Multiplications below which the call of BLAS costs more than they do.
    TINY = 32768

cdef SmallProducts small = fastnn_small_products[c_level()]


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
    gemm_nt(C, n, A, k, B, k, m, n, k, <floating> 1, <floating> 1)


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
        gemm_nn(C, n, A, k, B, n, m, n, k, <floating> 1, <floating> 0)


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
        gemm_tn(C, n, A, m, B, n, m, n, k, alpha, beta)
