"""The compiled plan refuses every table whose offsets would leave the two vectors."""

from __future__ import annotations

import copy
import itertools
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st
from strategies import FLOATS, modest, network_sizes

from fastnn import _epoch
from fastnn._activations import Activation
from fastnn._costs import Cost
from fastnn._plan import COLUMNS, CompiledPlan
from fastnn.plan import ParameterLayout, Workspace

LARGEST = 2**31 - 1
ABSURD = [-(2**63), -(2**31) - 1, -2, 2**31 - 1, 2**31, 2**32, 2**32 + 1, 2**62, 2**63 - 1]
REFUSED = (OverflowError, TypeError, ValueError)


def tight_plan(sizes: tuple[int, ...], batch_size: int, cost: int = 0) -> dict:
    """Arguments of a CompiledPlan without a spare number in either vector.

    Every region has its own place, the last layer's weighted input too.
    """
    taken = {"parameters": 0, "work": 0}

    def take(vector: str, length: int) -> int:
        taken[vector] += length
        return taken[vector] - length

    inputs = take("work", batch_size * sizes[0])
    targets = take("work", batch_size * sizes[-1])
    table = []
    for l, (n_in, n_out) in enumerate(itertools.pairwise(sizes)):
        weights, biases = take("parameters", n_in * n_out), take("parameters", n_out)
        out, delta = (take("work", batch_size * n_out) for _ in range(2))
        z = take("work", batch_size * n_out) if l == len(sizes) - 2 else -1
        table.append((n_in, n_out, Activation.SIGMOID, weights, biases, out, delta, z))
    return {
        "table": np.array(table, dtype=np.int64),
        "batch_size": batch_size,
        "inputs": inputs,
        "targets": targets,
        "n_parameters": taken["parameters"],
        "work_size": taken["work"],
        "cost": cost,
    }


def fits(table: np.ndarray, batch_size: int, inputs: int, targets: int, n_parameters: int,
         work_size: int, cost: int) -> bool:  # fmt: skip
    """Whether every region lies in its vector: the checks once more, in integers without end."""
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in table.tolist()]
    if not 1 <= batch_size <= LARGEST:
        return False
    for row in rows:
        block = batch_size * row["n_out"]
        regions = [
            (row["weights"], row["n_in"] * row["n_out"], n_parameters),
            (row["biases"], row["n_out"], n_parameters),
            (row["out"], block, work_size),
            (row["delta"], block, work_size),
        ]
        if row["z"] != -1:
            regions.append((row["z"], block, work_size))
        if not (1 <= row["n_in"] <= LARGEST and 1 <= row["n_out"] <= LARGEST):
            return False
        if any(start < 0 or start + length > total for start, length, total in regions):
            return False
    if any(b["n_in"] != a["n_out"] for a, b in itertools.pairwise(rows)):
        return False
    ends = [(inputs, batch_size * rows[0]["n_in"]), (targets, batch_size * rows[-1]["n_out"])]
    return all(start >= 0 and start + length <= work_size for start, length in ends)


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
    all_work, work = guarded(plan.work_size, dtype, 0.0)
    n = 2 * plan.batch_size + 1
    all_outputs, flat = guarded(n * n_out, dtype, 0.0)
    outputs = flat.reshape(n, n_out)
    X, Y = np.full((n, n_in), 0.5, dtype), np.full((n, n_out), 0.5, dtype)
    order = np.arange(n)
    _epoch.train_epoch(plan, parameters, work, X, Y, order, 0.1, 0.9, 0.01, True)
    m = _epoch.forward_batch(plan, parameters, work, X, Y, order)
    _epoch.output_delta(plan, work, m)
    _epoch.gradient_batch(plan, gradient, parameters, work, m, 1.0, 0.0)
    _epoch.update_batch(plan, parameters, work, m, 0.1, 0.9, 0.01)
    _epoch.predict(plan, parameters, work, X, outputs)
    for whole in (all_parameters, all_gradient, all_work, all_outputs):
        assert_guards_stand(whole)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("sizes", [(1, 1), (3, 2), (2, 5, 1), (4, 3, 3, 2)])
def test_a_tight_plan_is_taken_and_stays_inside(sizes, batch_size, dtype):
    arguments = tight_plan(sizes, batch_size)
    assert fits(**arguments)
    plan = CompiledPlan(**arguments)
    assert plan.n_layers == len(sizes) - 1
    assert plan.batch_size == batch_size
    assert plan.n_parameters == arguments["n_parameters"]
    assert plan.work_size == arguments["work_size"]
    assert plan.cost == 0
    run_everything(plan, sizes[0], sizes[-1], dtype)


def test_the_table_may_be_read_only():
    arguments = tight_plan((2, 3), 2)
    arguments["table"].flags.writeable = False
    CompiledPlan(**arguments)


def test_the_plan_keeps_no_hold_on_its_table():
    """What is written into the table afterwards was never checked."""
    arguments = tight_plan((2, 3), 2)
    plan = CompiledPlan(**arguments)
    arguments["table"][:] = 2**62
    run_everything(plan, 2, 3, np.float64)


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("vector", ["n_parameters", "work_size"])
def test_one_number_too_few_is_refused(vector, batch_size):
    arguments = tight_plan((3, 4, 2), batch_size)
    arguments[vector] -= 1
    with pytest.raises(ValueError, match=f"do not fit in {arguments[vector]}"):
        CompiledPlan(**arguments)


# A sigmoid net 3-4-2 for 2 rows; each offset moved so that its region's last number falls out.
@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("column", ["weights", "biases", "out", "delta", "z"])
def test_a_region_that_leaves_its_vector_is_refused_by_name(layer, column):
    def at(offset: int) -> CompiledPlan:
        arguments = tight_plan((3, 4, 2), 2)
        arguments["table"][layer, COLUMNS.index(column)] = offset
        return CompiledPlan(**arguments)

    good = tight_plan((3, 4, 2), 2)
    n_in, n_out = good["table"][layer, :2]
    total = good["n_parameters" if column in ("weights", "biases") else "work_size"]
    length = {"weights": n_in * n_out, "biases": n_out}.get(column, 2 * n_out)
    at(total - length)
    at(0)
    for offset in (total - length + 1, total, -2, -(2**31), 2**31, 2**62, 2**63 - 1, -(2**63)):
        with pytest.raises(ValueError, match=rf"^{column}: .* do not fit in {total}"):
            at(offset)


@pytest.mark.parametrize("column", ["weights", "biases", "out", "delta"])
def test_only_z_may_be_left_out(column):
    arguments = tight_plan((3, 2), 2)
    arguments["table"][0, COLUMNS.index(column)] = -1
    with pytest.raises(ValueError, match=f"^{column}: "):
        CompiledPlan(**arguments)


@pytest.mark.parametrize("name", ["inputs", "targets"])
def test_inputs_and_targets_must_fit(name):
    arguments = tight_plan((3, 4, 2), 5)
    end = arguments["work_size"] - 5 * (3 if name == "inputs" else 2)
    CompiledPlan(**{**arguments, name: end})
    for offset in (end + 1, -1, 2**62, -(2**63), 2**63 - 1):
        with pytest.raises(ValueError, match=f"^{name}: "):
            CompiledPlan(**{**arguments, name: offset})


@pytest.mark.parametrize("value", [0, -1, *ABSURD])
@pytest.mark.parametrize("column", ["n_in", "n_out"])
@pytest.mark.parametrize("layer", [0, 1])
def test_an_impossible_size_is_refused(layer, column, value):
    arguments = tight_plan((3, 4, 2), 2)
    arguments["table"][layer, COLUMNS.index(column)] = value
    with pytest.raises(ValueError, match=r"expected|do not fit"):
        CompiledPlan(**arguments)


@pytest.mark.parametrize("value", [-1, 5, *ABSURD])
@pytest.mark.parametrize("layer", [0, 1])
def test_an_unknown_activation_is_refused(layer, value):
    """2**32 + 1 too, which a C int would take for the sigmoid."""
    arguments = tight_plan((3, 4, 2), 2)
    arguments["table"][layer, COLUMNS.index("activation")] = value
    with pytest.raises(ValueError, match="activation: expected"):
        CompiledPlan(**arguments)


def test_layers_must_follow_on_one_another():
    arguments = tight_plan((3, 4, 2), 2)
    arguments["table"][1, COLUMNS.index("n_in")] = 3
    with pytest.raises(ValueError, match=r"layer 1: takes 3 inputs, but .* has 4 neurons"):
        CompiledPlan(**arguments)


@pytest.mark.parametrize("value", [0, -1, *ABSURD, 2**70, None, 1.5, "2"])
def test_an_impossible_batch_size_is_refused(value):
    with pytest.raises(REFUSED):
        CompiledPlan(**{**tight_plan((3, 4, 2), 2), "batch_size": value})


@pytest.mark.parametrize("value", [-1, -(2**31), -(2**62), -(2**63), 2**70, None, "8"])
@pytest.mark.parametrize("name", ["n_parameters", "work_size"])
def test_an_impossible_length_is_refused(name, value):
    with pytest.raises(REFUSED):
        CompiledPlan(**{**tight_plan((3, 4, 2), 2), name: value})


BAD_TABLES = {
    "none": None,
    "no rows": np.empty((0, 8), np.int64),
    "7 columns": np.ones((1, 7), np.int64),
    "9 columns": np.ones((1, 9), np.int64),
    "no columns": np.empty((1, 0), np.int64),
    "one-dimensional": np.ones(8, np.int64),
    "three-dimensional": np.ones((1, 1, 8), np.int64),
    "int32": np.ones((1, 8), np.int32),
    "uint64": np.ones((1, 8), np.uint64),
    "float": np.ones((1, 8)),
    "strided": np.ones((1, 16), np.int64)[:, ::2],
    "fortran": np.asfortranarray(np.ones((2, 8), np.int64)),
    "a list": [[1] * 8],
}


@pytest.mark.parametrize("table", BAD_TABLES.values(), ids=BAD_TABLES)
def test_what_is_no_table_is_refused(table):
    with pytest.raises((TypeError, ValueError), match=r"."):
        CompiledPlan(**{**tight_plan((1, 1), 1), "table": table})


def test_a_plan_without_arguments_is_refused():
    with pytest.raises(TypeError):
        CompiledPlan()
    with pytest.raises(TypeError):
        CompiledPlan.__new__(CompiledPlan)


def test_a_plan_cannot_be_changed_copied_or_pickled():
    """A copy of its addresses would outlive them."""
    plan = CompiledPlan(**tight_plan((3, 2), 2))
    for name in ("n_layers", "batch_size", "cost", "n_parameters", "work_size"):
        with pytest.raises(AttributeError):
            setattr(plan, name, 10**6)
    for duplicate in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            duplicate(plan)


@pytest.mark.parametrize("cost", [-(2**31), -2, -1, 3, 99, 2**31 - 1])
def test_a_cost_that_is_not_compiled_never_trains(cost):
    """−1, a cost in Python, makes a good plan; only what would compute its delta must refuse."""
    arguments = tight_plan((3, 2), 2, cost)
    try:
        plan = CompiledPlan(**arguments)
    except ValueError:
        assert cost != -1
        return
    parameters, work = np.full(plan.n_parameters, 0.5), np.zeros(plan.work_size)
    X, Y, order = np.ones((2, 3)), np.ones((2, 2)), np.arange(2)
    with pytest.raises(ValueError, match="cost"):
        _epoch.train_epoch(plan, parameters, work, X, Y, order, 0.1, 1.0, 0.0, False)
    with pytest.raises(ValueError, match="cost"):
        _epoch.output_delta(plan, work, 1)
    np.testing.assert_array_equal(parameters, 0.5)


NO_PLAN = """
import numpy as np
from fastnn import _epoch
v, X, order = np.zeros(4), np.zeros((2, 2)), np.arange(2)
calls = {
    "train_epoch": lambda: _epoch.train_epoch(None, v, v, X, X, order, 0.1, 1.0, 0.0, True),
    "forward_batch": lambda: _epoch.forward_batch(None, v, v, X, X, order),
    "output_delta": lambda: _epoch.output_delta(None, v, 1),
    "update_batch": lambda: _epoch.update_batch(None, v, v, 1, 0.1, 1.0, 0.0),
    "gradient_batch": lambda: _epoch.gradient_batch(None, v, v, v, 1, 1.0, 0.0),
    "predict": lambda: _epoch.predict(None, v, v, X, X),
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
    arguments = tight_plan(draw(network_sizes()), draw(st.integers(1, 4)))
    table = arguments["table"]
    scalars = ("batch_size", "inputs", "targets", "n_parameters", "work_size")
    columns = [column for column in COLUMNS if column != "activation"]
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from([*columns, *scalars]))
        if name in scalars:
            arguments[name] = near(draw, arguments[name])
        else:
            place = draw(st.integers(0, len(table) - 1)), COLUMNS.index(name)
            table[place] = near(draw, int(table[place]))
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
    assume(plan.n_parameters <= 10**5 and plan.work_size <= 10**5)
    n_in, n_out = int(arguments["table"][0, 0]), int(arguments["table"][-1, 1])
    run_everything(plan, n_in, n_out, dtype)


int64s = st.integers(-(2**63), 2**63 - 1)


@settings(modest, max_examples=100)
@given(
    st.lists(st.lists(st.one_of(st.integers(-1, 6), int64s), min_size=8, max_size=8), min_size=1,
             max_size=3),
    st.lists(st.one_of(st.integers(-1, 40), int64s), min_size=5, max_size=5),
)  # fmt: skip
def test_random_tables_are_refused_or_stay_inside(rows, numbers):
    table = np.array(rows, dtype=np.int64)
    table[:, COLUMNS.index("activation")] %= 5
    names = ("batch_size", "inputs", "targets", "n_parameters", "work_size")
    arguments = {"table": table, **dict(zip(names, numbers, strict=True)), "cost": 0}
    if not fits(**arguments):
        with pytest.raises(ValueError, match=r"."):
            CompiledPlan(**arguments)
        return
    plan = CompiledPlan(**arguments)
    assume(plan.n_parameters <= 10**5 and plan.work_size <= 10**5)
    run_everything(plan, rows[0][0], rows[-1][1], np.float64)


@modest
@given(network_sizes(), st.integers(1, 9), st.sampled_from([-1, *Cost]))
def test_the_plans_that_are_really_made_fit(sizes, batch_size, cost):
    """Those of ``fastnn.plan``, which nobody else holds against the bounds from outside."""
    names = ["relu"] * (len(sizes) - 2) + ["sigmoid"]
    layout = ParameterLayout(sizes)
    workspace = Workspace(layout, names, batch_size, np.dtype(np.float64), cost)
    plan = workspace.compiled
    assert plan.n_parameters == layout.n_parameters
    assert plan.work_size == len(workspace.memory)
    assert fits(workspace.table, batch_size, 0, workspace.targets, plan.n_parameters,
                plan.work_size, cost)  # fmt: skip
    if cost >= 0:
        run_everything(plan, sizes[0], sizes[-1], np.float64)
