"""Gradient descent with the book's regularization (Nielsen, chapter 3).

    W ← (1 − ηλ/n) W − η λ₁/n sgn(W) − (η/m) Σ ∂C/∂W
    b ←            b                 − (η/m) Σ ∂C/∂b

with n the size of the training set, λ the strength of L2 and λ₁ that of L1.
"""

from cython cimport floating

from fastnn._dense cimport c_column_sums
from fastnn._products cimport c_product_tn


cdef void _shrink(floating* weights, Py_ssize_t size, floating decay, floating l1) noexcept nogil:
    """W := decay W − l1 sgn(W), with sgn(0) = 0."""
    cdef Py_ssize_t i
    cdef floating w
    for i in range(size):
        w = weights[i]
        weights[i] = decay * w - (l1 if w > 0 else (-l1 if w < 0 else 0))


cdef void c_sgd_update(
    floating* weights, floating* biases, const floating* delta, const floating* inp,
    int m, int n_in, int n_out, SGDStep sgd,
) noexcept nogil:
    """One step of a dense layer from its delta (m, n_out) and input (m, n_in)."""
    cdef floating step = <floating> -sgd.step, decay = <floating> sgd.decay
    if sgd.l1 != 0:
        _shrink(weights, n_out * <Py_ssize_t> n_in, decay, <floating> sgd.l1)
        decay = 1
    c_product_tn(weights, delta, inp, n_out, n_in, m, step, decay)
    c_column_sums(biases, delta, m, n_out, step, <floating> 1)
