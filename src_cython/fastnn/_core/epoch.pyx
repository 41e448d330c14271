"""One epoch, and its parts: gather → forward → delta → backward → update, without the GIL.

The work happens in a workspace that the plan laid out before the first mini-batch; nothing is
allocated here. The ``def`` functions at the end check what Python passes, then trust it.
"""

from cython cimport floating
from libc.math cimport INFINITY, NAN
from libc.stdint cimport UINT64_MAX, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from fastnn._core.backward cimport c_gradient, c_output_delta, c_update
from fastnn._core.cost cimport c_clip_outputs, c_cost_forward, c_is_cost
from fastnn._core.cost_of_z cimport c_cost_of_z
from fastnn._core.forward cimport c_forward
from fastnn._core.feature_major cimport c_train_feature_major
from fastnn._core.optimizer cimport SGD, Rule, StepRule
from fastnn._core.thread_tuner cimport ThreadTuner, TunerState, c_n_workers, c_record, c_stretch
from fastnn._core.constants cimport DOUBLES_PER_LINE, MAX_PARTIAL_SUMS
from fastnn._core.context cimport (
    COST, GATHER, GRADIENT, N_PHASES, TRAIN, BatchContext, c_batch_context, c_mark, c_vector_of,
    c_own_inputs, c_share, c_start_clock, c_begin_layer, c_sync, fastnn_seconds)
from fastnn._core.compiled_plan cimport CompiledPlan, Layer, Plan, c_n_out
from fastnn._core.epoch_loop cimport (
    INTERRUPTED, NO_MEMORY, EpochLoop, LoopState, c_begin_epoch, c_end_epoch, c_end_part,
    c_is_cut, c_part, c_stays_in_core)
from fastnn._core.row_source cimport (
    RowSource, Source, as_source, c_gather, c_gather_columns, c_pick, c_row_bytes, c_row_memory)
from fastnn._core.signals cimport c_handle_signals, c_raise_if, c_signals_are_due
from fastnn._core.thread_pool cimport Task, c_barrier, c_long_barrier, c_run, c_stalled


cdef enum:
    FEW_ROWS = 64  # of a mini-batch, up to which the next one's inputs are prefetched

# Seconds that workers may stall before it is asked whether several are worth it.
cdef double PATIENCE = 1e-3

# An epoch, for the workers to run in stretches.
cdef struct EpochJob:
    const Plan* plan
    const StepRule* rule
    void* parameters
    void* running
    void* slots
    void* work
    bint replicated          # each worker has an arena in `work`, not one workspace for all
    const Source* X
    const void* Y
    const void* row_weights  # NULL: none
    const Py_ssize_t* order
    Py_ssize_t n_order
    Py_ssize_t* as_they_lie  # feature-major: 0, 1, ... if a mini-batch has all rows; or NULL
    Py_ssize_t done          # rows, and mini-batches, before the current stretch
    Py_ssize_t batch
    int n_workers            # of the stretch
    double left              # work of it
    double stretch_seconds   # so far
    double stretch_work
    double most              # work of the part of it that the workers are to do now
    double worked            # and did
    const double* rates
    Py_ssize_t n_rates
    uint64_t seed
    uint64_t* counter
    uint64_t* masks          # may be the counter
    int loaded               # feature-major: by how many workers the rows were loaded last
    bint with_cost
    double cost              # of the epoch so far
    double* penalties        # of each tile and partial sum, or NULL
    bint stopped             # by a signal
    uint64_t last_step       # after which the part ends, as workers stalled
    double stalled_before    # seconds, until the part began
    double* seconds          # of each phase, or NULL
    LoopState* loop          # NULL: a single epoch
    bint stays               # whether workers stay together from one epoch to the next
    bint over                # whether the last epoch has ended
    double between           # seconds between epochs of the current part


cdef double _batch_work(const Plan* plan, double m) noexcept nogil:
    """Operations of a mini-batch of m rows: products, activations, calls."""
    cdef double work = 0
    cdef int l
    for l in range(plan.n_layers):
        work += m * (6.0 * plan.layers[l].n_in + 200.0) * plan.layers[l].n_out + 5000.0
    return work


# A mini-batch's rows.


cdef void _load_inputs(
    floating* work, const Source* X, const Py_ssize_t* order, const Plan* plan, BatchContext* ctx,
) noexcept nogil:
    """Gather the worker's share of the rows, or its columns of all of them."""
    cdef int begin, end
    if ctx.replicated and plan.split_layer == 0:
        begin, end = c_own_inputs(plan, ctx)
        c_gather_columns(X, work + plan.inputs, order, ctx.m, begin, end)
        return
    begin, end = c_share(ctx.m, ctx)
    c_gather(X, work + plan.inputs + begin * X.n_columns, order, begin, end - begin)


cdef void _prefetch_next(
    const char** rows, const Source* X, const Py_ssize_t* order, Py_ssize_t n, const Plan* plan,
    BatchContext* ctx,
) noexcept nogil:
    """Let the step prefetch what the worker will gather next, of the n rows that are left."""
    cdef Py_ssize_t size = c_row_bytes(X) // X.n_columns, skipped = 0
    cdef int begin, end, i
    ctx.prefetch.rows, ctx.prefetch.bytes, ctx.prefetch.n_rows = rows, c_row_bytes(X), 0
    # Products of more rows take so long that nobody waits for memory.
    if ctx.m > FEW_ROWS or ctx.m > n or ctx.prefetch.bytes == 0:
        return
    if ctx.replicated and plan.split_layer == 0:
        begin, end = c_own_inputs(plan, ctx)
        skipped, ctx.prefetch.bytes = begin * size, (end - begin) * size
    begin, end = c_share(ctx.m, ctx)
    for i in range(begin, end):
        rows[i - begin] = c_row_memory(X, order[i]) + skipped
    ctx.prefetch.n_rows = end - begin


cdef void _load_row_weights(
    floating* work, const floating* row_weights, const Py_ssize_t* order, const Plan* plan,
    bint per_batch, BatchContext* ctx,
) noexcept nogil:
    """Gather the worker's share; if ``per_batch`` scaled to a mean of 1, their sum the divisor."""
    cdef int begin, end, i
    cdef double total = 0
    cdef floating factor = 1
    if per_batch:  # by every worker, for each needs the sum
        for i in range(ctx.m):
            total += row_weights[order[i]]
        ctx.divisor = total
        factor = <floating> (ctx.m / total)
    begin, end = c_share(ctx.m, ctx)
    for i in range(begin, end):
        work[plan.row_weights + i] = factor * row_weights[order[i]]


cdef void _load_targets(
    floating* work, const floating* Y, const floating* row_weights, const Py_ssize_t* order,
    const Plan* plan, bint per_batch, BatchContext* ctx,
) noexcept nogil:
    """Gather the worker's share of targets and weights; they are there after the next barrier."""
    cdef int begin, end
    begin, end = c_share(ctx.m, ctx)
    c_pick(work + plan.targets + begin * <Py_ssize_t> c_n_out(plan), Y, c_n_out(plan),
           order + begin, end - begin)
    ctx.divisor = ctx.m if per_batch else 1
    if row_weights != NULL:
        _load_row_weights(work, row_weights, order, plan, per_batch, ctx)


# The cost.


cdef double _cost_of_batch(
    floating* work, const Plan* plan, bint weighted, BatchContext* ctx,
) noexcept nogil:
    """The sum of the rows' costs. The outputs may be clipped."""
    cdef Layer* last = &plan.layers[plan.n_layers - 1]
    cdef const floating* row_weights = work + plan.row_weights if weighted else NULL
    if plan.cost_by_z:
        return c_cost_of_z(work + last.z, work + last.out, work + plan.targets, row_weights,
                           plan.cost, last.activation, ctx.m, last.n_out)
    c_clip_outputs(work + last.out, ctx.m * <Py_ssize_t> last.n_out, plan.cost,
                   plan.cost_parameter)
    return c_cost_forward(work + last.out, work + plan.targets, row_weights, plan.cost,
                          plan.cost_parameter, ctx.m, last.n_out)


# An epoch.


cdef double _take(double* x, int n) noexcept nogil:
    """Return the sum of x, and leave zeros."""
    cdef double total = 0
    cdef int k
    for k in range(n):
        total += x[k]
        x[k] = 0
    return total


cdef void _train_feature_major(
    floating* parameters, floating* work, EpochJob* job, Py_ssize_t done, bint again,
    BatchContext* ctx,
) noexcept nogil:
    """The same, feature-major."""
    cdef bint weighted = job.row_weights != NULL
    cdef const Py_ssize_t* order = job.order if job.as_they_lie == NULL else job.as_they_lie
    cdef double cost
    ctx.divisor = ctx.m if job.rule.per_batch else 1
    if weighted:
        c_begin_layer(ctx, job.plan, 0)
        _load_row_weights(work, <const floating*> job.row_weights, order + done, job.plan,
                          job.rule.per_batch, ctx)
    cost = c_train_feature_major(
        c_vector_of(<floating*> job.slots, ctx.slots, job.plan, 0, ctx), work,
        c_vector_of(parameters, ctx.parameters, job.plan, 0, ctx), job.X, <const floating*> job.Y,
        order + done, job.plan, job.rule, job.with_cost, weighted, again, ctx)
    if job.with_cost:
        ctx.cost += cost


cdef void _train_on_batch(
    floating* parameters, floating* work, EpochJob* job, Py_ssize_t done, BatchContext* ctx,
) noexcept nogil:
    """One mini-batch, from the rows that the order has after ``done`` others."""
    cdef const char* next_rows[FEW_ROWS]
    cdef bint weighted = job.row_weights != NULL
    c_begin_layer(ctx, job.plan, 1)  # replicated layers need all rows
    _load_inputs(work, job.X, job.order + done, job.plan, ctx)
    _load_targets(work, <const floating*> job.Y, <const floating*> job.row_weights,
                  job.order + done, job.plan, job.rule.per_batch, ctx)
    c_mark(ctx, GATHER)
    c_sync(ctx)
    c_forward(work, work + job.plan.inputs, parameters, <floating*> job.running,
              job.plan, ctx)
    c_output_delta(work, job.plan, weighted, ctx)
    _prefetch_next(next_rows, job.X, job.order + done + ctx.m, job.n_order - done - ctx.m,
                   job.plan, ctx)
    if job.with_cost and ctx.worker == 0:
        ctx.cost += _cost_of_batch(work, job.plan, weighted, ctx)
        c_mark(ctx, COST)
    c_update(<floating*> job.slots, work, parameters, job.plan, job.rule, ctx)


cdef void _handle_signals(EpochJob* job, BatchContext* ctx) noexcept nogil:
    if ctx.worker == 0:
        job.stopped = c_handle_signals()
    c_barrier(ctx.n_workers)


cdef void _replicate(floating* parameters, EpochJob* job, BatchContext* ctx) noexcept nogil:
    """Let the worker have the split layer and those after it to itself; feature-major, all layers.

    All workers but the first copy them into their arenas.
    """
    cdef const Plan* plan = job.plan
    cdef const floating* slots = <const floating*> job.slots
    cdef floating* arena = <floating*> job.work + ctx.worker * plan.arena_size
    cdef Py_ssize_t begin = plan.layers[max(0, plan.split_layer)].weights, at
    cdef Py_ssize_t size = (plan.n_parameters - begin) * sizeof(floating)
    cdef int slot
    ctx.replicated, ctx.arenas = True, job.work
    ctx.parameters, ctx.slots, ctx.running = parameters, job.slots, job.running
    if ctx.worker == 0:
        return
    ctx.parameters, ctx.slots = arena + plan.own_parameters, arena + plan.own_slots
    ctx.running = arena + plan.own_running
    memcpy(<floating*> ctx.parameters + begin, parameters + begin, size)
    for slot in range(job.rule.n_slots):
        at = slot * plan.n_parameters + begin
        memcpy(<floating*> ctx.slots + at, slots + at, size)
    if job.running != NULL:
        memcpy(ctx.running, job.running, plan.n_running * sizeof(floating))


cdef void _bring_back(floating* parameters, EpochJob* job, BatchContext* ctx) noexcept nogil:
    """Copy the split layer's weights that the worker owns to where all others are."""
    cdef const Layer* layer = &job.plan.layers[max(0, job.plan.split_layer)]
    cdef floating* slots = <floating*> job.slots
    cdef Py_ssize_t at
    cdef int left, right, i, _
    if not ctx.replicated or ctx.worker == 0 or job.plan.split_layer < 0:
        return
    left, right = c_own_inputs(job.plan, ctx)
    for i in range(layer.n_out):
        at = layer.weights + i * <Py_ssize_t> layer.n_in + left
        memcpy(parameters + at, <floating*> ctx.parameters + at, (right - left) * sizeof(floating))
        for _ in range(job.rule.n_slots):
            memcpy(slots + at, <floating*> ctx.slots + at, (right - left) * sizeof(floating))
            at += job.plan.n_parameters


# Between two epochs.


cdef void _begin_epoch(EpochJob* job) noexcept nogil:
    job.done = job.batch = 0
    job.cost = 0 if job.with_cost else NAN
    if job.loop != NULL:
        job.rates = c_begin_epoch(job.loop, &job.n_rates)
        if job.loop.shuffled and job.as_they_lie == NULL:
            job.loaded = 0


cdef void _next_epoch(floating* parameters, EpochJob* job) noexcept nogil:
    """End the epoch, of as many rows as were done; begin another one, unless it was the last."""
    if job.penalties != NULL:  # all workers'
        job.cost += job.rule.penalty_in_cost * _take(
            job.penalties, (job.plan.n_tiles + MAX_PARTIAL_SUMS) * DOUBLES_PER_LINE)
    job.over = job.loop == NULL or not c_end_epoch(
        job.loop, parameters, <floating*> job.running, <const floating*> job.slots,
        job.rule.n_slots * job.plan.n_parameters, job.plan, job.cost, job.done,
        job.rates[job.n_rates - 1])
    if not job.over:
        _begin_epoch(job)


cdef void _notice_stalls(EpochJob* job, BatchContext* ctx) noexcept nogil:
    """Let the part end after the mini-batch that begins, if workers stalled: by the first one.

    All know of it when they have passed a barrier of that mini-batch.
    """
    if c_stalled() - job.stalled_before > PATIENCE:
        job.last_step = ctx.step


cdef bint _next_epoch_of_all(
    floating* parameters, EpochJob* job, Py_ssize_t done, BatchContext* ctx,
) noexcept nogil:
    """The same, by the first worker while the others wait, so that nobody need be woken up again.

    Returns whether there is another epoch.
    """
    cdef double began
    # Feature-major, what others do after their last barrier does not concern the first one, and of
    # the job they read nothing that it changes.
    if job.plan.lane_sums < 0:
        _bring_back(parameters, job, ctx)
        c_barrier(ctx.n_workers)
    if ctx.worker == 0:
        began = fastnn_seconds()
        job.done, job.cost, job.loaded = done, ctx.cost, ctx.n_workers
        _next_epoch(parameters, job)
        job.between += fastnn_seconds() - began
    c_long_barrier(ctx.n_workers)
    ctx.cost = job.cost
    return not job.over


cdef void _run_stretch(
    floating* parameters, EpochJob* job, int worker, int n_workers,
) noexcept nogil:
    """What one worker does in a stretch, which may go on from one epoch to the next."""
    cdef BatchContext ctx = c_batch_context(TRAIN, 0, job.seed, job.counter[0])
    cdef Py_ssize_t done = job.done, batch = job.batch
    cdef double worked = 0, since_signals = 0, batch_work
    cdef floating* work = <floating*> job.work
    cdef bint again = job.loaded == n_workers
    ctx.drawn = job.masks[0]
    ctx.worker, ctx.n_workers, ctx.penalties = worker, n_workers, job.penalties
    ctx.cost = job.cost  # what all read is not written meanwhile
    if job.replicated and n_workers > 1:
        work += worker * job.plan.arena_size
        _replicate(parameters, job, &ctx)
    c_barrier(n_workers)  # before the first one counts on
    c_start_clock(&ctx, job.seconds if worker == 0 else NULL)
    while (done < job.n_order and worked < job.most and ctx.step <= job.last_step
           and not job.stopped):
        ctx.m = <int> min(<Py_ssize_t> job.plan.batch_size, job.n_order - done)
        if ctx.m > 1 or not job.plan.needs_two_rows:  # one row has no variance
            ctx.rate = job.rates[batch if job.n_rates > 1 else 0]
            if worker == 0 and n_workers > 1:
                _notice_stalls(job, &ctx)
            if job.plan.lane_sums >= 0:
                again = again and job.n_order <= job.plan.batch_size
                _train_feature_major(parameters, work, job, done, again, &ctx)
                again = True
            else:
                _train_on_batch(parameters, work, job, done, &ctx)
            batch += 1
            ctx.step += 1
            ctx.drawn += 1
            if worker == 0:
                job.counter[0], job.masks[0] = ctx.step, ctx.drawn
            batch_work = _batch_work(job.plan, ctx.m)
            worked += batch_work
            since_signals += batch_work
        done += ctx.m
        if c_signals_are_due(&since_signals):  # all workers come to this at the same time
            _handle_signals(job, &ctx)
        if (done == job.n_order and job.stays and worked < job.most
                and ctx.step <= job.last_step and not job.stopped):
            if not _next_epoch_of_all(parameters, job, done, &ctx):
                break
            done, batch, again = 0, 0, job.loaded == n_workers
    _bring_back(parameters, job, &ctx)
    c_barrier(n_workers)
    if worker == 0:
        job.done, job.batch, job.worked = done, batch, worked
        job.cost, job.loaded = ctx.cost, n_workers


cdef void _run_stretch_float(void* job, int worker, int n_workers) noexcept nogil:
    _run_stretch[float](<float*> (<EpochJob*> job).parameters, <EpochJob*> job, worker, n_workers)


cdef void _run_stretch_double(void* job, int worker, int n_workers) noexcept nogil:
    _run_stretch[double](<double*> (<EpochJob*> job).parameters, <EpochJob*> job, worker, n_workers)


cdef bint _is_for_several(const EpochJob* job) noexcept nogil:
    """Whether several workers may share the work: partial sums only if each has an arena."""
    return job.replicated or (job.plan.lane_sums < 0 and job.plan.split_layer < 0)


cdef void _plan_stretch(EpochJob* job, TunerState* tuner) noexcept nogil:
    """Begin a stretch, which goes on after the end of an epoch if that comes before its own."""
    cdef int busiest
    job.n_workers = 1
    if _is_for_several(job):
        job.n_workers = c_n_workers(tuner)
    if job.replicated:
        job.n_workers = min(job.n_workers, job.plan.n_partial_sums)
        if not tuner.fixed:  # no more than have as much to do as the busiest
            busiest = (job.plan.n_partial_sums - 1) // job.n_workers + 1
            job.n_workers = (job.plan.n_partial_sums - 1) // busiest + 1
    job.left = c_stretch(tuner)
    job.stretch_seconds, job.stretch_work = 0, 0


cdef double _run_part(Task task, EpochJob* job, TunerState* tuner, double most) noexcept nogil:
    """What the epoch has of the stretch; return its seconds.

    It is no more than ``most`` work, but for the last mini-batch.
    """
    cdef double seconds
    cdef int n_workers = job.n_workers
    job.most, job.between = min(job.left, most), 0
    job.last_step, job.stalled_before = UINT64_MAX, c_stalled()
    job.stays = n_workers > 1 and job.loop != NULL and c_stays_in_core(job.loop)
    seconds = fastnn_seconds()
    if n_workers == 1:
        task(job, 0, 1)
    else:
        n_workers = c_run(task, job, n_workers)
    seconds = fastnn_seconds() - seconds - job.between
    job.left -= job.worked
    job.stretch_seconds += seconds
    job.stretch_work += job.worked
    if n_workers != job.n_workers:  # somebody else has the thread pool
        job.left, job.stretch_seconds, job.stretch_work = 0, seconds, job.worked
    if (job.left <= 0 or job.last_step != UINT64_MAX) and _is_for_several(job):
        c_record(tuner, n_workers, job.stretch_seconds, job.stretch_work,
                 job.last_step != UINT64_MAX)
        job.left = 0
    return seconds


cdef void _run_epochs(
    floating* parameters, Task task, EpochJob* job, TunerState* tuner,
) noexcept nogil:
    """The epoch, or all of the loop's."""
    cdef double since_signals = 0, seconds, most = INFINITY
    cdef double work_of_batch = _batch_work(job.plan, min(
        <Py_ssize_t> job.plan.batch_size, job.n_order))
    cdef LoopState* loop = job.loop
    _begin_epoch(job)
    while not job.over and not job.stopped:
        if loop != NULL:
            most = c_part(loop, work_of_batch)
        if job.left <= 0:
            _plan_stretch(job, tuner)
        seconds = _run_part(task, job, tuner, most)
        since_signals += job.worked
        if c_signals_are_due(&since_signals) and not job.stopped:
            job.stopped = c_handle_signals()
        if loop != NULL:
            c_end_part(loop, seconds)
        if job.over or job.stopped:
            return
        if job.done == job.n_order or (loop != NULL and c_is_cut(loop)):
            _next_epoch(parameters, job)


# What Python calls.


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


cdef Py_ssize_t* _rows_as_they_lie(
    const Py_ssize_t[::1] order, Py_ssize_t n, CompiledPlan plan, EpochLoop loop,
) except? NULL:
    """Return 0 to n - 1 if each mini-batch has all n rows once, so that their order is nothing.

    The sums over them are then as well taken in the order of the memory, and kept rows be kept.
    """
    cdef Py_ssize_t* rows
    cdef Py_ssize_t i
    cdef bint each_once = True
    if (plan.c.lane_sums < 0 or order.shape[0] != n or n > plan.c.batch_size
            or (loop is not None and loop.c.orders != NULL)):
        return NULL
    rows = <Py_ssize_t*> calloc(n, sizeof(Py_ssize_t))
    if rows == NULL:
        raise MemoryError("no memory for the order of the rows")
    for i in range(n):
        rows[order[i]] += 1
    for i in range(n):
        each_once = each_once and rows[i] == 1
        rows[i] = i
    if not each_once:
        free(rows)
        return NULL
    return rows


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


cdef int _check_workers(const Plan* plan, const StepRule* rule, int n_threads) except -1:
    if n_threads < 1:
        raise ValueError(f"n_threads: expected 1 or more, got {n_threads}")
    if plan.n_partial_sums > 0:
        n_threads = min(n_threads, plan.n_partial_sums)
    if rule.kind != <int> SGD and n_threads > plan.n_gradients:
        raise ValueError(f"n_threads: the plan has memory for the gradients of {plan.n_gradients}, "
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


cdef int _check_loop(
    EpochLoop loop, const Py_ssize_t[::1] order, Py_ssize_t n_rows, bint with_cost,
    CompiledPlan plan, size_t itemsize,
) except -1:
    cdef Py_ssize_t n = order.shape[0], size = plan.c.batch_size
    if loop.c.fresh and n > n_rows:
        raise ValueError(f"order: expected at most {n_rows} rows, got {n}")
    if loop.c.order != &order[0] or loop.c.n_order != n:
        raise ValueError("order: expected the loop's own")
    if loop.c.with_cost != with_cost:
        raise ValueError(f"with_cost: expected {loop.c.with_cost} as in the loop, got {with_cost}")
    return loop.begin((n + size - 1) // size, &plan.c, itemsize, n_rows)


def train_epoch(
    CompiledPlan plan not None, Rule rule not None, floating[::1] parameters not None,
    floating[::1] running not None, floating[:, ::1] slots not None, floating[::1] work not None,
    object X not None, const floating[:, ::1] Y not None,
    const floating[::1] row_weights not None, const Py_ssize_t[::1] order not None,
    const double[::1] rates not None, uint64_t seed, uint64_t[::1] counter not None,
    bint with_cost, ThreadTuner tuner not None, double[::1] seconds not None,
    EpochLoop loop=None, uint64_t[::1] masks=None,
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
    work : array (plan.work_size,), or (n_arenas * plan.arena_size,)
        If the plan has partial sums, several workers need an arena each: the smaller of
        ``tuner.max_workers`` and of the number of partial sums. With a workspace alone one worker
        does all, and so it does if a rule limits norms and there is a split layer.
    X : RowSource or array (n, n_in)
        Inputs; an array as a RowSource takes it.
    Y : array (n, n_out)
        Targets; of the dtype of the parameters, as are all arrays but X.
    row_weights : array (n,) or (0,)
        Factors on the rows' costs; none for 1.
    order : intp array (n_order,)
        The rows in the order of their use; the last mini-batch may be shorter. One of a single
        row is left out where there is batch norm. A narrow network may take those of a mini-batch
        of all rows in the order of the memory.
    rates : float64 array (1,) or (n_batches,)
        The learning rate, of all mini-batches or one each; with ``loop`` its own are taken.
    seed : int
        Of the dropout masks.
    counter : uint64 array (1,)
        Steps taken before; each step of this epoch is added when it is done.
    with_cost : bool
        Whether to sum up each mini-batch's cost before its step. If ``rule.per_batch``, the rows
        of a mini-batch count by their share of its weights, times the number of its rows.

    tuner : ThreadTuner
        How many threads share the work, if they are free; the numbers are the same for any.
    seconds : float64 array (len(Phase),) or (0,)
        Where the time goes is added to it, unless it is empty.
    loop : EpochLoop, optional
        So many epochs are run, with all that is done between them; ``order`` must be its own.
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
    cdef EpochJob job
    cdef int n_arenas
    job.loop, job.over = NULL, False
    plan.check_rows(rows.c.n_rows, rows.c.n_columns, Y.shape[0], Y.shape[1], "Y")
    n_arenas = min(tuner.c.max_workers, plan.c.n_partial_sums)
    job.replicated = (
        n_arenas > 1 and plan.c.arena_size > 0 and work.shape[0] == n_arenas * plan.c.arena_size
        and rule.c.n_slots <= plan.c.n_slots
        # Norms are limited by one who has all weights of a neuron.
        and (plan.c.split_layer < 0 or rule.c.max_norm == 0))
    plan.check_vectors(parameters.shape[0], running.shape[0],
                       plan.c.work_size if job.replicated else work.shape[0])
    _check_row_weights(row_weights.shape[0], rows.c.n_rows)
    _check_order(order, rows.c.n_rows)
    _check_cost(&plan.c)
    _check_slots(&plan.c, &rule.c, slots.shape[0], slots.shape[1])
    _check_workers(&plan.c, &rule.c, tuner.c.max_workers)
    _check_rates(rates.shape[0], order.shape[0], plan.c.batch_size)
    if loop is not None:
        _check_loop(loop, order, rows.c.n_rows, with_cost, plan, sizeof(floating))
        job.loop = &loop.c
    if counter.shape[0] != 1:
        raise ValueError(f"counter: expected 1 number, got {counter.shape[0]}")
    if masks is not None and masks.shape[0] != 1:
        raise ValueError(f"masks: expected 1 number, got {masks.shape[0]}")
    if seconds.shape[0] != 0 and seconds.shape[0] != <int> N_PHASES:
        raise ValueError(f"seconds: expected 0 or {<int> N_PHASES} numbers, "
                         f"got {seconds.shape[0]}")
    job.plan, job.rule = &plan.c, &rule.c
    job.parameters, job.work = &parameters[0], &work[0]
    job.running = &running[0] if running.shape[0] else NULL
    job.slots = &slots[0, 0] if rule.c.n_slots else NULL
    job.X, job.Y = &rows.c, &Y[0, 0]
    job.row_weights = &row_weights[0] if row_weights.shape[0] else NULL
    job.order, job.n_order = &order[0], order.shape[0]
    job.rates, job.n_rates = &rates[0], rates.shape[0]
    job.seed, job.counter = seed, &counter[0]
    job.masks = job.counter if masks is None else &masks[0]
    job.with_cost, job.stopped = with_cost, False
    job.loaded, job.left = 0, 0
    job.seconds = &seconds[0] if seconds.shape[0] else NULL
    job.penalties = NULL
    job.as_they_lie = _rows_as_they_lie(order, rows.c.n_rows, plan, loop)
    if with_cost and rule.c.penalty_in_cost != 0:
        job.penalties = <double*> calloc(plan.c.n_tiles + MAX_PARTIAL_SUMS,
                                         DOUBLES_PER_LINE * sizeof(double))
        if job.penalties == NULL:
            free(job.as_they_lie)
            raise MemoryError("no memory for the penalties")
    tuner.recall(plan)
    with nogil:
        _run_epochs(&parameters[0],
                    _run_stretch_float if floating is float else _run_stretch_double, &job,
                    &tuner.c)
        free(job.penalties)
        free(job.as_they_lie)
    tuner.remember(plan)
    if loop is not None and loop.c.ending == NO_MEMORY:
        raise MemoryError("no memory for the packed weights")
    c_raise_if(job.stopped or (job.loop != NULL and job.loop.ending == INTERRUPTED))
    return job.cost


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
    cdef BatchContext ctx
    plan.check_rows(rows.c.n_rows, rows.c.n_columns, Y.shape[0], Y.shape[1], "Y")
    plan.check_vectors(parameters.shape[0], running.shape[0], work.shape[0])
    _check_row_weights(row_weights.shape[0], rows.c.n_rows)
    _check_order(order, rows.c.n_rows)
    _check_mode(mode)
    ctx = c_batch_context(
        mode, <int> min(<Py_ssize_t> plan.c.batch_size, order.shape[0]), seed, step)
    with nogil:
        c_gather(&rows.c, &work[plan.c.inputs], &order[0], 0, ctx.m)
        _load_targets(&work[0], &Y[0, 0], &row_weights[0] if row_weights.shape[0] else NULL,
                      &order[0], &plan.c, False, &ctx)
        c_forward(&work[0], &work[plan.c.inputs], &parameters[0],
                  &running[0] if running.shape[0] else NULL, &plan.c, &ctx)
    return ctx.m


def output_delta(
    CompiledPlan plan not None, floating[::1] work not None, int m, bint weighted,
) -> None:
    """Write the compiled cost's delta of the last ``m`` rows run forward into ``work``.

    ``weighted`` says whether their weights were gathered too.
    """
    cdef BatchContext ctx = c_batch_context(GRADIENT, m, 0, 0)
    plan.check_vectors(plan.c.n_parameters, plan.c.n_running, work.shape[0])
    _check_m(&plan.c, m)
    _check_cost(&plan.c)
    with nogil:
        c_output_delta(&work[0], &plan.c, weighted, &ctx)


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
    cdef BatchContext ctx = c_batch_context(TRAIN, m, seed, step)
    cdef uint64_t[::1] count
    if drawn is not None:
        ctx.drawn = drawn
    if rule.c.per_batch:
        raise ValueError("rule: expected one without per_batch")
    plan.check_vectors(parameters.shape[0], plan.c.n_running, work.shape[0])
    _check_m(&plan.c, m)
    _check_slots(&plan.c, &rule.c, slots.shape[0], slots.shape[1])
    _check_workers(&plan.c, &rule.c, 1)
    ctx.rate = rate
    with nogil:
        c_update(&slots[0, 0] if rule.c.n_slots else NULL, &work[0], &parameters[0],
                 &plan.c, &rule.c, &ctx)
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
    cdef BatchContext ctx = c_batch_context(GRADIENT, m, 0, 0)
    if gradient.shape[0] != plan.c.n_parameters:
        raise ValueError(f"gradient: expected {plan.c.n_parameters} numbers, "
                         f"got {gradient.shape[0]}")
    plan.check_vectors(parameters.shape[0], plan.c.n_running, work.shape[0])
    _check_m(&plan.c, m)
    with nogil:
        c_gradient(&gradient[0], &work[0], &parameters[0], &plan.c, <floating> scale,
                   <floating> keep, &ctx)
