"""The compiled plan refuses every layer whose offsets would leave the two vectors."""

from __future__ import annotations

import copy
import itertools
import pickle
import subprocess
import sys
import types
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st
from strategies import FLOATS, modest, network_sizes

from fastnn._core import epoch as _epoch
from fastnn._core import plan as _plan
from fastnn._core import predict as _prediction
from fastnn._core.activation import Activation
from fastnn._core.compiled_plan import LAYER_FIELDS, CompiledPlan
from fastnn._core.context import Mode
from fastnn._core.cost import Cost
from fastnn._core.norm import Norm
from fastnn._core.plan import LayerOptions, ParameterLayout, Workspace
from fastnn._core.thread_tuner import ThreadTuner
from fastnn.dropout import Dropout
from fastnn.normalization import get as normalization_of
from fastnn.optimizers import SGD, Adam
from fastnn.regularizers import L1L2, MaxNorm

LARGEST = 2**31 - 1
SCALARS = (
    "batch_size", "inputs", "targets", "row_weights", "gradients", "gradient_size", "n_gradients",
    "split_layer", "n_partial_sums", "partial_sums", "partial_size",
)  # fmt: skip
REALS = ("eps", "momentum", "dropout", "train_scale", "predict_scale")
FIELDS = sorted(LAYER_FIELDS - set(REALS))
LENGTHS = ("n_parameters", "n_running", "work_size")
RULES = [optimizer.rule(L1L2(0.01, 0.1), 1) for optimizer in (SGD(), Adam())]
ABSURD = [-(2**63), -(2**31) - 1, -2, 2**31 - 1, 2**31, 2**32, 2**32 + 1, 2**62, 2**63 - 1]
REFUSED = (OverflowError, TypeError, ValueError)


def tight_plan(
    sizes: tuple[int, ...],
    batch_size: int,
    cost: int = 0,
    norm: int = 0,
    dropout: float = 0.0,
    tile: int = 3,
    n_workers: int = 1,
    split_layer: int = -1,
    n_partial_sums: int = 2,
    n_slots: int = 0,
) -> dict:
    """Arguments of a CompiledPlan without a spare number in any of its three vectors.

    Every region has its own place, the last layer's weighted input too; ``norm`` is that of all
    hidden layers, in one group each. With a split layer several workers have an arena each.
    """
    taken = {"parameters": 0, "running": 0, "work": 0}

    def take(vector: str, length: int) -> int:
        taken[vector] += length
        return taken[vector] - length

    ends = {"inputs": take("work", batch_size * sizes[0])}
    ends["targets"] = take("work", batch_size * sizes[-1])
    ends["row_weights"] = take("work", batch_size)
    layers = []
    for l, (n_in, n_out) in enumerate(itertools.pairwise(sizes)):
        last, block = l == len(sizes) - 2, batch_size * n_out
        row = dict.fromkeys(LAYER_FIELDS, -1)
        row |= {"eps": 1e-5, "momentum": 0.1, "dropout": 0.0 if last else dropout}
        row |= {"train_scale": 2.0, "predict_scale": 1.0, "unbiased": True}
        row |= {"n_in": n_in, "n_out": n_out, "activation": Activation.SIGMOID, "groups": 1}
        row |= {"norm": Norm.NO_NORM if last else norm}
        row |= {"weights": take("parameters", n_in * n_out), "biases": take("parameters", n_out)}
        row |= {name: take("work", block) for name in ("out", "act", "delta")}
        if last:
            row["z"] = take("work", block)
        elif norm != Norm.NO_NORM:
            row |= {name: take("parameters", n_out) for name in ("gamma", "beta")}
            row |= {"xhat": take("work", block), "scratch": take("work", 4 * n_out)}
            row["inverse"] = take("work", n_out if norm == Norm.BATCH else batch_size)
        if norm == Norm.BATCH and not last:
            row |= {name: take("running", n_out) for name in ("running_mean", "running_variance")}
        row["tile"] = tile
        layers.append(row)
    tiles = [min(tile, n_out) * n_in for n_in, n_out in itertools.pairwise(sizes)]
    ends["gradients"] = take("work", n_workers * max(tiles))
    block = batch_size * sizes[split_layer + 1] if split_layer >= 0 else 0
    partial_sums = take("work", 2 * n_partial_sums * block)
    arena = {"arena_size": -1, "own_parameters": -1, "own_slots": -1, "own_running": -1}
    if split_layer >= 0 and n_workers > 1:
        arena["own_parameters"] = taken["work"]
        arena["own_slots"] = arena["own_parameters"] + taken["parameters"]
        arena["own_running"] = arena["own_slots"] + n_slots * taken["parameters"]
        arena["arena_size"] = arena["own_running"] + taken["running"]
    return {
        "layers": layers,
        "batch_size": batch_size,
        **ends,
        "gradient_size": max(tiles),
        "n_gradients": n_workers,
        "split_layer": split_layer,
        "n_partial_sums": n_partial_sums if split_layer >= 0 else 0,
        "partial_sums": partial_sums,
        "partial_size": block,
        "n_parameters": taken["parameters"],
        "n_running": taken["running"],
        "work_size": taken["work"],
        "cost": cost,
        "cost_parameter": 0.0,
        "lane_sums": -1,
        **arena,
        "n_slots": n_slots,
    }


def regions_of(row: dict[str, int], batch_size: int) -> list[tuple[str, str, int]]:
    """(field, vector, length) of every region that a layer must have."""
    block, n_out = batch_size * row["n_out"], row["n_out"]
    regions = [
        ("weights", "n_parameters", row["n_in"] * n_out),
        ("biases", "n_parameters", n_out),
        *((name, "work_size", block) for name in ("out", "act", "delta")),
    ]
    if row["z"] != -1 or row["activation"] in (Activation.GELU, Activation.SILU, Activation.MISH):
        regions.append(("z", "work_size", block))
    if row["norm"] != Norm.NO_NORM:
        scales = n_out if row["norm"] == Norm.BATCH else batch_size * row["groups"]
        regions += [(name, "n_parameters", n_out) for name in ("gamma", "beta")]
        regions += [("xhat", "work_size", block), ("inverse", "work_size", scales)]
        regions.append(("scratch", "work_size", 4 * n_out))
    if row["norm"] == Norm.BATCH:
        regions += [(name, "n_running", n_out) for name in ("running_mean", "running_variance")]
    return regions


def in_order(rows: list[dict[str, int]], split: int) -> bool:
    """Whether all parameters from the split layer on come after all others."""
    begin = rows[split]["weights"]
    for l, row in enumerate(rows):
        for name, vector, length in regions_of(row, 1):
            if vector == "n_parameters" and l < split and row[name] + length > begin:
                return False
            if vector == "n_parameters" and l >= split and row[name] < begin:
                return False
    return True


def fits(layers: list[dict[str, int]], batch_size: int, **arguments: Any) -> bool:
    """Whether every region lies in its vector: the checks once more, in integers without end."""
    rows = layers
    lengths = [arguments[name] for name in LENGTHS]
    if not 1 <= batch_size <= LARGEST or min(lengths) < 0 or max(lengths) > 2**48:
        return False
    for row in rows:
        if not (1 <= row["n_in"] <= LARGEST and 1 <= row["n_out"] <= LARGEST):
            return False
        if not (0 <= row["norm"] <= 2 and 0 <= row["activation"] <= 12):
            return False
        if not 1 <= row["groups"] <= row["n_out"] or row["n_out"] % row["groups"]:
            return False
        if not 1 <= row["tile"] <= LARGEST:
            return False
        for name, vector, length in regions_of(row, batch_size):
            if row[name] < 0 or row[name] + length > arguments[vector]:
                return False
    if any(b["n_in"] != a["n_out"] for a, b in itertools.pairwise(rows)):
        return False
    lengths = {"inputs": rows[0]["n_in"], "targets": rows[-1]["n_out"], "row_weights": 1}
    ends = [(arguments[name], batch_size * length) for name, length in lengths.items()]
    tiles = [min(row["tile"], row["n_out"]) * row["n_in"] for row in rows]
    size, count = arguments["gradient_size"], arguments["n_gradients"]
    if not 0 <= count < LARGEST or size < 0 or (count and size < max(tiles)):
        return False
    if count:
        ends.append((arguments["gradients"], size * count))
    split, count = arguments["split_layer"], arguments["n_partial_sums"]
    if count not in ((0,) if split == -1 else (2, 4, 8, 16)):
        return False
    if split != -1:
        if not 0 <= split < min(len(rows), 2):
            return False
        by_rows = rows[0]["norm"] == Norm.GROUP or rows[0]["activation"] == Activation.SOFTMAX
        if split == 1 and by_rows:
            return False
        unit = rows[0]["tile"] if split else 16
        if -(-rows[split]["n_in"] // unit) < count or not in_order(rows, split):
            return False
        if arguments["partial_size"] < batch_size * rows[split]["n_out"]:
            return False
        ends.append((arguments["partial_sums"], 2 * count * arguments["partial_size"]))
    return all(start >= 0 and start + length <= arguments["work_size"] for start, length in ends)


def guarded(size: int, dtype: type, value: float) -> tuple[np.ndarray, np.ndarray]:
    """A vector of ``size`` numbers in the middle of a larger one that is 7 elsewhere."""
    whole = np.full(size + 128, 7, dtype)
    inner = whole[64 : 64 + size]
    inner[:] = value
    return whole, inner


def assert_guards_stand(whole: np.ndarray) -> None:
    np.testing.assert_array_equal(whole[:64], 7)
    np.testing.assert_array_equal(whole[-64:], 7)


def run_everything(plan: CompiledPlan, n_in: int, n_out: int, dtype: type) -> None:
    """Call every function of the epoch with vectors of exactly the plan's sizes."""
    all_parameters, parameters = guarded(plan.n_parameters, dtype, 0.25)
    all_gradient, gradient = guarded(plan.n_parameters, dtype, 0.0)
    all_running, running = guarded(plan.n_running, dtype, 0.5)
    all_work, work = guarded(plan.work_size, dtype, 0.0)
    all_state, state = guarded(2 * plan.n_parameters, dtype, 0.0)
    n = 2 * plan.batch_size + 1
    all_outputs, flat = guarded(n * n_out, dtype, 0.0)
    X, Y = np.full((n, n_in), 0.5, dtype), np.full((n, n_out), 0.5, dtype)
    rows = X, Y, np.full(n, 0.5, dtype), np.arange(n)
    trainings = list(zip(RULES, (state[:0].reshape(0, 0), state.reshape(2, -1)), strict=True))
    for rule, slots in trainings if plan.n_gradients else trainings[:1]:
        told = np.array([0.1]), 1, np.zeros(1, np.uint64), True, ThreadTuner(1), np.empty(0)
        _epoch.train_epoch(plan, rule, parameters, running, slots, work, *rows, *told)
        m = _epoch.forward_batch(plan, parameters, running, work, *rows, Mode.TRAIN, 1, 0)
        _epoch.output_delta(plan, work, m, True)
        _epoch.update_batch(plan, rule, parameters, slots, work, m, 0.1, 1, 0)
    m = _epoch.forward_batch(plan, parameters, running, work, *rows, Mode.GRADIENT, 0, 0)
    _epoch.output_delta(plan, work, m, True)
    _epoch.gradient_batch(plan, gradient, parameters, work, m, 1.0, 0.0)
    _prediction.predict(plan, parameters, running, work, X, flat.reshape(n, n_out), 1)
    guards = (all_parameters, all_gradient, all_running, all_work, all_state, all_outputs)
    for whole in guards:
        assert_guards_stand(whole)


@pytest.mark.parametrize("norm", Norm)
@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("sizes", [(1, 1), (3, 2), (2, 5, 1), (4, 3, 3, 2)])
def test_a_tight_plan_is_taken_and_stays_inside(sizes, batch_size, dtype, dropout, norm):
    arguments = tight_plan(sizes, batch_size, norm=norm, dropout=dropout)
    assert fits(**arguments)
    plan = CompiledPlan(**arguments)
    assert plan.n_layers == len(sizes) - 1
    assert plan.batch_size == batch_size
    assert plan.n_parameters == arguments["n_parameters"]
    assert plan.n_running == arguments["n_running"]
    assert plan.work_size == arguments["work_size"]
    assert (plan.cost, plan.cost_parameter) == (0, 0.0)
    assert plan.needs_two_rows == (norm == Norm.BATCH and len(sizes) > 2)
    run_everything(plan, sizes[0], sizes[-1], dtype)


@pytest.mark.parametrize("norm", [Norm.NO_NORM, Norm.BATCH])
@pytest.mark.parametrize("rule", RULES, ids=["sgd", "adam"])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("n_workers", [2, 3, 5, 11])
@pytest.mark.parametrize(
    ("sizes", "split_layer", "n_partial_sums"),
    [
        ((1, 4, 1), 1, 2),
        ((3, 7, 2), 1, 2),
        ((4, 20, 3, 2), 1, 4),
        ((17, 2), 0, 2),
        ((50, 3, 2), 0, 4),
        ((3, 40, 2), 1, 8),
        ((260, 3, 2), 0, 16),
    ],
)
def test_replicated_layers_stay_inside(
    sizes, split_layer, n_partial_sums, n_workers, batch_size, dtype, rule, norm
):
    """With no number more than an arena for each worker."""
    arguments = tight_plan(
        sizes, batch_size, norm=norm, dropout=0.5, n_workers=n_workers, split_layer=split_layer,
        n_partial_sums=n_partial_sums, n_slots=rule.n_slots,
    )  # fmt: skip
    assert fits(**arguments)
    plan = CompiledPlan(**arguments)
    results = []
    for count in (1, n_workers):
        all_parameters, parameters = guarded(plan.n_parameters, dtype, 0.25)
        all_running, running = guarded(plan.n_running, dtype, 0.5)
        size = plan.work_size
        if count > 1:
            size = min(count, n_partial_sums) * plan.arena_size
        all_work, work = guarded(size, dtype, np.nan)
        all_slots, slots = guarded(rule.n_slots * plan.n_parameters, dtype, 0)
        n = 4 * batch_size + 1
        inputs = np.linspace(-1, 1, n * sizes[0], dtype=dtype).reshape(n, -1)
        rows = inputs, np.full((n, sizes[-1]), 0.5, dtype), np.full(n, 0.5, dtype), np.arange(n)
        tuner = ThreadTuner(count, True)
        told = np.array([0.1]), 1, np.zeros(1, np.uint64), True, tuner, np.empty(0)
        state = slots.reshape(rule.n_slots, -1 if rule.n_slots else 0)
        cost = _epoch.train_epoch(plan, rule, parameters, running, state, work, *rows, *told)
        for whole in (all_parameters, all_running, all_work, all_slots):
            assert_guards_stand(whole)
        results.append(np.concatenate([parameters, running, slots, [cost]]))
    assert np.isfinite(results[0]).all()
    np.testing.assert_array_equal(results[1], results[0])


@pytest.mark.parametrize(
    ("sizes", "split_layer", "n_partial_sums", "change", "named"),
    [
        ((40, 2), 1, 2, {}, "split_layer: expected -1, or layer 0 or 1 of 1"),
        ((3, 4, 4, 2), 2, 2, {}, "split_layer: expected -1 to 1, got 2"),
        ((3, 4, 2), 1, 2, {"norm": Norm.GROUP}, "split_layer: expected -1 or 0"),
        ((3, 4, 2), 1, 2, {"activation": Activation.SOFTMAX}, "split_layer: expected -1 or 0"),
        ((3, 7, 2), 1, 3, {}, "n_partial_sums: expected 0, 2, 4, 8 or 16"),
        (
            (3, 7, 2),
            1,
            4,
            {},
            "n_partial_sums: expected 2, 4, 8 or 16, and at most 3",
        ),
        (
            (16, 7, 2),
            0,
            2,
            {},
            "n_partial_sums: expected 2, 4, 8 or 16, and at most 1",
        ),
        (
            (3, 7, 2),
            1,
            0,
            {},
            "n_partial_sums: expected 2, 4, 8 or 16, and at most 3",
        ),
    ],
)
def test_a_split_layer_must_have_partial_sums(sizes, split_layer, n_partial_sums, change, named):
    norm = change.get("norm", Norm.NO_NORM)
    real = min(split_layer, len(sizes) - 2)
    arguments = tight_plan(sizes, 2, norm=norm, split_layer=real, n_partial_sums=n_partial_sums)
    arguments["split_layer"] = split_layer
    if "activation" in change:
        arguments["layers"][0]["activation"] = change["activation"]
    assert not fits(**arguments)
    with pytest.raises(ValueError, match=f"^{named}"):
        CompiledPlan(**arguments)


def test_replicated_parameters_follow_on_one_another():
    good = tight_plan((3, 4, 4, 2), 2, norm=Norm.BATCH, split_layer=1)
    last = good["n_parameters"] - 4
    for layer, name, offset in ((0, "gamma", last), (1, "beta", 8), (2, "biases", 0)):
        bad = {**good, "layers": copy.deepcopy(good["layers"])}
        bad["layers"][layer][name] = offset
        assert not fits(**bad)
        with pytest.raises(ValueError, match=rf"^split_layer: .* parameters of layer {layer}"):
            CompiledPlan(**bad)


def test_arenas_that_cannot_be_counted_are_refused():
    """Products of sizes that wrap would make a small workspace look like a large one."""
    for size in (2**48 + 1, 2**62):
        with pytest.raises(ValueError, match="work_size: expected 0 to"):
            CompiledPlan(**{**tight_plan((3, 7, 2), 3, split_layer=1), "work_size": size})
    arguments = tight_plan((3, 7, 2), 3, split_layer=1, n_workers=2)
    for size in (2**48 + 1, 2**62):
        with pytest.raises(ValueError, match="arena_size: expected -1, or with partial sums"):
            CompiledPlan(**{**arguments, "arena_size": size})
    plan = CompiledPlan(**{**arguments, "arena_size": 2**48})
    parameters, rows = np.zeros(plan.n_parameters), (np.zeros((6, 3)), np.zeros((6, 2)))
    told = np.empty(0), np.arange(6), np.array([0.1]), 1, np.zeros(1, np.uint64), True
    for n_threads in (1, 2, 4):
        with pytest.raises(ValueError, match="work: expected"):
            _epoch.train_epoch(
                plan, RULES[0], parameters, np.empty(0), np.empty((0, 0)), np.zeros(192), *rows,
                *told, ThreadTuner(n_threads, True), np.empty(0),
            )  # fmt: skip


def test_norms_are_limited_by_one_who_has_all_weights_of_a_neuron():
    plan = CompiledPlan(**tight_plan((5, 7, 4, 2), 3, split_layer=1, n_workers=2))
    rule = SGD().rule(MaxNorm(0.1), 1)
    rng = np.random.default_rng(0)
    rows = rng.random((9, 5)), rng.random((9, 2)), np.empty(0), np.arange(9)
    told = np.array([0.1]), 1, np.zeros(1, np.uint64), True
    start, results = rng.normal(size=plan.n_parameters), []
    for n_threads in (1, 2):
        work = np.zeros(plan.work_size)
        results.append(start.copy())
        _epoch.train_epoch(plan, rule, results[-1], np.empty(0), np.empty((0, 0)), work, *rows,
                           *told, ThreadTuner(n_threads, True), np.empty(0))  # fmt: skip
    np.testing.assert_array_equal(results[0], results[1])
    with pytest.raises(ValueError, match="work: expected"):
        _epoch.train_epoch(plan, rule, start, np.empty(0), np.empty((0, 0)),
                           np.zeros(2 * plan.arena_size), *rows, *told, ThreadTuner(2, True),
                           np.empty(0))  # fmt: skip


def test_partial_sums_must_fit():
    arguments = tight_plan((3, 4, 2), 5, split_layer=1)
    end = arguments["work_size"] - 2 * 2 * 5 * 2
    CompiledPlan(**{**arguments, "partial_sums": end})
    for offset in (end + 1, -2, 2**62, -(2**63), 2**63 - 1):
        with pytest.raises(ValueError, match=r"^partial_sums: "):
            CompiledPlan(**{**arguments, "partial_sums": offset})
    for size, name in ((9, "partial_size"), (-1, "partial_size"), (2**62, "partial_sums")):
        with pytest.raises(ValueError, match=f"^{name}: "):
            CompiledPlan(**{**arguments, "partial_size": size})


@pytest.mark.parametrize("name", ["own_parameters", "own_slots", "own_running"])
def test_a_workers_own_copies_lie_behind_its_workspace(name):
    good = tight_plan((3, 4, 2), 5, norm=Norm.BATCH, split_layer=1, n_workers=2, n_slots=2)
    sizes = {"own_parameters": 1, "own_slots": 2, "own_running": 0}
    length = sizes[name] * good["n_parameters"] or good["n_running"]
    end = good["arena_size"] - length
    CompiledPlan(**{**good, name: end})
    CompiledPlan(**{**good, name: good["work_size"]})
    for offset in (end + 1, good["work_size"] - 1, -1, 2**62, -(2**63), 2**63 - 1):
        with pytest.raises(ValueError, match=f"^{name}: "):
            CompiledPlan(**{**good, name: offset})


@pytest.mark.parametrize("change", [{"arena_size": 3}, {"n_slots": -1}, {"n_slots": 9}])
def test_an_impossible_arena_is_refused(change):
    good = tight_plan((3, 4, 2), 5, split_layer=1, n_workers=2)
    with pytest.raises(ValueError, match=f"^{next(iter(change))}: "):
        CompiledPlan(**{**good, **change})
    with pytest.raises(ValueError, match=r"^arena_size: expected -1"):
        CompiledPlan(**{**tight_plan((3, 4, 2), 5), "arena_size": 10**6})


def test_layers_may_be_read_only():
    arguments = tight_plan((2, 3), 2)
    arguments["layers"] = tuple(types.MappingProxyType(layer) for layer in arguments["layers"])
    CompiledPlan(**arguments)


def test_the_plan_keeps_no_hold_on_its_layers():
    """What is written into them afterwards was never checked."""
    arguments = tight_plan((2, 3), 2)
    plan = CompiledPlan(**arguments)
    for layer in arguments["layers"]:
        layer |= dict.fromkeys(layer, 2**62) | dict.fromkeys(REALS, np.nan)
    run_everything(plan, 2, 3, np.float64)


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("vector", LENGTHS)
def test_one_number_too_few_is_refused(vector, batch_size):
    arguments = tight_plan((3, 4, 2), batch_size, norm=Norm.BATCH)
    arguments[vector] -= 1
    with pytest.raises(ValueError, match=f"do not fit in {arguments[vector]}"):
        CompiledPlan(**arguments)


NORM_PARTS = ("gamma", "beta", "xhat", "inverse", "scratch")
# (norm, layer, column): every region of a sigmoid net 3-4-2, without norm and with both.
REGIONS = [
    *((0, l, name) for l in (0, 1) for name in ("weights", "biases", "out", "act", "delta", "z")),
    *((norm, 0, name) for norm in (Norm.BATCH, Norm.GROUP) for name in NORM_PARTS),
    *((Norm.BATCH, 0, name) for name in ("running_mean", "running_variance")),
]


@pytest.mark.parametrize(("norm", "layer", "column"), REGIONS)
def test_a_region_that_leaves_its_vector_is_refused_by_name(norm, layer, column):
    """For 2 rows; each offset moved so that its region's last number falls out."""

    def at(offset: int) -> CompiledPlan:
        arguments = tight_plan((3, 4, 2), 2, norm=norm)
        arguments["layers"][layer][column] = offset
        return CompiledPlan(**arguments)

    good = tight_plan((3, 4, 2), 2, norm=norm)
    row = good["layers"][layer] | {"z": 0}
    lengths = {name: (vector, length) for name, vector, length in regions_of(row, 2)}
    vector, length = lengths[column]
    total = good[vector]
    at(total - length)
    at(0)
    for offset in (total - length + 1, total, -2, -(2**31), 2**31, 2**62, 2**63 - 1, -(2**63)):
        with pytest.raises(ValueError, match=rf"^{column}: .* do not fit in {total}"):
            at(offset)


@pytest.mark.parametrize(("norm", "layer", "column"), [case for case in REGIONS if case[2] != "z"])
def test_only_z_may_be_left_out(norm, layer, column):
    arguments = tight_plan((3, 4, 2), 2, norm=norm)
    arguments["layers"][layer][column] = -1
    with pytest.raises(ValueError, match=f"^{column}: "):
        CompiledPlan(**arguments)


@pytest.mark.parametrize("activation", Activation)
def test_z_is_needed_where_the_derivative_is_computed_from_it(activation):
    arguments = tight_plan((3, 4, 2), 2)
    arguments["layers"][0]["activation"] = activation
    if activation.name in ("GELU", "SILU", "MISH"):
        with pytest.raises(ValueError, match=r"^z: 8 numbers at -1 do not fit"):
            CompiledPlan(**arguments)
    else:
        CompiledPlan(**arguments)


@pytest.mark.parametrize(("name", "columns"), [("inputs", 3), ("targets", 2), ("row_weights", 1)])
def test_what_a_mini_batch_gathers_must_fit(name, columns):
    arguments = tight_plan((3, 4, 2), 5)
    end = arguments["work_size"] - 5 * columns
    CompiledPlan(**{**arguments, name: end})
    for offset in (end + 1, -1, 2**62, -(2**63), 2**63 - 1):
        with pytest.raises(ValueError, match=f"^{name}: "):
            CompiledPlan(**{**arguments, name: offset})


@pytest.mark.parametrize("value", [0, -1, *ABSURD])
@pytest.mark.parametrize("column", ["n_in", "n_out"])
@pytest.mark.parametrize("layer", [0, 1])
def test_an_impossible_size_is_refused(layer, column, value):
    arguments = tight_plan((3, 4, 2), 2)
    arguments["layers"][layer][column] = value
    with pytest.raises(ValueError, match=r"expected|do not fit"):
        CompiledPlan(**arguments)


@pytest.mark.parametrize("value", [-1, len(Activation), *ABSURD])
@pytest.mark.parametrize("layer", [0, 1])
def test_an_unknown_activation_is_refused(layer, value):
    """2**32 + 1 too, which a C int would take for the sigmoid."""
    arguments = tight_plan((3, 4, 2), 2)
    arguments["layers"][layer]["activation"] = value
    with pytest.raises(ValueError, match="activation: expected"):
        CompiledPlan(**arguments)


@pytest.mark.parametrize("value", [-1, 3, *ABSURD])
def test_an_unknown_norm_is_refused(value):
    arguments = tight_plan((3, 4, 2), 2, norm=Norm.BATCH)
    arguments["layers"][0]["norm"] = value
    with pytest.raises(ValueError, match="norm: expected 0 to 2"):
        CompiledPlan(**arguments)


@pytest.mark.parametrize("value", [-1, 0, 3, 5, 8, *ABSURD])
def test_groups_must_divide_the_neurons(value):
    arguments = tight_plan((3, 4, 2), 2, norm=Norm.GROUP)
    arguments["layers"][0]["groups"] = value
    with pytest.raises(ValueError, match=r"groups: expected (a divisor of 4|1 to 4)"):
        CompiledPlan(**arguments)


@pytest.mark.parametrize("groups", [2, 4])
def test_more_groups_need_more_room(groups):
    """In a vector where their inverse deviations lie last."""
    arguments = tight_plan((3, 4, 2), 2, norm=Norm.GROUP)
    end = arguments["work_size"]
    arguments["layers"][0] |= {"groups": groups, "inverse": end}
    with pytest.raises(ValueError, match=f"^inverse: {2 * groups} numbers at {end} do not fit"):
        CompiledPlan(**{**arguments, "work_size": end + 2 * groups - 1})
    run_everything(CompiledPlan(**{**arguments, "work_size": end + 2 * groups}), 3, 2, np.float64)


@pytest.mark.parametrize("rate", [-0.1, 1.0, 2.0, np.nan, np.inf])
def test_an_impossible_dropout_is_refused(rate):
    arguments = tight_plan((3, 4, 2), 2)
    arguments["layers"][0]["dropout"] = rate
    with pytest.raises(ValueError, match="dropout: expected 0 or more and below 1"):
        CompiledPlan(**arguments)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_impossible_cost_parameter_is_refused(value):
    with pytest.raises(ValueError, match="cost_parameter: expected a finite number"):
        CompiledPlan(**{**tight_plan((3, 2), 2), "cost_parameter": value})


def test_layers_must_follow_on_one_another():
    arguments = tight_plan((3, 4, 2), 2)
    arguments["layers"][1]["n_in"] = 3
    with pytest.raises(ValueError, match=r"layer 1: takes 3 inputs, but .* has 4 neurons"):
        CompiledPlan(**arguments)


@pytest.mark.parametrize("value", [0, -1, *ABSURD, 2**70, None, 1.5, "2"])
def test_an_impossible_batch_size_is_refused(value):
    with pytest.raises(REFUSED):
        CompiledPlan(**{**tight_plan((3, 4, 2), 2), "batch_size": value})


@pytest.mark.parametrize("value", [-1, -(2**31), -(2**62), -(2**63), 2**70, None, "8"])
@pytest.mark.parametrize("name", LENGTHS)
def test_an_impossible_length_is_refused(name, value):
    with pytest.raises(REFUSED):
        CompiledPlan(**{**tight_plan((3, 4, 2), 2), name: value})


ONE = tight_plan((1, 1), 1)["layers"][0]
BAD_LAYERS = {
    "none": None,
    "a number": 3,
    "no layers": [],
    "a name": "layers",
    "one layer": ONE,
    "an array": np.ones((1, len(ONE)), np.int64),
    "a list of numbers": [[1] * len(ONE)],
    "an empty layer": [{}],
    "a field fewer": [{name: ONE[name] for name in FIELDS}],
    "a field more": [ONE | {"name": 1}],
    "another field": [{name: ONE[name] for name in ONE if name != "tile"} | {"tiles": 3}],
    "a size that is no integer": [ONE | {"n_in": 1.0}],
    "an offset that is no integer": [ONE | {"weights": "0"}],
    "an offset too many": [ONE | {"out": None}],
    "a number that is none": [ONE | {"eps": "0"}],
    "too many layers": [ONE] * 10_001,
}


@pytest.mark.parametrize("layers", BAD_LAYERS.values(), ids=BAD_LAYERS)
def test_what_are_no_layers_is_refused(layers):
    with pytest.raises((TypeError, ValueError), match=r"."):
        CompiledPlan(**{**tight_plan((1, 1), 1), "layers": layers})


@pytest.mark.parametrize("name", sorted(LAYER_FIELDS))
def test_every_field_is_needed(name):
    arguments = tight_plan((1, 1), 1)
    del arguments["layers"][0][name]
    with pytest.raises(ValueError, match=r"^layers: expected the fields"):
        CompiledPlan(**arguments)


def test_a_plan_without_arguments_is_refused():
    with pytest.raises(TypeError):
        CompiledPlan()
    with pytest.raises(TypeError):
        CompiledPlan.__new__(CompiledPlan)


def test_a_plan_cannot_be_changed_copied_or_pickled():
    """A copy of its addresses would outlive them."""
    plan = CompiledPlan(**tight_plan((3, 2), 2))
    names = ("n_layers", "batch_size", "cost", "cost_parameter", "needs_two_rows")
    for name in (*names, *LENGTHS):
        with pytest.raises(AttributeError):
            setattr(plan, name, 10**6)
    for duplicate in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            duplicate(plan)


@pytest.mark.parametrize("cost", [-(2**31), -2, -1, len(Cost), 99, 2**31 - 1])
def test_a_cost_that_is_not_compiled_never_trains(cost):
    """−1, a cost in Python, makes a good plan; only what would compute its delta must refuse."""
    arguments = tight_plan((3, 2), 2, cost)
    try:
        plan = CompiledPlan(**arguments)
    except ValueError:
        assert cost != -1
        return
    parameters, work = np.full(plan.n_parameters, 0.5), np.zeros(plan.work_size)
    none, slots = np.empty(0), np.empty((0, 0))
    rows = np.ones((2, 3)), np.ones((2, 2)), none, np.arange(2)
    told = np.array([0.1]), 0, np.zeros(1, np.uint64), False, ThreadTuner(1), np.empty(0)
    with pytest.raises(ValueError, match="cost"):
        _epoch.train_epoch(plan, RULES[0], parameters, none, slots, work, *rows, *told)
    with pytest.raises(ValueError, match="cost"):
        _epoch.output_delta(plan, work, 1, False)
    np.testing.assert_array_equal(parameters, 0.5)


NO_PLAN = """
import numpy as np
from fastnn._core import epoch as _epoch
from fastnn._core import plan as _plan
from fastnn._core import predict as _prediction
from fastnn._core.thread_tuner import ThreadTuner
from fastnn.optimizers import SGD
from fastnn.regularizers import L2
v, s, X, order, none = np.zeros(4), np.zeros((0, 0)), np.zeros((2, 2)), np.arange(2), np.empty(0)
rows, rule = (X, X, none, order), SGD().rule(L2(0.0), 2)
told = v[:1], 0, np.zeros(1, np.uint64), True, ThreadTuner(1), np.empty(0)
calls = {
    "train_epoch": lambda: _epoch.train_epoch(None, rule, v, none, s, v, *rows, *told),
    "forward_batch": lambda: _epoch.forward_batch(None, v, none, v, *rows, 0, 0, 0),
    "output_delta": lambda: _epoch.output_delta(None, v, 1, False),
    "update_batch": lambda: _epoch.update_batch(None, rule, v, s, v, 1, 0.1, 0, 0),
    "gradient_batch": lambda: _epoch.gradient_batch(None, v, v, v, 1, 1.0, 0.0),
    "predict": lambda: _prediction.predict(None, v, none, v, X, X, 1),
}
for name, call in calls.items():
    print(name, flush=True)
    try:
        call()
    except TypeError as error:
        assert "plan" in str(error), error
    else:
        raise AssertionError(name + " took None for a plan")
"""


def test_none_is_no_plan():
    """In a process of its own, since taking None for a plan means reading at address 0."""
    run = subprocess.run([sys.executable, "-c", NO_PLAN], capture_output=True, text=True)
    assert run.returncode == 0, f"stopped after {run.stdout.split()[-1:]}: {run.stderr[-500:]}"


absurd = st.sampled_from(ABSURD)


def near(draw: st.DrawFn, value: int) -> int:
    """A number near ``value``, where checks decide, or far beyond any size; always an int64."""
    step = st.one_of(st.integers(-3, 3), st.integers(-70, 70))
    moved = draw(st.one_of(step.map(value.__add__), absurd))
    return min(max(moved, -(2**63)), 2**63 - 1)


@st.composite
def spoiled_plans(draw: st.DrawFn) -> dict:
    """Arguments of a tight plan with one to three of their numbers moved.

    Activations stay as they are: they change no region, and a test of their own has them.
    """
    sizes, batch_size = draw(network_sizes()), draw(st.integers(1, 4))
    norm, dropout = draw(st.sampled_from(Norm)), draw(st.sampled_from([0.0, 0.5]))
    split = draw(st.integers(-1, min(1, len(sizes) - 2)))
    arguments = tight_plan(sizes, batch_size, norm=norm, dropout=dropout, split_layer=split)
    layers = arguments["layers"]
    scalars = (*SCALARS, *LENGTHS)
    fields = [name for name in FIELDS if name != "activation"]
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from([*fields, *scalars]))
        if name in scalars:
            arguments[name] = near(draw, arguments[name])
        else:
            layer = layers[draw(st.integers(0, len(layers) - 1))]
            layer[name] = near(draw, int(layer[name]))
    return arguments


@settings(modest, max_examples=300)
@given(spoiled_plans(), st.sampled_from(FLOATS))
def test_a_spoiled_plan_is_refused_or_stays_inside(arguments, dtype):
    """Refused exactly when a region leaves its vector; else nothing outside is written."""
    good = fits(**arguments)
    event("fits" if good else "does not fit")
    if not good:
        with pytest.raises(ValueError, match=r"."):
            CompiledPlan(**arguments)
        return
    plan = CompiledPlan(**arguments)
    # Room for more than it needs is no fault, but a vector that large is not to be had here.
    assume(max(plan.n_parameters, plan.n_running, plan.work_size) <= 10**5)
    n_in, n_out = arguments["layers"][0]["n_in"], arguments["layers"][-1]["n_out"]
    run_everything(plan, n_in, n_out, dtype)


int64s = st.integers(-(2**63), 2**63 - 1)


@settings(modest, max_examples=100)
@given(
    st.lists(
        st.lists(st.one_of(st.integers(-1, 6), int64s), min_size=len(FIELDS), max_size=len(FIELDS)),
        min_size=1, max_size=3,
    ),
    st.lists(st.one_of(st.integers(-1, 40), int64s), min_size=14, max_size=14),
)  # fmt: skip
def test_random_layers_are_refused_or_stay_inside(rows, scalars):
    layers = [dict(zip(FIELDS, row, strict=True)) | dict.fromkeys(REALS, 0.0) for row in rows]
    for layer in layers:
        layer["activation"] %= len(Activation)
        layer["norm"] %= 3
        layer["groups"] = 1
    names = (*SCALARS, *LENGTHS)
    arguments = {"layers": layers, **dict(zip(names, scalars, strict=True)), "cost": 0}
    arguments |= {"cost_parameter": 0.0}
    if not fits(**arguments):
        with pytest.raises(ValueError, match=r"."):
            CompiledPlan(**arguments)
        return
    plan = CompiledPlan(**arguments)
    assume(max(plan.n_parameters, plan.n_running, plan.work_size) <= 10**5)
    run_everything(plan, layers[0]["n_in"], layers[-1]["n_out"], np.float64)


@modest
@given(
    network_sizes(),
    st.integers(1, 9),
    st.sampled_from([-1, *Cost]),
    st.sampled_from([None, "batch", "layer"]),
    st.sampled_from(["relu", "gelu"]),
)
def test_the_plans_that_are_really_made_fit(sizes, batch_size, cost, norm, activation):
    """Those of ``fastnn._core.plan``, which nobody else holds against the bounds from outside."""
    chosen = normalization_of(norm)
    options = [LayerOptions(activation, chosen, Dropout(0.5))] * (len(sizes) - 2)
    options.append(LayerOptions("exp" if cost == Cost.POISSON else "sigmoid"))
    layout = ParameterLayout(sizes, chosen)
    given = {}

    def recorded(layers: list, **arguments: Any) -> CompiledPlan:
        given.update(arguments, layers=layers)
        return CompiledPlan(layers, **arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_plan, "CompiledPlan", recorded)
        workspace = Workspace(
            layout, options, batch_size, np.dtype(np.float64), cost, rule=RULES[1], n_workers=2
        )
    plan = workspace.compiled
    if plan.arena_size == -1:
        assert len(workspace.arenas) == len(workspace.memory)
    else:
        assert len(workspace.arenas) == 2 * plan.arena_size
    assert plan.n_parameters == layout.n_parameters
    assert plan.n_running == layout.n_running
    assert plan.work_size == len(workspace.memory)
    assert plan.n_gradients == 2
    assert fits(**given)
    if cost >= 0:
        run_everything(plan, sizes[0], sizes[-1], np.float64)
