"""What is done in one step, as signals and other threads see it."""

cdef extern from "runtime/atomics.h":
    int c_load "FASTNN_LOAD"(const int* number) noexcept nogil
    void c_store "FASTNN_STORE"(int* number, int value) noexcept nogil


cdef class _Visit:
    cdef int depth
    cdef unsigned long thread


cdef class Users:
    cdef dict inside  # from threads to their visits
    cdef int threads  # how many there are, for those without the GIL to load

    cdef _Visit new_visit(self)
    cdef void hold(self, _Visit visit, bint first) noexcept
    cdef void let_go(self, _Visit visit, bint last) noexcept
    cdef int enter(self) except -1
    cdef int leave(self) except -1
