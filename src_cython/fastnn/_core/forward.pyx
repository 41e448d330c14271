"""A mini-batch forward through the layers: dense → normalization → activation → dropout.

Between two barriers a worker reads nothing that another one writes. Blocks are moved, not copied: a
plan is held to the bounds of its vectors, not to regions that do not overlap.
"""

from cython cimport floating
from libc.string cimport memcpy, memmove

from fastnn._core.activation cimport c_activation_forward
from fastnn._core.dropout cimport MaskKey, c_dropout, c_mask_key
from fastnn._core.norm cimport (
    BATCH, GROUP, NO_NORM, c_blocks_forward, c_columns_forward, c_running_forward, c_running_update)
from fastnn._core.optimizer cimport c_decay
from fastnn._core.compiled_plan cimport Layer, c_partial_sum, c_split_begin
from fastnn._core.constants cimport MAX_PARTIAL_SUMS
from fastnn._core.context cimport (
    ACTIVATION, FORWARD, NORMALIZATION, PREDICT, SYNC, TRAIN, Window, c_arena_of, c_begin_layer,
    c_by_twos, c_mark, c_needs_rows, c_own_neurons, c_own_partial_sums, c_own_rows, c_sync,
    c_vector_of)
from fastnn._core.dense cimport c_add_scaled
from fastnn._core.gemm cimport c_product_nt
from fastnn._core.thread_pool cimport c_barrier


cdef void _norm_forward(
    floating* x, floating* work, const floating* parameters, floating* running,
    const Layer* layer, Window own, BatchContext* ctx,
) noexcept nogil:
    """Normalize a window of the layer's weighted inputs x (m, n_out) in place."""
    cdef int c = own.begin, width = own.end - own.begin
    cdef Py_ssize_t first = own.top * own.n
    cdef const floating* gamma = parameters + layer.gamma + c
    cdef const floating* beta = parameters + layer.beta + c
    cdef floating* mean = work + layer.scratch + c
    cdef floating* variance = mean + layer.n_out
    if layer.norm == GROUP:
        c_blocks_forward(x + first, work + layer.xhat + first,
                         work + layer.inverse + own.top * <Py_ssize_t> layer.groups, gamma, beta,
                         own.bottom - own.top, layer.n_out, layer.groups, 1, layer.eps)
    elif ctx.mode == PREDICT:
        c_running_forward(x + c, running + layer.running_mean + c,
                          running + layer.running_variance + c, gamma, beta, ctx.m, width, own.n,
                          layer.eps)
    else:
        c_columns_forward(x + c, work + layer.xhat + c, mean, variance, work + layer.inverse + c,
                          gamma, beta, ctx.m, width, own.n, layer.eps)
        if ctx.mode == TRAIN:
            c_running_update(running + layer.running_mean + c,
                             running + layer.running_variance + c, mean, variance, ctx.m, width,
                             layer.momentum, layer.unbiased)
    c_mark(ctx, NORMALIZATION)


cdef void _dropout_forward(
    floating* out, const floating* act, Py_ssize_t first, Py_ssize_t size, const Layer* layer,
    MaskKey key, BatchContext* ctx,
) noexcept nogil:
    """out := the units of act that are kept, scaled; the first one is the block's ``first``."""
    if ctx.mode == TRAIN:
        c_dropout(out, act, first, size, layer.dropout, layer.train_scale, key)
    else:
        memmove(out, act, size * sizeof(floating))
        if layer.predict_scale != 1:
            c_decay(out, size, <floating> layer.predict_scale)


cdef void _finish_forward(
    floating* work, const floating* z, const Layer* layer, int l, Window own, BatchContext* ctx,
) noexcept nogil:
    """From a window of the weighted inputs z to the outputs of the layer."""
    cdef Py_ssize_t first, width = own.end - own.begin
    cdef int i, high = 1
    cdef bint whole = width == own.n
    cdef floating* act = work + layer.act
    cdef floating* out = work + layer.out
    cdef MaskKey key = c_mask_key(ctx.seed, ctx.drawn, l)
    if whole:  # then the rows follow on one another
        high = own.bottom - own.top
        own.bottom = min(own.bottom, own.top + 1)
    for i in range(own.top, own.bottom):
        first = i * own.n + own.begin
        if z != act:
            memmove(act + first, z + first, high * width * sizeof(floating))
        c_activation_forward(act + first, layer.activation, high, width)
        if layer.dropout > 0:
            _dropout_forward(out + first, act + first, first, high * width, layer, key, ctx)
        elif out != act:
            memmove(out + first, act + first, high * width * sizeof(floating))
    c_mark(ctx, ACTIVATION)


cdef inline void _add_two(
    floating* to, const floating* one, const floating* other, Py_ssize_t size,
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(size):
        to[i] += one[i] + other[i]


cdef void _own_partial_sums(
    floating* work, const floating* inp, const floating* weights, const Plan* plan,
    BatchContext* ctx,
) noexcept nogil:
    """The products over the ranges of inputs that the worker owns."""
    cdef const Layer* layer = &plan.layers[plan.split_layer]
    cdef Py_ssize_t size = ctx.m * <Py_ssize_t> layer.n_out
    cdef floating* sums
    cdef int first, last, p, left
    first, last = c_own_partial_sums(plan, ctx)
    for p in range(first, last):
        left = c_split_begin(plan, p)
        sums = work + c_partial_sum(plan, p, ctx.step)
        c_product_nt(sums, inp + left, weights + left, layer.n_in, <floating*> NULL, ctx.m,
                     layer.n_out, c_split_begin(plan, p + 1) - left, 0, layer.n_out, layer.tile)
        if c_by_twos(plan, ctx) and p % 2 == 1:
            c_add_scaled(work + c_partial_sum(plan, p - 1, ctx.step), sums, size, <floating> 1,
                         <floating> 1)
    c_mark(ctx, FORWARD)


cdef void _add_partial_sums(
    floating* z, const floating* biases, floating* work, const Plan* plan, BatchContext* ctx,
) noexcept nogil:
    """z := the biases and all partial sums, two by two whoever owns them."""
    cdef Py_ssize_t n = plan.layers[plan.split_layer].n_out, size = ctx.m * n, i
    cdef const floating* sums[MAX_PARTIAL_SUMS]
    cdef int p
    for p in range(plan.n_partial_sums):
        sums[p] = c_arena_of(work, plan, p, ctx) + c_partial_sum(plan, p, ctx.step)
    for i in range(ctx.m):
        memcpy(z + i * n, biases, n * sizeof(floating))
    for p in range(0, plan.n_partial_sums, 2):
        if c_by_twos(plan, ctx):
            c_add_scaled(z, sums[p], size, <floating> 1, <floating> 1)
        else:
            _add_two(z, sums[p], sums[p + 1], size)


cdef void _layer_forward(
    floating* work, const floating* inp, const floating* parameters, floating* running,
    const Plan* plan, int l, BatchContext* ctx,
) noexcept nogil:
    """One layer: each worker its neurons, then, if whole rows are needed, each its rows."""
    cdef const Layer* layer = &plan.layers[l]
    cdef floating* z = work + (layer.act if layer.z < 0 else layer.z)
    cdef Window own = c_own_neurons(plan, l, ctx)
    if l == plan.split_layer and ctx.mode != PREDICT:
        _own_partial_sums(work, inp, parameters + layer.weights, plan, ctx)
        if ctx.replicated:
            c_barrier(ctx.n_workers)
        _add_partial_sums(z, parameters + layer.biases, work, plan, ctx)
        c_mark(ctx, SYNC if ctx.replicated else FORWARD)
    elif own.begin < own.end:
        c_product_nt(z, inp, parameters + layer.weights, layer.n_in, parameters + layer.biases,
                     ctx.m, layer.n_out, layer.n_in, own.begin, own.end, layer.tile)
        c_mark(ctx, FORWARD)
    if own.begin < own.end:
        if layer.norm == BATCH:
            _norm_forward(z, work, parameters, running, layer, own, ctx)
        if not c_needs_rows(layer):
            _finish_forward(work, z, layer, l, own, ctx)
    if c_needs_rows(layer):
        c_sync(ctx)
        own = c_own_rows(layer, ctx)
        if own.top < own.bottom:
            if layer.norm == GROUP:
                _norm_forward(z, work, parameters, running, layer, own, ctx)
            _finish_forward(work, z, layer, l, own, ctx)
    if not ctx.replicated:
        c_sync(ctx)


cdef void c_after_product(
    floating* work, const floating* parameters, floating* running, const Plan* plan, int l,
    BatchContext* ctx,
) noexcept nogil:
    """What comes after a layer's product, by a single worker."""
    cdef const Layer* layer = &plan.layers[l]
    cdef floating* z = work + (layer.act if layer.z < 0 else layer.z)
    cdef Window all_of_it = c_own_rows(layer, ctx)
    if layer.norm != NO_NORM:
        _norm_forward(z, work, parameters, running, layer, all_of_it, ctx)
    _finish_forward(work, z, layer, l, all_of_it, ctx)


cdef void c_forward(
    floating* work, const floating* inputs, const floating* parameters, floating* running,
    const Plan* plan, BatchContext* ctx,
) noexcept nogil:
    """All layers, for the rows at ``inputs``."""
    cdef int l
    for l in range(plan.n_layers):
        c_begin_layer(ctx, plan, l)
        _layer_forward(work, inputs,
                       c_vector_of(<floating*> parameters, ctx.parameters, plan, l, ctx),
                       c_vector_of(running, ctx.running, plan, l, ctx), plan, l, ctx)
        inputs = work + plan.layers[l].out
