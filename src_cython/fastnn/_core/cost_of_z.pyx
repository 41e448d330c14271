"""Costs by the weighted inputs z of the output layer, where cost and output cancel.

The outputs a = f(z) alone do not tell them once these are rounded to 0 or 1:

    cross-entropy, sigmoid    Σ (1 − y) s(z) + y s(−z), with s(z) = ln(1 + e^z)
    log-likelihood, sigmoid   Σ y s(−z)
    log-likelihood, softmax   Σ y (L − z), with L = ln Σ_k e^z_k
    cross-entropy, softmax    Σ y (L − z) + (1 − y) (L − L'), with L' that of all others
    Poisson, exp              Σ e^z − y z

They are finite for any finite z, but for e^z itself, and for cross-entropy with a softmax of one
number, whose cost is infinite where y is not 1: it counts the largest number.
"""

from cython cimport floating

from fastnn._core.activation cimport EXP, SIGMOID, SOFTMAX
from fastnn._core.cost cimport CROSS_ENTROPY, LOG_LIKELIHOOD, POISSON
from fastnn._core.kernels cimport (
    CROSS_ENTROPY_SIGMOID, CROSS_ENTROPY_SOFTMAX, LOG_LIKELIHOOD_SIGMOID, LOG_LIKELIHOOD_SOFTMAX,
    POISSON_EXP, CostDouble, CostFloat, c_kernels_double, c_kernels_float)

cdef const CostDouble* of_double = c_kernels_double().cost
cdef const CostFloat* of_float = c_kernels_float().cost

# The pairs of cost and output for which there is a formula; Python asks here too.
FROM_Z = {
    CROSS_ENTROPY: (SIGMOID, SOFTMAX),
    LOG_LIKELIHOOD: (SOFTMAX, SIGMOID),
    POISSON: (EXP,),
}


cdef int _pair(int cost, int output) noexcept nogil:
    """The number by which the kernels know the pair; -1: there is no formula."""
    if cost == CROSS_ENTROPY and output == SIGMOID:
        return CROSS_ENTROPY_SIGMOID
    if cost == CROSS_ENTROPY and output == SOFTMAX:
        return CROSS_ENTROPY_SOFTMAX
    if cost == LOG_LIKELIHOOD and output == SIGMOID:
        return LOG_LIKELIHOOD_SIGMOID
    if cost == LOG_LIKELIHOOD and output == SOFTMAX:
        return LOG_LIKELIHOOD_SOFTMAX
    if cost == POISSON and output == EXP:
        return POISSON_EXP
    return -1


cdef bint c_goes_by_z(int cost, int output) noexcept nogil:
    return _pair(cost, output) >= 0


cdef double _of_each(
    const floating* z, const floating* a, const floating* y, const floating* weights,
    Py_ssize_t size, int pair,
) noexcept nogil:
    if floating is float:
        return of_float.of_each(z, a, y, weights, size, pair)
    else:
        return of_double.of_each(z, a, y, weights, size, pair)


cdef double c_cost_of_z(
    const floating* z, const floating* a, const floating* y, const floating* row_weights, int cost,
    int output, Py_ssize_t m, Py_ssize_t n,
) noexcept nogil:
    cdef int pair = _pair(cost, output)
    cdef double total = 0
    cdef Py_ssize_t i
    if output == SOFTMAX:
        if floating is float:
            return of_float.of_rows(z, a, y, row_weights, m, n, pair)
        else:
            return of_double.of_rows(z, a, y, row_weights, m, n, pair)
    if row_weights == NULL or n == 1:
        return _of_each(z, a, y, row_weights, m * n, pair)
    for i in range(m):
        total += row_weights[i] * _of_each(z + i * n, a + i * n, y + i * n, <const floating*> NULL,
                                           n, pair)
    return total


cdef double c_cost_of_columns(
    const floating* z, const floating* a, const floating* y, const floating* row_weights, int cost,
    int output, Py_ssize_t m, Py_ssize_t n, Py_ssize_t distance,
) noexcept nogil:
    cdef int pair = _pair(cost, output)
    cdef double total = 0
    cdef Py_ssize_t _
    if output == SOFTMAX:
        if floating is float:
            return of_float.of_columns(z, a, y, row_weights, m, n, distance)
        else:
            return of_double.of_columns(z, a, y, row_weights, m, n, distance)
    for _ in range(n):
        total += _of_each(z, a, y, row_weights, m, pair)
        z, a, y = z + distance, a + distance, y + distance
    return total


def cost_of_z(
    const floating[:, ::1] z not None, const floating[:, ::1] a not None,
    const floating[:, ::1] y not None, const floating[::1] row_weights not None, int cost,
    int output,
) -> float:
    """Return the cost of outputs ``a`` = f(z) against targets ``y``, summed over all rows.

    Parameters
    ----------
    z, a, y : arrays (m, n), float32 or float64, C-contiguous
        Weighted inputs of the output layer, what its activation makes of them, and targets.
    row_weights : array (m,) or (0,)
        Factors on the rows' costs; none for 1.
    cost, output : int
        The numbers of ``Cost`` and of the output's ``Activation``, a pair in ``FROM_Z``.

    Returns
    -------
    float
        The sum, accumulated in double.

    Raises
    ------
    ValueError
        If the shapes differ, are empty, or cost and output are no such pair.
    """
    cdef double total
    cdef const floating* weights = NULL
    cdef Py_ssize_t m = z.shape[0], n = z.shape[1]
    if m < 1 or n < 1:
        raise ValueError(f"z: expected at least one row and one column, got ({m}, {n})")
    for name, shape in (("a", (a.shape[0], a.shape[1])), ("y", (y.shape[0], y.shape[1]))):
        if shape != (m, n):
            raise ValueError(f"{name}: expected shape ({m}, {n}), got {shape}")
    if not c_goes_by_z(cost, output):
        raise ValueError(f"output: no cost of z for cost {cost} with activation {output}")
    if row_weights.shape[0] != 0:
        if row_weights.shape[0] != m:
            raise ValueError(f"row_weights: expected none or {m}, got {row_weights.shape[0]}")
        weights = &row_weights[0]
    with nogil:
        total = c_cost_of_z(&z[0, 0], &a[0, 0], &y[0, 0], weights, cost, output, m, n)
    return total
