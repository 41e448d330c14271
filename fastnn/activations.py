"""Names of the activation functions, and those that the book's programs call themselves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastnn._common.checks import brief
from fastnn._core.activation import Activation, slope_from_z

__all__ = ["sigmoid", "sigmoid_prime", "HIDDEN", "OUTPUT"]

KERNELS: dict[str, Activation] = {
    "identity": Activation.IDENTITY,
    "sigmoid": Activation.SIGMOID,
    "tanh": Activation.TANH,
    "relu": Activation.RELU,
    "leaky_relu": Activation.LEAKY_RELU,
    "elu": Activation.ELU,
    "selu": Activation.SELU,
    "gelu": Activation.GELU,
    "silu": Activation.SILU,
    "mish": Activation.MISH,
    "softplus": Activation.SOFTPLUS,
    "softmax": Activation.SOFTMAX,
    "exp": Activation.EXP,
}
#: What an output layer may have.
OUTPUT = ("sigmoid", "softmax", "identity", "exp")
#: What a hidden layer may have.
HIDDEN = tuple(name for name in KERNELS if name not in ("softmax", "exp"))
# Their derivative is not a function of the output: the weighted input is kept.
FROM_Z = tuple(name for name, kernel in KERNELS.items() if slope_from_z(kernel))


def sigmoid(z: np.ndarray | float) -> np.ndarray | float:
    """Return 1 / (1 + e^−z), for any finite z without overflow.

    Parameters
    ----------
    z : float or array
        Any shape.

    Returns
    -------
    float or array
        Of the same shape; integers become float64.
    """
    e = np.exp(-np.abs(z))
    return np.where(np.asarray(z) >= 0, 1.0, e)[()] / (1 + e)


def sigmoid_prime(z: np.ndarray | float) -> np.ndarray | float:
    """Return the derivative σ(z) (1 − σ(z)) of the sigmoid.

    Parameters
    ----------
    z : float or array
        Any shape.
    """
    a = sigmoid(z)
    return a * (1 - a)


def _check_name(argument: str, name: object, allowed: Sequence[str]) -> str:
    if not isinstance(name, str):
        raise TypeError(f"{argument}: expected a name, got {type(name).__name__}")
    if name not in allowed:
        raise ValueError(f"{argument}: expected one of {', '.join(allowed)}, got {brief(name)}")
    return name


def hidden_names(activation: str | Sequence[str], n_hidden: int) -> tuple[str, ...]:
    """Return one activation name a hidden layer from one name or a sequence of them.

    Raises
    ------
    TypeError
        If a name is not a string.
    ValueError
        If a name is unknown or their number is not ``n_hidden``.
    """
    if isinstance(activation, str):
        return (_check_name("activation", activation, HIDDEN),) * n_hidden
    try:
        names = tuple(activation)
    except TypeError:
        raise TypeError(
            f"activation: expected a name or one per hidden layer, got {brief(activation)}"
        ) from None
    if len(names) != n_hidden:
        raise ValueError(
            f"activation: expected one name or {n_hidden} (one per hidden layer), got {len(names)}"
        )
    return tuple(_check_name("activation", name, HIDDEN) for name in names)


def output_name(output: str | None) -> str | None:
    """Return ``output`` if it names an output activation or is None.

    Raises
    ------
    TypeError, ValueError
        Otherwise.
    """
    return None if output is None else _check_name("output", output, OUTPUT)
