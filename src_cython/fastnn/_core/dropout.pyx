"""Dropout (Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, 2014) by counting.

Whether unit i of a layer's block is kept in a step is a hash of (seed, step, layer, i): the same
for any number of threads and any order of work. The key of (seed, step, layer) comes from
SplitMix64 (Steele, Lea and Flood, 2014); a unit's 32 bits from two rounds of multiplying and
xor-shifting its number, with half of the key before each.
"""

from cython cimport floating
from libc.stdint cimport uint32_t, uint64_t

from fastnn._core.kernels cimport DropoutDouble, DropoutFloat, c_kernels_double, c_kernels_float


cdef DropoutDouble of_double = c_kernels_double().dropout
cdef DropoutFloat of_float = c_kernels_float().dropout


cdef inline uint64_t _splitmix(uint64_t x) noexcept nogil:
    x += <uint64_t> 0x9e3779b97f4a7c15ULL
    x = (x ^ (x >> 30)) * <uint64_t> 0xbf58476d1ce4e5b9ULL
    x = (x ^ (x >> 27)) * <uint64_t> 0x94d049bb133111ebULL
    return x ^ (x >> 31)


cdef MaskKey c_mask_key(uint64_t seed, uint64_t step, uint64_t layer) noexcept nogil:
    cdef MaskKey key
    cdef uint64_t mixed = _splitmix(_splitmix(_splitmix(seed) ^ step) ^ layer)
    key.first = <uint32_t> mixed
    key.second = <uint32_t> (mixed >> 32)
    return key


cdef void c_dropout(
    floating* out, const floating* inp, Py_ssize_t first, Py_ssize_t size, double rate,
    double scale, MaskKey key,
) noexcept nogil:
    """out[i] := scale inp[i] if unit first + i is kept, else 0; out may be inp."""
    cdef uint32_t below = <uint32_t> (rate * 4294967296.0)
    if floating is float:
        of_float(out, inp, <uint32_t> first, size, below, <float> scale, key.first, key.second)
    else:
        of_double(out, inp, <uint32_t> first, size, below, scale, key.first, key.second)


def dropout(
    floating[::1] out, const floating[::1] inp, double rate, double scale,
    uint64_t seed, uint64_t step, uint64_t layer,
) -> None:
    """Write ``scale * inp`` into ``out`` where a unit is kept, else 0.

    Parameters
    ----------
    out, inp : arrays (size,), float32 or float64
    rate : float
        Share of units dropped, 0 ≤ rate < 1.
    scale : float
        Factor on what is kept.
    seed, step, layer : int
        What the mask is a function of.

    Raises
    ------
    ValueError
        If the lengths differ, are 0 or above 2³², or ``rate`` is out of range.
    """
    cdef MaskKey key
    if out.shape[0] != inp.shape[0] or not 0 < inp.shape[0] < 4294967296:
        raise ValueError(f"out, inp: expected one length from 1 to 2**32 - 1, "
                         f"got {out.shape[0]} and {inp.shape[0]}")
    if not 0 <= rate < 1:
        raise ValueError(f"rate: expected 0 or more and below 1, got {rate}")
    key = c_mask_key(seed, step, layer)
    with nogil:
        c_dropout(&out[0], &inp[0], 0, inp.shape[0], rate, scale, key)
