"""What is done before and after each epoch of several that are run in one call.

An epoch's rows are shuffled, its cost and what else is measured are recorded, and the rules are
asked whether to go on. The numbers, and the order of it all, are those of the loop in
``fastnn._training.loop``, which asks Python between two epochs.
"""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer)
from cython cimport floating
from libc.math cimport INFINITY, isfinite, isnan, pow
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from fastnn._core.context cimport fastnn_seconds
from fastnn._core.judge cimport Judge, c_forget, c_measure, c_take_rows
from fastnn._core.predict cimport Outcome, PREDICTED, STOPPED
from fastnn._core.row_source cimport c_all_finite
from fastnn._core.shuffle cimport c_shuffle
from fastnn._core.sums cimport MAGNITUDE, SQUARE, c_sum


# Before an epoch.


cdef const double* c_begin_epoch(LoopState* loop, Py_ssize_t* n_rates) noexcept nogil:
    cdef Py_ssize_t i
    _copy(loop.standing, loop.n_standing)
    loop.began = fastnn_seconds()
    loop.shuffled = loop.stream != NULL and not loop.takes_order
    if loop.fresh and not loop.takes_order:
        for i in range(loop.n_order):
            loop.order[i] = i
    if loop.shuffled:
        c_shuffle(loop.order, loop.n_order, loop.stream)
    loop.takes_order = False
    if loop.orders != NULL:
        memcpy(loop.order, loop.orders + loop.n_trained * loop.n_order,
               loop.n_order * sizeof(Py_ssize_t))
        loop.shuffled = True
    if loop.plateau != NULL or (loop.tolerance != NULL and loop.tolerance.adaptive):
        n_rates[0] = 1
        return &loop.rate if loop.plateau != NULL else &loop.tolerance.rate
    n_rates[0] = loop.n_rates
    return loop.rates if loop.same_rates else loop.rates + loop.n_trained * loop.n_rates


cdef void _copy(const Copy* copies, int n) noexcept nogil:
    cdef int k
    for k in range(n):
        memcpy(copies[k].to, copies[k].source, copies[k].n_bytes)


# The time limit.


cdef double c_part(LoopState* loop, double work_of_batch) noexcept nogil:
    if loop.deadline == INFINITY or loop.part == INFINITY:
        return INFINITY
    loop.part_work = max(loop.part_work, work_of_batch)
    return loop.part_work


cdef void c_end_part(LoopState* loop, double seconds) noexcept nogil:
    if seconds < loop.part:
        loop.part_work *= 2


cdef bint _is_out_of_time(const LoopState* loop) noexcept nogil:
    return loop.deadline != INFINITY and fastnn_seconds() >= loop.deadline


cdef bint c_is_cut(const LoopState* loop) noexcept nogil:
    return loop.part != INFINITY and _is_out_of_time(loop)


cdef bint c_stays_in_core(const LoopState* loop) noexcept nogil:
    cdef Py_ssize_t k
    for k in range(loop.n_measures):
        if loop.judges[k].n_threads > 1:
            return False
    return loop.deadline == INFINITY


# After an epoch.


cdef double _penalty(
    const floating* parameters, const Plan* plan, double l1, double l2, double n,
) noexcept nogil:
    """As ``Regularizer.penalty``."""
    cdef const floating* w
    cdef double total = 0
    cdef Py_ssize_t size
    cdef int l
    if l1 == 0 and l2 == 0:
        return 0
    for l in range(plan.n_layers):
        w = parameters + plan.layers[l].weights
        size = plan.layers[l].n_out * <Py_ssize_t> plan.layers[l].n_in
        if l2 != 0:
            total += 0.5 * l2 / n * c_sum(w, w, size, SQUARE)
        if l1 != 0:
            total += l1 / n * c_sum(w, w, size, MAGNITUDE)
    return total


cdef bint _is_sound(
    const LoopState* loop, const floating* parameters, const floating* running,
    const floating* slots, Py_ssize_t n_slots, const Plan* plan, double mean,
) noexcept nogil:
    """Whether training can go on: an infinite cost may come down again, NaN does not."""
    return ((not loop.with_cost or not isnan(mean))
            and c_all_finite(parameters, plan.n_parameters)
            and (plan.n_running == 0 or c_all_finite(running, plan.n_running))
            and (n_slots == 0 or c_all_finite(slots, n_slots)))


cdef bint _is_best(Best* best, const double* row) noexcept nogil:
    """As ``Best.observe``."""
    cdef double value = row[best.column]
    cdef bint better = isfinite(value)
    if better and best.known:
        better = (value > best.value + best.min_delta if best.larger
                  else value < best.value - best.min_delta)
    if not better:
        best.waited += 1
        return False
    best.known, best.value, best.epoch, best.waited = True, value, <Py_ssize_t> row[0], 0
    return True


cdef bint _tolerates_no_more(LoopState* loop, double value) noexcept nogil:
    """Whether it has got no better by ``tol`` for too long, and no smaller rate is to be tried."""
    cdef Tolerance* rule = loop.tolerance
    # A loss that is no number is not worse: training may come back from it.
    cdef bint worse = (value < rule.best + rule.tol if rule.larger
                       else value > rule.best - rule.tol)
    if value > rule.best if rule.larger else value < rule.best:
        rule.best, rule.found = value, True
        _copy(loop.best, loop.n_best)
    rule.count = rule.count + 1 if worse else 0
    if rule.count <= rule.n_iter_no_change:
        return False
    if not rule.adaptive or rule.rate <= rule.least_rate:
        return True
    rule.rate /= 5.0
    rule.count = 0
    return False


cdef bint _has_enough(LoopState* loop, const double* row) noexcept nogil:
    """Ask the rules, all of them, whether to stop."""
    cdef bint stop = _is_out_of_time(loop)
    if loop.plateau != NULL:
        _is_best(loop.plateau, row)
        if loop.plateau.waited >= loop.plateau.patience:
            loop.cuts += 1
            loop.plateau.waited = 0
            loop.rate = loop.base_rate * pow(loop.factor, <double> loop.cuts)
        # 0.1³ comes out a little above 0.001, and means it.
        stop |= pow(loop.factor, <double> loop.cuts) < loop.until * (1 + 1e-12)
    if loop.stopping != NULL:
        if _is_best(loop.stopping, row):
            _copy(loop.best, loop.n_best)
        stop |= loop.stopping.waited >= loop.stopping.patience
    if loop.tolerance != NULL:
        stop |= _tolerates_no_more(loop, row[loop.tolerance.column])
    return stop


cdef Outcome _measure_all(
    double* row, LoopState* loop, const floating* parameters, floating* running, const Plan* plan,
) noexcept nogil:
    cdef Outcome outcome
    cdef Py_ssize_t k
    for k in range(loop.n_measures):
        c_forget(loop.judges[k])
        if loop.judges[k].all_X != NULL:
            c_take_rows(<floating*> loop.judges[k].own_X, <floating*> loop.judges[k].own_Y,
                        loop.judges[k], loop.order)
    for k in range(loop.n_measures):
        outcome = c_measure(&row[k], parameters, running, loop.judges[k], loop.measures[k])
        if outcome != PREDICTED:
            return outcome
        row[k] += _penalty(parameters, plan, loop.l1s[k], loop.l2s[k],
                           <double> loop.judges[k].X.n_rows)
    return PREDICTED


cdef bint c_end_epoch(
    LoopState* loop, floating* parameters, floating* running, const floating* slots,
    Py_ssize_t n_slots, const Plan* plan, double cost, Py_ssize_t n_rows, double rate,
) noexcept nogil:
    cdef double* row = loop.record + loop.n_recorded * loop.n_columns
    cdef double seconds = fastnn_seconds() - loop.began, mean
    cdef Py_ssize_t column = FIRST_MEASURE
    cdef Outcome outcome
    mean = (cost / loop.cost_divisor + loop.more) / n_rows
    loop.n_trained += 1
    row[<int> EPOCH] = loop.first_epoch + loop.n_trained
    row[<int> LEARNING_RATE], row[<int> SECONDS] = rate, seconds
    if loop.guards and not _is_sound(loop, parameters, running, slots, n_slots, plan, mean):
        loop.ending = DIVERGED
        return False
    if loop.with_cost:
        row[column] = mean + _penalty(parameters, plan, loop.l1, loop.l2, loop.n_penalized)
        column += 1
    outcome = _measure_all(row + column, loop, parameters, running, plan)
    if outcome != PREDICTED:
        loop.ending = INTERRUPTED if outcome == STOPPED else NO_MEMORY
        return False
    loop.n_recorded += 1
    if _has_enough(loop, row):
        loop.ending = ENOUGH
        return False
    return loop.n_trained < loop.n_epochs and fastnn_seconds() - loop.entered < loop.pause


# What Python makes.


cdef class Watch:
    """What a rule that goes by a column of the record has seen.

    Parameters
    ----------
    column : int
    larger : bool
        Whether large values are good.
    min_delta : float
    patience : int
    value : float or None
        The best so far.
    epoch : int or None
        That it is of.
    waited : int
        Epochs since.
    """

    def __cinit__(
        self, int column, bint larger, double min_delta, Py_ssize_t patience, value, epoch,
        Py_ssize_t waited,
    ):
        self.c.column, self.c.larger, self.c.min_delta = column, larger, min_delta
        self.c.patience, self.c.waited = patience, waited
        self.c.known = value is not None
        self.c.value, self.c.epoch = (value, epoch) if self.c.known else (0, 0)

    def state(self) -> tuple:
        """Return the best value and its epoch, or None and None, and the epochs since."""
        if not self.c.known:
            return None, None, self.c.waited
        return self.c.value, self.c.epoch, self.c.waited


cdef class ToleranceWatch:
    """What scikit-learn's rule has seen: so many epochs that were no better by ``tol``.

    Parameters
    ----------
    column : int
        Of the record.
    larger : bool
        Whether large values are good.
    tol : float
    n_iter_no_change : float
        More epochs than this are too many.
    best : float
        The best value so far.
    count : int
        Epochs since.
    rate : float or None
        The adaptive learning rate, which is divided by 5 before training stops.
    least_rate : float
        Below which it is not.
    """

    def __cinit__(
        self, int column, bint larger, double tol, double n_iter_no_change, double best,
        Py_ssize_t count, rate, double least_rate,
    ):
        self.c.column, self.c.larger, self.c.tol = column, larger, tol
        self.c.n_iter_no_change, self.c.best, self.c.count = n_iter_no_change, best, count
        self.c.adaptive, self.c.least_rate = rate is not None, least_rate
        self.c.rate = rate if rate is not None else 0

    @property
    def best(self) -> float:
        return self.c.best

    @property
    def count(self) -> int:
        return self.c.count

    @property
    def rate(self) -> float:
        return self.c.rate

    @property
    def found(self) -> bool:
        """Whether an epoch was better than the best before."""
        return self.c.found


cdef int _set_copies(Copy* copies, pairs) except -1:
    """Let copies be made from the second array of each pair into the first."""
    cdef Py_buffer buffer
    cdef int k = 0
    if len(pairs) > MOST_COPIES:
        raise ValueError(f"copies: expected at most {MOST_COPIES} pairs, got {len(pairs)}")
    for to, source in pairs:
        if to.shape != source.shape or to.dtype != source.dtype:
            raise ValueError(f"copies: expected arrays alike, got {to.shape} and {source.shape}")
        PyObject_GetBuffer(to, &buffer, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
        PyBuffer_Release(&buffer)
        copies[k].to, copies[k].n_bytes = buffer.buf, buffer.len
        PyObject_GetBuffer(source, &buffer, PyBUF_C_CONTIGUOUS)
        PyBuffer_Release(&buffer)
        copies[k].source = buffer.buf
        k += 1
    return 0


cdef class EpochLoop:
    """The epochs of one call of ``train_epoch``.

    Parameters
    ----------
    order : intp array (n,)
        The rows, in the order of the epoch before.
    rates : float64 array (1 or n_epochs, 1 or n_batches)
        The learning rates of all epochs, or of each.
    record : float64 array (n_epochs, n_columns)
        Where each epoch's ``Column``, then its mean cost if there is one, then what is measured is
        written.
    first_epoch : int
        Epochs before the first, as the record counts.
    shuffler : Shuffler, optional
        Its bit generator's lock must be held.
    fresh : bool
        Whether each epoch shuffles the rows as they came, not on from the order before.
    takes_order : bool
        Whether the first epoch takes the order as it is.
    cost : tuple of float (divisor, more)
        The recorded cost is the sum of the rows' costs divided by the one, plus the other, divided
        by the number of rows.
    penalty : tuple of float (l1, l2, n)
        What the recorded cost has added.
    measures : tuple of (Judge, Measure, float, float)
        What else is recorded, with the l1 and l2 of a penalty.
    standing : tuple of pairs of arrays, or None
        Where the parameters and the running statistics are copied before each epoch, and these
        themselves; None: nobody asks whether they are finite.
    stopping, plateau : Watch, optional
    tolerance : ToleranceWatch, optional
    best : tuple of pairs of arrays
        Where to copy what when ``stopping`` or ``tolerance`` finds an epoch the best.
    halving : tuple of float (base_rate, factor, until)
        The learning rate that ``plateau`` lowers, by how much, and the share at which it stops.
    cuts : int
        How often it was lowered before.
    seconds_left : float
        Until the time limit; infinity: there is none.
    part : float
        Seconds of a part of an epoch after which the clock is looked at, if there is a limit;
        infinity: each epoch is trained to its end.
    pause : float
        Seconds after which to come back to Python, at an epoch's end.
    orders : intp array (n_epochs, n), optional
        The rows of each epoch, which are written into ``order``; without a shuffler.

    Raises
    ------
    ValueError
        If shapes or numbers do not fit one another.

    Attributes
    ----------
    needs_blas : bool
        Whether a measure needs it.
    """

    def __init__(
        self, Py_ssize_t[::1] order not None, double[:, ::1] rates not None,
        double[:, ::1] record not None, Py_ssize_t first_epoch, *, Shuffler shuffler=None,
        bint fresh=False, bint takes_order=False, bint with_cost=True, tuple cost=(1.0, 0.0),
        tuple penalty=(0.0, 0.0, 1.0), tuple measures=(), standing=None, Watch stopping=None,
        tuple best=(), Watch plateau=None, ToleranceWatch tolerance=None,
        tuple halving=(0.0, 0.0, 0.0), Py_ssize_t cuts=0, double seconds_left=INFINITY,
        double part=0.0, double pause=INFINITY, const Py_ssize_t[:, ::1] orders=None,
    ):
        cdef Py_ssize_t n_epochs = record.shape[0], n_columns = <int> FIRST_MEASURE + with_cost
        n_columns += len(measures)
        if order.shape[0] < 1 or n_epochs < 1 or record.shape[1] != n_columns:
            raise ValueError(f"record: expected one epoch or more of {n_columns} columns, "
                             f"got ({n_epochs}, {record.shape[1]})")
        if rates.shape[0] not in (1, n_epochs) or rates.shape[1] < 1:
            raise ValueError(f"rates: expected those of 1 or {n_epochs} epochs, "
                             f"got {rates.shape[0]}")
        columns = [(<Watch> watch).c.column for watch in (stopping, plateau) if watch is not None]
        columns += [] if tolerance is None else [tolerance.c.column]
        for column in columns:
            if not 0 <= column < n_columns:
                raise ValueError(f"column: expected 0 to {n_columns - 1}, got {column}")
        self.order, self.rates, self.record, self.shuffler = order, rates, record, shuffler
        self.c.order, self.c.n_order = &order[0], order.shape[0]
        self.c.stream = NULL if shuffler is None else &shuffler.c
        self.c.orders = NULL
        if orders is not None:
            if shuffler is not None or (orders.shape[0], orders.shape[1]) != (n_epochs, len(order)):
                raise ValueError(f"orders: expected ({n_epochs}, {len(order)}) rows and no "
                                 f"shuffler, got ({orders.shape[0]}, {orders.shape[1]})")
            self.orders, self.c.orders = orders, &orders[0, 0]
        self.c.fresh, self.c.takes_order, self.c.with_cost = fresh, takes_order, with_cost
        self.c.rates, self.c.n_rates = &rates[0, 0], rates.shape[1]
        self.c.same_rates = rates.shape[0] == 1
        self.c.record, self.c.n_columns, self.c.n_epochs = &record[0, 0], n_columns, n_epochs
        self.c.first_epoch = first_epoch
        self.c.cost_divisor, self.c.more = cost
        self.c.l1, self.c.l2, self.c.n_penalized = penalty
        self.c.guards = standing is not None
        self.c.n_standing = len(standing) if standing is not None else 0
        self.c.n_best = len(best)
        _set_copies(self.c.standing, standing or ())
        _set_copies(self.c.best, best)
        self.c.stopping = NULL if stopping is None else &stopping.c
        self.c.plateau = NULL if plateau is None else &plateau.c
        self.c.tolerance = NULL if tolerance is None else &tolerance.c
        self.c.base_rate, self.c.factor, self.c.until = halving
        self.c.cuts = cuts
        self.c.rate = self.c.base_rate * pow(self.c.factor, <double> cuts)
        self.c.deadline, self.c.part, self.c.pause = seconds_left, part, pause
        self._set_measures(measures)
        self.kept = standing, best, stopping, plateau, tolerance, measures

    cdef int _set_measures(self, tuple measures) except -1:
        cdef Py_ssize_t n = len(measures), k
        cdef Judge judge
        if self.c.judges != NULL:
            raise ValueError("EpochLoop: expected to be made once")
        # One block: pointers, then doubles, then numbers.
        cdef char* block = <char*> calloc(max(n, 1), sizeof(void*) + 2 * sizeof(double)
                                          + sizeof(int))
        if block == NULL:
            raise MemoryError("no memory for the measures")
        self.c.judges = <JudgeState**> block
        cdef double* l1s = <double*> (block + n * sizeof(void*))
        cdef int* numbers = <int*> (l1s + 2 * n)
        for k in range(n):
            judge, numbers[k], l1s[k], l1s[n + k] = measures[k]
            judge.check(numbers[k])
            self.c.judges[k] = &judge.c
            self.needs_blas |= judge.plan.c.needs_blas
        self.c.n_measures = n
        self.c.l1s, self.c.l2s, self.c.measures = l1s, l1s + n, numbers
        return 0

    def __dealloc__(self):
        free(self.c.judges)

    cdef int begin(
        self, Py_ssize_t n_batches, const Plan* plan, size_t itemsize, Py_ssize_t n_rows,
    ) except -1:
        """Check that it fits the network and its mini-batches, and start the clock."""
        cdef JudgeState* judge
        cdef Py_ssize_t k
        for k in range(self.c.n_measures):
            judge = self.c.judges[k]
            if (judge.plan.n_parameters != plan.n_parameters or judge.itemsize != itemsize
                    or judge.plan.n_running != plan.n_running):
                raise ValueError(f"measures: expected judges of {plan.n_parameters} parameters of "
                                 f"{itemsize} bytes, got {judge.plan.n_parameters} of "
                                 f"{judge.itemsize}")
            if judge.all_X != NULL and (judge.all_X.n_rows != n_rows
                                        or judge.X.n_rows != self.c.n_order):
                raise ValueError(f"measures: expected a judge of {self.c.n_order} rows out of "
                                 f"{n_rows}, got {judge.X.n_rows} out of {judge.all_X.n_rows}")
        self._check_orders(n_rows)
        if self.c.n_rates not in (1, n_batches):
            raise ValueError(f"rates: expected 1 or {n_batches} an epoch, got {self.c.n_rates}")
        if self.shuffler is not None:
            self.shuffler.check(self.c.n_order)
        self.c.entered = fastnn_seconds()
        self.c.deadline += self.c.entered
        self.c.n_recorded = self.c.n_trained = 0
        self.c.part_work, self.c.ending = 0, GOING
        return 0

    cdef int _check_orders(self, Py_ssize_t n_rows) except -1:
        cdef Py_ssize_t i
        if self.c.orders == NULL:
            return 0
        for i in range(self.c.n_epochs * self.c.n_order):
            if not 0 <= self.c.orders[i] < n_rows:
                raise ValueError(f"orders: expected indices from 0 to {n_rows - 1}, "
                                 f"got {self.c.orders[i]}")
        return 0

    @property
    def n_trained(self) -> int:
        """Epochs that were trained to their end."""
        return self.c.n_trained

    @property
    def n_recorded(self) -> int:
        """Epochs that were recorded, which are all of these but perhaps the last."""
        return self.c.n_recorded

    @property
    def cuts(self) -> int:
        """How often the learning rate was lowered on a plateau."""
        return self.c.cuts

    @property
    def ending(self) -> int:
        """Why it came back, an ``Ending``."""
        return self.c.ending
