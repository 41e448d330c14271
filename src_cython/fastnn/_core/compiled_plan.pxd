"""What a kernel knows of a network: sizes, and where everything lies in the flat vectors.

Dimension letters, here and in every kernel:
``m`` rows in the mini-batch, ``n_in`` inputs and ``n_out`` neurons of a layer.
A layer is dense → normalization → activation → dropout; an offset of -1 means: not there.
"""


cdef struct Layer:
    int n_in
    int n_out
    int activation
    int norm                      # a number of fastnn._core.norm.Norm
    int groups                    # of group norm
    int tile                      # neurons that are not divided among threads
    int first_tile                # tiles in the layers before
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
    Py_ssize_t z                  # (m, n_out), where the activation's derivative or a cost asks
    Py_ssize_t xhat               # (m, n_out), normalized
    Py_ssize_t inverse            # (n_out,) or (m, groups), 1 / standard deviation
    Py_ssize_t scratch            # (4, n_out): mean, variance, and the sums of dgamma, dbeta
    double eps
    double momentum
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
    Py_ssize_t work_size
    Py_ssize_t inputs         # (m, n_in) of the first layer, in the workspace
    Py_ssize_t targets        # (m, n_out) of the last layer, in the workspace
    Py_ssize_t row_weights    # (m,), in the workspace
    Py_ssize_t gradients      # (n_gradients, gradient_size), in the workspace
    int cut                   # the layer whose inputs are cut into pieces; -1: none
    # Each of its pieces gives a product; the sum is the layer's. In lanes there are pieces of the
    # rows, each of which gives a gradient and a cost. 0: there are none.
    int n_pieces
    Py_ssize_t exchange       # (2, n_pieces, m, n_out) of it, in the workspace; or gradients
    Py_ssize_t gradient_size  # as much as the gradient of any tile needs
    int n_gradients           # one for each member that may step at the same time
    Py_ssize_t lane_sums      # (LANES + 1, n_parameters), in the workspace; -1: not in lanes
    int lane_block            # rows that go through the layers together, if in lanes


cdef class CompiledPlan:
    cdef Plan c
    cdef int _set_layer(self, Layer* layer, const long long[::1] row, const double[::1] numbers,
                        ) except -1
    cdef int _check_parameters(self, Layer* layer) except -1
    cdef int _check_workspace(self, Layer* layer) except -1
    cdef int _check_pieces(self) except -1
    cdef int _check_order(self) except -1
    cdef int _check_gradients(self) except -1
    cdef int _check_lanes(self) except -1
    cdef int check_rows(
        self, Py_ssize_t n, Py_ssize_t n_columns, Py_ssize_t other_rows, Py_ssize_t other_columns,
        str other) except -1
    cdef int check_vectors(
        self, Py_ssize_t parameters, Py_ssize_t running, Py_ssize_t work) except -1


# How many numbers of the exchange a gradient and its cost take, in lanes.
cdef Py_ssize_t c_shown_size(const Plan* plan) noexcept nogil


cdef enum:
    MOST_PIECES = 4
    LANES = 16  # as many as the largest vector has: rows in lanes are filled up to a multiple

# How many rows there are once they are filled up.
cdef int c_filled(int m) noexcept nogil

cdef int c_n_tiles(const Layer* layer) noexcept nogil

# Where the member's part of n things in a row begins.
cdef int c_part(int n, int member, int n_members) noexcept nogil

# Where piece p of the inputs of the layer that is cut begins.
cdef int c_piece(const Plan* plan, int p) noexcept nogil

# Numbers that each of several members needs to work apart: a workspace, and copies of the
# parameters, the optimizer's state and the running statistics.
cdef Py_ssize_t c_room(const Plan* plan, int n_slots) noexcept nogil

cdef int c_n_in(const Plan* plan) noexcept nogil

cdef int c_n_out(const Plan* plan) noexcept nogil
