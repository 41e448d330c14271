"""A few rows predicted at once, without the way that many rows and all kinds of inputs need.

What it does not know it leaves: then it returns None, before anything is done, and the other way
converts or refuses.
"""

from cpython.buffer cimport PyBUF_FORMAT, PyBUF_STRIDES, PyBuffer_Release, PyObject_GetBuffer
from cython cimport critical_section, floating

from fastnn._core.forward cimport c_forward
from fastnn._core.context cimport PREDICT, BatchContext, c_batch_context
from fastnn._core.compiled_plan cimport CompiledPlan, c_n_in, c_n_out
from fastnn._core.predict cimport PREDICTED, c_predict
from fastnn._core.row_source cimport RowSource, Source, as_source, c_all_finite

from numpy import empty as _empty
from numpy import ndarray as _ndarray


def _nothing() -> None:
    """What a copied or unpickled network has until it predicts."""


cdef class Predictor:
    """The memory in which a network predicts a few rows.

    Parameters
    ----------
    plan : CompiledPlan
        That of the blocks in which more rows than its batch size are predicted.
    parameters : array (plan.n_parameters,)
        Read anew in each prediction.
    running : array (plan.n_running,)
    work : array (plan.work_size,)
        All float32 or all float64, C-contiguous.
    most_rows : int
        Up to how many are predicted here; others wait for it.

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
    cdef Py_ssize_t most_rows

    def __cinit__(self, CompiledPlan plan not None, parameters not None, running not None,
                  work not None, Py_ssize_t most_rows):
        self.most_rows = most_rows
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

        It takes finite C-contiguous arrays of the network's dtype with at most ``most_rows``.
        """
        cdef Py_buffer rows
        cdef RowSource source
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
            source = as_source(X) if m > self.plan.c.batch_size else None
            if not self._predict(&rows, NULL if source is None else &source.c, m, out):
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
        if m > self.most_rows or <size_t> rows.buf % <size_t> rows.itemsize:
            return 0
        return m

    cdef bint _predict(
        self, const Py_buffer* rows, const Source* source, Py_ssize_t m, object out,
    ) except -1:
        """Write the outputs, unless an input or one of them is not finite."""
        if self.form == c"d":
            return _outputs(self, <const double*> rows.buf, source, m, out)
        return _outputs(self, <const float*> rows.buf, source, m, out)


cdef bint _outputs(
    Predictor self, const floating* X, const Source* source, Py_ssize_t m, object out,
) except -1:
    """The outputs of ``X`` or, in blocks, of the same rows in ``source`` if it is not NULL."""
    cdef Py_buffer buffer
    cdef floating* work = <floating*> self.buffers[2].buf
    cdef floating* running = <floating*> self.buffers[1].buf if self.plan.c.n_running else NULL
    cdef const floating* parameters = <const floating*> self.buffers[0].buf
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
        if source == NULL:
            c_forward(work, X, parameters, running, &self.plan.c, &ctx)
            finite = c_all_finite(outputs, n)
            if finite:
                for i in range(n):
                    (<floating*> buffer.buf)[i] = outputs[i]
        else:
            finite = PREDICTED == c_predict(
                <floating*> buffer.buf, parameters, running, work, source, &self.plan.c, 1, True)
            finite = finite and c_all_finite(<const floating*> buffer.buf, n)
    PyBuffer_Release(&buffer)
    return finite
