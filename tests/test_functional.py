"""The functions of arrays: against plain NumPy, the reference, PyTorch and central differences."""

from __future__ import annotations

import warnings
from typing import Any

import norm_twin
import numpy as np
import pytest
from closeness import assert_close
from damage import read_only
from gradcheck import numerical_gradient
from hypothesis import given
from hypothesis import strategies as st
from norm_twin import NORMS, ROW_NORMS
from pytorch import import_torch
from strategies import FLOATS, dtypes, modest, seeds

from fastnn import functional as F
from fastnn.activations import FROM_Z, KERNELS
from fastnn.normalization import BatchNorm, GroupNorm, LayerNorm
from fastnn.reference import normalization as reference

EPS = 1e-5
# Odd sizes, with one row and one channel where two numbers still share a variance.
SHAPES = [(7, 6), (2, 3), (5, 9, 4), (3, 6, 5, 7), (2, 3, 1, 11), (1, 6, 3, 2, 5), (4, 3, 1, 1)]
# How x may lie in memory.
LAYOUTS = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "reversed": lambda x: x[::-1].copy()[::-1],
    "every second": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "channels last": lambda x: np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1),
    "read-only": read_only,
    "other byte order": lambda x: x.astype(x.dtype.newbyteorder()),
}


def groups_of(shape: tuple[int, ...]) -> int:
    return 3 if shape[1] % 3 == 0 else 1


def options(norm: str, shape: tuple[int, ...]) -> dict[str, int]:
    return {"groups": groups_of(shape)} if norm == "group_norm" else {}


def fits(norm: str, shape: tuple[int, ...]) -> bool:
    """Whether at least two numbers share a variance."""
    split, axes = norm_twin.grouped(norm, np.empty(shape), groups_of(shape))
    return np.prod([split.shape[a] for a in axes]) > 1


PAIRS = [(norm, shape) for norm in NORMS for shape in SHAPES if fits(norm, shape)]


def draw(shape: tuple[int, ...], dtype: Any = np.float64, seed: int = 0) -> tuple[np.ndarray, ...]:
    """x, gamma, beta and dy."""
    rng = np.random.default_rng([seed, *shape])
    shapes = (shape, shape[1:2], shape[1:2], shape)
    return tuple(rng.standard_normal(s).astype(dtype) for s in shapes)


def forward(norm: str, x: np.ndarray, *args: Any, **kwargs: Any) -> tuple[np.ndarray, Any]:
    function = getattr(F, f"{norm}_forward")
    return function(x, *args, **options(norm, np.shape(x)), **kwargs)


def backward(norm: str, dy: np.ndarray, cache: Any) -> tuple[np.ndarray, ...]:
    return getattr(F, f"{norm}_backward")(dy, cache)


def check_against_twin(norm: str, x: Any, gamma: Any, beta: Any, dy: Any) -> None:
    groups = groups_of(x.shape)
    twin = norm_twin.forward(norm, x, gamma, beta, groups)
    y, cache = forward(norm, x, gamma, beta)
    assert y.flags.c_contiguous
    assert_close(y, twin.y, twin.y_size)
    expected = norm_twin.backward(norm, dy, twin, groups)
    for _ in range(2):  # the cache serves more than once
        for actual, (value, size) in zip(backward(norm, dy, cache), expected, strict=True):
            assert_close(actual, value, size)


# ---- normalizations: what they compute ----------------------------------------------------------


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("norm", "shape"), PAIRS)
def test_norms_are_their_formulas(norm, shape, dtype):
    arrays = draw(shape, dtype)
    kept = [a.copy() for a in arrays]
    check_against_twin(norm, *arrays)
    for array, before in zip(arrays, kept, strict=True):
        np.testing.assert_array_equal(array, before)


@modest
@given(
    st.sampled_from(NORMS),
    st.tuples(st.integers(1, 5), st.integers(1, 9)),
    st.lists(st.integers(1, 5), max_size=3),
    dtypes,
    seeds,
    st.sampled_from(list(LAYOUTS)),
)
def test_norms_of_any_shape_and_layout(norm, matrix, space, dtype, seed, layout):
    shape = (*matrix, *space)
    if not fits(norm, shape):
        with pytest.raises(ValueError, match=r"x: expected at least 2 numbers .* got shape"):
            forward(norm, np.ones(shape))
        return
    x, gamma, beta, dy = draw(shape, dtype, seed)
    check_against_twin(norm, LAYOUTS[layout](x), gamma[::-1], read_only(beta), LAYOUTS[layout](dy))


@pytest.mark.parametrize(("norm", "shape"), PAIRS)
def test_norms_are_pytorchs(norm, shape):
    torch = import_torch()
    arrays = draw(shape)
    x, gamma, beta, dy = (torch.tensor(a, requires_grad=True) for a in arrays)
    t = torch.nn.functional
    groups = {"layer_norm": 1, "group_norm": groups_of(shape), "instance_norm": shape[1]}
    if norm == "batch_norm":
        expected = t.batch_norm(x, None, None, gamma, beta, training=True, eps=EPS)
    else:
        expected = t.group_norm(x, groups[norm], gamma, beta, eps=EPS)
    expected.backward(dy)
    y, cache = forward(norm, *arrays[:3])
    close = {"rtol": 1e-12, "atol": 1e-12}
    np.testing.assert_allclose(y, expected.detach().numpy(), **close)
    for actual, tensor in zip(backward(norm, arrays[3], cache), (x, gamma, beta), strict=True):
        wanted = tensor.grad.numpy()
        scale = max(1.0, float(np.abs(wanted).max()))
        np.testing.assert_allclose(actual, wanted, rtol=1e-12, atol=1e-12 * scale)


def test_layer_and_instance_norm_are_pytorchs_own():
    """Layer norm with one γ an entry of its own is another function but for ones and zeros."""
    torch = import_torch()
    x, gamma, beta, _ = draw((3, 5, 4, 7))
    tensor, t = torch.tensor(x), torch.nn.functional
    np.testing.assert_allclose(F.layer_norm(x), t.layer_norm(tensor, x.shape[1:]), atol=1e-13)
    expected = t.instance_norm(tensor, weight=torch.tensor(gamma), bias=torch.tensor(beta))
    np.testing.assert_allclose(F.instance_norm(x, gamma, beta), expected, atol=1e-13)
    rows = torch.tensor(x[:, :, 0, 0])
    expected = t.layer_norm(rows, (5,), torch.tensor(gamma), torch.tensor(beta))
    np.testing.assert_allclose(F.layer_norm(x[:, :, 0, 0], gamma, beta), expected, atol=1e-13)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(7, 6), (3, 5, 4, 7)])
def test_running_statistics_are_pytorchs(shape, training):
    torch = import_torch()
    arrays = draw(shape)
    mean, variance = draw(shape, seed=1)[1], draw(shape, seed=2)[1] ** 2
    x, gamma, beta, dy = (torch.tensor(a, requires_grad=True) for a in arrays)
    running = torch.tensor(mean), torch.tensor(variance)
    expected = torch.nn.functional.batch_norm(x, *running, gamma, beta, training, 0.3, 1e-3)
    expected.backward(dy)
    y, cache = F.batch_norm_forward(
        *arrays[:3],
        eps=1e-3,
        running_mean=mean,
        running_variance=variance,
        momentum=0.3,
        training=training,
    )
    close = {"rtol": 1e-12, "atol": 1e-12}
    np.testing.assert_allclose(y, expected.detach(), **close)
    np.testing.assert_allclose(mean, running[0], **close)
    np.testing.assert_allclose(variance, running[1], **close)
    gradients = F.batch_norm_backward(arrays[3], cache)
    for actual, tensor in zip(gradients, (x, gamma, beta), strict=True):
        np.testing.assert_allclose(actual, tensor.grad, rtol=1e-12, atol=1e-11)


@pytest.mark.parametrize(
    ("norm", "model"),
    [("batch_norm", BatchNorm()), ("layer_norm", LayerNorm()), ("group_norm", GroupNorm(groups=3))],
)
def test_rows_are_the_references(norm, model):
    x, gamma, beta, dy = draw((7, 6))
    y, cache = forward(norm, x, gamma, beta)
    expected, kept = reference.forward(x, gamma, beta, model)
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-13)
    for actual, wanted in zip(backward(norm, dy, cache), reference.backward(dy, kept), strict=True):
        np.testing.assert_allclose(actual, wanted, rtol=1e-12, atol=1e-13)


def test_running_statistics_are_the_references():
    x, gamma, beta, _ = draw((7, 6))
    mean, variance = np.full(6, 0.5), np.full(6, 2.0)
    expected = mean.copy(), variance.copy()
    reference.running_update(*expected, x, 0.1)
    running = {"running_mean": mean, "running_variance": variance}
    F.batch_norm(x, gamma, beta, **running)
    np.testing.assert_allclose((mean, variance), expected, rtol=1e-13)
    y = F.batch_norm(x, gamma, beta, **running, training=False)
    wanted = reference.predict(x, gamma, beta, mean, variance, EPS)
    np.testing.assert_allclose(y, wanted, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose((mean, variance), expected, rtol=1e-13)  # prediction reads only
    one = F.batch_norm(x[2:3], gamma, beta, **running, training=False)
    np.testing.assert_array_equal(one, y[2:3], "another row had a say")


SMALL = [pair for pair in PAIRS if np.prod(pair[1]) < 80]
# Outside training only batch norm has another form.
MODES = [(*pair, True) for pair in SMALL] + [(*p, False) for p in SMALL if p[0] == "batch_norm"]


@pytest.mark.parametrize(("norm", "shape", "training"), MODES)
def test_gradients_are_central_differences(norm, shape, training):
    x, gamma, beta, dy = draw(shape)
    extra = {}
    if norm == "batch_norm":
        extra = {
            "running_mean": draw(shape, seed=1)[1],
            "running_variance": draw(shape, seed=2)[1] ** 2 + 0.1,
            "training": training,
        }

    def cost(**changed: np.ndarray) -> float:
        given = {"x": x, "gamma": gamma, "beta": beta, **changed}
        fresh = {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in extra.items()}
        return float((forward(norm, *given.values(), eps=0.1, **fresh)[0] * dy).sum())

    gradients = backward(norm, dy, forward(norm, x, gamma, beta, eps=0.1, **extra)[1])
    for name, value, gradient in zip(
        ("x", "gamma", "beta"), (x, gamma, beta), gradients, strict=True
    ):
        expected = numerical_gradient(lambda v, name=name: cost(**{name: v}), value)
        assert np.abs(gradient - expected).max() <= 1e-7 * max(1, np.abs(expected).max())


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(301, 5), (4, 5, 9, 11)])
def test_a_large_mean_costs_no_digits(shape, dtype):
    """Statistics and results are those of the numbers as they are in x, rounded to its dtype."""
    x = (1e6 + draw(shape)[0]).astype(dtype)
    exact = x.astype(np.float64) - 1e6
    mean, variance = np.zeros(5), np.zeros(5)
    running = {"running_mean": mean, "running_variance": variance, "momentum": 1}
    y = F.batch_norm(x, **running)
    axes = (0, *range(2, x.ndim))
    np.testing.assert_allclose(variance, exact.var(axis=axes, ddof=1), rtol=1e-6)
    np.testing.assert_allclose(mean - 1e6, exact.mean(axis=axes), atol=1e6 * np.finfo(dtype).eps)
    for norm, result in (("batch_norm", y), ("layer_norm", F.layer_norm(x))):
        expected = norm_twin.forward(norm, exact, np.ones(5), np.zeros(5), 1).y
        np.testing.assert_allclose(result, expected, atol=100 * np.finfo(dtype).eps)


def test_a_worked_example():
    """By hand: over rows, then over channels, the numbers ±1 off their mean, variance 1."""
    x = np.array([[1.0, 7], [3, 5]])
    np.testing.assert_allclose(F.batch_norm(x, [2, 1], [10, 0], eps=1e-30), [[8, 1], [12, -1]])
    np.testing.assert_allclose(F.layer_norm(x[:, ::-1], eps=1e-30), [[1, -1], [1, -1]])
    space = x.reshape(1, 2, 2)
    np.testing.assert_allclose(F.instance_norm(space, eps=1e-30), [[[-1, 1], [-1, 1]]])
    np.testing.assert_allclose(F.group_norm(space, groups=2, eps=1e-30), [[[-1, 1], [-1, 1]]])


@pytest.mark.parametrize(("norm", "shape"), PAIRS)
def test_defaults_and_the_form_of_one_call(norm, shape):
    """Ones, zeros and 1e-5; y alone is the y of the pair."""
    x, gamma, beta, _ = draw(shape)
    plain, extra = getattr(F, norm), options(norm, shape)
    y = forward(norm, x, np.ones(shape[1]), np.zeros(shape[1]), eps=1e-5)[0]
    np.testing.assert_array_equal(plain(x, **extra), y)
    y = forward(norm, x, gamma, beta, eps=0.5)[0]
    np.testing.assert_array_equal(plain(x, gamma, beta, eps=0.5, **extra), y)
    assert np.abs(y - forward(norm, x, gamma, beta)[0]).max() > 1e-3, "eps is not used"


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("kind", ["uint8", "int64", "bool", "float16", ">f8", "list"])
def test_all_but_float32_becomes_float64(norm, kind):
    x = np.arange(48).reshape(2, 6, 4) % 7
    given = x.tolist() if kind == "list" else x.astype(kind)
    y, cache = forward(norm, given)
    assert y.dtype == np.float64 and y.dtype.isnative
    wide = np.asarray(given).astype(np.float64)
    np.testing.assert_array_equal(y, forward(norm, wide)[0])
    assert backward(norm, np.ones((2, 6, 4), np.float32), cache)[0].dtype == np.float64


def test_the_cache_is_its_own():
    """Training changes gamma in place between forward and backward, and data are reused."""
    for norm in NORMS:
        x, gamma, beta, dy = draw((3, 6, 4))
        cache = forward(norm, x, gamma, beta)[1]
        expected = backward(norm, dy, cache)
        for array in (x, gamma, beta):
            array[...] = 99
        for actual, wanted in zip(backward(norm, dy, cache), expected, strict=True):
            np.testing.assert_array_equal(actual, wanted)


# ---- normalizations: what they refuse -----------------------------------------------------------


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"x": np.ones(4)}, ValueError, r"x: expected rows, channels .* got shape \(4,\)"),
        ({"x": np.ones((0, 6, 2))}, ValueError, r"x: expected .* got shape \(0, 6, 2\)"),
        ({"x": np.ones((2, 6, 0))}, ValueError, r"x: expected .* got shape \(2, 6, 0\)"),
        ({"x": np.full((2, 6, 2), np.nan)}, ValueError, r"x: expected finite .* nan at \(0, 0, 0"),
        ({"x": [[[1, 2]], [[1]]]}, ValueError, "x: expected rows of equal length"),
        ({"x": np.full((2, 6, 2), 1j)}, TypeError, "x: expected real numbers, .* complex128"),
        ({"x": "text"}, TypeError, "x: expected real numbers"),
        ({"gamma": np.ones(5)}, ValueError, r"gamma: expected shape \(6,\), got \(5,\)"),
        ({"gamma": 1.0}, ValueError, r"gamma: expected shape \(6,\), got \(\)"),
        ({"beta": np.ones((6, 1))}, ValueError, r"beta: expected shape \(6,\), got \(6, 1\)"),
        ({"beta": np.full(6, np.inf)}, ValueError, r"beta: expected finite numbers, got inf"),
        ({"eps": 0}, ValueError, "eps: expected a finite number above 0, got 0"),
        ({"eps": "small"}, TypeError, "eps: expected a number, got 'small'"),
    ],
)
def test_norms_refuse(norm, changed, error, message):
    arguments = {"x": np.arange(24.0).reshape(2, 6, 2), **options(norm, (2, 6, 2))}
    function = getattr(F, norm)
    function(**arguments)  # else nothing is shown
    with pytest.raises(error, match=f"^{message}"):
        function(**{**arguments, **changed})


@pytest.mark.parametrize("norm", NORMS)
def test_numbers_beyond_the_dtype_are_refused_before_anything_changes(norm):
    x = np.array([1e200, -1e200, 3e200, 0]).repeat(6).reshape(4, 6).T.reshape(2, 6, 2)
    running = {}
    if norm == "batch_norm":
        running = {"running_mean": np.zeros(6), "running_variance": np.ones(6)}
    with pytest.raises(ValueError, match=r"x: expected numbers whose variance float64 can hold"):
        forward(norm, x, **running)
    if running:
        assert not running["running_mean"].any() and (running["running_variance"] == 1).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same = forward(norm, np.full((2, 6, 2), 1e300), **running)[0]
    np.testing.assert_array_equal(same, 0)


@pytest.mark.parametrize("groups", [4, 7, 12])
def test_groups_divide_the_channels(groups):
    with pytest.raises(ValueError, match=f"groups: expected a divisor of the 6 .* got {groups}"):
        F.group_norm(np.ones((3, 6)), groups=groups)


@pytest.mark.parametrize(
    ("groups", "error"), [(0, ValueError), (2.0, TypeError), (True, TypeError)]
)
def test_groups_are_counted(groups, error):
    with pytest.raises(error, match=r"^groups: expected"):
        F.group_norm(np.ones((3, 6)), groups=groups)


@pytest.mark.parametrize(
    ("norm", "shape"),
    [
        ("batch_norm", (1, 3)),
        ("batch_norm", (1, 3, 1, 1)),
        ("layer_norm", (5, 1)),
        ("group_norm", (5, 3)),
        ("instance_norm", (5, 3)),
        ("instance_norm", (5, 3, 1, 1)),
    ],
)
def test_one_number_has_no_variance(norm, shape):
    words = "a channel in training" if norm == "batch_norm" else "to share a variance"
    with pytest.raises(ValueError, match=f"x: expected at least 2 numbers {words}"):
        forward(norm, np.ones(shape))


def statistics(**changed: Any) -> dict[str, Any]:
    return {"running_mean": np.zeros(3), "running_variance": np.ones(3), **changed}


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"running_mean": None}, TypeError, "running_mean: expected .* array .* got None"),
        ({"running_variance": None}, TypeError, "running_variance: expected .* got None"),
        ({"running_mean": [0, 0, 0]}, TypeError, r"running_mean: expected .* got \[0, 0, 0\]"),
        ({"running_mean": np.zeros(3, int)}, TypeError, "running_mean: .* got ndarray of int64"),
        ({"running_mean": np.zeros(4)}, ValueError, r"running_mean: expected shape \(3,\), got"),
        ({"running_mean": np.full(3, np.nan)}, ValueError, "running_mean: expected finite"),
        ({"running_variance": -np.ones(3)}, ValueError, "running_variance: expected .* got -1.0"),
        ({"running_mean": read_only(np.zeros(3))}, ValueError, "running_mean: .* a read-only one"),
        ({"momentum": 0}, ValueError, "momentum: expected a finite number above 0, got 0"),
        ({"momentum": 1.5}, ValueError, "momentum: expected a number up to 1, got 1.5"),
        ({"training": "yes"}, TypeError, "training: expected True or False, got 'yes'"),
    ],
)
def test_batch_norm_refuses(changed, error, message):
    x, given = draw((4, 3))[0], statistics(**changed)
    kept = {k: v.copy() for k, v in given.items() if isinstance(v, np.ndarray)}
    with pytest.raises(error, match=f"^{message}"):
        F.batch_norm(x, **given)
    for name, value in kept.items():
        np.testing.assert_array_equal(given[name], value)


def test_batch_norm_outside_training_needs_statistics_and_only_reads_them():
    x = draw((1, 3))[0]
    with pytest.raises(TypeError, match=r"running_mean: expected .* got None"):
        F.batch_norm(x, training=False)
    given = {name: read_only(value) for name, value in statistics().items()}
    np.testing.assert_allclose(F.batch_norm(x, **given, training=False), x, rtol=1e-5)
    with pytest.raises(ValueError, match="running_variance: expected other memory"):
        both = np.ones(3)
        F.batch_norm(np.eye(3), running_mean=both, running_variance=both)


@pytest.mark.parametrize("dtype", FLOATS)
def test_running_statistics_may_be_columns_of_a_table_of_any_float(dtype):
    table = np.array([[0.0, 1]] * 3, dtype)
    x = draw((5, 3), np.float32)[0]
    F.batch_norm(x, running_mean=table[:, 0], running_variance=table[:, 1], momentum=1)
    wide = x.astype(np.float64)
    np.testing.assert_allclose(table[:, 0], wide.mean(axis=0), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(table[:, 1], wide.var(axis=0, ddof=1), rtol=1e-6)


@pytest.mark.parametrize("name", [*NORMS, "dense"])
def test_backward_refuses(name):
    x, _, beta, _ = draw((4, 6))
    made = {norm: forward(norm, *draw((4, 6, 2))[:3])[1] for norm in NORMS}
    made["dense"] = F.dense_forward(x, np.ones((6, 6)), beta)[1]
    function, cache = getattr(F, f"{name}_backward"), made[name]
    shape = (4, 6) if name == "dense" else (4, 6, 2)
    function(np.ones(shape), cache)  # else nothing is shown
    argument = "dz" if name == "dense" else "dy"
    with pytest.raises(ValueError, match=rf"^{argument}: expected shape \(4, 6"):
        function(np.ones((6, 4)), cache)
    with pytest.raises(ValueError, match=f"^{argument}: expected finite numbers, got nan"):
        function(np.full(shape, np.nan), cache)
    with pytest.raises(TypeError, match=f"^cache: expected that of {name}_forward, got list"):
        function(np.ones(shape), [])
    for other, foreign in made.items():
        if other != name:
            with pytest.raises(ValueError, match=f"^cache: .*{name}_forward, got that of {other}"):
                function(np.ones(shape), foreign)


# ---- dense --------------------------------------------------------------------------------------


@modest
@given(st.tuples(*[st.integers(1, 9)] * 3), dtypes, seeds, st.sampled_from(list(LAYOUTS)))
def test_dense(sizes, dtype, seed, layout):
    m, n_in, n_out = sizes
    rng = np.random.default_rng(seed)
    shapes = ((m, n_in), (n_out, n_in), (n_out,), (m, n_out))
    x, w, b, dz = (rng.standard_normal(shape).astype(dtype) for shape in shapes)
    z, cache = F.dense_forward(LAYOUTS[layout](x), LAYOUTS[layout](w), b[::-1])
    wide, weights, d = (a.astype(np.float64) for a in (x, w, dz))
    assert_close(z, wide @ weights.T + b[::-1], np.abs(wide) @ np.abs(weights).T + np.abs(b[::-1]))
    np.testing.assert_array_equal(F.dense(x, w, b[::-1]), z)
    x[...] = w[...] = 99  # the cache is its own
    dx, dweights, dbiases = F.dense_backward(LAYOUTS[layout](dz), cache)
    assert_close(dx, d @ weights, np.abs(d) @ np.abs(weights))
    assert_close(dweights, d.T @ wide, np.abs(d).T @ np.abs(wide))
    assert_close(dbiases, d.sum(axis=0), np.abs(d).sum(axis=0))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x": np.ones(3)}, r"x: expected a matrix of rows and inputs, got shape \(3,\)"),
        ({"x": np.ones((0, 3))}, r"x: expected a matrix .* got shape \(0, 3\)"),
        ({"weights": np.ones((2, 4))}, r"weights: expected shape \(2, 3\), got \(2, 4\)"),
        ({"weights": np.ones(3)}, r"weights: expected a matrix of neurons and inputs, got"),
        ({"biases": np.ones(3)}, r"biases: expected shape \(2,\), got \(3,\)"),
        ({"biases": [1, np.nan]}, r"biases: expected finite numbers, got nan at \(1,\)"),
        ({"x": np.full((5, 3), np.inf)}, r"x: expected finite numbers, got inf"),
    ],
)
def test_dense_refuses(changed, message):
    arguments = {"x": np.ones((5, 3)), "weights": np.ones((2, 3)), "biases": np.ones(2)}
    F.dense(**arguments)  # else nothing is shown
    with pytest.raises(ValueError, match=f"^{message}"):
        F.dense(**{**arguments, **changed})


# ---- activations --------------------------------------------------------------------------------

ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def normal_cdf(z: np.ndarray) -> np.ndarray:
    from scipy.stats import norm

    return norm.cdf(z)


FORMULAS = {
    "identity": lambda z: z,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z < 0, 0.01 * z, z),
    "elu": lambda z: np.where(z < 0, np.expm1(z), z),
    "selu": lambda z: SCALE * np.where(z < 0, ALPHA * np.expm1(z), z),
    "gelu": lambda z: z * normal_cdf(z),
    "silu": lambda z: z / (1 + np.exp(-z)),
    "mish": lambda z: z * np.tanh(np.logaddexp(0, z)),
    "softplus": lambda z: np.logaddexp(0, z),
    "softmax": softmax,
    "exp": np.exp,
}


def test_there_is_a_pair_for_every_activation():
    assert set(FORMULAS) == set(KERNELS)
    for name in KERNELS:
        for function in (getattr(F, name), getattr(F, f"{name}_backward")):
            assert function.__name__ in F.__all__
            assert "{" not in function.__doc__ and "Raises" in function.__doc__


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(), (7,), (3, 5), (2, 3, 5)])
@pytest.mark.parametrize("name", FORMULAS)
def test_activations_are_their_formulas(name, shape, dtype):
    if name == "softmax" and shape == ():
        return
    z = np.asarray(np.random.default_rng(3).uniform(-4, 4, shape)).astype(dtype)
    kept = z.copy()
    expected = FORMULAS[name](z.astype(np.float64))
    for layout in (z, z.T.copy().T, read_only(z)):
        out = getattr(F, name)(layout)
        assert_close(out, expected, np.abs(expected) + np.abs(z) / 4)
    np.testing.assert_array_equal(z, kept)
    assert getattr(F, name)(z.tolist()).dtype == np.float64


@pytest.mark.parametrize("name", FORMULAS)
def test_activations_derivatives_are_central_differences(name):
    rng = np.random.default_rng(4)
    z, delta = (
        rng.uniform(0.1, 3, (2, 3, 4)) * rng.choice([-1, 1], (2, 3, 4)),
        rng.random((2, 3, 4)),
    )
    expected = numerical_gradient(lambda v: float((getattr(F, name)(v) * delta).sum()), z)
    kept = delta.copy()
    backward = getattr(F, f"{name}_backward")
    actual = backward(delta.swapaxes(0, 1).copy().swapaxes(0, 1), getattr(F, name)(z), z)
    np.testing.assert_allclose(actual, expected, rtol=1e-7, atol=1e-9)
    np.testing.assert_array_equal(delta, kept)
    if name not in FROM_Z:
        np.testing.assert_array_equal(backward(delta, getattr(F, name)(z)), actual)
    single = [a.astype(np.float32) for a in (delta, getattr(F, name)(z), z)]
    assert backward(*single).dtype == np.float32
    np.testing.assert_allclose(backward(*single), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", FORMULAS)
def test_activations_refuse(name):
    function, back, good = getattr(F, name), getattr(F, f"{name}_backward"), np.full((2, 3), 0.5)
    back(good, good, good)  # else nothing is shown
    with pytest.raises(ValueError, match=r"^z: expected finite numbers, got nan at \(1,\)"):
        function([0, np.nan])
    with pytest.raises(ValueError, match=r"^z: expected at least one number, got shape \(0, 3\)"):
        function(np.ones((0, 3)))
    with pytest.raises(TypeError, match=r"^z: expected real numbers"):
        function(np.array(["a"]))
    with pytest.raises(ValueError, match=r"^out: expected shape \(2, 3\), got \(3, 2\)"):
        back(good, good.T, good)
    with pytest.raises(ValueError, match=r"^z: expected shape \(2, 3\), got \(3, 2\)"):
        back(good, good, good.T)
    with pytest.raises(ValueError, match=r"^delta: expected finite numbers"):
        back(good * np.inf, good, good)
    if name in FROM_Z:
        with pytest.raises(TypeError, match=f"^z: expected what {name} was given, got None"):
            back(good, good)
    if name == "softmax":
        with pytest.raises(ValueError, match=r"^z: expected .* got one number"):
            function(1.0)


def test_row_norms_do_not_look_at_other_rows():
    x, gamma, beta, _ = draw((5, 6, 4))
    for norm in ROW_NORMS:
        y = forward(norm, x, gamma, beta)[0]
        np.testing.assert_array_equal(forward(norm, x[2:3], gamma, beta)[0], y[2:3])
