"""Costs of the (m, n) outputs a against the targets y, and delta = ∂C/∂z of the output layer.

Where the algebra of cost and output activation cancels, the short form is computed: a − y for
cross-entropy with sigmoid, for log-likelihood with softmax (times Σy, which is 1 for a one-hot
row), for the quadratic cost with identity (Nielsen, chapter 3), and for Poisson with exp.
Elsewhere ∂C/∂a is formed and handed to the activation's own derivative.
"""

from cython cimport floating
from libc.float cimport DBL_MAX, DBL_MIN, FLT_MAX, FLT_MIN
from libc.math cimport NAN, exp, fabs, isnan

from fastnn._core.activation cimport EXP, IDENTITY, SIGMOID, SOFTMAX, c_activation_backward, c_log

cdef enum:
    CHUNK = 128  # costs formed at a time: so many logarithms are taken together

cdef double EPSILON = 2.0 ** -52


cdef inline double _nan_to_num(double x, double largest) noexcept nogil:
    """NumPy's nan_to_num: the book hides log(0) with it, so a hidden NaN counts 0."""
    if x - x == 0:  # neither NaN nor infinite
        return x
    return 0.0 if isnan(x) else (largest if x > 0 else -largest)


cdef void _cross_entropy_of_labels(double* costs, int size, double largest) noexcept nogil:
    """−ln of what they are: the output where y is 1, one less it where y is 0."""
    cdef int k
    c_log(costs, size)
    for k in range(size):
        costs[k] = _nan_to_num(-costs[k], largest)


cdef void _cross_entropy(
    double* costs, const floating* a, const floating* y, int size, double largest,
) noexcept nogil:
    """−y ln a − (1 − y) ln(1 − a), with one logarithm where y is 0 or 1, as labels are."""
    cdef double logs[CHUNK]
    cdef double of_rest[CHUNK]
    cdef bint labels = True
    cdef int k
    for k in range(size):
        # Outside of [0, 1] the whole is NaN, whatever one of the terms is.
        if y[k] * (1 - y[k]) != 0 or not 0 <= a[k] <= 1:
            labels = False
        costs[k] = fabs((1 - <double> y[k]) - <double> a[k])  # 1 − a or a; which is no jump
    if labels:
        _cross_entropy_of_labels(costs, size, largest)
        return
    for k in range(size):
        logs[k] = a[k]
        of_rest[k] = 1 - <double> a[k]
    c_log(logs, size)
    c_log(of_rest, size)
    for k in range(size):
        if y[k] == 0 and 0 <= a[k] <= 1:
            costs[k] = -of_rest[k]
        elif y[k] == 1 and 0 <= a[k] <= 1:
            costs[k] = -logs[k]
        else:
            costs[k] = -<double> y[k] * logs[k] - (1 - <double> y[k]) * of_rest[k]
        costs[k] = _nan_to_num(costs[k], largest)


cdef void _poisson(
    double* costs, const floating* a, const floating* y, int size,
) noexcept nogil:
    """a − y ln a; without a logarithm where y is 0."""
    cdef double logs[CHUNK]
    cdef int k
    for k in range(size):
        logs[k] = 1 if y[k] == 0 else a[k]
    c_log(logs, size)
    for k in range(size):
        costs[k] = a[k] - (0 if y[k] == 0 else y[k] * logs[k])


cdef double _log_likelihood(
    const floating* a, const floating* y, const floating* row_weights, Py_ssize_t m, Py_ssize_t n,
) noexcept nogil:
    """Σ −y ln a over those y that are not 0: one logarithm in a one-hot row."""
    cdef double largest = FLT_MAX if floating is float else DBL_MAX
    cdef double logs[CHUNK]
    cdef Py_ssize_t places[CHUNK]
    cdef double total = 0, cost
    cdef Py_ssize_t size = m * n, at = 0
    cdef int n_logs, k
    while at < size:
        n_logs = 0
        while at < size and n_logs < CHUNK:  # without a branch: where the ones are is not foreseen
            places[n_logs] = at
            logs[n_logs] = a[at]
            n_logs += y[at] != 0
            at += 1
        c_log(logs, n_logs)
        for k in range(n_logs):
            cost = _nan_to_num(logs[k] * -<double> y[places[k]], largest)
            total += cost if row_weights == NULL else row_weights[places[k] // n] * cost
    return total


cdef inline double _cost_of(double d, int cost, double parameter) noexcept nogil:
    """The cost of one output that is d above its target."""
    if cost == QUADRATIC:
        return 0.5 * d * d
    if cost == HUBER:
        return 0.5 * d * d if fabs(d) <= parameter else parameter * (fabs(d) - 0.5 * parameter)
    if cost == ABSOLUTE:
        return fabs(d)
    if cost == QUANTILE:
        return (1 - parameter) * d if d > 0 else -parameter * d
    return NAN  # it has no line here


cdef void _costs(
    double* costs, const floating* a, const floating* y, int size, int cost, double parameter,
) noexcept nogil:
    """The costs of at most CHUNK outputs."""
    cdef double largest = FLT_MAX if floating is float else DBL_MAX
    cdef int k
    if cost == CROSS_ENTROPY:
        _cross_entropy(costs, a, y, size, largest)
    elif cost == POISSON:
        _poisson(costs, a, y, size)
    else:
        for k in range(size):
            costs[k] = _cost_of(<double> a[k] - <double> y[k], cost, parameter)


cdef void c_clip_outputs(
    floating* a, Py_ssize_t size, int cost, double parameter,
) noexcept nogil:
    cdef floating least = <floating> parameter, most = 1 - least
    cdef Py_ssize_t i
    if parameter > 0 and (cost == CROSS_ENTROPY or cost == LOG_LIKELIHOOD):
        for i in range(size):
            a[i] = least if a[i] < least else (most if a[i] > most else a[i])


cdef double c_cost_forward(
    const floating* a, const floating* y, const floating* row_weights, int cost, double parameter,
    Py_ssize_t m, Py_ssize_t n,
) noexcept nogil:
    """Σ over rows and outputs of the cost, in double whatever the dtype; NULL weighs all rows 1."""
    cdef double costs[CHUNK]
    cdef double total = 0, of_row = 0
    cdef Py_ssize_t chunk, start, i = 0, j = 0
    cdef int size, k
    if cost == LOG_LIKELIHOOD:
        return _log_likelihood(a, y, row_weights, m, n)
    for chunk in range((m * n + CHUNK - 1) // CHUNK):
        start = chunk * CHUNK
        size = <int> min(<Py_ssize_t> CHUNK, m * n - start)
        _costs(costs, a + start, y + start, size, cost, parameter)
        for k in range(size):
            of_row += costs[k]
            j += 1
            if j == n:  # the end of row i
                total += of_row if row_weights == NULL else row_weights[i] * of_row
                of_row = 0
                j = 0
                i += 1
    return total


cdef void _cancelled(
    floating* delta, const floating* a, const floating* y, Py_ssize_t size,
) noexcept nogil:
    """delta := a − y."""
    cdef Py_ssize_t i
    for i in range(size):
        delta[i] = a[i] - y[i]


cdef void _log_likelihood_softmax(
    floating* delta, const floating* a, const floating* y, Py_ssize_t m, Py_ssize_t n,
) noexcept nogil:
    """delta := a Σ_k y_k − y, row by row."""
    cdef Py_ssize_t i, j
    cdef floating total
    for i in range(m):
        total = 0
        for j in range(n):
            total += y[i * n + j]
        for j in range(n):
            delta[i * n + j] = a[i * n + j] * total - y[i * n + j]


cdef void _log_likelihood_sigmoid(
    floating* delta, const floating* a, const floating* y, Py_ssize_t size,
) noexcept nogil:
    """delta := −y (1 − a)."""
    cdef Py_ssize_t i
    for i in range(size):
        delta[i] = -y[i] * (1 - a[i])


cdef double _sum_below(
    const floating* z, Py_ssize_t top, Py_ssize_t n, double* second,
) noexcept nogil:
    """Σ e^(z − second) over all but the top, with second the largest of these."""
    cdef double total = 0
    cdef Py_ssize_t j
    second[0] = -DBL_MAX
    for j in range(n):
        if j != top and z[j] > second[0]:
            second[0] = z[j]
    for j in range(n):
        if j != top:
            total += exp(z[j] - second[0])
    return total


cdef void _cross_entropy_softmax(
    floating* delta, const floating* a, const floating* y, const floating* z, Py_ssize_t n,
) noexcept nogil:
    """One row: delta_j := a_j − y_j − a_j Σ_{k≠j} u_k with u = (a − y) / (1 − a).

    This is the softmax's Jacobian applied to ∂C/∂a = u / a. Where the largest a is near 1, both
    1 − a and the sum without its u would cancel: they are added up from the others. Where these
    are all too small for digits, a_j / (1 − a_top) is computed from z.
    """
    cdef floating least = FLT_MIN if floating is float else DBL_MIN
    cdef double second, below
    cdef Py_ssize_t j, top = 0
    cdef floating rest = 0, others = 0, u_top
    if n == 1:  # the softmax of one number is 1 whatever it is
        delta[0] = 0
        return
    for j in range(1, n):
        if a[j] > a[top]:
            top = j
    for j in range(n):
        if j != top:
            rest += a[j]
            delta[j] = (a[j] - y[j]) / (1 - a[j])
            others += delta[j]
    if z != NULL and rest < n * least / EPSILON:  # some of its digits may be gone
        below = _sum_below(z, top, n, &second)
        for j in range(n):
            if j != top:
                u_top = <floating> ((1 - y[top] - rest) * exp(z[j] - second) / below)
                delta[j] = a[j] - y[j] - u_top - a[j] * (others - delta[j])
    else:
        u_top = (1 - y[top] - rest) / (rest if rest > least else least)
        for j in range(n):
            if j != top:
                delta[j] = a[j] - y[j] - a[j] * (u_top + (others - delta[j]))
    delta[top] = (1 - y[top] - rest) - a[top] * others


cdef void _by_output(
    floating* delta, const floating* a, const floating* y, int cost, floating parameter,
    Py_ssize_t size,
) noexcept nogil:
    """delta := ∂C/∂a of the costs whose slope is limited."""
    cdef Py_ssize_t i
    cdef floating d
    for i in range(size):
        d = a[i] - y[i]
        if cost == HUBER:
            delta[i] = d if -parameter <= d <= parameter else (parameter if d > 0 else -parameter)
        elif cost == ABSOLUTE:
            delta[i] = <floating> ((d > 0) - (d < 0))
        elif cost == QUANTILE:
            delta[i] = 1 - parameter if d > 0 else (-parameter if d < 0 else 0)
        else:
            delta[i] = NAN  # it has no line here


cdef void c_cost_backward(
    floating* delta, const floating* a, const floating* y, const floating* z, int cost,
    double parameter, int output, Py_ssize_t m, Py_ssize_t n,
) noexcept nogil:
    """delta := ∂C/∂z of the output layer, one gradient a row (not averaged)."""
    cdef Py_ssize_t i
    if cost == CROSS_ENTROPY and output == SOFTMAX:
        for i in range(m):
            _cross_entropy_softmax(delta + i * n, a + i * n, y + i * n, z, n)
            if z != NULL:
                z += n
    elif cost == LOG_LIKELIHOOD and output == SOFTMAX:
        _log_likelihood_softmax(delta, a, y, m, n)
    elif cost == LOG_LIKELIHOOD:
        _log_likelihood_sigmoid(delta, a, y, m * n)
    elif cost == CROSS_ENTROPY or cost == POISSON:
        _cancelled(delta, a, y, m * n)  # with sigmoid, and with exp
    elif cost == QUADRATIC:
        _cancelled(delta, a, y, m * n)
        c_activation_backward(delta, a, <const floating*> NULL, output, m, n)
    else:
        _by_output(delta, a, y, cost, <floating> parameter, m * n)
        c_activation_backward(delta, a, <const floating*> NULL, output, m, n)


# The output activations for which each cost's delta is right.
OUTPUTS = {
    QUADRATIC: (SIGMOID, IDENTITY, SOFTMAX),
    CROSS_ENTROPY: (SIGMOID, SOFTMAX),
    LOG_LIKELIHOOD: (SOFTMAX, SIGMOID),
    HUBER: (IDENTITY, SIGMOID),
    ABSOLUTE: (IDENTITY, SIGMOID),
    POISSON: (EXP,),
    QUANTILE: (IDENTITY, SIGMOID),
}

if set(OUTPUTS) != set(Cost):
    raise ImportError(f"costs: {set(Cost) ^ set(OUTPUTS)} not in both cost.pxd and OUTPUTS")
cdef int n_costs = len(Cost)


cdef bint c_is_cost(int cost) noexcept nogil:
    return 0 <= cost < n_costs


cdef int _check(a_shape, y_shape, int cost) except -1:
    if a_shape[0] < 1 or a_shape[1] < 1:
        raise ValueError(f"a: expected at least one row and one column, got {a_shape}")
    if y_shape != a_shape:
        raise ValueError(f"y: expected shape {a_shape}, got {y_shape}")
    if not c_is_cost(cost):
        raise ValueError(f"cost: expected 0 to {n_costs - 1}, got {cost}")
    return 0


def cost_forward(
    const floating[:, ::1] a not None, const floating[:, ::1] y not None,
    const floating[::1] row_weights not None, int cost, double parameter,
) -> float:
    """Return the cost of outputs ``a`` against targets ``y``, summed over all rows.

    Parameters
    ----------
    a, y : arrays (m, n), float32 or float64, C-contiguous
    row_weights : array (m,) or (0,)
        Factors on the rows' costs; none for 1.
    cost : int
        The number of ``Cost``.
    parameter : float
        The Huber cost's delta, or the quantile.

    Returns
    -------
    float
        The sum, accumulated in double.

    Raises
    ------
    ValueError
        If the shapes differ, are empty, or ``cost`` is unknown.
    """
    cdef double total
    cdef const floating* weights = NULL
    _check((a.shape[0], a.shape[1]), (y.shape[0], y.shape[1]), cost)
    if row_weights.shape[0] != 0:
        if row_weights.shape[0] != a.shape[0]:
            raise ValueError(f"row_weights: expected none or {a.shape[0]}, "
                             f"got {row_weights.shape[0]}")
        weights = &row_weights[0]
    with nogil:
        total = c_cost_forward(&a[0, 0], &y[0, 0], weights, cost, parameter,
                               a.shape[0], a.shape[1])
    return total


def cost_backward(
    floating[:, ::1] delta not None, const floating[:, ::1] a not None,
    const floating[:, ::1] y not None, int cost, double parameter, int output,
) -> None:
    """Write the output layer's ∂C/∂z into ``delta``, one gradient a row.

    Parameters
    ----------
    delta : array (m, n), float32 or float64, C-contiguous
    a, y : arrays (m, n)
        Outputs and targets.
    cost, output : int
        The numbers of ``Cost`` and of the output's ``Activation``.
    parameter : float
        The Huber cost's delta, or the quantile.

    Raises
    ------
    ValueError
        If the shapes differ, are empty, or cost and output do not go together.
    """
    _check((a.shape[0], a.shape[1]), (y.shape[0], y.shape[1]), cost)
    if output not in OUTPUTS[cost]:
        raise ValueError(f"output: activation {output} does not go with cost {cost}")
    if delta.shape[0] != a.shape[0] or delta.shape[1] != a.shape[1]:
        raise ValueError(f"delta: expected shape ({a.shape[0]}, {a.shape[1]}), "
                         f"got ({delta.shape[0]}, {delta.shape[1]})")
    with nogil:
        c_cost_backward(&delta[0, 0], &a[0, 0], &y[0, 0], <const floating*> NULL, cost, parameter,
                        output, a.shape[0], a.shape[1])
