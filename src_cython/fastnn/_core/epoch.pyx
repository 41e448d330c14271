"""One epoch, and its parts: gather → forward → delta → backward → update, without the GIL.

The work happens in a workspace that the plan laid out before the first mini-batch; nothing is
allocated here. The ``def`` functions at the end check what Python passes, then trust it.
"""

from cython cimport floating
from libc.math cimport NAN
from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from fastnn._core.backward cimport c_gradient, c_output_delta, c_update
from fastnn._core.cost cimport c_clip_outputs, c_cost_forward, c_is_cost
from fastnn._core.cost_of_z cimport c_cost_of_z
from fastnn._core.forward cimport c_forward
from fastnn._core.feature_major cimport c_train_in_lanes
from fastnn._core.optimizer cimport SGD, Rule, StepRule
from fastnn._core.thread_tuner cimport Pace, Times, c_members, c_note, c_stretch
from fastnn._core.context cimport (
    A_LINE, COST, GATHER, GRADIENT, N_PHASES, TRAIN, Pass, c_alone, c_mark, c_of_layer,
    c_own_inputs, c_share, c_start_clock, c_turn_to, c_wait)
from fastnn._core.compiled_plan cimport MOST_PIECES, CompiledPlan, Layer, Plan, c_n_out, c_room
from fastnn._core.row_source cimport (
    RowSource, Source, as_source, c_gather, c_gather_columns, c_pick, c_row_bytes, c_row_memory)
from fastnn._core.thread_pool cimport Work, c_meet, c_run


cdef enum:
    FEW_ROWS = 64  # of a mini-batch, up to which the next one's inputs are asked for ahead

cdef extern from "runtime/clock.h" nogil:
    double fastnn_seconds() noexcept nogil

cdef extern from "Python.h":
    int PyErr_CheckSignals() noexcept  # leaves the exception to whoever has the GIL next

# Work between two looks for Ctrl-C, in units of about a floating-point operation: 20 to 100 ms.
cdef double BETWEEN_SIGNALS = 1e9


# What the members of a team are told of an epoch.
cdef struct Told:
    const Plan* plan
    const StepRule* rule
    void* parameters
    void* running
    void* slots
    void* work
    bint apart               # members work apart; then one has so much of `work`:
    Py_ssize_t room
    const Source* X
    const void* Y
    const void* row_weights  # NULL: none
    const Py_ssize_t* order
    Py_ssize_t n_order
    Py_ssize_t n_epochs
    Py_ssize_t epoch         # those before the stretch at hand
    Py_ssize_t done          # rows and mini-batches of the epoch before it, by all members
    Py_ssize_t batch
    double stretch           # its work
    double worked            # of it
    const double* rates
    Py_ssize_t n_rates
    uint64_t seed
    uint64_t* counter
    uint64_t* masks          # may be the counter
    int loaded               # in lanes: by how many members the rows were loaded last
    bint with_cost
    double cost              # of the epoch so far
    double last_cost         # of the last finished one
    double began             # when the epoch did
    double* recorded         # of each finished epoch its cost and seconds, or NULL
    double* penalties        # of each tile, or NULL
    bint stopped             # by a signal
    double* seconds          # of each phase, or NULL


cdef double _batch_work(const Plan* plan, double m) noexcept nogil:
    """What one mini-batch of m rows costs, in those units: products, activations, calls."""
    cdef double work = 0
    cdef int l
    for l in range(plan.n_layers):
        work += m * (6.0 * plan.layers[l].n_in + 200.0) * plan.layers[l].n_out + 5000.0
    return work


# A mini-batch's rows.


cdef void _load_inputs(
    floating* work, const Source* X, const Py_ssize_t* order, const Plan* plan, Pass* how,
) noexcept nogil:
    """Gather the member's share of the rows, or its columns of all of them."""
    cdef int begin, end
    if how.apart and plan.cut == 0:
        begin, end = c_own_inputs(plan, how)
        c_gather_columns(X, work + plan.inputs, order, how.m, begin, end)
        return
    begin, end = c_share(how.m, how)
    c_gather(X, work + plan.inputs + begin * X.n_columns, order, begin, end - begin)


cdef void _look_ahead(
    const char** places, const Source* X, const Py_ssize_t* order, Py_ssize_t n, const Plan* plan,
    Pass* how,
) noexcept nogil:
    """Let the step ask for what the member will gather next, of the n rows that are left."""
    cdef Py_ssize_t size = c_row_bytes(X) // X.n_columns, skipped = 0
    cdef int begin, end, i
    how.ahead.rows, how.ahead.bytes, how.ahead.n_rows = places, c_row_bytes(X), 0
    # Products of more rows take so long that nobody waits for memory.
    if how.m > FEW_ROWS or how.m > n or how.ahead.bytes == 0:
        return
    if how.apart and plan.cut == 0:
        begin, end = c_own_inputs(plan, how)
        skipped, how.ahead.bytes = begin * size, (end - begin) * size
    begin, end = c_share(how.m, how)
    for i in range(begin, end):
        places[i - begin] = c_row_memory(X, order[i]) + skipped
    how.ahead.n_rows = end - begin


cdef void _load_row_weights(
    floating* work, const floating* row_weights, const Py_ssize_t* order, const Plan* plan,
    bint per_batch, Pass* how,
) noexcept nogil:
    """Gather the member's share; if ``per_batch`` scaled to a mean of 1, their sum the divisor."""
    cdef int begin, end, i
    cdef double total = 0
    cdef floating factor = 1
    if per_batch:  # by every member, for each needs the sum
        for i in range(how.m):
            total += row_weights[order[i]]
        how.divisor = total
        factor = <floating> (how.m / total)
    begin, end = c_share(how.m, how)
    for i in range(begin, end):
        work[plan.row_weights + i] = factor * row_weights[order[i]]


cdef void _load_targets(
    floating* work, const floating* Y, const floating* row_weights, const Py_ssize_t* order,
    const Plan* plan, bint per_batch, Pass* how,
) noexcept nogil:
    """Gather the member's share of targets and weights; they are there after the next meeting."""
    cdef int begin, end
    begin, end = c_share(how.m, how)
    c_pick(work + plan.targets + begin * <Py_ssize_t> c_n_out(plan), Y, c_n_out(plan),
           order + begin, end - begin)
    how.divisor = how.m if per_batch else 1
    if row_weights != NULL:
        _load_row_weights(work, row_weights, order, plan, per_batch, how)


# The cost.


cdef double _cost_of_batch(
    floating* work, const Plan* plan, bint weighted, Pass* how,
) noexcept nogil:
    """The sum of the rows' costs. The outputs may be clipped."""
    cdef Layer* last = &plan.layers[plan.n_layers - 1]
    cdef const floating* row_weights = work + plan.row_weights if weighted else NULL
    if plan.cost_by_z:
        return c_cost_of_z(work + last.z, work + last.out, work + plan.targets, row_weights,
                           plan.cost, last.activation, how.m, last.n_out)
    c_clip_outputs(work + last.out, how.m * <Py_ssize_t> last.n_out, plan.cost,
                   plan.cost_parameter)
    return c_cost_forward(work + last.out, work + plan.targets, row_weights, plan.cost,
                          plan.cost_parameter, how.m, last.n_out)


# An epoch.


cdef double _take(double* x, int n) noexcept nogil:
    """Return the sum of x, and leave zeros."""
    cdef double total = 0
    cdef int k
    for k in range(n):
        total += x[k]
        x[k] = 0
    return total


cdef void _train_on_batch_in_lanes(
    floating* parameters, floating* work, Told* told, Py_ssize_t done, bint again, Pass* how,
) noexcept nogil:
    """The same with the rows as lanes."""
    cdef bint weighted = told.row_weights != NULL
    cdef double cost
    how.divisor = how.m if told.rule.per_batch else 1
    if weighted:
        c_turn_to(how, told.plan, 0)
        _load_row_weights(work, <const floating*> told.row_weights, told.order + done, told.plan,
                          told.rule.per_batch, how)
    cost = c_train_in_lanes(c_of_layer(<floating*> told.slots, how.slots, told.plan, 0, how), work,
                            c_of_layer(parameters, how.parameters, told.plan, 0, how), told.X,
                            <const floating*> told.Y, told.order + done, told.plan, told.rule,
                            told.with_cost, weighted, again, how)
    if told.with_cost:
        how.cost += cost


cdef void _train_on_batch(
    floating* parameters, floating* work, Told* told, Py_ssize_t done, Pass* how,
) noexcept nogil:
    """One mini-batch, from the rows that the order has after ``done`` others."""
    cdef const char* places[FEW_ROWS]
    cdef bint weighted = told.row_weights != NULL
    c_turn_to(how, told.plan, 1)  # who works apart needs all rows
    _load_inputs(work, told.X, told.order + done, told.plan, how)
    _load_targets(work, <const floating*> told.Y, <const floating*> told.row_weights,
                  told.order + done, told.plan, told.rule.per_batch, how)
    c_mark(how, GATHER)
    c_wait(how)
    c_forward(work, work + told.plan.inputs, parameters, <floating*> told.running,
              told.plan, how)
    c_output_delta(work, told.plan, weighted, how)
    _look_ahead(places, told.X, told.order + done + how.m, told.n_order - done - how.m,
                told.plan, how)
    if told.with_cost and how.rank == 0:
        how.cost += _cost_of_batch(work, told.plan, weighted, how)
        c_mark(how, COST)
    c_update(<floating*> told.slots, work, parameters, told.plan, told.rule, how)


cdef void _look_for_signals(Told* told, Pass* how) noexcept nogil:
    if how.rank == 0:
        with gil:
            told.stopped = PyErr_CheckSignals() != 0
    c_meet(how.n_team)


cdef void _set_apart(floating* parameters, Told* told, Pass* how) noexcept nogil:
    """Let the member have the layer that is cut and those after it, or all if none is: in lanes.

    All members but the first copy them.
    """
    cdef const Plan* plan = told.plan
    cdef const floating* slots = <const floating*> told.slots
    cdef const floating* running = <const floating*> told.running
    cdef floating* own = <floating*> told.work + how.rank * told.room + plan.work_size
    cdef Py_ssize_t begin = plan.layers[max(0, plan.cut)].weights, size = plan.n_parameters - begin
    cdef int slot
    how.apart, how.team_work, how.room = True, told.work, told.room
    how.parameters, how.slots, how.running = parameters, told.slots, told.running
    if how.rank == 0:
        return
    how.parameters = own
    memcpy(own + begin, parameters + begin, size * sizeof(floating))
    own += plan.n_parameters
    how.slots = own
    for slot in range(told.rule.n_slots):
        memcpy(own + begin, slots + slot * plan.n_parameters + begin, size * sizeof(floating))
        own += plan.n_parameters
    how.running = own
    if running != NULL:
        memcpy(own, running, plan.n_running * sizeof(floating))


cdef void _bring_back(floating* parameters, Told* told, Pass* how) noexcept nogil:
    """Put the weights of the layer that is cut, which the member owns, where all others are."""
    cdef const Layer* layer = &told.plan.layers[max(0, told.plan.cut)]
    cdef floating* slots = <floating*> told.slots
    cdef Py_ssize_t at
    cdef int left, right, i, _
    if not how.apart or how.rank == 0 or told.plan.cut < 0:
        return
    left, right = c_own_inputs(told.plan, how)
    for i in range(layer.n_out):
        at = layer.weights + i * <Py_ssize_t> layer.n_in + left
        memcpy(parameters + at, <floating*> how.parameters + at, (right - left) * sizeof(floating))
        for _ in range(told.rule.n_slots):
            memcpy(slots + at, <floating*> how.slots + at, (right - left) * sizeof(floating))
            at += told.plan.n_parameters


cdef void _end_epoch(Told* told, Py_ssize_t epoch, Pass* how) noexcept nogil:
    """Write down what the epoch cost, all members' penalties with it, and how long it took."""
    cdef double now
    cdef bint by_all = told.penalties != NULL and told.plan.lane_sums < 0
    if by_all:
        c_meet(how.n_team)
    if how.rank == 0:
        if told.penalties != NULL:
            how.cost += told.rule.penalty_in_cost * _take(
                told.penalties, (told.plan.n_tiles + MOST_PIECES) * A_LINE)
        if told.recorded != NULL:
            now = fastnn_seconds()
            told.recorded[2 * epoch], told.recorded[2 * epoch + 1] = how.cost, now - told.began
            told.began = now
        told.last_cost = how.cost
    if by_all:
        c_meet(how.n_team)  # before others count on
    how.cost = 0 if told.with_cost else NAN


cdef void _run_stretch(floating* parameters, Told* told, int member, int n_members) noexcept nogil:
    """What one member does in a stretch of the epochs."""
    cdef Pass how = c_alone(TRAIN, 0, told.seed, told.counter[0])
    cdef Py_ssize_t epoch = told.epoch, done = told.done, batch = told.batch
    cdef double worked = 0, since_signals = 0
    cdef floating* work = <floating*> told.work
    cdef bint again = told.loaded == n_members
    how.drawn = told.masks[0]
    how.rank, how.n_team, how.penalties = member, n_members, told.penalties
    how.cost = told.cost  # what all read is not written meanwhile
    if told.apart and n_members > 1:
        work += member * told.room
        _set_apart(parameters, told, &how)
    c_meet(n_members)  # before the first one counts on
    c_start_clock(&how, told.seconds if member == 0 else NULL)
    while epoch < told.n_epochs and worked < told.stretch and not told.stopped:
        how.m = <int> min(<Py_ssize_t> told.plan.batch_size, told.n_order - done)
        if how.m > 1 or not told.plan.needs_two_rows:  # one row has no variance
            how.rate = told.rates[batch if told.n_rates > 1 else 0]
            if told.plan.lane_sums >= 0:
                again = again and told.n_order <= told.plan.batch_size
                _train_on_batch_in_lanes(parameters, work, told, done, again, &how)
                again = True
            else:
                _train_on_batch(parameters, work, told, done, &how)
            batch += 1
            how.step += 1
            how.drawn += 1
            if member == 0:
                told.counter[0], told.masks[0] = how.step, how.drawn
            worked += _batch_work(told.plan, how.m)
        done += how.m
        if done == told.n_order:
            _end_epoch(told, epoch, &how)
            epoch, done, batch = epoch + 1, 0, 0
        if worked - since_signals > BETWEEN_SIGNALS:  # all members come to this at the same time
            since_signals = worked
            _look_for_signals(told, &how)
    _bring_back(parameters, told, &how)
    c_meet(n_members)
    if member == 0:
        told.epoch, told.done, told.batch, told.worked = epoch, done, batch, worked
        told.cost, told.loaded = how.cost, n_members


cdef void _run_stretch_float(void* told, int member, int n_members) noexcept nogil:
    _run_stretch[float](<float*> (<Told*> told).parameters, <Told*> told, member, n_members)


cdef void _run_stretch_double(void* told, int member, int n_members) noexcept nogil:
    _run_stretch[double](<double*> (<Told*> told).parameters, <Told*> told, member, n_members)


cdef bint _is_for_several(const Told* told) noexcept nogil:
    """Whether several members may share the work: in pieces only those that have their rooms."""
    return told.apart or (told.plan.lane_sums < 0 and told.plan.cut < 0)


cdef void _run_epochs(Work work, Told* told, Times* times) noexcept nogil:
    """The epochs in stretches, each by as many members as is worth it."""
    cdef double began, since_signals = 0
    cdef int n_members
    told.began = fastnn_seconds()
    while told.epoch < told.n_epochs and not told.stopped:
        n_members = c_members(times) if _is_for_several(told) else 1
        if told.apart:
            n_members = min(n_members, told.plan.n_pieces)
        told.stretch = c_stretch(times)
        began = fastnn_seconds()
        c_run(work, told, n_members)
        if _is_for_several(told):
            c_note(times, fastnn_seconds() - began, told.worked)
        since_signals += told.worked
        if since_signals > BETWEEN_SIGNALS and not told.stopped:
            since_signals = 0
            with gil:
                told.stopped = PyErr_CheckSignals() != 0


# What Python calls.


cdef int _raise_if(bint stopped) except -1:
    """Let the exception through that a signal's handler left, and that nobody has seen yet."""
    return -1 if stopped else 0


cdef int _check_row_weights(Py_ssize_t n_weights, Py_ssize_t n) except -1:
    if n_weights != 0 and n_weights != n:
        raise ValueError(f"row_weights: expected none or {n}, got {n_weights}")
    return 0


cdef int _check_order(const Py_ssize_t[::1] order, Py_ssize_t n) except -1:
    cdef Py_ssize_t i
    if order.shape[0] < 1:
        raise ValueError("order: expected at least one row's index, got none")
    for i in range(order.shape[0]):
        if not 0 <= order[i] < n:
            raise ValueError(f"order: expected indices from 0 to {n - 1}, got {order[i]}")
    return 0


cdef int _check_m(const Plan* plan, Py_ssize_t m) except -1:
    if not 1 <= m <= plan.batch_size:
        raise ValueError(f"m: expected 1 to {plan.batch_size} rows, got {m}")
    return 0


cdef int _check_cost(const Plan* plan) except -1:
    if not c_is_cost(plan.cost):
        raise ValueError(f"plan: its cost ({plan.cost}) is not a compiled one")
    return 0


cdef int _check_slots(
    const Plan* plan, const StepRule* rule, Py_ssize_t n_slots, Py_ssize_t size,
) except -1:
    cdef int needed = rule.n_slots
    if n_slots < needed or (needed and size != plan.n_parameters):
        raise ValueError(f"slots: expected ({needed}, {plan.n_parameters}) numbers, "
                         f"got ({n_slots}, {size})")
    return 0


cdef int _check_members(const Plan* plan, const StepRule* rule, int n_threads) except -1:
    if n_threads < 1:
        raise ValueError(f"n_threads: expected 1 or more, got {n_threads}")
    if plan.n_pieces > 0:
        n_threads = min(n_threads, plan.n_pieces)
    if rule.kind != <int> SGD and n_threads > plan.n_gradients:
        raise ValueError(f"n_threads: the plan has room for the gradients of {plan.n_gradients}, "
                         f"got {n_threads}")
    return 0


cdef int _check_mode(int mode) except -1:
    if not 0 <= mode <= <int> TRAIN:
        raise ValueError(f"mode: expected 0 to {<int> TRAIN}, got {mode}")
    return 0


cdef int _check_rates(Py_ssize_t n_rates, Py_ssize_t n_order, Py_ssize_t batch_size) except -1:
    cdef Py_ssize_t n_batches = (n_order + batch_size - 1) // batch_size
    if n_rates != 1 and n_rates != n_batches:
        raise ValueError(f"rates: expected 1 or {n_batches}, got {n_rates}")
    return 0


def train_epoch(
    CompiledPlan plan not None, Rule rule not None, floating[::1] parameters not None,
    floating[::1] running not None, floating[:, ::1] slots not None, floating[::1] work not None,
    object X not None, const floating[:, ::1] Y not None,
    const floating[::1] row_weights not None, const Py_ssize_t[::1] order not None,
    const double[::1] rates not None, uint64_t seed, uint64_t[::1] counter not None,
    bint with_cost, Pace pace not None, double[::1] seconds not None,
    double[:, ::1] record=None, uint64_t[::1] masks=None,
) -> float:
    """Run one epoch of mini-batch gradient descent over the rows in ``order``, or several.

    Parameters
    ----------
    plan : CompiledPlan
    rule : Rule
        The optimizer and the penalties.
    parameters : array (plan.n_parameters,)
        Updated in place, mini-batch by mini-batch.
    running : array (plan.n_running,)
        Running statistics of batch norm; updated too.
    slots : array (rule.n_slots, plan.n_parameters), or (0, any) for plain SGD
        The optimizer's state.
    work : array (plan.work_size,) or, with pieces, (min(pace.most, plan.n_pieces) * plan.room,)
        If the plan has pieces, several members work apart, each in a room of its own; without the
        rooms one works alone, as it does if a rule limits norms and a layer is cut.
    X : RowSource or array (n, n_in)
        Inputs; an array as a RowSource takes it.
    Y : array (n, n_out)
        Targets; of the dtype of the parameters, as are all arrays but X.
    row_weights : array (n,) or (0,)
        Factors on the rows' costs; none for 1.
    order : intp array (n_order,)
        The rows in the order of their use; the last mini-batch may be shorter. One of a single
        row is left out where there is batch norm.
    rates : float64 array (1,) or (n_batches,)
        The learning rate, of all mini-batches or one each.
    seed : int
        Of the dropout masks.
    counter : uint64 array (1,)
        Steps taken before; each step of this epoch is added when it is done.
    with_cost : bool
        Whether to sum up each mini-batch's cost before its step. If ``rule.per_batch``, the rows
        of a mini-batch count by their share of its weights, times the number of its rows.

    pace : Pace
        How many threads share the work, if they are free; the numbers are the same for any.
    seconds : float64 array (len(Phase),) or (0,)
        Where the time goes is added to it, if there is room.
    record : float64 array (n_epochs, 2), optional
        So many epochs are run, all in the same order. The cost of each and its seconds are
        written here when it is done.
    masks : uint64 array (1,), optional
        Masks drawn before, counted on with the steps; by default there were as many.

    Returns
    -------
    float
        The sum of the rows' weighted costs, or NaN without ``with_cost``; of the last epoch.

    Raises
    ------
    ValueError
        If shapes or indices do not fit the plan.
    KeyboardInterrupt
        At Ctrl-C; everything then stands at the last finished mini-batch.
    """
    cdef RowSource rows = as_source(X)
    cdef Told told
    cdef int n_rooms
    told.recorded, told.n_epochs = NULL, 1
    if record is not None:
        if record.shape[0] < 1 or record.shape[1] != 2:
            raise ValueError(f"record: expected one row or more of 2 numbers, "
                             f"got ({record.shape[0]}, {record.shape[1]})")
        told.recorded, told.n_epochs = &record[0, 0], record.shape[0]
    plan.check_rows(rows.c.n_rows, rows.c.n_columns, Y.shape[0], Y.shape[1], "Y")
    told.room, n_rooms = c_room(&plan.c, rule.c.n_slots), min(pace.c.most, plan.c.n_pieces)
    told.apart = (n_rooms > 1 and work.shape[0] == n_rooms * told.room
                  and (plan.c.cut < 0 or rule.c.max_norm == 0))  # who limits norms needs whole rows
    plan.check_vectors(parameters.shape[0], running.shape[0],
                       plan.c.work_size if told.apart else work.shape[0])
    _check_row_weights(row_weights.shape[0], rows.c.n_rows)
    _check_order(order, rows.c.n_rows)
    _check_cost(&plan.c)
    _check_slots(&plan.c, &rule.c, slots.shape[0], slots.shape[1])
    _check_members(&plan.c, &rule.c, pace.c.most)
    _check_rates(rates.shape[0], order.shape[0], plan.c.batch_size)
    if counter.shape[0] != 1:
        raise ValueError(f"counter: expected 1 number, got {counter.shape[0]}")
    if masks is not None and masks.shape[0] != 1:
        raise ValueError(f"masks: expected 1 number, got {masks.shape[0]}")
    if seconds.shape[0] != 0 and seconds.shape[0] != <int> N_PHASES:
        raise ValueError(f"seconds: expected 0 or {<int> N_PHASES} numbers, "
                         f"got {seconds.shape[0]}")
    told.plan, told.rule = &plan.c, &rule.c
    told.parameters, told.work = &parameters[0], &work[0]
    told.running = &running[0] if running.shape[0] else NULL
    told.slots = &slots[0, 0] if rule.c.n_slots else NULL
    told.X, told.Y = &rows.c, &Y[0, 0]
    told.row_weights = &row_weights[0] if row_weights.shape[0] else NULL
    told.order, told.n_order = &order[0], order.shape[0]
    told.rates, told.n_rates = &rates[0], rates.shape[0]
    told.seed, told.counter = seed, &counter[0]
    told.masks = told.counter if masks is None else &masks[0]
    told.with_cost, told.stopped = with_cost, False
    told.epoch, told.done, told.batch, told.loaded = 0, 0, 0, 0
    told.cost, told.last_cost = 0 if with_cost else NAN, NAN
    told.seconds = &seconds[0] if seconds.shape[0] else NULL
    told.penalties = NULL
    if with_cost and rule.c.penalty_in_cost != 0:
        told.penalties = <double*> calloc(plan.c.n_tiles + MOST_PIECES, A_LINE * sizeof(double))
        if told.penalties == NULL:
            raise MemoryError("no memory for the penalties")
    with nogil:
        _run_epochs(_run_stretch_float if floating is float else _run_stretch_double, &told,
                    &pace.c)
        free(told.penalties)
    _raise_if(told.stopped)
    return told.last_cost


def forward_batch(
    CompiledPlan plan not None, const floating[::1] parameters not None,
    floating[::1] running not None, floating[::1] work not None,
    object X not None, const floating[:, ::1] Y not None,
    const floating[::1] row_weights not None, const Py_ssize_t[::1] order not None,
    int mode, uint64_t seed, uint64_t step,
) -> int:
    """Gather the first mini-batch of ``order`` into ``work`` and run it forward.

    The parameters are as for ``train_epoch``; ``mode`` is a number of ``Mode``, ``step`` counts
    the masks. Returns the number of rows taken.
    """
    cdef RowSource rows = as_source(X)
    cdef Pass how
    plan.check_rows(rows.c.n_rows, rows.c.n_columns, Y.shape[0], Y.shape[1], "Y")
    plan.check_vectors(parameters.shape[0], running.shape[0], work.shape[0])
    _check_row_weights(row_weights.shape[0], rows.c.n_rows)
    _check_order(order, rows.c.n_rows)
    _check_mode(mode)
    how = c_alone(mode, <int> min(<Py_ssize_t> plan.c.batch_size, order.shape[0]), seed, step)
    with nogil:
        c_gather(&rows.c, &work[plan.c.inputs], &order[0], 0, how.m)
        _load_targets(&work[0], &Y[0, 0], &row_weights[0] if row_weights.shape[0] else NULL,
                      &order[0], &plan.c, False, &how)
        c_forward(&work[0], &work[plan.c.inputs], &parameters[0],
                  &running[0] if running.shape[0] else NULL, &plan.c, &how)
    return how.m


def output_delta(
    CompiledPlan plan not None, floating[::1] work not None, int m, bint weighted,
) -> None:
    """Write the compiled cost's delta of the last ``m`` rows run forward into ``work``.

    ``weighted`` says whether their weights were gathered too.
    """
    cdef Pass how = c_alone(GRADIENT, m, 0, 0)
    plan.check_vectors(plan.c.n_parameters, plan.c.n_running, work.shape[0])
    _check_m(&plan.c, m)
    _check_cost(&plan.c)
    with nogil:
        c_output_delta(&work[0], &plan.c, weighted, &how)


def update_batch(
    CompiledPlan plan not None, Rule rule not None, floating[::1] parameters not None,
    floating[:, ::1] slots not None, floating[::1] work not None, int m, double rate,
    uint64_t seed, uint64_t step, object drawn=None, object counted=(),
) -> None:
    """Take the step after ``step`` others from the output's delta of ``m`` rows in ``work``.

    Parameters
    ----------
    plan, rule, parameters, slots, work, seed
        As for ``train_epoch``.
    m : int
    rate : float
    step : int
    drawn : int, optional
        Masks drawn before; by default as many as steps.
    counted : sequence of uint64 arrays
        The first number of each is counted up, in one with the step.

    Raises
    ------
    ValueError
        If something does not fit the plan, or the rule is one per mini-batch's weights, which
        are not known here.
    """
    cdef Pass how = c_alone(TRAIN, m, seed, step)
    cdef uint64_t[::1] count
    if drawn is not None:
        how.drawn = drawn
    if rule.c.per_batch:
        raise ValueError("rule: expected one without per_batch")
    plan.check_vectors(parameters.shape[0], plan.c.n_running, work.shape[0])
    _check_m(&plan.c, m)
    _check_slots(&plan.c, &rule.c, slots.shape[0], slots.shape[1])
    _check_members(&plan.c, &rule.c, 1)
    how.rate = rate
    with nogil:
        c_update(&slots[0, 0] if rule.c.n_slots else NULL, &work[0], &parameters[0],
                 &plan.c, &rule.c, &how)
    for count in counted:
        count[0] += 1


def gradient_batch(
    CompiledPlan plan not None, floating[::1] gradient not None,
    const floating[::1] parameters not None, floating[::1] work not None, int m, double scale,
    double keep,
) -> None:
    """``gradient := keep gradient + scale Σ ∂C/∂parameters`` over ``m`` rows in ``work``.

    It starts from the output's delta of rows run forward in the mode GRADIENT; ``gradient`` is
    laid out as ``parameters``.
    """
    cdef Pass how = c_alone(GRADIENT, m, 0, 0)
    if gradient.shape[0] != plan.c.n_parameters:
        raise ValueError(f"gradient: expected {plan.c.n_parameters} numbers, "
                         f"got {gradient.shape[0]}")
    plan.check_vectors(parameters.shape[0], plan.c.n_running, work.shape[0])
    _check_m(&plan.c, m)
    with nogil:
        c_gradient(&gradient[0], &work[0], &parameters[0], &plan.c, <floating> scale,
                   <floating> keep, &how)
