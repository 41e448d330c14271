"""Forward and backward of the dense layer.

The gradient of the three arguments of ``Z = X Wᵀ + b`` for a given ``dZ`` is
``dX = dZ W``, ``dW = dZᵀ X``, ``db = Σ_rows dZ`` (Nielsen, chapter 2, BP1 to BP4).
"""

from cython cimport floating

from fastnn._core.blas cimport c_need_blas
from fastnn._core.gemm cimport c_product_nn, c_product_nt, c_product_tn
from fastnn._core.kernels cimport (
    OptimizerDouble, OptimizerFloat, c_kernels_double, c_kernels_float)


cdef const OptimizerDouble* of_double = c_kernels_double().optimizer
cdef const OptimizerFloat* of_float = c_kernels_float().optimizer


cdef void c_column_sums(
    floating* sums, const floating* rows, int m, int n, int ld, floating scale, floating keep,
) noexcept nogil:
    """sums := keep sums + scale Σ_i rows[i], with rows (m, n) at a distance of ld."""
    if floating is float:
        of_float.column_sums(sums, rows, m, n, ld, scale, keep)
    else:
        of_double.column_sums(sums, rows, m, n, ld, scale, keep)


cdef int _check(str name, Py_ssize_t rows, Py_ssize_t columns,
                Py_ssize_t wanted_rows, Py_ssize_t wanted_columns) except -1:
    if rows != wanted_rows or columns != wanted_columns:
        raise ValueError(f"{name}: expected shape ({wanted_rows}, {wanted_columns}), "
                         f"got ({rows}, {columns})")
    return 0


cdef int _check_dims(Py_ssize_t m, Py_ssize_t n_in, Py_ssize_t n_out) except -1:
    if not (0 < m < 2**31 and 0 < n_in < 2**31 and 0 < n_out < 2**31):
        raise ValueError(f"expected at least one row, input and neuron, "
                         f"got {m} rows, {n_in} inputs and {n_out} neurons")
    return 0


def dense_forward(
    floating[:, ::1] out not None, const floating[:, ::1] inp not None,
    const floating[:, ::1] weights not None, const floating[::1] biases not None,
) -> None:
    """Write ``inp @ weights.T + biases`` into ``out``.

    Parameters
    ----------
    out : array (m, n_out)
    inp : array (m, n_in)
    weights : array (n_out, n_in)
    biases : array (n_out,)
        All of one dtype, float32 or float64, and C-contiguous.

    Raises
    ------
    ValueError
        If the shapes do not go together or a dimension is 0.
    """
    cdef Py_ssize_t m = inp.shape[0], n_in = inp.shape[1], n_out = weights.shape[0]
    _check_dims(m, n_in, n_out)
    _check("weights", weights.shape[0], weights.shape[1], n_out, n_in)
    _check("biases", biases.shape[0], 1, n_out, 1)
    _check("out", out.shape[0], out.shape[1], m, n_out)
    c_need_blas()
    with nogil:
        c_product_nt(&out[0, 0], &inp[0, 0], &weights[0, 0], n_in, &biases[0],
                     <int> m, <int> n_out, <int> n_in, 0, <int> n_out, <int> n_out)


def dense_backward(
    floating[:, ::1] dinp not None, floating[:, ::1] dweights not None,
    floating[::1] dbiases not None, const floating[:, ::1] dout not None,
    const floating[:, ::1] inp not None, const floating[:, ::1] weights not None,
) -> None:
    """Write the gradients of the dense layer's three arguments.

    ``dinp = dout @ weights``, ``dweights = dout.T @ inp``, ``dbiases = dout.sum(axis=0)``.

    Parameters
    ----------
    dinp : array (m, n_in)
    dweights : array (n_out, n_in)
    dbiases : array (n_out,)
    dout : array (m, n_out)
    inp : array (m, n_in)
    weights : array (n_out, n_in)
        All of one dtype, float32 or float64, and C-contiguous.

    Raises
    ------
    ValueError
        If the shapes do not go together or a dimension is 0.
    """
    cdef Py_ssize_t m = inp.shape[0], n_in = inp.shape[1], n_out = weights.shape[0]
    _check_dims(m, n_in, n_out)
    _check("weights", weights.shape[0], weights.shape[1], n_out, n_in)
    _check("dout", dout.shape[0], dout.shape[1], m, n_out)
    _check("dinp", dinp.shape[0], dinp.shape[1], m, n_in)
    _check("dweights", dweights.shape[0], dweights.shape[1], n_out, n_in)
    _check("dbiases", dbiases.shape[0], 1, n_out, 1)
    c_need_blas()
    with nogil:
        c_product_nn(&dinp[0, 0], &dout[0, 0], &weights[0, 0],
                     <int> m, <int> n_in, <int> n_out, 0, <int> n_in, <int> n_in)
        c_product_tn(&dweights[0, 0], n_in, &dout[0, 0], &inp[0, 0], n_in, <int> n_out, <int> n_in,
                     <int> m, <floating> 1, <floating> 0, 0, <int> n_out, NULL)
        c_column_sums(&dbiases[0], &dout[0, 0], <int> m, <int> n_out, <int> n_out,
                      <floating> 1, <floating> 0)
