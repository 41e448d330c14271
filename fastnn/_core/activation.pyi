"""Activation functions over an (m, n) block, in place, and their derivatives."""

import enum
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_Float = TypeVar("_Float", np.float32, np.float64)

class Activation(enum.IntEnum):
    """The numbers by which kernels and plans know the activations."""

    IDENTITY = 0
    SIGMOID = 1
    TANH = 2
    RELU = 3
    SOFTMAX = 4
    LEAKY_RELU = 5
    ELU = 6
    SELU = 7
    GELU = 8
    SILU = 9
    MISH = 10
    SOFTPLUS = 11
    EXP = 12

def slope_from_z(activation: int) -> bool:
    """Return whether the derivative is computed from z, for f(z) does not say it."""

def activation_forward(z: NDArray[_Float], activation: int) -> None:
    """``z`` (m, n) := f(z); softmax goes by rows."""

def activation_backward(
    delta: NDArray[_Float], out: NDArray[_Float], z: NDArray[_Float], activation: int
) -> None:
    """``delta`` (m, n) := delta · f'(z), from ``out`` = f(z) and ``z``, both (m, n)."""

def logarithm(x: NDArray[_Float]) -> None:
    """``x`` (n,) := ln x."""
