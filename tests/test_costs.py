"""The cost kernels against the costs' classes, and their deltas against differences."""

from __future__ import annotations

import numpy as np
import pytest
from closeness import assert_close
from damage import assert_refused, cases, read_only
from gradcheck import numerical_gradient
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.special import expit, log_expit, log_softmax, softmax
from strategies import FLOATS, arrays, blocks, dtypes, few, modest

from fastnn import CrossEntropyCost, LogLikelihoodCost, QuadraticCost
from fastnn._core.activation import Activation
from fastnn._core.cost import OUTPUTS, Cost, cost_backward, cost_forward
from fastnn.costs import AbsoluteCost, HuberCost, PoissonCost, QuantileCost

IDENTITY, SIGMOID, SOFTMAX = Activation.IDENTITY, Activation.SIGMOID, Activation.SOFTMAX
EXP = Activation.EXP
PARAMETER = 0.3  # the Huber cost's delta and the quantile here
CLASSES = {
    Cost.QUADRATIC: QuadraticCost,
    Cost.CROSS_ENTROPY: CrossEntropyCost,
    Cost.LOG_LIKELIHOOD: LogLikelihoodCost,
    Cost.HUBER: HuberCost(PARAMETER),
    Cost.ABSOLUTE: AbsoluteCost,
    Cost.POISSON: PoissonCost,
    Cost.QUANTILE: QuantileCost(PARAMETER),
}
PAIRS = [
    (Cost.QUADRATIC, SIGMOID),
    (Cost.QUADRATIC, IDENTITY),
    (Cost.QUADRATIC, SOFTMAX),
    (Cost.CROSS_ENTROPY, SIGMOID),
    (Cost.CROSS_ENTROPY, SOFTMAX),
    (Cost.LOG_LIKELIHOOD, SOFTMAX),
    (Cost.LOG_LIKELIHOOD, SIGMOID),
    (Cost.HUBER, IDENTITY),
    (Cost.HUBER, SIGMOID),
    (Cost.ABSOLUTE, IDENTITY),
    (Cost.ABSOLUTE, SIGMOID),
    (Cost.POISSON, EXP),
    (Cost.QUANTILE, IDENTITY),
    (Cost.QUANTILE, SIGMOID),
]
# Costs of which a slope jumps at 0 or at the parameter.
KINKS = {Cost.HUBER: PARAMETER, Cost.ABSOLUTE: 0.0, Cost.QUANTILE: 0.0}
every_pair = pytest.mark.parametrize(("cost", "output"), PAIRS, ids=lambda e: e.name.lower())
every_cost = pytest.mark.parametrize("cost", list(Cost), ids=lambda e: e.name.lower())
every_float = pytest.mark.parametrize("dtype", FLOATS)

# ∂C/∂a of each cost.
SLOPES = {
    Cost.QUADRATIC: lambda a, y: a - y,
    Cost.CROSS_ENTROPY: lambda a, y: (a - y) / (a * (1 - a)),
    Cost.LOG_LIKELIHOOD: lambda a, y: -y / a,
    Cost.HUBER: lambda a, y: np.clip(a - y, -PARAMETER, PARAMETER),
    Cost.ABSOLUTE: lambda a, y: np.sign(a - y),
    Cost.POISSON: lambda a, y: 1 - y / a,
    Cost.QUANTILE: lambda a, y: np.heaviside(a - y, PARAMETER) - PARAMETER,
}
NONE = np.empty(0)


def total_of(
    cost: int, a: np.ndarray, y: np.ndarray, row_weights: np.ndarray | None = None
) -> float:
    weights = NONE if row_weights is None else row_weights
    return cost_forward(a, y, weights.astype(a.dtype), cost, PARAMETER)


def delta_of(cost: int, output: int, a: np.ndarray, y: np.ndarray) -> np.ndarray:
    delta = np.full_like(a, np.nan)
    assert cost_backward(delta, read_only(a), read_only(y), cost, PARAMETER, output) is None
    return delta


def jacobian(output: int, a: np.ndarray) -> np.ndarray:
    """∂a/∂z of one row, from its output."""
    if output == SOFTMAX:
        return np.diag(a) - np.outer(a, a)
    if output == EXP:
        return np.diag(a)
    return np.diag(a * (1 - a)) if output == SIGMOID else np.eye(len(a))


def chain_rule(cost: int, output: int, a: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(∂a/∂z)ᵀ ∂C/∂a, row by row: nothing cancelled."""
    return np.array([jacobian(output, p) @ SLOPES[cost](p, t) for p, t in zip(a, y, strict=True)])


def cost_of_weighted_input(cost: int, output: int, z: np.ndarray, y: np.ndarray) -> float:
    """C(f(z), y) with the logarithms taken of z, so that it holds for large z too."""
    a = activate(output, z)
    if cost == Cost.POISSON:
        return float(np.sum(a - y * z))
    if cost not in (Cost.CROSS_ENTROPY, Cost.LOG_LIKELIHOOD):
        return float(CLASSES[cost].fn(a, y))
    log_a = log_expit(z) if output == SIGMOID else log_softmax(z, axis=1)
    if cost == Cost.LOG_LIKELIHOOD:
        return float(-np.sum(y * log_a))
    log_rest = log_expit(-z) if output == SIGMOID else np.log1p(-a)
    return float(-np.sum(y * log_a + (1 - y) * log_rest))


def activate(output: int, z: np.ndarray) -> np.ndarray:
    functions = {IDENTITY: lambda z: z, SIGMOID: expit, EXP: np.exp}
    return softmax(z, axis=1) if output == SOFTMAX else functions[output](z)


def targets(kind: str, m: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """One-hot rows, rows that sum to 1, or rows of any numbers from 0 to 1."""
    if kind == "one-hot":
        return np.eye(n)[rng.integers(n, size=m)]
    return rng.dirichlet(np.ones(n), size=m) if kind == "soft" else rng.random((m, n))


def test_the_numbers_are_those_of_the_enumeration():
    """Saved plans and the Python side count on them."""
    assert {c.name: int(c) for c in Cost} == {
        "QUADRATIC": 0,
        "CROSS_ENTROPY": 1,
        "LOG_LIKELIHOOD": 2,
        "HUBER": 3,
        "ABSOLUTE": 4,
        "POISSON": 5,
        "QUANTILE": 6,
    }


# Values.


@every_cost
@modest
@given(st.data())
def test_the_value_is_that_of_the_class(cost, data):
    """From 0 to 1 with both ends, where the class hides log(0) behind nan_to_num."""
    shape = data.draw(blocks)
    a, y = (data.draw(arrays(np.dtype(np.float64), shape, 0, 1)) for _ in range(2))
    total = total_of(cost, read_only(a), read_only(y))
    assert isinstance(total, float)
    with np.errstate(over="ignore", invalid="ignore"):  # two largest numbers make an infinity
        expected = CLASSES[cost].fn(a, y)
    assert total == pytest.approx(expected, rel=1e-12, abs=1e-300)


@every_cost
@modest
@given(st.data())
def test_the_value_in_float32_is_the_class_in_float64(cost, data):
    """Its inputs are rounded, its arithmetic is not."""
    shape = data.draw(blocks)
    a = data.draw(arrays(np.dtype(np.float32), shape, 2**-20, 1 - 2**-20))
    y = data.draw(arrays(np.dtype(np.float32), shape, 0, 1))
    expected = CLASSES[cost].fn(a.astype(np.float64), y.astype(np.float64))
    assert total_of(cost, a, y) == pytest.approx(expected, rel=1e-12, abs=1e-300)


@every_float
@pytest.mark.parametrize("cost", [Cost.CROSS_ENTROPY, Cost.LOG_LIKELIHOOD])
@pytest.mark.parametrize("a", [0.0, 1.0, np.nan, np.inf])
@pytest.mark.parametrize("y", [0.0, 0.5, 1.0])
def test_hidden_logarithms_of_zero(cost, dtype, a, y):
    """0·ln 0 and NaN count 0, an infinite term as the dtype's largest number, as in the class."""
    outputs, wanted = np.full((1, 1), a, dtype), np.full((1, 1), y, dtype)
    expected = float(CLASSES[cost].fn(outputs, wanted))
    assert total_of(cost, outputs, wanted) == expected


@every_float
@pytest.mark.parametrize("a", [np.nan, np.inf])
def test_the_quadratic_cost_hides_nothing(dtype, a):
    total = total_of(Cost.QUADRATIC, np.full((1, 1), a, dtype), np.zeros((1, 1), dtype))
    np.testing.assert_equal(total, a)


def test_float32_totals_are_summed_in_double():
    """½ and then 2¹⁷ terms of 2⁻²⁷: a float32 total would stick at ½, as it does at 2²⁷ + 1."""
    a = np.full((2**17 + 1, 1), 2.0**-13, np.float32)
    a[0] = 1
    assert total_of(Cost.QUADRATIC, a, np.zeros_like(a)) == 0.5 + 2.0**-10
    # −ln a of the float32 next to 1 is 2⁻²⁴, about: added to ln 2, 2¹⁷ of them are lost likewise.
    a = np.full((2**17 + 1, 1), 1 - 2.0**-24, np.float32)
    a[0] = 0.5
    total = total_of(Cost.LOG_LIKELIHOOD, a, np.ones_like(a))
    assert total == pytest.approx(np.log(2) - 2**17 * np.log1p(-(2.0**-24)), rel=1e-12)


@every_cost
def test_float32_outputs_are_not_squared_or_subtracted_in_float32(cost):
    """1 − 10⁻⁷ rounds to 1 in float32, but ln(1 − a) is asked of the double."""
    a, y = np.float32([[1e-7, 3e-8]]), np.float32([[0.3, 0.6]])
    expected = CLASSES[cost].fn(a.astype(np.float64), y.astype(np.float64))
    assert total_of(cost, a, y) == pytest.approx(expected, rel=1e-14)


@every_float
@every_cost
def test_row_weights_are_factors_on_the_rows(cost, dtype):
    rng = np.random.default_rng(0)
    a, y = (rng.uniform(0.1, 0.9, (5, 3)).astype(dtype) for _ in range(2))
    weights = np.array([0, 1, 0.5, 2, 8])
    expected = sum(w * total_of(cost, a[[i]], y[[i]]) for i, w in enumerate(weights))
    assert total_of(cost, a, y, weights) == pytest.approx(expected, rel=1e-14)
    assert total_of(cost, a, y, np.ones(5)) == total_of(cost, a, y)


@every_cost
@pytest.mark.parametrize("n_weights", [1, 4, 6])
def test_as_many_row_weights_as_rows(cost, n_weights):
    a = np.full((5, 3), 0.5)
    with pytest.raises(ValueError, match=f"row_weights: expected none or 5, got {n_weights}"):
        cost_forward(a, a, np.ones(n_weights), cost, PARAMETER)


# Deltas.


@pytest.mark.parametrize("kind", ["one-hot", "soft", "any"])
@every_pair
@few
@given(st.data())
def test_delta_is_the_derivative_of_the_cost(cost, output, kind, data):
    m, n = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 5)))
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    z, y = rng.uniform(-3, 3, (m, n)), targets(kind, m, n, rng)
    if cost == Cost.CROSS_ENTROPY and output == SOFTMAX and n == 1:
        n, z, y = 2, rng.uniform(-3, 3, (m, 2)), targets(kind, m, 2, rng)  # a = 1 has no ln(1 − a)
    if cost in KINKS:  # a difference must not step over one
        distance = np.abs(np.abs(activate(output, z) - y) - KINKS[cost])
        assume(distance.min() > 0.01)
    expected = numerical_gradient(lambda z: cost_of_weighted_input(cost, output, z, y), z)
    delta = delta_of(cost, output, activate(output, z), y)
    np.testing.assert_allclose(delta, expected, rtol=1e-8, atol=1e-9)


@every_pair
@modest
@given(st.data())
def test_delta_is_the_chain_rule(cost, output, data):
    """The cancelled forms against ∂a/∂z · ∂C/∂a, in both precisions and shapes up to 33."""
    dtype = data.draw(dtypes)
    m, n = data.draw(blocks)
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    n = max(n, 2)
    a = activate(output, rng.uniform(-3, 3, (m, n))).astype(dtype)
    y = targets(data.draw(st.sampled_from(["one-hot", "soft", "any"])), m, n, rng).astype(dtype)
    wide, wanted = a.astype(np.float64), y.astype(np.float64)
    if output == SOFTMAX:  # a rounded row sums to 1 only nearly, as does Σy of a soft one
        size = 4 * (1 + np.abs(wanted).sum(axis=1, keepdims=True)) / (1 - wide.max())
    else:
        size = 4 * (1 + np.abs(wide) + np.abs(wanted))
    expected = chain_rule(cost, output, wide, wanted)
    assert_close(delta_of(cost, output, a, y), expected, size, terms=n)


@every_float
@every_pair
def test_delta_is_nothing_where_the_output_is_right(cost, output, dtype):
    """Where it is exp too, which never is 0: its delta is a − y."""
    a = np.eye(4, dtype=dtype)
    np.testing.assert_array_equal(delta_of(cost, output, a, a.copy()), 0)


@every_float
@pytest.mark.parametrize("cost", [c for c, output in PAIRS if output == SOFTMAX])
def test_a_softmax_of_one_output_has_nothing_to_learn(cost, dtype):
    """It is 1 whatever its input, so that no target moves it."""
    y = np.array([[0], [0.25], [1]], dtype)
    np.testing.assert_array_equal(delta_of(cost, SOFTMAX, np.ones_like(y), y), 0)


# Which output a row puts 1 on, and which the target asks for: the limit of the exact delta there.
WRONG = {
    (Cost.QUADRATIC, SIGMOID): [0, 0, 0],
    (Cost.QUADRATIC, IDENTITY): [1, -1, 0],
    (Cost.QUADRATIC, SOFTMAX): [0, 0, 0],
    (Cost.CROSS_ENTROPY, SIGMOID): [1, -1, 0],
    (Cost.LOG_LIKELIHOOD, SOFTMAX): [1, -1, 0],
    (Cost.LOG_LIKELIHOOD, SIGMOID): [0, -1, 0],
    (Cost.HUBER, SIGMOID): [0, 0, 0],
    (Cost.ABSOLUTE, IDENTITY): [1, -1, 0],
    (Cost.ABSOLUTE, SIGMOID): [0, 0, 0],
    (Cost.POISSON, EXP): [1, -1, 0],
    (Cost.QUANTILE, SIGMOID): [0, 0, 0],
}


@every_float
@pytest.mark.parametrize(("pair", "expected"), WRONG.items(), ids=lambda p: str(p))
def test_delta_where_the_output_is_exactly_wrong(pair, expected, dtype):
    a, y = np.array([[1, 0, 0]], dtype), np.array([[0, 1, 0]], dtype)
    np.testing.assert_array_equal(delta_of(*pair, a, y), [expected])


@every_float
def test_cross_entropy_with_softmax_where_the_output_is_exactly_wrong(dtype):
    """The cost is infinite there, its delta finite: of size 2 in the limit, never of 1/epsilon."""
    a, y = np.array([[1, 0, 0]], dtype), np.array([[0, 1, 0]], dtype)
    delta = delta_of(Cost.CROSS_ENTROPY, SOFTMAX, a, y)
    assert np.isfinite(delta).all()
    assert 1 <= delta[0, 0] <= 2 and -2 <= delta[0, 1] <= -1


@every_pair
@modest
@given(st.data())
def test_delta_stays_finite_for_every_output(cost, output, data):
    """Outputs and targets from 0 to 1, ends, neighbours of the ends and subnormals included."""
    dtype, shape = data.draw(dtypes), data.draw(blocks)
    a, y = (data.draw(arrays(dtype, shape, 0, 1)) for _ in range(2))
    if output == SOFTMAX:
        rows = a.sum(axis=1, keepdims=True)
        a = np.where(rows > 0, a / np.where(rows > 0, rows, 1), dtype.type(1 / shape[1]))
        a = a.astype(dtype)
    assert np.isfinite(delta_of(cost, output, a, y)).all()


@every_float
@every_pair
def test_delta_stays_finite_next_to_0_and_1(cost, output, dtype):
    """Subnormal outputs, whose inverse is infinite, and the last one before 1."""
    least, tiny, eps = (
        np.finfo(dtype).smallest_subnormal,
        np.finfo(dtype).tiny,
        np.finfo(dtype).eps,
    )
    others = np.array([[least, 0], [least, least], [0, tiny], [eps / 2, 0], [eps, tiny]], dtype)
    rows = np.column_stack([1 - others.sum(axis=1, dtype=dtype), others])
    a = np.repeat(np.concatenate([rows, rows[:, ::-1]]), 3, axis=0)
    y = np.tile(np.eye(3, dtype=dtype), (len(a) // 3, 1))
    assert a.max() == 1 and 0 < a[a > 0].min() < tiny
    delta = delta_of(cost, output, a, y)
    assert np.isfinite(delta).all()
    assert np.abs(delta).max() <= 2


def exact_cross_entropy_softmax(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Its delta from z in float64, with every 1 − a summed from the other outputs.

    From δ_j = u_j − a_j Σ_k u_k with u = (a − y) / (1 − a) follows
    δ_j = a_j − y_j − a_j Σ_{k≠j} u_k: no large numbers are left to cancel.
    """
    a = softmax(z.astype(np.float64), axis=1)
    others = ~np.eye(z.shape[1], dtype=bool)
    rest = np.array([[row[mask].sum() for mask in others] for row in a])
    u = (1 - y - rest) / rest
    rest_of_u = np.array([[row[mask].sum() for mask in others] for row in u])
    return (1 - y - rest) - a * rest_of_u


@every_float
@pytest.mark.parametrize("gap", [1, 4, 8, 12, 16, 18, 25, 35, 40, 80])
def test_cross_entropy_with_softmax_when_surely_wrong(gap, dtype):
    """A confident mistake is where the delta matters most: it must be right, not only finite."""
    z = np.array([[0, gap, 0.25], [-0.5, 0, gap], [gap, 0.125, 0]], dtype)
    y = np.array([[1, 0, 0], [0, 1, 0], [0.5, 0.25, 0.25]], dtype)
    a = softmax(z.astype(np.float64), axis=1).astype(dtype)
    assert_close(
        delta_of(Cost.CROSS_ENTROPY, SOFTMAX, a, y), exact_cross_entropy_softmax(z, y), 8.0
    )


# Refusals.


@pytest.mark.parametrize("number", [-1, len(Cost), 99, -(2**31), 2**31 - 1])
def test_an_unknown_cost_is_refused(number):
    a, delta = np.full((2, 2), 0.5), np.zeros((2, 2))
    with pytest.raises(ValueError, match=f"cost: expected 0 to {len(Cost) - 1}, got {number}"):
        cost_forward(a, a, NONE, number, PARAMETER)
    with pytest.raises(ValueError, match=f"cost: expected 0 to {len(Cost) - 1}, got {number}"):
        cost_backward(delta, a, a, number, PARAMETER, SIGMOID)
    np.testing.assert_array_equal(delta, 0)


@pytest.mark.parametrize(
    ("cost", "output"),
    sorted(
        {(cost, output) for cost in Cost for output in (*Activation, -1, len(Activation))}
        - set(PAIRS)
    ),
)
def test_an_output_that_does_not_go_with_the_cost_is_refused(cost, output):
    a, delta = np.full((2, 2), 0.5), np.zeros((2, 2))
    with pytest.raises(ValueError, match=r"output: .* does not go with cost"):
        cost_backward(delta, a, a, cost, PARAMETER, output)
    np.testing.assert_array_equal(delta, 0)


def test_the_pairs_are_those_of_the_kernels():
    assert {(cost, output) for cost in OUTPUTS for output in OUTPUTS[cost]} == set(PAIRS)


ROWS = {"a": np.full((3, 2), 0.5), "y": np.full((3, 2), 0.5)}
KIND = {"cost": Cost.CROSS_ENTROPY, "parameter": PARAMETER}
FORWARD = {**ROWS, "row_weights": np.ones(3), **KIND}
BACKWARD = {"delta": np.zeros((3, 2)), **ROWS, **KIND, "output": SIGMOID}


@pytest.mark.parametrize(("argument", "damage"), cases(FORWARD, [("row_weights", "no rows")]))
def test_forward_refuses(argument, damage):
    assert_refused(cost_forward, FORWARD, argument, damage)


@pytest.mark.parametrize(("argument", "damage"), cases(BACKWARD))
def test_backward_refuses(argument, damage):
    assert_refused(cost_backward, BACKWARD, argument, damage)


def test_a_delta_that_cannot_be_written_is_refused():
    with pytest.raises(ValueError, match="read-only"):
        cost_backward(**{**BACKWARD, "delta": read_only(BACKWARD["delta"])})
