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


cdef class Rule:
    cdef readonly int kind
    cdef readonly int n_slots           # state vectors besides the gradient
    cdef readonly double first          # momentum, or β₁, or the smoothing α of RMSProp
    cdef readonly double second         # β₂
    cdef readonly double eps
    cdef readonly bint nesterov
    cdef readonly double weight_decay   # AdamW's, on weights only
    cdef readonly double l2             # strength / n
    cdef readonly double l1             # strength / n
    cdef readonly double max_norm       # largest length of a neuron's weights; 0: any
    cdef readonly bint epsilon_hat      # Adam's eps is outside the bias correction
    cdef readonly bint per_batch        # sums and penalties over the mini-batch's row weights
    cdef readonly double penalty_in_cost   # factor on the penalties in an epoch's cost


cdef void c_sgd_update(
    floating* weights, floating* biases, const floating* delta, const floating* inp,
    int m, int n_in, int n_out, Rule rule, double rate, double divisor) noexcept nogil

cdef void c_add_penalty(
    floating* gradient, const floating* weights, Py_ssize_t size, Rule rule, double divisor,
) noexcept nogil

cdef double c_penalty(const floating* weights, Py_ssize_t size, Rule rule) noexcept nogil

cdef void c_decay(floating* weights, Py_ssize_t size, floating factor) noexcept nogil

cdef void c_limit_norms(
    floating* weights, Py_ssize_t n_out, Py_ssize_t n_in, double max_norm) noexcept nogil

cdef void c_optimizer_step(
    floating* parameters, floating* slots, Py_ssize_t size, Rule rule, double rate, double t,
) noexcept nogil
