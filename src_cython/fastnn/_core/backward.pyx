"""A mini-batch backward through the layers, and the optimizer's step of their parameters."""

from cython cimport floating
from libc.string cimport memset

from fastnn._core.activation cimport SOFTMAX, c_activation_backward
from fastnn._core.cost cimport c_cost_backward
from fastnn._core.dense cimport c_add_scaled, c_column_sums
from fastnn._core.dropout cimport MaskKey, c_dropout, c_mask_key
from fastnn._core.norm cimport (
    BATCH, GROUP, NO_NORM, c_blocks_delta, c_columns_backward, c_parameter_sums)
from fastnn._core.optimizer cimport (
    SGD, c_add_penalty, c_decay, c_limit_norms, c_optimizer_step, c_penalty, c_shrink,
    c_step_coefficients)
from fastnn._core.constants cimport CACHE_LINE, DOUBLES_PER_LINE
from fastnn._core.context cimport (
    BACKWARD, DELTA, NORMALIZATION, OPTIMIZER, TRAIN, UPDATE, Window, c_begin_layer, c_mark,
    c_own_neurons, c_own_partial_sums, c_own_rows, c_sync, c_vector_of)
from fastnn._core.compiled_plan cimport Layer, c_split_begin
from fastnn._core.gemm cimport c_product_nn, c_product_tn
from fastnn._core.kernels cimport Prefetch


# Weights that are stepped together: those of the neurons from begin to end for the inputs from left
# to right, which lie in ``runs`` of ``size`` numbers without a gap.
cdef struct Block:
    int begin
    int end
    int left
    int right
    Py_ssize_t at
    Py_ssize_t runs
    Py_ssize_t size


# Deltas.


cdef void _weigh_rows(
    floating* delta, const floating* row_weights, Py_ssize_t m, Py_ssize_t n,
) noexcept nogil:
    """delta[i] := row_weights[i] delta[i]."""
    cdef Py_ssize_t i
    for i in range(m):
        c_decay(delta + i * n, n, row_weights[i])


cdef void c_output_delta(
    floating* work, const Plan* plan, bint weighted, BatchContext* ctx,
) noexcept nogil:
    """The delta of the output layer, each worker its rows."""
    cdef Layer* last = &plan.layers[plan.n_layers - 1]
    cdef Window own = c_own_rows(last, ctx)
    cdef Py_ssize_t first = own.top * own.n
    if own.top < own.bottom:
        c_cost_backward(work + last.delta + first, work + last.out + first,
                        work + plan.targets + first,
                        NULL if last.z < 0 else work + last.z + first, plan.cost,
                        plan.cost_parameter, last.activation, own.bottom - own.top, own.n)
        if weighted:
            _weigh_rows(work + last.delta + first, work + plan.row_weights + own.top,
                        own.bottom - own.top, own.n)
    c_mark(ctx, DELTA)
    c_sync(ctx)


cdef void _finish_delta(
    floating* work, const Layer* layer, int l, Window own, BatchContext* ctx,
) noexcept nogil:
    """From a window of the delta at the layer's outputs to that at what its activation took."""
    cdef Py_ssize_t first, width = own.end - own.begin
    cdef int i, high = 1
    cdef floating* delta = work + layer.delta
    cdef MaskKey key = c_mask_key(ctx.seed, ctx.drawn, l)
    if width == own.n:
        high = own.bottom - own.top
        own.bottom = min(own.bottom, own.top + 1)
    for i in range(own.top, own.bottom):
        first = i * own.n + own.begin
        if layer.dropout > 0 and ctx.mode == TRAIN:
            c_dropout(delta + first, delta + first, first, high * width, layer.dropout,
                      layer.train_scale, key)
        elif layer.dropout > 0 and layer.predict_scale != 1:
            c_decay(delta + first, high * width, <floating> layer.predict_scale)
        c_activation_backward(delta + first, work + layer.act + first,
                              NULL if layer.z < 0 else work + layer.z + first,
                              layer.activation, high, width)
    c_mark(ctx, DELTA)


cdef void _hidden_delta(
    floating* work, const floating* parameters, const floating* parameters_after, const Plan* plan,
    int l, BatchContext* ctx,
) noexcept nogil:
    """The delta of layer l from that of layer l + 1 (BP2), back to its weighted input.

    ``parameters_after`` is where those of layer l + 1 are found. The sums for gamma and beta are
    left in the layer's scratch.
    """
    cdef Layer* layer = &plan.layers[l]
    cdef Layer* after = &plan.layers[l + 1]
    cdef floating* delta = work + layer.delta
    cdef floating* dgamma = work + layer.scratch + 2 * layer.n_out
    cdef floating* dbeta = dgamma + layer.n_out
    cdef Window own = c_own_neurons(plan, l, ctx)
    cdef int c = own.begin, width = own.end - own.begin
    cdef Py_ssize_t first
    if width > 0:
        c_product_nn(delta, work + after.delta, parameters_after + after.weights, ctx.m,
                     after.n_in, after.n_out, c, own.end, layer.tile)
        c_mark(ctx, BACKWARD)
    if layer.activation == SOFTMAX:  # its Jacobian takes whole rows
        c_sync(ctx)
        own = c_own_rows(layer, ctx)
    if own.begin < own.end and own.top < own.bottom:
        _finish_delta(work, layer, l, own, ctx)
    if layer.activation == SOFTMAX:
        c_sync(ctx)
    if layer.norm == BATCH and width > 0:
        c_columns_backward(delta + c, dgamma + c, dbeta + c, work + layer.xhat + c,
                           work + layer.inverse + c, parameters + layer.gamma + c, ctx.m, width,
                           layer.n_out)
        c_mark(ctx, NORMALIZATION)
    elif layer.norm == GROUP:
        if width > 0:
            c_parameter_sums(dgamma + c, dbeta + c, delta + c, work + layer.xhat + c, ctx.m, width,
                             layer.n_out)
        c_sync(ctx)  # its rows go by what the sums were taken of
        own = c_own_rows(layer, ctx)
        if own.top < own.bottom:
            first = own.top * own.n
            c_blocks_delta(delta + first, work + layer.xhat + first,
                           work + layer.inverse + own.top * <Py_ssize_t> layer.groups,
                           parameters + layer.gamma, own.bottom - own.top, layer.n_out,
                           layer.groups, 1)
        c_mark(ctx, NORMALIZATION)
    if not ctx.replicated:
        c_sync(ctx)


# The step.


cdef inline const floating* _input_of(floating* work, const Plan* plan, int l) noexcept nogil:
    return work + (plan.inputs if l == 0 else plan.layers[l - 1].out)


cdef Block _block_of(const Layer* layer, int begin, int end, int left, int right) noexcept nogil:
    cdef Block some
    some.begin, some.end, some.left, some.right = begin, end, left, right
    some.at = layer.weights + begin * <Py_ssize_t> layer.n_in + left
    some.runs, some.size = end - begin, right - left
    if some.size == layer.n_in:
        some.runs, some.size = 1, some.runs * some.size
    return some


cdef void _other_parameters_by_sgd(
    floating* work, floating* parameters, const Layer* layer, int begin, int end, BatchContext* ctx,
) noexcept nogil:
    """A plain step of the biases, gammas and betas of the neurons from begin to end."""
    cdef floating step = <floating> (-ctx.rate / ctx.m)
    c_column_sums(parameters + layer.biases + begin, work + layer.delta + begin, ctx.m,
                  end - begin, layer.n_out, step, <floating> 1)
    if layer.norm != NO_NORM:
        c_add_scaled(parameters + layer.gamma + begin, _dgamma(work, layer) + begin, end - begin,
                     step, <floating> 1)
        c_add_scaled(parameters + layer.beta + begin, _dbeta(work, layer) + begin, end - begin,
                     step, <floating> 1)
    c_mark(ctx, UPDATE)


cdef void _weights_by_sgd(
    floating* work, const floating* inp, floating* parameters, const Layer* layer,
    const StepRule* rule, Block some, Prefetch* prefetch, BatchContext* ctx,
) noexcept nogil:
    """A plain step: the gradient is added to W as it forms."""
    cdef floating step = <floating> (-ctx.rate / ctx.m)
    cdef floating decay = <floating> (1 - ctx.rate * rule.l2 / ctx.divisor)
    cdef Py_ssize_t i
    if rule.l1 != 0:
        for i in range(some.runs):
            c_shrink(parameters + some.at + i * layer.n_in, some.size, decay,
                     <floating> (ctx.rate * rule.l1 / ctx.divisor))
        decay = 1
    c_product_tn(parameters + some.at, layer.n_in, work + layer.delta, inp + some.left, layer.n_in,
                 layer.n_out, some.right - some.left, ctx.m, step, decay, some.begin, some.end,
                 prefetch)


cdef inline floating* _tile_gradient(
    floating* work, const Plan* plan, BatchContext* ctx,
) noexcept nogil:
    return work + plan.gradients + ctx.share * plan.gradient_size


cdef void _step_by_gradient(
    floating* slots, floating* gradient, floating* parameters, Py_ssize_t at, Py_ssize_t runs,
    Py_ssize_t size, Py_ssize_t ld, const Plan* plan, const StepRule* rule, BatchContext* ctx,
) noexcept nogil:
    """Let the optimizer step ``runs`` of ``size`` parameters each from offset ``at`` on."""
    c_optimizer_step(parameters + at, gradient, slots + at, plan.n_parameters, runs, size, ld, rule,
                     &ctx.coefficients)


cdef void _other_parameters_by_optimizer(
    floating* slots, floating* work, floating* parameters, const Plan* plan, const Layer* layer,
    const StepRule* rule, int begin, int end, BatchContext* ctx,
) noexcept nogil:
    """A step of the biases, gammas and betas of the neurons from begin to end."""
    cdef floating* gradient = _tile_gradient(work, plan, ctx)
    cdef floating mean = <floating> (1.0 / ctx.m)
    cdef Py_ssize_t size = end - begin
    if layer.norm == BATCH:
        # Batch norm takes a bias off again. Its gradient is 0, and rounding must not be made
        # into steps by optimizers that divide by its size.
        memset(gradient, 0, size * sizeof(floating))
    else:
        c_column_sums(gradient, work + layer.delta + begin, ctx.m, end - begin, layer.n_out, mean,
                      <floating> 0)
    _step_by_gradient(slots, gradient, parameters, layer.biases + begin, 1, size, 0, plan, rule,
                      ctx)
    if layer.norm != NO_NORM:
        c_add_scaled(gradient, _dgamma(work, layer) + begin, size, mean, <floating> 0)
        _step_by_gradient(slots, gradient, parameters, layer.gamma + begin, 1, size, 0, plan, rule,
                          ctx)
        c_add_scaled(gradient, _dbeta(work, layer) + begin, size, mean, <floating> 0)
        _step_by_gradient(slots, gradient, parameters, layer.beta + begin, 1, size, 0, plan, rule,
                          ctx)
    c_mark(ctx, OPTIMIZER)


cdef void _weights_by_optimizer(
    floating* slots, floating* work, const floating* inp, floating* parameters, const Plan* plan,
    const Layer* layer, const StepRule* rule, Block some, Prefetch* prefetch, BatchContext* ctx,
) noexcept nogil:
    """A step by the gradient, which only lives here."""
    cdef floating* gradient = _tile_gradient(work, plan, ctx)
    cdef Py_ssize_t at = some.at, size = some.size, width = some.right - some.left, i
    c_product_tn(gradient, width, work + layer.delta, inp + some.left, layer.n_in, layer.n_out,
                 <int> width, ctx.m, <floating> (1.0 / ctx.m), <floating> 0, some.begin, some.end,
                 prefetch)
    c_mark(ctx, UPDATE)
    for i in range(some.runs):
        if rule.l1 != 0 or rule.l2 != 0:
            c_add_penalty(gradient + i * size, parameters + at + i * layer.n_in, size, rule,
                          ctx.divisor)
        if rule.weight_decay != 0:
            c_decay(parameters + at + i * layer.n_in, size,
                    <floating> (1 - ctx.rate * rule.weight_decay))
    _step_by_gradient(slots, gradient, parameters, at, some.runs, size, layer.n_in, plan, rule, ctx)


cdef void _share_lines(Prefetch* prefetch, int n_tiles) noexcept nogil:
    """Divide what is to be prefetched among the tiles of the step."""
    cdef Py_ssize_t lines = prefetch.n_rows * ((prefetch.bytes + CACHE_LINE - 1) // CACHE_LINE)
    prefetch.row, prefetch.at = 0, 0
    prefetch.lines = (lines + n_tiles - 1) // max(1, n_tiles)


cdef void _count_penalty(
    const floating* parameters, const Layer* layer, const StepRule* rule, Block some, int place,
    BatchContext* ctx,
) noexcept nogil:
    """Add the penalty of the weights before their step to the one at ``place``."""
    cdef Py_ssize_t i
    for i in range(some.runs):
        ctx.penalties[place * DOUBLES_PER_LINE] += ctx.m / ctx.divisor * c_penalty(
            parameters + some.at + i * layer.n_in, some.size, rule)


cdef void _count_penalties(
    const floating* parameters, const Plan* plan, const Layer* layer, const StepRule* rule,
    Block some, int p, BatchContext* ctx,
) noexcept nogil:
    """Count the penalty of partial sum p, or if there are none that of each tile."""
    cdef int begin = some.begin
    if layer == &plan.layers[plan.split_layer]:
        _count_penalty(parameters, layer, rule, some, plan.n_tiles + p, ctx)
        return
    if ctx.share != ctx.worker:  # what all do counts once
        return
    while begin < some.end:
        _count_penalty(parameters, layer, rule,
                       _block_of(layer, begin, min(begin + layer.tile, some.end), 0, layer.n_in),
                       layer.first_tile + begin // layer.tile, ctx)
        begin += layer.tile


cdef int _neurons_together(
    const Plan* plan, const Layer* layer, const StepRule* rule,
) noexcept nogil:
    """How many neurons are stepped at a time, in whole tiles: as many as there is memory for."""
    if layer.by_blas:
        return layer.tile
    if rule.kind == SGD:
        return layer.n_out
    return <int> max(1, plan.gradient_size // layer.n_in // layer.tile) * layer.tile


cdef void _step_layer(
    floating* slots, floating* work, floating* parameters, const Plan* plan, const StepRule* rule,
    int l, BatchContext* ctx,
) noexcept nogil:
    """Step the weights of layer l that the worker owns, a split layer by ranges."""
    cdef Layer* layer = &plan.layers[l]
    cdef Window own = c_own_neurons(plan, l, ctx)
    cdef const floating* inp = _input_of(work, plan, l)
    cdef Prefetch* prefetch = &ctx.prefetch if l == 0 else NULL
    cdef Block some
    cdef int begin = own.begin, end, first = 0, last = 1, p
    cdef int together = _neurons_together(plan, layer, rule)
    cdef bint split = l == plan.split_layer
    if split:
        first, last = c_own_partial_sums(plan, ctx)
    if l == 0:
        _share_lines(prefetch, ((own.end - begin - 1) // together + 1) * (last - first))
    while begin < own.end:
        end = min(begin + together, own.end)
        for p in range(first, last):
            some = _block_of(layer, begin, end, c_split_begin(plan, p) if split else 0,
                             c_split_begin(plan, p + 1) if split else layer.n_in)
            if ctx.penalties != NULL:
                _count_penalties(parameters, plan, layer, rule, some, p, ctx)
            if rule.kind == SGD:
                _weights_by_sgd(work, inp, parameters, layer, rule, some, prefetch, ctx)
            else:
                _weights_by_optimizer(slots, work, inp, parameters, plan, layer, rule, some,
                                      prefetch, ctx)
        if rule.kind == SGD:
            _other_parameters_by_sgd(work, parameters, layer, begin, end, ctx)
        else:
            _other_parameters_by_optimizer(slots, work, parameters, plan, layer, rule, begin, end,
                                           ctx)
        if rule.max_norm > 0:
            c_limit_norms(parameters + layer.weights + begin * <Py_ssize_t> layer.n_in,
                          end - begin, layer.n_in, rule.max_norm)
        begin = end


cdef void c_update(
    floating* slots, floating* work, floating* parameters,
    const Plan* plan, const StepRule* rule, BatchContext* ctx,
) noexcept nogil:
    """One step of the optimizer from the output's delta, layer by layer from the last.

    A layer's weights are read for the delta of the layer before, then each worker steps those of
    its own neurons.
    """
    cdef int l
    ctx.coefficients = c_step_coefficients(rule, ctx.rate, <double> ctx.step + 1)
    for l in range(plan.n_layers - 1, -1, -1):
        if l > 0:
            c_begin_layer(ctx, plan, l - 1)
            _hidden_delta(work, c_vector_of(parameters, ctx.parameters, plan, l - 1, ctx),
                          c_vector_of(parameters, ctx.parameters, plan, l, ctx), plan, l - 1, ctx)
        c_begin_layer(ctx, plan, l)
        _step_layer(c_vector_of(slots, ctx.slots, plan, l, ctx), work,
                    c_vector_of(parameters, ctx.parameters, plan, l, ctx), plan, rule, l, ctx)
    c_mark(ctx, OPTIMIZER if rule.max_norm > 0 else UPDATE)
    if not ctx.replicated:
        c_sync(ctx)


# The gradient alone.


cdef inline floating* _dgamma(floating* work, const Layer* layer) noexcept nogil:
    return work + layer.scratch + 2 * <Py_ssize_t> layer.n_out


cdef inline floating* _dbeta(floating* work, const Layer* layer) noexcept nogil:
    return work + layer.scratch + 3 * <Py_ssize_t> layer.n_out


cdef void c_gradient(
    floating* gradient, floating* work, const floating* parameters, const Plan* plan,
    floating scale, floating keep, BatchContext* ctx,
) noexcept nogil:
    """gradient := keep gradient + scale Σ_rows ∂C/∂parameters, from the output's delta.

    By a single worker.
    """
    cdef Layer* layer
    cdef int l, begin, end
    for l in range(plan.n_layers - 1, -1, -1):
        layer = &plan.layers[l]
        if l > 0:
            _hidden_delta(work, parameters, parameters, plan, l - 1, ctx)
        begin = 0
        while begin < layer.n_out:
            end = min(begin + layer.tile, layer.n_out) if layer.by_blas else layer.n_out
            c_product_tn(gradient + layer.weights + begin * <Py_ssize_t> layer.n_in, layer.n_in,
                         work + layer.delta, _input_of(work, plan, l), layer.n_in, layer.n_out,
                         layer.n_in, ctx.m, scale, keep, begin, end, NULL)
            begin = end
        c_column_sums(gradient + layer.biases, work + layer.delta, ctx.m, layer.n_out,
                      layer.n_out, scale, keep)
        if layer.norm != NO_NORM:
            c_add_scaled(gradient + layer.gamma, _dgamma(work, layer), layer.n_out, scale, keep)
            c_add_scaled(gradient + layer.beta, _dbeta(work, layer), layer.n_out, scale, keep)
        if layer.norm == BATCH:
            memset(gradient + layer.biases, 0, layer.n_out * sizeof(floating))
