"""How many threads are worth it: found out while they work."""

cdef enum:
    SAMPLES = 4          # by all and by one in turn, for the first ones find everything cold
    FIRST_PATIENCE = 4
    LAST_PATIENCE = 512

# Seconds of a stretch, and of one that may turn out slow.
cdef double STRETCH = 5e-3, TRIAL = 5e-4
# Seconds a unit of work is taken to need until one was measured; a unit is about an operation.
cdef double GUESS = 5e-11
# How much faster the other way must be to be taken.
cdef double GAIN = 0.97


cdef class Pace:
    """How many threads work, and how fast they did.

    Parameters
    ----------
    most : int
        Threads, 1 or more.
    fixed : bool
        Whether there are always so many; else one alone when that is faster.

    Raises
    ------
    ValueError
        If ``most`` is below 1.
    """

    def __cinit__(self, int most, bint fixed=False):
        if most < 1:
            raise ValueError(f"most: expected 1 thread or more, got {most}")
        self.c.most, self.c.fixed, self.c.together = most, fixed or most == 1, most > 1
        self.c.trial, self.c.alone, self.c.shared, self.c.samples = False, 0, 0, 0
        self.c.patience, self.c.waited = FIRST_PATIENCE, 0

    @property
    def most(self) -> int:
        return self.c.most

    @property
    def together(self) -> bool:
        return self.c.together


cdef int c_members(Times* times) noexcept nogil:
    """Return by how many the next stretch is done."""
    if times.fixed:
        return times.most
    if times.samples < SAMPLES:
        times.trial = times.samples % 2 == 1
    else:
        times.trial = times.waited >= times.patience
    return times.most if times.together != times.trial else 1


cdef double c_stretch(const Times* times) noexcept nogil:
    """Return how much work the next stretch is."""
    cdef double alone = GUESS if times.alone == 0 else times.alone
    if times.fixed:
        return 1e300
    return (TRIAL if times.trial or times.samples < SAMPLES else STRETCH) / alone


cdef void c_note(Times* times, double seconds, double work) noexcept nogil:
    """Take how long the stretch took, and choose between one and all anew."""
    cdef bint by_all = times.together != times.trial
    cdef double now, other
    if times.fixed or work <= 0:
        return
    now = seconds / work
    if times.samples < SAMPLES:
        times.samples += 1
        other = times.shared if by_all else times.alone
        now = now if other == 0 else min(now, other)
    if by_all:
        times.shared = now
    else:
        times.alone = now
    if times.samples < SAMPLES:
        return
    times.waited += 1
    other = times.alone if times.together else times.shared
    now = times.shared if times.together else times.alone
    if times.trial:
        times.waited = 0
        times.patience = min(2 * times.patience, <int> LAST_PATIENCE)
    if other != 0 and now != 0 and other < GAIN * now:
        times.together = not times.together
        times.patience, times.waited = FIRST_PATIENCE, 0
    times.trial = False
