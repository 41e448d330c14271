"""The dense layer: Z = X Wᵀ + b, with W (n_out, n_in) row-major, as in the book."""

from cython cimport floating


cdef void c_column_sums(
    floating* sums, const floating* rows, int m, int n, int ld, floating scale, floating keep,
) noexcept nogil
