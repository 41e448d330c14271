"""A mini-batch forward, each layer by the workers that share it."""

from cython cimport floating

from fastnn._core.context cimport BatchContext
from fastnn._core.compiled_plan cimport Plan

cdef void c_forward(
    floating* work, const floating* inputs, const floating* parameters, floating* running,
    const Plan* plan, BatchContext* ctx) noexcept nogil

cdef void c_after_product(
    floating* work, const floating* parameters, floating* running, const Plan* plan, int l,
    BatchContext* ctx) noexcept nogil
