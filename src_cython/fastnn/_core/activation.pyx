"""Activations over the (m, n) block of a layer: a = f(z) in place of z, delta := delta f'(z).

Where the output a says all, the derivative is computed from it, so that z need not be kept:
sigmoid a (1 − a), tanh 1 − a², ReLU 1 where a > 0, softplus 1 − e^−a and so on. GELU, SiLU and
Mish are not monotonic: theirs is computed from z.

Which there are, and in which order, says ``activation_numbers.h``.
"""

from cython cimport floating

from fastnn._core.kernels cimport (
    ActivationDouble, ActivationFloat, c_kernels_double, c_kernels_float)

cdef const ActivationDouble* of_double = c_kernels_double().activation
cdef const ActivationFloat* of_float = c_kernels_float().activation

if len(Activation) != <int> N_ACTIVATIONS:
    raise ImportError(f"activations: {<int> N_ACTIVATIONS} are in activation_numbers.h, "
                      f"{len(Activation)} in activation.pxd")


cdef void c_activation_forward(
    floating* z, int activation, Py_ssize_t m, Py_ssize_t n,
) noexcept nogil:
    """z := f(z), over the (m, n) block."""
    if activation == IDENTITY:
        return
    if floating is float:
        if activation == SOFTMAX:
            of_float.softmax(z, m, n)
        else:
            of_float.forward[activation](z, m * n)
    else:
        if activation == SOFTMAX:
            of_double.softmax(z, m, n)
        else:
            of_double.forward[activation](z, m * n)


cdef void c_activation_backward(
    floating* delta, const floating* out, const floating* z, int activation,
    Py_ssize_t m, Py_ssize_t n,
) noexcept nogil:
    """delta := delta f'(z), over the (m, n) block, with out = f(z).

    ``z`` may be NULL unless the slope is computed from it.
    """
    cdef const floating* source = z if c_slope_from_z(activation) else out
    if activation == IDENTITY:
        return
    if floating is float:
        if activation == SOFTMAX:
            of_float.softmax_backward(delta, out, m, n)
        else:
            of_float.backward[activation](delta, source, m * n)
    else:
        if activation == SOFTMAX:
            of_double.softmax_backward(delta, out, m, n)
        else:
            of_double.backward[activation](delta, source, m * n)


cdef void c_log(floating* x, Py_ssize_t size) noexcept nogil:
    """x := ln x, by the same vector math."""
    if floating is float:
        of_float.log(x, size)
    else:
        of_double.log(x, size)


cdef int _check(int activation, Py_ssize_t m, Py_ssize_t n) except -1:
    if not 0 <= activation < <int> N_ACTIVATIONS:  # enums are unsigned in C
        raise ValueError(f"activation: expected 0 to {<int> N_ACTIVATIONS - 1}, got {activation}")
    if m < 1 or n < 1:
        raise ValueError(f"expected at least one row and one column, got ({m}, {n})")
    return 0


def slope_from_z(int activation) -> bool:
    """Return whether the derivative is computed from z, for f(z) does not say it.

    Parameters
    ----------
    activation : int
        The number of ``Activation``.

    Raises
    ------
    ValueError
        If it is unknown.
    """
    _check(activation, 1, 1)
    return c_slope_from_z(activation)


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
        What it was given; read only where ``slope_from_z`` says so.
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


def logarithm(floating[::1] x not None) -> None:
    """Replace ``x`` by ln x: −inf for 0, NaN below.

    Parameters
    ----------
    x : array (n,), float32 or float64, C-contiguous
    """
    if x.shape[0]:
        with nogil:
            c_log(&x[0], x.shape[0])
