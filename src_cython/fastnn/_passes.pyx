"""A mini-batch's passes through the layers: dense → normalization → activation → dropout, and back.

Between two meetings of the members nothing is read that another one writes. Blocks are moved, not
copied: a plan is held to the bounds of its vectors, not to regions that lie apart.
"""

from cython cimport floating
from libc.string cimport memmove, memset

from fastnn._activations cimport SOFTMAX, c_activation_backward, c_activation_forward
from fastnn._costs cimport c_cost_backward
from fastnn._dense cimport c_column_sums
from fastnn._dropout cimport MaskKey, c_dropout, c_mask_key
from fastnn._norm cimport (
    BATCH, GROUP, NO_NORM, c_blocks_delta, c_blocks_forward, c_columns_backward, c_columns_forward,
    c_parameter_sums, c_running_forward, c_running_update)
from fastnn._optim cimport (
    SGD, c_add_penalty, c_decay, c_limit_norms, c_optimizer_step, c_penalty, c_shrink)
from fastnn._plan cimport Layer, Plan, c_n_tiles
from fastnn._products cimport FASTNN_LINE, Ahead, c_product_nn, c_product_nt, c_product_tn
from fastnn._team cimport c_meet


cdef extern from "clock.h" nogil:
    double fastnn_seconds() noexcept nogil


# Rows from top to bottom and columns from begin to end of a block with n columns.
cdef struct Window:
    int top
    int bottom
    int begin
    int end
    Py_ssize_t n


# The clock.


cdef void c_start_clock(Pass* how, double* seconds) noexcept nogil:
    """Let the member write down where its time goes, if ``seconds`` is not NULL."""
    how.seconds = seconds
    if seconds != NULL:
        how.since = fastnn_seconds()


cdef void c_mark(Pass* how, int phase) noexcept nogil:
    """Say that what was done since the last mark was of this phase."""
    cdef double now
    if how.seconds == NULL:
        return
    now = fastnn_seconds()
    how.seconds[phase] += now - how.since
    how.since = now


cdef void c_wait(Pass* how) noexcept nogil:
    """Meet the other members."""
    if how.n_members > 1:
        c_meet(how.n_members)
        c_mark(how, SYNC)


cdef Pass c_alone(int mode, int m, uint64_t seed, uint64_t step) noexcept nogil:
    """A pass of one member that works alone."""
    cdef Pass how
    how.mode, how.m, how.seed, how.step = mode, m, seed, step
    how.rank, how.n_team, how.member, how.n_members = 0, 1, 0, 1
    how.apart, how.room = False, 0
    how.parameters, how.running, how.slots, how.team_work = NULL, NULL, NULL, NULL
    how.penalties = NULL
    how.rate, how.divisor, how.since = 0, 1, 0
    how.seconds = NULL
    how.ahead.rows, how.ahead.n_rows, how.ahead.bytes = NULL, 0, 0
    how.ahead.row, how.ahead.at, how.ahead.lines = 0, 0, 0
    return how


# Who computes what.


cdef void c_turn_to(Pass* how, int l) noexcept nogil:
    """Say that layer l comes next: whether the team shares it, or each member has it to itself."""
    how.member, how.n_members = how.rank, how.n_team
    if how.apart and l > 0:
        how.member, how.n_members = 0, 1


cdef inline floating* _of_layer(floating* shared, void* own, int l, Pass* how) noexcept nogil:
    """Return the vector of parameters, or of what goes with them, that layer l works with."""
    return <floating*> own if how.apart and l > 0 else shared


cdef (int, int) c_share(int n, Pass* how) noexcept nogil:
    """The member's part of n things in a row."""
    return (c_part(n, how.member, how.n_members), c_part(n, how.member + 1, how.n_members))


cdef inline int c_part(int n, int member, int n_members) noexcept nogil:
    """Where the member's part of n things in a row begins."""
    return <int> (n * <Py_ssize_t> member // n_members)


cdef Window _neurons(const Layer* layer, Pass* how) noexcept nogil:
    """All rows of the neurons that the member owns."""
    return _neurons_of(layer, how, how.member)


cdef Window _neurons_of(const Layer* layer, Pass* how, int member) noexcept nogil:
    cdef Window own
    cdef int begin, end, n_tiles = c_n_tiles(layer)
    begin, end = c_part(n_tiles, member, how.n_members), c_part(n_tiles, member + 1, how.n_members)
    own.top, own.bottom, own.n = 0, how.m, layer.n_out
    own.begin = begin * layer.tile
    own.end = min(layer.n_out, end * layer.tile)
    return own


cdef Window _rows(const Layer* layer, Pass* how) noexcept nogil:
    """The member's share of the rows, of all neurons."""
    cdef Window own
    own.top, own.bottom = c_share(how.m, how)
    own.begin, own.end, own.n = 0, layer.n_out, layer.n_out
    return own


cdef bint _by_rows(const Layer* layer) noexcept nogil:
    """Whether a layer's outputs need whole rows of its weighted inputs."""
    return layer.norm == GROUP or layer.activation == SOFTMAX


# Forward.


cdef void _norm_forward(
    floating* x, floating* work, const floating* parameters, floating* running,
    const Layer* layer, Window own, Pass* how,
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
    elif how.mode == PREDICT:
        c_running_forward(x + c, running + layer.running_mean + c,
                          running + layer.running_variance + c, gamma, beta, how.m, width, own.n,
                          layer.eps)
    else:
        c_columns_forward(x + c, work + layer.xhat + c, mean, variance, work + layer.inverse + c,
                          gamma, beta, how.m, width, own.n, layer.eps)
        if how.mode == TRAIN:
            c_running_update(running + layer.running_mean + c,
                             running + layer.running_variance + c, mean, variance, how.m, width,
                             layer.momentum)
    c_mark(how, NORMALIZATION)


cdef void _dropout_forward(
    floating* out, const floating* act, Py_ssize_t first, Py_ssize_t size, const Layer* layer,
    MaskKey key, Pass* how,
) noexcept nogil:
    """out := the units of act that are kept, scaled; the first one is the block's ``first``."""
    if how.mode == TRAIN:
        c_dropout(out, act, first, size, layer.dropout, layer.train_scale, key)
    else:
        memmove(out, act, size * sizeof(floating))
        if layer.predict_scale != 1:
            c_decay(out, size, <floating> layer.predict_scale)


cdef void _finish_forward(
    floating* work, const floating* z, const Layer* layer, int l, Window own, Pass* how,
) noexcept nogil:
    """From a window of the weighted inputs z to the outputs of the layer."""
    cdef Py_ssize_t first, width = own.end - own.begin
    cdef int i, high = 1
    cdef bint whole = width == own.n
    cdef floating* act = work + layer.act
    cdef floating* out = work + layer.out
    cdef MaskKey key = c_mask_key(how.seed, how.step, l)
    if whole:  # then the rows follow on one another
        high = own.bottom - own.top
        own.bottom = min(own.bottom, own.top + 1)
    for i in range(own.top, own.bottom):
        first = i * own.n + own.begin
        if z != act:
            memmove(act + first, z + first, high * width * sizeof(floating))
        c_activation_forward(act + first, layer.activation, high, width)
        if layer.dropout > 0:
            _dropout_forward(out + first, act + first, first, high * width, layer, key, how)
    c_mark(how, ACTIVATION)


cdef void _show_columns(
    floating* work, const Plan* plan, Window own, Pass* how,
) noexcept nogil:
    """Exchange the columns of the first layer's outputs among members that work apart.

    They go by way of two blocks, used in turn: while others still read one, the next mini-batch
    is written into the other, and after that all have met again.
    """
    cdef const Layer* first = &plan.layers[0]
    cdef Py_ssize_t at = plan.exchange, n = first.n_out
    cdef floating* out = work + first.out
    cdef int width = own.end - own.begin, member, i
    cdef Window theirs
    cdef const floating* shown
    if how.step % 2 == 1:
        at += plan.batch_size * n
    for i in range(how.m):
        memmove(work + at + i * width, out + i * n + own.begin, width * sizeof(floating))
    c_wait(how)
    for member in range(how.n_members):
        if member != how.member:
            theirs = _neurons_of(first, how, member)
            width = theirs.end - theirs.begin
            shown = <const floating*> how.team_work + member * how.room + at
            for i in range(how.m):
                memmove(out + i * n + theirs.begin, shown + i * width, width * sizeof(floating))
    c_mark(how, SYNC)


cdef void _layer_forward(
    floating* work, const floating* inp, const floating* parameters, floating* running,
    const Plan* plan, int l, Pass* how,
) noexcept nogil:
    """One layer: each member its neurons, then, if whole rows are needed, each its rows."""
    cdef const Layer* layer = &plan.layers[l]
    cdef floating* z = work + (layer.act if layer.z < 0 else layer.z)
    cdef Window own = _neurons(layer, how)
    if own.begin < own.end:
        c_product_nt(z, inp, parameters + layer.weights, parameters + layer.biases,
                     how.m, layer.n_out, layer.n_in, own.begin, own.end, layer.tile)
        c_mark(how, FORWARD)
        if layer.norm == BATCH:
            _norm_forward(z, work, parameters, running, layer, own, how)
        if not _by_rows(layer):
            _finish_forward(work, z, layer, l, own, how)
    if _by_rows(layer):
        c_wait(how)
        own = _rows(layer, how)
        if own.top < own.bottom:
            if layer.norm == GROUP:
                _norm_forward(z, work, parameters, running, layer, own, how)
            _finish_forward(work, z, layer, l, own, how)
    if how.apart and l == 0:
        _show_columns(work, plan, own, how)
    else:
        c_wait(how)


cdef void c_forward(
    floating* work, const floating* inputs, const floating* parameters, floating* running,
    const Plan* plan, Pass* how,
) noexcept nogil:
    """All layers, for the rows at ``inputs``."""
    cdef int l
    for l in range(plan.n_layers):
        c_turn_to(how, l)
        _layer_forward(work, inputs, _of_layer(<floating*> parameters, how.parameters, l, how),
                       _of_layer(running, how.running, l, how), plan, l, how)
        inputs = work + plan.layers[l].out


# Backward.


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
    cdef Window own = _rows(last, how)
    cdef Py_ssize_t first = own.top * own.n
    if own.top < own.bottom:
        c_cost_backward(work + last.delta + first, work + last.out + first,
                        work + plan.targets + first, plan.cost, plan.cost_parameter,
                        last.activation, own.bottom - own.top, own.n)
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
    cdef MaskKey key = c_mask_key(how.seed, how.step, l)
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
    cdef Window own = _neurons(layer, how)
    cdef int c = own.begin, width = own.end - own.begin
    cdef Py_ssize_t first
    if width > 0:
        c_product_nn(delta, work + after.delta, parameters_after + after.weights, how.m,
                     after.n_in, after.n_out, c, own.end, layer.tile)
        c_mark(how, BACKWARD)
    if layer.activation == SOFTMAX:  # its Jacobian takes whole rows
        c_wait(how)
        own = _rows(layer, how)
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
        own = _rows(layer, how)
        if own.top < own.bottom:
            first = own.top * own.n
            c_blocks_delta(delta + first, work + layer.xhat + first,
                           work + layer.inverse + own.top * <Py_ssize_t> layer.groups,
                           parameters + layer.gamma, own.bottom - own.top, layer.n_out,
                           layer.groups, 1)
        c_mark(how, NORMALIZATION)
    if not how.apart:
        c_wait(how)


cdef inline const floating* _input_of(floating* work, const Plan* plan, int l) noexcept nogil:
    return work + (plan.inputs if l == 0 else plan.layers[l - 1].out)


cdef void _step_by_gradient(
    floating* slots, floating* gradient, floating* parameters, Py_ssize_t at, Py_ssize_t size,
    const Plan* plan, const StepRule* rule, Pass* how,
) noexcept nogil:
    """Let the optimizer step ``size`` parameters from offset ``at`` on."""
    c_optimizer_step(parameters + at, gradient, slots + at, plan.n_parameters, size, rule,
                     how.rate, <double> how.step + 1)


cdef void _other_parameters_by_sgd(
    floating* work, floating* parameters, const Layer* layer, int begin, int end, floating step,
    Pass* how,
) noexcept nogil:
    """A plain step of the biases, gammas and betas of the neurons from begin to end."""
    if begin >= end:
        return
    c_column_sums(parameters + layer.biases + begin, work + layer.delta + begin, how.m,
                  end - begin, layer.n_out, step, <floating> 1)
    if layer.norm != NO_NORM:
        _add_scaled(parameters + layer.gamma + begin, _dgamma(work, layer) + begin, end - begin,
                    step, <floating> 1)
        _add_scaled(parameters + layer.beta + begin, _dbeta(work, layer) + begin, end - begin,
                    step, <floating> 1)


cdef void _tile_by_sgd(
    floating* work, const floating* inp, floating* parameters,
    const Layer* layer, const StepRule* rule, int begin, int end, Ahead* ahead, Pass* how,
) noexcept nogil:
    """A plain step of the neurons from begin to end: the gradient is added to W as it forms."""
    cdef floating* weights = parameters + layer.weights + begin * <Py_ssize_t> layer.n_in
    cdef floating step = <floating> (-how.rate / how.m)
    cdef floating decay = <floating> (1 - how.rate * rule.l2 / how.divisor)
    cdef Py_ssize_t size = (end - begin) * <Py_ssize_t> layer.n_in
    if rule.l1 != 0:
        c_shrink(weights, size, decay, <floating> (how.rate * rule.l1 / how.divisor))
        decay = 1
    c_product_tn(weights, work + layer.delta, inp, layer.n_out, layer.n_in, how.m, step,
                 decay, begin, end, ahead)
    _other_parameters_by_sgd(work, parameters, layer, begin, end, step, how)
    c_mark(how, UPDATE)


cdef void _tile_by_optimizer(
    floating* slots, floating* work, const floating* inp, floating* parameters, const Plan* plan,
    const Layer* layer, const StepRule* rule, int begin, int end, Ahead* ahead, Pass* how,
) noexcept nogil:
    """A step of the neurons from begin to end from their gradient, which only lives here."""
    cdef floating* gradient = work + plan.gradients + how.member * plan.gradient_size
    cdef floating mean = <floating> (1.0 / how.m)
    cdef Py_ssize_t at = layer.weights + begin * <Py_ssize_t> layer.n_in
    cdef Py_ssize_t size = (end - begin) * <Py_ssize_t> layer.n_in
    c_product_tn(gradient, work + layer.delta, inp, layer.n_out, layer.n_in, how.m, mean,
                 <floating> 0, begin, end, ahead)
    c_mark(how, UPDATE)
    if rule.l1 != 0 or rule.l2 != 0:
        c_add_penalty(gradient, parameters + at, size, rule, how.divisor)
    if rule.weight_decay != 0:
        c_decay(parameters + at, size, <floating> (1 - how.rate * rule.weight_decay))
    _step_by_gradient(slots, gradient, parameters, at, size, plan, rule, how)
    size = end - begin
    if layer.norm == BATCH:
        # Batch norm takes a bias off again. Its gradient is 0, and rounding must not be made
        # into steps by optimizers that divide by its size.
        memset(gradient, 0, size * sizeof(floating))
    else:
        c_column_sums(gradient, work + layer.delta + begin, how.m, end - begin, layer.n_out, mean,
                      <floating> 0)
    _step_by_gradient(slots, gradient, parameters, layer.biases + begin, size, plan, rule, how)
    if layer.norm != NO_NORM:
        _add_scaled(gradient, _dgamma(work, layer) + begin, size, mean, <floating> 0)
        _step_by_gradient(slots, gradient, parameters, layer.gamma + begin, size, plan, rule, how)
        _add_scaled(gradient, _dbeta(work, layer) + begin, size, mean, <floating> 0)
        _step_by_gradient(slots, gradient, parameters, layer.beta + begin, size, plan, rule, how)
    c_mark(how, OPTIMIZER)


cdef void _share_lines(Ahead* ahead, int n_tiles) noexcept nogil:
    """Divide what is wanted soon among the tiles that are computed until then."""
    cdef Py_ssize_t lines = ahead.n_rows * ((ahead.bytes + FASTNN_LINE - 1) // FASTNN_LINE)
    ahead.row, ahead.at = 0, 0
    ahead.lines = (lines + n_tiles - 1) // max(1, n_tiles)


cdef void _step_layer(
    floating* slots, floating* work, floating* parameters, const Plan* plan, const StepRule* rule,
    int l, Pass* how,
) noexcept nogil:
    """Step the neurons of layer l that the member owns, tile by tile."""
    cdef Layer* layer = &plan.layers[l]
    cdef Window own = _neurons(layer, how)
    cdef const floating* inp = _input_of(work, plan, l)
    cdef Ahead* ahead = &how.ahead if l == 0 else NULL
    cdef int begin = own.begin, end
    if l == 0:
        _share_lines(ahead, (own.end - begin + layer.tile - 1) // layer.tile)
    while begin < own.end:
        end = min(begin + layer.tile, own.end)
        if how.penalties != NULL and how.member == how.rank:  # what all do each counts once
            how.penalties[layer.first_tile + begin // layer.tile] += c_penalty(
                parameters + layer.weights + begin * <Py_ssize_t> layer.n_in,
                (end - begin) * <Py_ssize_t> layer.n_in, rule) * how.m / how.divisor
        if rule.kind == SGD:
            _tile_by_sgd(work, inp, parameters, layer, rule, begin, end, ahead, how)
        else:
            _tile_by_optimizer(slots, work, inp, parameters, plan, layer, rule, begin, end, ahead,
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
    for l in range(plan.n_layers - 1, -1, -1):
        if l > 0:
            c_turn_to(how, l - 1)
            _hidden_delta(work, _of_layer(parameters, how.parameters, l - 1, how),
                          _of_layer(parameters, how.parameters, l, how), plan, l - 1, how)
        c_turn_to(how, l)
        _step_layer(_of_layer(slots, how.slots, l, how), work,
                    _of_layer(parameters, how.parameters, l, how), plan, rule, l, how)
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
            c_product_tn(gradient + layer.weights + begin * <Py_ssize_t> layer.n_in,
                         work + layer.delta, _input_of(work, plan, l), layer.n_out,
                         layer.n_in, how.m, scale, keep, begin, end, NULL)
            begin = end
        c_column_sums(gradient + layer.biases, work + layer.delta, how.m, layer.n_out,
                      layer.n_out, scale, keep)
        if layer.norm != NO_NORM:
            _add_scaled(gradient + layer.gamma, _dgamma(work, layer), layer.n_out, scale, keep)
            _add_scaled(gradient + layer.beta, _dbeta(work, layer), layer.n_out, scale, keep)
        if layer.norm == BATCH:
            memset(gradient + layer.biases, 0, layer.n_out * sizeof(floating))
