"""The gradient of one example, with as little around it as can be.

What it does not know it leaves: then it returns None, before anything is done, and the other way
converts or refuses.
"""

from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBuffer_Release, PyObject_GetBuffer
from cython cimport critical_section, floating

from fastnn._core.backward cimport c_gradient, c_output_delta
from fastnn._core.forward cimport c_forward
from fastnn._core.context cimport GRADIENT, BatchContext, c_batch_context
from fastnn._core.compiled_plan cimport CompiledPlan, Plan, c_n_in, c_n_out
from fastnn._core.row_source cimport c_all_finite

from numpy import empty as _empty
from numpy import ndarray as _ndarray


def _nothing() -> None:
    """What a copied or unpickled network has until it is asked again."""


cdef class ExampleGradient:
    """The memory in which the gradient of one example is computed.

    Parameters
    ----------
    plan : CompiledPlan
        With a compiled cost and without batch norm.
    work : array (plan.work_size,)
        Float32 or float64, C-contiguous.

    Raises
    ------
    ValueError
        If the array does not fit the plan, or the plan is another.
    """

    cdef CompiledPlan plan
    cdef object dtype
    cdef char form       # c"d" or c"f"
    cdef Py_buffer work
    cdef bint held

    def __cinit__(self, CompiledPlan plan not None, work not None):
        self.plan, self.dtype = plan, work.dtype
        PyObject_GetBuffer(work, &self.work, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT)
        self.held = True
        self.form = self.work.format[0]
        if work.ndim != 1 or self.work.format[1] or self.form not in (c"d", c"f"):
            raise ValueError("work: expected floats in one dimension")
        plan.check_vectors(plan.c.n_parameters, plan.c.n_running, len(work))
        if plan.c.cost < 0 or plan.c.n_running:
            raise ValueError("plan: expected one with a compiled cost and without batch norm")

    def __dealloc__(self):
        if self.held:
            PyBuffer_Release(&self.work)

    def __reduce__(self) -> tuple:
        return _nothing, ()

    def compute(
        self, parameters: object, x: object, y: object, double least, double most,
    ) -> object:
        """Return the gradient (plan.n_parameters,), a new array; or None.

        ``parameters``, ``x`` with n_in numbers and ``y`` with n_out are C-contiguous arrays of any
        shape; x and y may be float32 or float64, all of their numbers must be finite, and those of
        y from ``least`` to ``most``.
        """
        cdef Py_buffer buffers[3]
        cdef Py_ssize_t sizes[3]
        cdef int n_buffers = 0
        gradient = None
        sizes[0], sizes[1] = self.plan.c.n_parameters, c_n_in(&self.plan.c)
        sizes[2] = c_n_out(&self.plan.c)
        for array in (parameters, x, y):
            if type(array) is not _ndarray:
                break
            try:
                PyObject_GetBuffer(array, &buffers[n_buffers], PyBUF_C_CONTIGUOUS | PyBUF_FORMAT)
            except (BufferError, TypeError, ValueError):  # columns, dates
                break
            n_buffers += 1
            if not _is_plain(&buffers[n_buffers - 1], sizes[n_buffers - 1]):
                break
        else:
            if buffers[0].format[0] == self.form:
                gradient = self._computed(buffers, least, most)
        while n_buffers:
            n_buffers -= 1
            PyBuffer_Release(&buffers[n_buffers])
        return gradient

    cdef object _computed(self, const Py_buffer* buffers, double least, double most):
        if self.form == c"d":
            return _gradient(self, <const double*> buffers[0].buf, buffers, least, most)
        return _gradient(self, <const float*> buffers[0].buf, buffers, least, most)


cdef bint _is_plain(const Py_buffer* numbers, Py_ssize_t n) noexcept:
    """Whether these are n aligned floats of either size."""
    cdef char form = numbers.format[0]
    return ((form == c"d" or form == c"f") and numbers.format[1] == 0
            and numbers.len == n * numbers.itemsize
            and <size_t> numbers.buf % <size_t> numbers.itemsize == 0)


cdef bint _load(floating* out, const Py_buffer* numbers, Py_ssize_t n) noexcept:
    """Convert n numbers; return whether they are finite."""
    cdef Py_ssize_t i
    if numbers.format[0] == c"d":
        for i in range(n):
            out[i] = <floating> (<const double*> numbers.buf)[i]
    else:
        for i in range(n):
            out[i] = <floating> (<const float*> numbers.buf)[i]
    return c_all_finite(out, n)


cdef object _gradient(
    ExampleGradient self, const floating* parameters, const Py_buffer* buffers, double least,
    double most,
):
    cdef const Plan* plan = &self.plan.c
    cdef floating* work = <floating*> self.work.buf
    cdef const floating* y = work + plan.targets
    cdef Py_ssize_t i
    cdef Py_buffer out
    cdef BatchContext ctx = c_batch_context(GRADIENT, 1, 0, 0)
    cdef bint good
    gradient = _empty(plan.n_parameters, self.dtype)
    PyObject_GetBuffer(gradient, &out, PyBUF_C_CONTIGUOUS)
    # As in `predictor`: with the GIL or the lock, and no call of Python in between.
    with critical_section(self):
        good = (_load(work + plan.inputs, &buffers[1], c_n_in(plan))
                and _load(work + plan.targets, &buffers[2], c_n_out(plan)))
        for i in range(c_n_out(plan)):
            good = good and least <= y[i] <= most
        if good:
            c_forward(work, work + plan.inputs, parameters, <floating*> NULL, plan, &ctx)
            c_output_delta(work, plan, False, &ctx)
            c_gradient(<floating*> out.buf, work, parameters, plan, <floating> 1, <floating> 0,
                       &ctx)
    PyBuffer_Release(&out)
    return gradient if good else None
