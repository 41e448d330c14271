"""The three products of a dense layer, by our own kernels where matrices are small, else by BLAS.

Row-major and contiguous throughout; C overlaps neither A nor B. Call ``c_need_blas`` first, with
the GIL.
"""

from cython cimport floating


cdef void c_product_nt(
    floating* C, const floating* A, const floating* B, const floating* bias,
    int m, int n, int k) noexcept nogil

cdef void c_product_nn(
    floating* C, const floating* A, const floating* B, int m, int n, int k) noexcept nogil

cdef void c_product_tn(
    floating* C, const floating* A, const floating* B,
    int m, int n, int k, floating alpha, floating beta) noexcept nogil
