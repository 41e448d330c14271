"""How many threads are worth it: found out while they work."""

from fastnn._core.atomic cimport Users, c_load
from fastnn._core.context cimport fastnn_seconds

# Seconds of a stretch, of the first one, and of a trial.
cdef double STRETCH = 5e-3, FIRST = 2e-3, TRIAL = 5e-4
# Seconds from one trial to the next: at first, and at most.
cdef double FIRST_PATIENCE = STRETCH, LAST_PATIENCE = 128 * STRETCH
# The share of the time for serial trials: one worker takes very long for a mini-batch of a
# wide network.
cdef double WORTH_A_TRIAL = 0.02
# A parallel stretch is as long as so many of the shortest serial ones, but no longer than so many
# stretches: replicated weights are copied before and after.
cdef double PARALLEL_STRETCHES = 16
# Seconds a unit of work is taken to need until one was measured; a unit is about an operation.
cdef double GUESS = 5e-11
# How much faster the other way must be to be taken.
cdef double GAIN = 0.97
# What one slower stretch changes: more often than not something else had the processor for a while.
cdef double DOUBT = 0.25
# Seconds without trials after workers stalled: at first, and at most; seconds of parallel work
# without a stall after which it is the first again; seconds of such work that count as recent.
cdef double FIRST_PAUSE = 0.02, LAST_PAUSE = 1.28, UNDISTURBED = 0.25, RECENT = 0.05
# Pauses after the end of the last one from which on a stall is the first again.
cdef double IDLE = 4


cdef class Stalls:
    """What the trainings of a process know of workers that had no processor."""

    def __cinit__(self):
        self.c.next_trial, self.c.pause, self.c.undisturbed = 0, FIRST_PAUSE, 0


cdef class ThreadTuner:
    """How many threads work, and how fast they did.

    Parameters
    ----------
    max_workers : int
        Threads, 1 or more.
    fixed : bool
        Whether there are always so many; else one when that is faster.
    trainings : Users, optional
        Counts the threads that train, this one's among them. If it is given and the number is not
        fixed, there are no more workers than ``processors`` divided by that count.
    processors : int, default 1
    stalls : Stalls, optional
        Shared with other trainings; else those of this one.

    Raises
    ------
    ValueError
        If ``max_workers`` is below 1.
    """

    def __cinit__(self, int max_workers, bint fixed=False, Users trainings=None,
                  int processors=1, Stalls stalls=None):
        if max_workers < 1:
            raise ValueError(f"max_workers: expected 1 thread or more, got {max_workers}")
        self.c.max_workers, self.c.fixed = max_workers, fixed or max_workers == 1
        self.trainings, self.c.processors = trainings, processors
        self.c.trainings = NULL if trainings is None else &trainings.threads
        self.stalls = Stalls() if stalls is None else stalls
        self.c.stalls = &self.stalls.c
        self.c.serial_time, self.c.shortest_serial = 0, 0
        _begin_anew(&self.c, max_workers)

    @property
    def max_workers(self) -> int:
        return self.c.max_workers

    cpdef void recall(self, CompiledPlan plan):
        """Begin as the last training of the plan ended, if nothing is known yet."""
        if (self.c.fixed or self.c.serial_time != 0
                or plan.times.max_workers != self.c.max_workers):
            return
        self.c.serial_time = plan.times.serial_time
        self.c.shortest_serial = plan.times.shortest_serial
        if fastnn_seconds() >= self.c.stalls.next_trial:
            self.c.parallel, self.c.parallel_time = plan.times.parallel, plan.times.parallel_time

    cpdef void remember(self, CompiledPlan plan):
        """Let the next training of the plan know what was found out."""
        if self.c.fixed or self.c.serial_time == 0 or self.c.share != self.c.max_workers:
            return  # that is nothing, or only of a share of the processors
        plan.times.max_workers, plan.times.parallel = self.c.max_workers, self.c.parallel
        plan.times.serial_time, plan.times.parallel_time = self.c.serial_time, self.c.parallel_time
        plan.times.shortest_serial = self.c.shortest_serial

    def next_stretch(self) -> tuple[int, float]:
        """Return how many workers run the next stretch, and how much work it is. For the tests."""
        return c_n_workers(&self.c), c_stretch(&self.c)

    def record(self, int n_workers, double seconds, double work, bint stalled=False) -> None:
        """Record how long so much work took so many workers. For the tests."""
        c_record(&self.c, n_workers, seconds, work, stalled)


cdef void _begin_anew(TunerState* state, int share) noexcept nogil:
    """Let up to ``share`` workers run the next stretches; how fast they are is to be found out."""
    state.share = share
    state.parallel, state.trial, state.warmup = False, False, False
    state.parallel_time, state.patience, state.waited = 0, FIRST_PATIENCE, 0
    state.recent_time, state.recent_work = 0, 0


cdef int _share(const TunerState* state) noexcept nogil:
    """Return how many workers a training may have now."""
    if state.trainings == NULL:
        return state.max_workers
    return max(1, min(state.max_workers, state.processors // max(1, c_load(state.trainings))))


cdef bint _is_parallel(const TunerState* state) noexcept nogil:
    return state.parallel != state.trial


cdef int c_n_workers(TunerState* state) noexcept nogil:
    cdef int share
    if state.fixed:
        return state.max_workers
    share = _share(state)
    if share != state.share:
        _begin_anew(state, share)
    return share if _is_parallel(state) else 1


cdef double c_stretch(const TunerState* state) noexcept nogil:
    cdef double serial_time = state.serial_time
    if state.fixed:
        return 1e300
    if serial_time == 0:  # the shortest trainings are over before others have woken up
        return FIRST / GUESS
    if state.trial or state.warmup:
        return TRIAL / serial_time
    if state.parallel:
        return PARALLEL_STRETCHES * min(
            STRETCH, max(STRETCH / PARALLEL_STRETCHES, state.shortest_serial)) / serial_time
    return STRETCH / serial_time


cdef double _blend(double known, double now) noexcept nogil:
    """Return what to believe of a time that was known to be so long, or not known at all: 0."""
    return now if known == 0 or now < known else known + DOUBT * (now - known)


cdef double _affordable(const TunerState* state) noexcept nogil:
    """Return after how many parallel seconds a serial trial, with its warmup, costs little.

    Parallel trials are cheap for what they may find: that the processors are free again.
    """
    if not state.parallel or state.serial_time == 0:
        return 0
    return 2 * state.shortest_serial * (1 - state.parallel_time / state.serial_time) / WORTH_A_TRIAL


cdef void _count_recent(
    TunerState* state, double seconds, double work, bint stalled,
) noexcept nogil:
    """Add to the recent parallel work; its past counts half when it has become too long."""
    if state.recent_time > RECENT:
        state.recent_time, state.recent_work = state.recent_time / 2, state.recent_work / 2
    state.recent_time += seconds
    state.recent_work += work
    state.stalls.undisturbed = 0 if stalled else state.stalls.undisturbed + seconds
    if state.stalls.undisturbed > UNDISTURBED:
        state.stalls.pause = FIRST_PAUSE


cdef bint _is_too_slow(const TunerState* state) noexcept nogil:
    """Whether one worker would have done the recent parallel work in less time."""
    return state.serial_time * state.recent_work < GAIN * state.recent_time


cdef void _give_up(TunerState* state) noexcept nogil:
    """One worker goes on, and nothing is tried for a while; how fast all were no longer counts."""
    cdef double now
    state.parallel, state.trial, state.warmup = False, False, False
    state.parallel_time = 0
    state.waited, state.recent_time, state.recent_work = 0, 0, 0
    now = fastnn_seconds()
    # Nothing was trained since the last pause: a processor that idled may wake up as slowly.
    if now > state.stalls.next_trial + IDLE * state.stalls.pause:
        state.stalls.pause = FIRST_PAUSE
    state.stalls.next_trial = now + state.stalls.pause
    state.stalls.pause = min(4 * state.stalls.pause, LAST_PAUSE)


cdef void c_record(
    TunerState* state, int n_workers, double seconds, double work, bint stalled,
) noexcept nogil:
    """Choose anew between one worker and all."""
    cdef double this, other
    if state.fixed or work <= 0:
        return
    if n_workers > 1:
        _count_recent(state, seconds, work, stalled)
        if stalled and state.serial_time != 0:
            if _is_too_slow(state):
                _give_up(state)
            return
    if state.warmup:  # workers woke up, and fetched what others had in their caches
        state.warmup = False
        return
    if n_workers > 1:
        state.parallel_time = _blend(state.parallel_time, seconds / work)
    else:
        state.serial_time = _blend(state.serial_time, seconds / work)
        if state.shortest_serial == 0 or seconds < state.shortest_serial:
            state.shortest_serial = seconds
    if state.share == 1:  # there is nothing to choose
        return
    state.waited += seconds
    if state.trial:
        state.trial, state.waited = False, 0
        state.patience = min(2 * state.patience, LAST_PATIENCE)
    this = state.parallel_time if state.parallel else state.serial_time
    other = state.serial_time if state.parallel else state.parallel_time
    if other != 0 and other < GAIN * this:
        state.parallel = not state.parallel
        state.patience, state.waited = FIRST_PATIENCE, 0
    elif other == 0 or state.waited >= max(state.patience, _affordable(state)):
        if state.parallel or fastnn_seconds() >= state.stalls.next_trial:
            state.trial = state.warmup = True
