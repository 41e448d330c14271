"""One mini-batch of a narrow network, with its rows as the lanes of vectors.

The layers of a narrow network are shorter than a vector, or not much longer. Here a block is turned
round, feature by feature, and the same neuron of many rows is computed at a time; the sums over
the rows, which are the gradient, are kept as vectors until the last row. The rows go through all
layers in blocks that fit in the second cache. Which plans go this way is the plan's choice alone,
and so is whether the rows are halved for two members to share: whoever computes a half, the
halves' gradients are added in the same order. So the same plan always gives the same bits.
"""

from cython cimport floating

from fastnn._core.optimizer cimport StepRule
from fastnn._core.context cimport Pass
from fastnn._core.compiled_plan cimport Plan
from fastnn._core.row_source cimport Source

# A step by the rows in `order`, how.m of them; returns their cost, or 0 if it is not asked for. The
# rows' weights, if there are any, are in the workspace already. `again`: so are the inputs and
# targets, from the mini-batch before.
cdef double c_train_in_lanes(
    floating* slots, floating* work, floating* parameters, const Source* X, const floating* Y,
    const Py_ssize_t* order, const Plan* plan, const StepRule* rule, bint with_cost, bint weighted,
    bint again, Pass* how) noexcept nogil
