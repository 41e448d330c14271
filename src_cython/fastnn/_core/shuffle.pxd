"""The order of rows, shuffled from the streams of Python's ``random`` and of NumPy's generators."""

from libc.stdint cimport uint32_t, uint64_t


# What the capsule of one of NumPy's bit generators points to: NumPy's ``bitgen_t``.
cdef struct BitGenerator:
    void* state
    uint64_t (*next_uint64)(void*) noexcept nogil
    uint32_t (*next_uint32)(void*) noexcept nogil
    double (*next_double)(void*) noexcept nogil
    uint64_t (*next_raw)(void*) noexcept nogil

cdef struct Stream:
    uint32_t* words           # of ``random``: the Mersenne Twister's, and the position; or NULL
    BitGenerator* generator   # of NumPy


cdef class Shuffler:
    cdef Stream c
    cdef readonly object source   # the words, or the bit generator
    cdef uint32_t[::1] words

    # To be called before drawing in C, and the bit generator's lock to be held while that is done.
    cdef int check(self, Py_ssize_t n) except -1


cdef void c_shuffle(Py_ssize_t* order, Py_ssize_t n, const Stream* stream) noexcept nogil
