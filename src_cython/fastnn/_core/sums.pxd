"""Sums in double of what Python sums with NumPy: pairwise, to the same bits."""

from cython cimport floating

cpdef enum Term:
    SQUARE = 0           # x²
    MAGNITUDE = 1        # |x|
    SQUARED_ERROR = 2    # (x − y)²
    ABSOLUTE_ERROR = 3   # |x − y|


# The sum of n terms of one kind; y, which may be x, is read by the last two kinds alone.
cdef double c_sum(const floating* x, const floating* y, Py_ssize_t n, int term) noexcept nogil
