"""The team of threads that shares out the work of a mini-batch."""


cdef extern from "runtime/thread_pool.h" nogil:
    int fastnn_run(Work work, void* argument, int n) noexcept nogil
    void fastnn_barrier(int n_members) noexcept nogil


cdef int c_run(Work work, void* argument, int n) noexcept nogil:
    return fastnn_run(work, argument, n)


cdef void c_meet(int n_members) noexcept nogil:
    fastnn_barrier(n_members)


cdef struct Rounds:
    long long* counts
    long long rounds


cdef void _count(void* argument, int member, int n_members) noexcept nogil:
    """Each member adds its number to its own place and, after a meeting, its neighbour's to it."""
    cdef Rounds* told = <Rounds*> argument
    cdef long long i, seen
    cdef int next_one = (member + 1) % n_members
    for i in range(told.rounds):
        told.counts[member] += 1
        c_meet(n_members)
        seen = told.counts[next_one]
        c_meet(n_members)
        if seen != i + 1:
            told.counts[member] = -1  # never what it should be again


def count_rounds(long long[::1] counts not None, long long rounds) -> int:
    """Let up to ``len(counts)`` members count ``rounds`` meetings in step.

    Each counts in a place of its own and looks at its neighbour's after every meeting; all places
    in use then hold ``rounds``. For the tests, and to time a meeting.

    Returns
    -------
    int
        How many members there were: fewer than asked for if the team was taken.

    Raises
    ------
    ValueError
        If ``counts`` is empty.
    """
    cdef Rounds told
    cdef int n
    if counts.shape[0] < 1:
        raise ValueError("counts: expected one place or more, got none")
    counts[:] = 0
    told.counts, told.rounds = &counts[0], rounds
    with nogil:
        n = fastnn_run(_count, &told, <int> min(counts.shape[0], <Py_ssize_t> 64))
    return n
