"""Which worker computes what of a mini-batch, and where the time goes."""

from cython cimport floating

from fastnn._core.activation cimport SOFTMAX
from fastnn._core.norm cimport GROUP
from fastnn._core.compiled_plan cimport c_n_tiles, c_part, c_split_begin
from fastnn._core.thread_pool cimport c_barrier


# The clock.


cdef void c_start_clock(BatchContext* ctx, double* seconds) noexcept nogil:
    """Let the worker record where its time goes, if ``seconds`` is not NULL."""
    ctx.seconds = seconds
    if seconds != NULL:
        ctx.last_mark = fastnn_seconds()


cdef void c_sync(BatchContext* ctx) noexcept nogil:
    if ctx.n_shares > 1:
        c_barrier(ctx.n_shares)
        c_mark(ctx, SYNC)


cdef BatchContext c_batch_context(int mode, int m, uint64_t seed, uint64_t step) noexcept nogil:
    cdef BatchContext ctx
    ctx.mode, ctx.m, ctx.seed, ctx.step, ctx.drawn = mode, m, seed, step, step
    ctx.worker, ctx.n_workers, ctx.share, ctx.n_shares = 0, 1, 0, 1
    ctx.replicated = False
    ctx.parameters, ctx.running, ctx.slots, ctx.arenas = NULL, NULL, NULL, NULL
    ctx.penalties, ctx.cost = NULL, 0
    ctx.rate, ctx.divisor, ctx.last_mark = 0, 1, 0
    ctx.seconds = NULL
    ctx.prefetch.rows, ctx.prefetch.n_rows, ctx.prefetch.bytes = NULL, 0, 0
    ctx.prefetch.row, ctx.prefetch.at, ctx.prefetch.lines = 0, 0, 0
    return ctx


# Who computes what.


cdef void c_begin_layer(BatchContext* ctx, const Plan* plan, int l) noexcept nogil:
    ctx.share, ctx.n_shares = ctx.worker, ctx.n_workers
    if ctx.replicated and l >= plan.split_layer:
        ctx.share, ctx.n_shares = 0, 1


cdef floating* c_vector_of(
    floating* shared, void* own, const Plan* plan, int l, BatchContext* ctx,
) noexcept nogil:
    return <floating*> own if ctx.replicated and l >= plan.split_layer else shared


cdef (int, int) c_share(int n, BatchContext* ctx) noexcept nogil:
    """The worker's range of n things in a row."""
    return (c_part(n, ctx.share, ctx.n_shares), c_part(n, ctx.share + 1, ctx.n_shares))


cdef bint c_by_twos(const Plan* plan, BatchContext* ctx) noexcept nogil:
    """Whether each worker owns pairs of partial sums, and adds each pair itself."""
    return 2 * ctx.n_workers <= plan.n_partial_sums


cdef inline int _owned_together(const Plan* plan, BatchContext* ctx) noexcept nogil:
    return 2 if c_by_twos(plan, ctx) else 1


cdef (int, int) c_own_partial_sums(const Plan* plan, BatchContext* ctx) noexcept nogil:
    cdef int at_once = _owned_together(plan, ctx)
    cdef int n = plan.n_partial_sums // at_once
    return (at_once * c_part(n, ctx.worker, ctx.n_workers),
            at_once * c_part(n, ctx.worker + 1, ctx.n_workers))


cdef floating* c_arena_of(
    floating* work, const Plan* plan, int p, BatchContext* ctx,
) noexcept nogil:
    cdef int at_once = _owned_together(plan, ctx)
    # As c_part divides them.
    cdef int owner = ((p // at_once + 1) * ctx.n_workers - 1) // (plan.n_partial_sums // at_once)
    return <floating*> ctx.arenas + owner * plan.arena_size if ctx.replicated else work


cdef (int, int) c_own_inputs(const Plan* plan, BatchContext* ctx) noexcept nogil:
    cdef int first, last
    first, last = c_own_partial_sums(plan, ctx)
    return c_split_begin(plan, first), c_split_begin(plan, last)


cdef Window c_own_neurons(const Plan* plan, int l, BatchContext* ctx) noexcept nogil:
    """All rows of the neurons of layer l that the worker owns."""
    cdef const Layer* layer = &plan.layers[l]
    cdef Window own
    cdef int begin, end
    own.top, own.bottom, own.n = 0, ctx.m, layer.n_out
    if ctx.replicated and l + 1 == plan.split_layer:
        own.begin, own.end = c_own_inputs(plan, ctx)
        return own
    begin, end = c_share(c_n_tiles(layer), ctx)
    own.begin = begin * layer.tile
    own.end = min(layer.n_out, end * layer.tile)
    return own


cdef Window c_own_rows(const Layer* layer, BatchContext* ctx) noexcept nogil:
    """The worker's share of the rows, of all neurons."""
    cdef Window own
    own.top, own.bottom = c_share(ctx.m, ctx)
    own.begin, own.end, own.n = 0, layer.n_out, layer.n_out
    return own


cdef bint c_needs_rows(const Layer* layer) noexcept nogil:
    """Whether a layer's outputs need whole rows of its weighted inputs."""
    return layer.norm == GROUP or layer.activation == SOFTMAX
