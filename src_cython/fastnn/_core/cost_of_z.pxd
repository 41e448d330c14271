"""Costs by the weighted inputs of the output layer, where cost and output cancel."""

from cython cimport floating

# Whether there is a formula in z for this cost with this output.
cdef bint c_goes_by_z(int cost, int output) noexcept nogil

# Σ over m rows of n outputs a = f(z), in double whatever the dtype; NULL weighs all rows 1.
cdef double c_cost_of_z(
    const floating* z, const floating* a, const floating* y, const floating* row_weights, int cost,
    int output, Py_ssize_t m, Py_ssize_t n) noexcept nogil

# The same where each output's numbers of all rows stand in a column, ``distance`` from the next.
# Of softmax only log-likelihood's.
cdef double c_cost_of_columns(
    const floating* z, const floating* a, const floating* y, const floating* row_weights, int cost,
    int output, Py_ssize_t m, Py_ssize_t n, Py_ssize_t distance) noexcept nogil
