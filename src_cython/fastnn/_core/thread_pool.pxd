"""The team of threads that shares out the work of a mini-batch (see team.h)."""

ctypedef void (*Work)(void* argument, int member, int n_members) noexcept nogil

# Run work(argument, member, n) in up to n members, the caller being member 0; return how many.
cdef int c_run(Work work, void* argument, int n) noexcept nogil

# All members meet here: what each wrote before, all see afterwards.
cdef void c_meet(int n_members) noexcept nogil
