"""A mini-batch backward, each layer by the workers that share it, and its step."""

from cython cimport floating

from fastnn._core.optimizer cimport StepRule
from fastnn._core.context cimport BatchContext
from fastnn._core.compiled_plan cimport Plan

cdef void c_output_delta(
    floating* work, const Plan* plan, bint weighted, BatchContext* ctx) noexcept nogil

cdef void c_update(
    floating* slots, floating* work, floating* parameters,
    const Plan* plan, const StepRule* rule, BatchContext* ctx) noexcept nogil

cdef void c_gradient(
    floating* gradient, floating* work, const floating* parameters, const Plan* plan,
    floating scale, floating keep, BatchContext* ctx) noexcept nogil
