"""One epoch, and its parts: gather → forward → delta → backward → update, without the GIL.

The work happens in a workspace that the plan laid out before the first mini-batch; nothing is
allocated here. The ``def`` functions at the end check what Python passes, then trust it.
"""

from cpython.exc cimport PyErr_CheckSignals
from cython cimport floating
from libc.string cimport memcpy

from fastnn._activations cimport c_activation_backward, c_activation_forward
from fastnn._costs cimport LOG_LIKELIHOOD, c_cost_backward, c_cost_forward
from fastnn._dense cimport (
    c_dense_backward_input, c_dense_backward_parameters, c_dense_forward)
from fastnn._optim cimport SGDStep, c_sgd_update
from fastnn._plan cimport CompiledPlan, Layer

# Work between two looks for Ctrl-C, in units of about a floating-point operation: 20 to 100 ms.
cdef double BETWEEN_SIGNALS = 1e9


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


cdef void _layer_forward(
    floating* out, const floating* inp, floating* z, const floating* parameters,
    const Layer* layer, int m,
) noexcept nogil:
    """out := f(inp Wᵀ + b); the weighted input is kept in z unless that is NULL."""
    c_dense_forward(out, inp, parameters + layer.weights, parameters + layer.biases,
                    m, layer.n_in, layer.n_out)
    if z != NULL:
        memcpy(z, out, m * <Py_ssize_t> layer.n_out * sizeof(floating))
    c_activation_forward(out, layer.activation, m, layer.n_out)


cdef void _forward(
    floating* work, const floating* inputs, const floating* parameters, CompiledPlan plan, int m,
) noexcept nogil:
    """All layers, for the m rows at ``inputs``."""
    cdef const floating* inp = inputs
    cdef Layer* layer
    cdef int l
    for l in range(plan.n_layers):
        layer = &plan.layers[l]
        _layer_forward(work + layer.out, inp, NULL if layer.z < 0 else work + layer.z,
                       parameters, layer, m)
        inp = work + layer.out


cdef inline const floating* _input_of(floating* work, CompiledPlan plan, int l) noexcept nogil:
    return work + (plan.inputs if l == 0 else plan.layers[l - 1].out)


cdef void _output_delta(floating* work, CompiledPlan plan, int m) noexcept nogil:
    cdef Layer* last = &plan.layers[plan.n_layers - 1]
    c_cost_backward(work + last.delta, work + last.out, work + plan.targets,
                    plan.cost, last.activation, m, last.n_out)


cdef void _delta_backward(
    floating* work, const floating* parameters, CompiledPlan plan, int l, int m,
) noexcept nogil:
    """The delta of layer l − 1 from that of layer l (BP2): (δ W) f'(z)."""
    cdef Layer* layer = &plan.layers[l]
    cdef Layer* before = &plan.layers[l - 1]
    c_dense_backward_input(work + before.delta, work + layer.delta, parameters + layer.weights,
                           m, layer.n_in, layer.n_out)
    c_activation_backward(work + before.delta, work + before.out, before.activation,
                          m, before.n_out)


cdef void _backward_update(
    floating* work, floating* parameters, CompiledPlan plan, int m, SGDStep sgd,
) noexcept nogil:
    """From the output's delta, step every layer; a layer's W is read before it changes."""
    cdef Layer* layer
    cdef int l
    for l in range(plan.n_layers - 1, -1, -1):
        layer = &plan.layers[l]
        if l > 0:
            _delta_backward(work, parameters, plan, l, m)
        c_sgd_update(parameters + layer.weights, parameters + layer.biases, work + layer.delta,
                     _input_of(work, plan, l), m, layer.n_in, layer.n_out, sgd)


cdef void _backward_gradient(
    floating* gradient, floating* work, const floating* parameters, CompiledPlan plan, int m,
    floating scale, floating keep,
) noexcept nogil:
    """gradient := keep gradient + scale Σ_rows ∂C/∂parameters, from the output's delta."""
    cdef Layer* layer
    cdef int l
    for l in range(plan.n_layers - 1, -1, -1):
        layer = &plan.layers[l]
        if l > 0:
            _delta_backward(work, parameters, plan, l, m)
        c_dense_backward_parameters(
            gradient + layer.weights, gradient + layer.biases, work + layer.delta,
            _input_of(work, plan, l), m, layer.n_in, layer.n_out, scale, keep)


cdef int _load_batch(
    floating* work, const floating* parameters, CompiledPlan plan, const floating* X,
    const floating* Y, const Py_ssize_t* order, Py_ssize_t n_left,
) noexcept nogil:
    """Gather the next mini-batch and run it forward; return its number of rows."""
    cdef int m = plan.batch_size if n_left > plan.batch_size else <int> n_left
    _gather(work + plan.inputs, X, order, m, plan.n_in())
    _gather(work + plan.targets, Y, order, m, plan.n_out())
    _forward(work, work + plan.inputs, parameters, plan, m)
    return m


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
    if not 0 <= plan.cost <= <int> LOG_LIKELIHOOD:  # enums are unsigned in C
        raise ValueError(f"plan: its cost ({plan.cost}) is not a compiled one")
    return 0


def train_epoch(
    CompiledPlan plan not None, floating[::1] parameters not None, floating[::1] work not None,
    const floating[:, ::1] X not None, const floating[:, ::1] Y not None,
    const Py_ssize_t[::1] order not None, double learning_rate, double decay, double l1,
    bint with_cost,
) -> float:
    """Run one epoch of mini-batch gradient descent over the rows in ``order``.

    Parameters
    ----------
    plan : CompiledPlan
    parameters : array (plan.n_parameters,)
        Updated in place, mini-batch by mini-batch.
    work : array (plan.work_size,)
    X, Y : arrays (n, n_in) and (n, n_out)
        Inputs and targets; all arrays of one dtype.
    order : intp array (n_order,)
        The rows in the order of their use; the last mini-batch may be shorter.
    learning_rate : float
    decay : float
        Factor on the weights before each step: 1 − learning_rate · λ / n.
    l1 : float
        What each step takes off a weight's size: learning_rate · λ₁ / n.
    with_cost : bool
        Whether to sum up each mini-batch's cost before its step.

    Returns
    -------
    float
        The sum of the rows' costs, or NaN without ``with_cost``.

    Raises
    ------
    ValueError
        If shapes or indices do not fit the plan.
    KeyboardInterrupt
        At Ctrl-C; ``parameters`` then stand at the last finished mini-batch.
    """
    cdef Py_ssize_t done = 0, n_order = order.shape[0]
    cdef double cost = 0 if with_cost else float("nan")
    cdef double since_signals = 0
    cdef int m
    cdef Layer* last
    cdef SGDStep sgd
    plan.check_vectors(parameters.shape[0], work.shape[0])
    _check_rows(plan, X.shape[0], X.shape[1], Y.shape[0], Y.shape[1])
    _check_order(order, X.shape[0])
    _check_cost(plan)
    sgd.decay, sgd.l1 = decay, l1
    last = &plan.layers[plan.n_layers - 1]
    with nogil:
        while done < n_order:
            m = _load_batch(&work[0], &parameters[0], plan, &X[0, 0], &Y[0, 0],
                            &order[done], n_order - done)
            if with_cost:
                cost += c_cost_forward(&work[last.out], &work[plan.targets], plan.cost,
                                       m, last.n_out)
            _output_delta(&work[0], plan, m)
            sgd.step = learning_rate / m
            _backward_update(&work[0], &parameters[0], plan, m, sgd)
            done += m
            since_signals += _batch_work(plan, m)
            if since_signals > BETWEEN_SIGNALS:
                since_signals = 0
                with gil:
                    PyErr_CheckSignals()
    return cost


def forward_batch(
    CompiledPlan plan not None, floating[::1] parameters not None, floating[::1] work not None,
    const floating[:, ::1] X not None, const floating[:, ::1] Y not None,
    const Py_ssize_t[::1] order not None,
) -> int:
    """Gather the first mini-batch of ``order`` into ``work`` and run it forward.

    The parameters are as for ``train_epoch``. Returns the number of rows taken.
    """
    cdef int m
    plan.check_vectors(parameters.shape[0], work.shape[0])
    _check_rows(plan, X.shape[0], X.shape[1], Y.shape[0], Y.shape[1])
    _check_order(order, X.shape[0])
    with nogil:
        m = _load_batch(&work[0], &parameters[0], plan, &X[0, 0], &Y[0, 0], &order[0],
                        order.shape[0])
    return m


def output_delta(CompiledPlan plan not None, floating[::1] work not None, int m) -> None:
    """Write the compiled cost's delta of the last ``m`` rows run forward into ``work``."""
    plan.check_vectors(plan.n_parameters, work.shape[0])
    _check_m(plan, m)
    _check_cost(plan)
    with nogil:
        _output_delta(&work[0], plan, m)


def update_batch(
    CompiledPlan plan not None, floating[::1] parameters not None, floating[::1] work not None,
    int m, double learning_rate, double decay, double l1,
) -> None:
    """Step the parameters from the output's delta of ``m`` rows, which stands in ``work``."""
    cdef SGDStep sgd
    plan.check_vectors(parameters.shape[0], work.shape[0])
    _check_m(plan, m)
    sgd.step, sgd.decay, sgd.l1 = learning_rate / m, decay, l1
    with nogil:
        _backward_update(&work[0], &parameters[0], plan, m, sgd)


def gradient_batch(
    CompiledPlan plan not None, floating[::1] gradient not None,
    const floating[::1] parameters not None, floating[::1] work not None, int m, double scale,
    double keep,
) -> None:
    """``gradient := keep gradient + scale Σ ∂C/∂parameters`` over ``m`` rows in ``work``.

    As ``update_batch``, it starts from the output's delta; ``gradient`` is laid out as
    ``parameters``.
    """
    plan.check_gradient(gradient.shape[0])
    plan.check_vectors(parameters.shape[0], work.shape[0])
    _check_m(plan, m)
    with nogil:
        _backward_gradient(&gradient[0], &work[0], &parameters[0], plan, m,
                           <floating> scale, <floating> keep)


def predict(
    CompiledPlan plan not None, const floating[::1] parameters not None,
    floating[::1] work not None, const floating[:, ::1] X not None, floating[:, ::1] out not None,
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
    cdef int m
    cdef Layer* last
    plan.check_vectors(parameters.shape[0], work.shape[0])
    _check_rows(plan, n, X.shape[1], out.shape[0], out.shape[1])
    last = &plan.layers[plan.n_layers - 1]
    with nogil:
        while done < n:
            m = plan.batch_size if n - done > plan.batch_size else <int> (n - done)
            _forward(&work[0], &X[done, 0], &parameters[0], plan, m)
            memcpy(&out[done, 0], &work[last.out],
                   m * <Py_ssize_t> last.n_out * sizeof(floating))
            done += m
            since_signals += _batch_work(plan, m)
            if since_signals > BETWEEN_SIGNALS:
                since_signals = 0
                with gil:
                    PyErr_CheckSignals()
