"""The optimizer's step, fused with the weight gradient: no gradient array is written."""

from cython cimport floating


cdef struct SGDStep:
    double step    # learning rate / rows of the mini-batch
    double decay   # 1 − learning rate · L2 strength / n
    double l1      # learning rate · L1 strength / n


cdef void c_sgd_update(
    floating* weights, floating* biases, const floating* delta, const floating* inp,
    int m, int n_in, int n_out, SGDStep sgd) noexcept nogil
