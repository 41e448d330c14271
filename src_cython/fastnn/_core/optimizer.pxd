"""Optimizers: one fused pass over the flat parameter vector, or over a layer as its gradient forms.
"""

from cython cimport floating

cpdef enum Optimizer:
    SGD = 0
    MOMENTUM = 1
    RMSPROP = 2
    ADAGRAD = 3
    ADAM = 4
    RPROP = 5


cdef struct StepRule:
    int kind
    int n_slots           # numbers of state a parameter
    double first          # momentum, or β₁, or the smoothing α of RMSProp
    double second         # β₂
    double eps
    bint nesterov
    double weight_decay   # AdamW's, on weights only
    double l2             # strength / n
    double l1             # strength / n
    double max_norm       # largest length of a neuron's weights; 0: any
    bint epsilon_hat      # Adam's eps is outside the bias correction
    bint per_batch        # sums and penalties over the mini-batch's row weights
    double penalty_in_cost   # factor on the penalties in an epoch's cost


# Of one step, which comes after t − 1 others.
cdef struct StepCoefficients:
    double rate      # learning rate
    double t
    double first     # of Adam: 1 − β₁ᵗ
    double root      # 1 / √(1 − β₂ᵗ)


cdef class Rule:
    cdef StepRule c


cdef void c_shrink(
    floating* weights, Py_ssize_t size, floating decay, floating l1) noexcept nogil

cdef void c_add_penalty(
    floating* gradient, const floating* weights, Py_ssize_t size, const StepRule* rule,
    double divisor) noexcept nogil

cdef double c_penalty(const floating* weights, Py_ssize_t size, const StepRule* rule) noexcept nogil

cdef void c_decay(floating* weights, Py_ssize_t size, floating factor) noexcept nogil

cdef void c_limit_norms(
    floating* weights, Py_ssize_t n_out, Py_ssize_t n_in, double max_norm) noexcept nogil

cdef StepCoefficients c_step_coefficients(
    const StepRule* rule, double rate, double t) noexcept nogil

cdef void c_optimizer_step(
    floating* parameters, const floating* g, floating* one, Py_ssize_t stride, Py_ssize_t n_rows,
    Py_ssize_t size, Py_ssize_t ld, const StepRule* rule, const StepCoefficients* step,
) noexcept nogil
