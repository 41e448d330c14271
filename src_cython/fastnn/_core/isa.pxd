"""Which instruction set the kernels use."""

cdef int c_level() noexcept nogil
