"""How far the vector math is from the true values, and what it makes of the numbers' ends.

Run for each instruction set in a process of its own: see test_vector_math.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np

from fastnn._core import isa as _isa
from fastnn._core.activation import (
    Activation,
    activation_backward,
    activation_forward,
    logarithm,
)

FLOATS = (np.float32, np.float64)
# True values are computed in this; it needs eleven bits more than what is tested.
WIDER = {np.float32: np.float64, np.float64: np.longdouble}
MEASURED = [f for f in FLOATS if np.finfo(WIDER[f]).nmant >= np.finfo(f).nmant + 11]
ONE_BY_ONE = [a for a in Activation if a not in (Activation.IDENTITY, Activation.SOFTMAX)]
PI = "3.14159265358979323846264338"


def forward(activation: int, z: np.ndarray) -> np.ndarray:
    out = np.array(z)[np.newaxis]
    activation_forward(out, activation)
    return out[0]


def slope(activation: int, z: np.ndarray) -> np.ndarray:
    """f'(z), of an activation whose derivative is computed from z."""
    delta = np.ones_like(z)[np.newaxis]
    activation_backward(delta, np.full_like(delta, np.nan), z[np.newaxis], activation)
    return delta[0]


def log(x: np.ndarray) -> np.ndarray:
    out = np.array(x)
    logarithm(out)
    return out


def true_sigmoid(z: np.ndarray) -> np.ndarray:
    e = np.exp(-np.abs(z))
    return np.where(z < 0, e, 1) / (1 + e)


def true_softplus(z: np.ndarray) -> np.ndarray:
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def true_elu(z: np.ndarray) -> np.ndarray:
    return np.where(z < 0, np.expm1(np.minimum(z, 0)), z)


def true_mish(z: np.ndarray) -> np.ndarray:
    """z tanh(ln(1 + e^z)), the hyperbolic tangent multiplied out."""
    e = np.exp(-np.abs(z))
    return z * np.where(
        z < 0, e * (e + 2) / (e * (e + 2) + 2), (1 + 2 * e) / (1 + 2 * e + 2 * e**2)
    )


def true_density(x: np.ndarray) -> np.ndarray:
    """The normal density: x² is formed of halves of x, the first of which has an exact square."""
    high = x.astype(np.float32).astype(x.dtype)
    density = np.exp(-high * high / 2) * np.exp(-(x - high) * (x + high) / 2)
    return density / np.sqrt(2 * x.dtype.type(PI))


def true_normal_cdf(z: np.ndarray) -> np.ndarray:
    """Φ(z): its series for |z| < 2, Laplace's continued fraction of its tail beyond."""
    x = np.abs(z)
    density = true_density(x)
    near = np.minimum(x, 2)
    term, total = near.copy(), near.copy()
    for k in range(3, 101, 2):
        term = term * near * near / k
        total += term
    far = np.maximum(x, 2)
    fraction = far.copy()
    for k in range(300, 0, -1):
        fraction = far + k / fraction
    tail = np.where(x < 2, x.dtype.type(0.5) - density * total, density / fraction)
    return np.where(z < 0, tail, 1 - tail)


def true_silu_slope(z: np.ndarray) -> np.ndarray:
    return true_sigmoid(z) * (1 + z * true_sigmoid(-z))


def true_mish_slope(z: np.ndarray) -> np.ndarray:
    """t + z σ(z) (1 − t²) with t = tanh(ln(1 + e^z)) = 1 − 2 / (1 + (1 + e^z)²)."""
    w = np.exp(np.minimum(z, 100))
    square = w * (w + 2)
    return square / (square + 2) + 4 * z * w * (1 + w) / (square + 2) ** 2


Function = Callable[[np.ndarray], np.ndarray]
# What is tested, and the true value.
FUNCTIONS: dict[str, tuple[Function, Function]] = {
    "exp": (lambda x: forward(Activation.EXP, x), np.exp),
    "log": (log, np.log),
    "sigmoid": (lambda x: forward(Activation.SIGMOID, x), true_sigmoid),
    "tanh": (lambda x: forward(Activation.TANH, x), np.tanh),
    "softplus": (lambda x: forward(Activation.SOFTPLUS, x), true_softplus),
    "elu": (lambda x: forward(Activation.ELU, x), true_elu),
    "silu": (lambda x: forward(Activation.SILU, x), lambda x: x * true_sigmoid(x)),
    "mish": (lambda x: forward(Activation.MISH, x), true_mish),
    "gelu": (lambda x: forward(Activation.GELU, x), lambda x: x * true_normal_cdf(x)),
}
# The slopes computed from z: the true value and where it is 0.
SLOPES: dict[str, tuple[Function, float]] = {
    "silu": (true_silu_slope, -1.2784645),
    "mish": (true_mish_slope, -1.1924312),
    "gelu": (lambda z: true_normal_cdf(z) + z * true_density(z), -0.7517915),
}


def samples(name: str, dtype: type) -> np.ndarray:
    """Even over the range of results, dense around 0 (log: 1), and of every magnitude."""
    generator = np.random.default_rng(7)
    limits = np.finfo(dtype)
    signs = generator.choice([-1, 1], 60_000)
    if name == "log":
        magnitudes = 2.0 ** generator.uniform(limits.minexp - limits.nmant, limits.maxexp, 90_000)
        x = np.concatenate([generator.uniform(0.4, 2.5, 90_000), magnitudes])
        x = np.append(x, 1 + signs[:99] * 2.0 ** -np.arange(99))
        return x[x > 0].astype(dtype)
    lowest, highest = (-746, 709) if dtype is np.float64 else (-104, 88)
    magnitudes = signs * 2.0 ** generator.uniform(-limits.nmant - 8, np.log2(highest), 60_000)
    parts = [generator.uniform(lowest, highest, 60_000), generator.uniform(-4, 4, 60_000)]
    return np.concatenate([*parts, magnitudes]).astype(dtype)


def largest_error(name: str, dtype: type) -> float:
    """Units in the last place of the true value, which is a normal number here or not."""
    function, truth = FUNCTIONS[name]
    x = samples(name, dtype)
    limits = np.finfo(dtype)
    with np.errstate(all="ignore"):
        expected = truth(x.astype(WIDER[dtype]))
        exponent = np.frexp(np.abs(expected))[1] - 1
        unit = np.ldexp(WIDER[dtype](1), np.maximum(exponent, limits.minexp) - limits.nmant)
        error = np.abs(function(x).astype(WIDER[dtype]) - expected)
    return float((error / unit).max())


def largest_slope_error(name: str, dtype: type) -> float:
    """As above; within 1/2 of the slope's zero, units of 1/8 at least; no subnormal slopes."""
    truth, zero = SLOPES[name]
    x = samples(name, dtype)
    limits = np.finfo(dtype)
    with np.errstate(all="ignore"):
        expected = truth(x.astype(WIDER[dtype]))
        size = np.maximum(np.abs(expected), np.where(np.abs(x - zero) < 0.5, 0.125, 0))
        unit = np.ldexp(WIDER[dtype](1), np.frexp(size)[1] - 1 - limits.nmant)
        error = np.abs(slope(Activation[name.upper()], x).astype(WIDER[dtype]) - expected) / unit
    return float(error[size > 2**12 * limits.tiny].max())


def same(actual: np.ndarray, expected: list[float]) -> None:
    """Assert equality, sign of zeros included, NaN beside NaN."""
    wanted = np.array(expected, actual.dtype)
    np.testing.assert_array_equal(actual, wanted)
    known = ~np.isnan(wanted)
    np.testing.assert_array_equal(np.signbit(actual[known]), np.signbit(wanted[known]))


def check_ends(dtype: type) -> None:
    """Zeros of both signs, infinities, NaN, what overflows and what is subnormal."""
    inf, nan, limits = np.inf, np.nan, np.finfo(dtype)
    z = np.array([0.0, -0.0, inf, -inf, nan, 1e30, -1e30], dtype)
    same(forward(Activation.EXP, z), [1, 1, inf, 0, nan, inf, 0])
    same(forward(Activation.SIGMOID, z), [0.5, 0.5, 1, 0, nan, 1, 0])
    same(forward(Activation.TANH, z), [0.0, -0.0, 1, -1, nan, 1, -1])
    same(forward(Activation.RELU, z), [0.0, -0.0, inf, 0, nan, 1e30, 0])
    same(forward(Activation.ELU, z), [0.0, -0.0, inf, -1, nan, 1e30, -1])
    same(forward(Activation.SOFTPLUS, z)[2:], [inf, 0, nan, 1e30, 0])
    same(forward(Activation.SILU, z), [0.0, -0.0, inf, nan, nan, 1e30, -0.0])  # −∞ · 0
    same(forward(Activation.MISH, z), [0.0, -0.0, inf, nan, nan, 1e30, -0.0])
    same(forward(Activation.GELU, z), [0.0, -0.0, inf, nan, nan, 1e30, -0.0])
    same(log(z), [-inf, -inf, inf, nan, nan, np.log(dtype(1e30)), nan])
    for activation in (Activation.SILU, Activation.MISH, Activation.GELU):
        same(np.abs(slope(activation, z[2:])), [1, 0, nan, 1, 0])
    ends = np.log(limits.max) * np.array([1 - 2 * limits.eps, 1 + 2 * limits.eps], dtype)
    assert np.isfinite(forward(Activation.EXP, ends)).tolist() == [True, False]
    tiny = np.array([limits.smallest_subnormal, limits.tiny], dtype)
    np.testing.assert_allclose(log(tiny), np.log(tiny), rtol=2 * limits.eps)
    same(forward(Activation.TANH, tiny), tiny.tolist())
    np.testing.assert_array_equal(forward(Activation.EXP, np.log(tiny)) > 0, True)


def check_places(dtype: type) -> None:
    """A number's result has the same bits wherever it stands, in whatever length of array."""
    generator = np.random.default_rng(3)
    z = (generator.standard_normal(83) * 4).astype(dtype)
    delta = generator.standard_normal(83).astype(dtype)
    for activation in ONE_BY_ONE:
        whole = forward(activation, z)
        whole_back = delta.copy()[np.newaxis]
        activation_backward(whole_back, whole[np.newaxis], z[np.newaxis], activation)
        for start, stop in ((0, 1), (1, 4), (3, 18), (5, 38), (7, 82), (40, 83)):
            part = forward(activation, z[start:stop])
            np.testing.assert_array_equal(part, whole[start:stop])
            back = delta[start:stop].copy()[np.newaxis]
            activation_backward(
                back,
                whole[np.newaxis, start:stop].copy(),
                z[np.newaxis, start:stop].copy(),
                activation,
            )
            np.testing.assert_array_equal(back[0], whole_back[0, start:stop])


def main() -> None:
    for dtype in FLOATS:
        check_ends(dtype)
        check_places(dtype)
    errors = {
        f"{name} {np.dtype(dtype).name}": largest_error(name, dtype)
        for name in FUNCTIONS
        for dtype in MEASURED
    }
    errors |= {
        f"slope of {name} {np.dtype(dtype).name}": largest_slope_error(name, dtype)
        for name in SLOPES
        for dtype in MEASURED
    }
    print(json.dumps({"instruction set": _isa.instruction_set, "errors": errors}))
