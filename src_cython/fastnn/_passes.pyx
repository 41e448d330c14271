"""A mini-batch's passes through the layers: dense → normalization → activation → dropout, and back.

Between two meetings of the members nothing is read that another one writes. Blocks are moved, not
copied: a plan is held to the bounds of its vectors, not to regions that lie apart.
"""

from cython cimport floating
from libc.string cimport memcpy, memmove, memset

from fastnn._activations cimport SOFTMAX, c_activation_backward, c_activation_forward
from fastnn._costs cimport c_cost_backward
from fastnn._dense cimport c_column_sums
from fastnn._dropout cimport MaskKey, c_dropout, c_mask_key
from fastnn._norm cimport (
    BATCH, GROUP, NO_NORM, c_blocks_delta, c_blocks_forward, c_columns_backward, c_columns_forward,
    c_parameter_sums, c_running_forward, c_running_update)
from fastnn._optim cimport (
    SGD, c_add_penalty, c_decay, c_limit_norms, c_moment, c_optimizer_step, c_penalty, c_shrink)
from fastnn._plan cimport MOST_PIECES, Layer, Plan, c_n_tiles, c_part, c_piece
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
    how.penalties, how.cost = NULL, 0
    how.rate, how.divisor, how.since = 0, 1, 0
    how.seconds = NULL
    how.ahead.rows, how.ahead.n_rows, how.ahead.bytes = NULL, 0, 0
    how.ahead.row, how.ahead.at, how.ahead.lines = 0, 0, 0
    return how


# Who computes what.


cdef void c_turn_to(Pass* how, const Plan* plan, int l) noexcept nogil:
    """Say that layer l comes next: whether the team shares it, or each member has it to itself."""
    how.member, how.n_members = how.rank, how.n_team
    if how.apart and l >= plan.cut:
        how.member, how.n_members = 0, 1


cdef floating* c_of_layer(
    floating* shared, void* own, const Plan* plan, int l, Pass* how,
) noexcept nogil:
    return <floating*> own if how.apart and l >= plan.cut else shared


cdef (int, int) c_share(int n, Pass* how) noexcept nogil:
    """The member's part of n things in a row."""
    return (c_part(n, how.member, how.n_members), c_part(n, how.member + 1, how.n_members))


cdef (int, int) _own_pieces(const Plan* plan, Pass* how) noexcept nogil:
    return (c_part(plan.n_pieces, how.rank, how.n_team),
            c_part(plan.n_pieces, how.rank + 1, how.n_team))


cdef (int, int) c_own_inputs(const Plan* plan, Pass* how) noexcept nogil:
    cdef int first, last
    first, last = _own_pieces(plan, how)
    return c_piece(plan, first), c_piece(plan, last)


cdef Window _neurons(const Plan* plan, int l, Pass* how) noexcept nogil:
    """All rows of the neurons of layer l that the member owns."""
    cdef const Layer* layer = &plan.layers[l]
    cdef Window own
    cdef int begin, end
    own.top, own.bottom, own.n = 0, how.m, layer.n_out
    if how.apart and l + 1 == plan.cut:
        own.begin, own.end = c_own_inputs(plan, how)
        return own
    begin, end = c_share(c_n_tiles(layer), how)
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


cdef inline bint _by_twos(const Plan* plan, Pass* how) noexcept nogil:
    """Whether two pieces of which the second is odd have one owner."""
    return 2 * how.n_team <= plan.n_pieces


cdef inline void _add(floating* to, const floating* what, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(size):
        to[i] += what[i]


cdef inline void _add_two(
    floating* to, const floating* one, const floating* other, Py_ssize_t size,
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(size):
        to[i] += one[i] + other[i]


cdef floating* _sums_of_own_pieces(
    floating* work, const floating* inp, const floating* weights, const Plan* plan, Pass* how,
) noexcept nogil:
    """The products of the pieces of inputs that the member owns; return where they are.

    There is room for two sets of blocks, used in turn: while others still read one, the next
    mini-batch is written into the other, and after that all have met again.
    """
    cdef const Layer* layer = &plan.layers[plan.cut]
    cdef Py_ssize_t size = how.m * <Py_ssize_t> layer.n_out
    cdef floating* sums = work + plan.exchange
    cdef int first, last, p, left
    if how.step % 2 == 1:
        sums += plan.n_pieces * plan.batch_size * <Py_ssize_t> layer.n_out
    first, last = _own_pieces(plan, how)
    for p in range(first, last):
        left = c_piece(plan, p)
        c_product_nt(sums + p * size, inp + left, weights + left, layer.n_in, <floating*> NULL,
                     how.m, layer.n_out, c_piece(plan, p + 1) - left, 0, layer.n_out, layer.tile)
        if _by_twos(plan, how) and p % 2 == 1:
            _add(sums + (p - 1) * size, sums + p * size, size)
    c_mark(how, FORWARD)
    return sums


cdef void _sum_of_pieces(
    floating* z, const floating* biases, floating* work, floating* sums, const Plan* plan,
    Pass* how,
) noexcept nogil:
    """z := the sums of all pieces, two by two whoever has which, and the biases."""
    cdef Py_ssize_t n = plan.layers[plan.cut].n_out, size = how.m * n, i
    cdef const floating* block[MOST_PIECES]
    cdef int member, p
    for member in range(how.n_team):
        if how.apart:
            sums = <floating*> how.team_work + member * how.room + (sums - work)
            work = <floating*> how.team_work + member * how.room
        for p in range(c_part(plan.n_pieces, member, how.n_team),
                       c_part(plan.n_pieces, member + 1, how.n_team)):
            block[p] = sums + p * size
    for i in range(how.m):
        memcpy(z + i * n, biases, n * sizeof(floating))
    for p in range(0, plan.n_pieces, 2):
        if _by_twos(plan, how):
            _add(z, block[p], size)
        else:
            _add_two(z, block[p], block[p + 1], size)


cdef void _layer_forward(
    floating* work, const floating* inp, const floating* parameters, floating* running,
    const Plan* plan, int l, Pass* how,
) noexcept nogil:
    """One layer: each member its neurons, then, if whole rows are needed, each its rows."""
    cdef const Layer* layer = &plan.layers[l]
    cdef floating* z = work + (layer.act if layer.z < 0 else layer.z)
    cdef floating* sums
    cdef Window own = _neurons(plan, l, how)
    if l == plan.cut and how.mode != PREDICT:
        sums = _sums_of_own_pieces(work, inp, parameters + layer.weights, plan, how)
        if how.apart:
            c_meet(how.n_team)
        _sum_of_pieces(z, parameters + layer.biases, work, sums, plan, how)
        c_mark(how, SYNC if how.apart else FORWARD)
    elif own.begin < own.end:
        c_product_nt(z, inp, parameters + layer.weights, layer.n_in, parameters + layer.biases,
                     how.m, layer.n_out, layer.n_in, own.begin, own.end, layer.tile)
        c_mark(how, FORWARD)
    if own.begin < own.end:
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
    if not how.apart:
        c_wait(how)


cdef void c_after_product(
    floating* work, const floating* parameters, floating* running, const Plan* plan, int l,
    Pass* how,
) noexcept nogil:
    """What comes after a layer's product, by a member that works alone."""
    cdef const Layer* layer = &plan.layers[l]
    cdef floating* z = work + (layer.act if layer.z < 0 else layer.z)
    cdef Window all_of_it = _rows(layer, how)
    if layer.norm != NO_NORM:
        _norm_forward(z, work, parameters, running, layer, all_of_it, how)
    _finish_forward(work, z, layer, l, all_of_it, how)


cdef void c_forward(
    floating* work, const floating* inputs, const floating* parameters, floating* running,
    const Plan* plan, Pass* how,
) noexcept nogil:
    """All layers, for the rows at ``inputs``."""
    cdef int l
    for l in range(plan.n_layers):
        c_turn_to(how, plan, l)
        _layer_forward(work, inputs,
                       c_of_layer(<floating*> parameters, how.parameters, plan, l, how),
                       c_of_layer(running, how.running, plan, l, how), plan, l, how)
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
    cdef Window own = _neurons(plan, l, how)
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
    cdef Window own = _neurons(plan, l, how)
    cdef const floating* inp = _input_of(work, plan, l)
    cdef Ahead* ahead = &how.ahead if l == 0 else NULL
    cdef Block some
    cdef int begin = own.begin, end, first = 0, last = 1, p
    cdef bint cut = l == plan.cut
    if cut:
        first, last = _own_pieces(plan, how)
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
