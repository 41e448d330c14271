"""The one wall between the kernels and BLAS: row-major names over SciPy's Fortran routines.

A row-major matrix is the transpose of a column-major one, so every product is asked for
transposed and with its operands swapped; nobody else has to think in Fortran order.
All matrices are dense and contiguous. ``C`` must not overlap ``A`` or ``B``.
"""

from cython cimport floating
from scipy.linalg.cython_blas cimport dgemm, sgemm

# The integer of the BLAS interface: the one line to change for an ILP64 build.
ctypedef int blas_int


cdef inline void _gemm(
    char trans_a, char trans_b, blas_int m, blas_int n, blas_int k, floating alpha,
    const floating* A, blas_int lda, const floating* B, blas_int ldb,
    floating beta, floating* C, blas_int ldc,
) noexcept nogil:
    if floating is float:
        sgemm(&trans_a, &trans_b, &m, &n, &k, &alpha, <float*> A, &lda, <float*> B, &ldb,
              &beta, C, &ldc)
    else:
        dgemm(&trans_a, &trans_b, &m, &n, &k, &alpha, <double*> A, &lda, <double*> B, &ldb,
              &beta, C, &ldc)


cdef inline void gemm_nn(
    floating* C, const floating* A, const floating* B,
    int m, int n, int k, floating alpha, floating beta,
) noexcept nogil:
    """C := alpha A B + beta C, with A (m, k), B (k, n), C (m, n)."""
    _gemm[floating](b"N", b"N", n, m, k, alpha, B, n, A, k, beta, C, n)


cdef inline void gemm_nt(
    floating* C, const floating* A, const floating* B,
    int m, int n, int k, floating alpha, floating beta,
) noexcept nogil:
    """C := alpha A Bᵀ + beta C, with A (m, k), B (n, k), C (m, n)."""
    _gemm[floating](b"T", b"N", n, m, k, alpha, B, k, A, k, beta, C, n)


cdef inline void gemm_tn(
    floating* C, const floating* A, const floating* B,
    int m, int n, int k, floating alpha, floating beta,
) noexcept nogil:
    """C := alpha Aᵀ B + beta C, with A (k, m), B (k, n), C (m, n)."""
    _gemm[floating](b"N", b"T", n, m, k, alpha, B, n, A, m, beta, C, n)
