"""One mini-batch of a narrow network, in feature-major layout: its rows are the SIMD lanes."""

from cython cimport floating
from libc.float cimport DBL_MAX, FLT_MAX
from libc.string cimport memcpy, memset

from fastnn._core.activation cimport RELU, SOFTMAX, c_activation_backward, c_activation_forward
from fastnn._core.cost cimport CROSS_ENTROPY, c_clip_outputs, c_cost_backward, c_cost_forward
from fastnn._core.cost_of_z cimport c_cost_of_columns
from fastnn._core.kernels cimport (
    FeatureMajorDouble, FeatureMajorFloat, c_kernels_double, c_kernels_float)
from fastnn._core.optimizer cimport (
    SGD, StepCoefficients, c_add_penalty, c_decay, c_limit_norms, c_optimizer_step, c_penalty,
    c_shrink, c_step_coefficients)
from fastnn._core.constants cimport DOUBLES_PER_LINE, MAX_LANES, ROW_BUFFER
from fastnn._core.context cimport (
    ACTIVATION, BACKWARD, COST, DELTA, FORWARD, GATHER, OPTIMIZER, SYNC, UPDATE, c_arena_of, c_mark,
    c_own_partial_sums)
from fastnn._core.compiled_plan cimport Layer, c_n_in, c_n_out, c_padded, c_part, c_partial_sum
from fastnn._core.dense cimport c_add_scaled
from fastnn._core.row_source cimport c_gather, c_in_place
from fastnn._core.thread_pool cimport c_barrier


cdef const FeatureMajorDouble* of_double = c_kernels_double().feature_major
cdef const FeatureMajorFloat* of_float = c_kernels_float().feature_major

cdef enum:
    COSTS = 64  # computed at a time


# A block of rows from `begin` on: `width` columns, of which `m` are rows. The others are copies of
# the last row, so that they give no number that the rows do not.
cdef struct Block:
    Py_ssize_t begin
    int width
    int m
    bint first


# Rows, transposed.


cdef void _transpose(
    floating* out, const floating* rows, const Py_ssize_t* order, Py_ssize_t n, Block block,
) noexcept nogil:
    """out (n, width) := the rows that ``order`` names."""
    if floating is float:
        of_float.pick(out, block.width, rows, n, order, block.m)
    else:
        of_double.pick(out, block.width, rows, n, order, block.m)
    _repeat_last(out, n, block)


cdef void _repeat_last(floating* out, Py_ssize_t n, Block block) noexcept nogil:
    """Let the columns beyond the rows be copies of the last one."""
    cdef Py_ssize_t i, j
    for j in range(n):
        for i in range(block.m, block.width):
            out[j * block.width + i] = out[j * block.width + block.m - 1]


cdef void _transpose_converted(
    floating* out, const Source* X, const Py_ssize_t* order, Block block,
) noexcept nogil:
    """out (n, width) := the rows that ``order`` names, converted and scaled."""
    cdef floating[ROW_BUFFER] buffer
    cdef Py_ssize_t i, j, n = X.n_columns, width = block.width, start = 0
    cdef Py_ssize_t at_once = ROW_BUFFER // n, some
    while start < block.m:
        some = min(at_once, block.m - start)
        c_gather(X, <floating*> buffer, order, start, some)
        for i in range(some):
            for j in range(n):
                out[j * width + start + i] = buffer[i * n + j]
        start += some
    _repeat_last(out, n, block)


cdef void _load(
    floating* work, const Source* X, const floating* Y, const Py_ssize_t* order, const Plan* plan,
    Block block,
) noexcept nogil:
    """Gather a block's inputs and targets."""
    cdef Py_ssize_t n_in = c_n_in(plan), n_out = c_n_out(plan)
    cdef floating* inputs = work + plan.inputs + block.begin * n_in
    order += block.begin
    if c_in_place(X, sizeof(floating)):
        _transpose(inputs, <const floating*> X.buffers[0].buf, order, n_in, block)
    else:
        _transpose_converted(inputs, X, order, block)
    _transpose(work + plan.targets + block.begin * n_out, Y, order, n_out, block)


# The layers.


cdef void _product(
    floating* out, const floating* factors, Py_ssize_t across, Py_ssize_t along,
    const floating* start, const floating* inp, const floating* act, Py_ssize_t n,
    Py_ssize_t depth, Py_ssize_t width, bint rectified,
) noexcept nogil:
    if floating is float:
        of_float.product(out, factors, across, along, start, inp, act, n, depth, width, rectified)
    else:
        of_double.product(out, factors, across, along, start, inp, act, n, depth, width, rectified)


cdef void _activate(
    floating* work, const Layer* layer, Block block, BatchContext* ctx,
) noexcept nogil:
    """From z of a layer, which may be kept, to its outputs."""
    cdef floating* out = work + layer.out
    if layer.z >= 0:
        memcpy(out, work + layer.z, layer.n_out * <Py_ssize_t> block.width * sizeof(floating))
    if layer.activation == SOFTMAX:
        if floating is float:
            of_float.softmax(out, layer.n_out, block.width)
        else:
            of_double.softmax(out, layer.n_out, block.width)
    elif layer.activation != RELU:
        c_activation_forward(out, layer.activation, layer.n_out, block.width)
    c_mark(ctx, ACTIVATION)


cdef void _forward(
    floating* work, const floating* parameters, const Plan* plan, Block block, BatchContext* ctx,
) noexcept nogil:
    cdef const floating* inp = work + plan.inputs + block.begin * <Py_ssize_t> c_n_in(plan)
    cdef Layer* layer
    cdef int l
    for l in range(plan.n_layers):
        layer = &plan.layers[l]
        _product(work + (layer.out if layer.z < 0 else layer.z), parameters + layer.weights,
                 layer.n_in, 1, parameters + layer.biases, inp, NULL, layer.n_out, layer.n_in,
                 block.width, layer.activation == RELU)
        c_mark(ctx, FORWARD)
        _activate(work, layer, block, ctx)
        inp = work + layer.out


cdef void _output_delta(
    floating* work, const Plan* plan, bint weighted, Block block, BatchContext* ctx,
) noexcept nogil:
    """The delta of the output layer, weighted; 0 beyond the rows."""
    cdef Layer* last = &plan.layers[plan.n_layers - 1]
    cdef Py_ssize_t width = block.width, i, j
    cdef const floating* a = work + last.out
    cdef const floating* y = work + plan.targets + block.begin * last.n_out
    cdef const floating* row_weights = work + plan.row_weights + block.begin
    cdef floating* delta = work + last.delta
    if last.activation != SOFTMAX:
        c_cost_backward(delta, a, y, <const floating*> NULL, plan.cost, plan.cost_parameter,
                        last.activation, last.n_out, width)
    elif floating is float:
        of_float.softmax_delta(delta, a, y, last.n_out, width)
    else:
        of_double.softmax_delta(delta, a, y, last.n_out, width)
    for j in range(last.n_out):
        if weighted:
            for i in range(block.m):
                delta[j * width + i] *= row_weights[i]
        for i in range(block.m, width):
            delta[j * width + i] = 0
    c_mark(ctx, DELTA)


cdef bint _goes_by_rows(const floating* _, const Plan* plan) noexcept nogil:
    """Whether the first layer's gradient is summed from the rows as they are.

    That depends on the plan alone: the sums have the same bits for any rows and threads.
    """
    cdef int rows = plan.batch_size
    if plan.n_partial_sums > 0:
        rows = rows // plan.n_partial_sums
    rows = min(rows, plan.block_rows)
    if floating is float:
        return of_float.by_rows(c_n_in(plan), rows)
    else:
        return of_double.by_rows(c_n_in(plan), rows)


cdef void _sum_rows(
    floating* to, const floating* before, floating scale, const floating* delta,
    const floating* rows, const Py_ssize_t* order, const Layer* layer, Py_ssize_t width,
    Py_ssize_t m,
) noexcept nogil:
    if floating is float:
        of_float.row_gradient(to, before, scale, delta, width, rows, order, layer.n_out,
                              layer.n_in, m)
    else:
        of_double.row_gradient(to, before, scale, delta, width, rows, order, layer.n_out,
                               layer.n_in, m)


cdef void _sum_transposed(
    floating* to, const floating* before, floating scale, const floating* delta,
    const floating* inp, const Layer* layer, Block block,
) noexcept nogil:
    """The same sums where the rows are not in place, from their copy (n_in, width)."""
    cdef floating[ROW_BUFFER] rows
    cdef Py_ssize_t i, j, n = layer.n_in, start = 0, some
    while start < block.m:
        some = min(<Py_ssize_t> ROW_BUFFER // n, block.m - start)
        for i in range(some):
            for j in range(n):
                rows[i * n + j] = inp[j * block.width + start + i]
        _sum_rows(to, before, scale if start + some == block.m else <floating> 1, delta + start,
                  <floating*> rows, NULL, layer, block.width, some)
        before = to
        start += some


cdef void _add_gradient(
    floating* gradient, floating* work, const Source* X, const Py_ssize_t* order,
    const floating* inp, const Layer* layer, const Plan* plan, Block block, floating scale,
) noexcept nogil:
    """Add a layer's to the sums; ``order`` is NULL where they are not summed by rows."""
    cdef floating* lanes = work + plan.lane_sums
    cdef const floating* delta = work + layer.delta
    cdef floating* kept = lanes + layer.weights * MAX_LANES
    cdef const floating* before = NULL if block.first else kept
    cdef floating* to = kept if gradient == NULL else gradient + layer.weights
    cdef Py_ssize_t n_in = layer.n_in
    if order != NULL:
        if gradient == NULL:
            scale = 1
        if c_in_place(X, sizeof(floating)):
            _sum_rows(to, before, scale, delta, <const floating*> X.buffers[0].buf,
                      order + block.begin, layer, block.width, block.m)
        else:
            _sum_transposed(to, before, scale, delta, inp, layer, block)
        n_in = 0  # what is left are the biases
    if floating is float:
        of_float.gradient(lanes, gradient, scale, layer.weights, layer.biases, delta, inp,
                          layer.n_out, n_in, block.width, block.first)
    else:
        of_double.gradient(lanes, gradient, scale, layer.weights, layer.biases, delta, inp,
                           layer.n_out, n_in, block.width, block.first)


cdef void _backward(
    floating* gradient, floating* work, const floating* parameters, const Source* X,
    const Py_ssize_t* order, const Plan* plan, Block block, floating scale, BatchContext* ctx,
) noexcept nogil:
    """Add the block's gradient to the sums, layer by layer from the last.

    They stay where they are, in SIMD lanes but for rows, if ``gradient`` is NULL; else it becomes
    scale times the sum of these.
    """
    cdef bint by_rows = _goes_by_rows(<const floating*> work, plan)
    cdef const floating* inp
    cdef floating* below
    cdef Layer* layer
    cdef Layer* before
    cdef bint rectified
    cdef int l
    for l in range(plan.n_layers - 1, -1, -1):
        layer = &plan.layers[l]
        inp = work + plan.inputs + block.begin * <Py_ssize_t> layer.n_in
        if l > 0:
            before = &plan.layers[l - 1]
            inp, below = work + before.out, work + before.delta
            rectified = before.activation == RELU
            _product(below, parameters + layer.weights, 1, layer.n_in, NULL, work + layer.delta,
                     inp if rectified else NULL, layer.n_in, layer.n_out, block.width, False)
            c_mark(ctx, BACKWARD)
            if not rectified:
                c_activation_backward(below, inp, <const floating*> NULL, before.activation,
                                      layer.n_in, block.width)
                c_mark(ctx, DELTA)
        _add_gradient(gradient, work, X, order if l == 0 and by_rows else NULL, inp, layer, plan,
                      block, scale)
        c_mark(ctx, UPDATE)


# The cost.


cdef bint _add_cost_of_labels(
    double* total, const floating* a, const floating* y, const floating* row_weights, int m,
) noexcept nogil:
    """Add the cross-entropy of m outputs, in double; or return False if y are no labels."""
    cdef double[3 * COSTS] wide
    cdef double cost = 0
    cdef int start = 0, size, i
    if floating is float:
        while start < m:
            size = min(<int> COSTS, m - start)
            for i in range(size):
                wide[i], wide[COSTS + i] = a[start + i], y[start + i]
                wide[2 * COSTS + i] = 1 if row_weights == NULL else row_weights[start + i]
            if not of_double.cost_of_labels(&cost, wide, wide + COSTS, wide + 2 * COSTS, size,
                                            FLT_MAX):
                return False
            start += size
        total[0] += cost
        return True
    else:
        return of_double.cost_of_labels(total, a, y, row_weights, m, DBL_MAX)


cdef double _cost(
    floating* work, const Plan* plan, bint weighted, Block block, BatchContext* ctx,
) noexcept nogil:
    """The cost of the block's rows; the outputs may be clipped."""
    cdef Layer* last = &plan.layers[plan.n_layers - 1]
    cdef const floating* row_weights = NULL
    cdef floating* a = work + last.out
    cdef const floating* y = work + plan.targets + block.begin * last.n_out
    cdef double total = 0
    cdef int _
    if weighted:
        row_weights = work + plan.row_weights + block.begin
    if plan.cost_by_z:
        total = c_cost_of_columns(work + last.z, a, y, row_weights, plan.cost, last.activation,
                                  block.m, last.n_out, block.width)
        c_mark(ctx, COST)
        return total
    c_clip_outputs(a, block.width * <Py_ssize_t> last.n_out, plan.cost, plan.cost_parameter)
    for _ in range(last.n_out):
        if plan.cost != CROSS_ENTROPY or not _add_cost_of_labels(
                &total, a, y, row_weights, block.m):
            total += c_cost_forward(a, y, row_weights, plan.cost, plan.cost_parameter, block.m, 1)
        a, y = a + block.width, y + block.width
    c_mark(ctx, COST)
    return total


cdef void _note_penalties(
    const floating* parameters, const Plan* plan, const StepRule* rule, BatchContext* ctx,
) noexcept nogil:
    """Add those of the weights before the step, a layer's in the place of its first tile."""
    cdef Layer* layer
    cdef int l
    for l in range(plan.n_layers):
        layer = &plan.layers[l]
        ctx.penalties[layer.first_tile * DOUBLES_PER_LINE] += c_penalty(
            parameters + layer.weights, layer.n_out * <Py_ssize_t> layer.n_in,
            rule) * ctx.m / ctx.divisor


# The step.


cdef void _step_by_sgd(
    floating* parameters, const floating* gradient, const Plan* plan, const StepRule* rule,
    BatchContext* ctx,
) noexcept nogil:
    """A plain step by the sum of the rows' gradients."""
    cdef floating step = <floating> (-ctx.rate / ctx.m)
    cdef floating decay = <floating> (1 - ctx.rate * rule.l2 / ctx.divisor)
    cdef Layer* layer
    cdef Py_ssize_t size
    cdef int l
    if decay == 1 and rule.l1 == 0:
        c_add_scaled(parameters, gradient, plan.n_parameters, step, <floating> 1)
        return
    for l in range(plan.n_layers):
        layer = &plan.layers[l]
        size = layer.n_out * <Py_ssize_t> layer.n_in
        if rule.l1 == 0:
            c_add_scaled(parameters + layer.weights, gradient + layer.weights, size, step, decay)
        else:
            c_shrink(parameters + layer.weights, size, decay,
                     <floating> (ctx.rate * rule.l1 / ctx.divisor))
            c_add_scaled(parameters + layer.weights, gradient + layer.weights, size, step,
                         <floating> 1)
        c_add_scaled(parameters + layer.biases, gradient + layer.biases, layer.n_out, step,
                     <floating> 1)


cdef void _step_by_optimizer(
    floating* slots, floating* parameters, floating* gradient, const Plan* plan,
    const StepRule* rule, BatchContext* ctx,
) noexcept nogil:
    """A step by the mean of the rows' gradients."""
    cdef StepCoefficients coefficients
    cdef Layer* layer
    cdef Py_ssize_t size
    cdef int l
    for l in range(plan.n_layers):
        layer = &plan.layers[l]
        size = layer.n_out * <Py_ssize_t> layer.n_in
        if rule.l1 != 0 or rule.l2 != 0:
            c_add_penalty(gradient + layer.weights, parameters + layer.weights, size, rule,
                          ctx.divisor)
        if rule.weight_decay != 0:
            c_decay(parameters + layer.weights, size,
                    <floating> (1 - ctx.rate * rule.weight_decay))
    coefficients = c_step_coefficients(rule, ctx.rate, <double> ctx.step + 1)
    c_optimizer_step(parameters, gradient, slots, plan.n_parameters, 1, plan.n_parameters, 0, rule,
                     &coefficients)


cdef void _step(
    floating* slots, floating* parameters, floating* gradient, const Plan* plan,
    const StepRule* rule, BatchContext* ctx,
) noexcept nogil:
    cdef Layer* layer
    cdef int l
    if rule.kind == SGD:
        _step_by_sgd(parameters, gradient, plan, rule, ctx)
        c_mark(ctx, UPDATE)
    else:
        _step_by_optimizer(slots, parameters, gradient, plan, rule, ctx)
    if rule.max_norm > 0:
        for l in range(plan.n_layers):
            layer = &plan.layers[l]
            c_limit_norms(parameters + layer.weights, layer.n_out, layer.n_in, rule.max_norm)
    c_mark(ctx, OPTIMIZER)


# A mini-batch, whose rows may be divided into ranges that several workers share out.


cdef int _range_begin(int m, int p, const Plan* plan) noexcept nogil:
    """The first row of partial sum p; all ranges but the last one have whole vectors."""
    return min(m, c_part(c_padded(m) // MAX_LANES, p, plan.n_partial_sums) * MAX_LANES)


cdef inline floating* _partial_gradient(
    floating* work, int p, const Plan* plan, BatchContext* ctx,
) noexcept nogil:
    """Partial sum p of the gradient; the ``MAX_LANES`` numbers before it hold that of the cost."""
    return work + c_partial_sum(plan, p, ctx.step) + MAX_LANES


cdef double _train_on_rows(
    floating* gradient, floating* work, const floating* parameters, const Source* X,
    const floating* Y, const Py_ssize_t* order, const Plan* plan, bint with_cost, bint weighted,
    bint again, floating scale, int begin, int end, BatchContext* ctx,
) noexcept nogil:
    """gradient := scale times the sum of the rows' gradients; return their cost."""
    cdef Block block
    cdef double cost = 0
    cdef bint last
    block.begin = begin
    while block.begin < end:
        block.first = block.begin == begin
        block.m = <int> min(<Py_ssize_t> plan.block_rows, end - block.begin)
        block.width = c_padded(block.m)
        if not again:
            _load(work, X, Y, order, plan, block)
            c_mark(ctx, GATHER)
        _forward(work, parameters, plan, block, ctx)
        _output_delta(work, plan, weighted, block, ctx)
        if with_cost:
            cost += _cost(work, plan, weighted, block, ctx)
        last = block.begin + plan.block_rows >= end
        _backward(gradient if last else <floating*> NULL, work, parameters, X, order, plan, block,
                  scale, ctx)
        block.begin += plan.block_rows
    return cost


cdef double _by_partial_sums(
    floating* gradient, floating* work, const floating* parameters, const Source* X,
    const floating* Y, const Py_ssize_t* order, const Plan* plan, bint with_cost, bint weighted,
    bint again, floating scale, BatchContext* ctx,
) noexcept nogil:
    """The gradient and the cost of all rows, from those of the workers' ranges."""
    cdef const floating* theirs
    cdef floating* own
    cdef double cost = 0
    cdef int p, first, last, begin, end
    first, last = c_own_partial_sums(plan, ctx)
    for p in range(first, last):
        begin, end = _range_begin(ctx.m, p, plan), _range_begin(ctx.m, p + 1, plan)
        own = _partial_gradient(work, p, plan, ctx)
        (<double*> (own - MAX_LANES))[0] = _train_on_rows(
            own, work, parameters, X, Y, order, plan, with_cost, weighted, again, scale, begin,
            end, ctx)
        if begin == end:
            memset(own, 0, plan.n_parameters * sizeof(floating))
    c_mark(ctx, UPDATE)
    if ctx.replicated:
        c_barrier(ctx.n_workers)
    for p in range(plan.n_partial_sums):
        theirs = _partial_gradient(c_arena_of(work, plan, p, ctx), p, plan, ctx)
        cost += (<double*> (theirs - MAX_LANES))[0]
        if p == 0:
            memcpy(gradient, theirs, plan.n_parameters * sizeof(floating))
        else:
            c_add_scaled(gradient, theirs, plan.n_parameters, <floating> 1, <floating> 1)
    c_mark(ctx, SYNC if ctx.replicated else UPDATE)
    return cost


cdef double c_train_feature_major(
    floating* slots, floating* work, floating* parameters, const Source* X, const floating* Y,
    const Py_ssize_t* order, const Plan* plan, const StepRule* rule, bint with_cost, bint weighted,
    bint again, BatchContext* ctx,
) noexcept nogil:
    cdef floating* gradient = work + plan.lane_sums + MAX_LANES * plan.n_parameters
    cdef floating scale = <floating> (1 if rule.kind == SGD else 1.0 / ctx.m)
    cdef double cost
    if plan.n_partial_sums > 0:
        cost = _by_partial_sums(gradient, work, parameters, X, Y, order, plan, with_cost, weighted,
                                again, scale, ctx)
    else:
        cost = _train_on_rows(gradient, work, parameters, X, Y, order, plan, with_cost, weighted,
                              again, scale, 0, ctx.m, ctx)
    if ctx.penalties != NULL and ctx.worker == 0:
        _note_penalties(parameters, plan, rule, ctx)
    _step(slots, parameters, gradient, plan, rule, ctx)
    return cost
