"""A mini-batch's passes through the layers, forward and backward, each by all members of a team.

Each member owns neurons: it computes whole columns of a layer's block, from the product to the
dropout, and steps their weights. What needs whole rows, layer norm and softmax, is shared out by
rows. So every number is computed in one order, and comes out the same for any number of members.

Members that work apart share out the layers up to the one that is cut. Each owns pieces of that
layer's inputs, the neurons of the layer before that give them, and the weights that take them. They
meet once in a mini-batch, to show each other their parts of the cut layer's sums; after that, every
member does the same. Each has a workspace of its own and, but for the first member, copies of all
that belongs to the cut layer and to those after it.
"""

from cython cimport floating
from libc.stdint cimport uint64_t

from fastnn._core.optimizer cimport Moment
from fastnn._core.compiled_plan cimport Layer, Plan
from fastnn._core.kernels cimport Ahead

cdef extern from "runtime/clock.h" nogil:
    double fastnn_seconds() noexcept nogil

cpdef enum Mode:
    PREDICT = 0    # running statistics, no dropout
    GRADIENT = 1   # the mini-batch's statistics, no dropout, nothing remembered
    TRAIN = 2      # the mini-batch's statistics, remembered in the running ones; dropout

cpdef enum Phase:
    GATHER = 0
    FORWARD = 1         # X Wᵀ + b
    NORMALIZATION = 2   # both ways
    ACTIVATION = 3      # with dropout
    COST = 4
    DELTA = 5           # the output's, and times the activations' derivatives
    BACKWARD = 6        # δ W
    UPDATE = 7          # δᵀ X, for plain SGD added to W
    OPTIMIZER = 8       # all other steps, penalties and limits
    SYNC = 9            # waiting for the other members, and fetching what they computed

cdef enum:
    N_PHASES = 10
    A_LINE = 8  # numbers in a cache line


cdef struct Pass:
    int mode
    int m            # rows of the mini-batch
    int rank         # which member of the team
    int n_team       # how many it has
    int member       # which of those that share what is done now
    int n_members
    bint apart       # whether each member has the cut layer and those after it to itself: these
    void* parameters
    void* running
    void* slots
    void* team_work  # the first member's workspace
    Py_ssize_t room  # numbers from one member's workspace to the next one's
    uint64_t seed    # of the dropout masks
    uint64_t drawn   # masks drawn before, which never goes back, as the steps do with an optimizer
    uint64_t step    # steps taken before, for the optimizers' corrections
    double rate      # learning rate
    Moment now       # of the optimizer's step
    double divisor   # of the penalties
    double cost      # of the mini-batches so far
    # Of the weights of each tile, then of each piece, before each step so far, each in a cache line
    # of its own; NULL: nobody asks.
    double* penalties
    Ahead ahead      # the inputs of the next mini-batch, while this one steps
    double* seconds  # of each phase so far; NULL: nobody looks at the clock
    double since     # when the last phase ended


# Rows from top to bottom and columns from begin to end of a block with n columns.
cdef struct Window:
    int top
    int bottom
    int begin
    int end
    Py_ssize_t n


cdef Pass c_alone(int mode, int m, uint64_t seed, uint64_t step) noexcept nogil

cdef void c_start_clock(Pass* how, double* seconds) noexcept nogil

# Say that what was done since the last mark was of this phase.
cdef inline void c_mark(Pass* how, int phase) noexcept nogil:
    cdef double now
    if how.seconds == NULL:
        return
    now = fastnn_seconds()
    how.seconds[phase] += now - how.since
    how.since = now

cdef void c_wait(Pass* how) noexcept nogil

cdef void c_turn_to(Pass* how, const Plan* plan, int l) noexcept nogil

# The vector of parameters, or of what goes with them, that layer l works with.
cdef floating* c_of_layer(
    floating* shared, void* own, const Plan* plan, int l, Pass* how) noexcept nogil

# The pieces of inputs of the layer that is cut which the member owns, from the first to before the
# last; and these inputs.
cdef (int, int) c_own_pieces(const Plan* plan, Pass* how) noexcept nogil

# The workspace of the member that owns piece p; ``work`` is that of this one.
cdef floating* c_workspace_of(
    floating* work, const Plan* plan, int p, Pass* how) noexcept nogil

cdef (int, int) c_own_inputs(const Plan* plan, Pass* how) noexcept nogil

cdef (int, int) c_share(int n, Pass* how) noexcept nogil

# All rows of the neurons of layer l that the member owns; its share of the rows, of all neurons.
cdef Window c_neurons(const Plan* plan, int l, Pass* how) noexcept nogil

cdef Window c_rows_of(const Layer* layer, Pass* how) noexcept nogil

# Whether a layer's outputs need whole rows of its weighted inputs.
cdef bint c_by_rows(const Layer* layer) noexcept nogil
