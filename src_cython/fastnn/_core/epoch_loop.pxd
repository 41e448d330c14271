"""What is done before and after each epoch of several that are run in one call."""

from cython cimport floating

from fastnn._core.compiled_plan cimport Plan
from fastnn._core.judge cimport JudgeState
from fastnn._core.shuffle cimport Shuffler, Stream

# The first columns of a record.
cpdef enum Column:
    EPOCH = 0
    LEARNING_RATE = 1
    SECONDS = 2
    FIRST_MEASURE = 3

cpdef enum Ending:
    GOING = 0        # the epochs asked for are through, or it was time to come back
    ENOUGH = 1       # a rule or the time limit ended the training
    DIVERGED = 2     # the last epoch, which is not recorded; `standing` is from before it
    INTERRUPTED = 3  # by a signal, while something was measured
    NO_MEMORY = 4


# The best value of a column so far, as ``fastnn._monitor.best_epoch.Best`` finds it.
cdef struct Best:
    int column
    bint larger
    double min_delta
    bint known
    double value
    Py_ssize_t epoch
    Py_ssize_t waited
    Py_ssize_t patience


cdef class Watch:
    cdef Best c


# As the estimators count epochs that are no better by ``tol``.
cdef struct Tolerance:
    int column
    bint larger                # whether large values are good
    double tol
    double best
    Py_ssize_t count
    double n_iter_no_change    # may be infinite
    bint adaptive              # whether the learning rate is divided before training stops
    double rate
    double least_rate
    bint found                 # whether an epoch was the best


cdef class ToleranceWatch:
    cdef Tolerance c


# A part of memory, and what is copied into it or from it.
cdef struct Copy:
    void* to
    const void* source
    size_t n_bytes

cdef enum:
    MOST_COPIES = 4


cdef struct LoopState:
    # The order of the rows.
    Py_ssize_t* order
    Py_ssize_t n_order
    bint fresh                 # each epoch shuffles the rows as they came
    bint takes_order           # the next epoch takes the order as it is
    bint shuffled              # whether the current epoch has another order than the one before
    const Stream* stream       # NULL: they are not shuffled
    const Py_ssize_t* orders   # (n_epochs, n_order), of each epoch; NULL: they are not told
    # The learning rates: those of one epoch, or of each.
    const double* rates
    Py_ssize_t n_rates
    bint same_rates
    # The record.
    double* record
    Py_ssize_t n_columns
    Py_ssize_t n_epochs
    Py_ssize_t n_recorded
    Py_ssize_t n_trained
    double first_epoch         # epochs before the first, as the record counts
    # The cost, and the penalty that is added to it.
    bint with_cost
    double cost_divisor        # of the sum of costs, to which `more` is added
    double more
    double l1
    double l2
    double n_penalized         # rows that scale the penalty
    # What is measured.
    JudgeState** judges
    const int* measures
    const double* l1s
    const double* l2s
    Py_ssize_t n_measures
    # What ends the training, or lowers its rate.
    bint guards                # against divergence
    Best* stopping             # NULL: none
    Best* plateau              # NULL: none
    Tolerance* tolerance       # NULL: none
    double base_rate           # which falls on a plateau
    double factor
    double until
    Py_ssize_t cuts
    double rate                # as it stands on a plateau
    Copy[MOST_COPIES] standing  # parameters and running statistics before the epoch
    Copy[MOST_COPIES] best      # what is restored at the end
    int n_standing
    int n_best
    # Clocks, in seconds.
    double entered
    double began
    double deadline            # infinite: none
    double part                # of the time limit, that nobody notices; infinite: whole epochs
    double part_work           # what is worked in about that time
    double pause               # after which to come back to Python
    int ending


cdef class EpochLoop:
    cdef LoopState c
    cdef Py_ssize_t[::1] order
    cdef const Py_ssize_t[:, ::1] orders
    cdef double[:, ::1] rates
    cdef double[:, ::1] record
    cdef Shuffler shuffler
    cdef tuple kept               # what the pointers point into
    cdef readonly bint needs_blas

    cdef int _set_measures(self, tuple measures) except -1
    cdef int _check_orders(self, Py_ssize_t n_rows) except -1
    cdef int begin(
        self, Py_ssize_t n_batches, const Plan* plan, size_t itemsize, Py_ssize_t n_rows) except -1


# Before an epoch: the order of its rows; and its rates, which are returned.
cdef const double* c_begin_epoch(LoopState* loop, Py_ssize_t* n_rates) noexcept nogil

# How much work may be done before the clock is looked at, after so many seconds of the last such
# part.
cdef double c_part(LoopState* loop, double work_of_batch) noexcept nogil

cdef void c_end_part(LoopState* loop, double seconds) noexcept nogil

# Whether the epoch ends here, for the time is over.
cdef bint c_is_cut(const LoopState* loop) noexcept nogil

# Whether nothing between two epochs needs the thread pool, nor the clock within one.
cdef bint c_stays_in_core(const LoopState* loop) noexcept nogil

# After an epoch over `n_rows` rows, of this cost and last learning rate: whether to go on.
cdef bint c_end_epoch(
    LoopState* loop, floating* parameters, floating* running, const floating* slots,
    Py_ssize_t n_slots, const Plan* plan, double cost, Py_ssize_t n_rows,
    double rate) noexcept nogil
