"""Which kernel multiplies: one for small matrices, one that packs large ones, or BLAS."""

from cython cimport floating
from libc.math cimport INFINITY
from libc.string cimport memcpy

from fastnn._core.blas cimport c_need_blas, gemm_nn, gemm_nt, gemm_tn
from fastnn._core.constants cimport MAX_LANES
from fastnn._core.isa cimport c_level
from fastnn._core.kernels cimport (
    GemmDouble, GemmFloat, GemmPackedDouble, GemmPackedFloat, Prefetch, ProductDouble,
    ProductFloat, UpdateDouble, UpdateFloat, c_kernels_double, c_kernels_float)


cdef const GemmDouble* small_double = c_kernels_double().gemm
cdef const GemmFloat* small_float = c_kernels_float().gemm
cdef const GemmPackedDouble* packed_double = c_kernels_double().gemm_packed
cdef const GemmPackedFloat* packed_float = c_kernels_float().gemm_packed

# Where there are kernels that pack, BLAS is never faster.
OWN_AT_ANY_SIZE = packed_double.nt != NULL

# What was measured: multiplications up to which our kernels are faster than BLAS, and from which
# packing pays, with AVX2 and AVX-512 by number type. NEON, at level 1 without packing, was not
# measured; and Apple's BLAS has a unit for products.
cdef double max_own = (
    INFINITY if OWN_AT_ANY_SIZE else 0 if small_double.name == NULL else [1e5, 4e6][c_level()])
cdef double least_packed_double = 8e6 if OWN_AT_ANY_SIZE else INFINITY
cdef double least_packed_float = [1.2e7, 1.7e7][c_level() - 1] if OWN_AT_ANY_SIZE else INFINITY

# Packing pays if a panel is used often enough: by so many rows of A (if B is transposed on the way,
# if it is copied), or if so many rows of A and B are added up; and if C is no narrow strip.
cdef enum:
    ROWS_NT = 96
    ROWS_NN = 32
    DEPTH_TN = 8
    SIDE = 128


cdef bint c_is_own(Py_ssize_t m, Py_ssize_t n, Py_ssize_t k) noexcept nogil:
    """Whether a product of m n k multiplications is one for our own kernels."""
    return <double> m * n * k <= max_own


cdef inline bint _is_packed(floating* C, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k) noexcept nogil:
    """Whether there are enough multiplications for kernels that pack; C says of which type."""
    if floating is float:
        return <double> m * n * k >= least_packed_float
    else:
        return <double> m * n * k >= least_packed_double


cdef void c_product_nt(
    floating* C, const floating* A, const floating* B, Py_ssize_t ld, const floating* bias,
    int m, int n, int k, int begin, int end, int tile,
) noexcept nogil:
    """Columns begin to end of C := A Bᵀ + bias: A (m, k), B (n, k), C (m, n), bias (n,) or NULL.

    The rows of A and those of B begin ``ld`` numbers apart.
    """
    cdef const floating* own = B + begin * ld
    cdef bint packed = m >= ROWS_NT and min(n, k) >= SIDE and _is_packed(C, m, n, k)
    cdef ProductDouble of_double
    cdef ProductFloat of_float
    cdef int j = begin, width
    cdef Py_ssize_t i
    if bias != NULL:
        bias += begin
    if c_is_own(m, n, k):
        if floating is float:
            of_float = packed_float.nt if packed else small_float.nt
            of_float(C + begin, n, A, ld, own, ld, bias, m, end - begin, k)
        else:
            of_double = packed_double.nt if packed else small_double.nt
            of_double(C + begin, n, A, ld, own, ld, bias, m, end - begin, k)
        return
    while j < end:
        width = min(tile, end - j)
        if bias != NULL:
            for i in range(m):  # the biases go in first, so that gemm adds to them
                memcpy(C + i * n + j, bias + (j - begin), width * sizeof(floating))
        gemm_nt(C + j, n, A, ld, B + j * ld, ld, m, width, k, <floating> 1,
                <floating> (0 if bias == NULL else 1))
        j += width


cdef void c_product_nn(
    floating* C, const floating* A, const floating* B, int m, int n, int k, int begin, int end,
    int tile,
) noexcept nogil:
    """The columns from begin to end of C := A B, with A (m, k), B (k, n), C (m, n)."""
    cdef bint packed = m >= ROWS_NN and min(n, k) >= SIDE and _is_packed(C, m, n, k)
    cdef ProductDouble of_double
    cdef ProductFloat of_float
    cdef int j = begin, width
    if c_is_own(m, n, k):
        if floating is float:
            of_float = packed_float.nn if packed else small_float.nn
            of_float(C + begin, n, A, k, B + begin, n, NULL, m, end - begin, k)
        else:
            of_double = packed_double.nn if packed else small_double.nn
            of_double(C + begin, n, A, k, B + begin, n, NULL, m, end - begin, k)
        return
    while j < end:
        width = min(tile, end - j)
        gemm_nn(C + j, n, A, k, B + j, n, m, width, k, <floating> 1, <floating> 0)
        j += width


cdef void c_product_tn(
    floating* C, Py_ssize_t ldc, const floating* A, const floating* B, Py_ssize_t ldb, int m, int n,
    int k, floating alpha, floating beta, int begin, int end, Prefetch* prefetch,
) noexcept nogil:
    """The rows from begin to end of C := alpha Aᵀ B + beta C, with A (k, m), B (k, n), C (m, n).

    ``C`` is where row ``begin`` is; its rows begin ``ldc`` numbers apart, those of B ``ldb``. On
    the way memory is prefetched, unless ``prefetch`` is NULL.
    """
    cdef bint packed = k >= DEPTH_TN and min(m, n) >= SIDE and _is_packed(C, m, n, k)
    cdef UpdateDouble of_double
    cdef UpdateFloat of_float
    if c_is_own(m, n, k):
        if floating is float:
            of_float = packed_float.tn if packed else small_float.tn
            of_float(C, ldc, A + begin, m, B, ldb, end - begin, n, k, alpha, beta, prefetch)
        else:
            of_double = packed_double.tn if packed else small_double.tn
            of_double(C, ldc, A + begin, m, B, ldb, end - begin, n, k, alpha, beta, prefetch)
        return
    gemm_tn(C, ldc, A + begin, m, B, ldb, end - begin, n, k, alpha, beta)


# One matrix for many blocks of rows.


cdef bint c_has_panels() noexcept nogil:
    return c_level() > 0 and small_double.name != NULL


cdef Py_ssize_t c_panels_size(int n, int k) noexcept nogil:
    return (n + MAX_LANES - 1) // MAX_LANES * MAX_LANES * <Py_ssize_t> k


cdef void c_make_panels(floating* panels, const floating* B, int n, int k) noexcept nogil:
    if floating is float:
        small_float.panels(panels, B, n, k)
    else:
        small_double.panels(panels, B, n, k)


cdef void c_product_np(
    floating* C, const floating* A, const floating* panels, const floating* bias, int m, int n,
    int k, const floating* next_rows,
) noexcept nogil:
    if floating is float:
        small_float.np(C, A, panels, bias, m, n, k, next_rows)
    else:
        small_double.np(C, A, panels, bias, m, n, k, next_rows)


# For the benchmark.


def multiply(
    str kind, floating[:, ::1] C not None, const floating[:, ::1] A not None,
    const floating[:, ::1] B not None, int times,
) -> None:
    """Write a product into ``C``, so many times, by the kernel that layers of these sizes take.

    Parameters
    ----------
    kind : "nt", "nn" or "tn"
        A Bᵀ, A B, or Aᵀ B of a step: C / 2 + Aᵀ B.
    C : array (m, n)
    A : array (m, k), or (k, m) for "tn"
    B : array (k, n), or (n, k) for "nt"
    times : int

    Raises
    ------
    ValueError
        If the shapes or ``kind`` are others.
    """
    cdef int m = <int> C.shape[0], n = <int> C.shape[1]
    cdef int k = <int> A.shape[0 if kind == "tn" else 1]
    cdef int form = ["nt", "nn", "tn"].index(kind)
    if (A.shape[1 if form == 2 else 0] != m or B.shape[0 if form == 0 else 1] != n
            or B.shape[1 if form == 0 else 0] != k or min(m, n, k) < 1):
        raise ValueError(f"{kind}: expected factors of a product ({m}, {n})")
    c_need_blas()
    with nogil:
        for _ in range(times):
            if form == 0:
                c_product_nt(&C[0, 0], &A[0, 0], &B[0, 0], k, <floating*> NULL, m, n, k, 0, n, n)
            elif form == 1:
                c_product_nn(&C[0, 0], &A[0, 0], &B[0, 0], m, n, k, 0, n, n)
            else:
                c_product_tn(&C[0, 0], n, &A[0, 0], &B[0, 0], n, m, n, k, <floating> 1,
                             <floating> 0.5, 0, m, NULL)
