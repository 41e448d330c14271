"""One mini-batch of a narrow network, in feature-major layout: its rows are the SIMD lanes.

The layers of a narrow network are shorter than a vector, or not much longer. So a block is
transposed, and the same neuron is computed for many rows at a time; the sums over the rows, which
are the gradient, are kept as vectors until the last row. The rows go through all layers in blocks
that fit in the second cache. Which plans go this way is the plan's choice alone, and so is whether
the rows are divided into ranges for several workers to share: whoever computes a range, the partial
sums of the gradient are added in the same order. So the same plan always gives the same bits.
"""

from cython cimport floating

from fastnn._core.optimizer cimport StepRule
from fastnn._core.context cimport BatchContext
from fastnn._core.compiled_plan cimport Plan
from fastnn._core.row_source cimport Source

# A step by the rows in `order`, ctx.m of them; returns their cost, or 0 without `with_cost`. The
# rows' weights, if there are any, are in the workspace already. `again`: so are the inputs and
# targets, from the mini-batch before.
cdef double c_train_feature_major(
    floating* slots, floating* work, floating* parameters, const Source* X, const floating* Y,
    const Py_ssize_t* order, const Plan* plan, const StepRule* rule, bint with_cost, bint weighted,
    bint again, BatchContext* ctx) noexcept nogil
