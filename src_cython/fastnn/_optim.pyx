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
from libc.math cimport fabs, fmax, fmin, pow, sqrt, sqrtf

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
    def numbers(self) -> dict:
        return self.c


cdef inline floating _sqrt(floating x) noexcept nogil:
    if floating is float:
        return sqrtf(x)
    else:
        return sqrt(x)


cdef inline floating _sign(floating x) noexcept nogil:
    return <floating> ((x > 0) - (x < 0))


cdef void c_shrink(floating* weights, Py_ssize_t size, floating decay, floating l1) noexcept nogil:
    """W := decay W − l1 sgn(W), with sgn(0) = 0."""
    cdef Py_ssize_t i
    for i in range(size):
        weights[i] = decay * weights[i] - l1 * _sign(weights[i])


cdef void c_add_penalty(
    floating* gradient, const floating* weights, Py_ssize_t size, const StepRule* rule,
    double divisor,
) noexcept nogil:
    """gradient := gradient + (l2 W + l1 sgn(W)) / divisor."""
    cdef Py_ssize_t i
    cdef floating l2 = <floating> (rule.l2 / divisor), l1 = <floating> (rule.l1 / divisor)
    if l1 == 0:  # apart, for without the sign the compiler makes vectors of it
        for i in range(size):
            gradient[i] += l2 * weights[i]
        return
    for i in range(size):
        gradient[i] += l2 * weights[i] + l1 * _sign(weights[i])


cdef double c_penalty(
    const floating* weights, Py_ssize_t size, const StepRule* rule,
) noexcept nogil:
    """½ l2 Σw² + l1 Σ|w|, in double; eight sums side by side, for one would wait on itself."""
    cdef double squares[8]
    cdef double absolutes = 0, total = 0, w
    cdef Py_ssize_t i, k
    for k in range(8):
        squares[k] = 0
    for i in range(size // 8):
        for k in range(8):
            w = weights[8 * i + k]
            squares[k] += w * w
    for i in range(size - size % 8, size):
        squares[0] += <double> weights[i] * weights[i]
    for k in range(8):
        total += squares[k]
    if rule.l1 != 0:
        for i in range(size):
            absolutes += fabs(weights[i])
    return 0.5 * rule.l2 * total + rule.l1 * absolutes


cdef void c_decay(floating* weights, Py_ssize_t size, floating factor) noexcept nogil:
    """W := factor W."""
    cdef Py_ssize_t i
    for i in range(size):
        weights[i] *= factor


cdef void c_limit_norms(
    floating* weights, Py_ssize_t n_out, Py_ssize_t n_in, double max_norm,
) noexcept nogil:
    """Scale each row of weights (n_out, n_in) back to ``max_norm`` if it is longer."""
    cdef Py_ssize_t i, j
    cdef double squares, length
    for i in range(n_out):
        squares = 0
        for j in range(n_in):
            squares += <double> weights[i * n_in + j] * weights[i * n_in + j]
        length = sqrt(squares)
        if length > max_norm:
            c_decay(weights + i * n_in, n_in, <floating> (max_norm / length))


cdef void _momentum(
    floating* p, const floating* g, floating* v, Py_ssize_t size, floating mu, floating rate,
    bint nesterov,
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(size):
        v[i] = mu * v[i] - rate * g[i]
        p[i] += mu * v[i] - rate * g[i] if nesterov else v[i]


cdef void _scaled_by_squares(
    floating* p, const floating* g, floating* s, Py_ssize_t size, floating keep, floating take,
    floating rate, floating eps,
) noexcept nogil:
    """RMSProp (keep α, take 1 − α) and AdaGrad (1 and 1)."""
    cdef Py_ssize_t i
    for i in range(size):
        s[i] = keep * s[i] + take * g[i] * g[i]
        p[i] -= rate * g[i] / (_sqrt(s[i]) + eps)


cdef void _adam(
    floating* p, const floating* g, floating* mean, floating* square, Py_ssize_t size,
    double beta1, double beta2, double rate, double eps, bint epsilon_hat, double t,
) noexcept nogil:
    cdef floating b1 = <floating> beta1, b2 = <floating> beta2
    cdef floating rest1 = <floating> (1 - beta1), rest2 = <floating> (1 - beta2)
    cdef floating step = <floating> (rate / (1 - pow(beta1, t)))
    cdef floating root = <floating> (1 / sqrt(1 - pow(beta2, t)))
    cdef floating e = <floating> eps * (root if epsilon_hat else 1)
    cdef Py_ssize_t i
    for i in range(size):
        mean[i] = b1 * mean[i] + rest1 * g[i]
        square[i] = b2 * square[i] + rest2 * g[i] * g[i]
        p[i] -= step * mean[i] / (_sqrt(square[i]) * root + e)


cdef void _rprop(
    floating* p, const floating* g, floating* before, floating* steps, Py_ssize_t size,
    double rate, double t,
) noexcept nogil:
    """A gradient that changed its sign is forgotten, and its parameter rests for a step."""
    cdef Py_ssize_t i
    cdef double agreement, step, slope
    for i in range(size):
        slope = g[i]
        step = rate if t <= 1 else steps[i]
        agreement = slope * before[i]
        if agreement > 0:
            step = fmin(step * RPROP_GROW, RPROP_MOST)
        elif agreement < 0:
            step = fmax(step * RPROP_SHRINK, RPROP_LEAST)
            slope = 0
        steps[i] = <floating> step
        before[i] = <floating> slope
        p[i] -= <floating> (step * ((slope > 0) - (slope < 0)))


cdef void c_optimizer_step(
    floating* parameters, const floating* g, floating* one, Py_ssize_t stride, Py_ssize_t size,
    const StepRule* rule, double rate, double t,
) noexcept nogil:
    """Step ``size`` parameters by their gradient ``g``; ``t`` counts from 1.

    Their state is at ``one``, and if there are two numbers each, ``stride`` further.
    """
    cdef floating* two = one + stride
    cdef floating first = <floating> rule.first
    cdef Py_ssize_t i
    if rule.kind == MOMENTUM:
        _momentum(parameters, g, one, size, first, <floating> rate, rule.nesterov)
    elif rule.kind == RMSPROP:
        _scaled_by_squares(parameters, g, one, size, first, <floating> (1 - rule.first),
                           <floating> rate, <floating> rule.eps)
    elif rule.kind == ADAGRAD:
        _scaled_by_squares(parameters, g, one, size, <floating> 1, <floating> 1, <floating> rate,
                           <floating> rule.eps)
    elif rule.kind == ADAM:
        _adam(parameters, g, one, two, size, rule.first, rule.second, rate, rule.eps,
              rule.epsilon_hat, t)
    elif rule.kind == RPROP:
        _rprop(parameters, g, one, two, size, rate, t)
    else:
        for i in range(size):
            parameters[i] -= <floating> rate * g[i]
