"""Rows of numbers as users hold them, converted and scaled on their way into a mini-batch."""

from cpython.buffer cimport Py_buffer
from cython cimport floating


cdef struct Source:
    Py_ssize_t n_rows
    Py_ssize_t n_columns
    double scale
    Py_buffer buffers[3]      # values, and of sparse rows indices and indptr
    int n_buffers             # of those held
    int kind                  # of the values: a Kind of row_source.pyx
    bint wide_indices         # 64 bits each, not 32


cdef class RowSource:
    cdef Source c
    cdef readonly object values   # the arrays it reads
    cdef readonly object indices
    cdef readonly object indptr

# Where a row of dense values lies, and how many bytes it has; 0 for sparse ones.
cdef const char* c_row_memory(const Source* source, Py_ssize_t row) noexcept nogil

cdef Py_ssize_t c_row_bytes(const Source* source) noexcept nogil

# Whether n numbers are all finite.
cdef bint c_all_finite(const floating* numbers, Py_ssize_t n) noexcept nogil

# Whether rows of `itemsize` bytes a number can be read where they are.
cdef bint c_in_place(const Source* source, size_t itemsize) noexcept nogil

# out[i] := row order[begin + i], or row begin + i without an order, for i < m.
cdef void c_gather(
    const Source* source, floating* out, const Py_ssize_t* order, Py_ssize_t begin, Py_ssize_t m,
) noexcept nogil

# The columns from left to right of the same for an order, if not all of them.
cdef void c_gather_columns(
    const Source* source, floating* out, const Py_ssize_t* order, Py_ssize_t m, Py_ssize_t left,
    Py_ssize_t right) noexcept nogil

# out[i] := rows[order[i]] for i < m, rows of n numbers.
cdef void c_pick(
    floating* out, const floating* rows, Py_ssize_t n, const Py_ssize_t* order, Py_ssize_t m,
) noexcept nogil

# Rows first to first + m: where they are, or in `buffer` after they were put there.
cdef const floating* c_rows(
    const Source* source, floating* buffer, Py_ssize_t first, Py_ssize_t m) noexcept nogil

# What `rows` is as a source, itself or made.
cdef RowSource as_source(object rows)
