"""The three products of a dense layer, each for a span of its columns.

Small ones are multiplied as they lie, where packing would take longer than multiplying; large ones
by kernels that pack, or where there are none by BLAS. Which it is depends on the layer alone and
not on the span, and BLAS gets tiles that do not depend on it either: whoever computes which
columns, every number comes out to the same bits.
"""

from cython cimport floating


from fastnn._core.kernels cimport Prefetch

cdef bint c_is_own(Py_ssize_t m, Py_ssize_t n, Py_ssize_t k) noexcept nogil

cdef void c_product_nt(
    floating* C, const floating* A, const floating* B, Py_ssize_t ld, const floating* bias,
    int m, int n, int k, int begin, int end, int tile) noexcept nogil

cdef void c_product_nn(
    floating* C, const floating* A, const floating* B, int m, int n, int k, int begin, int end,
    int tile) noexcept nogil

cdef void c_product_tn(
    floating* C, Py_ssize_t ldc, const floating* A, const floating* B, Py_ssize_t ldb, int m, int n,
    int k, floating alpha, floating beta, int begin, int end, Prefetch* prefetch) noexcept nogil

# Whether there are products with prepacked panels of B: for many rows the fastest, at any size.
cdef bint c_has_panels() noexcept nogil

# Numbers of a matrix (n, k) in panels.
cdef Py_ssize_t c_panels_size(int n, int k) noexcept nogil

# panels := B (n, k).
cdef void c_make_panels(floating* panels, const floating* B, int n, int k) noexcept nogil

# C := A Bᵀ + bias, with A (m, k), B (n, k) in panels, C (m, n), bias (n,). Meanwhile m rows at
# `next_rows` are prefetched, unless it is NULL.
cdef void c_product_np(
    floating* C, const floating* A, const floating* panels, const floating* bias, int m, int n,
    int k, const floating* next_rows) noexcept nogil
