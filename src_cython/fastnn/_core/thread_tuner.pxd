"""How many threads are worth it: found out while they work.

A barrier costs a quarter of a microsecond while every worker has a processor, and milliseconds
while another program has one of them. As the numbers are the same for any number of workers, an
epoch is run in stretches, each by all workers or by one, whichever was faster the last time, and
now and then by the other as a trial.
"""


cdef struct TunerState:
    int max_workers
    bint fixed               # always so many
    bint parallel            # whether all workers ran the last stretch, unless it was a trial
    bint trial               # whether the current stretch is one
    bint warmup              # whether it is not to be timed
    double serial_time       # seconds a unit of work takes one worker, and all; 0: not known
    double parallel_time
    double shortest_serial   # seconds of the shortest stretch of one worker; 0: not known
    double patience          # seconds from one trial to the next, if trials do not cost much
    double waited            # seconds since the last trial


cdef class ThreadTuner:
    cdef TunerState c


cdef int c_n_workers(const TunerState* state) noexcept nogil

cdef double c_stretch(const TunerState* state) noexcept nogil

cdef void c_record(TunerState* state, double seconds, double work) noexcept nogil
