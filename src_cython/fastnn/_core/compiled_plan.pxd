"""What a kernel knows of a network: sizes, and where everything lies in the flat vectors.

Dimension letters, here and in every kernel:
``m`` rows in the mini-batch, ``n_in`` inputs and ``n_out`` neurons of a layer.
A layer is dense → normalization → activation → dropout; an offset of -1 means: not there.
"""

from libc.stdint cimport uint64_t

cimport fastnn._core.constants as constants


# Filled by name from the dictionary of a layer; first_tile and by_blas follow from it.
cdef struct Layer:
    int n_in
    int n_out
    int activation                # a number of fastnn._core.activation.Activation
    int norm                      # a number of fastnn._core.norm.Norm
    int groups                    # of group norm
    int tile                      # neurons that are not divided among workers
    int first_tile                # tiles in the layers before
    bint by_blas                  # whether BLAS multiplies: always whole tiles, for the same bits
    # Offsets in the parameter vector.
    Py_ssize_t weights            # (n_out, n_in)
    Py_ssize_t biases             # (n_out,)
    Py_ssize_t gamma              # (n_out,)
    Py_ssize_t beta               # (n_out,)
    # Offsets in the vector of running statistics.
    Py_ssize_t running_mean       # (n_out,)
    Py_ssize_t running_variance   # (n_out,)
    # Offsets in the workspace.
    Py_ssize_t out                # (m, n_out), what the next layer takes
    Py_ssize_t act                # (m, n_out), before dropout; out itself where there is none
    Py_ssize_t delta              # (m, n_out)
    Py_ssize_t z                  # (m, n_out), if the activation's derivative or the cost needs it
    Py_ssize_t xhat               # (m, n_out), normalized
    Py_ssize_t inverse            # (n_out,) or (m, groups), 1 / standard deviation
    Py_ssize_t scratch            # (4, n_out): mean, variance, and the sums of dgamma, dbeta
    double eps
    double momentum
    bint unbiased                 # the variance that goes into the running one
    double dropout                # share of units dropped
    double train_scale            # factor on the units kept
    double predict_scale          # factor on all units in prediction


cdef struct Plan:
    Layer* layers
    int n_layers
    int n_tiles
    int batch_size
    int cost                  # a number of fastnn._core.cost.Cost, -1 for one in Python
    double cost_parameter
    bint cost_by_z            # the cost is computed from z of the last layer, not from its outputs
    bint needs_blas           # some product is too large for our own kernels
    bint needs_two_rows       # batch norm has no variance of one row
    Py_ssize_t n_parameters
    Py_ssize_t n_running
    # Offsets in the workspace.
    Py_ssize_t work_size
    Py_ssize_t inputs         # (m, n_in) of the first layer
    Py_ssize_t targets        # (m, n_out) of the last layer
    Py_ssize_t row_weights    # (m,)
    Py_ssize_t gradients      # (n_gradients, gradient_size)
    Py_ssize_t gradient_size  # as much as the gradient of any tile needs
    int n_gradients           # one for each worker that may step at the same time
    # Split-K: the inputs of the split layer are divided into n_partial_sums ranges, each of which
    # gives a partial sum of its product. Feature-major: the rows are, and each range gives a
    # partial sum of the gradient.
    int split_layer           # -1: none
    int n_partial_sums        # 0: none
    Py_ssize_t partial_sums   # (2, n_partial_sums, partial_size): two sets, used in turn
    Py_ssize_t partial_size   # (m, n_out); or MAX_LANES for a cost, then a gradient
    Py_ssize_t lane_sums      # (MAX_LANES + 1, n_parameters); -1: not feature-major
    int block_rows            # feature-major rows that go through the layers together
    # The arena of a worker: a workspace, then, where layers are replicated, its own copies. Offsets
    # in the arena.
    Py_ssize_t arena_size     # -1: no layer is replicated
    int n_slots               # of the optimizer's state, for which there is memory
    Py_ssize_t own_parameters  # (n_parameters,)
    Py_ssize_t own_slots       # (n_slots, n_parameters)
    Py_ssize_t own_running     # (n_running,)


# How fast mini-batches of the plan were, as the thread tuner has it; zeros: nobody knows yet.
cdef struct Times:
    int max_workers
    bint parallel            # whether all workers were faster than one
    double serial_time
    double parallel_time
    double shortest_serial


cdef class CompiledPlan:
    cdef Plan c
    cdef Times times  # of the last training
    cdef int _set_layers(self, list layers) except -1
    cdef int _check_parameters(self, Layer* layer) except -1
    cdef int _check_workspace(self, Layer* layer) except -1
    cdef int _check_split(self) except -1
    cdef int _check_partial_sums(self, Py_ssize_t least) except -1
    cdef int _check_order(self) except -1
    cdef int _check_gradients(self) except -1
    cdef int _check_feature_major(self) except -1
    cdef int _check_arena(self) except -1
    cdef int _check_own(self, str name, Py_ssize_t offset, Py_ssize_t size) except -1
    cdef int check_rows(
        self, Py_ssize_t n, Py_ssize_t n_columns, Py_ssize_t other_rows, Py_ssize_t other_columns,
        str other) except -1
    cdef int check_vectors(
        self, Py_ssize_t parameters, Py_ssize_t running, Py_ssize_t work) except -1


# Rows, padded to whole vectors.
cdef inline int c_padded(int m) noexcept nogil:
    return (m + constants.MAX_LANES - 1) // constants.MAX_LANES * constants.MAX_LANES

cdef int c_n_tiles(const Layer* layer) noexcept nogil

# Where share k of n things in a row begins.
cdef int c_part(int n, int share, int n_shares) noexcept nogil

# Where the inputs of partial sum p begin in the split layer.
cdef int c_split_begin(const Plan* plan, int p) noexcept nogil

# Where partial sum p of a mini-batch lies in the workspace. The next one takes the other set: while
# workers still read this one, it is not written.
cdef inline Py_ssize_t c_partial_sum(const Plan* plan, int p, uint64_t step) noexcept nogil:
    cdef Py_ssize_t place = p + <Py_ssize_t> (step % 2) * plan.n_partial_sums
    return plan.partial_sums + place * plan.partial_size

cdef int c_n_in(const Plan* plan) noexcept nogil

cdef int c_n_out(const Plan* plan) noexcept nogil
