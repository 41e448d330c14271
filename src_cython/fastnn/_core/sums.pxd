"""Sums in double of what Python sums with NumPy: pairwise, to the same bits.

A sum of n terms is that of two halves, down to 128 terms, which are added up in eight sums side by
side (Higham, "The accuracy of floating point summation", 1993). So its error grows with log n.
"""

from cython cimport floating
from libc.math cimport fabs

cdef enum:
    SQUARE = 0           # x²
    MAGNITUDE = 1        # |x|
    SQUARED_ERROR = 2    # (x − y)²
    ABSOLUTE_ERROR = 3   # |x − y|

cdef enum:
    BLOCK = 128  # terms that are not halved
    LANES = 8    # sums side by side


cdef inline double _term(
    const floating* x, const floating* y, Py_ssize_t i, int term,
) noexcept nogil:
    cdef double d
    if term == SQUARE:
        d = x[i]
        return d * d
    if term == MAGNITUDE:
        return fabs(<double> x[i])
    d = <double> x[i] - <double> y[i]
    return d * d if term == SQUARED_ERROR else fabs(d)


cdef inline double _sum_of_block(const double* terms, Py_ssize_t n) noexcept nogil:
    cdef double[LANES] lanes
    cdef double total = 0
    cdef Py_ssize_t i, whole = n - n % LANES
    cdef int k
    if n < LANES:
        for i in range(n):
            total += terms[i]
        return total
    for k in range(LANES):
        lanes[k] = terms[k]
    i = LANES
    while i < whole:
        for k in range(LANES):
            lanes[k] += terms[i + k]
        i += LANES
    total = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])
             + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7])))
    for i in range(whole, n):
        total += terms[i]
    return total


# The sum of n terms of one kind; y, which may be x, is read by the last two kinds alone.
cdef inline double c_sum(
    const floating* x, const floating* y, Py_ssize_t n, int term,
) noexcept nogil:
    cdef double[BLOCK] terms
    cdef Py_ssize_t i, half
    if n > BLOCK:
        half = n // 2
        half -= half % LANES
        return c_sum(x, y, half, term) + c_sum(x + half, y + half, n - half, term)
    for i in range(n):
        terms[i] = _term(x, y, i, term)
    return _sum_of_block(terms, n)
