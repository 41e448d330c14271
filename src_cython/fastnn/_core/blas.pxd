"""The one wall between the kernels and BLAS: row-major names over SciPy's Fortran routines.

``lda``, ``ldb`` and ``ldc`` are the distances between the rows of ``A``, ``B`` and ``C``: their
numbers of columns, or more where they are windows of wider matrices. ``C`` must not overlap ``A``
or ``B``. SciPy is imported when BLAS is first needed, because that takes as long as all else:
whoever leads to a product calls ``c_need_blas`` before it gives up the GIL.
"""

from cython cimport floating


cdef int c_need_blas() except -1

cdef void gemm_nn(
    floating* C, int ldc, const floating* A, int lda, const floating* B, int ldb,
    int m, int n, int k, floating alpha, floating beta) noexcept nogil

cdef void gemm_nt(
    floating* C, int ldc, const floating* A, int lda, const floating* B, int ldb,
    int m, int n, int k, floating alpha, floating beta) noexcept nogil

cdef void gemm_tn(
    floating* C, int ldc, const floating* A, int lda, const floating* B, int ldb,
    int m, int n, int k, floating alpha, floating beta) noexcept nogil
