"""Activations over the (m, n) block of a layer: a = f(z) in place of z, delta := delta f'(z).

Every derivative is computed from the output a, so that z need not be kept:
sigmoid a (1 − a), tanh 1 − a², ReLU 1 where a > 0.
"""

from cython cimport floating
from libc.math cimport exp, expf, fabs, fabsf, tanh, tanhf


cdef inline floating _exp(floating x) noexcept nogil:
    if floating is float:
        return expf(x)
    else:
        return exp(x)


cdef inline floating _abs(floating x) noexcept nogil:
    if floating is float:
        return fabsf(x)
    else:
        return fabs(x)


cdef inline floating _sigmoid(floating z) noexcept nogil:
    """1 / (1 + e^−z); only e^−|z| ≤ 1 is formed, so nothing overflows."""
    cdef floating e = _exp(-_abs(z))
    return (<floating> 1 if z >= 0 else e) / (1 + e)


cdef inline floating _tanh(floating z) noexcept nogil:
    if floating is float:
        return tanhf(z)
    else:
        return tanh(z)


cdef void _softmax(floating* z, Py_ssize_t n) noexcept nogil:
    """z := e^(z − max z) / Σ e^(z − max z) over one row."""
    cdef Py_ssize_t j
    cdef floating largest = z[0], total = 0
    for j in range(1, n):
        if z[j] > largest:
            largest = z[j]
    for j in range(n):
        z[j] = _exp(z[j] - largest)
        total += z[j]
    for j in range(n):
        z[j] /= total


cdef void c_activation_forward(
    floating* z, int activation, Py_ssize_t m, Py_ssize_t n,
) noexcept nogil:
    """z := f(z), over the (m, n) block."""
    cdef Py_ssize_t i
    if activation == SIGMOID:
        for i in range(m * n):
            z[i] = _sigmoid(z[i])
    elif activation == TANH:
        for i in range(m * n):
            z[i] = _tanh(z[i])
    elif activation == RELU:
        for i in range(m * n):
            z[i] = 0 if z[i] < 0 else z[i]  # written so that NaN stays NaN
    elif activation == SOFTMAX:
        for i in range(m):
            _softmax(z + i * n, n)


cdef void _softmax_backward(floating* delta, const floating* a, Py_ssize_t n) noexcept nogil:
    """delta_j := a_j (delta_j − Σ_k a_k delta_k), the softmax's Jacobian applied to one row."""
    cdef Py_ssize_t j
    cdef floating mean = 0
    for j in range(n):
        mean += a[j] * delta[j]
    for j in range(n):
        delta[j] = a[j] * (delta[j] - mean)


cdef void c_activation_backward(
    floating* delta, const floating* out, int activation, Py_ssize_t m, Py_ssize_t n,
) noexcept nogil:
    """delta := delta f'(z), computed from out = f(z), over the (m, n) block."""
    cdef Py_ssize_t i
    if activation == SIGMOID:
        for i in range(m * n):
            delta[i] *= out[i] * (1 - out[i])
    elif activation == TANH:
        for i in range(m * n):
            delta[i] *= 1 - out[i] * out[i]
    elif activation == RELU:
        for i in range(m * n):
            delta[i] = delta[i] if out[i] > 0 else 0
    elif activation == SOFTMAX:
        for i in range(m):
            _softmax_backward(delta + i * n, out + i * n, n)


cdef int _check(int activation, Py_ssize_t m, Py_ssize_t n) except -1:
    if not 0 <= activation <= <int> SOFTMAX:  # enums are unsigned in C
        raise ValueError(f"activation: expected {<int> IDENTITY} to {<int> SOFTMAX}, "
                         f"got {activation}")
    if m < 1 or n < 1:
        raise ValueError(f"expected at least one row and one column, got ({m}, {n})")
    return 0


def activation_forward(floating[:, ::1] z not None, int activation) -> None:
    """Replace ``z`` (m, n) by f(z).

    Parameters
    ----------
    z : array (m, n), float32 or float64, C-contiguous
    activation : int
        The number of ``Activation``.

    Raises
    ------
    ValueError
        If ``z`` is empty or ``activation`` is unknown.
    """
    _check(activation, z.shape[0], z.shape[1])
    with nogil:
        c_activation_forward(&z[0, 0], activation, z.shape[0], z.shape[1])


def activation_backward(
    floating[:, ::1] delta not None, const floating[:, ::1] out not None, int activation,
) -> None:
    """Multiply ``delta`` (m, n) by the derivative of f, computed from its output.

    Parameters
    ----------
    delta : array (m, n), float32 or float64, C-contiguous
        The gradient with respect to the output; becomes that with respect to z.
    out : array (m, n)
        What ``activation_forward`` returned.
    activation : int
        The number of ``Activation``.

    Raises
    ------
    ValueError
        If the shapes differ, are empty, or ``activation`` is unknown.
    """
    _check(activation, delta.shape[0], delta.shape[1])
    if out.shape[0] != delta.shape[0] or out.shape[1] != delta.shape[1]:
        raise ValueError(f"out: expected shape ({delta.shape[0]}, {delta.shape[1]}), "
                         f"got ({out.shape[0]}, {out.shape[1]})")
    with nogil:
        c_activation_backward(&delta[0, 0], &out[0, 0], activation,
                              delta.shape[0], delta.shape[1])
