"""The costs' values, summed in double, and their deltas fused with the output activation."""

from cython cimport floating

cpdef enum Cost:
    QUADRATIC = 0
    CROSS_ENTROPY = 1
    LOG_LIKELIHOOD = 2
    HUBER = 3
    ABSOLUTE = 4
    POISSON = 5
    QUANTILE = 6


# Whether it is the number of one of them.
cdef bint c_is_cost(int cost) noexcept nogil

# a := a, but as near to 0 and 1 as the plan's cost counts it at most; NaN stays.
cdef void c_clip_outputs(
    floating* a, Py_ssize_t size, int cost, double parameter) noexcept nogil

cdef double c_cost_forward(
    const floating* a, const floating* y, const floating* row_weights, int cost, double parameter,
    Py_ssize_t m, Py_ssize_t n) noexcept nogil

# ``z`` (m, n), with a = f(z), may be NULL; cross-entropy with softmax looks at it where all outputs
# but one are too small for digits.
cdef void c_cost_backward(
    floating* delta, const floating* a, const floating* y, const floating* z, int cost,
    double parameter, int output, Py_ssize_t m, Py_ssize_t n) noexcept nogil
