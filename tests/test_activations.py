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
from scipy.special import expit
from strategies import FLOATS, any_number, arrays, blocks, dtypes, modest, numbers

from fastnn._activations import Activation, activation_backward, activation_forward

ELEMENTWISE = {
    Activation.IDENTITY: lambda z: z,
    Activation.SIGMOID: expit,
    Activation.TANH: np.tanh,
    Activation.RELU: lambda z: np.maximum(z, 0),
}
# f'(z) in terms of a = f(z).
DERIVATIVES = {
    Activation.IDENTITY: np.ones_like,
    Activation.SIGMOID: lambda a: a * (1 - a),
    Activation.TANH: lambda a: 1 - a**2,
    Activation.RELU: lambda a: np.where(a > 0, 1.0, 0.0),
}


def forward(activation: int, z: np.ndarray) -> np.ndarray:
    """f(z), leaving ``z`` as it is."""
    out = np.array(z)
    assert activation_forward(out, activation) is None
    return out


def backward(activation: int, delta: np.ndarray, out: np.ndarray) -> np.ndarray:
    """delta f'(z), leaving ``delta`` as it is."""
    result = np.array(delta)
    assert activation_backward(result, read_only(out), activation) is None
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
def test_one_value_everywhere(activation, value, shape):
    """Any float at all, in every place of a block: vector loops and their tails agree."""
    for dtype in FLOATS:
        with np.errstate(over="ignore"):
            z = np.full(shape, value, dtype=dtype)
        expected = ELEMENTWISE[activation](z.astype(np.float64))
        assert_close(forward(activation, z), expected)


@modest
@given(st.sampled_from(list(ELEMENTWISE)), st.data())
def test_forward_entry_by_entry(activation, data):
    dtype = data.draw(dtypes)
    z = data.draw(hnp.arrays(dtype, data.draw(blocks), elements=any_number(dtype)))
    with np.errstate(invalid="ignore"):
        assert_close(forward(activation, z), ELEMENTWISE[activation](z.astype(np.float64)))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("activation", ELEMENTWISE)
def test_forward_over_the_whole_range(activation, dtype):
    """One long row through every magnitude, both signs: no branch of exp or tanh is left out."""
    sizes = np.logspace(-8, 4, 2001)
    z = np.concatenate([-sizes, [0], sizes]).astype(dtype)[np.newaxis]
    assert_close(forward(activation, z), ELEMENTWISE[activation](z.astype(np.float64)))


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
    low, high = {"SIGMOID": (0, 1), "TANH": (-1, 1), "RELU": (0, 100)}.get(
        Activation(activation).name, (-100, 100)
    )
    return draw(arrays(dtype, shape)), draw(arrays(dtype, shape, low, high))


@pytest.mark.parametrize("activation", DERIVATIVES)
@modest
@given(st.data())
def test_backward_entry_by_entry(activation, data):
    delta, out = data.draw(deltas_and_outputs(activation))
    wide, a = delta.astype(np.float64), out.astype(np.float64)
    assert_close(backward(activation, delta, out), wide * DERIVATIVES[activation](a), np.abs(wide))


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
    """Away from ReLU's kink; the two kernels are held against one another only here."""

    def f(value: float) -> float:
        return float(forward(activation, np.array([[value]]))[0, 0])

    slope = backward(activation, np.ones((1, 1)), np.array([[f(z)]]))[0, 0]
    assert abs(slope - central_difference(f, z)) <= 1e-9


@pytest.mark.parametrize("dtype", FLOATS)
def test_relu_has_slope_zero_at_zero_and_blocks_even_infinite_deltas(dtype):
    out = np.array([[0, -0.0, 1, 2]], dtype)
    delta = np.array([[np.inf, 5, np.inf, -3]], dtype)
    np.testing.assert_array_equal(backward(Activation.RELU, delta, out), [[0, 0, np.inf, -3]])


@pytest.mark.parametrize("activation", [a for a in Activation if a != Activation.RELU])
def test_a_nan_in_delta_is_not_lost(activation):
    out = np.full((2, 2), 0.5)
    result = backward(activation, np.array([[np.nan, 1], [1, 1]]), out)
    assert np.isnan(result[0, 0]) and not np.isnan(result[1]).any()


@pytest.mark.parametrize("number", [-1, 5, 99, -(2**31), 2**31 - 1])
def test_an_unknown_activation_is_refused(number):
    z = np.ones((2, 2))
    with pytest.raises(ValueError, match=f"activation: expected 0 to 4, got {number}"):
        activation_forward(z, number)
    with pytest.raises(ValueError, match=f"activation: expected 0 to 4, got {number}"):
        activation_backward(z, z.copy(), number)
    np.testing.assert_array_equal(z, 1)


@pytest.mark.parametrize("number", [2**40, -(2**70), None, "tanh"])
def test_what_is_no_c_int_is_refused(number):
    with pytest.raises((OverflowError, TypeError)):
        activation_forward(np.ones((2, 2)), number)


FORWARD = {"z": np.ones((3, 2)), "activation": Activation.TANH}
BACKWARD = {"delta": np.ones((3, 2)), "out": np.full((3, 2), 0.5), "activation": Activation.SIGMOID}


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
