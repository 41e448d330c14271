"""Costs of saturated outputs: right by the weighted inputs, whatever outputs are rounded to."""

from __future__ import annotations

import decimal
import itertools
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from instruction_sets import run

import fastnn
from fastnn import costs, reference
from fastnn._core.activation import Activation, activation_forward
from fastnn._core.cost import Cost
from fastnn._core.cost_of_z import FROM_Z, cost_of_z
from fastnn._core.isa import available
from fastnn.activations import KERNELS
from fastnn.book import network2
from fastnn.diagnostics import gradient_norms

PAIRS = [(cost, output) for cost, outputs in FROM_Z.items() for output in outputs]
NONE = np.empty(0)
CLASSES = {
    Cost.CROSS_ENTROPY: fastnn.CrossEntropyCost,
    Cost.LOG_LIKELIHOOD: fastnn.LogLikelihoodCost,
    Cost.POISSON: costs.PoissonCost,
}
NAMES = {number: name for name, number in KERNELS.items()}
every_pair = pytest.mark.parametrize(
    ("cost", "output"), PAIRS, ids=[f"{Cost(c).name}-{NAMES[o]}" for c, o in PAIRS]
)
every_dtype = pytest.mark.parametrize("dtype", ["float64", "float32"])
# What is right to about the last digits of the dtype.
RTOL = {"float64": 1e-12, "float32": 2e-6}


# The exact values, in 60 digits.


def log_of_sum(values: list[Decimal]) -> Decimal:
    top = max(values)
    return top + sum((v - top).exp() for v in values).ln()


def log1p_exp(x: Decimal) -> Decimal:
    """ln(1 + e^x), by its first terms where 60 digits would not tell 1 + e^x from 1."""
    if x > 0:
        return x + log1p_exp(-x)
    e = x.exp()
    return e - e * e / 2 if x < -45 else (1 + e).ln()


def exact_of_row(cost: int, output: int, z: list[float], y: list[float]) -> Decimal:
    zs, ys = [Decimal(v) for v in z], [Decimal(v) for v in y]
    if output == Activation.EXP:
        return sum(v.exp() - t * v for v, t in zip(zs, ys, strict=True))
    if output == Activation.SIGMOID:
        hit = [log1p_exp(-v) for v in zs]
        miss = [log1p_exp(v) for v in zs]
    else:  # −ln a_j = ln(1 + e^(L − z_j)), with L = ln Σ e^z of the others
        others = [log_of_sum(zs[:j] + zs[j + 1 :]) for j in range(len(zs))]
        hit = [log1p_exp(rest - v) for v, rest in zip(zs, others, strict=True)]
        miss = [log1p_exp(v - rest) for v, rest in zip(zs, others, strict=True)]
    total = sum(t * h for t, h in zip(ys, hit, strict=True))
    if cost == Cost.CROSS_ENTROPY:
        total += sum((1 - t) * m for t, m in zip(ys, miss, strict=True))
    return total


def exact(cost: int, output: int, z: np.ndarray, y: np.ndarray) -> float:
    with decimal.localcontext() as context:
        context.prec = 60
        context.Emin, context.Emax = -(10**6), 10**6
        rows = zip(z.astype(float).tolist(), y.astype(float).tolist(), strict=True)
        return float(sum(exact_of_row(cost, output, *row) for row in rows))


def outputs_of(z: np.ndarray, output: int) -> np.ndarray:
    a = z.copy()
    with np.errstate(all="ignore"):
        activation_forward(a, output)
    return a


def computed(cost: int, output: int, z: np.ndarray, y: np.ndarray) -> float:
    return cost_of_z(z, outputs_of(z, output), y, NONE.astype(z.dtype), cost, output)


def targets(kind: str, z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    m, n = z.shape
    if kind == "soft":
        return rng.random((m, n))
    right = z.argmax(axis=1)
    labels = right if kind == "right" else (right + 1) % n
    return np.eye(n)[labels] * (1 - 0.1 * (kind == "smoothed")) + 0.1 / n * (kind == "smoothed")


SIZES = (1e-6, 0.5, 3, 10, 40, 120, 400, 720, 3000, 1e4)
KINDS = ("right", "wrong", "smoothed", "soft")


@every_dtype
@pytest.mark.parametrize("kind", KINDS)
@every_pair
def test_the_value_is_right_to_the_last_digits(cost, output, kind, dtype):
    rng = np.random.default_rng(0)
    sizes = [s for s in SIZES if output != Activation.EXP or s <= 80]
    for size, n in itertools.product(sizes, (2, 3, 11)):
        z = rng.uniform(-size, size, (1, n)).astype(dtype)
        y = targets(kind, z, rng).astype(dtype)
        expected, scale = exact(cost, output, z, y), 0.0
        if output == Activation.EXP:  # its two terms may cancel
            scale = RTOL[dtype] * float(np.sum(np.exp(z, dtype=float) + np.abs(y * z)))
        smallest = float(np.finfo(dtype).tiny)  # of which an output has all digits
        assert computed(cost, output, z, y) == pytest.approx(
            expected, rel=RTOL[dtype], abs=max(smallest, scale)
        ), (size, n)


def test_known_values():
    for z, y, expected in (
        (40.0, 0.0, 40.0),
        (40.0, 1.0, 4.248354255291589e-18),
        (-1e4, 1.0, 1e4),
        (1e4, 1.0, 0.0),
        (0.0, 1.0, np.log(2)),
    ):
        one = [np.array([[v]]) for v in (z, y)]
        assert computed(Cost.CROSS_ENTROPY, Activation.SIGMOID, *one) == pytest.approx(
            expected, rel=1e-14, abs=0
        )
    rows = np.array([[800.0, 0.0, -800.0]]), np.array([[0.0, 0.0, 1.0]])
    assert computed(Cost.LOG_LIKELIHOOD, Activation.SOFTMAX, *rows) == 1600


@every_dtype
@pytest.mark.parametrize("n", [1, 3, 70])
@pytest.mark.parametrize("m", [1, 63, 64, 65, 700])
@every_pair
def test_many_rows_with_weights_are_the_sum_of_single_ones(cost, output, m, n, dtype):
    rng = np.random.default_rng(m + n)
    z = (rng.normal(size=(m, n)) * rng.choice([1, 5, 30], size=(m, 1))).astype(dtype)
    y = rng.random((m, n)).astype(dtype)
    if n == 1 and output == Activation.SOFTMAX:
        y[:] = 1
    a, weights = outputs_of(z, output), rng.random(m).astype(dtype)
    none = NONE.astype(dtype)
    each = [
        cost_of_z(z[i : i + 1], a[i : i + 1], y[i : i + 1], none, cost, output) for i in range(m)
    ]
    assert cost_of_z(z, a, y, none, cost, output) == pytest.approx(sum(each), rel=1e-12)
    weighted = float(np.dot(each, weights.astype(float)))
    assert cost_of_z(z, a, y, weights, cost, output) == pytest.approx(weighted, rel=1e-12)


@every_pair
def test_ties_count_once(cost, output):
    z, y = np.array([[2.0, 2.0, 2.0, 1.0]]), np.array([[0.0, 1.0, 0.0, 0.0]])
    assert computed(cost, output, z, y) == pytest.approx(exact(cost, output, z, y), rel=1e-14)


@every_dtype
@every_pair
def test_nan_stays_nan_and_infinity_does_not_become_it(cost, output, dtype):
    z = np.array([[1.0, np.nan, -2.0]], dtype)
    assert np.isnan(computed(cost, output, z, np.full_like(z, 0.5)))
    if output == Activation.SIGMOID:
        right = np.array([[np.inf, -np.inf]], dtype), np.array([[1.0, 0.0]], dtype)
        assert computed(cost, output, *right) == 0


def test_a_softmax_of_one_number_costs_the_largest_number_where_it_is_wrong():
    one = np.array([[3.0]])
    assert computed(Cost.CROSS_ENTROPY, Activation.SOFTMAX, one, one / 3) == 0
    assert computed(Cost.CROSS_ENTROPY, Activation.SOFTMAX, one, 0 * one) == np.finfo(float).max


ON_EVERY_LEVEL = """
import sys
sys.path[:0] = {path!r}
import test_costs_of_z as these
for (cost, output), dtype in these.itertools.product(these.PAIRS, ("float64", "float32")):
    for kind in these.KINDS:
        these.test_the_value_is_right_to_the_last_digits(cost, output, kind, dtype)
    these.test_many_rows_with_weights_are_the_sum_of_single_ones(cost, output, 65, 3, dtype)
"""


@pytest.mark.parametrize("level", available())
def test_every_instruction_set(level):
    import sys

    done = run(ON_EVERY_LEVEL.format(path=sys.path), level)
    assert done.returncode == 0, done.stderr


REFUSED = {
    "z": np.ones((2, 3)),
    "a": np.ones((2, 3)),
    "y": np.ones((2, 3)),
    "row_weights": np.ones(2),
    "cost": int(Cost.CROSS_ENTROPY),
    "output": int(Activation.SIGMOID),
}


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("a", np.ones((2, 2)), "a: expected shape"),
        ("y", np.ones((3, 3)), "y: expected shape"),
        ("z", np.ones((0, 3)), "z: expected at least one row"),
        ("row_weights", np.ones(3), "row_weights: expected none or 2, got 3"),
        ("cost", int(Cost.QUADRATIC), "no cost of z for cost 0"),
        ("output", int(Activation.IDENTITY), "with activation 0"),
        ("output", 99, "with activation 99"),
    ],
)
def test_what_does_not_fit_is_refused(argument, value, message):
    with pytest.raises(ValueError, match=message):
        cost_of_z(**{**REFUSED, argument: value})


# Networks.

DATA = np.random.default_rng(3)
X = DATA.normal(size=(40, 6)) * 30


def made(kind: Any, cost: int, output: int, dtype: str, **options: Any) -> Any:
    sizes = [6, 5, 4]
    net = kind(sizes, CLASSES[cost], output=NAMES[output], rng=0, dtype=dtype, **options)
    # Weights at which outputs are far beyond what tells 1 − a, but counts can be told.
    net.weights[-1] *= 1 if output == Activation.EXP else 60
    return net


def targets_for(output: int) -> np.ndarray:
    if output == Activation.EXP:
        return DATA.integers(0, 4, (40, 4)).astype(float)
    return np.eye(4)[np.random.default_rng(5).integers(4, size=40)]


@pytest.mark.parametrize("options", [{}, {"activation": "tanh", "normalization": "layer"}])
@pytest.mark.parametrize("batch_size", [7, 40])  # in layers, and without a norm in lanes
@every_dtype
@every_pair
def test_training_records_what_the_reference_does(cost, output, dtype, batch_size, options):
    y = targets_for(output)
    fit = {
        "epochs": 2,
        "batch_size": batch_size,
        "learning_rate": 1e-4,
        "validation_data": (X[::2], y[::2]),
        "sample_weight": 0.5 + np.arange(40) / 40,
        "label_smoothing": 0.1 if output != Activation.EXP else 0.0,
    }
    found = []
    for kind in (fastnn.Network, reference.Network):
        net = made(kind, cost, output, dtype, **options)
        history = net.fit(X, y, **fit)
        columns = ("training_cost", "validation_cost")
        found.append([*(history[name] for name in columns), [net.total_cost((X, y), 0.1)] * 2])
        found[-1].append([net.gradients(X, y).cost, gradient_norms(net, X, y).cost])
    assert np.isfinite(found).all()
    np.testing.assert_allclose(*found, rtol=1e-10 if dtype == "float64" else 1e-4)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_one_saturated_output_costs_what_its_input_says(dtype):
    for z, y, expected in ((40, 0, 40.0), (18, 0, 18.0), (40, 1, 4.248354255291589e-18)):
        net = fastnn.Network([1, 1], initializer="zeros", dtype=dtype)
        net.weights = [[[z]]]
        data = np.ones((3, 1)), np.full(3, y)
        history = net.fit(*data, epochs=1, learning_rate=1e-12, validation_data=data)
        for found in (history["training_cost"][0], history["validation_cost"][0]):
            assert found == pytest.approx(expected, rel=1e-6, abs=0)
        assert net.gradients(*data).cost == pytest.approx(expected, rel=1e-6, abs=0)


@pytest.mark.parametrize("gap", [104, 745, 5000])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_softmax_costs_the_gap(dtype, gap):
    net = fastnn.Network([1, 2], fastnn.LogLikelihoodCost, initializer="zeros", dtype=dtype)
    net.weights = [[[gap], [0]]]
    history = net.fit([[1.0]], [1], epochs=1, learning_rate=1e-12)
    assert history["training_cost"] == [gap]
    assert net.total_cost([([1.0], 1)], 0.0) == pytest.approx(gap, rel=1e-9)


def test_stopping_by_a_cost_goes_on_where_it_was_infinite():
    """Before, 20 epochs of 'inf' ended the training."""
    net = fastnn.Network([1, 1], initializer="zeros")
    net.weights = [[[800.0]]]
    data = np.ones((4, 1)), np.zeros(4)
    stopping = fastnn.stopping.EarlyStopping(patience=3, monitor="validation_cost")
    history = net.fit(*data, epochs=20, validation_data=data, stopping=stopping, learning_rate=1)
    assert len(history) == 20
    assert history["validation_cost"][-1] < history["validation_cost"][0] < 800


def test_a_subclass_of_a_cost_keeps_its_own_value():
    class Mine(fastnn.CrossEntropyCost):
        @staticmethod
        def fn(a, y):
            return 7.0

    net = fastnn.Network([1, 1], Mine, initializer="zeros")
    assert net.total_cost([([1.0], 1)], 0.0) == 7.0
    assert net.gradients([[1.0]], [1]).cost == 7.0


@every_dtype
@pytest.mark.parametrize("scale", [1, 30, 1000, 10_000])
@pytest.mark.parametrize("cost", [Cost.CROSS_ENTROPY, Cost.LOG_LIKELIHOOD])
@pytest.mark.parametrize("output", [Activation.SIGMOID, Activation.SOFTMAX])
def test_the_gradient_belongs_to_the_cost(cost, output, scale, dtype):
    """Where all outputs but one are 0 their shares in 1 − a of that one still are what counts."""
    rng = np.random.default_rng(scale)
    inputs, soft = rng.normal(size=(9, 3)), rng.random((9, 4))
    found = []
    for kind in (fastnn.Network, reference.Network):
        net = kind([3, 4], CLASSES[cost], output=NAMES[output], rng=0, dtype=dtype)
        net.weights[0] *= scale
        gradient = net.gradients(inputs, soft)
        found.append(np.column_stack([gradient.weights[0], gradient.biases[0]]))
        each = [net.backprop(x, y) for x, y in zip(inputs, soft, strict=True)]
        mean = np.mean([nabla_w[0] for _, nabla_w in each], axis=0)
        np.testing.assert_allclose(mean, found[-1][:, :-1], rtol=0, atol=1e-5)
    np.testing.assert_allclose(*found, rtol=0, atol=1e-13 if dtype == "float64" else 1e-5)
    if dtype == "float64":  # the cost is all but linear between two places so near to one another
        _, net = net, fastnn.Network([3, 4], CLASSES[cost], output=NAMES[output], rng=0)
        net.weights[0] *= scale
        step = 1e-6 * scale
        before = net.total_cost((inputs, soft), 0.0)
        net.weights[0] -= step * found[0][:, :-1]
        fall = before - net.total_cost((inputs, soft), 0.0)
        assert fall == pytest.approx(step * np.sum(found[0][:, :-1] ** 2), rel=0.02, abs=1e-9)


# The book's value, and scikit-learn's.


def books_total_cost(net: Any, data: list, lmbda: float) -> float:
    """As in the book's network2.py."""
    cost = 0.0
    for x, y in data:
        with np.errstate(all="ignore"):
            a = net.feedforward(x)
            terms = -y * np.log(a) - (1 - y) * np.log(1 - a)
        cost += np.sum(np.nan_to_num(terms)) / len(data)
    return cost + 0.5 * (lmbda / len(data)) * sum(np.linalg.norm(w) ** 2 for w in net.weights)


@pytest.mark.parametrize("n", [1, 2, 4])
def test_the_books_modules_keep_the_books_value(n, capsys):
    net = network2.Network([1, 1])
    net.weights, net.biases = [np.array([[1000.0]])], [np.zeros((1, 1))]
    data = [(np.ones((1, 1)), np.zeros((1, 1)))] * n
    expected = books_total_cost(net, data, 1.0)
    assert net.total_cost(data, 1.0) == expected == np.finfo(float).max
    *_, training, _ = net.SGD(data, 2, 1, 1e-9, monitor_training_cost=True)
    assert training == [expected] * 2


def test_the_estimators_keep_scikit_learns_clipping():
    sklearn = pytest.importorskip("sklearn.neural_network")
    from fastnn.sklearn import MLPClassifier

    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(60, 3)) * 1e4
    for classes in (2, 3):
        labels = rng.integers(classes, size=60)
        told = {"hidden_layer_sizes": (4,), "solver": "sgd", "max_iter": 3, "random_state": 0}
        told |= {"learning_rate_init": 1e-6, "tol": 0.0}
        losses = []
        for kind in (MLPClassifier, sklearn.MLPClassifier):
            with pytest.warns(UserWarning, match="Maximum iterations"):
                losses.append(kind(**told).fit(inputs, labels).loss_curve_)
        np.testing.assert_allclose(*losses, rtol=1e-9)
        assert max(losses[0]) > 5  # it is clipped: −ln of epsilon is 36


# L-BFGS.


def hard_problem() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(200, 5)) * 300, rng.integers(0, 3, 200)


@every_dtype
def test_lbfgs_trains_from_a_saturated_start(dtype):
    data = hard_problem()
    net = fastnn.Network(
        [5, 20, 3], fastnn.LogLikelihoodCost, activation="relu", initializer="he_normal", rng=0,
        dtype=dtype,
    )  # fmt: skip
    assert 100 < net.total_cost(data, 0.0) < np.inf
    history = net.fit(*data, epochs=600, optimizer="lbfgs")
    assert history["training_cost"][-1] < 0.95
    assert history["training_cost"][-1] == pytest.approx(net.total_cost(data, 0.0), rel=1e-5)


@pytest.mark.parametrize("kind", [fastnn.Network, reference.Network])
def test_lbfgs_says_why_it_took_no_step(kind):
    line = {"cost": fastnn.QuadraticCost, "output": "identity", "initializer": "zeros"}
    flat, far = kind([1, 1], **line), kind([1, 1], **line)
    one = np.ones((4, 1))
    with pytest.warns(RuntimeWarning, match="took no step.*gradient is nowhere above.*minimum"):
        assert len(flat.fit(one, 0 * one, epochs=3, optimizer="lbfgs")) == 0
    with pytest.warns(RuntimeWarning, match="took no step.*starts at a cost of inf"):
        assert len(far.fit(one, 1e160 * one, epochs=3, optimizer="lbfgs")) == 0
    assert far.weights[0] == 0


def test_lbfgs_says_that_its_search_found_nothing(monkeypatch):
    from fastnn._training.lbfgs import _Iteration

    monkeypatch.setattr(_Iteration, "_search", lambda _: None)
    net = fastnn.Network([5, 4, 3], fastnn.LogLikelihoodCost, rng=0)
    with pytest.warns(RuntimeWarning, match="found no cost below .* gradient of up to"):
        assert len(net.fit(*hard_problem(), epochs=3, optimizer="lbfgs")) == 0
    assert len(net.fit(*hard_problem(), epochs=0, optimizer="lbfgs")) == 0


# What squares beside the costs.


def test_float32_metrics_are_computed_in_float64():
    net = fastnn.Network(
        [1, 1], fastnn.QuadraticCost, output="identity", initializer="zeros", dtype="float32"
    )
    y = np.array([[0.0], [1e20], [2e20], [3e20]])
    names = ("r2", "mean_squared_error", "mean_absolute_error")
    history = net.fit(
        np.ones((4, 1)), y, epochs=1, learning_rate=1e-30, batch_size=4, metrics=names
    )
    row = history[0]
    assert row["training_cost"] == pytest.approx(0.5 * np.mean(y**2), rel=1e-6)
    assert row["training_mean_squared_error"] == pytest.approx(np.mean(y**2), rel=1e-6)
    assert row["training_r2"] == pytest.approx(1 - np.sum(y**2) / np.sum((y - y.mean()) ** 2))


def test_hubers_line_does_not_square():
    a, y = np.full((1, 1), 1e30, np.float32), np.zeros((1, 1), np.float32)
    assert costs.HuberCost(1.0).fn(a, y) == pytest.approx(1e30, rel=1e-6)
