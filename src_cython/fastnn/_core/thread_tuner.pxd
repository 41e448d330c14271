"""How many threads are worth it: found out while they work.

A barrier costs a quarter of a microsecond while every worker has a processor, and milliseconds
while another program has one of them. As the numbers are the same for any number of workers, an
epoch is run in stretches, each by all workers or by one, whichever was faster the last time, and
now and then by the other as a trial.

Where another program has a processor, workers stall: then a stretch ends early. If the last 50
milliseconds of parallel work took longer than one worker would have, there are no more trials for a
time that all trainings of the process keep to, and that grows fourfold as long as workers go on
stalling.

What was found out is kept with the plan: the next training of the same sizes begins as the last one
ended, unless workers have stalled lately.

Trainings share the processors: before each stretch it is asked how many there are. "All workers"
are so many as are one training's share; of one that has a single worker nothing is tried.
"""

from fastnn._core.atomic cimport Users
from fastnn._core.compiled_plan cimport CompiledPlan


cdef struct StallState:
    double next_trial   # the time, by fastnn_seconds(), before which nothing is tried
    double pause        # seconds without trials after the next stall
    double undisturbed  # seconds of parallel work since the last one


cdef class Stalls:
    cdef StallState c


cdef struct TunerState:
    int max_workers
    bint fixed               # always so many
    int processors           # that the trainings share
    const int* trainings     # in how many threads there are such; NULL: this one has all to itself
    int share                # workers that the current stretch may have
    bint parallel            # whether all workers ran the last stretch, unless it was a trial
    bint trial               # whether the current stretch is one
    bint warmup              # whether it is not to be timed
    double serial_time       # seconds a unit of work takes one worker, and all; 0: not known
    double parallel_time
    double shortest_serial   # seconds of the shortest stretch of one worker; 0: not known
    double patience          # seconds from one trial to the next, if trials do not cost much
    double waited            # seconds since the last trial
    StallState* stalls
    double recent_time       # seconds of the latest parallel work, and how much it was
    double recent_work


cdef class ThreadTuner:
    cdef TunerState c
    cdef Users trainings  # whose number the state points to
    cdef Stalls stalls    # the same
    cpdef void recall(self, CompiledPlan plan)
    cpdef void remember(self, CompiledPlan plan)


# Ask how many trainings there are; return how many workers run the next stretch.
cdef int c_n_workers(TunerState* state) noexcept nogil

# How much work that stretch is.
cdef double c_stretch(const TunerState* state) noexcept nogil

# Record how long it took so many workers: one, if another training had the thread pool; and whether
# they stalled.
cdef void c_record(
    TunerState* state, int n_workers, double seconds, double work, bint stalled) noexcept nogil
