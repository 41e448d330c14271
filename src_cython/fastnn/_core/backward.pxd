"""A mini-batch back, each layer by all members of a team that share it, and its step."""

from cython cimport floating

from fastnn._core.optimizer cimport StepRule
from fastnn._core.context cimport Pass
from fastnn._core.compiled_plan cimport Plan

cdef void c_output_delta(
    floating* work, const Plan* plan, bint weighted, Pass* how) noexcept nogil

cdef void c_update(
    floating* slots, floating* work, floating* parameters,
    const Plan* plan, const StepRule* rule, Pass* how) noexcept nogil

cdef void c_gradient(
    floating* gradient, floating* work, const floating* parameters, const Plan* plan,
    floating scale, floating keep, Pass* how) noexcept nogil
