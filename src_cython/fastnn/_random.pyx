"""The shuffles of Python's ``random`` and of NumPy's ``RandomState``, followed in C.

``random.shuffle`` is Fisher-Yates from the end, each index drawn from the Mersenne Twister
(Matsumoto and Nishimura, 1998) by rejecting draws of just enough bits. Here the same draws are
made from the same state, so that a seeded program sees the permutation that it would have seen.
``RandomState.shuffle`` does likewise, but for two things: too large is what exceeds the index
itself under a mask of as many bits, and the draws come from any of NumPy's bit generators.
"""

from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport uint32_t, uint64_t

cdef enum:
    N = 624
    M = 397

# What the capsule of one of NumPy's bit generators points to: NumPy's ``bitgen_t``.
cdef struct BitGenerator:
    void* state
    uint64_t (*next_uint64)(void*) noexcept nogil
    uint32_t (*next_uint32)(void*) noexcept nogil
    double (*next_double)(void*) noexcept nogil
    uint64_t (*next_raw)(void*) noexcept nogil


cdef void _refill(uint32_t* state) noexcept nogil:
    """Advance all N words by the recurrence x_{k+N} = x_{k+M} ⊕ twist(x_k, x_{k+1})."""
    cdef int k
    cdef uint32_t joined
    for k in range(N):
        joined = (state[k] & <uint32_t> 0x80000000u) | (state[(k + 1) % N] & 0x7fffffffu)
        state[k] = state[(k + M) % N] ^ (joined >> 1) ^ (0x9908b0dfu if joined & 1 else 0)


cdef uint32_t _next(uint32_t* state) noexcept nogil:
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


cdef uint32_t _below(uint32_t* state, uint32_t n) noexcept nogil:
    """A draw from 0 to n − 1: as many bits as n has, drawn again while too large."""
    cdef uint32_t draw
    cdef int shift = 32
    cdef uint32_t rest = n
    while rest:
        rest >>= 1
        shift -= 1
    draw = _next(state) >> shift
    while draw >= n:
        draw = _next(state) >> shift
    return draw


def shuffle(Py_ssize_t[::1] order not None, uint32_t[::1] state not None) -> None:
    """Shuffle ``order`` in place as ``random.shuffle`` would, and advance ``state``.

    Parameters
    ----------
    order : intp array (n,), fewer than 2³² entries
    state : uint32 array (625,)
        The middle entry of ``random.getstate()``: 624 words and the position.

    Raises
    ------
    ValueError
        If ``state`` is not such a state or ``order`` is too long.
    """
    cdef Py_ssize_t i, j
    if state.shape[0] != N + 1 or state[N] > N:
        raise ValueError(f"state: expected {N} words and a position up to {N}, "
                         f"got {state.shape[0]} numbers")
    if order.shape[0] > 0xffffffffu:
        raise ValueError(f"order: expected fewer than 2**32 entries, got {order.shape[0]}")
    with nogil:
        for i in range(order.shape[0] - 1, 0, -1):
            j = _below(&state[0], <uint32_t> (i + 1))
            order[i], order[j] = order[j], order[i]


cdef void _shuffle_by_masks(
    Py_ssize_t* order, Py_ssize_t n, BitGenerator* generator,
) noexcept nogil:
    """Swap each entry, from the last on, with the one that a draw up to its own index tells.

    A draw that is too large swaps the entry with itself: so no branch depends on the draws, which
    no processor could foresee.
    """
    cdef uint32_t i = <uint32_t> max(n - 1, 0), mask = 1, draw, j, fits
    cdef Py_ssize_t entry
    while mask < i:
        mask = 2 * mask + 1
    while i > 0:
        while i > mask >> 1:
            draw = generator.next_uint32(generator.state) & mask
            fits = draw <= i
            j = draw if fits else i
            entry = order[i]
            order[i] = order[j]
            order[j] = entry
            i -= fits
        mask >>= 1


def shuffle_by(Py_ssize_t[::1] order not None, bit_generator) -> None:
    """Shuffle ``order`` in place as a ``RandomState`` of this bit generator would, and advance it.

    Parameters
    ----------
    order : intp array (n,), at most 2³² entries
    bit_generator : numpy.random.BitGenerator
        Locked while it is drawn from.

    Raises
    ------
    ValueError
        If ``order`` is too long.
    """
    cdef BitGenerator* generator
    if order.shape[0] - 1 > 0xffffffffu:
        raise ValueError(f"order: expected at most 2**32 entries, got {order.shape[0]}")
    if order.shape[0] < 2:
        return
    generator = <BitGenerator*> PyCapsule_GetPointer(bit_generator.capsule, "BitGenerator")
    with bit_generator.lock, nogil:
        _shuffle_by_masks(&order[0], order.shape[0], generator)
