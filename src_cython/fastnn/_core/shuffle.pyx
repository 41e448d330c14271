"""The shuffles of Python's ``random`` and of NumPy, followed in C.

``random.shuffle`` is Fisher-Yates from the end, each index drawn from the Mersenne Twister
(Matsumoto and Nishimura, 1998) by rejecting draws of just enough bits. Here the same draws are
made from the same state, so that a seeded program sees the permutation that it would have seen.
``RandomState.shuffle`` and ``Generator.shuffle`` do likewise, but for two things: too large is what
exceeds the index itself under a mask of as many bits, and the draws come from any of NumPy's bit
generators.
"""

from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport uint32_t
from libc.string cimport memcpy

from contextlib import nullcontext as _nullcontext

import numpy as _np

cdef enum:
    N = 624
    M = 397
    AT_ONCE = 256  # indices drawn before their entries are swapped

cdef inline void _advance(uint32_t* state, int k, int next_one, int other) noexcept nogil:
    cdef uint32_t joined = (state[k] & <uint32_t> 0x80000000u) | (state[next_one] & 0x7fffffffu)
    # All bits of the factor are the last one of the joined word: no branch depends on it.
    state[k] = state[other] ^ (joined >> 1) ^ (0x9908b0dfu & (<uint32_t> 0 - (joined & 1)))


cdef void _refill(uint32_t* state) noexcept nogil:
    """Advance all N words by the recurrence x_{k+N} = x_{k+M} ⊕ twist(x_k, x_{k+1})."""
    cdef int k
    for k in range(N - M):
        _advance(state, k, k + 1, k + M)
    for k in range(N - M, N - 1):
        _advance(state, k, k + 1, k + M - N)
    _advance(state, N - 1, 0, M - 1)


cdef inline uint32_t _next(uint32_t* state) noexcept nogil:
    """The next 32 bits; state[N] counts the words already handed out."""
    cdef uint32_t x
    if state[N] >= N:
        _refill(state)
        state[N] = 0
    x = state[state[N]]
    state[N] += 1
    x ^= x >> 11
    x ^= (x << 7) & 0x9d2c5680u
    x ^= (x << 15) & 0xefc60000u
    return x ^ (x >> 18)


cdef inline void _swap_all(
    Py_ssize_t* order, Py_ssize_t last, const uint32_t* others, int n,
) noexcept nogil:
    """Swap n entries, from the last one on, each with its other."""
    cdef Py_ssize_t entry
    cdef int k
    for k in range(n):
        entry = order[last - k]
        order[last - k] = order[others[k]]
        order[others[k]] = entry


# Both shuffles draw the indices of some entries first, and swap them then: a draw that is too large
# is written over by the next one, so that no branch depends on the draws, which no processor could
# foresee.


cdef void _shuffle_as_random(Py_ssize_t* order, Py_ssize_t n, uint32_t* state) noexcept nogil:
    """Each index i from the last on is swapped with one of i + 1, drawn by as many bits."""
    cdef uint32_t[AT_ONCE] drawn
    cdef uint32_t below = <uint32_t> n, least, fits
    cdef Py_ssize_t last
    cdef int shift, count
    while below > 1:
        shift, least = 32, below  # least: the smallest number of as many bits
        while least:
            least >>= 1
            shift -= 1
        least = <uint32_t> 1 << (31 - shift)
        last, count = below - 1, 0
        while below >= least and below > 1 and count < AT_ONCE:
            drawn[count] = _next(state) >> shift
            fits = drawn[count] < below
            count += fits
            below -= fits
        _swap_all(order, last, drawn, count)


cdef void _shuffle_by_masks(
    Py_ssize_t* order, Py_ssize_t n, BitGenerator* generator,
) noexcept nogil:
    """Each index i from the last on is swapped with one up to i, drawn by as many bits as i has."""
    cdef uint32_t[AT_ONCE] drawn
    cdef uint32_t i = <uint32_t> max(n - 1, 0), mask = 1, fits
    cdef Py_ssize_t last
    cdef int count
    while mask < i:
        mask = 2 * mask + 1
    while i > 0:
        last, count = i, 0
        while i > mask >> 1 and count < AT_ONCE:
            drawn[count] = generator.next_uint32(generator.state) & mask
            fits = drawn[count] <= i
            count += fits
            i -= fits
        _swap_all(order, last, drawn, count)
        if i <= mask >> 1:
            mask >>= 1


cdef void c_shuffle(Py_ssize_t* order, Py_ssize_t n, const Stream* stream) noexcept nogil:
    if n < 2:
        return
    if stream.words != NULL:
        _shuffle_as_random(order, n, stream.words)
    else:
        _shuffle_by_masks(order, n, stream.generator)


# Where NumPy's C structures of two bit generators keep their place in a buffer, and how long that
# is; the others have none. NumPy reads at that place whatever it is.
cdef Py_ssize_t MT19937_AT = N * sizeof(uint32_t), PHILOX_AT = 2 * sizeof(void*)
cdef int MT19937_LENGTH = N, PHILOX_LENGTH = 4
cdef dict layout_is_known = {}


cdef int _int_at(const void* state, Py_ssize_t offset) noexcept:
    cdef int value
    memcpy(&value, <const char*> state + offset, sizeof(int))
    return value


cdef BitGenerator* _of(bit_generator) except NULL:
    return <BitGenerator*> PyCapsule_GetPointer(bit_generator.capsule, "BitGenerator")


cdef bint _knows_layout(kind, Py_ssize_t offset) except -1:
    """Whether a generator of this kind, told its place, has it where we look."""
    known = layout_is_known.get(kind)
    if known is None:
        trial = kind(0)
        state = trial.state
        if kind is _np.random.Philox:
            state["buffer_pos"] = 3
        else:
            state["state"]["pos"] = 3
        trial.state = state
        known = layout_is_known[kind] = _int_at(_of(trial).state, offset) == 3
    return known


cdef int _place(bit_generator, kind, Py_ssize_t offset) except? -1:
    if _knows_layout(kind, offset):
        return _int_at(_of(bit_generator).state, offset)
    state = bit_generator.state  # a hundred times slower
    return state["buffer_pos"] if kind is _np.random.Philox else state["state"]["pos"]


def check_place(bit_generator, str name="random_state") -> None:
    """Raise unless the next number of ``bit_generator`` is drawn from inside its memory.

    Parameters
    ----------
    bit_generator : numpy.random.BitGenerator
    name : str
        Of the argument that it came by.

    Raises
    ------
    ValueError
        If its state was set to a place outside its buffer, which NumPy does not look at.
    """
    cdef int place, length
    if isinstance(bit_generator, _np.random.MT19937):
        place, length = _place(bit_generator, _np.random.MT19937, MT19937_AT), MT19937_LENGTH
    elif isinstance(bit_generator, _np.random.Philox):
        place, length = _place(bit_generator, _np.random.Philox, PHILOX_AT), PHILOX_LENGTH
    else:
        return
    if not 0 <= place <= length:
        raise ValueError(f"{name}: expected a place from 0 to {length} in the buffer of "
                         f"{type(bit_generator).__name__}, got {place}")


cdef class Shuffler:
    """Shuffles again and again with the draws of one stream, which it advances.

    Parameters
    ----------
    source : uint32 array (625,) or numpy.random.BitGenerator
        The middle entry of ``random.getstate()``, 624 words and the position, to shuffle as
        ``random``; or what a ``RandomState`` or a ``Generator`` draws from, to shuffle as they do.

    Raises
    ------
    TypeError, ValueError
        If ``source`` is no such thing.
    """

    def __cinit__(self, source):
        self.source = source
        if isinstance(source, _np.ndarray):
            self.words = source
            if self.words.shape[0] != N + 1:
                raise ValueError(f"source: expected {N} words and a position, "
                                 f"got {self.words.shape[0]} numbers")
            self.c.words = &self.words[0]
        elif not hasattr(source, "capsule"):
            raise TypeError("source: expected the words of random, or a bit generator with its "
                            f"capsule, got {type(source).__name__}")
        else:
            self.c.generator = _of(source)

    cdef int check(self, Py_ssize_t n) except -1:
        if n > 0xffffffffu:
            raise ValueError(f"order: expected fewer than 2**32 entries, got {n}")
        if self.c.words == NULL:
            check_place(self.source)
        elif self.c.words[N] > N:
            raise ValueError(f"source: expected a position up to {N}, got {self.c.words[N]}")
        return 0

    def shuffle(self, Py_ssize_t[::1] order not None) -> None:
        """Shuffle ``order`` (n,), fewer than 2**32 entries, in place.

        A bit generator is locked while it is drawn from.

        Raises
        ------
        ValueError
            If ``order`` is too long, or the source is in no state to draw from.
        """
        if order.shape[0] < 2:
            return
        with _nullcontext() if self.c.generator == NULL else self.source.lock:
            self.check(order.shape[0])
            with nogil:
                c_shuffle(&order[0], order.shape[0], &self.c)
