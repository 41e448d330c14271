"""Dropout masks that are never stored: forward and backward compute the same bits anew."""

from cython cimport floating
from libc.stdint cimport uint64_t


cdef struct MaskKey:
    unsigned int first
    unsigned int second


cdef MaskKey c_mask_key(uint64_t seed, uint64_t step, uint64_t layer) noexcept nogil

cdef void c_dropout(
    floating* out, const floating* inp, Py_ssize_t first, Py_ssize_t size, double rate,
    double scale, MaskKey key) noexcept nogil
