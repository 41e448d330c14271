"""What is measured of a network after an epoch, on rows that are kept for that.

The numbers are those that ``fastnn._training`` measures by NumPy and by the same kernels, bit for
bit.
"""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer)
from cython cimport floating
from libc.math cimport NAN, isinf, isnan, log
from libc.string cimport memcpy

from fastnn._core.activation cimport c_activation_forward
from fastnn._core.compiled_plan cimport c_n_out
from fastnn._core.cost cimport c_cost_forward, c_is_cost
from fastnn._core.cost_of_z cimport c_cost_of_z
from fastnn._core.predict cimport PREDICTED, c_predict
from fastnn._core.row_source cimport RowSource, as_source, c_all_finite, c_gather, c_pick
from fastnn._core.sums cimport ABSOLUTE_ERROR, SQUARED_ERROR, c_sum

from numpy import empty as _empty
from numpy import ndarray as _ndarray


# The rows.


cdef void c_take_rows(
    floating* X, floating* Y, const JudgeState* judge, const Py_ssize_t* order,
) noexcept nogil:
    c_gather(judge.all_X, X, order, 0, judge.X.n_rows)
    c_pick(Y, <const floating*> judge.all_Y, c_n_out(judge.plan), order, judge.X.n_rows)


# The outputs.


cdef Outcome _need_z(
    const floating* parameters, floating* running, JudgeState* judge,
) noexcept nogil:
    """Compute the weighted inputs of the output layer and, from them, the outputs."""
    cdef Py_ssize_t n = judge.X.n_rows
    cdef const Plan* plan = judge.plan
    cdef int n_out = c_n_out(plan)
    cdef Outcome outcome = PREDICTED
    if judge.has_z:
        return PREDICTED
    outcome = c_predict(<floating*> judge.z, parameters, running, <floating*> judge.work, judge.X,
                        judge.plan_of_z, judge.n_threads, True)
    memcpy(judge.outputs, judge.z, n * n_out * sizeof(floating))
    c_activation_forward(<floating*> judge.outputs, plan.layers[plan.n_layers - 1].activation, n,
                         n_out)
    judge.has_z = judge.has_outputs = outcome == PREDICTED
    return outcome


cdef Outcome _need_outputs(
    const floating* parameters, floating* running, JudgeState* judge,
) noexcept nogil:
    cdef Outcome outcome = PREDICTED
    if not judge.has_outputs:
        outcome = c_predict(<floating*> judge.outputs, parameters, running, <floating*> judge.work,
                            judge.X, judge.plan, judge.n_threads, True)
        judge.has_outputs = outcome == PREDICTED
    return outcome


# The measures.


cdef double _mean_cost(const floating* outputs, JudgeState* judge) noexcept nogil:
    """The mean cost, by the weighted inputs of the output layer if it goes by them."""
    cdef const Plan* plan = judge.plan
    cdef Py_ssize_t n = judge.X.n_rows, i
    cdef int n_out = c_n_out(plan)
    cdef const floating* Y = <const floating*> judge.Y
    cdef const floating* row_weights = <const floating*> judge.row_weights
    cdef floating* shares = <floating*> judge.shares
    cdef double total
    if judge.plan_of_z != NULL:
        return c_cost_of_z(<const floating*> judge.z, outputs, Y, row_weights, plan.cost,
                           plan.layers[plan.n_layers - 1].activation, n, n_out) / n
    total = c_cost_forward(outputs, Y, row_weights, plan.cost, plan.cost_parameter, n, n_out)
    if not isinf(total):
        return total / n
    # Of costs that are the largest number the mean is one, as the book has it.
    for i in range(n):
        shares[i] = (<floating> 1 if row_weights == NULL else row_weights[i]) / <floating> n
    return c_cost_forward(outputs, Y, <const floating*> shares, plan.cost, plan.cost_parameter, n,
                          n_out)


cdef Py_ssize_t _class_of(const floating* row, Py_ssize_t n) noexcept nogil:
    """As NumPy: the first of the largest numbers, or the first that is none."""
    cdef Py_ssize_t best = 0, j
    if n == 1:
        return row[0] > 0.5
    for j in range(n):
        if isnan(row[j]):
            return j
        if row[j] > row[best]:
            best = j
    return best


cdef Py_ssize_t _n_correct(const floating* outputs, const JudgeState* judge) noexcept nogil:
    cdef const floating* Y = <const floating*> judge.Y
    cdef Py_ssize_t n_out = c_n_out(judge.plan), correct = 0, i
    for i in range(judge.X.n_rows):
        correct += _class_of(outputs + i * n_out, n_out) == _class_of(Y + i * n_out, n_out)
    return correct


cdef double _all_labels(const floating* outputs, const JudgeState* judge) noexcept nogil:
    cdef const floating* Y = <const floating*> judge.Y
    cdef Py_ssize_t n = judge.X.n_rows, n_out = c_n_out(judge.plan), right = 0, i, j
    for i in range(n):
        j = 0
        while j < n_out and (outputs[i * n_out + j] > 0.5) == (Y[i * n_out + j] > 0.5):
            j += 1
        right += j == n_out
    return right / <double> n


cdef double _mean_r2(const floating* outputs, const JudgeState* judge) noexcept nogil:
    cdef const floating* Y = <const floating*> judge.Y
    cdef Py_ssize_t n = judge.X.n_rows, n_out = c_n_out(judge.plan), i, j
    cdef double total = 0, residual, d
    if n < 2 or not c_all_finite(outputs, n * n_out):
        return NAN
    for j in range(n_out):
        residual = 0
        if n_out == 1:
            residual = c_sum(Y, outputs, n, SQUARED_ERROR)
        else:
            for i in range(n):
                d = <double> Y[i * n_out + j] - <double> outputs[i * n_out + j]
                residual += d * d
        if judge.spreads[j] != 0:
            total += 1 - residual / judge.spreads[j]
        else:
            total += residual == 0
    return total / n_out


cdef double _loss(floating* outputs, const JudgeState* judge) noexcept nogil:
    """Clip the outputs, and return the mean loss."""
    cdef const Plan* plan = judge.plan
    cdef Py_ssize_t n = judge.X.n_rows, i
    cdef floating least = <floating> judge.clip, most = 1 - least
    if least > 0:
        for i in range(n * c_n_out(plan)):
            if outputs[i] < least:
                outputs[i] = least
            elif outputs[i] > most:
                outputs[i] = most
    return (c_cost_forward(outputs, <const floating*> judge.Y, <const floating*> judge.row_weights,
                           plan.cost, plan.cost_parameter, n, c_n_out(plan))
            + judge.more) / judge.divisor


cdef double _class_error(const floating* outputs, const JudgeState* judge) noexcept nogil:
    """The mean of -ln(a + 1e-7), a the output at the first of the largest targets."""
    cdef const floating* Y = <const floating*> judge.Y
    cdef Py_ssize_t n = judge.X.n_rows, n_out = c_n_out(judge.plan), right = 0, i
    cdef double total = 0
    for i in range(n):
        if n_out > 1:
            right = _class_of(Y + i * n_out, n_out)
        total -= log(<double> outputs[i * n_out + right] + 1e-7)
    return total / n


cdef Outcome c_measure(
    double* value, const floating* parameters, floating* running, JudgeState* judge, int measure,
) noexcept nogil:
    cdef Py_ssize_t n = judge.X.n_rows, size = n * c_n_out(judge.plan)
    cdef const floating* a = <const floating*> judge.outputs
    cdef const floating* y = <const floating*> judge.Y
    cdef Outcome outcome
    if measure == MEAN_COST and judge.plan_of_z != NULL:
        outcome = _need_z(parameters, running, judge)
    else:
        outcome = _need_outputs(parameters, running, judge)
    if outcome != PREDICTED:
        return outcome
    if measure == MEAN_COST:
        value[0] = _mean_cost(a, judge)
    elif measure == N_CORRECT:
        value[0] = _n_correct(a, judge)
    elif measure == ACCURACY:
        value[0] = _n_correct(a, judge) / <double> n
    elif measure == MEAN_SQUARED_ERROR:
        value[0] = c_sum(a, y, size, SQUARED_ERROR) / size
    elif measure == MEAN_ABSOLUTE_ERROR:
        value[0] = c_sum(a, y, size, ABSOLUTE_ERROR) / size
    elif measure == R2:
        value[0] = 1 - c_sum(a, y, size, SQUARED_ERROR) / judge.spread
    elif measure == ALL_LABELS:
        value[0] = _all_labels(a, judge)
    elif measure == MEAN_R2:
        value[0] = _mean_r2(a, judge)
    elif measure == CLASS_ERROR:
        value[0] = _class_error(a, judge)
    else:
        value[0] = _loss(<floating*> judge.outputs, judge)
        judge.has_outputs = False  # they were clipped
    return PREDICTED


# What Python makes.


cdef void* _memory_of(array, dtype, str name, int writable=0) except? NULL:
    """Where the numbers of a contiguous array are, which is kept by who asks."""
    cdef Py_buffer buffer
    if array.dtype != dtype:
        raise ValueError(f"{name}: expected {dtype}, got {array.dtype}")
    PyObject_GetBuffer(array, &buffer, PyBUF_C_CONTIGUOUS | writable)
    PyBuffer_Release(&buffer)
    return buffer.buf if array.size else NULL


cdef class Judge:
    """Rows to judge a network by, and the memory for its answers.

    Parameters
    ----------
    X : RowSource or array (n, n_in)
        Checked inputs; an array as a RowSource takes it.
    Y : array (n, n_out)
    row_weights : array (n,) or (0,)
    plan : CompiledPlan
        Of the network, for blocks of rows; its cost is the one measured.
    plan_of_z : CompiledPlan or None
        Of a network whose outputs are the weighted inputs of the output layer, if the cost is
        computed from them.
    n_threads : int
        That predict; the numbers are the same for any.
    spread : float
        The sum of the squares of the targets from their means, which R² divides by.

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, or the cost is not a compiled one.
    """

    def __cinit__(
        self, X not None, Y not None, row_weights not None, CompiledPlan plan not None,
        CompiledPlan plan_of_z, int n_threads, double spread,
    ):
        cdef Py_ssize_t size
        cdef RowSource rows = as_source(X)
        dtype = Y.dtype
        if n_threads < 1:
            raise ValueError(f"n_threads: expected 1 or more, got {n_threads}")
        if not c_is_cost(plan.c.cost):
            raise ValueError(f"plan: its cost ({plan.c.cost}) is not a compiled one")
        if row_weights.size not in (0, rows.c.n_rows):
            raise ValueError(f"row_weights: expected none or {rows.c.n_rows}, "
                             f"got {row_weights.size}")
        if Y.ndim != 2:
            raise ValueError(f"Y: expected two dimensions, got {Y.ndim}")
        plan.check_rows(rows.c.n_rows, rows.c.n_columns, Y.shape[0], Y.shape[1], "Y")
        size = plan.c.work_size
        if plan_of_z is not None:
            plan_of_z.check_rows(rows.c.n_rows, rows.c.n_columns, Y.shape[0], Y.shape[1], "Y")
            size = max(size, plan_of_z.c.work_size)
        outputs, work = _empty(Y.shape, dtype), _empty(n_threads * size, dtype)
        z = _empty(Y.shape if plan_of_z is not None else (0, 0), dtype)
        shares = _empty(rows.c.n_rows, dtype)
        self.arrays = Y, row_weights, outputs, z, shares, work
        self.X, self.plan, self.plan_of_z, self.dtype = rows, plan, plan_of_z, dtype
        self.c.Y = _memory_of(Y, dtype, "Y")
        self.c.row_weights = _memory_of(row_weights, dtype, "row_weights")
        self.c.outputs, self.c.z = _memory_of(outputs, dtype, ""), _memory_of(z, dtype, "")
        self.c.shares, self.c.work = _memory_of(shares, dtype, ""), _memory_of(work, dtype, "")
        self.c.X, self.c.plan = &rows.c, &plan.c
        self.c.plan_of_z = &plan_of_z.c if plan_of_z is not None else NULL
        self.c.n_threads, self.c.itemsize, self.c.spread = n_threads, dtype.itemsize, spread
        self.c.clip, self.c.more, self.c.divisor = 0, 0, rows.c.n_rows
        self.c.spreads, self.c.all_X = NULL, NULL
        c_forget(&self.c)

    def set_loss(self, double clip, double more, double divisor) -> None:
        """Say how the loss comes of the costs: clipped outputs', and more, divided."""
        self.c.clip, self.c.more, self.c.divisor = clip, more, divisor

    def set_spreads(self, const double[::1] spreads not None) -> None:
        """Say what each output's R² divides by, (n_out,)."""
        if spreads.shape[0] != c_n_out(&self.plan.c):
            raise ValueError(f"spreads: expected {c_n_out(&self.plan.c)} numbers, "
                             f"got {spreads.shape[0]}")
        self.spreads = spreads
        self.c.spreads = &spreads[0]

    def follow(self, X not None, Y not None) -> None:
        """Say of which rows those of each epoch are judged, in the memory of this judge's own.

        ``X`` (N, n_in) is a RowSource or an array, ``Y`` (N, n_out) of the judge's dtype; the epoch
        must have as many rows as the judge, whose arrays are overwritten.
        """
        cdef RowSource rows = as_source(X)
        self.plan.check_rows(rows.c.n_rows, rows.c.n_columns, Y.shape[0], Y.shape[1], "Y")
        own_X = self.X.values
        if not isinstance(own_X, _ndarray) or self.X.c.scale != 1:
            raise ValueError("X: expected a judge whose own rows are an array, not scaled")
        if self.c.row_weights != NULL:
            raise ValueError("row_weights: expected a judge without, for they would not follow")
        self.c.own_X = _memory_of(own_X, self.dtype, "X", PyBUF_WRITABLE)
        self.c.own_Y = _memory_of(self.arrays[0], self.dtype, "Y", PyBUF_WRITABLE)
        self.c.all_Y = _memory_of(Y, self.dtype, "Y")
        self.all_X, self.all_Y, self.c.all_X = rows, Y, &rows.c

    cdef int check(self, int measure) except -1:
        if not 0 <= measure <= <int> CLASS_ERROR:
            raise ValueError(f"measure: expected 0 to {<int> CLASS_ERROR}, got {measure}")
        if measure == MEAN_R2 and self.c.spreads == NULL:
            raise ValueError("measure: MEAN_R2 expects that the spreads were set")
        return 0
