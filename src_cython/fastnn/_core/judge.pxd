"""What is measured of a network after an epoch, on rows that are kept for that."""

from cython cimport floating

from fastnn._core.compiled_plan cimport CompiledPlan, Plan
from fastnn._core.predict cimport Outcome
from fastnn._core.row_source cimport RowSource, Source

cpdef enum Measure:
    MEAN_COST = 0
    N_CORRECT = 1            # rows whose class is the target's
    ACCURACY = 2             # the share of them
    MEAN_SQUARED_ERROR = 3
    MEAN_ABSOLUTE_ERROR = 4
    R2 = 5                   # 1 - the sum of squares over that of the targets from their means
    # As the estimators judge.
    ALL_LABELS = 6           # the share of rows of which every output is on its target's side of ½
    MEAN_R2 = 7              # R² of each output, averaged
    LOSS = 8                 # the mean loss
    # As *Deep Learning from Scratch* has it.
    CLASS_ERROR = 9          # the mean of -ln(a + 1e-7), a the output of the target's class


cdef struct JudgeState:
    const Plan* plan
    const Plan* plan_of_z     # of the weighted inputs of the output layer; NULL: not needed
    const Source* all_X       # whose rows of the epoch are judged; NULL: they are always the same
    const void* all_Y         # (all_X.n_rows, n_out)
    void* own_X               # where those of the epoch are copied, as X and Y
    void* own_Y
    const Source* X
    const void* Y             # (n, n_out)
    const void* row_weights   # (n,); NULL: none
    void* outputs             # (n, n_out), once they are known
    void* z                   # the same
    void* shares              # (n,), for a cost that is too large to be summed up
    void* work
    int n_threads
    size_t itemsize           # of its numbers
    double spread             # of the targets: what R² divides by
    const double* spreads     # (n_out,), of each output; NULL: MEAN_R2 is not wanted
    double clip               # how near to 0 and 1 an output may come in the loss
    double more               # what the loss has more than the sum of the costs
    double divisor            # and what both are divided by
    bint has_outputs
    bint has_z


cdef class Judge:
    cdef JudgeState c
    cdef readonly CompiledPlan plan
    cdef CompiledPlan plan_of_z
    cdef RowSource X
    cdef RowSource all_X
    cdef object all_Y
    cdef tuple arrays
    cdef object dtype
    cdef const double[::1] spreads
    cdef int check(self, int measure) except -1


# The network is another one from now on.
cdef inline void c_forget(JudgeState* judge) noexcept nogil:
    judge.has_outputs = judge.has_z = False

# Copy the rows of the epoch, which ``order`` has, where the judge finds its own.
cdef void c_take_rows(
    floating* X, floating* Y, const JudgeState* judge, const Py_ssize_t* order) noexcept nogil

# Write what is measured into `value`.
cdef Outcome c_measure(
    double* value, const floating* parameters, floating* running, JudgeState* judge, int measure,
) noexcept nogil
