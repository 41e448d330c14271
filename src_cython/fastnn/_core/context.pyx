"""Who computes what of a mini-batch, and where the time goes."""

from cython cimport floating

from fastnn._core.activation cimport SOFTMAX
from fastnn._core.norm cimport GROUP
from fastnn._core.compiled_plan cimport c_n_tiles, c_part, c_piece
from fastnn._core.thread_pool cimport c_meet


# The clock.


cdef void c_start_clock(Pass* how, double* seconds) noexcept nogil:
    """Let the member write down where its time goes, if ``seconds`` is not NULL."""
    how.seconds = seconds
    if seconds != NULL:
        how.since = fastnn_seconds()


cdef void c_wait(Pass* how) noexcept nogil:
    """Meet the other members."""
    if how.n_members > 1:
        c_meet(how.n_members)
        c_mark(how, SYNC)


cdef Pass c_alone(int mode, int m, uint64_t seed, uint64_t step) noexcept nogil:
    """A pass of one member that works alone, after as many masks as steps."""
    cdef Pass how
    how.mode, how.m, how.seed, how.step, how.drawn = mode, m, seed, step, step
    how.rank, how.n_team, how.member, how.n_members = 0, 1, 0, 1
    how.apart, how.room = False, 0
    how.parameters, how.running, how.slots, how.team_work = NULL, NULL, NULL, NULL
    how.penalties, how.cost = NULL, 0
    how.rate, how.divisor, how.since = 0, 1, 0
    how.seconds = NULL
    how.ahead.rows, how.ahead.n_rows, how.ahead.bytes = NULL, 0, 0
    how.ahead.row, how.ahead.at, how.ahead.lines = 0, 0, 0
    return how


# Who computes what.


cdef void c_turn_to(Pass* how, const Plan* plan, int l) noexcept nogil:
    """Say that layer l comes next: whether the team shares it, or each member has it to itself."""
    how.member, how.n_members = how.rank, how.n_team
    if how.apart and l >= plan.cut:
        how.member, how.n_members = 0, 1


cdef floating* c_of_layer(
    floating* shared, void* own, const Plan* plan, int l, Pass* how,
) noexcept nogil:
    return <floating*> own if how.apart and l >= plan.cut else shared


cdef (int, int) c_share(int n, Pass* how) noexcept nogil:
    """The member's part of n things in a row."""
    return (c_part(n, how.member, how.n_members), c_part(n, how.member + 1, how.n_members))


cdef (int, int) c_own_pieces(const Plan* plan, Pass* how) noexcept nogil:
    return (c_part(plan.n_pieces, how.rank, how.n_team),
            c_part(plan.n_pieces, how.rank + 1, how.n_team))


cdef floating* c_workspace_of(
    floating* work, const Plan* plan, int p, Pass* how,
) noexcept nogil:
    cdef int owner = ((p + 1) * how.n_team - 1) // plan.n_pieces  # as c_part divides them
    return <floating*> how.team_work + owner * how.room if how.apart else work


cdef (int, int) c_own_inputs(const Plan* plan, Pass* how) noexcept nogil:
    cdef int first, last
    first, last = c_own_pieces(plan, how)
    return c_piece(plan, first), c_piece(plan, last)


cdef Window c_neurons(const Plan* plan, int l, Pass* how) noexcept nogil:
    """All rows of the neurons of layer l that the member owns."""
    cdef const Layer* layer = &plan.layers[l]
    cdef Window own
    cdef int begin, end
    own.top, own.bottom, own.n = 0, how.m, layer.n_out
    if how.apart and l + 1 == plan.cut:
        own.begin, own.end = c_own_inputs(plan, how)
        return own
    begin, end = c_share(c_n_tiles(layer), how)
    own.begin = begin * layer.tile
    own.end = min(layer.n_out, end * layer.tile)
    return own


cdef Window c_rows_of(const Layer* layer, Pass* how) noexcept nogil:
    """The member's share of the rows, of all neurons."""
    cdef Window own
    own.top, own.bottom = c_share(how.m, how)
    own.begin, own.end, own.n = 0, layer.n_out, layer.n_out
    return own


cdef bint c_by_rows(const Layer* layer) noexcept nogil:
    """Whether a layer's outputs need whole rows of its weighted inputs."""
    return layer.norm == GROUP or layer.activation == SOFTMAX
