"""Activation functions, in place, and their derivatives taken from the output."""

from cython cimport floating

cpdef enum Activation:
    IDENTITY = 0
    SIGMOID = 1
    TANH = 2
    RELU = 3
    SOFTMAX = 4


cdef void c_activation_forward(
    floating* z, int activation, Py_ssize_t m, Py_ssize_t n) noexcept nogil

cdef void c_activation_backward(
    floating* delta, const floating* out, int activation, Py_ssize_t m, Py_ssize_t n) noexcept nogil
