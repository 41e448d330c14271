"""Activation functions, in place, and their derivatives."""

from cython cimport floating

cdef extern from "kernels/activation_numbers.h" nogil:
    cpdef enum Activation:
        IDENTITY "ACTIVATION_IDENTITY"
        SIGMOID "ACTIVATION_SIGMOID"
        TANH "ACTIVATION_TANH"
        RELU "ACTIVATION_RELU"
        SOFTMAX "ACTIVATION_SOFTMAX"
        LEAKY_RELU "ACTIVATION_LEAKY_RELU"
        ELU "ACTIVATION_ELU"
        SELU "ACTIVATION_SELU"
        GELU "ACTIVATION_GELU"
        SILU "ACTIVATION_SILU"
        MISH "ACTIVATION_MISH"
        SOFTPLUS "ACTIVATION_SOFTPLUS"
        EXP "ACTIVATION_EXP"

    enum: N_ACTIVATIONS

    # Whether the slope is computed from z, and not from f(z).
    bint c_slope_from_z "fastnn_slope_from_input"(int activation)


cdef void c_activation_forward(
    floating* z, int activation, Py_ssize_t m, Py_ssize_t n) noexcept nogil

cdef void c_activation_backward(
    floating* delta, const floating* out, const floating* z, int activation,
    Py_ssize_t m, Py_ssize_t n) noexcept nogil

cdef void c_log(floating* x, Py_ssize_t size) noexcept nogil
