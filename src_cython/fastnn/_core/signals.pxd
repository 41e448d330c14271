"""Ctrl-C during long work: Python's signal handlers run every now and then.

Work is counted in about floating-point operations. Whoever works without the GIL adds it up, calls
``c_signals_are_due`` and, if they are, ``c_handle_signals`` in the thread that called from Python.
"""

cdef extern from "Python.h":
    int PyErr_CheckSignals() noexcept  # leaves the exception to whoever has the GIL next

cdef enum:
    BETWEEN_SIGNALS = 1_000_000_000  # operations, 20 to 100 ms


# Whether so much work was done since the last time; then it counts from 0 again.
cdef inline bint c_signals_are_due(double* since_signals) noexcept nogil:
    if since_signals[0] <= BETWEEN_SIGNALS:
        return False
    since_signals[0] = 0
    return True


# Run the handlers that wait; return whether one raised.
cdef inline bint c_handle_signals() noexcept nogil:
    with gil:
        return PyErr_CheckSignals() != 0


# With the GIL: let the exception through that a handler raised and nobody has seen yet.
cdef inline int c_raise_if(bint stopped) except -1:
    return -1 if stopped else 0
