"""What a kernel knows of a network: sizes, and where everything lies in two flat vectors.

Dimension letters, here and in every kernel:
``m`` rows in the mini-batch, ``n_in`` inputs and ``n_out`` neurons of a layer.
"""


cdef struct Layer:
    int n_in
    int n_out
    int activation
    # Offsets in the parameter vector.
    Py_ssize_t weights   # (n_out, n_in)
    Py_ssize_t biases    # (n_out,)
    # Offsets in the workspace.
    Py_ssize_t out       # (m, n_out)
    Py_ssize_t delta     # (m, n_out)
    Py_ssize_t z         # (m, n_out), or -1 where nobody asks for the weighted input


cdef class CompiledPlan:
    cdef Layer* layers
    cdef readonly int n_layers
    cdef readonly int batch_size
    cdef readonly int cost
    cdef readonly Py_ssize_t n_parameters
    cdef readonly Py_ssize_t work_size
    cdef Py_ssize_t inputs    # (m, n_in) of the first layer, in the workspace
    cdef Py_ssize_t targets   # (m, n_out) of the last layer, in the workspace
    cdef int _set_layer(self, Layer* layer, const long long[::1] row) except -1
    cdef int n_in(self) noexcept nogil
    cdef int n_out(self) noexcept nogil
    cdef int check_vectors(self, Py_ssize_t parameters, Py_ssize_t work) except -1
    cdef int check_gradient(self, Py_ssize_t gradient) except -1
