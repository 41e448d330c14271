"""The normalizations; ``m`` rows, ``n`` columns or ``channels`` of ``spatial`` numbers each."""

import enum
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_Float = TypeVar("_Float", np.float32, np.float64)

class Norm(enum.IntEnum):
    """The numbers by which kernels and plans know the normalizations."""

    NO_NORM = 0
    BATCH = 1
    GROUP = 2

def columns_forward(
    x: NDArray[_Float],
    xhat: NDArray[_Float],
    mean: NDArray[_Float],
    variance: NDArray[_Float],
    inverse: NDArray[_Float],
    gamma: NDArray[_Float],
    beta: NDArray[_Float],
    eps: float,
) -> None:
    """``x`` (m, n) := gamma · xhat + beta; writes ``xhat`` and each column's statistics (n,)."""

def columns_backward(
    delta: NDArray[_Float],
    dgamma: NDArray[_Float],
    dbeta: NDArray[_Float],
    xhat: NDArray[_Float],
    inverse: NDArray[_Float],
    gamma: NDArray[_Float],
) -> None:
    """``delta`` (m, n) := dx in place of dy; writes ``dgamma`` and ``dbeta`` (n,)."""

def running_update(
    running_mean: NDArray[_Float],
    running_variance: NDArray[_Float],
    mean: NDArray[_Float],
    variance: NDArray[_Float],
    m: int,
    momentum: float,
    unbiased: bool = True,
) -> None:
    """Running statistics (n,) := (1 − momentum) · running + momentum · those of m rows."""

def running_forward(
    x: NDArray[_Float],
    running_mean: NDArray[_Float],
    running_variance: NDArray[_Float],
    gamma: NDArray[_Float],
    beta: NDArray[_Float],
    eps: float,
) -> None:
    """``x`` (m, n) := gamma · (x − running_mean) / √(running_variance + eps) + beta, all (n,)."""

def blocks_forward(
    x: NDArray[_Float],
    xhat: NDArray[_Float],
    inverse: NDArray[_Float],
    gamma: NDArray[_Float],
    beta: NDArray[_Float],
    eps: float,
) -> None:
    """``x`` (m, channels, spatial) := gamma · xhat + beta; writes ``inverse`` (m, groups)."""

def blocks_backward(
    delta: NDArray[_Float],
    dgamma: NDArray[_Float],
    dbeta: NDArray[_Float],
    xhat: NDArray[_Float],
    inverse: NDArray[_Float],
    gamma: NDArray[_Float],
) -> None:
    """``delta`` (m, channels, spatial) := dx in place of dy; writes dgamma, dbeta (channels,)."""
