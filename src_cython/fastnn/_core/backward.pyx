"""A mini-batch back through the layers, and the optimizer's step of their parameters."""

from cython cimport floating
from libc.string cimport memset

from fastnn._core.activation cimport SOFTMAX, c_activation_backward
from fastnn._core.cost cimport c_cost_backward
from fastnn._core.dense cimport c_column_sums
from fastnn._core.dropout cimport MaskKey, c_dropout, c_mask_key
from fastnn._core.norm cimport (
    BATCH, GROUP, NO_NORM, c_blocks_delta, c_columns_backward, c_parameter_sums)
from fastnn._core.optimizer cimport (
    SGD, c_add_penalty, c_decay, c_limit_norms, c_moment, c_optimizer_step, c_penalty, c_shrink)
from fastnn._core.context cimport (
    A_LINE, BACKWARD, DELTA, NORMALIZATION, OPTIMIZER, TRAIN, UPDATE, Window, c_mark, c_neurons,
    c_of_layer, c_own_pieces, c_rows_of, c_turn_to, c_wait)
from fastnn._core.compiled_plan cimport Layer, c_piece
from fastnn._core.gemm cimport c_product_nn, c_product_tn
from fastnn._core.kernels cimport FASTNN_LINE, Ahead


# Weights that are stepped together: those of the neurons from begin to end for the inputs from left
# to right, which lie in ``runs`` without a gap of ``size`` each.
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
    floating* work, const Plan* plan, bint weighted, Pass* how,
) noexcept nogil:
    """The delta of the output layer, each member its rows."""
    cdef Layer* last = &plan.layers[plan.n_layers - 1]
    cdef Window own = c_rows_of(last, how)
    cdef Py_ssize_t first = own.top * own.n
    if own.top < own.bottom:
        c_cost_backward(work + last.delta + first, work + last.out + first,
                        work + plan.targets + first,
                        NULL if last.z < 0 else work + last.z + first, plan.cost,
                        plan.cost_parameter, last.activation, own.bottom - own.top, own.n)
        if weighted:
            _weigh_rows(work + last.delta + first, work + plan.row_weights + own.top,
                        own.bottom - own.top, own.n)
    c_mark(how, DELTA)
    c_wait(how)


cdef void _finish_delta(
    floating* work, const Layer* layer, int l, Window own, Pass* how,
) noexcept nogil:
    """From a window of the delta at the layer's outputs to that at what its activation took."""
    cdef Py_ssize_t first, width = own.end - own.begin
    cdef int i, high = 1
    cdef floating* delta = work + layer.delta
    cdef MaskKey key = c_mask_key(how.seed, how.drawn, l)
    if width == own.n:
        high = own.bottom - own.top
        own.bottom = min(own.bottom, own.top + 1)
    for i in range(own.top, own.bottom):
        first = i * own.n + own.begin
        if layer.dropout > 0 and how.mode == TRAIN:
            c_dropout(delta + first, delta + first, first, high * width, layer.dropout,
                      layer.train_scale, key)
        elif layer.dropout > 0 and layer.predict_scale != 1:
            c_decay(delta + first, high * width, <floating> layer.predict_scale)
        c_activation_backward(delta + first, work + layer.act + first,
                              NULL if layer.z < 0 else work + layer.z + first,
                              layer.activation, high, width)
    c_mark(how, DELTA)


cdef void _hidden_delta(
    floating* work, const floating* parameters, const floating* parameters_after, const Plan* plan,
    int l, Pass* how,
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
    cdef Window own = c_neurons(plan, l, how)
    cdef int c = own.begin, width = own.end - own.begin
    cdef Py_ssize_t first
    if width > 0:
        c_product_nn(delta, work + after.delta, parameters_after + after.weights, how.m,
                     after.n_in, after.n_out, c, own.end, layer.tile)
        c_mark(how, BACKWARD)
    if layer.activation == SOFTMAX:  # its Jacobian takes whole rows
        c_wait(how)
        own = c_rows_of(layer, how)
    if own.begin < own.end and own.top < own.bottom:
        _finish_delta(work, layer, l, own, how)
    if layer.activation == SOFTMAX:
        c_wait(how)
    if layer.norm == BATCH and width > 0:
        c_columns_backward(delta + c, dgamma + c, dbeta + c, work + layer.xhat + c,
                           work + layer.inverse + c, parameters + layer.gamma + c, how.m, width,
                           layer.n_out)
        c_mark(how, NORMALIZATION)
    elif layer.norm == GROUP:
        if width > 0:
            c_parameter_sums(dgamma + c, dbeta + c, delta + c, work + layer.xhat + c, how.m, width,
                             layer.n_out)
        c_wait(how)  # its rows go by what the sums were taken of
        own = c_rows_of(layer, how)
        if own.top < own.bottom:
            first = own.top * own.n
            c_blocks_delta(delta + first, work + layer.xhat + first,
                           work + layer.inverse + own.top * <Py_ssize_t> layer.groups,
                           parameters + layer.gamma, own.bottom - own.top, layer.n_out,
                           layer.groups, 1)
        c_mark(how, NORMALIZATION)
    if not how.apart:
        c_wait(how)


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
    floating* work, floating* parameters, const Layer* layer, int begin, int end, Pass* how,
) noexcept nogil:
    """A plain step of the biases, gammas and betas of the neurons from begin to end."""
    cdef floating step = <floating> (-how.rate / how.m)
    c_column_sums(parameters + layer.biases + begin, work + layer.delta + begin, how.m,
                  end - begin, layer.n_out, step, <floating> 1)
    if layer.norm != NO_NORM:
        _add_scaled(parameters + layer.gamma + begin, _dgamma(work, layer) + begin, end - begin,
                    step, <floating> 1)
        _add_scaled(parameters + layer.beta + begin, _dbeta(work, layer) + begin, end - begin,
                    step, <floating> 1)
    c_mark(how, UPDATE)


cdef void _weights_by_sgd(
    floating* work, const floating* inp, floating* parameters, const Layer* layer,
    const StepRule* rule, Block some, Ahead* ahead, Pass* how,
) noexcept nogil:
    """A plain step: the gradient is added to W as it forms."""
    cdef floating step = <floating> (-how.rate / how.m)
    cdef floating decay = <floating> (1 - how.rate * rule.l2 / how.divisor)
    cdef Py_ssize_t i
    if rule.l1 != 0:
        for i in range(some.runs):
            c_shrink(parameters + some.at + i * layer.n_in, some.size, decay,
                     <floating> (how.rate * rule.l1 / how.divisor))
        decay = 1
    c_product_tn(parameters + some.at, layer.n_in, work + layer.delta, inp + some.left, layer.n_in,
                 layer.n_out, some.right - some.left, how.m, step, decay, some.begin, some.end,
                 ahead)


cdef inline floating* _gradient_room(floating* work, const Plan* plan, Pass* how) noexcept nogil:
    return work + plan.gradients + how.member * plan.gradient_size


cdef void _step_by_gradient(
    floating* slots, floating* gradient, floating* parameters, Py_ssize_t at, Py_ssize_t runs,
    Py_ssize_t size, Py_ssize_t ld, const Plan* plan, const StepRule* rule, Pass* how,
) noexcept nogil:
    """Let the optimizer step ``runs`` of ``size`` parameters each from offset ``at`` on."""
    c_optimizer_step(parameters + at, gradient, slots + at, plan.n_parameters, runs, size, ld, rule,
                     &how.now)


cdef void _other_parameters_by_optimizer(
    floating* slots, floating* work, floating* parameters, const Plan* plan, const Layer* layer,
    const StepRule* rule, int begin, int end, Pass* how,
) noexcept nogil:
    """A step of the biases, gammas and betas of the neurons from begin to end."""
    cdef floating* gradient = _gradient_room(work, plan, how)
    cdef floating mean = <floating> (1.0 / how.m)
    cdef Py_ssize_t size = end - begin
    if layer.norm == BATCH:
        # Batch norm takes a bias off again. Its gradient is 0, and rounding must not be made
        # into steps by optimizers that divide by its size.
        memset(gradient, 0, size * sizeof(floating))
    else:
        c_column_sums(gradient, work + layer.delta + begin, how.m, end - begin, layer.n_out, mean,
                      <floating> 0)
    _step_by_gradient(slots, gradient, parameters, layer.biases + begin, 1, size, 0, plan, rule,
                      how)
    if layer.norm != NO_NORM:
        _add_scaled(gradient, _dgamma(work, layer) + begin, size, mean, <floating> 0)
        _step_by_gradient(slots, gradient, parameters, layer.gamma + begin, 1, size, 0, plan, rule,
                          how)
        _add_scaled(gradient, _dbeta(work, layer) + begin, size, mean, <floating> 0)
        _step_by_gradient(slots, gradient, parameters, layer.beta + begin, 1, size, 0, plan, rule,
                          how)
    c_mark(how, OPTIMIZER)


cdef void _weights_by_optimizer(
    floating* slots, floating* work, const floating* inp, floating* parameters, const Plan* plan,
    const Layer* layer, const StepRule* rule, Block some, Ahead* ahead, Pass* how,
) noexcept nogil:
    """A step by the gradient, which only lives here."""
    cdef floating* gradient = _gradient_room(work, plan, how)
    cdef Py_ssize_t at = some.at, size = some.size, width = some.right - some.left, i
    c_product_tn(gradient, width, work + layer.delta, inp + some.left, layer.n_in, layer.n_out,
                 <int> width, how.m, <floating> (1.0 / how.m), <floating> 0, some.begin, some.end,
                 ahead)
    c_mark(how, UPDATE)
    for i in range(some.runs):
        if rule.l1 != 0 or rule.l2 != 0:
            c_add_penalty(gradient + i * size, parameters + at + i * layer.n_in, size, rule,
                          how.divisor)
        if rule.weight_decay != 0:
            c_decay(parameters + at + i * layer.n_in, size,
                    <floating> (1 - how.rate * rule.weight_decay))
    _step_by_gradient(slots, gradient, parameters, at, some.runs, size, layer.n_in, plan, rule, how)


cdef void _share_lines(Ahead* ahead, int n_tiles) noexcept nogil:
    """Divide what is wanted soon among the tiles that are computed until then."""
    cdef Py_ssize_t lines = ahead.n_rows * ((ahead.bytes + FASTNN_LINE - 1) // FASTNN_LINE)
    ahead.row, ahead.at = 0, 0
    ahead.lines = (lines + n_tiles - 1) // max(1, n_tiles)


cdef void _count_penalty(
    const floating* parameters, const Layer* layer, const StepRule* rule, Block some, int place,
    Pass* how,
) noexcept nogil:
    """Add what the weights cost before their step to the ``place`` of those asked for."""
    cdef Py_ssize_t i
    for i in range(some.runs):
        how.penalties[place * A_LINE] += how.m / how.divisor * c_penalty(
            parameters + some.at + i * layer.n_in, some.size, rule)


cdef void _step_layer(
    floating* slots, floating* work, floating* parameters, const Plan* plan, const StepRule* rule,
    int l, Pass* how,
) noexcept nogil:
    """Step the weights of layer l that the member owns, tile by tile, and piece by piece if cut."""
    cdef Layer* layer = &plan.layers[l]
    cdef Window own = c_neurons(plan, l, how)
    cdef const floating* inp = _input_of(work, plan, l)
    cdef Ahead* ahead = &how.ahead if l == 0 else NULL
    cdef Block some
    cdef int begin = own.begin, end, first = 0, last = 1, p
    cdef bint cut = l == plan.cut
    if cut:
        first, last = c_own_pieces(plan, how)
    if l == 0:
        _share_lines(ahead, (own.end - begin + layer.tile - 1) // layer.tile * (last - first))
    while begin < own.end:
        end = min(begin + layer.tile, own.end)
        for p in range(first, last):
            some = _block_of(layer, begin, end, c_piece(plan, p) if cut else 0,
                             c_piece(plan, p + 1) if cut else layer.n_in)
            if how.penalties != NULL and cut:
                _count_penalty(parameters, layer, rule, some, plan.n_tiles + p, how)
            elif how.penalties != NULL and how.member == how.rank:  # what all do counts once
                _count_penalty(parameters, layer, rule, some,
                               layer.first_tile + begin // layer.tile, how)
            if rule.kind == SGD:
                _weights_by_sgd(work, inp, parameters, layer, rule, some, ahead, how)
            else:
                _weights_by_optimizer(slots, work, inp, parameters, plan, layer, rule, some, ahead,
                                      how)
        if rule.kind == SGD:
            _other_parameters_by_sgd(work, parameters, layer, begin, end, how)
        else:
            _other_parameters_by_optimizer(slots, work, parameters, plan, layer, rule, begin, end,
                                           how)
        if rule.max_norm > 0:
            c_limit_norms(parameters + layer.weights + begin * <Py_ssize_t> layer.n_in,
                          end - begin, layer.n_in, rule.max_norm)
        begin = end


cdef void c_update(
    floating* slots, floating* work, floating* parameters,
    const Plan* plan, const StepRule* rule, Pass* how,
) noexcept nogil:
    """One step of the optimizer from the output's delta, layer by layer from the last.

    A layer's weights are read for the delta of the layer before, then each member steps those of
    its own neurons.
    """
    cdef int l
    how.now = c_moment(rule, how.rate, <double> how.step + 1)
    for l in range(plan.n_layers - 1, -1, -1):
        if l > 0:
            c_turn_to(how, plan, l - 1)
            _hidden_delta(work, c_of_layer(parameters, how.parameters, plan, l - 1, how),
                          c_of_layer(parameters, how.parameters, plan, l, how), plan, l - 1, how)
        c_turn_to(how, plan, l)
        _step_layer(c_of_layer(slots, how.slots, plan, l, how), work,
                    c_of_layer(parameters, how.parameters, plan, l, how), plan, rule, l, how)
    c_mark(how, OPTIMIZER if rule.max_norm > 0 else UPDATE)
    if not how.apart:
        c_wait(how)


# The gradient alone.


cdef inline floating* _dgamma(floating* work, const Layer* layer) noexcept nogil:
    return work + layer.scratch + 2 * <Py_ssize_t> layer.n_out


cdef inline floating* _dbeta(floating* work, const Layer* layer) noexcept nogil:
    return work + layer.scratch + 3 * <Py_ssize_t> layer.n_out


cdef void _add_scaled(
    floating* to, const floating* what, Py_ssize_t size, floating scale, floating keep,
) noexcept nogil:
    """to := keep to + scale what."""
    cdef Py_ssize_t i
    for i in range(size):
        to[i] = (0 if keep == 0 else keep * to[i]) + scale * what[i]


cdef void c_gradient(
    floating* gradient, floating* work, const floating* parameters, const Plan* plan,
    floating scale, floating keep, Pass* how,
) noexcept nogil:
    """gradient := keep gradient + scale Σ_rows ∂C/∂parameters, from the output's delta.

    By a member that works alone.
    """
    cdef Layer* layer
    cdef int l, begin, end
    for l in range(plan.n_layers - 1, -1, -1):
        layer = &plan.layers[l]
        if l > 0:
            _hidden_delta(work, parameters, parameters, plan, l - 1, how)
        begin = 0
        while begin < layer.n_out:  # in the tiles of a step, for the same bits
            end = min(begin + layer.tile, layer.n_out)
            c_product_tn(gradient + layer.weights + begin * <Py_ssize_t> layer.n_in, layer.n_in,
                         work + layer.delta, _input_of(work, plan, l), layer.n_in, layer.n_out,
                         layer.n_in, how.m, scale, keep, begin, end, NULL)
            begin = end
        c_column_sums(gradient + layer.biases, work + layer.delta, how.m, layer.n_out,
                      layer.n_out, scale, keep)
        if layer.norm != NO_NORM:
            _add_scaled(gradient + layer.gamma, _dgamma(work, layer), layer.n_out, scale, keep)
            _add_scaled(gradient + layer.beta, _dbeta(work, layer), layer.n_out, scale, keep)
        if layer.norm == BATCH:
            memset(gradient + layer.biases, 0, layer.n_out * sizeof(floating))
