"""A few rows predicted at once, without the way that many rows and all kinds of inputs need.

What it does not know it leaves: then it returns None, before anything is done, and the other way
converts or refuses.
"""

from cpython.buffer cimport PyBUF_FORMAT, PyBUF_STRIDES, PyBuffer_Release, PyObject_GetBuffer
from cython cimport critical_section, floating

from fastnn._core.forward cimport c_forward
from fastnn._core.context cimport PREDICT, BatchContext, c_batch_context
from fastnn._core.compiled_plan cimport CompiledPlan, c_n_in, c_n_out
from fastnn._core.row_source cimport c_all_finite

from numpy import empty as _empty
from numpy import ndarray as _ndarray


def _nothing() -> None:
    """What a copied or unpickled network has until it predicts."""


cdef class Predictor:
    """The memory in which a network predicts up to ``plan.batch_size`` rows.

    Parameters
    ----------
    plan : CompiledPlan
    parameters : array (plan.n_parameters,)
        Read anew in each prediction.
    running : array (plan.n_running,)
    work : array (plan.work_size,)
        All float32 or all float64, C-contiguous.

    Raises
    ------
    ValueError
        If the arrays do not fit the plan or one another.
    """

    cdef CompiledPlan plan
    cdef readonly dict plans          # kept here, by names, for those who predict more rows
    cdef readonly object parameters   # the arrays whose memory is held
    cdef object dtype
    cdef char form                    # c"d" or c"f"
    cdef Py_buffer buffers[3]         # parameters, running, work
    cdef int n_buffers

    def __cinit__(self, CompiledPlan plan not None, parameters not None, running not None,
                  work not None):
        self.plan, self.parameters, self.dtype = plan, parameters, parameters.dtype
        self.plans = {}
        for array in (parameters, running, work):
            PyObject_GetBuffer(array, &self.buffers[self.n_buffers], PyBUF_STRIDES | PyBUF_FORMAT)
            self.n_buffers += 1
            if array.ndim != 1 or not array.flags.c_contiguous or array.dtype != self.dtype:
                raise ValueError("parameters, running, work: expected contiguous arrays of one "
                                 "dimension and dtype")
        self.form = self.buffers[0].format[0]
        if self.buffers[0].format[1] or (self.form != c"d" and self.form != c"f"):
            raise ValueError(f"parameters: expected float32 or float64, got {self.dtype}")
        plan.check_vectors(len(parameters), len(running), len(work))

    def __dealloc__(self):
        cdef int k
        for k in range(self.n_buffers):
            PyBuffer_Release(&self.buffers[k])

    def __reduce__(self) -> tuple:
        return _nothing, ()

    def predict(self, X: object) -> object:
        """Return the outputs (m, n_out) for ``X`` (m, n_in), or (n_out,) for (n_in,); or None.

        It takes finite C-contiguous arrays of the network's dtype with at most as many rows as the
        plan's batch size.
        """
        cdef Py_buffer rows
        cdef Py_ssize_t m
        if type(X) is not _ndarray:
            return None
        try:
            PyObject_GetBuffer(X, &rows, PyBUF_STRIDES | PyBUF_FORMAT)
        except (BufferError, TypeError, ValueError):  # dates, for one, are not to be read
            return None
        m = self._count(&rows)
        out = None
        if m > 0:
            if rows.ndim == 2:
                out = _empty((m, c_n_out(&self.plan.c)), self.dtype)
            else:
                out = _empty(c_n_out(&self.plan.c), self.dtype)
            if not self._predict(&rows, m, out):
                out = None
        PyBuffer_Release(&rows)
        return out

    cdef Py_ssize_t _count(self, const Py_buffer* rows):
        """Return how many rows there are, or 0 if they are not such as are taken here."""
        cdef Py_ssize_t n_in = c_n_in(&self.plan.c), m = 1
        if rows.format[0] != self.form or rows.format[1] or not 1 <= rows.ndim <= 2:
            return 0
        if rows.shape[rows.ndim - 1] != n_in or rows.strides[rows.ndim - 1] != rows.itemsize:
            return 0
        if rows.ndim == 2:
            m = rows.shape[0]
            if m > 1 and rows.strides[0] != n_in * rows.itemsize:
                return 0
        if m > self.plan.c.batch_size or <size_t> rows.buf % <size_t> rows.itemsize:
            return 0
        return m

    cdef bint _predict(self, const Py_buffer* rows, Py_ssize_t m, object out) except -1:
        """Write the outputs, unless an input or one of them is not finite."""
        if self.form == c"d":
            return _outputs(self, <const double*> rows.buf, m, out)
        return _outputs(self, <const float*> rows.buf, m, out)


cdef bint _outputs(
    Predictor self, const floating* X, Py_ssize_t m, object out,
) except -1:
    cdef Py_buffer buffer
    cdef floating* work = <floating*> self.buffers[2].buf
    cdef const floating* outputs = work + self.plan.c.layers[self.plan.c.n_layers - 1].out
    cdef Py_ssize_t i
    cdef BatchContext ctx = c_batch_context(PREDICT, <int> m, 0, 0)
    cdef Py_ssize_t n = m * c_n_out(&self.plan.c)
    cdef bint finite = False
    if not c_all_finite(X, m * c_n_in(&self.plan.c)):
        return False
    PyObject_GetBuffer(out, &buffer, PyBUF_STRIDES)
    # With the GIL or, in Pythons without one, its lock, which keep others out of the workspace:
    # this takes microseconds. No call of Python in between, which might let go of the lock.
    with critical_section(self):
        c_forward(work, X, <const floating*> self.buffers[0].buf,
                  <floating*> self.buffers[1].buf if self.plan.c.n_running else NULL,
                  &self.plan.c, &ctx)
        finite = c_all_finite(outputs, n)
        if finite:
            for i in range(n):
                (<floating*> buffer.buf)[i] = outputs[i]
    PyBuffer_Release(&buffer)
    return finite
