"""The compiled form of ``fastnn.plan.Plan``: every offset is checked once, here."""

from libc.stdlib cimport free, malloc

from fastnn._activations cimport SOFTMAX

COLUMNS = ("n_in", "n_out", "activation", "weights", "biases", "out", "delta", "z")

cdef Py_ssize_t LARGEST = 2147483647  # of a C int, which BLAS counts with


cdef int _check_region(str name, Py_ssize_t offset, Py_ssize_t size, Py_ssize_t total) except -1:
    if offset < 0 or size < 0 or offset > total - size:
        raise ValueError(f"{name}: {size} numbers at {offset} do not fit in {total}")
    return 0


cdef class CompiledPlan:
    """A network's layers as C structures.

    Parameters
    ----------
    table : int64 array (n_layers, 8)
        One row a layer; the columns are ``COLUMNS``.
    batch_size : int
        Rows for which the workspace has room.
    inputs, targets : int
        Offsets of the mini-batch's inputs and targets in the workspace.
    n_parameters, work_size : int
        Lengths of the two vectors that the offsets point into.
    cost : int
        The cost's number in ``fastnn._costs``, or -1 for a cost in Python.

    Raises
    ------
    ValueError
        If layers do not follow on one another or an offset leaves its vector.
    """

    def __cinit__(
        self, const long long[:, ::1] table not None, Py_ssize_t batch_size, Py_ssize_t inputs,
        Py_ssize_t targets, Py_ssize_t n_parameters, Py_ssize_t work_size, int cost,
    ):
        cdef Py_ssize_t l
        if table.shape[0] < 1 or table.shape[0] > 10_000 or table.shape[1] != len(COLUMNS):
            raise ValueError(f"table: expected (n_layers, {len(COLUMNS)}), "
                             f"got ({table.shape[0]}, {table.shape[1]})")
        if n_parameters < 0 or work_size < 0:
            raise ValueError(f"n_parameters, work_size: expected 0 or more, "
                             f"got {n_parameters} and {work_size}")
        if not 1 <= batch_size <= LARGEST:
            raise ValueError(f"batch_size: expected 1 to {LARGEST}, got {batch_size}")
        self.n_layers = <int> table.shape[0]
        self.batch_size = <int> batch_size
        self.cost = cost
        self.n_parameters = n_parameters
        self.work_size = work_size
        self.inputs = inputs
        self.targets = targets
        self.layers = <Layer*> malloc(self.n_layers * sizeof(Layer))
        if self.layers == NULL:
            raise MemoryError("no memory for the plan's layers")
        for l in range(self.n_layers):
            self._set_layer(&self.layers[l], table[l])
            if l > 0 and self.layers[l].n_in != self.layers[l - 1].n_out:
                raise ValueError(f"layer {l}: takes {self.layers[l].n_in} inputs, but the layer "
                                 f"before it has {self.layers[l - 1].n_out} neurons")
        _check_region("inputs", inputs, batch_size * self.n_in(), work_size)
        _check_region("targets", targets, batch_size * self.n_out(), work_size)

    cdef int _set_layer(self, Layer* layer, const long long[::1] row) except -1:
        cdef Py_ssize_t block
        if not (1 <= row[0] <= LARGEST and 1 <= row[1] <= LARGEST):
            raise ValueError(f"layer sizes: expected 1 to {LARGEST}, got {row[0]} and {row[1]}")
        if not 0 <= row[2] <= <int> SOFTMAX:
            raise ValueError(f"activation: expected 0 to {<int> SOFTMAX}, got {row[2]}")
        layer.n_in, layer.n_out, layer.activation = <int> row[0], <int> row[1], <int> row[2]
        layer.weights, layer.biases = row[3], row[4]
        layer.out, layer.delta, layer.z = row[5], row[6], row[7]
        block = self.batch_size * <Py_ssize_t> layer.n_out
        _check_region("weights", layer.weights, layer.n_out * <Py_ssize_t> layer.n_in,
                      self.n_parameters)
        _check_region("biases", layer.biases, layer.n_out, self.n_parameters)
        _check_region("out", layer.out, block, self.work_size)
        _check_region("delta", layer.delta, block, self.work_size)
        if layer.z != -1:
            _check_region("z", layer.z, block, self.work_size)
        return 0

    def __dealloc__(self):
        free(self.layers)

    cdef int n_in(self) noexcept nogil:
        return self.layers[0].n_in

    cdef int n_out(self) noexcept nogil:
        return self.layers[self.n_layers - 1].n_out

    cdef int check_vectors(self, Py_ssize_t parameters, Py_ssize_t work) except -1:
        if parameters != self.n_parameters:
            raise ValueError(f"parameters: expected {self.n_parameters} numbers, got {parameters}")
        if work != self.work_size:
            raise ValueError(f"work: expected {self.work_size} numbers, got {work}")
        return 0

    cdef int check_gradient(self, Py_ssize_t gradient) except -1:
        if gradient != self.n_parameters:
            raise ValueError(f"gradient: expected {self.n_parameters} numbers, got {gradient}")
        return 0
