"""SciPy's BLAS under row-major names; its addresses are taken when they are first needed.

A row-major matrix is the transpose of a column-major one, so every product is asked for
transposed and with its operands swapped; nobody else has to think in Fortran order.
"""

from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_IsValid
from cython cimport floating

cdef extern from "<assert.h>" nogil:
    void c_assert "assert"(bint condition)

# The integer of the BLAS interface: the one type to change for an ILP64 build of SciPy.
ctypedef int blas_int

ctypedef void (*Sgemm)(
    char*, char*, blas_int*, blas_int*, blas_int*, float*, float*, blas_int*, float*, blas_int*,
    float*, float*, blas_int*) noexcept nogil
ctypedef void (*Dgemm)(
    char*, char*, blas_int*, blas_int*, blas_int*, double*, double*, blas_int*, double*, blas_int*,
    double*, double*, blas_int*) noexcept nogil

cdef Sgemm sgemm = NULL
cdef Dgemm dgemm = NULL


cdef void* _address(dict routines, str name, str real) except NULL:
    """Return where a routine of BLAS is; its capsule is named after the arguments it takes."""
    cdef str number = f"__pyx_t_5scipy_6linalg_11cython_blas_{real} *"
    cdef bytes signature = (
        f"void (char *, char *, int *, int *, int *, {number}, {number}, int *, {number}, int *, "
        f"{number}, {number}, int *)").encode()
    capsule = routines.get(name)
    if not PyCapsule_IsValid(capsule, signature):
        raise ImportError(f"scipy.linalg.cython_blas: expected {name} with 32-bit integers, "
                          f"got {capsule}")
    return PyCapsule_GetPointer(capsule, signature)


cdef int c_need_blas() except -1:
    """Make sure that the products below know where BLAS is."""
    global sgemm, dgemm
    if sgemm == NULL or dgemm == NULL:
        from scipy.linalg import cython_blas
        sgemm = <Sgemm> _address(cython_blas.__pyx_capi__, "sgemm", "s")
        dgemm = <Dgemm> _address(cython_blas.__pyx_capi__, "dgemm", "d")
    return 0


cdef void _gemm(
    char trans_a, char trans_b, blas_int m, blas_int n, blas_int k, floating alpha,
    const floating* A, blas_int lda, const floating* B, blas_int ldb,
    floating beta, floating* C, blas_int ldc,
) noexcept nogil:
    c_assert(sgemm != NULL)
    c_assert(dgemm != NULL)
    if floating is float:
        sgemm(&trans_a, &trans_b, &m, &n, &k, &alpha, <float*> A, &lda, <float*> B, &ldb,
              &beta, C, &ldc)
    else:
        dgemm(&trans_a, &trans_b, &m, &n, &k, &alpha, <double*> A, &lda, <double*> B, &ldb,
              &beta, C, &ldc)


cdef void gemm_nn(
    floating* C, int ldc, const floating* A, int lda, const floating* B, int ldb,
    int m, int n, int k, floating alpha, floating beta,
) noexcept nogil:
    """C := alpha A B + beta C, with A (m, k), B (k, n), C (m, n)."""
    _gemm[floating](b"N", b"N", n, m, k, alpha, B, ldb, A, lda, beta, C, ldc)


cdef void gemm_nt(
    floating* C, int ldc, const floating* A, int lda, const floating* B, int ldb,
    int m, int n, int k, floating alpha, floating beta,
) noexcept nogil:
    """C := alpha A Bᵀ + beta C, with A (m, k), B (n, k), C (m, n)."""
    _gemm[floating](b"T", b"N", n, m, k, alpha, B, ldb, A, lda, beta, C, ldc)


cdef void gemm_tn(
    floating* C, int ldc, const floating* A, int lda, const floating* B, int ldb,
    int m, int n, int k, floating alpha, floating beta,
) noexcept nogil:
    """C := alpha Aᵀ B + beta C, with A (k, m), B (k, n), C (m, n)."""
    _gemm[floating](b"N", b"T", n, m, k, alpha, B, ldb, A, lda, beta, C, ldc)


def need_blas() -> None:
    """Load SciPy's BLAS if it is not loaded yet, for those who look for its library.

    Raises
    ------
    ImportError
        If SciPy has another BLAS than the kernels call.
    """
    c_need_blas()


cdef int _check_window(str name, Py_ssize_t row_stride, Py_ssize_t column_stride,
                       Py_ssize_t columns, Py_ssize_t size) except -1:
    if column_stride != size or row_stride % size or not columns <= row_stride // size < 2**31:
        raise ValueError(f"{name}: expected columns of a row-major matrix, "
                         f"got strides ({row_stride}, {column_stride})")
    return 0


def gemm(
    floating[:, :] C not None, const floating[:, :] A not None, const floating[:, :] B not None,
    str transposed, double alpha, double beta,
) -> None:
    """C := alpha op(A) op(B) + beta C, through the wall as the kernels go through it.

    Parameters
    ----------
    C : array (m, n)
    A : array (m, k), or (k, m) if it is the transposed one
    B : array (k, n), or (n, k) if it is the transposed one
        All of one dtype, float32 or float64: row-major matrices, or columns of such.
    transposed : "", "A" or "B"
    alpha, beta : float

    Raises
    ------
    ValueError
        If the shapes do not go together, a dimension is 0, or rows do not lie as said.
    """
    cdef Py_ssize_t m = C.shape[0], n = C.shape[1], k = A.shape[0 if transposed == "A" else 1]
    cdef Py_ssize_t a_rows = A.shape[1 if transposed == "A" else 0]
    cdef Py_ssize_t b_columns = B.shape[0 if transposed == "B" else 1]
    cdef Py_ssize_t b_rows = B.shape[1 if transposed == "B" else 0]
    cdef int lda, ldb, ldc
    if transposed not in ("", "A", "B"):
        raise ValueError(f"transposed: expected '', 'A' or 'B', got {transposed!r}")
    if (a_rows, b_rows, b_columns) != (m, k, n) or not (
            0 < m < 2**31 and 0 < n < 2**31 and 0 < k < 2**31):
        raise ValueError(f"C, A, B: shapes ({m}, {n}), ({A.shape[0]}, {A.shape[1]}) and "
                         f"({B.shape[0]}, {B.shape[1]}) do not go together")
    _check_window("C", C.strides[0], C.strides[1], C.shape[1], sizeof(floating))
    _check_window("A", A.strides[0], A.strides[1], A.shape[1], sizeof(floating))
    _check_window("B", B.strides[0], B.strides[1], B.shape[1], sizeof(floating))
    ldc = <int> (C.strides[0] // <Py_ssize_t> sizeof(floating))
    lda = <int> (A.strides[0] // <Py_ssize_t> sizeof(floating))
    ldb = <int> (B.strides[0] // <Py_ssize_t> sizeof(floating))
    c_need_blas()
    if transposed == "A":
        gemm_tn(&C[0, 0], ldc, &A[0, 0], lda, &B[0, 0], ldb, <int> m, <int> n, <int> k,
                <floating> alpha, <floating> beta)
    elif transposed == "B":
        gemm_nt(&C[0, 0], ldc, &A[0, 0], lda, &B[0, 0], ldb, <int> m, <int> n, <int> k,
                <floating> alpha, <floating> beta)
    else:
        gemm_nn(&C[0, 0], ldc, &A[0, 0], lda, &B[0, 0], ldb, <int> m, <int> n, <int> k,
                <floating> alpha, <floating> beta)
