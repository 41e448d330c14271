"""Which kernel multiplies: our own of the processor's instruction set, or BLAS for large ones."""

from cython cimport floating
from libc.string cimport memcpy

from fastnn._core.blas cimport gemm_nn, gemm_nt, gemm_tn
from fastnn._core.constants cimport MAX_LANES
from fastnn._core.isa cimport c_level
from fastnn._core.kernels cimport (
    Prefetch, GemmDouble, GemmFloat, GemmPackedFloat, c_kernels_double, c_kernels_float)


cdef const GemmDouble* small_double = c_kernels_double().gemm
cdef const GemmFloat* small_float = c_kernels_float().gemm
cdef const GemmPackedFloat* packed = c_kernels_float().gemm_packed

# Multiplications up to which our kernels are the faster ones, an instruction set each, as
# measured: BLAS packs its matrices, which pays from where they no longer fit the cache.
cdef double[3] MAX_SMALL = [1e5, 4e6, 1e8]
cdef double max_small = 0 if small_double.name == NULL else MAX_SMALL[c_level()]

# From so many multiplications on packing pays in float32, if each dimension has so much: a panel is
# used so many state.
cdef double PACKED_PRODUCT = 3e7
cdef int PACKED_SIDE = 64


cdef bint c_is_small(Py_ssize_t m, Py_ssize_t n, Py_ssize_t k) noexcept nogil:
    """Whether a product of m n k multiplications is one for our own kernels."""
    return <double> m * n * k <= max_small


cdef bint _is_packed(Py_ssize_t m, Py_ssize_t n, Py_ssize_t k) noexcept nogil:
    """Whether a product of float32 is one for our own kernels that pack."""
    return (packed.nt != NULL and min(m, n, k) >= PACKED_SIDE
            and <double> m * n * k > PACKED_PRODUCT)


cdef void c_product_nt(
    floating* C, const floating* A, const floating* B, Py_ssize_t ld, const floating* bias,
    int m, int n, int k, int begin, int end, int tile,
) noexcept nogil:
    """Columns begin to end of C := A Bᵀ + bias: A (m, k), B (n, k), C (m, n), bias (n,) or NULL.

    The rows of A and those of B begin ``ld`` numbers apart.
    """
    cdef const floating* own = B + begin * ld
    cdef int j = begin, width
    cdef Py_ssize_t i
    if bias != NULL:
        bias += begin
    if floating is float and _is_packed(m, n, k):
        packed.nt(C + begin, n, A, ld, own, ld, bias, m, end - begin, k)
        return
    if c_is_small(m, n, k):
        if floating is float:
            small_float.nt(C + begin, n, A, ld, own, ld, bias, m, end - begin, k)
        else:
            small_double.nt(C + begin, n, A, ld, own, ld, bias, m, end - begin, k)
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
    cdef int j = begin, width
    if floating is float and _is_packed(m, n, k):
        packed.nn(C + begin, n, A, k, B + begin, n, NULL, m, end - begin, k)
        return
    if c_is_small(m, n, k):
        if floating is float:
            small_float.nn(C + begin, n, A, k, B + begin, n, NULL, m, end - begin, k)
        else:
            small_double.nn(C + begin, n, A, k, B + begin, n, NULL, m, end - begin, k)
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
    if floating is float and _is_packed(m, n, k):
        packed.tn(C, ldc, A + begin, m, B, ldb, end - begin, n, k, alpha, beta, prefetch)
        return
    if c_is_small(m, n, k):
        if floating is float:
            small_float.tn(C, ldc, A + begin, m, B, ldb, end - begin, n, k, alpha, beta, prefetch)
        else:
            small_double.tn(C, ldc, A + begin, m, B, ldb, end - begin, n, k, alpha, beta, prefetch)
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
