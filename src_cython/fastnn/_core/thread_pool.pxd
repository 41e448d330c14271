"""The thread pool: its workers run one function together and meet at barriers (thread_pool.h)."""

ctypedef void (*Task)(void* argument, int worker, int n_workers) noexcept nogil

# Run task(argument, worker, n) in up to n workers, the caller being worker 0; return how many.
cdef int c_run(Task task, void* argument, int n) noexcept nogil

# A barrier of all workers: what each wrote before, all see afterwards.
cdef void c_barrier(int n_workers) noexcept nogil

# The same where some have to wait while others work: they do not stall.
cdef void c_long_barrier(int n_workers) noexcept nogil

# Seconds that workers stalled at barriers since the process began, all together.
cdef double c_stalled() noexcept nogil
