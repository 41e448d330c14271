"""One epoch, and its parts: gather → forward → delta → backward → update, without the GIL.

The work happens in a workspace that the plan laid out before the first mini-batch; nothing is
allocated here. The ``def`` functions at the end check what Python passes, then trust it.
"""

from cpython.exc cimport PyErr_CheckSignals
from cython cimport floating
from libc.stdint cimport uint64_t
from libc.string cimport memcpy, memset

from fastnn._activations cimport c_activation_backward, c_activation_forward
from fastnn._costs cimport (
    CROSS_ENTROPY, LOG_LIKELIHOOD, QUANTILE, c_cost_backward, c_cost_forward)
from fastnn._dense cimport (
    c_dense_backward_input, c_dense_backward_parameters, c_dense_forward)
from fastnn._dropout cimport c_dropout, c_mask_key
from fastnn._norm cimport (
    BATCH, NO_NORM, c_blocks_backward, c_blocks_forward, c_columns_backward, c_columns_forward,
    c_running_forward, c_running_update)
from fastnn._optim cimport (
    SGD, Rule, c_add_penalty, c_decay, c_limit_norms, c_optimizer_step, c_penalty, c_sgd_update)
from fastnn._plan cimport CompiledPlan, Layer

cpdef enum Mode:
    PREDICT = 0    # running statistics, no dropout
    GRADIENT = 1   # the mini-batch's statistics, no dropout, nothing remembered
    TRAIN = 2      # the mini-batch's statistics, remembered in the running ones; dropout

# Work between two looks for Ctrl-C, in units of about a floating-point operation: 20 to 100 ms.
cdef double BETWEEN_SIGNALS = 1e9


cdef struct Pass:
    int mode
    uint64_t seed    # of the dropout masks
    uint64_t step    # steps taken before, for the masks and the optimizers' corrections
    double divisor   # of the penalties


cdef double _batch_work(CompiledPlan plan, double m) noexcept nogil:
    """What one mini-batch of m rows costs, in those units: products, activations, calls."""
    cdef double work = 0
    cdef int l
    for l in range(plan.n_layers):
        work += m * (6.0 * plan.layers[l].n_in + 200.0) * plan.layers[l].n_out + 5000.0
    return work


cdef void _gather(
    floating* out, const floating* rows, const Py_ssize_t* order, Py_ssize_t m, Py_ssize_t n,
) noexcept nogil:
    """out[i] := rows[order[i]], rows of n numbers."""
    cdef Py_ssize_t i
    for i in range(m):
        memcpy(out + i * n, rows + order[i] * n, n * sizeof(floating))


# Forward.


cdef void _norm_forward(
    floating* x, floating* work, const floating* parameters, floating* running,
    const Layer* layer, int m, int mode,
) noexcept nogil:
    """Normalize a layer's weighted inputs x (m, n_out) in place."""
    cdef const floating* gamma = parameters + layer.gamma
    cdef const floating* beta = parameters + layer.beta
    cdef floating* mean = work + layer.scratch
    cdef floating* variance = mean + layer.n_out
    if layer.norm != BATCH:
        c_blocks_forward(x, work + layer.xhat, work + layer.inverse, gamma, beta, m, layer.n_out,
                         layer.groups, 1, layer.eps)
    elif mode == PREDICT:
        c_running_forward(x, running + layer.running_mean, running + layer.running_variance,
                          gamma, beta, m, layer.n_out, layer.eps)
    else:
        c_columns_forward(x, work + layer.xhat, mean, variance, work + layer.inverse, gamma, beta,
                          m, layer.n_out, layer.eps)
        if mode == TRAIN:
            c_running_update(running + layer.running_mean, running + layer.running_variance,
                             mean, variance, m, layer.n_out, layer.momentum)


cdef void _dropout_forward(
    floating* out, const floating* act, const Layer* layer, int l, int m, Pass how,
) noexcept nogil:
    """out := the units of act that are kept in this step, scaled."""
    cdef Py_ssize_t size = m * <Py_ssize_t> layer.n_out
    if how.mode == TRAIN:
        c_dropout(out, act, size, layer.dropout, layer.train_scale,
                  c_mask_key(how.seed, how.step, l))
    else:
        memcpy(out, act, size * sizeof(floating))
        if layer.predict_scale != 1:
            c_decay(out, size, <floating> layer.predict_scale)


cdef void _forward(
    floating* work, const floating* inputs, const floating* parameters, floating* running,
    CompiledPlan plan, int m, Pass how,
) noexcept nogil:
    """All layers, for the m rows at ``inputs``: dense → normalization → activation → dropout."""
    cdef const floating* inp = inputs
    cdef floating* z
    cdef floating* act
    cdef Layer* layer
    cdef int l
    for l in range(plan.n_layers):
        layer = &plan.layers[l]
        act = work + layer.act
        z = act if layer.z < 0 else work + layer.z
        c_dense_forward(z, inp, parameters + layer.weights, parameters + layer.biases,
                        m, layer.n_in, layer.n_out)
        if layer.norm != NO_NORM:
            _norm_forward(z, work, parameters, running, layer, m, how.mode)
        if z != act:
            memcpy(act, z, m * <Py_ssize_t> layer.n_out * sizeof(floating))
        c_activation_forward(act, layer.activation, m, layer.n_out)
        if layer.dropout > 0:
            _dropout_forward(work + layer.out, act, layer, l, m, how)
        inp = work + layer.out


# Backward.


cdef inline const floating* _input_of(floating* work, CompiledPlan plan, int l) noexcept nogil:
    return work + (plan.inputs if l == 0 else plan.layers[l - 1].out)


cdef void _weigh_rows(
    floating* delta, const floating* row_weights, Py_ssize_t m, Py_ssize_t n,
) noexcept nogil:
    """delta[i] := row_weights[i] delta[i]."""
    cdef Py_ssize_t i
    for i in range(m):
        c_decay(delta + i * n, n, row_weights[i])


cdef void _output_delta(
    floating* work, CompiledPlan plan, int m, bint weighted,
) noexcept nogil:
    cdef Layer* last = &plan.layers[plan.n_layers - 1]
    c_cost_backward(work + last.delta, work + last.out, work + plan.targets,
                    plan.cost, plan.cost_parameter, last.activation, m, last.n_out)
    if weighted:
        _weigh_rows(work + last.delta, work + plan.row_weights, m, last.n_out)


cdef void _hidden_delta(
    floating* work, const floating* parameters, CompiledPlan plan, int l, int m, Pass how,
) noexcept nogil:
    """The delta of layer l from that of layer l + 1 (BP2), back to its weighted input.

    The sums for gamma and beta are left in the layer's scratch.
    """
    cdef Layer* layer = &plan.layers[l]
    cdef Layer* after = &plan.layers[l + 1]
    cdef floating* delta = work + layer.delta
    cdef floating* dgamma = work + layer.scratch + 2 * layer.n_out
    cdef floating* dbeta = dgamma + layer.n_out
    c_dense_backward_input(delta, work + after.delta, parameters + after.weights,
                           m, after.n_in, after.n_out)
    if layer.dropout > 0 and how.mode == TRAIN:
        c_dropout(delta, delta, m * <Py_ssize_t> layer.n_out, layer.dropout, layer.train_scale,
                  c_mask_key(how.seed, how.step, l))
    elif layer.dropout > 0 and layer.predict_scale != 1:
        c_decay(delta, m * <Py_ssize_t> layer.n_out, <floating> layer.predict_scale)
    c_activation_backward(delta, work + layer.act, NULL if layer.z < 0 else work + layer.z,
                          layer.activation, m, layer.n_out)
    if layer.norm == BATCH:
        c_columns_backward(delta, dgamma, dbeta, work + layer.xhat, work + layer.inverse,
                           parameters + layer.gamma, m, layer.n_out)
    elif layer.norm != NO_NORM:
        c_blocks_backward(delta, dgamma, dbeta, work + layer.xhat, work + layer.inverse,
                          parameters + layer.gamma, m, layer.n_out, layer.groups, 1)


cdef void _add_scaled(
    floating* to, const floating* what, Py_ssize_t size, floating scale, floating keep,
) noexcept nogil:
    """to := keep to + scale what."""
    cdef Py_ssize_t i
    for i in range(size):
        to[i] = (0 if keep == 0 else keep * to[i]) + scale * what[i]


cdef void _gamma_and_beta(
    floating* to, floating* work, const Layer* layer, floating scale, floating keep,
) noexcept nogil:
    """to := keep to + scale gradient, at the offsets of the layer's gamma and beta."""
    cdef floating* sums = work + layer.scratch + 2 * layer.n_out
    _add_scaled(to + layer.gamma, sums, layer.n_out, scale, keep)
    _add_scaled(to + layer.beta, sums + layer.n_out, layer.n_out, scale, keep)


cdef void _backward_update(
    floating* work, floating* parameters, CompiledPlan plan, Rule rule, int m, double rate,
    Pass how,
) noexcept nogil:
    """From the output's delta, take a plain step layer by layer; W is read before it changes."""
    cdef Layer* layer
    cdef int l
    for l in range(plan.n_layers - 1, -1, -1):
        layer = &plan.layers[l]
        if l > 0:
            _hidden_delta(work, parameters, plan, l - 1, m, how)
        c_sgd_update(parameters + layer.weights, parameters + layer.biases, work + layer.delta,
                     _input_of(work, plan, l), m, layer.n_in, layer.n_out, rule, rate, how.divisor)
        if layer.norm != NO_NORM:
            _gamma_and_beta(parameters, work, layer, <floating> (-rate / m), <floating> 1)


cdef void _backward_gradient(
    floating* gradient, floating* work, const floating* parameters, CompiledPlan plan, int m,
    floating scale, floating keep, Pass how,
) noexcept nogil:
    """gradient := keep gradient + scale Σ_rows ∂C/∂parameters, from the output's delta."""
    cdef Layer* layer
    cdef int l
    for l in range(plan.n_layers - 1, -1, -1):
        layer = &plan.layers[l]
        if l > 0:
            _hidden_delta(work, parameters, plan, l - 1, m, how)
        c_dense_backward_parameters(
            gradient + layer.weights, gradient + layer.biases, work + layer.delta,
            _input_of(work, plan, l), m, layer.n_in, layer.n_out, scale, keep)
        if layer.norm != NO_NORM:
            _gamma_and_beta(gradient, work, layer, scale, keep)
        if layer.norm == BATCH:
            # Batch norm takes a bias off again. Its gradient is 0, and rounding must not be made
            # into steps by optimizers that divide by its size.
            memset(gradient + layer.biases, 0, layer.n_out * sizeof(floating))


cdef void _optimizer_update(
    floating* slots, floating* work, floating* parameters, CompiledPlan plan, Rule rule, int m,
    double rate, Pass how,
) noexcept nogil:
    """From the output's delta, form the whole gradient with its penalty, then step."""
    cdef Layer* layer
    cdef Py_ssize_t size
    cdef int l
    _backward_gradient(slots, work, parameters, plan, m, <floating> (1.0 / m), <floating> 0, how)
    for l in range(plan.n_layers):
        layer = &plan.layers[l]
        size = layer.n_out * <Py_ssize_t> layer.n_in
        if rule.l1 != 0 or rule.l2 != 0:
            c_add_penalty(slots + layer.weights, parameters + layer.weights, size, rule,
                          how.divisor)
        if rule.weight_decay != 0:
            c_decay(parameters + layer.weights, size, <floating> (1 - rate * rule.weight_decay))
    c_optimizer_step(parameters, slots, plan.n_parameters, rule, rate, <double> how.step + 1)


cdef void _update(
    floating* slots, floating* work, floating* parameters, CompiledPlan plan, Rule rule, int m,
    double rate, Pass how,
) noexcept nogil:
    """One step of the optimizer from the output's delta."""
    cdef Layer* layer
    cdef int l
    if rule.kind == SGD:
        _backward_update(work, parameters, plan, rule, m, rate, how)
    else:
        _optimizer_update(slots, work, parameters, plan, rule, m, rate, how)
    if rule.max_norm > 0:
        for l in range(plan.n_layers):
            layer = &plan.layers[l]
            c_limit_norms(parameters + layer.weights, layer.n_out, layer.n_in, rule.max_norm)


cdef int _load_batch(
    floating* work, const floating* parameters, floating* running, CompiledPlan plan,
    const floating* X, const floating* Y, const floating* row_weights, const Py_ssize_t* order,
    Py_ssize_t n_left, Pass how,
) noexcept nogil:
    """Gather the next mini-batch and run it forward; return its number of rows."""
    cdef int m = plan.batch_size if n_left > plan.batch_size else <int> n_left
    _gather(work + plan.inputs, X, order, m, plan.n_in())
    _gather(work + plan.targets, Y, order, m, plan.n_out())
    if row_weights != NULL:
        _gather(work + plan.row_weights, row_weights, order, m, 1)
    _forward(work, work + plan.inputs, parameters, running, plan, m, how)
    return m


cdef double _share_weights(floating* row_weights, int m) noexcept nogil:
    """Scale the mini-batch's row weights to a mean of 1; return their sum before."""
    cdef double total = 0
    cdef int i
    for i in range(m):
        total += row_weights[i]
    c_decay(row_weights, m, <floating> (m / total))
    return total


cdef void _clip_outputs(floating* out, Py_ssize_t size, floating least) noexcept nogil:
    """out := out, but within least and 1 − least; NaN stays."""
    cdef Py_ssize_t i
    cdef floating most = 1 - least
    for i in range(size):
        out[i] = least if out[i] < least else (most if out[i] > most else out[i])


cdef double _cost_of_batch(
    floating* work, const floating* parameters, CompiledPlan plan, Rule rule, int m,
    bint weighted, double divisor,
) noexcept nogil:
    """The rows' costs, and the penalties if the rule counts them. The outputs may be clipped."""
    cdef Layer* last = &plan.layers[plan.n_layers - 1]
    cdef Layer* layer
    cdef double penalty = 0
    cdef int l
    if (plan.cost == CROSS_ENTROPY or plan.cost == LOG_LIKELIHOOD) and plan.cost_parameter > 0:
        _clip_outputs(work + last.out, m * <Py_ssize_t> last.n_out,
                      <floating> plan.cost_parameter)
    if rule.penalty_in_cost != 0:
        for l in range(plan.n_layers):
            layer = &plan.layers[l]
            penalty += c_penalty(parameters + layer.weights,
                                 layer.n_out * <Py_ssize_t> layer.n_in, rule)
        penalty *= rule.penalty_in_cost * m / divisor
    return penalty + c_cost_forward(
        work + last.out, work + plan.targets, work + plan.row_weights if weighted else NULL,
        plan.cost, plan.cost_parameter, m, last.n_out)


# What Python calls.


cdef int _check_rows(
    CompiledPlan plan, Py_ssize_t n, Py_ssize_t x_columns, Py_ssize_t y_rows,
    Py_ssize_t y_columns,
) except -1:
    if n < 1 or y_rows != n:
        raise ValueError(f"X, Y: expected one row or more and as many of each, "
                         f"got {n} and {y_rows}")
    if x_columns != plan.n_in() or y_columns != plan.n_out():
        raise ValueError(f"X, Y: expected {plan.n_in()} and {plan.n_out()} columns, "
                         f"got {x_columns} and {y_columns}")
    return 0


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


cdef int _check_m(CompiledPlan plan, Py_ssize_t m) except -1:
    if not 1 <= m <= plan.batch_size:
        raise ValueError(f"m: expected 1 to {plan.batch_size} rows, got {m}")
    return 0


cdef int _check_cost(CompiledPlan plan) except -1:
    if not 0 <= plan.cost <= <int> QUANTILE:  # enums are unsigned in C
        raise ValueError(f"plan: its cost ({plan.cost}) is not a compiled one")
    return 0


cdef int _check_slots(
    CompiledPlan plan, Rule rule, Py_ssize_t n_slots, Py_ssize_t size,
) except -1:
    cdef int needed = 0 if rule.kind == <int> SGD else 1 + rule.n_slots
    if n_slots < needed or (needed and size != plan.n_parameters):
        raise ValueError(f"slots: expected ({needed}, {plan.n_parameters}) numbers, "
                         f"got ({n_slots}, {size})")
    return 0


cdef int _check_mode(int mode) except -1:
    if not 0 <= mode <= <int> TRAIN:
        raise ValueError(f"mode: expected 0 to {<int> TRAIN}, got {mode}")
    return 0


def train_epoch(
    CompiledPlan plan not None, Rule rule not None, floating[::1] parameters not None,
    floating[::1] running not None, floating[:, ::1] slots not None, floating[::1] work not None,
    const floating[:, ::1] X not None, const floating[:, ::1] Y not None,
    const floating[::1] row_weights not None, const Py_ssize_t[::1] order not None,
    const double[::1] rates not None, uint64_t seed, uint64_t[::1] counter not None,
    bint with_cost,
) -> float:
    """Run one epoch of mini-batch gradient descent over the rows in ``order``.

    Parameters
    ----------
    plan : CompiledPlan
    rule : Rule
        The optimizer and the penalties.
    parameters : array (plan.n_parameters,)
        Updated in place, mini-batch by mini-batch.
    running : array (plan.n_running,)
        Running statistics of batch norm; updated too.
    slots : array (1 + rule.n_slots, plan.n_parameters), or (0, any) for plain SGD
        Room for the gradient, then the optimizer's state.
    work : array (plan.work_size,)
    X, Y : arrays (n, n_in) and (n, n_out)
        Inputs and targets; all arrays of one dtype.
    row_weights : array (n,) or (0,)
        Factors on the rows' costs; none for 1.
    order : intp array (n_order,)
        The rows in the order of their use; the last mini-batch may be shorter. One of a single
        row is left out where there is batch norm.
    rates : float64 array (1,) or (n_batches,)
        The learning rate, of all mini-batches or one each.
    seed : int
        Of the dropout masks.
    counter : uint64 array (1,)
        Steps taken before; each step of this epoch is added when it is done.
    with_cost : bool
        Whether to sum up each mini-batch's cost before its step. If ``rule.per_batch``, the rows
        of a mini-batch count by their share of its weights, times the number of its rows.

    Returns
    -------
    float
        The sum of the rows' weighted costs, or NaN without ``with_cost``.

    Raises
    ------
    ValueError
        If shapes or indices do not fit the plan.
    KeyboardInterrupt
        At Ctrl-C; everything then stands at the last finished mini-batch.
    """
    cdef Py_ssize_t done = 0, n_order = order.shape[0], batch = 0
    cdef Py_ssize_t n_batches = (n_order + plan.batch_size - 1) // plan.batch_size
    cdef double cost = 0 if with_cost else float("nan")
    cdef double since_signals = 0, rate
    cdef const floating* weights = NULL
    cdef floating* state = NULL
    cdef floating* averages = NULL
    cdef int m
    cdef Pass how
    plan.check_vectors(parameters.shape[0], running.shape[0], work.shape[0])
    _check_rows(plan, X.shape[0], X.shape[1], Y.shape[0], Y.shape[1])
    _check_row_weights(row_weights.shape[0], X.shape[0])
    _check_order(order, X.shape[0])
    _check_cost(plan)
    _check_slots(plan, rule, slots.shape[0], slots.shape[1])
    if rates.shape[0] != 1 and rates.shape[0] != n_batches:
        raise ValueError(f"rates: expected 1 or {n_batches}, got {rates.shape[0]}")
    if counter.shape[0] != 1:
        raise ValueError(f"counter: expected 1 number, got {counter.shape[0]}")
    if row_weights.shape[0]:
        weights = &row_weights[0]
    if rule.kind != <int> SGD:
        state = &slots[0, 0]
    if running.shape[0]:
        averages = &running[0]
    how.mode, how.seed, how.step, how.divisor = TRAIN, seed, counter[0], 1
    with nogil:
        while done < n_order:
            if plan.needs_two_rows and min(n_order - done, plan.batch_size) < 2:
                break
            rate = rates[batch if rates.shape[0] > 1 else 0]
            m = _load_batch(&work[0], &parameters[0], averages, plan, &X[0, 0], &Y[0, 0], weights,
                            &order[done], n_order - done, how)
            if rule.per_batch:
                how.divisor = m
                if weights != NULL:
                    how.divisor = _share_weights(&work[plan.row_weights], m)
            _output_delta(&work[0], plan, m, weights != NULL)
            if with_cost:
                cost += _cost_of_batch(&work[0], &parameters[0], plan, rule, m, weights != NULL,
                                       how.divisor)
            _update(state, &work[0], &parameters[0], plan, rule, m, rate, how)
            done += m
            batch += 1
            how.step += 1
            counter[0] = how.step
            since_signals += _batch_work(plan, m)
            if since_signals > BETWEEN_SIGNALS:
                since_signals = 0
                with gil:
                    PyErr_CheckSignals()
    return cost


def forward_batch(
    CompiledPlan plan not None, const floating[::1] parameters not None,
    floating[::1] running not None, floating[::1] work not None,
    const floating[:, ::1] X not None, const floating[:, ::1] Y not None,
    const floating[::1] row_weights not None, const Py_ssize_t[::1] order not None,
    int mode, uint64_t seed, uint64_t step,
) -> int:
    """Gather the first mini-batch of ``order`` into ``work`` and run it forward.

    The parameters are as for ``train_epoch``; ``mode`` is a number of ``Mode``. Returns the number
    of rows taken.
    """
    cdef const floating* weights = NULL
    cdef floating* averages = NULL
    cdef int m
    cdef Pass how
    plan.check_vectors(parameters.shape[0], running.shape[0], work.shape[0])
    _check_rows(plan, X.shape[0], X.shape[1], Y.shape[0], Y.shape[1])
    _check_row_weights(row_weights.shape[0], X.shape[0])
    _check_order(order, X.shape[0])
    _check_mode(mode)
    if row_weights.shape[0]:
        weights = &row_weights[0]
    if running.shape[0]:
        averages = &running[0]
    how.mode, how.seed, how.step, how.divisor = mode, seed, step, 1
    with nogil:
        m = _load_batch(&work[0], &parameters[0], averages, plan, &X[0, 0], &Y[0, 0], weights,
                        &order[0], order.shape[0], how)
    return m


def output_delta(
    CompiledPlan plan not None, floating[::1] work not None, int m, bint weighted,
) -> None:
    """Write the compiled cost's delta of the last ``m`` rows run forward into ``work``.

    ``weighted`` says whether their weights were gathered too.
    """
    plan.check_vectors(plan.n_parameters, plan.n_running, work.shape[0])
    _check_m(plan, m)
    _check_cost(plan)
    with nogil:
        _output_delta(&work[0], plan, m, weighted)


def update_batch(
    CompiledPlan plan not None, Rule rule not None, floating[::1] parameters not None,
    floating[:, ::1] slots not None, floating[::1] work not None, int m, double rate,
    uint64_t seed, uint64_t step,
) -> None:
    """Take the step after ``step`` others from the output's delta of ``m`` rows in ``work``.

    Raises
    ------
    ValueError
        If something does not fit the plan, or the rule is one per mini-batch's weights, which
        are not known here.
    """
    cdef floating* state = NULL
    cdef Pass how
    plan.check_vectors(parameters.shape[0], plan.n_running, work.shape[0])
    _check_m(plan, m)
    _check_slots(plan, rule, slots.shape[0], slots.shape[1])
    if rule.per_batch:
        raise ValueError("rule: expected one without per_batch")
    if rule.kind != <int> SGD:
        state = &slots[0, 0]
    how.mode, how.seed, how.step, how.divisor = TRAIN, seed, step, 1
    with nogil:
        _update(state, &work[0], &parameters[0], plan, rule, m, rate, how)


def gradient_batch(
    CompiledPlan plan not None, floating[::1] gradient not None,
    const floating[::1] parameters not None, floating[::1] work not None, int m, double scale,
    double keep,
) -> None:
    """``gradient := keep gradient + scale Σ ∂C/∂parameters`` over ``m`` rows in ``work``.

    It starts from the output's delta of rows run forward in the mode GRADIENT; ``gradient`` is
    laid out as ``parameters``.
    """
    cdef Pass how
    if gradient.shape[0] != plan.n_parameters:
        raise ValueError(f"gradient: expected {plan.n_parameters} numbers, "
                         f"got {gradient.shape[0]}")
    plan.check_vectors(parameters.shape[0], plan.n_running, work.shape[0])
    _check_m(plan, m)
    how.mode, how.seed, how.step, how.divisor = GRADIENT, 0, 0, 1
    with nogil:
        _backward_gradient(&gradient[0], &work[0], &parameters[0], plan, m,
                           <floating> scale, <floating> keep, how)


def predict(
    CompiledPlan plan not None, const floating[::1] parameters not None,
    floating[::1] running not None, floating[::1] work not None,
    const floating[:, ::1] X not None, floating[:, ::1] out not None,
) -> None:
    """Write the network's outputs for the rows of ``X`` (n, n_in) into ``out`` (n, n_out).

    The rows go through the workspace in blocks of the plan's batch size.

    Raises
    ------
    ValueError
        If shapes do not fit the plan.
    KeyboardInterrupt
        At Ctrl-C, with ``out`` half written.
    """
    cdef Py_ssize_t done = 0, n = X.shape[0]
    cdef double since_signals = 0
    cdef floating* averages = NULL
    cdef int m
    cdef Layer* last
    cdef Pass how
    plan.check_vectors(parameters.shape[0], running.shape[0], work.shape[0])
    _check_rows(plan, n, X.shape[1], out.shape[0], out.shape[1])
    if running.shape[0]:
        averages = &running[0]
    how.mode, how.seed, how.step, how.divisor = PREDICT, 0, 0, 1
    last = &plan.layers[plan.n_layers - 1]
    with nogil:
        while done < n:
            m = plan.batch_size if n - done > plan.batch_size else <int> (n - done)
            _forward(&work[0], &X[done, 0], &parameters[0], averages, plan, m, how)
            memcpy(&out[done, 0], &work[last.out],
                   m * <Py_ssize_t> last.n_out * sizeof(floating))
            done += m
            since_signals += _batch_work(plan, m)
            if since_signals > BETWEEN_SIGNALS:
                since_signals = 0
                with gil:
                    PyErr_CheckSignals()
