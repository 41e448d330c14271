"""Initializers: moments and limits of each formula, and the book's order of draws."""

from __future__ import annotations

import copy
import dataclasses
import math
import pickle
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import initializers as ini
from fastnn._common.rng import GlobalRandom
from fastnn.initializers import NAMES, Initializer

N_IN, N_OUT = 400, 300
N = N_IN * N_OUT

# The initializer, and the mean and the standard deviation of its weights.
NORMAL: dict[str, tuple[Initializer, float, float]] = {
    "default": (ini.Default(), 0, math.sqrt(1 / N_IN)),
    "large": (ini.Large(), 0, 1),
    "normal": (ini.Normal(), 0, 0.1),
    "normal-0.01": (ini.Normal(sigma=0.01), 0, 0.01),
    "normal-shifted": (ini.Normal(mu=-3.0, sigma=2.0), -3, 2),
    "lecun": (ini.LeCunNormal(), 0, math.sqrt(1 / N_IN)),
    "xavier-normal": (ini.XavierNormal(), 0, math.sqrt(2 / (N_IN + N_OUT))),
    "xavier-sum": (ini.XavierNormal(variant="sum"), 0, math.sqrt(1 / (N_IN + N_OUT))),
    "he-normal": (ini.HeNormal(), 0, math.sqrt(2 / N_IN)),
}
# The initializer, and the limit r of weights between −r and r.
UNIFORM: dict[str, tuple[Initializer, float]] = {
    "uniform": (ini.Uniform(), 0.1),
    "uniform-0.12": (ini.Uniform(r=0.12), 0.12),
    "xavier-uniform": (ini.XavierUniform(), math.sqrt(6 / (N_IN + N_OUT))),
    "he-uniform": (ini.HeUniform(), math.sqrt(6 / N_IN)),
}
CONSTANT: dict[str, tuple[Initializer, float]] = {
    "zeros": (ini.Zeros(), 0.0),
    "constant": (ini.Constant(), 0.1),
    "constant-negative": (ini.Constant(-2.0), -2.0),
}
ALL = {name: case[0] for table in (NORMAL, UNIFORM, CONSTANT) for name, case in table.items()}
BOOKS = {"default", "large"}


def drawn(initializer: Initializer, seed: int = 0) -> np.ndarray:
    return initializer.weights(np.random.default_rng(seed), N_OUT, N_IN)


def assert_normal(values: np.ndarray, mean: float, deviation: float) -> None:
    """Assert that four moments are within 5 standard errors, and the tails are there."""
    z = (values.ravel() - mean) / deviation
    n = len(z)
    assert abs(z.mean()) < 5 / math.sqrt(n)
    assert abs((z**2).mean() - 1) < 5 * math.sqrt(2 / n)
    assert abs((z**3).mean()) < 5 * math.sqrt(15 / n)
    assert abs((z**4).mean() - 3) < 5 * math.sqrt(96 / n)
    expected = n * math.erfc(2 / math.sqrt(2))  # beyond two deviations
    assert abs((np.abs(z) > 2).sum() - expected) < 5 * math.sqrt(expected)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("initializer", "mean", "deviation"), NORMAL.values(), ids=NORMAL)
def test_normal_moments(initializer: Initializer, mean: float, deviation: float, seed: int) -> None:
    weights = drawn(initializer, seed)
    assert weights.shape == (N_OUT, N_IN)
    assert_normal(weights, mean, deviation)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("initializer", "r"), UNIFORM.values(), ids=UNIFORM)
def test_uniform_moments_and_limits(initializer: Initializer, r: float, seed: int) -> None:
    weights = drawn(initializer, seed)
    assert weights.shape == (N_OUT, N_IN)
    u = weights.ravel() / r
    assert -1 <= u.min() < -1 + 1e-3 and 1 - 1e-3 < u.max() <= 1
    assert abs(u.mean()) < 5 * math.sqrt(1 / 3 / N)
    assert abs((u**2).mean() - 1 / 3) < 5 * math.sqrt(4 / 45 / N)
    counts, _ = np.histogram(u, bins=20, range=(-1, 1))
    assert np.abs(counts - N / 20).max() < 5 * math.sqrt(N / 20)


@pytest.mark.parametrize(("initializer", "value"), CONSTANT.values(), ids=CONSTANT)
def test_constants(initializer: Initializer, value: float) -> None:
    weights = initializer.weights(np.random.default_rng(0), 3, 2)
    np.testing.assert_array_equal(weights, np.full((3, 2), value))


@pytest.mark.parametrize("name", ALL)
def test_biases_start_at_zero_except_in_the_book(name: str) -> None:
    biases = ALL[name].biases(np.random.default_rng(0), 20_000)
    assert biases.shape == (20_000, 1)
    if name in BOOKS:
        assert_normal(biases, 0, 1)
    else:
        assert not biases.any()


@pytest.mark.parametrize("name", ALL)
def test_a_seed_says_it_all(name: str) -> None:
    nets = [fastnn.Network([5, 4, 3], initializer=ALL[name], rng=seed) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(nets[0].parameters, nets[1].parameters)
    drawn_at_random = name not in CONSTANT
    assert np.array_equal(nets[0].parameters, nets[2].parameters) != drawn_at_random
    assert all(np.isfinite(net.parameters).all() for net in nets)


@pytest.mark.parametrize("name", [*NORMAL, *UNIFORM])
def test_no_draw_is_used_twice(name: str) -> None:
    weights, _ = ALL[name].draw(np.random.default_rng(0), [6, 6, 6])
    values = np.concatenate([w.ravel() for w in weights])
    assert len(np.unique(values)) == 72


# --- the book


@pytest.mark.parametrize("sizes", [[784, 30, 10], [2, 3], [4, 3, 2, 5]])
@pytest.mark.parametrize("large", [False, True], ids=["default", "large"])
def test_the_books_draws_in_the_books_order(sizes: list[int], large: bool) -> None:
    np.random.seed(5)
    biases = [np.random.randn(y, 1) for y in sizes[1:]]
    weights = [np.random.randn(y, x) / (1 if large else np.sqrt(x)) for x, y in pairwise(sizes)]
    after = np.random.get_state()[1:3]
    np.random.seed(5)
    net = fastnn.Network(sizes, initializer="large" if large else None)
    for ours, books in zip([*net.weights, *net.biases], [*weights, *biases], strict=True):
        assert ours.tobytes() == books.tobytes()
    ours_after = np.random.get_state()[1:3]
    np.testing.assert_array_equal(ours_after[0], after[0])
    assert ours_after[1] == after[1]


@pytest.mark.parametrize("method", ["default_weight_initializer", "large_weight_initializer"])
def test_drawing_anew_goes_on_with_the_stream(method: str) -> None:
    """As the book's programs do: a network, then ``net.large_weight_initializer()``."""
    np.random.seed(5)
    fastnn.Network([4, 3, 2])
    expected = fastnn.Network([4, 3, 2], initializer=method.partition("_")[0])
    np.random.seed(5)
    net = fastnn.Network([4, 3, 2])
    first = net.parameters.copy()
    getattr(net, method)()
    np.testing.assert_array_equal(net.parameters, expected.parameters)
    assert not np.isclose(net.parameters, first).any()


@pytest.mark.parametrize("name", ALL)
def test_the_global_state_serves_all(name: str) -> None:
    np.random.seed(1)
    weights = ALL[name].weights(GlobalRandom(), 50, 40)
    np.random.seed(1)
    again = ALL[name].weights(GlobalRandom(), 50, 40)
    assert weights.shape == (50, 40)
    np.testing.assert_array_equal(weights, again)


@pytest.mark.parametrize("name", ALL)
def test_float32_rounds_the_same_draws(name: str) -> None:
    wide, narrow = (
        fastnn.Network([5, 4, 3], initializer=ALL[name], rng=3, dtype=dtype)
        for dtype in ("float64", "float32")
    )
    assert narrow.parameters.dtype == np.float32
    np.testing.assert_array_equal(narrow.parameters, wide.parameters.astype(np.float32))


# --- names and objects


@pytest.mark.parametrize("name", NAMES)
def test_a_name_means_the_object_with_its_defaults(name: str) -> None:
    assert ini.get(name) == NAMES[name]()
    by_name, by_object = (
        fastnn.Network([3, 2], initializer=given, rng=0) for given in (name, NAMES[name]())
    )
    np.testing.assert_array_equal(by_name.parameters, by_object.parameters)


def test_every_initializer_has_a_name_and_is_public() -> None:
    kinds = {
        value
        for value in vars(ini).values()
        if isinstance(value, type) and issubclass(value, Initializer) and value is not Initializer
    }
    assert set(NAMES.values()) == kinds
    assert {kind.__name__ for kind in kinds} < set(ini.__all__)


@pytest.mark.parametrize("name", ALL)
def test_objects_are_values(name: str) -> None:
    initializer = ALL[name]
    for twin in (copy.deepcopy(initializer), pickle.loads(pickle.dumps(initializer))):
        assert twin == initializer and hash(twin) == hash(initializer)
    for field in dataclasses.fields(initializer):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(initializer, field.name, 1.0)
    assert ini.Normal(sigma=1) != ini.Normal(sigma=2)


def test_ones_own_initializer() -> None:
    class Diagonal(Initializer):
        def weights(self, rng: Any, n_out: int, n_in: int) -> np.ndarray:
            return np.eye(n_out, n_in)

    net = fastnn.Network([3, 4, 2], initializer=Diagonal())
    np.testing.assert_array_equal(net.weights[0], np.eye(4, 3))
    assert not net.biases[0].any()
    with pytest.raises(TypeError, match="Initializer does not say how to draw weights"):
        fastnn.Network([3, 2], initializer=Initializer())


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: ini.XavierNormal(variant="max"), ValueError, "variant: expected 'mean' or 'sum'"),
        (lambda: ini.Uniform(r=-0.1), ValueError, "r: expected a finite number of 0 or more"),
        (lambda: ini.Uniform(r="0.1"), TypeError, "r: expected a number, got '0.1'"),
        (lambda: ini.Normal(sigma=-1.0), ValueError, "sigma: expected a finite number of 0"),
        (lambda: ini.Normal(mu=math.nan), ValueError, "mu: expected a finite number, got nan"),
        (lambda: ini.Constant(math.inf), ValueError, "value: expected a finite number, got inf"),
        (lambda: ini.Constant([1.0]), TypeError, "value: expected a number"),
        (lambda: ini.get("xavier"), ValueError, "initializer: expected one of .*got 'xavier'"),
        (lambda: ini.get(ini.Zeros), TypeError, "initializer: expected a name or an object"),
        (lambda: ini.get(None), TypeError, "initializer: expected .* got NoneType"),
    ],
    ids=range(10),
)  # fmt: skip
def test_what_is_refused(make: Any, error: type, match: str) -> None:
    with pytest.raises(error, match=match):
        make()
