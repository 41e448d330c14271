"""Many rows predicted, in blocks that stay in the cache on their way through the layers."""

from cython cimport floating

from fastnn._core.compiled_plan cimport Plan
from fastnn._core.row_source cimport Source


cdef enum Outcome:
    PREDICTED = 0
    MAY_NOT_BE_FINITE = 1  # inputs that are not checked; `out` is half written
    STOPPED = 2            # by a signal; so it is
    NO_MEMORY = 3          # for the packed weights; nothing is written

# Write the outputs for all rows of X into `out` (n, n_out). `work` is a workspace for each thread;
# `running` may be NULL if there are no running statistics. `checked` says whether all inputs are
# known to be finite.
cdef Outcome c_predict(
    floating* out, const floating* parameters, floating* running, floating* work,
    const Source* X, const Plan* plan, int n_threads, bint checked) noexcept nogil
