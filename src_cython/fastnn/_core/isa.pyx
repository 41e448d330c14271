"""Which instruction set the kernels use: chosen once, when fastnn is loaded.

``FASTNN_ISA`` forces an instruction set that the processor has, for tests: base, v3 or v4 on
x86-64, base or neon on 64-bit ARM, base elsewhere.
"""

from os import environ as _environ


cdef extern from "simd/cpu.h" nogil:
    const char* fastnn_level_name(int level)
    int fastnn_best_level()


def _names() -> tuple:
    """Return the names of all levels that there are kernels for."""
    names = []
    while fastnn_level_name(<int> len(names)) != NULL:
        names.append(fastnn_level_name(<int> len(names)).decode())
    return tuple(names)


LEVELS = _names()


def available() -> tuple:
    """Return the instruction sets that this processor has, the best last."""
    return LEVELS[:fastnn_best_level() + 1]


def _choose_level(str forced) -> int:
    """Return the best level, or the one that ``forced`` names.

    Raises
    ------
    ValueError
        If there is no such level or the processor does not have it.
    """
    if not forced:
        return len(available()) - 1
    if forced not in available():
        raise ValueError(f"FASTNN_ISA: this processor has {', '.join(available())}, "
                         f"got {forced!r}")
    return LEVELS.index(forced)


cdef int level = _choose_level(_environ.get("FASTNN_ISA", ""))
instruction_set = LEVELS[level]


cdef int c_level() noexcept nogil:
    """0 for base, 1 for v3 or neon, 2 for v4: the place of a kernel in its table."""
    return level
