"""Which units a step keeps: a hash of seed, step, layer and unit, so that no mask is stored."""

from __future__ import annotations

import numpy as np

_MASK64 = 2**64 - 1


def _splitmix(x: int) -> int:
    """SplitMix64's output for the state x (Steele, Lea and Flood, 2014)."""
    x = (x + 0x9E3779B97F4A7C15) & _MASK64
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK64
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK64
    return x ^ (x >> 31)


def kept(rate: float, m: int, n: int, seed: int, step: int, layer: int) -> np.ndarray:
    """Return the mask (m, n) of the units that are kept, each with probability 1 − rate.

    A unit's 32 bits are those of its number i n + j, mixed in two rounds of multiplying and
    xor-shifting with half of a 64-bit key before each; it is kept if they are 2³² rate or more.
    """
    mixed = _splitmix(_splitmix(_splitmix(seed) ^ step) ^ layer)
    first, second = np.uint32(mixed & 0xFFFFFFFF), np.uint32(mixed >> 32)
    x = np.arange(m * n, dtype=np.uint32) * np.uint32(0x9E3779B9) + first
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> np.uint32(15)) ^ second) * np.uint32(0x846CA68B)
    x ^= x >> np.uint32(16)
    return (x >= np.uint32(int(rate * 2**32))).reshape(m, n)
