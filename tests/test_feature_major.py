"""Narrow networks, whose rows are SIMD lanes: as by the usual way, on every processor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from feature_major_twins import (
    KINDS,
    OPTIMIZERS,
    PAIRS,
    SMOOTH,
    Case,
    any_case,
    assert_twins,
    run,
)
from hypothesis import assume, given
from hypothesis import strategies as st
from instruction_sets import run as run_on
from strategies import lengths, modest, seeds
from test_compiled_plan import tight_plan
from test_model_parity import ACTIVATIONS, COSTS, PENALTIES, assert_alike

import fastnn
from fastnn._core import isa as _isa
from fastnn._core import plan
from fastnn._core.compiled_plan import MAX_LANES, CompiledPlan
from fastnn._core.cost import Cost
from fastnn._core.norm import Norm
from fastnn.optimizers import SGD
from fastnn.regularizers import L1L2

# Run in a process for each instruction set.
MANY = f"""
import sys
sys.path.append({str(Path(__file__).parent)!r})
from fastnn._core import isa as _isa
from feature_major_twins import any_case, assert_twins
for seed in range(250):
    assert_twins(any_case(seed))
print(_isa.instruction_set)
"""


@pytest.mark.parametrize("level", _isa.available())
def test_many_cases_with_each_instruction_set(level: str) -> None:
    result = run_on(MANY, level)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == level


@modest
@given(st.lists(lengths, min_size=2, max_size=4), st.integers(1, 70), st.data(), seeds)
def test_any_shape(sizes: list[int], n: int, data: st.DataObject, seed: int) -> None:
    hidden = data.draw(st.tuples(*[st.sampled_from(SMOOTH)] * (len(sizes) - 2)))
    batch_size = data.draw(st.integers(1, n))
    dtype = data.draw(st.sampled_from(["float32", "float64"]))
    pair = data.draw(st.sampled_from(PAIRS))
    row_ranges = data.draw(st.booleans())
    case = Case(tuple(sizes), hidden, n, batch_size, dtype, pair, seed=seed, row_ranges=row_ranges)
    # A training that diverges, by exponentials of its outputs, enlarges every rounding.
    assume(all((np.abs(part) < 1e4).all() for part in run(case, False)))
    assert_twins(case)


@pytest.mark.parametrize("n_in", [*range(1, 14), 20])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_inputs_in_whole_tiles_and_beside_them(dtype: str, n_in: int) -> None:
    """Rows are transposed in tiles, what is left of columns and rows one by one."""
    for batch_size in (17, 18, 19, 20):
        assert_twins(Case((n_in, 6, 2), ("tanh",), 39, batch_size, dtype, PAIRS[0]))


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("by_z", [False, True])
def test_every_cost(pair: Any, dtype: str, weighted: bool, by_z: bool) -> None:
    for labels in (False, True):
        told = {"weighted": weighted, "labels": labels, "by_z": by_z}
        assert_twins(Case((5, 6, 3), ("tanh",), 37, 20, dtype, pair, **told))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_on_every_kind_of_rows(optimizer: str, kind: str) -> None:
    penalty = L1L2(0.2, 0.3)
    assert_twins(
        Case((40, 6, 3), ("elu",), 50, 20, optimizer=optimizer, kind=kind, penalty=penalty)
    )


@pytest.mark.parametrize("seed", range(40))
def test_the_same_bits_for_any_number_of_threads(seed: int) -> None:
    case = any_case(seed)
    alone = run(case, True, epochs=3)
    for n_threads in (2, 3):
        for ours, others in zip(alone, run(case, True, 3, n_threads), strict=True):
            np.testing.assert_array_equal(ours, others)


def test_several_threads_share_out_the_rows_where_that_is_work_enough() -> None:
    net = narrow()
    rule = SGD().rule(L1L2(0.1, 0.1), 1)
    few, many = (net._engine.workspace(net, m, rule=rule, n_workers=2) for m in (20, 300))
    assert len(few.arenas) == len(few.memory)
    assert len(many.arenas) > 2 * len(many.memory)


def is_feature_major(net: fastnn.Network, batch_size: int) -> bool:
    return net._engine.workspace(net, batch_size).compiled.feature_major


def narrow(**options: Any) -> fastnn.Network:
    return fastnn.Network([7, 6, 4, 3], **{"rng": 3, **options})


@pytest.mark.parametrize("activation", set(ACTIVATIONS) - {"gelu", "silu", "mish"})
def test_every_activation_as_the_reference(activation: str) -> None:
    assert is_feature_major(narrow(activation=activation), 20)
    assert_alike({"activation": activation}, {"batch_size": 20, "learning_rate": 0.05})


@pytest.mark.parametrize("pair", COSTS)
def test_every_cost_as_the_reference(pair: str) -> None:
    cost, output = COSTS[pair]
    targets = np.random.default_rng(4).dirichlet(np.ones(3), 53)
    fit = {"batch_size": 20, "learning_rate": 0.02}
    assert_alike({"cost": cost, "output": output, "activation": "tanh"}, fit, targets)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_penalties_and_weights_as_the_reference(penalty: str) -> None:
    weights = np.arange(53.0)
    fit = {"batch_size": 20, "regularizer": PENALTIES[penalty], "sample_weight": weights}
    assert_alike({"activation": "tanh"}, {**fit, "learning_rate": 0.05})


@pytest.mark.parametrize(
    "options",
    [
        {"normalization": "batch"},
        {"normalization": "layer"},
        {"dropout": 0.1},
        {"activation": "gelu"},
        {"output": "softmax"},
    ],
)
def test_what_is_not_feature_major(options: dict[str, Any]) -> None:
    assert is_feature_major(narrow(), 20)
    assert not is_feature_major(narrow(**options), 20)


def test_neither_wide_layers_nor_few_rows_nor_work_for_several_threads() -> None:
    assert not is_feature_major(narrow(), MAX_LANES - 1)
    assert not is_feature_major(narrow(), plan.MAX_WORK)
    assert not is_feature_major(fastnn.Network([plan.MAX_INPUTS + 1, 2, 1]), 100)
    assert not is_feature_major(fastnn.Network([2, plan.MAX_WEIGHTS, 1]), 100)
    assert not is_feature_major(fastnn.Network([2] + 50 * [10] + [1]), 100)


def test_a_training_goes_on_to_the_bit() -> None:
    X, y = np.random.default_rng(0).normal(size=(50, 7)), np.arange(50) % 3
    once, twice = narrow(), narrow()
    told: dict[str, Any] = {"batch_size": 20, "optimizer": "adam"}
    once.fit(X, y, epochs=4, **told)
    for _ in range(2):
        twice.fit(X, y, epochs=2, **told)
    np.testing.assert_array_equal(once.parameters, twice.parameters)


def feature_major_plan(**changes: Any) -> dict[str, Any]:
    """Arguments of a feature-major plan whose workspace ends where it must."""
    arguments = tight_plan((3, 5, 2), 16, Cost.CROSS_ENTROPY)
    for layer in arguments["layers"]:
        layer |= {"act": layer["out"], "z": -1}
    at, size = arguments["work_size"], 17 * arguments["n_parameters"]
    return arguments | {"lane_sums": at, "work_size": at + size} | changes


def test_a_feature_major_plan_has_just_enough_memory() -> None:
    good = feature_major_plan()
    assert CompiledPlan(**good).feature_major
    for wrong in (good["lane_sums"] + 1, -2, 2**62):
        with pytest.raises(ValueError, match="lane_sums"):
            CompiledPlan(**{**good, "lane_sums": wrong})


def test_partial_sums_have_memory_for_a_cost_and_a_gradient() -> None:
    good = feature_major_plan(n_partial_sums=2)
    end = -(-good["work_size"] // 16) * 16
    size = 16 + 32  # the cost, 32 parameters
    good |= {"partial_sums": end, "partial_size": size, "work_size": end + 2 * 2 * size}
    assert CompiledPlan(**good).feature_major
    for change in ({"partial_sums": end - 1}, {"partial_size": size + 1, "work_size": 10**4}):
        with pytest.raises(ValueError, match=r"^partial_sums, .*: expected multiples of 16"):
            CompiledPlan(**{**good, **change})
    with pytest.raises(ValueError, match=r"^partial_size: expected 48 numbers or more"):
        CompiledPlan(**{**good, "partial_size": size - 16})
    for change in ({"partial_sums": end + 16}, {"partial_sums": -16}, {"n_partial_sums": 4}):
        with pytest.raises(ValueError, match=r"^partial_sums: .* do not fit"):
            CompiledPlan(**{**good, **change})
    for change in ({"n_partial_sums": 3}, {"lane_sums": -1}):
        with pytest.raises(ValueError, match=r"^n_partial_sums: expected 0"):
            CompiledPlan(**{**good, **change})
    layers = [{**layer, "tile": 1} for layer in good["layers"]]
    with pytest.raises(ValueError, match=r"^split_layer: expected -1"):
        CompiledPlan(**{**good, "split_layer": 1, "layers": layers})


@pytest.mark.parametrize("name, columns", [("inputs", 3), ("targets", 2), ("out", 2), ("delta", 2)])
def test_a_feature_major_block_has_memory_for_padded_rows(name: str, columns: int) -> None:
    """For 16 rows where 15 are asked for."""

    def plan_with(offset: int) -> CompiledPlan:
        arguments = feature_major_plan(batch_size=15)
        if name in arguments:
            return CompiledPlan(**{**arguments, name: offset})
        last = arguments["layers"][-1]
        last[name] = offset
        if name == "out":
            last["act"] = offset
        return CompiledPlan(**arguments)

    end = feature_major_plan()["work_size"] - 16 * columns
    assert plan_with(end).feature_major
    with pytest.raises(ValueError, match=f"{name}: .* do not fit"):
        plan_with(end + 1)


@pytest.mark.parametrize(
    "column, value",
    [("norm", Norm.GROUP), ("activation", 4), ("z", 0), ("act", 0), ("biases", 1), ("weights", 1)],
)
def test_a_feature_major_plan_refuses_other_layers(column: str, value: int) -> None:
    arguments = feature_major_plan()
    arguments["layers"][0][column] = value
    with pytest.raises(ValueError):
        CompiledPlan(**arguments)


def test_a_feature_major_plan_refuses_dropout_and_spare_parameters() -> None:
    arguments = feature_major_plan()
    arguments["layers"][0]["dropout"] = 0.5
    with pytest.raises(ValueError, match="layer 0 cannot be feature-major"):
        CompiledPlan(**arguments)
    n_parameters = feature_major_plan()["n_parameters"]
    with pytest.raises(ValueError, match=f"expected {n_parameters} parameters"):
        CompiledPlan(**feature_major_plan(n_parameters=n_parameters + 1))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch_size", [32, 64, 150, 600])
@pytest.mark.parametrize("n_in", [3, 8, 20, 33, 64])
def test_rows_summed_where_they_are_or_from_a_copy_give_the_same_bits(n_in, batch_size, dtype):
    """The first layer's gradient is summed by rows in place, or by those converted."""
    rng = np.random.default_rng(n_in)
    X = rng.standard_normal((600, n_in)).astype(np.float32)
    Y = np.sin(X[:, :1]).astype(dtype)
    other = X.astype(np.float64) if dtype == "float32" else X
    trained = []
    for rows, n_threads in ((X.astype(dtype), 1), (other, 1), (X.astype(dtype), 2), (other, 2)):
        net = fastnn.Network(
            [n_in, 13, 1], fastnn.QuadraticCost, activation="relu", output="identity",
            dtype=dtype, rng=0,
        )  # fmt: skip
        net.fit(rows, Y, epochs=2, batch_size=batch_size, optimizer="adam", n_threads=n_threads)
        trained.append(net.parameters.copy())
    for parameters in trained[1:]:
        np.testing.assert_array_equal(parameters, trained[0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_out", [1, 2, 5, 13])
@pytest.mark.parametrize("n_in", [1, 7, 8, 15, 16, 17, 20, 24, 25, 31, 33, 47, 48, 49, 63, 64])
def test_steps_of_any_number_of_inputs_are_numpys(n_in, n_out, dtype):
    """Two mini-batches by gradient descent, each formula as it is written (Nielsen, chapter 2)."""
    rng = np.random.default_rng(n_in)
    X = rng.standard_normal((64, n_in)).astype(dtype)
    Y = np.sin(X[:, :1]).astype(dtype)
    net = fastnn.Network(
        [n_in, n_out, 1], fastnn.QuadraticCost, activation="relu", output="identity",
        dtype=dtype, rng=0,
    )  # fmt: skip
    W, V = (w.astype(np.float64) for w in net.weights)
    b, c = (column.astype(np.float64).ravel() for column in net.biases)
    net.fit(X, Y, epochs=1, batch_size=32, optimizer="sgd", learning_rate=0.1, shuffle=False)
    for rows in (slice(0, 32), slice(32, 64)):
        x, y = X[rows].astype(np.float64), Y[rows].astype(np.float64)
        z = x @ W.T + b
        a = np.maximum(z, 0)
        of_output = a @ V.T + c - y
        of_hidden = (of_output @ V) * (z > 0)
        W, V = W - 0.1 * of_hidden.T @ x / 32, V - 0.1 * of_output.T @ a / 32
        b, c = b - 0.1 * of_hidden.mean(axis=0), c - 0.1 * of_output.mean(axis=0)
    tolerance = 2e-5 if dtype == "float32" else 1e-12
    for ours, expected in zip((*net.weights, *net.biases), (W, V, b, c), strict=True):
        np.testing.assert_allclose(ours.reshape(expected.shape), expected, atol=tolerance, rtol=0)
