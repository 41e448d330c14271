"""Activations over the (m, n) block of a layer: a = f(z) in place of z, delta := delta f'(z).

Where the output a says all, the derivative is computed from it, so that z need not be kept:
sigmoid a (1 − a), tanh 1 − a², ReLU 1 where a > 0, softplus 1 − e^−a and so on. GELU, SiLU and
Mish are not monotonic: theirs is computed from z.
"""

from cython cimport floating
from libc.math cimport (
    erfc, erfcf, exp, expf, expm1, expm1f, fabs, fabsf, log1p, log1pf, tanh, tanhf)

cdef double LEAK = 0.01
# Fixed points of mean 0 and variance 1 (Klambauer, Unterthiner, Mayr and Hochreiter, 2017).
cdef double SELU_ALPHA = 1.6732632423543772848170429916717
cdef double SELU_SCALE = 1.0507009873554804934193349852946
cdef double SQRT_HALF = 0.70710678118654752440
cdef double NORMAL_PEAK = 0.39894228040143267794  # 1 / √2π


cdef inline floating _exp(floating x) noexcept nogil:
    if floating is float:
        return expf(x)
    else:
        return exp(x)


cdef inline floating _expm1(floating x) noexcept nogil:
    if floating is float:
        return expm1f(x)
    else:
        return expm1(x)


cdef inline floating _log1p(floating x) noexcept nogil:
    if floating is float:
        return log1pf(x)
    else:
        return log1p(x)


cdef inline floating _abs(floating x) noexcept nogil:
    if floating is float:
        return fabsf(x)
    else:
        return fabs(x)


cdef inline floating _erfc(floating x) noexcept nogil:
    if floating is float:
        return erfcf(x)
    else:
        return erfc(x)


cdef inline floating _tanh(floating z) noexcept nogil:
    if floating is float:
        return tanhf(z)
    else:
        return tanh(z)


cdef inline floating _sigmoid(floating z) noexcept nogil:
    """1 / (1 + e^−z); only e^−|z| ≤ 1 is formed, so nothing overflows."""
    cdef floating e = _exp(-_abs(z))
    return (<floating> 1 if z >= 0 else e) / (1 + e)


cdef inline floating _softplus(floating z) noexcept nogil:
    """ln(1 + e^z) = max(z, 0) + ln(1 + e^−|z|)."""
    return (z if z > 0 else <floating> 0) + _log1p(_exp(-_abs(z)))


cdef inline floating _normal_cdf(floating z) noexcept nogil:
    """Φ(z) = erfc(−z/√2) / 2, which does not cancel where z is far below 0."""
    return <floating> 0.5 * _erfc(-z * <floating> SQRT_HALF)


cdef inline floating _forward(floating z, int activation) noexcept nogil:
    """f(z) of one number. Comparisons are written so that NaN stays NaN."""
    if activation == SIGMOID:
        return _sigmoid(z)
    elif activation == TANH:
        return _tanh(z)
    elif activation == RELU:
        return 0 if z < 0 else z
    elif activation == LEAKY_RELU:
        return <floating> LEAK * z if z < 0 else z
    elif activation == ELU:
        return _expm1(z) if z < 0 else z
    elif activation == SELU:
        return <floating> SELU_SCALE * (<floating> SELU_ALPHA * _expm1(z) if z < 0 else z)
    elif activation == GELU:
        return z * _normal_cdf(z)
    elif activation == SILU:
        return z * _sigmoid(z)
    elif activation == MISH:
        return z * _tanh(_softplus(z))
    elif activation == SOFTPLUS:
        return _softplus(z)
    elif activation == EXP:
        return _exp(z)
    return z


cdef inline floating _derivative(floating a, floating z, int activation) noexcept nogil:
    """f'(z) of one number, from a = f(z) where that is enough."""
    cdef floating t
    if activation == SIGMOID:
        return a * (1 - a)
    elif activation == TANH:
        return 1 - a * a
    elif activation == RELU:
        return 1 if a > 0 else 0
    elif activation == LEAKY_RELU:
        return 1 if a > 0 else <floating> LEAK
    elif activation == ELU:
        return 1 if a > 0 else a + 1
    elif activation == SELU:
        return <floating> SELU_SCALE if a > 0 else a + <floating> (SELU_SCALE * SELU_ALPHA)
    elif activation == GELU:
        return _normal_cdf(z) + z * <floating> NORMAL_PEAK * _exp(<floating> -0.5 * z * z)
    elif activation == SILU:
        t = _sigmoid(z)
        return t * (1 + z * (1 - t))
    elif activation == MISH:
        t = _tanh(_softplus(z))
        return t + z * _sigmoid(z) * (1 - t * t)
    elif activation == SOFTPLUS:
        return -_expm1(-a)
    elif activation == EXP:
        return a
    return 1


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
    if activation == SOFTMAX:
        for i in range(m):
            _softmax(z + i * n, n)
    elif activation != IDENTITY:
        for i in range(m * n):
            z[i] = _forward(z[i], activation)


cdef void _softmax_backward(floating* delta, const floating* a, Py_ssize_t n) noexcept nogil:
    """delta_j := a_j (delta_j − Σ_k a_k delta_k), the softmax's Jacobian applied to one row."""
    cdef Py_ssize_t j
    cdef floating mean = 0
    for j in range(n):
        mean += a[j] * delta[j]
    for j in range(n):
        delta[j] = a[j] * (delta[j] - mean)


cdef void c_activation_backward(
    floating* delta, const floating* out, const floating* z, int activation,
    Py_ssize_t m, Py_ssize_t n,
) noexcept nogil:
    """delta := delta f'(z), over the (m, n) block, with out = f(z).

    ``z`` may be NULL but for GELU, SiLU and Mish.
    """
    cdef Py_ssize_t i
    cdef const floating* from_z = out if z == NULL else z
    if activation == SOFTMAX:
        for i in range(m):
            _softmax_backward(delta + i * n, out + i * n, n)
    elif activation == RELU:
        for i in range(m * n):
            delta[i] = delta[i] if out[i] > 0 else 0  # an infinite delta ends here, too
    elif activation != IDENTITY:
        for i in range(m * n):
            delta[i] *= _derivative(out[i], from_z[i], activation)


cdef int _check(int activation, Py_ssize_t m, Py_ssize_t n) except -1:
    if not 0 <= activation <= <int> EXP:  # enums are unsigned in C
        raise ValueError(f"activation: expected 0 to {<int> EXP}, got {activation}")
    if m < 1 or n < 1:
        raise ValueError(f"expected at least one row and one column, got ({m}, {n})")
    return 0


def activation_forward(floating[:, ::1] z, int activation) -> None:
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
    floating[:, ::1] delta, const floating[:, ::1] out, const floating[:, ::1] z, int activation,
) -> None:
    """Multiply ``delta`` (m, n) by the derivative of f.

    Parameters
    ----------
    delta : array (m, n), float32 or float64, C-contiguous
        The gradient with respect to the output; becomes that with respect to z.
    out : array (m, n)
        What ``activation_forward`` returned.
    z : array (m, n)
        What it was given; read for GELU, SiLU and Mish only.
    activation : int
        The number of ``Activation``.

    Raises
    ------
    ValueError
        If the shapes differ, are empty, or ``activation`` is unknown.
    """
    _check(activation, delta.shape[0], delta.shape[1])
    for name, shape in (("out", (out.shape[0], out.shape[1])), ("z", (z.shape[0], z.shape[1]))):
        if shape != (delta.shape[0], delta.shape[1]):
            raise ValueError(f"{name}: expected shape ({delta.shape[0]}, {delta.shape[1]}), "
                             f"got {shape}")
    with nogil:
        c_activation_backward(&delta[0, 0], &out[0, 0], &z[0, 0], activation,
                              delta.shape[0], delta.shape[1])
