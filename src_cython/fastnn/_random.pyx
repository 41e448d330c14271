"""The stream of Python's ``random`` module, followed in C.

``random.shuffle`` is Fisher-Yates from the end, each index drawn from the Mersenne Twister
(Matsumoto and Nishimura, 1998) by rejecting draws of just enough bits. Here the same draws are
made from the same state, so that a seeded program sees the permutation that it would have seen.
"""

from libc.stdint cimport uint32_t

cdef enum:
    N = 624
    M = 397


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
