"""A mini-batch forward, each layer by all members of a team that share it."""

from cython cimport floating

from fastnn._core.context cimport Pass
from fastnn._core.compiled_plan cimport Plan

cdef void c_forward(
    floating* work, const floating* inputs, const floating* parameters, floating* running,
    const Plan* plan, Pass* how) noexcept nogil

cdef void c_after_product(
    floating* work, const floating* parameters, floating* running, const Plan* plan, int l,
    Pass* how) noexcept nogil
