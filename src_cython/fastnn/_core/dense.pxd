"""The dense layer: Z = X Wᵀ + b, with W (n_out, n_in) row-major, as in the book."""

from cython cimport floating


cdef void c_column_sums(
    floating* sums, const floating* rows, int m, int n, int ld, floating scale, floating keep,
) noexcept nogil

# to := keep to + scale what.
cdef inline void c_add_scaled(
    floating* to, const floating* what, Py_ssize_t size, floating scale, floating keep,
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(size):
        to[i] = (0 if keep == 0 else keep * to[i]) + scale * what[i]
