"""The thread pool that shares out the work of a mini-batch."""

from fastnn._core.constants cimport MAX_WORKERS


cdef extern from "runtime/thread_pool.h" nogil:
    int fastnn_run(Task task, void* argument, int n) noexcept nogil
    void fastnn_barrier(int n_workers) noexcept nogil
    double fastnn_long_barrier(int n_workers) noexcept nogil
    double fastnn_stalled() noexcept nogil


cdef int c_run(Task task, void* argument, int n) noexcept nogil:
    return fastnn_run(task, argument, n)


cdef void c_barrier(int n_workers) noexcept nogil:
    fastnn_barrier(n_workers)


cdef void c_long_barrier(int n_workers) noexcept nogil:
    fastnn_long_barrier(n_workers)


cdef double c_stalled() noexcept nogil:
    return fastnn_stalled()


cdef struct Rounds:
    long long* counts
    long long rounds


cdef void _count(void* argument, int worker, int n_workers) noexcept nogil:
    """Each worker counts in a place of its own and, after a barrier, looks at its neighbour's."""
    cdef Rounds* job = <Rounds*> argument
    cdef long long i, seen
    cdef int next_one = (worker + 1) % n_workers
    for i in range(job.rounds):
        job.counts[worker] += 1
        c_barrier(n_workers)
        seen = job.counts[next_one]
        c_barrier(n_workers)
        if seen != i + 1:
            job.counts[worker] = -1  # never what it should be again


def count_rounds(long long[::1] counts not None, long long rounds) -> int:
    """Let up to ``len(counts)`` workers count ``rounds`` in step.

    Each counts in a place of its own and looks at its neighbour's after a barrier, two barriers a
    round; all places in use then hold ``rounds``. For the tests, and to time a barrier.

    Returns
    -------
    int
        How many workers there were: fewer than asked for if the pool was taken.

    Raises
    ------
    ValueError
        If ``counts`` is empty.
    """
    cdef Rounds job
    cdef int n
    if counts.shape[0] < 1:
        raise ValueError("counts: expected one place or more, got none")
    counts[:] = 0
    job.counts, job.rounds = &counts[0], rounds
    with nogil:
        n = fastnn_run(_count, &job, <int> min(counts.shape[0], <Py_ssize_t> MAX_WORKERS))
    return n
