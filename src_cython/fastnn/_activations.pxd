"""Activation functions, in place, and their derivatives."""

from cython cimport floating

cpdef enum Activation:
    IDENTITY = 0
    SIGMOID = 1
    TANH = 2
    RELU = 3
    SOFTMAX = 4
    LEAKY_RELU = 5
    ELU = 6
    SELU = 7
    GELU = 8
    SILU = 9
    MISH = 10
    SOFTPLUS = 11
    EXP = 12


cdef void c_activation_forward(
    floating* z, int activation, Py_ssize_t m, Py_ssize_t n) noexcept nogil

cdef void c_activation_backward(
    floating* delta, const floating* out, const floating* z, int activation,
    Py_ssize_t m, Py_ssize_t n) noexcept nogil

cdef void c_log(floating* x, Py_ssize_t size) noexcept nogil
