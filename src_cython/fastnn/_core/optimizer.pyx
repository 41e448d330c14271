"""The optimizers' steps. ``g`` is the mean gradient over the mini-batch, ``η`` the learning rate.

    SGD        p ← p − η g                                        (Nielsen, chapter 1)
    momentum   v ← μ v − η g;  p ← p + v
    Nesterov   v ← μ v − η g;  p ← p + μ v − η g                  (Sutskever et al., 2013)
    RMSProp    s ← α s + (1 − α) g²;  p ← p − η g / (√s + ε)      (Tieleman and Hinton, 2012)
    AdaGrad    s ← s + g²;  p ← p − η g / (√s + ε)                (Duchi, Hazan and Singer, 2011)
    Adam       m ← β₁ m + (1 − β₁) g;  s ← β₂ s + (1 − β₂) g²;
               p ← p − η m̂ / (√ŝ + ε), hats over (1 − βᵗ)         (Kingma and Ba, 2015)
    AdamW      Adam after w ← (1 − η decay) w                     (Loshchilov and Hutter, 2019)
    Rprop      steps of their own, × 1.2 or × 0.5 by the sign     (Riedmiller and Braun, 1993)

Penalties enter g, but for SGD, whose weights decay in the pass that adds the gradient:
W ← (1 − ηλ/n) W − η λ₁/n sgn(W) − η g (Nielsen, chapter 3).
"""

from cython cimport floating
from libc.math cimport pow, sqrt

from fastnn._core.kernels cimport (
    EPS, GROW, KEEP, KEEP_SQUARE, L1, L2, LEAST, MOST, N_NUMBERS, RATE, ROOT, SHRINK, TAKE,
    TAKE_SQUARE, OptimizerDouble, OptimizerFloat, StepDouble, StepFloat, c_kernels_double,
    c_kernels_float)


cdef const OptimizerDouble* of_double = c_kernels_double().optimizer
cdef const OptimizerFloat* of_float = c_kernels_float().optimizer

cdef double RPROP_SHRINK = 0.5, RPROP_GROW = 1.2, RPROP_LEAST = 1e-6, RPROP_MOST = 50

SLOTS = {SGD: 0, MOMENTUM: 1, RMSPROP: 1, ADAGRAD: 1, ADAM: 2, RPROP: 2}


cdef class Rule:
    """An optimizer's numbers that do not change from step to step.

    Parameters
    ----------
    kind : int
        The number of ``Optimizer``.
    first, second, eps, nesterov, weight_decay
        See the attributes of the same names in ``fastnn.optimizers``.
    l2, l1 : float
        Penalties' strengths over the size of the training set.
    max_norm : float
        Largest length of a neuron's weights after a step; 0 for any.
    epsilon_hat : bool
        Whether Adam's ``eps`` is the paper's ε̂, p ← p − η √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√s + ε̂)
        (Kingma and Ba, 2015, end of section 2).
    per_batch : bool
        Whether each mini-batch's gradient and penalties are divided by its sum of row weights,
        the penalties' strengths then being those of the sum over the rows. Else the gradient is
        divided by the number of its rows, and the penalties are as given.
    penalty_in_cost : float
        With ``per_batch``, how often the penalties count in the cost of an epoch: 0 for not.

    Raises
    ------
    ValueError
        If ``kind`` is unknown.
    """

    def __cinit__(
        self, *, int kind, double first, double second, double eps, bint nesterov,
        double weight_decay, double l2, double l1, double max_norm, bint epsilon_hat,
        bint per_batch, double penalty_in_cost,
    ):
        if not 0 <= kind <= <int> RPROP:
            raise ValueError(f"kind: expected 0 to {<int> RPROP}, got {kind}")
        self.c.kind, self.c.n_slots = kind, SLOTS[kind]
        self.c.first, self.c.second, self.c.eps = first, second, eps
        self.c.nesterov, self.c.weight_decay = nesterov, weight_decay
        self.c.l2, self.c.l1, self.c.max_norm = l2, l1, max_norm
        self.c.epsilon_hat, self.c.per_batch = epsilon_hat, per_batch
        self.c.penalty_in_cost = penalty_in_cost

    @property
    def kind(self) -> int:
        return self.c.kind

    @property
    def n_slots(self) -> int:
        return self.c.n_slots

    @property
    def limits_norms(self) -> bool:
        return self.c.max_norm > 0

    @property
    def numbers(self) -> dict:
        return self.c


cdef void c_shrink(floating* weights, Py_ssize_t size, floating decay, floating l1) noexcept nogil:
    """W := decay W − l1 sgn(W), with sgn(0) = 0."""
    cdef floating[N_NUMBERS] k
    k[KEEP], k[L1] = decay, l1
    if floating is float:
        of_float.shrink(weights, NULL, NULL, NULL, size, k)
    else:
        of_double.shrink(weights, NULL, NULL, NULL, size, k)


cdef void c_add_penalty(
    floating* gradient, const floating* weights, Py_ssize_t size, const StepRule* rule,
    double divisor,
) noexcept nogil:
    """gradient := gradient + (l2 W + l1 sgn(W)) / divisor."""
    cdef floating[N_NUMBERS] k
    k[L2], k[L1] = <floating> (rule.l2 / divisor), <floating> (rule.l1 / divisor)
    if floating is float:
        of_float.add_penalty(gradient, weights, NULL, NULL, size, k)
    else:
        of_double.add_penalty(gradient, weights, NULL, NULL, size, k)


cdef inline double _sum_of_squares(const floating* x, Py_ssize_t size) noexcept nogil:
    if floating is float:
        return of_float.sum_of_squares(x, size)
    else:
        return of_double.sum_of_squares(x, size)


cdef inline double _sum_of_sizes(const floating* x, Py_ssize_t size) noexcept nogil:
    if floating is float:
        return of_float.sum_of_sizes(x, size)
    else:
        return of_double.sum_of_sizes(x, size)


cdef double c_penalty(
    const floating* weights, Py_ssize_t size, const StepRule* rule,
) noexcept nogil:
    """½ l2 Σw² + l1 Σ|w|, in double."""
    cdef double squares = _sum_of_squares(weights, size)
    return 0.5 * rule.l2 * squares + (
        rule.l1 * _sum_of_sizes(weights, size) if rule.l1 != 0 else 0)


cdef void c_decay(floating* weights, Py_ssize_t size, floating factor) noexcept nogil:
    """W := factor W."""
    cdef floating[N_NUMBERS] k
    k[KEEP] = factor
    if floating is float:
        of_float.decay(weights, NULL, NULL, NULL, size, k)
    else:
        of_double.decay(weights, NULL, NULL, NULL, size, k)


cdef void c_limit_norms(
    floating* weights, Py_ssize_t n_out, Py_ssize_t n_in, double max_norm,
) noexcept nogil:
    """Scale each row of weights (n_out, n_in) back to ``max_norm`` if it is longer."""
    cdef Py_ssize_t i
    cdef double length
    for i in range(n_out):
        length = sqrt(_sum_of_squares(weights + i * n_in, n_in))
        if length > max_norm:
            c_decay(weights + i * n_in, n_in, <floating> (max_norm / length))


cdef StepCoefficients c_step_coefficients(
    const StepRule* rule, double rate, double t,
) noexcept nogil:
    cdef StepCoefficients step
    step.rate, step.t, step.first, step.root = rate, t, 0, 0
    if rule.kind == ADAM:
        step.first = 1 - pow(rule.first, t)
        step.root = 1 / sqrt(1 - pow(rule.second, t))
    return step


cdef void _rule_numbers(
    floating* k, const StepRule* rule, const StepCoefficients* step,
) noexcept nogil:
    k[RATE], k[KEEP], k[EPS] = <floating> step.rate, <floating> rule.first, <floating> rule.eps
    k[TAKE] = <floating> (1 - rule.first)
    if rule.kind == ADAGRAD:
        k[KEEP], k[TAKE] = 1, 1
    elif rule.kind == ADAM:
        k[RATE] = <floating> (step.rate / step.first)
        k[KEEP_SQUARE], k[TAKE_SQUARE] = <floating> rule.second, <floating> (1 - rule.second)
        k[ROOT] = <floating> step.root
        if rule.epsilon_hat:
            k[EPS] = <floating> (rule.eps * step.root)
    elif rule.kind == RPROP:
        k[GROW], k[SHRINK] = <floating> RPROP_GROW, <floating> RPROP_SHRINK
        k[MOST], k[LEAST] = <floating> RPROP_MOST, <floating> RPROP_LEAST


cdef StepDouble* _step_of_double(const StepRule* rule) noexcept nogil:
    if rule.kind == MOMENTUM:
        return of_double.nesterov if rule.nesterov else of_double.momentum
    if rule.kind == RMSPROP or rule.kind == ADAGRAD:
        return of_double.by_squares
    if rule.kind == ADAM:
        return of_double.adam
    return of_double.rprop if rule.kind == RPROP else of_double.plain


cdef StepFloat* _step_of_float(const StepRule* rule) noexcept nogil:
    if rule.kind == MOMENTUM:
        return of_float.nesterov if rule.nesterov else of_float.momentum
    if rule.kind == RMSPROP or rule.kind == ADAGRAD:
        return of_float.by_squares
    if rule.kind == ADAM:
        return of_float.adam
    return of_float.rprop if rule.kind == RPROP else of_float.plain


cdef void c_optimizer_step(
    floating* parameters, const floating* g, floating* one, Py_ssize_t stride, Py_ssize_t n_rows,
    Py_ssize_t size, Py_ssize_t ld, const StepRule* rule, const StepCoefficients* step,
) noexcept nogil:
    """Step parameters, rows of ``size`` that begin ``ld`` apart, by their gradient ``g``.

    The gradient is without gaps; the state is at ``one``, and if there are two numbers each,
    ``stride`` further.
    """
    cdef floating[N_NUMBERS] k
    cdef floating* two
    cdef Py_ssize_t _, i
    if rule.n_slots == 0:
        one = NULL
    _rule_numbers(k, rule, step)
    for _ in range(n_rows):
        two = one + stride if rule.n_slots > 1 else NULL
        if rule.kind == RPROP and step.t <= 1:
            for i in range(size):
                two[i] = <floating> step.rate
        if floating is float:
            _step_of_float(rule)(parameters, g, one, two, size, k)
        else:
            _step_of_double(rule)(parameters, g, one, two, size, k)
        parameters, g = parameters + ld, g + size
        if one != NULL:
            one += ld


def optimizer_step(
    Rule rule not None, floating[::1] parameters not None, const floating[::1] gradient not None,
    floating[:, ::1] slots not None, double rate, double t,
) -> None:
    """Step ``parameters`` by ``gradient``, without penalties and limits.

    Parameters
    ----------
    rule : Rule
    parameters, gradient : arrays (n,)
    slots : array (rule.n_slots, n), or (0, any)
        The optimizer's state.
    rate : float
        Learning rate.
    t : float
        Which step it is, from 1.

    Raises
    ------
    ValueError
        If the lengths differ or are 0, or ``t`` is below 1.
    """
    cdef StepCoefficients step
    cdef Py_ssize_t n = parameters.shape[0]
    if n < 1 or gradient.shape[0] != n:
        raise ValueError(f"gradient: expected as many numbers as parameters, 1 or more, got "
                         f"{gradient.shape[0]} and {n}")
    if slots.shape[0] < rule.c.n_slots or (rule.c.n_slots and slots.shape[1] != n):
        raise ValueError(f"slots: expected ({rule.c.n_slots}, {n}) numbers, "
                         f"got ({slots.shape[0]}, {slots.shape[1]})")
    if not t >= 1:
        raise ValueError(f"t: expected 1 or more, got {t}")
    step = c_step_coefficients(&rule.c, rate, t)
    with nogil:
        c_optimizer_step(&parameters[0], &gradient[0], &slots[0, 0] if rule.c.n_slots else NULL,
                         n, 1, n, n, &rule.c, &step)
