"""Normalization to mean 0 and variance 1, then gamma and beta, one of each a channel.

Batch, layer, group and instance norm differ only in what they average over, and two pairs of
kernels do them all. ``columns``: each of n features over the m rows (batch norm). ``blocks``:
contiguous groups of channels, ``spatial`` numbers a channel (layer, group and instance norm; the
features of a dense layer are channels of spatial 1).
"""

from cython cimport floating

cpdef enum Norm:
    NO_NORM = 0
    BATCH = 1
    GROUP = 2  # layer norm is one group


cdef void c_columns_forward(
    floating* x, floating* xhat, floating* mean, floating* variance, floating* inverse,
    const floating* gamma, const floating* beta, Py_ssize_t m, Py_ssize_t n, Py_ssize_t ld,
    double eps) noexcept nogil

cdef void c_columns_backward(
    floating* delta, floating* dgamma, floating* dbeta, const floating* xhat,
    const floating* inverse, const floating* gamma, Py_ssize_t m, Py_ssize_t n, Py_ssize_t ld,
) noexcept nogil

cdef void c_running_update(
    floating* running_mean, floating* running_variance, const floating* mean,
    const floating* variance, Py_ssize_t m, Py_ssize_t n, double momentum, bint unbiased,
) noexcept nogil

cdef void c_running_forward(
    floating* x, const floating* running_mean, const floating* running_variance,
    const floating* gamma, const floating* beta, Py_ssize_t m, Py_ssize_t n, Py_ssize_t ld,
    double eps) noexcept nogil

cdef void c_blocks_forward(
    floating* x, floating* xhat, floating* inverse, const floating* gamma, const floating* beta,
    Py_ssize_t m, Py_ssize_t channels, Py_ssize_t groups, Py_ssize_t spatial, double eps,
) noexcept nogil

cdef void c_blocks_backward(
    floating* delta, floating* dgamma, floating* dbeta, const floating* xhat,
    const floating* inverse, const floating* gamma, Py_ssize_t m, Py_ssize_t channels,
    Py_ssize_t groups, Py_ssize_t spatial) noexcept nogil

# The two parts of the backward pass with spatial 1: by columns, before by rows.
cdef void c_parameter_sums(
    floating* dgamma, floating* dbeta, const floating* delta, const floating* xhat, Py_ssize_t m,
    Py_ssize_t n, Py_ssize_t ld) noexcept nogil

cdef void c_blocks_delta(
    floating* delta, const floating* xhat, const floating* inverse, const floating* gamma,
    Py_ssize_t m, Py_ssize_t channels, Py_ssize_t groups, Py_ssize_t spatial) noexcept nogil
