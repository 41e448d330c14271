"""The activation kernels against SciPy's and NumPy's functions, and their derivatives."""

from __future__ import annotations

import numpy as np
import pytest
from closeness import assert_close
from damage import assert_refused, cases, read_only
from gradcheck import central_difference
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import expit, ndtr
from strategies import FLOATS, any_number, arrays, blocks, dtypes, modest, numbers

from fastnn._core.activation import Activation, activation_backward, activation_forward

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def softplus(z: np.ndarray) -> np.ndarray:
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def elu(z: np.ndarray) -> np.ndarray:
    return np.where(z < 0, np.expm1(np.minimum(z, 0)), z)


def normal_density(z: np.ndarray) -> np.ndarray:
    return np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)


def mish_slope(z: np.ndarray) -> np.ndarray:
    t = np.tanh(softplus(z))
    return t + z * expit(z) * (1 - t**2)


ELEMENTWISE = {
    Activation.IDENTITY: lambda z: z,
    Activation.SIGMOID: expit,
    Activation.TANH: np.tanh,
    Activation.RELU: lambda z: np.maximum(z, 0),
    Activation.LEAKY_RELU: lambda z: np.where(z < 0, 0.01 * z, z),
    Activation.ELU: elu,
    Activation.SELU: lambda z: SELU_SCALE * np.where(z < 0, SELU_ALPHA * elu(z), z),
    Activation.GELU: lambda z: z * ndtr(z),  # −inf · 0 is NaN, as in the kernel
    Activation.SILU: lambda z: z * expit(z),
    Activation.MISH: lambda z: z * np.tanh(softplus(z)),
    Activation.SOFTPLUS: softplus,
    Activation.EXP: np.exp,
}
# f'(z) in terms of a = f(z).
DERIVATIVES = {
    Activation.IDENTITY: np.ones_like,
    Activation.SIGMOID: lambda a: a * (1 - a),
    Activation.TANH: lambda a: 1 - a**2,
    Activation.RELU: lambda a: np.where(a > 0, 1.0, 0.0),
    Activation.LEAKY_RELU: lambda a: np.where(a > 0, 1.0, 0.01),
    Activation.ELU: lambda a: np.where(a > 0, 1.0, a + 1),
    Activation.SELU: lambda a: np.where(a > 0, SELU_SCALE, a + SELU_SCALE * SELU_ALPHA),
    Activation.SOFTPLUS: lambda a: -np.expm1(-a),
    Activation.EXP: lambda a: a,
}
# f'(z) in terms of z, where a does not say it.
DERIVATIVES_OF_Z = {
    Activation.GELU: lambda z: ndtr(z) + z * normal_density(z),
    Activation.SILU: lambda z: expit(z) * (1 + z * expit(-z)),
    Activation.MISH: mish_slope,
}
# Outputs that each can have; any number for the others.
RANGES = {
    Activation.SIGMOID: (0, 1),
    Activation.TANH: (-1, 1),
    Activation.RELU: (0, 100),
    Activation.LEAKY_RELU: (-1, 100),
    Activation.ELU: (-1, 100),
    Activation.SELU: (-1.75, 100),
    Activation.SOFTPLUS: (0, 100),
    Activation.EXP: (0, 100),
}


# Theirs is z times a factor that goes to 0: the tail's rounding is that of the factor's terms.
WITH_A_TAIL = (Activation.GELU, Activation.SILU, Activation.MISH)


def assert_forward(activation: int, z: np.ndarray) -> None:
    if activation == Activation.SOFTPLUS:
        z = np.where(np.isneginf(z), z.dtype.type(0), z)  # a test of its own has that
    wide = z.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        expected = ELEMENTWISE[activation](wide)
        # e^z changes by |z| times the rounding of z.
        stretch = 1 + np.minimum(np.abs(wide), 750) if activation == Activation.EXP else 1.0
        size = np.abs(expected) * stretch
        if activation in WITH_A_TAIL:
            size = size + np.where(np.abs(wide) < 750, 4 * np.abs(wide), 0)
    actual = forward(activation, z)
    if activation == Activation.EXP and z.dtype == np.float32:
        expected = np.where(expected > np.finfo(np.float32).max, np.inf, expected)
    if activation == Activation.SELU:  # its factor, rounded, may take the largest numbers too far
        limits = np.finfo(z.dtype)
        beyond = np.isinf(actual) & (expected > limits.max * (1 - limits.eps))
        expected = np.where(beyond, np.inf, expected)
    assert_close(actual, expected, size)


def forward(activation: int, z: np.ndarray) -> np.ndarray:
    """f(z), leaving ``z`` as it is."""
    out = np.array(z)
    assert activation_forward(out, activation) is None
    return out


def backward(
    activation: int, delta: np.ndarray, out: np.ndarray, z: np.ndarray | None = None
) -> np.ndarray:
    """delta f'(z), leaving ``delta`` as it is; without ``z`` one of NaN is given."""
    result = np.array(delta)
    z = np.full_like(out, np.nan) if z is None else z
    assert activation_backward(result, read_only(out), read_only(z), activation) is None
    return result


def softmax_rows(z: np.ndarray) -> np.ndarray:
    """Softmax of each row in float64; an infinite largest entry gives NaN."""
    z = z.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)


def test_the_numbers_are_those_of_the_enumeration():
    """Saved plans and the Python side count on them."""
    assert {a.name: int(a) for a in Activation} == {
        "IDENTITY": 0,
        "SIGMOID": 1,
        "TANH": 2,
        "RELU": 3,
        "SOFTMAX": 4,
        "LEAKY_RELU": 5,
        "ELU": 6,
        "SELU": 7,
        "GELU": 8,
        "SILU": 9,
        "MISH": 10,
        "SOFTPLUS": 11,
        "EXP": 12,
    }


@modest
@given(st.sampled_from(list(ELEMENTWISE)), dtypes.flatmap(any_number), blocks)
@example(Activation.SIGMOID, 1e308, (1, 1))
@example(Activation.SIGMOID, -1e308, (1, 1))
@example(Activation.SIGMOID, np.inf, (3, 2))
@example(Activation.SIGMOID, -np.inf, (3, 2))
@example(Activation.SIGMOID, -745.2, (1, 2))
@example(Activation.TANH, 1e308, (2, 1))
@example(Activation.RELU, np.nan, (2, 2))
@example(Activation.SIGMOID, np.nan, (2, 2))
@example(Activation.TANH, np.nan, (2, 2))
@example(Activation.RELU, -np.inf, (2, 2))
@example(Activation.SELU, 3.2386221e38, (1, 1))
def test_one_value_everywhere(activation, value, shape):
    """Any float at all, in every place of a block: vector loops and their tails agree."""
    for dtype in FLOATS:
        with np.errstate(over="ignore"):
            z = np.full(shape, value, dtype=dtype)
        assert_forward(activation, z)


@modest
@given(st.sampled_from(list(ELEMENTWISE)), st.data())
def test_forward_entry_by_entry(activation, data):
    dtype = data.draw(dtypes)
    z = data.draw(hnp.arrays(dtype, data.draw(blocks), elements=any_number(dtype)))
    assert_forward(activation, z)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("activation", ELEMENTWISE)
def test_forward_over_the_whole_range(activation, dtype):
    """One long row through every magnitude, both signs: no branch of exp or tanh is left out."""
    sizes = np.logspace(-8, 4, 2001)
    z = np.concatenate([-sizes, [0], sizes]).astype(dtype)[np.newaxis]
    assert_forward(activation, z)


@pytest.mark.parametrize("dtype", FLOATS)
def test_sigmoid_never_leaves_zero_to_one_and_is_symmetric(dtype):
    z = np.linspace(-50, 50, 4001, dtype=dtype)[np.newaxis]
    a, mirrored = forward(Activation.SIGMOID, z), forward(Activation.SIGMOID, -z)
    assert a.min() >= 0 and a.max() <= 1
    assert (np.diff(a[0]) >= 0).all()
    assert forward(Activation.SIGMOID, np.zeros((1, 1), dtype))[0, 0] == 0.5
    np.testing.assert_allclose(a + mirrored, 1, rtol=2 * np.finfo(dtype).eps)
    assert a[0, 0] > 0, "e^−50 is no zero: the small tail must not be 1 − 1"


@modest
@given(st.data())
def test_softmax_rows(data):
    dtype = data.draw(dtypes)
    largest = float(np.finfo(dtype).max)
    low, high = data.draw(st.sampled_from([(-5, 5), (-200, 200), (-largest, largest)]))
    z = data.draw(arrays(dtype, data.draw(blocks), low, high))
    a, expected = forward(Activation.SOFTMAX, z), softmax_rows(z)
    # Rounding z − max z by half an ulp changes its exponential by |z − max z| of them.
    with np.errstate(over="ignore"):
        distance = z.max(axis=1, keepdims=True).astype(np.float64) - z
    size = (1 + np.minimum(distance, 750)) * expected
    assert_close(a, expected, size, terms=z.shape[1])
    np.testing.assert_allclose(a.sum(axis=1, dtype=np.float64), 1, rtol=40 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", FLOATS)
def test_softmax_is_the_same_when_all_inputs_move_together(dtype):
    z = np.array([[1, 2, -3, 0.5]], dtype)
    np.testing.assert_array_equal(
        forward(Activation.SOFTMAX, z + dtype(8)), forward(Activation.SOFTMAX, z)
    )
    np.testing.assert_array_equal(forward(Activation.SOFTMAX, z[:, :1]), [[1]])


@pytest.mark.parametrize("dtype", FLOATS)
def test_softmax_of_infinities_and_nan(dtype):
    """−inf is a probability of 0; NaN and +inf spoil their row and no other."""
    z = np.array([[0, 0, -np.inf], [0, np.nan, 0], [np.nan, 0, 0], [np.inf, 0, 0], [1, 1, 1]])
    a = forward(Activation.SOFTMAX, z.astype(dtype))
    np.testing.assert_array_equal(a[0], [0.5, 0.5, 0])
    assert np.isnan(a[1]).all() and np.isnan(a[2]).all()
    assert np.isnan(a[3, 0])
    np.testing.assert_allclose(a[4], 1 / 3, rtol=2 * np.finfo(dtype).eps)


@st.composite
def deltas_and_outputs(draw: st.DrawFn, activation: int) -> tuple[np.ndarray, np.ndarray]:
    dtype, shape = draw(dtypes), draw(blocks)
    low, high = RANGES.get(activation, (-100, 100))
    return draw(arrays(dtype, shape)), draw(arrays(dtype, shape, low, high))


@pytest.mark.parametrize("activation", DERIVATIVES)
@modest
@given(st.data())
def test_backward_entry_by_entry(activation, data):
    """From the output alone: z is NaN here."""
    delta, out = data.draw(deltas_and_outputs(activation))
    wide, a = delta.astype(np.float64), out.astype(np.float64)
    size = np.abs(wide) * (1 + np.abs(DERIVATIVES[activation](a)))
    assert_close(backward(activation, delta, out), wide * DERIVATIVES[activation](a), 2 * size)


@pytest.mark.parametrize("activation", DERIVATIVES_OF_Z)
@modest
@given(st.data())
def test_backward_entry_by_entry_from_z(activation, data):
    """From z alone: the output is NaN here."""
    delta, z = data.draw(deltas_and_outputs(activation))
    wide, slope = delta.astype(np.float64), DERIVATIVES_OF_Z[activation](z.astype(np.float64))
    size = 8 * np.abs(wide) * (1 + np.abs(z))
    assert_close(backward(activation, delta, np.full_like(z, np.nan), z), wide * slope, size)


@modest
@given(st.data())
def test_softmax_backward_is_its_jacobian(data):
    dtype = data.draw(dtypes)
    shape = data.draw(blocks)
    delta = data.draw(arrays(dtype, shape))
    out = forward(Activation.SOFTMAX, data.draw(arrays(dtype, shape, -9, 9)))
    expected, size = np.empty(shape), np.empty(shape)
    for i, a in enumerate(out.astype(np.float64)):
        jacobian = np.diag(a) - np.outer(a, a)
        expected[i] = jacobian @ delta[i].astype(np.float64)
        size[i] = a * (np.abs(delta[i]) + a @ np.abs(delta[i]))
    assert_close(backward(Activation.SOFTMAX, delta, out), expected, size * 4, terms=shape[1])


@pytest.mark.parametrize("activation", ELEMENTWISE)
@modest
@given(numbers(np.dtype(np.float64), -5, 5).filter(lambda z: abs(z) > 0.01))
def test_backward_is_the_derivative_of_forward(activation, z):
    """Away from the kinks at 0; the two kernels are held against one another only here."""

    def f(value: float) -> float:
        return float(forward(activation, np.array([[value]]))[0, 0])

    slope = backward(activation, np.ones((1, 1)), np.array([[f(z)]]), np.array([[z]]))[0, 0]
    assert abs(slope - central_difference(f, z)) <= 1e-9 * (1 + abs(slope))


@pytest.mark.parametrize("dtype", FLOATS)
def test_softplus_of_minus_infinity_is_0(dtype):
    z = np.array([[-np.inf, 0, np.inf]], dtype)
    np.testing.assert_allclose(forward(Activation.SOFTPLUS, z), [[0, np.log(2), np.inf]], rtol=1e-6)


@pytest.mark.parametrize("dtype", FLOATS)
def test_relu_has_slope_zero_at_zero_and_blocks_even_infinite_deltas(dtype):
    out = np.array([[0, -0.0, 1, 2]], dtype)
    delta = np.array([[np.inf, 5, np.inf, -3]], dtype)
    np.testing.assert_array_equal(backward(Activation.RELU, delta, out), [[0, 0, np.inf, -3]])


@pytest.mark.parametrize("activation", [a for a in Activation if a != Activation.RELU])
def test_a_nan_in_delta_is_not_lost(activation):
    out = np.full((2, 2), 0.5)
    result = backward(activation, np.array([[np.nan, 1], [1, 1]]), out, out)
    assert np.isnan(result[0, 0]) and not np.isnan(result[1]).any()


@pytest.mark.parametrize("number", [-1, len(Activation), 99, -(2**31), 2**31 - 1])
def test_an_unknown_activation_is_refused(number):
    z = np.ones((2, 2))
    with pytest.raises(
        ValueError, match=f"activation: expected 0 to {len(Activation) - 1}, got {number}"
    ):
        activation_forward(z, number)
    with pytest.raises(
        ValueError, match=f"activation: expected 0 to {len(Activation) - 1}, got {number}"
    ):
        activation_backward(z, z.copy(), z.copy(), number)
    np.testing.assert_array_equal(z, 1)


@pytest.mark.parametrize("number", [2**40, -(2**70), None, "tanh"])
def test_what_is_no_c_int_is_refused(number):
    with pytest.raises((OverflowError, TypeError)):
        activation_forward(np.ones((2, 2)), number)


FORWARD = {"z": np.ones((3, 2)), "activation": Activation.TANH}
BACKWARD = {
    "delta": np.ones((3, 2)),
    "out": np.full((3, 2), 0.5),
    "z": np.full((3, 2), 0.25),
    "activation": Activation.SIGMOID,
}


@pytest.mark.parametrize(("argument", "damage"), cases(FORWARD, alone=True))
def test_forward_refuses(argument, damage):
    assert_refused(activation_forward, FORWARD, argument, damage)


@pytest.mark.parametrize(("argument", "damage"), cases(BACKWARD))
def test_backward_refuses(argument, damage):
    assert_refused(activation_backward, BACKWARD, argument, damage)


@pytest.mark.parametrize(
    ("function", "arguments"), [(activation_forward, FORWARD), (activation_backward, BACKWARD)]
)
def test_what_is_written_to_must_be_writable(function, arguments):
    name = next(iter(arguments))
    with pytest.raises(ValueError, match="read-only"):
        function(**{**arguments, name: read_only(arguments[name])})
