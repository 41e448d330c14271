"""Many rows predicted, in blocks that stay in the cache on their way through the layers.

Workers take one block after the other, or share the neurons of a single one. With enough rows the
weights of narrow layers are packed into panels first, once for all blocks. A row's outputs then do
not depend on the block it is in; else the blocks do not depend on the number of workers.

Whether inputs are finite shows in what the first layer makes of them: a sum with a NaN or an
infinity in it is never finite, whatever the weights are.
"""

from cython cimport floating
from libc.math cimport isfinite
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from fastnn._core.atomic cimport c_load, c_store
from fastnn._core.forward cimport c_after_product, c_forward
from fastnn._core.constants cimport CACHE_LINE, WIDE_LAYER
from fastnn._core.context cimport PREDICT, BatchContext, c_batch_context
from fastnn._core.compiled_plan cimport CompiledPlan, Layer, Plan, c_n_in, c_n_out
from fastnn._core.gemm cimport c_has_panels, c_make_panels, c_panels_size, c_product_np
from fastnn._core.row_source cimport (
    RowSource, Source, as_source, c_all_finite, c_in_place, c_row_memory, c_rows)
from fastnn._core.signals cimport c_handle_signals, c_raise_if, c_signals_are_due
from fastnn._core.thread_pool cimport c_barrier, c_run

cdef extern from "runtime/atomics.h":
    Py_ssize_t c_take "FASTNN_FETCH_ADD"(Py_ssize_t* next, Py_ssize_t n) noexcept nogil
    Py_ssize_t c_next "FASTNN_LOAD"(const Py_ssize_t* next) noexcept nogil

cdef extern from "runtime/caches.h" nogil:
    Py_ssize_t fastnn_second_cache()

cdef enum:
    PACKED_ROWS = 128      # rows above which it pays to pack the weights of narrow layers
    LEAST_ROWS = 48        # of a block: the weights are read anew for each
    MANY_BLOCKS = 16       # for each worker, from which they need not be even
    ROW_STEP = 12          # a multiple of the rows of a tile, for any instruction set
    BLOCK_BYTES = 300_000  # of a block's widest layer, at most
    STRIPE = 192           # neurons that one worker packs: whole panels, for any instruction set

# The same, on this processor: a part of the second cache, beside the weights of a layer.
cdef Py_ssize_t block_bytes = min(<Py_ssize_t> BLOCK_BYTES, 3 * fastnn_second_cache() // 5)

# A prediction, for the workers to share.
cdef struct PredictJob:
    const Plan* plan
    const void* parameters
    void* running
    void* work         # a workspace for each worker
    void* panels       # the weights of all layers, prepacked; NULL: they are not
    const Source* X
    void* out
    Py_ssize_t block   # rows that go through the layers together
    bint one_block     # all rows do, and the workers share the neurons of each layer
    const void* inp    # of that block, in the type of the parameters
    Py_ssize_t next    # the first one that nobody has taken
    bint checked       # whether all inputs are known to be finite
    int bad            # one may not be
    int stopped        # by a signal


cdef Py_ssize_t _rows_of_block(const Plan* plan, size_t itemsize) noexcept nogil:
    cdef Py_ssize_t widest = c_n_in(plan), fit
    cdef int l
    for l in range(plan.n_layers):
        widest = max(widest, <Py_ssize_t> plan.layers[l].n_out)
    fit = block_bytes // (<Py_ssize_t> itemsize * widest) // ROW_STEP * ROW_STEP
    return min(max(fit, <Py_ssize_t> LEAST_ROWS), <Py_ssize_t> plan.batch_size)


cdef bint _is_narrow(const Plan* plan) noexcept nogil:
    """Whether the layer with the most weights has few inputs or few neurons."""
    cdef const Layer* widest = &plan.layers[0]
    cdef int l
    for l in range(1, plan.n_layers):
        if plan.layers[l].n_in * <Py_ssize_t> plan.layers[l].n_out > (
                widest.n_in * <Py_ssize_t> widest.n_out):
            widest = &plan.layers[l]
    return min(widest.n_in, widest.n_out) < WIDE_LAYER


cdef Py_ssize_t _even_block(Py_ssize_t n_rows, Py_ssize_t most) noexcept nogil:
    """At most so many rows, whatever the number of workers: products go by the rows of a block."""
    cdef Py_ssize_t n_blocks = 1
    while n_blocks * most < n_rows:
        n_blocks += min(n_blocks, <Py_ssize_t> MANY_BLOCKS)
    return (n_rows - 1) // n_blocks + 1


cdef Py_ssize_t _block_of_panels(
    const Plan* plan, size_t itemsize, Py_ssize_t n_rows, int n_threads,
) noexcept nogil:
    """As many rows as stay in the cache, or fewer where each worker has few blocks."""
    cdef Py_ssize_t most = _rows_of_block(plan, itemsize), n_blocks = (n_rows - 1) // most + 1
    if n_blocks < MANY_BLOCKS * n_threads:
        n_blocks = ((n_blocks - 1) // n_threads + 1) * n_threads
    return (n_rows - 1) // n_blocks + 1


cdef double _work_of_row(const Plan* plan) noexcept nogil:
    """Operations of a row: products and activations."""
    cdef double work = 0
    cdef int l
    for l in range(plan.n_layers):
        work += (2.0 * plan.layers[l].n_in + 100.0) * plan.layers[l].n_out
    return work


# The weights in panels.


cdef Py_ssize_t _size_of_panels(const Plan* plan) noexcept nogil:
    cdef Py_ssize_t size = 0
    cdef int l
    for l in range(plan.n_layers):
        size += c_panels_size(plan.layers[l].n_out, plan.layers[l].n_in)
    return size


cdef void _make_panels(
    floating* panels, const floating* parameters, const Plan* plan, int worker, int n_workers,
) noexcept nogil:
    """Pack the worker's stripes of the weights, one in ``n_workers``."""
    cdef const Layer* layer
    cdef int l, j, stripe = 0
    for l in range(plan.n_layers):
        layer = &plan.layers[l]
        j = 0
        while j < layer.n_out:
            if stripe % n_workers == worker:
                c_make_panels(panels + j * <Py_ssize_t> layer.n_in,
                              parameters + layer.weights + j * <Py_ssize_t> layer.n_in,
                              min(<int> STRIPE, layer.n_out - j), layer.n_in)
            stripe += 1
            j += STRIPE
        panels += c_panels_size(layer.n_out, layer.n_in)


# A block of rows.


cdef bint _finite_sums(const floating* z, Py_ssize_t m, Py_ssize_t n) noexcept nogil:
    """Whether the first of the n weighted inputs of each row is finite, and so all it sums up."""
    cdef Py_ssize_t i
    for i in range(m):
        if not isfinite(z[i * n]):
            return False
    return True


cdef bint _through_panels(
    floating* work, const floating* inp, const floating* parameters, PredictJob* job,
    const floating* next_rows, BatchContext* ctx,
) noexcept nogil:
    """All layers; return whether the inputs are known to be finite.

    The rows at ``next_rows`` are prefetched, unless it is NULL.
    """
    cdef const Plan* plan = job.plan
    cdef const Layer* layer
    cdef const floating* panels = <const floating*> job.panels
    cdef floating* z
    cdef int l
    for l in range(plan.n_layers):
        layer = &plan.layers[l]
        z = work + (layer.act if layer.z < 0 else layer.z)
        c_product_np(z, inp, panels, parameters + layer.biases, ctx.m, layer.n_out, layer.n_in,
                     next_rows)
        if l == 0 and not job.checked and not _finite_sums(z, ctx.m, layer.n_out):
            return False
        c_after_product(work, parameters, <floating*> job.running, plan, l, ctx)
        panels += c_panels_size(layer.n_out, layer.n_in)
        inp, next_rows = work + layer.out, NULL
    return True


cdef bint _predict_block(
    floating* work, const floating* parameters, PredictJob* job, Py_ssize_t first,
    Py_ssize_t following, BatchContext* ctx,
) noexcept nogil:
    """Rows from ``first`` on; return whether all are finite. The worker's next are likely those
    from ``following`` on."""
    cdef const Plan* plan = job.plan
    cdef Py_ssize_t n_in = c_n_in(plan), n_out = c_n_out(plan)
    cdef const floating* inp = c_rows(job.X, work + plan.inputs, first, ctx.m)
    cdef const floating* next_rows = NULL
    if job.panels != NULL:
        if following + ctx.m <= job.X.n_rows and c_in_place(job.X, sizeof(floating)):
            next_rows = <const floating*> c_row_memory(job.X, following)
        if not _through_panels(work, inp, parameters, job, next_rows, ctx):
            return False
    else:
        if not job.checked and not c_all_finite(inp, ctx.m * n_in):
            return False
        c_forward(work, inp, parameters, <floating*> job.running, plan, ctx)
    memcpy(<floating*> job.out + first * n_out, work + plan.layers[plan.n_layers - 1].out,
           ctx.m * n_out * sizeof(floating))
    return True


cdef void _share_block(
    const floating* parameters, PredictJob* job, int worker, int n_workers,
) noexcept nogil:
    """All rows in one block, each worker its neurons of every layer."""
    cdef const Plan* plan = job.plan
    cdef floating* work = <floating*> job.work
    cdef Py_ssize_t n = job.X.n_rows
    cdef BatchContext ctx = c_batch_context(PREDICT, <int> n, 0, 0)
    ctx.worker, ctx.n_workers = worker, n_workers
    if worker == 0:
        job.inp = c_rows(job.X, work + plan.inputs, 0, n)
        if not job.checked and not c_all_finite(<const floating*> job.inp, n * c_n_in(plan)):
            c_store(&job.bad, True)
    c_barrier(n_workers)
    if c_load(&job.bad):
        return
    c_forward(work, <const floating*> job.inp, parameters, <floating*> job.running, plan, &ctx)
    if worker == 0:
        memcpy(job.out, work + plan.layers[plan.n_layers - 1].out,
               n * c_n_out(plan) * sizeof(floating))


# All blocks.


cdef void _run(
    const floating* parameters, PredictJob* job, int worker, int n_workers,
) noexcept nogil:
    """The blocks that the worker takes."""
    cdef const Plan* plan = job.plan
    cdef Py_ssize_t n = job.X.n_rows, first
    cdef floating* work = <floating*> job.work + worker * plan.work_size
    cdef BatchContext ctx = c_batch_context(PREDICT, 0, 0, 0)
    cdef double since_signals = 0, work_of_row = _work_of_row(plan)
    if job.one_block:
        _share_block(parameters, job, worker, n_workers)
        return
    if job.panels != NULL:
        _make_panels(<floating*> job.panels, parameters, plan, worker, n_workers)
        c_barrier(n_workers)
    first = c_take(&job.next, job.block)
    while first < n and not c_load(&job.stopped) and not c_load(&job.bad):
        ctx.m = <int> min(job.block, n - first)
        if not _predict_block(work, parameters, job, first, c_next(&job.next), &ctx):
            c_store(&job.bad, True)
        first = c_take(&job.next, job.block)
        since_signals += ctx.m * work_of_row
        if worker == 0 and c_signals_are_due(&since_signals) and c_handle_signals():
            c_store(&job.stopped, True)


cdef void _run_float(void* job, int worker, int n_workers) noexcept nogil:
    _run[float](<const float*> (<PredictJob*> job).parameters, <PredictJob*> job, worker,
                n_workers)


cdef void _run_double(void* job, int worker, int n_workers) noexcept nogil:
    _run[double](<const double*> (<PredictJob*> job).parameters, <PredictJob*> job, worker,
                 n_workers)


cdef Outcome c_predict(
    floating* out, const floating* parameters, floating* running, floating* work,
    const Source* X, const Plan* plan, int n_threads, bint checked,
) noexcept nogil:
    cdef PredictJob job
    cdef char* memory = NULL
    job.plan, job.parameters, job.running, job.work = plan, parameters, running, work
    job.X, job.out, job.checked = X, out, checked
    job.block, job.panels = _even_block(X.n_rows, plan.batch_size), NULL
    job.one_block, job.inp = n_threads > 1 and X.n_rows <= plan.batch_size, NULL
    job.next, job.bad, job.stopped = 0, False, False
    if (c_has_panels() and _is_narrow(plan)
            and X.n_rows > max(<int> PACKED_ROWS, plan.batch_size)):
        memory = <char*> malloc(_size_of_panels(plan) * sizeof(floating) + CACHE_LINE)
        if memory == NULL:
            return NO_MEMORY
        job.panels = memory + (CACHE_LINE - <size_t> memory % CACHE_LINE)
        job.block = _block_of_panels(plan, sizeof(floating), X.n_rows, n_threads)
    c_run(_run_float if floating is float else _run_double, &job, n_threads)
    free(memory)
    if job.stopped:
        return STOPPED
    return MAY_NOT_BE_FINITE if job.bad else PREDICTED


# What Python calls.


def second_cache() -> int:
    """Return the bytes of this processor's second cache. For the tests."""
    return fastnn_second_cache()


def predict(
    CompiledPlan plan not None, const floating[::1] parameters not None,
    floating[::1] running not None, floating[::1] work not None,
    object X not None, floating[:, ::1] out not None, int n_threads, bint checked=True,
) -> bool:
    """Write the network's outputs for the rows of ``X`` (n, n_in) into ``out`` (n, n_out).

    Up to as many rows as the plan's batch size go through the workspace together, and stay there;
    more go in blocks, of so many rows or fewer.

    Parameters
    ----------
    plan : CompiledPlan
    parameters : array (plan.n_parameters,)
    running : array (plan.n_running,)
    work : array (n_threads * plan.work_size,)
        A workspace for each thread.
    X : RowSource or array (n, n_in)
        An array as a RowSource takes it.
    out : array (n, n_out)
        Of the dtype of the parameters, as are all arrays but X.
    n_threads : int
        The numbers are the same for any.
    checked : bool, default True
        Whether all of ``X`` is known to be finite, once it is converted and scaled.

    Returns
    -------
    bool
        Whether all rows are predicted. Only if ``X`` was not checked it can be False: as soon as a
        number may not be finite, or the sum of a row's weighted numbers is not. ``out`` is then
        half written.

    Raises
    ------
    ValueError
        If shapes do not fit the plan.
    KeyboardInterrupt
        At Ctrl-C, with ``out`` half written.
    """
    cdef RowSource rows = as_source(X)
    cdef Outcome outcome
    if n_threads < 1 or work.shape[0] % n_threads:
        raise ValueError(f"n_threads: expected a whole number of workspaces, 1 or more, "
                         f"got {n_threads}")
    plan.check_vectors(parameters.shape[0], running.shape[0], work.shape[0] // n_threads)
    plan.check_rows(rows.c.n_rows, rows.c.n_columns, out.shape[0], out.shape[1], "out")
    with nogil:
        outcome = c_predict(&out[0, 0], &parameters[0], &running[0] if running.shape[0] else NULL,
                            &work[0], &rows.c, &plan.c, n_threads, checked)
    if outcome == NO_MEMORY:
        raise MemoryError("no memory for the packed weights")
    c_raise_if(outcome == STOPPED)
    return outcome == PREDICTED
