"""The dense layer: Z = X Wᵀ + b, with W (n_out, n_in) row-major, as in the book."""

from cython cimport floating


cdef void c_dense_forward(
    floating* out, const floating* inp, const floating* weights, const floating* biases,
    int m, int n_in, int n_out) noexcept nogil

cdef void c_dense_backward_input(
    floating* dinp, const floating* dout, const floating* weights,
    int m, int n_in, int n_out) noexcept nogil

cdef void c_dense_backward_parameters(
    floating* dweights, floating* dbiases, const floating* dout, const floating* inp,
    int m, int n_in, int n_out, floating scale, floating keep) noexcept nogil

cdef void c_column_sums(
    floating* sums, const floating* rows, int m, int n, floating scale, floating keep,
) noexcept nogil
