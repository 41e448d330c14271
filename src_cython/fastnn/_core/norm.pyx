"""Forward and backward of the normalizations.

Forward, over the numbers that share a mean: x̂ = (x − μ) / √(σ² + ε) with the biased variance σ²,
then y = γ x̂ + β (Ioffe and Szegedy, 2015; Ba, Kiros and Hinton, 2016; Wu and He, 2018).
Backward, with g = γ ∂C/∂y and means over the same numbers:
∂C/∂x = (g − mean(g) − x̂ mean(g x̂)) / √(σ² + ε), ∂C/∂γ = Σ x̂ ∂C/∂y, ∂C/∂β = Σ ∂C/∂y.
"""

from cython cimport floating

from fastnn._core.kernels cimport NormDouble, NormFloat, c_kernels_double, c_kernels_float


cdef const NormDouble* of_double = c_kernels_double().norm
cdef const NormFloat* of_float = c_kernels_float().norm


cdef void c_columns_forward(
    floating* x, floating* xhat, floating* mean, floating* variance, floating* inverse,
    const floating* gamma, const floating* beta, Py_ssize_t m, Py_ssize_t n, Py_ssize_t ld,
    double eps,
) noexcept nogil:
    """x (m, n) := γ x̂ + β with each column's own statistics, which are handed out.

    ``ld`` is the distance between the rows of x and of x̂.
    """
    if floating is float:
        of_float.columns_forward(x, xhat, mean, variance, inverse, gamma, beta, m, n, ld, eps)
    else:
        of_double.columns_forward(x, xhat, mean, variance, inverse, gamma, beta, m, n, ld, eps)


cdef void c_columns_backward(
    floating* delta, floating* dgamma, floating* dbeta, const floating* xhat,
    const floating* inverse, const floating* gamma, Py_ssize_t m, Py_ssize_t n, Py_ssize_t ld,
) noexcept nogil:
    """delta (m, n) := ∂C/∂x in place of ∂C/∂y; dgamma and dbeta are overwritten with their sums.

    ``ld`` is the distance between the rows of delta and of x̂.
    """
    if floating is float:
        of_float.columns_backward(delta, dgamma, dbeta, xhat, inverse, gamma, m, n, ld)
    else:
        of_double.columns_backward(delta, dgamma, dbeta, xhat, inverse, gamma, m, n, ld)


cdef void c_running_update(
    floating* running_mean, floating* running_variance, const floating* mean,
    const floating* variance, Py_ssize_t m, Py_ssize_t n, double momentum, bint unbiased,
) noexcept nogil:
    """running := (1 − momentum) running + momentum batch, the variance on request unbiased."""
    cdef Py_ssize_t j
    cdef floating take = <floating> momentum, keep = <floating> (1 - momentum)
    cdef floating unbias = <floating> (<double> m / (m - 1)) if unbiased and m > 1 else 1
    for j in range(n):
        running_mean[j] = keep * running_mean[j] + take * mean[j]
        running_variance[j] = keep * running_variance[j] + take * unbias * variance[j]


cdef void c_running_forward(
    floating* x, const floating* running_mean, const floating* running_variance,
    const floating* gamma, const floating* beta, Py_ssize_t m, Py_ssize_t n, Py_ssize_t ld,
    double eps,
) noexcept nogil:
    """x (m, n) := γ (x − running mean) / √(running variance + ε) + β, row by row alike.

    ``ld`` is the distance between the rows of x.
    """
    if floating is float:
        of_float.running_forward(x, running_mean, running_variance, gamma, beta, m, n, ld, eps)
    else:
        of_double.running_forward(x, running_mean, running_variance, gamma, beta, m, n, ld, eps)


cdef void c_parameter_sums(
    floating* dgamma, floating* dbeta, const floating* delta, const floating* xhat, Py_ssize_t m,
    Py_ssize_t n, Py_ssize_t ld,
) noexcept nogil:
    """dgamma := Σ x̂ ∂C/∂y and dbeta := Σ ∂C/∂y over the rows of delta (m, n)."""
    if floating is float:
        of_float.parameter_sums(dgamma, dbeta, delta, xhat, m, n, ld)
    else:
        of_double.parameter_sums(dgamma, dbeta, delta, xhat, m, n, ld)


cdef void c_blocks_forward(
    floating* x, floating* xhat, floating* inverse, const floating* gamma, const floating* beta,
    Py_ssize_t m, Py_ssize_t channels, Py_ssize_t groups, Py_ssize_t spatial, double eps,
) noexcept nogil:
    """x (m, channels, spatial) := γ x̂ + β, statistics over each row's groups of channels.

    ``inverse`` (m, groups) keeps 1 / √(σ² + ε). One group is layer norm, as many as channels
    instance norm.
    """
    if floating is float:
        of_float.blocks_forward(x, xhat, inverse, gamma, beta, m, channels, groups, spatial, eps)
    else:
        of_double.blocks_forward(x, xhat, inverse, gamma, beta, m, channels, groups, spatial, eps)


cdef void c_blocks_delta(
    floating* delta, const floating* xhat, const floating* inverse, const floating* gamma,
    Py_ssize_t m, Py_ssize_t channels, Py_ssize_t groups, Py_ssize_t spatial,
) noexcept nogil:
    """delta (m, channels, spatial) := ∂C/∂x in place of ∂C/∂y, row by row alike."""
    if floating is float:
        of_float.blocks_delta(delta, xhat, inverse, gamma, m, channels, groups, spatial)
    else:
        of_double.blocks_delta(delta, xhat, inverse, gamma, m, channels, groups, spatial)


cdef void c_blocks_backward(
    floating* delta, floating* dgamma, floating* dbeta, const floating* xhat,
    const floating* inverse, const floating* gamma, Py_ssize_t m, Py_ssize_t channels,
    Py_ssize_t groups, Py_ssize_t spatial,
) noexcept nogil:
    """delta (m, channels, spatial) := ∂C/∂x; dgamma and dbeta are overwritten with their sums."""
    if spatial == 1:
        c_parameter_sums(dgamma, dbeta, delta, xhat, m, channels, channels)
    elif floating is float:
        of_float.channel_sums(dgamma, dbeta, delta, xhat, m, channels, spatial)
    else:
        of_double.channel_sums(dgamma, dbeta, delta, xhat, m, channels, spatial)
    c_blocks_delta(delta, xhat, inverse, gamma, m, channels, groups, spatial)


cdef int _check_matrix(str name, Py_ssize_t rows, Py_ssize_t columns,
                       Py_ssize_t m, Py_ssize_t n) except -1:
    if rows != m or columns != n:
        raise ValueError(f"{name}: expected shape ({m}, {n}), got ({rows}, {columns})")
    return 0


cdef int _check_length(str name, Py_ssize_t length, Py_ssize_t n) except -1:
    if length != n:
        raise ValueError(f"{name}: expected shape ({n},), got ({length},)")
    return 0


cdef int _check_not_empty(str name, Py_ssize_t m, Py_ssize_t n, Py_ssize_t spatial=1) except -1:
    if m < 1 or n < 1 or spatial < 1:
        raise ValueError(f"{name}: expected no dimension of 0, got an empty array")
    return 0


cdef int _check_groups(Py_ssize_t groups, Py_ssize_t channels) except -1:
    if groups < 1 or channels % groups:
        raise ValueError(f"inverse: expected a column a group and groups that divide {channels} "
                         f"channels, got {groups}")
    return 0


def columns_forward(
    floating[:, ::1] x not None, floating[:, ::1] xhat not None, floating[::1] mean not None,
    floating[::1] variance not None, floating[::1] inverse not None,
    const floating[::1] gamma not None, const floating[::1] beta not None, double eps,
) -> None:
    """Replace ``x`` by γ x̂ + β, each column normalized over the rows.

    Parameters
    ----------
    x, xhat : array (m, n)
        Overwritten; x̂ is what the backward pass needs.
    mean, variance, inverse : array (n,)
        Overwritten with each column's mean, biased variance and 1 / √(variance + eps).
    gamma, beta : array (n,)
        All of one dtype, float32 or float64, and C-contiguous.
    eps : float

    Raises
    ------
    ValueError
        If the shapes do not go together or ``x`` is empty.
    """
    cdef Py_ssize_t m = x.shape[0], n = x.shape[1]
    _check_not_empty("x", m, n)
    _check_matrix("xhat", xhat.shape[0], xhat.shape[1], m, n)
    _check_length("mean", mean.shape[0], n)
    _check_length("variance", variance.shape[0], n)
    _check_length("inverse", inverse.shape[0], n)
    _check_length("gamma", gamma.shape[0], n)
    _check_length("beta", beta.shape[0], n)
    with nogil:
        c_columns_forward(&x[0, 0], &xhat[0, 0], &mean[0], &variance[0], &inverse[0],
                          &gamma[0], &beta[0], m, n, n, eps)


def columns_backward(
    floating[:, ::1] delta not None, floating[::1] dgamma not None, floating[::1] dbeta not None,
    const floating[:, ::1] xhat not None, const floating[::1] inverse not None,
    const floating[::1] gamma not None,
) -> None:
    """Replace ``delta``, ∂C/∂y of ``columns_forward``, by ∂C/∂x.

    Parameters
    ----------
    delta : array (m, n)
    dgamma, dbeta : array (n,)
        Overwritten with ∂C/∂γ and ∂C/∂β.
    xhat : array (m, n)
    inverse, gamma : array (n,)
        As ``columns_forward`` left and got them.

    Raises
    ------
    ValueError
        If the shapes do not go together or ``delta`` is empty.
    """
    cdef Py_ssize_t m = delta.shape[0], n = delta.shape[1]
    _check_not_empty("delta", m, n)
    _check_matrix("xhat", xhat.shape[0], xhat.shape[1], m, n)
    _check_length("dgamma", dgamma.shape[0], n)
    _check_length("dbeta", dbeta.shape[0], n)
    _check_length("inverse", inverse.shape[0], n)
    _check_length("gamma", gamma.shape[0], n)
    with nogil:
        c_columns_backward(&delta[0, 0], &dgamma[0], &dbeta[0], &xhat[0, 0], &inverse[0],
                           &gamma[0], m, n, n)


def running_update(
    floating[::1] running_mean not None, floating[::1] running_variance not None,
    const floating[::1] mean not None, const floating[::1] variance not None,
    Py_ssize_t m, double momentum, bint unbiased=True,
) -> None:
    """Move the running statistics towards those of ``m`` rows.

    Parameters
    ----------
    running_mean, running_variance : array (n,)
        Become (1 − momentum) of themselves plus momentum of the rows'.
    mean, variance : array (n,)
        As ``columns_forward`` left them.
    m : int
        2 or more, or 1 if the variance is not unbiased.
    momentum : float
    unbiased : bool, default True
        Whether ``variance`` goes in times m / (m − 1), or as it is.

    Raises
    ------
    ValueError
        If the lengths differ or are 0, or ``m`` is too small.
    """
    cdef Py_ssize_t n = running_mean.shape[0]
    _check_not_empty("running_mean", n, 1)
    _check_length("running_variance", running_variance.shape[0], n)
    _check_length("mean", mean.shape[0], n)
    _check_length("variance", variance.shape[0], n)
    if m < 1 + unbiased:
        raise ValueError(f"m: expected {1 + unbiased} rows or more, got {m}")
    with nogil:
        c_running_update(&running_mean[0], &running_variance[0], &mean[0], &variance[0],
                         m, n, momentum, unbiased)


def running_forward(
    floating[:, ::1] x not None, const floating[::1] running_mean not None,
    const floating[::1] running_variance not None, const floating[::1] gamma not None,
    const floating[::1] beta not None, double eps,
) -> None:
    """Replace ``x`` (m, n) by γ (x − running mean) / √(running variance + eps) + β.

    Parameters
    ----------
    x : array (m, n)
    running_mean, running_variance, gamma, beta : array (n,)
    eps : float

    Raises
    ------
    ValueError
        If the shapes do not go together or ``x`` is empty.
    """
    cdef Py_ssize_t m = x.shape[0], n = x.shape[1]
    _check_not_empty("x", m, n)
    _check_length("running_mean", running_mean.shape[0], n)
    _check_length("running_variance", running_variance.shape[0], n)
    _check_length("gamma", gamma.shape[0], n)
    _check_length("beta", beta.shape[0], n)
    with nogil:
        c_running_forward(&x[0, 0], &running_mean[0], &running_variance[0], &gamma[0], &beta[0],
                          m, n, n, eps)


def blocks_forward(
    floating[:, :, ::1] x not None, floating[:, :, ::1] xhat not None,
    floating[:, ::1] inverse not None, const floating[::1] gamma not None,
    const floating[::1] beta not None, double eps,
) -> None:
    """Replace ``x`` by γ x̂ + β, each row's groups of neighbouring channels normalized.

    Parameters
    ----------
    x, xhat : array (m, channels, spatial)
        Overwritten; x̂ is what the backward pass needs.
    inverse : array (m, groups)
        Overwritten with 1 / √(variance + eps); its columns say how many groups there are.
    gamma, beta : array (channels,)
        All of one dtype, float32 or float64, and C-contiguous.
    eps : float

    Raises
    ------
    ValueError
        If the shapes do not go together, ``x`` is empty, or the groups do not divide the channels.
    """
    cdef Py_ssize_t m = x.shape[0], channels = x.shape[1], spatial = x.shape[2]
    cdef Py_ssize_t groups = inverse.shape[1]
    _check_not_empty("x", m, channels, spatial)
    if (xhat.shape[0], xhat.shape[1], xhat.shape[2]) != (m, channels, spatial):
        raise ValueError(f"xhat: expected shape {(m, channels, spatial)}, "
                         f"got {(xhat.shape[0], xhat.shape[1], xhat.shape[2])}")
    _check_matrix("inverse", inverse.shape[0], groups, m, groups)
    _check_groups(groups, channels)
    _check_length("gamma", gamma.shape[0], channels)
    _check_length("beta", beta.shape[0], channels)
    with nogil:
        c_blocks_forward(&x[0, 0, 0], &xhat[0, 0, 0], &inverse[0, 0], &gamma[0], &beta[0],
                         m, channels, groups, spatial, eps)


def blocks_backward(
    floating[:, :, ::1] delta not None, floating[::1] dgamma not None,
    floating[::1] dbeta not None, const floating[:, :, ::1] xhat not None,
    const floating[:, ::1] inverse not None, const floating[::1] gamma not None,
) -> None:
    """Replace ``delta``, ∂C/∂y of ``blocks_forward``, by ∂C/∂x.

    Parameters
    ----------
    delta : array (m, channels, spatial)
    dgamma, dbeta : array (channels,)
        Overwritten with ∂C/∂γ and ∂C/∂β.
    xhat : array (m, channels, spatial)
    inverse : array (m, groups)
    gamma : array (channels,)
        As ``blocks_forward`` left and got them.

    Raises
    ------
    ValueError
        If the shapes do not go together, ``delta`` is empty, or the groups do not divide the
        channels.
    """
    cdef Py_ssize_t m = delta.shape[0], channels = delta.shape[1], spatial = delta.shape[2]
    cdef Py_ssize_t groups = inverse.shape[1]
    _check_not_empty("delta", m, channels, spatial)
    if (xhat.shape[0], xhat.shape[1], xhat.shape[2]) != (m, channels, spatial):
        raise ValueError(f"xhat: expected shape {(m, channels, spatial)}, "
                         f"got {(xhat.shape[0], xhat.shape[1], xhat.shape[2])}")
    _check_matrix("inverse", inverse.shape[0], groups, m, groups)
    _check_groups(groups, channels)
    _check_length("dgamma", dgamma.shape[0], channels)
    _check_length("dbeta", dbeta.shape[0], channels)
    _check_length("gamma", gamma.shape[0], channels)
    with nogil:
        c_blocks_backward(&delta[0, 0, 0], &dgamma[0], &dbeta[0], &xhat[0, 0, 0], &inverse[0, 0],
                          &gamma[0], m, channels, groups, spatial)
