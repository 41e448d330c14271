"""Many rows predicted, in blocks that stay in the cache on their way through the layers.

Members of a team take one block after the other. Where there are enough rows each layer's weights
are turned round first, for products that no block needs to prepare again. A row's outputs then do
not depend on the block it is in; in any case blocks do not depend on who takes them.

Whether inputs are finite shows in what the first layer makes of them: a sum with a NaN or an
infinity in it is never finite, whatever the weights are.
"""

from cython cimport floating
from libc.math cimport isfinite
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from fastnn._core.forward cimport c_after_product, c_forward
from fastnn._core.context cimport PREDICT, Pass, c_alone
from fastnn._core.compiled_plan cimport CompiledPlan, Layer, Plan, c_n_in, c_n_out
from fastnn._core.gemm cimport c_has_panels, c_make_panels, c_panels_size, c_product_np
from fastnn._core.row_source cimport (
    RowSource, Source, as_source, c_all_finite, c_in_place, c_row_memory, c_rows)
from fastnn._core.thread_pool cimport c_meet, c_run

cdef extern from "Python.h":
    int PyErr_CheckSignals() noexcept  # leaves the exception to whoever has the GIL next

cdef extern from *:
    """
    #if defined(__GNUC__)
    #define FASTNN_TAKE(next, n) __atomic_fetch_add(next, n, __ATOMIC_RELAXED)
    #define FASTNN_SAY(flag) __atomic_store_n(flag, 1, __ATOMIC_RELAXED)
    #define FASTNN_SAID(flag) __atomic_load_n(flag, __ATOMIC_RELAXED)
    #else /* no threads, as in team.h */
    #define FASTNN_TAKE(next, n) ((*(next) += (n)) - (n))
    #define FASTNN_SAY(flag) (*(flag) = 1)
    #define FASTNN_SAID(flag) (*(flag))
    #endif
    """
    Py_ssize_t c_take "FASTNN_TAKE"(Py_ssize_t* next, Py_ssize_t n) noexcept nogil
    void c_say "FASTNN_SAY"(int* flag) noexcept nogil
    int c_said "FASTNN_SAID"(int* flag) noexcept nogil

cdef enum:
    LINE = 64        # bytes of a cache line
    MANY = 128       # rows above which it pays to turn the weights round
    LEAST = 48       # rows of a block: the weights are read anew for each
    STEP = 12        # a multiple of the rows of a tile, for any instruction set
    ROOM = 300_000   # bytes of a block's inputs: a part of the second cache
    STRIPE = 192     # neurons that one member turns: whole panels, for any instruction set

# Work between two looks for Ctrl-C, in floating-point operations: 20 to 100 ms.
cdef double BETWEEN_SIGNALS = 1e9


# What the members of a team are told of a prediction.
cdef struct Asked:
    const Plan* plan
    const void* parameters
    void* running
    void* work         # a workspace for each member
    void* panels       # the weights of all layers, turned round; NULL: they are not
    const Source* X
    void* out
    Py_ssize_t block   # rows that go through the layers together
    Py_ssize_t next    # the first one that nobody has taken
    bint checked       # whether all inputs are known to be finite
    int bad            # one may not be
    int stopped        # by a signal


cdef Py_ssize_t _rows_of_block(const Plan* plan, size_t itemsize) noexcept nogil:
    cdef Py_ssize_t widest = c_n_in(plan), fit
    cdef int l
    for l in range(plan.n_layers):
        widest = max(widest, <Py_ssize_t> plan.layers[l].n_out)
    fit = ROOM // (<Py_ssize_t> itemsize * widest) // STEP * STEP
    return min(max(fit, <Py_ssize_t> LEAST), <Py_ssize_t> plan.batch_size)


cdef double _work_of_row(const Plan* plan) noexcept nogil:
    """What a row costs, in those operations: products and activations."""
    cdef double work = 0
    cdef int l
    for l in range(plan.n_layers):
        work += (2.0 * plan.layers[l].n_in + 100.0) * plan.layers[l].n_out
    return work


# The weights, turned round.


cdef Py_ssize_t _size_of_panels(const Plan* plan) noexcept nogil:
    cdef Py_ssize_t size = 0
    cdef int l
    for l in range(plan.n_layers):
        size += c_panels_size(plan.layers[l].n_out, plan.layers[l].n_in)
    return size


cdef void _make_panels(
    floating* panels, const floating* parameters, const Plan* plan, int member, int n_members,
) noexcept nogil:
    """Turn the member's stripes of the weights, one in ``n_members``."""
    cdef const Layer* layer
    cdef int l, j, stripe = 0
    for l in range(plan.n_layers):
        layer = &plan.layers[l]
        j = 0
        while j < layer.n_out:
            if stripe % n_members == member:
                c_make_panels(panels + j * <Py_ssize_t> layer.n_in,
                              parameters + layer.weights + j * <Py_ssize_t> layer.n_in,
                              min(<int> STRIPE, layer.n_out - j), layer.n_in)
            stripe += 1
            j += STRIPE
        panels += c_panels_size(layer.n_out, layer.n_in)


# A block of rows.


cdef bint _finite_sums(const floating* z, Py_ssize_t m, Py_ssize_t n) noexcept nogil:
    """Whether the first of the n weighted inputs of each row is finite, and so all it sums up."""
    cdef Py_ssize_t i
    for i in range(m):
        if not isfinite(z[i * n]):
            return False
    return True


cdef bint _through_panels(
    floating* work, const floating* inp, const floating* parameters, Asked* asked,
    const floating* soon, Pass* how,
) noexcept nogil:
    """All layers; return whether the inputs are known to be finite. Those at ``soon`` come next."""
    cdef const Plan* plan = asked.plan
    cdef const Layer* layer
    cdef const floating* panels = <const floating*> asked.panels
    cdef floating* z
    cdef int l
    for l in range(plan.n_layers):
        layer = &plan.layers[l]
        z = work + (layer.act if layer.z < 0 else layer.z)
        c_product_np(z, inp, panels, parameters + layer.biases, how.m, layer.n_out, layer.n_in,
                     soon)
        if l == 0 and not asked.checked and not _finite_sums(z, how.m, layer.n_out):
            return False
        c_after_product(work, parameters, <floating*> asked.running, plan, l, how)
        panels += c_panels_size(layer.n_out, layer.n_in)
        inp, soon = work + layer.out, NULL
    return True


cdef bint _predict_block(
    floating* work, const floating* parameters, Asked* asked, Py_ssize_t first,
    Py_ssize_t following, Pass* how,
) noexcept nogil:
    """Rows from ``first`` on, before the block at ``following``; return whether all are finite."""
    cdef const Plan* plan = asked.plan
    cdef Py_ssize_t n_in = c_n_in(plan), n_out = c_n_out(plan)
    cdef const floating* inp = c_rows(asked.X, work + plan.inputs, first, how.m)
    cdef const floating* soon = NULL
    if asked.panels != NULL:
        if following + how.m <= asked.X.n_rows and c_in_place(asked.X, sizeof(floating)):
            soon = <const floating*> c_row_memory(asked.X, following)
        if not _through_panels(work, inp, parameters, asked, soon, how):
            return False
    else:
        if not asked.checked and not c_all_finite(inp, how.m * n_in):
            return False
        c_forward(work, inp, parameters, <floating*> asked.running, plan, how)
    memcpy(<floating*> asked.out + first * n_out, work + plan.layers[plan.n_layers - 1].out,
           how.m * n_out * sizeof(floating))
    return True


# All blocks.


cdef void _run(
    const floating* parameters, Asked* asked, int member, int n_members,
) noexcept nogil:
    """The blocks that the member takes."""
    cdef const Plan* plan = asked.plan
    cdef Py_ssize_t n = asked.X.n_rows, first, following
    cdef floating* work = <floating*> asked.work + member * plan.work_size
    cdef Pass how = c_alone(PREDICT, 0, 0, 0)
    cdef double since_signals = 0, work_of_row = _work_of_row(plan)
    if asked.panels != NULL:
        _make_panels(<floating*> asked.panels, parameters, plan, member, n_members)
        c_meet(n_members)
    first = c_take(&asked.next, asked.block)
    while first < n and not c_said(&asked.stopped) and not c_said(&asked.bad):
        following = c_take(&asked.next, asked.block)
        how.m = <int> min(asked.block, n - first)
        if not _predict_block(work, parameters, asked, first, following, &how):
            c_say(&asked.bad)
        first = following
        since_signals += how.m * work_of_row
        if member == 0 and since_signals > BETWEEN_SIGNALS:
            since_signals = 0
            with gil:
                if PyErr_CheckSignals() != 0:
                    c_say(&asked.stopped)


cdef void _run_float(void* asked, int member, int n_members) noexcept nogil:
    _run[float](<const float*> (<Asked*> asked).parameters, <Asked*> asked, member, n_members)


cdef void _run_double(void* asked, int member, int n_members) noexcept nogil:
    _run[double](<const double*> (<Asked*> asked).parameters, <Asked*> asked, member, n_members)


# What Python calls.


cdef int _raise_if(bint stopped) except -1:
    """Let the exception through that a signal's handler left, and that nobody has seen yet."""
    return -1 if stopped else 0


def predict(
    CompiledPlan plan not None, const floating[::1] parameters not None,
    floating[::1] running not None, floating[::1] work not None,
    object X not None, floating[:, ::1] out not None, int n_threads, bint checked=True,
) -> bool:
    """Write the network's outputs for the rows of ``X`` (n, n_in) into ``out`` (n, n_out).

    Up to as many rows as the plan's batch size go through the workspace together, and stay there;
    more go in blocks, of so many rows or fewer.

    Parameters
    ----------
    plan : CompiledPlan
    parameters : array (plan.n_parameters,)
    running : array (plan.n_running,)
    work : array (n_threads * plan.work_size,)
        A workspace for each thread.
    X : RowSource or array (n, n_in)
        An array as a RowSource takes it.
    out : array (n, n_out)
        Of the dtype of the parameters, as are all arrays but X.
    n_threads : int
        The numbers are the same for any.
    checked : bool, default True
        Whether all of ``X`` is known to be finite, once it is converted and scaled.

    Returns
    -------
    bool
        Whether all rows are predicted. Only if ``X`` was not checked it can be False: as soon as a
        number may not be finite, or the sum of a row's weighted numbers is not. ``out`` is then
        half written.

    Raises
    ------
    ValueError
        If shapes do not fit the plan.
    KeyboardInterrupt
        At Ctrl-C, with ``out`` half written.
    """
    cdef RowSource rows = as_source(X)
    cdef Asked asked
    cdef char* memory = NULL
    if n_threads < 1 or work.shape[0] % n_threads:
        raise ValueError(f"n_threads: expected a whole number of workspaces, 1 or more, "
                         f"got {n_threads}")
    plan.check_vectors(parameters.shape[0], running.shape[0], work.shape[0] // n_threads)
    plan.check_rows(rows.c.n_rows, rows.c.n_columns, out.shape[0], out.shape[1], "out")
    asked.plan, asked.parameters, asked.work = &plan.c, &parameters[0], &work[0]
    asked.running = &running[0] if running.shape[0] else NULL
    asked.X, asked.out, asked.checked = &rows.c, &out[0, 0], checked
    asked.block, asked.panels = plan.c.batch_size, NULL
    asked.next, asked.bad, asked.stopped = 0, False, False
    if c_has_panels() and rows.c.n_rows > max(<int> MANY, plan.c.batch_size):
        memory = <char*> malloc(_size_of_panels(&plan.c) * sizeof(floating) + LINE)
        if memory == NULL:
            raise MemoryError("no memory for the turned weights")
        asked.panels = memory + (LINE - <size_t> memory % LINE)
        asked.block = _rows_of_block(&plan.c, sizeof(floating))
    with nogil:
        if floating is float:
            c_run(_run_float, &asked, n_threads)
        else:
            c_run(_run_double, &asked, n_threads)
        free(memory)
    _raise_if(asked.stopped)
    return not asked.bad
