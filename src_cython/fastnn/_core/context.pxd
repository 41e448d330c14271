"""A mini-batch's passes through the layers, forward and backward, by the workers of a thread pool.

Each worker owns neurons: it computes whole columns of a layer's block, from the product to the
dropout, and steps their weights. What needs whole rows, layer norm and softmax, is shared out by
rows. So every number is computed in one order, and is the same for any number of workers.

Where a plan has a split layer, that layer and those after it are replicated: every worker computes
them, in an arena of its own. Before that, each worker owns ranges of the split layer's inputs
(split-K), the neurons of the layer before that give them, and the weights that take them. The
workers meet at one barrier in a mini-batch, to read each other's partial sums. All but the first
worker have copies of what belongs to the replicated layers.
"""

from cython cimport floating
from libc.stdint cimport uint64_t

from fastnn._core.optimizer cimport StepCoefficients
from fastnn._core.compiled_plan cimport Layer, Plan
from fastnn._core.kernels cimport Prefetch

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
    SYNC = 9            # waiting at barriers, and fetching what other workers computed

cdef enum:
    N_PHASES = 10


cdef struct BatchContext:
    int mode
    int m             # rows of the mini-batch
    int worker        # of the thread pool
    int n_workers
    int share         # of the current layer: that of the worker, or all if it is replicated
    int n_shares
    bint replicated   # whether the layers from the split layer on are
    void* parameters  # those of the replicated layers, and what goes with them
    void* running
    void* slots
    void* arenas      # of all workers, if layers are replicated
    uint64_t seed     # of the dropout masks
    uint64_t drawn    # masks drawn before, which never goes back, as the steps do with an optimizer
    uint64_t step     # steps taken before, for the optimizers' corrections
    double rate       # learning rate
    StepCoefficients coefficients
    double divisor    # of the penalties
    double cost       # of the mini-batches so far
    # Of the weights of each tile, then of each partial sum, before each step so far, each in a
    # cache line of its own; NULL: not wanted.
    double* penalties
    Prefetch prefetch  # the inputs of the next mini-batch, while this one steps
    double* seconds    # of each phase so far; NULL: not wanted
    double last_mark   # when the last phase ended


# Rows from top to bottom and columns from begin to end of a block with n columns.
cdef struct Window:
    int top
    int bottom
    int begin
    int end
    Py_ssize_t n


# A single worker's, after as many masks as steps.
cdef BatchContext c_batch_context(int mode, int m, uint64_t seed, uint64_t step) noexcept nogil

cdef void c_start_clock(BatchContext* ctx, double* seconds) noexcept nogil

# Say that what was done since the last mark was of this phase.
cdef inline void c_mark(BatchContext* ctx, int phase) noexcept nogil:
    cdef double now
    if ctx.seconds == NULL:
        return
    now = fastnn_seconds()
    ctx.seconds[phase] += now - ctx.last_mark
    ctx.last_mark = now

# A barrier of the workers that share the current layer.
cdef void c_sync(BatchContext* ctx) noexcept nogil

# Layer l comes next.
cdef void c_begin_layer(BatchContext* ctx, const Plan* plan, int l) noexcept nogil

# The vector that layer l works with: the worker's own if the layer is replicated, else the shared.
cdef floating* c_vector_of(
    floating* shared, void* own, const Plan* plan, int l, BatchContext* ctx) noexcept nogil

# Whether each worker owns pairs of partial sums, and adds each pair itself.
cdef bint c_by_twos(const Plan* plan, BatchContext* ctx) noexcept nogil

# The partial sums that the worker owns, from the first to before the last; and their inputs.
cdef (int, int) c_own_partial_sums(const Plan* plan, BatchContext* ctx) noexcept nogil

cdef (int, int) c_own_inputs(const Plan* plan, BatchContext* ctx) noexcept nogil

# The workspace of the worker that owns partial sum p; ``work`` is that of this one.
cdef floating* c_arena_of(
    floating* work, const Plan* plan, int p, BatchContext* ctx) noexcept nogil

cdef (int, int) c_share(int n, BatchContext* ctx) noexcept nogil

# All rows of the neurons of layer l that the worker owns; its share of the rows, of all neurons.
cdef Window c_own_neurons(const Plan* plan, int l, BatchContext* ctx) noexcept nogil

cdef Window c_own_rows(const Layer* layer, BatchContext* ctx) noexcept nogil

# Whether a layer's outputs need whole rows of its weighted inputs.
cdef bint c_needs_rows(const Layer* layer) noexcept nogil
