"""How many threads are worth it: found out while they work."""

# Seconds of a stretch, of the first one, and of one that may turn out slow.
cdef double STRETCH = 5e-3, FIRST = 2e-3, TRIAL = 5e-4
# Seconds from one trial to the next: at first, and at most.
cdef double FIRST_PATIENCE = STRETCH, LAST_PATIENCE = 128 * STRETCH
# What trials of one alone may cost of the time: a mini-batch of a wide network takes longer than a
# stretch, and is long by one.
cdef double WORTH_A_TRIAL = 0.02
# A stretch together is as long as so many of the shortest alone, but no longer than so many
# stretches: members that work apart copy weights before and after.
cdef double MORE = 16
# Seconds a unit of work is taken to need until one was measured; a unit is about an operation.
cdef double GUESS = 5e-11
# How much faster the other way must be to be taken.
cdef double GAIN = 0.97
# What one slower stretch changes: more often than not something else had the processor for a while.
cdef double DOUBT = 0.25


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
        self.c.most, self.c.fixed, self.c.together = most, fixed or most == 1, False
        self.c.trial, self.c.warming, self.c.alone, self.c.shared = False, False, 0, 0
        self.c.shortest = 0
        self.c.patience, self.c.waited = FIRST_PATIENCE, 0

    @property
    def most(self) -> int:
        return self.c.most

    @property
    def together(self) -> bool:
        return self.c.together


cdef bint _by_all(const Times* times) noexcept nogil:
    return times.together != times.trial


cdef int c_members(const Times* times) noexcept nogil:
    """Return by how many the next stretch is done."""
    return times.most if times.fixed or _by_all(times) else 1


cdef double c_stretch(const Times* times) noexcept nogil:
    """Return how much work the next stretch is."""
    cdef double alone = times.alone
    if times.fixed:
        return 1e300
    if alone == 0:  # the shortest trainings are over before others have woken up
        return FIRST / GUESS
    if times.trial or times.warming:
        return TRIAL / alone
    if times.together:
        return min(MORE * STRETCH, max(STRETCH, MORE * times.shortest)) / alone
    return STRETCH / alone


cdef double _blend(double known, double now) noexcept nogil:
    """Return what to believe of a time that was known to be so long, or not known at all: 0."""
    return now if known == 0 or now < known else known + DOUBT * (now - known)


cdef double _affordable(const Times* times) noexcept nogil:
    """Return after how many seconds together a trial of one alone, warmed, does not cost much.

    The other way round trials are cheap for what they may find: that the processors are free again.
    """
    if not times.together or times.alone == 0:
        return 0
    return 2 * times.shortest * (1 - times.shared / times.alone) / WORTH_A_TRIAL


cdef void c_note(Times* times, double seconds, double work) noexcept nogil:
    """Take how long the stretch took, and choose anew between one and all."""
    cdef double this, other
    if times.fixed or work <= 0:
        return
    if times.warming:  # members woke up, and fetched what others had in their caches
        times.warming = False
        return
    if _by_all(times):
        times.shared = _blend(times.shared, seconds / work)
    else:
        times.alone = _blend(times.alone, seconds / work)
        if times.shortest == 0 or seconds < times.shortest:
            times.shortest = seconds
    times.waited += seconds
    if times.trial:
        times.trial, times.waited = False, 0
        times.patience = min(2 * times.patience, LAST_PATIENCE)
    this = times.shared if times.together else times.alone
    other = times.alone if times.together else times.shared
    if other != 0 and other < GAIN * this:
        times.together = not times.together
        times.patience, times.waited = FIRST_PATIENCE, 0
    elif other == 0 or times.waited >= max(times.patience, _affordable(times)):
        times.trial = times.warming = True
