"""A mini-batch forward through the layers: dense → normalization → activation → dropout.

Between two meetings of the members nothing is read that another one writes. Blocks are moved, not
copied: a plan is held to the bounds of its vectors, not to regions that lie apart.
"""

from cython cimport floating
from libc.string cimport memcpy, memmove

from fastnn._core.activation cimport c_activation_forward
from fastnn._core.dropout cimport MaskKey, c_dropout, c_mask_key
from fastnn._core.norm cimport (
    BATCH, GROUP, NO_NORM, c_blocks_forward, c_columns_forward, c_running_forward, c_running_update)
from fastnn._core.optimizer cimport c_decay
from fastnn._core.context cimport (
    ACTIVATION, FORWARD, NORMALIZATION, PREDICT, SYNC, TRAIN, Window, c_by_rows, c_mark, c_neurons,
    c_of_layer, c_own_pieces, c_rows_of, c_turn_to, c_wait,
    c_workspace_of)
from fastnn._core.compiled_plan cimport MOST_PIECES, Layer, c_piece
from fastnn._core.gemm cimport c_product_nt
from fastnn._core.thread_pool cimport c_meet


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
    cdef MaskKey key = c_mask_key(how.seed, how.drawn, l)
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
        elif out != act:
            memmove(out + first, act + first, high * width * sizeof(floating))
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
        sums += plan.n_pieces * <Py_ssize_t> plan.batch_size * layer.n_out
    first, last = c_own_pieces(plan, how)
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
    cdef Py_ssize_t n = plan.layers[plan.cut].n_out, size = how.m * n, at = sums - work, i
    cdef const floating* block[MOST_PIECES]
    cdef int p
    for p in range(plan.n_pieces):
        block[p] = c_workspace_of(work, plan, p, how) + at + p * size
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
    cdef Window own = c_neurons(plan, l, how)
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
        if not c_by_rows(layer):
            _finish_forward(work, z, layer, l, own, how)
    if c_by_rows(layer):
        c_wait(how)
        own = c_rows_of(layer, how)
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
    cdef Window all_of_it = c_rows_of(layer, how)
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
