"""Rows of numbers as users hold them: bytes, floats of either size, sparse ones.

A mini-batch is gathered from them, converted to the network's dtype and then scaled in it, so
that no converted copy of all the data is ever made. What does not need any of this is read where
it lies, or copied as it is.
"""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBuffer_Release, PyObject_GetBuffer)
from cython cimport floating
from libc.math cimport isfinite
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from numpy import ndarray as _ndarray

cdef extern from *:
    """
    #if defined(__GNUC__) || defined(__clang__)
    #define FASTNN_PREFETCH(address) __builtin_prefetch(address)
    #else
    #define FASTNN_PREFETCH(address) ((void) (address))
    #endif
    """
    void c_prefetch "FASTNN_PREFETCH"(const void* address) noexcept nogil

cdef extern from "runtime/row_copies.h" nogil:
    void fastnn_pick_rows(char* out, const char* rows, Py_ssize_t size, const Py_ssize_t* order,
                          Py_ssize_t m)

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    /* The highest bit is set if the exponent's bits all are: for NaN and the infinities. Without
     * a comparison, so that any vector unit can do it. */
    static inline uint64_t fastnn_beyond_double(double x)
    {
        uint64_t bits;
        memcpy(&bits, &x, sizeof bits);
        return (bits & 0x7ff0000000000000u) + 0x0010000000000000u;
    }
    static inline uint32_t fastnn_beyond_float(float x)
    {
        uint32_t bits;
        memcpy(&bits, &x, sizeof bits);
        return (bits & 0x7f800000u) + 0x00800000u;
    }
    """
    uint64_t c_beyond_double "fastnn_beyond_double"(double x) noexcept nogil
    uint32_t c_beyond_float "fastnn_beyond_float"(float x) noexcept nogil

cdef enum Kind:
    UNKNOWN
    DOUBLES
    FLOATS
    BYTES

ctypedef fused number:
    double
    float
    unsigned char

ctypedef fused index:
    int32_t
    int64_t

cdef enum:
    LINE = 64      # bytes of a cache line
    BLOCK = 4096   # numbers between two looks whether all were finite
    SOME = 64      # entries of a sparse row that are converted at a time


# Rows to numbers.


cdef void _convert(floating* out, const number* inp, Py_ssize_t n, double scale) noexcept nogil:
    """out := inp, converted and then scaled."""
    cdef floating factor = <floating> scale
    cdef Py_ssize_t j
    if factor != 1:
        for j in range(n):
            out[j] = <floating> inp[j] * factor
    elif sizeof(floating) == sizeof(number):
        memcpy(out, inp, n * sizeof(floating))
    else:
        for j in range(n):
            out[j] = <floating> inp[j]


cdef void _convert_at(
    const Source* source, floating* out, Py_ssize_t first, Py_ssize_t n,
) noexcept nogil:
    """out := n values, from number `first` on."""
    cdef const void* values = source.buffers[0].buf
    if source.kind == DOUBLES:
        _convert(out, (<const double*> values) + first, n, source.scale)
    elif source.kind == FLOATS:
        _convert(out, (<const float*> values) + first, n, source.scale)
    else:
        _convert(out, (<const unsigned char*> values) + first, n, source.scale)


cdef void _scatter_indexed(
    const Source* source, floating* out, Py_ssize_t row, const index* indptr, const index* indices,
) noexcept nogil:
    """out := a sparse row; entries of one column are added up.

    The arrays are the caller's, who may change them after they were checked: nothing outside them
    is read or written even then.
    """
    cdef Py_ssize_t j, k, n, n_columns = source.n_columns
    cdef Py_ssize_t start = <Py_ssize_t> indptr[row], stop = <Py_ssize_t> indptr[row + 1]
    cdef floating entries[SOME]
    memset(out, 0, n_columns * sizeof(floating))
    if start < 0 or stop > source.buffers[0].shape[0]:
        return
    while start < stop:
        n = min(stop - start, <Py_ssize_t> SOME)
        _convert_at(source, entries, start, n)
        for k in range(n):
            j = <Py_ssize_t> indices[start + k]
            if 0 <= j < n_columns:
                out[j] += entries[k]
        start += n


cdef void _scatter(const Source* source, floating* out, Py_ssize_t row) noexcept nogil:
    if source.wide_indices:
        _scatter_indexed(source, out, row, <const int64_t*> source.buffers[2].buf,
                         <const int64_t*> source.buffers[1].buf)
    else:
        _scatter_indexed(source, out, row, <const int32_t*> source.buffers[2].buf,
                         <const int32_t*> source.buffers[1].buf)


cdef void _prefetch(const Source* source, Py_ssize_t row) noexcept nogil:
    """Ask for a row's memory before it is needed."""
    cdef Py_ssize_t size = source.n_columns * source.buffers[0].itemsize
    cdef const char* line = (<const char*> source.buffers[0].buf) + row * size
    cdef const char* stop = line + size
    while line < stop:
        c_prefetch(line)
        line += <Py_ssize_t> LINE


cdef Py_ssize_t c_row_bytes(const Source* source) noexcept nogil:
    return 0 if source.n_buffers > 1 else source.n_columns * source.buffers[0].itemsize


cdef const char* c_row_memory(const Source* source, Py_ssize_t row) noexcept nogil:
    return (<const char*> source.buffers[0].buf) + row * c_row_bytes(source)


cdef bint c_in_place(const Source* source, size_t itemsize) noexcept nogil:
    return (source.n_buffers == 1 and source.scale == 1 and source.kind != BYTES
            and source.buffers[0].itemsize == <Py_ssize_t> itemsize)


cdef void c_pick(
    floating* out, const floating* rows, Py_ssize_t n, const Py_ssize_t* order, Py_ssize_t m,
) noexcept nogil:
    fastnn_pick_rows(<char*> out, <const char*> rows, n * <Py_ssize_t> sizeof(floating), order, m)


cdef void c_gather(
    const Source* source, floating* out, const Py_ssize_t* order, Py_ssize_t begin, Py_ssize_t m,
) noexcept nogil:
    cdef Py_ssize_t i, n = source.n_columns
    if source.n_buffers > 1:
        for i in range(m):
            _scatter(source, out + i * n, begin + i if order == NULL else order[begin + i])
    elif order == NULL:
        _convert_at(source, out, begin * n, m * n)
    elif c_in_place(source, sizeof(floating)):
        c_pick(out, <const floating*> source.buffers[0].buf, n, order + begin, m)
    else:
        for i in range(m):
            if i + 1 < m:
                _prefetch(source, order[begin + i + 1])
            _convert_at(source, out + i * n, order[begin + i] * n, n)


cdef void c_gather_columns(
    const Source* source, floating* out, const Py_ssize_t* order, Py_ssize_t m, Py_ssize_t left,
    Py_ssize_t right,
) noexcept nogil:
    cdef Py_ssize_t i, n = source.n_columns
    if source.n_buffers > 1:
        c_gather(source, out, order, 0, m)
        return
    for i in range(m):
        _convert_at(source, out + i * n + left, order[i] * n + left, right - left)


cdef const floating* c_rows(
    const Source* source, floating* buffer, Py_ssize_t first, Py_ssize_t m,
) noexcept nogil:
    if c_in_place(source, sizeof(floating)):
        return (<const floating*> source.buffers[0].buf) + first * source.n_columns
    c_gather(source, buffer, NULL, first, m)
    return buffer


# Whether they are finite.


cdef Py_ssize_t _first_bad(
    const number* inp, Py_ssize_t n, floating factor,
) noexcept nogil:
    """Return where the first number is that is not finite once converted and scaled, or -1."""
    cdef Py_ssize_t start = 0, stop, j
    cdef uint64_t beyond = 0
    cdef uint32_t beyond_float = 0
    while start < n:
        stop = min(n, start + <Py_ssize_t> BLOCK)
        if floating is float:
            for j in range(start, stop):
                beyond_float |= c_beyond_float(<float> inp[j] * factor)
        else:
            for j in range(start, stop):
                beyond |= c_beyond_double(<double> inp[j] * factor)
        if beyond >> 63 or beyond_float >> 31:
            for j in range(start, stop):
                if not isfinite(<floating> inp[j] * factor):
                    return j
        start = stop
    return -1


cdef bint c_all_finite(const floating* numbers, Py_ssize_t n) noexcept nogil:
    return _first_bad(numbers, n, <floating> 1) < 0


cdef Py_ssize_t _first_bad_of(const Source* source, floating factor) noexcept nogil:
    cdef const void* values = source.buffers[0].buf
    cdef Py_ssize_t n = source.buffers[0].len // source.buffers[0].itemsize
    if source.kind == DOUBLES:
        return _first_bad(<const double*> values, n, factor)
    if source.kind == FLOATS:
        return _first_bad(<const float*> values, n, factor)
    # Bytes are all finite, and so are all of them scaled if the largest is.
    return -1 if isfinite(<floating> 255 * factor) else 0


# What arrays are.


cdef int _kind_of(const Py_buffer* buffer) noexcept:
    cdef char form = buffer.format[0]
    if buffer.format[1] != 0:
        return UNKNOWN
    return (DOUBLES if form == c"d" else FLOATS if form == c"f"
            else BYTES if form == c"B" or form == c"?" else UNKNOWN)


cdef bint _is_signed(const Py_buffer* buffer) noexcept:
    """Whether it holds integers of 32 or 64 bits."""
    cdef char form = buffer.format[0]
    return (buffer.format[1] == 0 and (form == c"i" or form == c"l" or form == c"q")
            and (buffer.itemsize == 4 or buffer.itemsize == 8))


cdef int _hold(Source* source, array, int ndim, str name) except -1:
    """Hold the memory of one more array."""
    cdef Py_buffer* buffer = &source.buffers[source.n_buffers]
    try:
        PyObject_GetBuffer(array, buffer, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT)
    except (BufferError, TypeError, ValueError) as error:
        raise ValueError(f"{name}: expected C-contiguous arrays: {error}") from None
    source.n_buffers += 1
    if buffer.ndim != ndim:
        raise ValueError(f"{name}: expected an array of {ndim} dimensions, got {buffer.ndim}")
    if <size_t> buffer.buf % <size_t> buffer.itemsize:
        raise ValueError(f"{name}: expected an aligned array")
    return 0


# What is checked of sparse rows.


cdef int _check_csr(
    const Source* source, const index* indptr, const index* indices, str name,
) except -1:
    cdef Py_ssize_t n = source.buffers[1].shape[0], row, k
    if indptr[0] < 0 or indptr[source.n_rows] > n:
        raise ValueError(f"{name}: expected its indptr from 0 to {n}, "
                         f"got {indptr[0]} to {indptr[source.n_rows]}")
    for row in range(source.n_rows):
        if indptr[row + 1] < indptr[row]:
            raise ValueError(f"{name}: expected its indptr to rise, "
                             f"got {indptr[row]} before {indptr[row + 1]} in row {row}")
    for k in range(<Py_ssize_t> indptr[0], <Py_ssize_t> indptr[source.n_rows]):
        if not 0 <= indices[k] < source.n_columns:
            raise ValueError(f"{name}: expected its indices from 0 to {source.n_columns - 1}, "
                             f"got {indices[k]} at {k}")
    return 0


cdef int _set_sparse(
    Source* source, object indices_array, object indptr_array, Py_ssize_t n_columns, str name,
) except -1:
    cdef Py_buffer* entries = &source.buffers[0]
    cdef Py_buffer* indices = &source.buffers[1]
    cdef Py_buffer* indptr = &source.buffers[2]
    _hold(source, indices_array, 1, name)
    _hold(source, indptr_array, 1, name)
    if not (_is_signed(indices) and _is_signed(indptr) and indices.itemsize == indptr.itemsize):
        raise TypeError(f"{name}: expected its indices and indptr both int32 or both int64, got "
                        f"{indices.format.decode()!r} and {indptr.format.decode()!r}")
    source.wide_indices = indices.itemsize == 8
    source.n_rows, source.n_columns = indptr.shape[0] - 1, n_columns
    if source.n_rows < 0 or n_columns < 0 or entries.shape[0] != indices.shape[0]:
        raise ValueError(f"{name}: expected as many indices as entries, and an indptr, got "
                         f"{indices.shape[0]}, {entries.shape[0]} and {indptr.shape[0]}")
    if source.wide_indices:
        return _check_csr(source, <const int64_t*> indptr.buf, <const int64_t*> indices.buf, name)
    return _check_csr(source, <const int32_t*> indptr.buf, <const int32_t*> indices.buf, name)


cdef class RowSource:
    """Rows (n_rows, n_columns) that are converted and scaled when a mini-batch takes them.

    Parameters
    ----------
    values : array (n_rows, n_columns)
        Float64, float32, uint8 or bool; C-contiguous, read-only or not. Of sparse rows (CSR): the
        numbers (n,) of the entries.
    scale : float, default 1
        Factor on every number, once it is converted.
    indices, indptr : int32 or int64 arrays (n,) and (n_rows + 1,), optional
        The columns of the entries, in any order; and where in them each row begins. Entries of
        one row and column are added.
    n_columns : int, optional
        Of sparse rows.
    name : str
        What errors call it.

    Raises
    ------
    TypeError, ValueError
        If the arrays are not as said or do not go together. Numbers are not looked at.
    """

    def __cinit__(self, values not None, double scale=1, indices=None, indptr=None,
                  Py_ssize_t n_columns=-1, str name="X"):
        self.values, self.indices, self.indptr = values, indices, indptr
        self.c.scale = scale
        _hold(&self.c, values, 2 if indptr is None else 1, name)
        self.c.kind = _kind_of(&self.c.buffers[0])
        if self.c.kind == <int> UNKNOWN:
            raise TypeError(f"{name}: expected float64, float32, uint8 or bool, "
                            f"got {self.c.buffers[0].format.decode()!r}")
        if indptr is None:
            self.c.n_rows = self.c.buffers[0].shape[0]
            self.c.n_columns = self.c.buffers[0].shape[1]
        else:
            _set_sparse(&self.c, indices, indptr, n_columns, name)

    def __dealloc__(self):
        cdef int k
        for k in range(self.c.n_buffers):
            PyBuffer_Release(&self.c.buffers[k])

    def __len__(self) -> int:
        return self.c.n_rows

    @property
    def n_rows(self) -> int:
        return self.c.n_rows

    @property
    def n_columns(self) -> int:
        return self.c.n_columns

    @property
    def scale(self) -> float:
        return self.c.scale

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.c.n_rows, self.c.n_columns

    def first_bad(self, bint single) -> int:
        """Return which value is the first that is not finite once converted and scaled, or -1.

        It is counted in ``values``; ``single`` says that they are converted to float32.
        """
        cdef Py_ssize_t place
        with nogil:
            if single:
                place = _first_bad_of(&self.c, <float> self.c.scale)
            else:
                place = _first_bad_of(&self.c, self.c.scale)
        return place


cdef RowSource as_source(object rows):
    return rows if isinstance(rows, RowSource) else RowSource(rows)


def gather(
    RowSource source not None, floating[:, ::1] out not None, const Py_ssize_t[::1] order=None,
) -> None:
    """Write the rows in ``order``, or the first of all, converted and scaled into ``out``.

    Parameters
    ----------
    source : RowSource
    out : array (m, source.n_columns)
        Float32 or float64.
    order : intp array (m,), optional
        Which rows; by default the first m.

    Raises
    ------
    ValueError
        If the shapes do not go together, or there is no such row.
    """
    cdef const Py_ssize_t* which = NULL
    cdef Py_ssize_t m = out.shape[0], i
    if out.shape[1] != source.c.n_columns or (order is not None and order.shape[0] != m):
        raise ValueError(f"out: expected one row of {source.c.n_columns} numbers for each row "
                         f"asked for, got ({m}, {out.shape[1]})")
    if order is None and m > source.c.n_rows:
        raise ValueError(f"out: expected at most {source.c.n_rows} rows, got {m}")
    if order is not None:
        for i in range(m):
            if not 0 <= order[i] < source.c.n_rows:
                raise ValueError(f"order: expected 0 to {source.c.n_rows - 1}, got {order[i]}")
    if m == 0 or source.c.n_columns == 0:
        return
    if order is not None:
        which = &order[0]
    with nogil:
        c_gather(&source.c, &out[0, 0], which, 0, m)


cdef bint _put(object array, floating* out, Py_ssize_t n) except -1:
    """out := the n numbers of an array; return whether they are such, and finite."""
    cdef Py_buffer buffer
    cdef int kind
    if type(array) is not _ndarray:  # what lists and masked arrays mean is not decided here
        return False
    try:
        PyObject_GetBuffer(array, &buffer, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT)
    except (BufferError, TypeError, ValueError):
        return False
    kind = _kind_of(&buffer)
    if buffer.len != n * buffer.itemsize or <size_t> buffer.buf % <size_t> buffer.itemsize:
        kind = UNKNOWN
    if kind == <int> DOUBLES:
        _convert(out, <const double*> buffer.buf, n, 1)
    elif kind == <int> FLOATS:
        _convert(out, <const float*> buffer.buf, n, 1)
    elif kind == <int> BYTES:
        _convert(out, <const unsigned char*> buffer.buf, n, 1)
    PyBuffer_Release(&buffer)
    return kind != <int> UNKNOWN and _first_bad(<const floating*> out, n, <floating> 1) < 0


def stack(list arrays not None, floating[:, ::1] out not None, Py_ssize_t start) -> int:
    """Copy each array's numbers, of any shape, into its row of ``out``, from ``start`` on.

    Parameters
    ----------
    arrays : list of arrays
    out : array (len(arrays), n)
        Float32 or float64.
    start : int
        The first to be copied.

    Returns
    -------
    int
        The first that is something else than n finite float64, float32, uint8 or bool numbers
        next to each other, as finite in the dtype of ``out``; else the length of the list.

    Raises
    ------
    ValueError
        If ``out`` has another number of rows.
    """
    cdef Py_ssize_t i
    if out.shape[0] != len(arrays) or start < 0:
        raise ValueError(f"out: expected {len(arrays)} rows and a start in them, "
                         f"got {out.shape[0]} and {start}")
    for i in range(start, out.shape[0]):
        if not _put(arrays[i], &out[i, 0], out.shape[1]):
            return i
    return out.shape[0]
