"""The activations as functions of arrays of any shape, each with its derivative."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from fastnn._common.checks import as_array, precision_of
from fastnn._core.activation import activation_backward, activation_forward
from fastnn.activations import FROM_Z, KERNELS
from fastnn.functional._arrays import checked, not_empty, own

_FORWARD_DOC = """Return {formula}{where}.

    Parameters
    ----------
    z : array
        {shape}

    Returns
    -------
    array shaped as z
        float32 if z is, else float64.

    Raises
    ------
    TypeError
        If ``z`` is not made of real numbers.
    ValueError
        If ``z`` is empty or a number is not finite.
    """
_BACKWARD_DOC = """Return ∂C/∂z of out = {name}(z) from ∂C/∂out: {derivative}.

    Parameters
    ----------
    delta : array
        ∂C/∂out.
    out : array shaped as delta
        What ``{name}`` returned.
    z : array shaped as delta{optional}
        What ``{name}`` was given; {use}.

    Returns
    -------
    array shaped as delta
        float32 if delta is, else float64.

    Raises
    ------
    TypeError
        If an argument is not made of real numbers{missing}.
    ValueError
        If a shape differs from that of ``delta``, which must not be empty, or a number is not
        finite.
    """


def _rows(array: np.ndarray, name: str) -> np.ndarray:
    """View a C-contiguous array as the matrix that kernels take."""
    return array.reshape(-1, array.shape[-1]) if name == "softmax" else array.reshape(1, -1)


def _check_shape(array: np.ndarray, argument: str, name: str) -> None:
    not_empty(array, argument)
    if name == "softmax" and not array.ndim:
        raise ValueError(f"{argument}: expected an array of probabilities' inputs, got one number")


def _forward(name: str, formula: str) -> Callable[[ArrayLike], np.ndarray]:
    def function(z: ArrayLike) -> np.ndarray:
        array = as_array(z, "z")
        _check_shape(array, "z", name)
        out = own(z, "z", precision_of(array))
        activation_forward(_rows(out, name), KERNELS[name])
        return out

    softmax = name == "softmax"
    where = ", z_max the largest of its row" if softmax else ", entry by entry"
    shape = "The last axis is that of the probabilities." if softmax else "Of any shape."
    return _named(function, name, _FORWARD_DOC.format(formula=formula, where=where, shape=shape))


def _backward(name: str, derivative: str) -> Callable[..., np.ndarray]:
    from_z = name in FROM_Z

    def function(delta: ArrayLike, out: ArrayLike, z: ArrayLike | None = None) -> np.ndarray:
        given = as_array(delta, "delta")
        _check_shape(given, "delta", name)
        if z is None and from_z:
            raise TypeError(f"z: expected what {name} was given, got None: out does not say all")
        dtype, shape = precision_of(given), given.shape
        result, a = own(delta, "delta", dtype), checked(out, "out", dtype, shape)
        inputs = a if z is None else checked(z, "z", dtype, shape)
        rows = [_rows(x, name) for x in (result, a, inputs)]
        activation_backward(rows[0], rows[1], rows[2], KERNELS[name])
        return result

    text = _BACKWARD_DOC.format(
        name=name,
        derivative=derivative,
        optional="" if from_z else ", optional",
        use="out does not say all" if from_z else "not used, for out says all",
        missing=", or ``z`` is missing" if from_z else "",
    )
    return _named(function, f"{name}_backward", text)


def _named(function: Callable[..., np.ndarray], name: str, text: str) -> Callable[..., np.ndarray]:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = text
    return function


identity = _forward("identity", "z")
identity_backward = _backward("identity", "delta")
sigmoid = _forward("sigmoid", "1 / (1 + e^−z)")
sigmoid_backward = _backward("sigmoid", "delta out (1 − out)")
tanh = _forward("tanh", "tanh z")
tanh_backward = _backward("tanh", "delta (1 − out²)")
relu = _forward("relu", "max(z, 0)")
relu_backward = _backward("relu", "delta where out > 0, else 0")
leaky_relu = _forward("leaky_relu", "z where z ≥ 0, else 0.01 z")
leaky_relu_backward = _backward("leaky_relu", "delta where out > 0, else 0.01 delta")
elu = _forward("elu", "z where z ≥ 0, else e^z − 1")
elu_backward = _backward("elu", "delta where out > 0, else delta (out + 1)")
selu = _forward("selu", "λ z where z ≥ 0, else λ α (e^z − 1), with λ = 1.0507… and α = 1.6732…")
selu_backward = _backward("selu", "λ delta where out > 0, else delta (out + λ α)")
gelu = _forward("gelu", "z Φ(z), with the normal distribution Φ")
gelu_backward = _backward("gelu", "delta (Φ(z) + z Φ'(z))")
silu = _forward("silu", "z σ(z), with the sigmoid σ")
silu_backward = _backward("silu", "delta σ(z) (1 + z (1 − σ(z)))")
mish = _forward("mish", "z tanh(ln(1 + e^z))")
mish_backward = _backward("mish", "delta (t + z σ(z) (1 − t²)), t = tanh(ln(1 + e^z))")
softplus = _forward("softplus", "ln(1 + e^z)")
softplus_backward = _backward("softplus", "delta (1 − e^−out)")
softmax = _forward("softmax", "e^(z − z_max) / Σ e^(z − z_max)")
softmax_backward = _backward("softmax", "out (delta − Σ out delta), sums over the last axis")
exp = _forward("exp", "e^z")
exp_backward = _backward("exp", "delta out")
