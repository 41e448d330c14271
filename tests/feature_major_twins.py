"""One network trained feature-major and by the usual way, on the same data.

All that the compiled core is given lies between numbers that are not, and its workspace holds no
others when it begins: what reads or leaves behind something that is not its own spoils the result.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse

from fastnn import optimizers
from fastnn._core import epoch as _epoch
from fastnn._core import plan
from fastnn._core.activation import Activation
from fastnn._core.cost import OUTPUTS, Cost
from fastnn._core.epoch_loop import Column, EpochLoop
from fastnn._core.plan import LayerOptions, ParameterLayout, Workspace
from fastnn._core.row_source import RowSource
from fastnn._core.thread_tuner import ThreadTuner
from fastnn.activations import KERNELS
from fastnn.regularizers import Regularizer

# Of hidden layers; those of a kink are for float64, where rounding does not take it by chance.
SMOOTH = ("identity", "sigmoid", "tanh", "elu", "softplus")
KINKED = ("relu", "leaky_relu", "selu")
OUTPUT_NAMES = {number: name for name, number in KERNELS.items()}
PAIRS = [
    (cost, OUTPUT_NAMES[output])
    for cost, outputs in OUTPUTS.items()
    for output in outputs
    if output != Activation.SOFTMAX or cost == Cost.LOG_LIKELIHOOD
]
OPTIMIZERS = {
    "SGD": optimizers.SGD(),
    "Nesterov": optimizers.SGD(momentum=0.9, nesterov=True),
    "RMSprop": optimizers.RMSprop(eps=1e-2),
    "AdaGrad": optimizers.AdaGrad(eps=1e-2),
    "AdamW": optimizers.AdamW(eps=1e-2, weight_decay=0.1),
}
KINDS = ("array", "float", "bytes", "sparse")
TOLERANCE = {"float64": 1e-11, "float32": 2e-4}


@dataclass
class Case:
    """What is trained, and how."""

    sizes: tuple[int, ...]
    hidden: tuple[str, ...]
    n: int
    batch_size: int
    dtype: str = "float64"
    pair: tuple[Any, str] = (Cost.CROSS_ENTROPY, "sigmoid")
    optimizer: str = "SGD"
    penalty: Regularizer = field(default_factory=Regularizer)
    kind: str = "array"
    weighted: bool = False
    per_batch: bool = False
    labels: bool = True
    clip: float = 0.0
    with_cost: bool = True
    seed: int = 0
    row_ranges: bool = False  # that workers share out
    by_z: bool = False  # whether costs are computed from the outputs' weighted inputs


def between_nans(values: np.ndarray) -> np.ndarray:
    """Return a copy that has 64 NaN on either side."""
    whole = np.full(values.size + 128, np.nan, values.dtype)
    inner = whole[64 : 64 + values.size].reshape(values.shape)
    inner[...] = values
    return inner


def nothing_outside(inner: np.ndarray) -> bool:
    whole = inner if inner.base is None else inner.base
    return bool(np.isnan(whole[:64]).all() and np.isnan(whole[-64:]).all())


def rows_of(case: Case, rng: np.random.Generator) -> tuple[Any, np.ndarray, np.ndarray]:
    """Inputs of the case's kind, targets, weights of rows."""
    shape, n_out = (case.n, case.sizes[0]), case.sizes[-1]
    X: Any = rng.normal(size=shape).astype(case.dtype)
    if case.kind == "float":
        X = RowSource(rng.normal(size=shape).astype("float32"))
    elif case.kind == "bytes":
        X = RowSource(rng.integers(0, 256, shape).astype("uint8"), 1 / 255)
    elif case.kind == "sparse":
        X = scipy.sparse.random_array(shape, density=0.5, rng=rng, dtype="float64").tocsr()
        X = RowSource(X.data, 1.0, X.indices, X.indptr, shape[1])
    else:
        X = between_nans(X)
    Y = rng.integers(0, 2, (case.n, n_out)) if case.labels else rng.random((case.n, n_out))
    weights = rng.random(case.n if case.weighted else 0) + 0.1
    return X, between_nans(Y.astype(case.dtype)), between_nans(weights.astype(case.dtype))


def run(case: Case, feature_major: bool, epochs: int = 2, n_threads: int = 1) -> list[np.ndarray]:
    """Return the parameters, the optimizer's state and the costs after so many epochs."""
    rng = np.random.default_rng(case.seed)
    X, Y, weights = rows_of(case, rng)
    layout = ParameterLayout(case.sizes)
    options = [LayerOptions(name) for name in (*case.hidden, case.pair[1])]
    optimizer = OPTIMIZERS[case.optimizer]
    numbers = {**optimizer.rule(case.penalty, case.n).numbers, "per_batch": case.per_batch}
    numbers.pop("n_slots")
    rule = type(optimizer.rule(case.penalty, 1))(**numbers)
    before = plan._is_feature_major, plan.WORTH_A_ROW_RANGE
    plan._is_feature_major = lambda *arguments: feature_major
    plan.WORTH_A_ROW_RANGE = 1 if case.row_ranges else 10**9
    try:
        workspace = Workspace(
            layout, options, case.batch_size, np.dtype(case.dtype), case.pair[0],
            case.clip or 0.3, rule, n_threads, case.by_z,
        )  # fmt: skip
    finally:
        plan._is_feature_major, plan.WORTH_A_ROW_RANGE = before
    assert workspace.compiled.feature_major == feature_major
    parameters = np.concatenate([
        part for n_in, n_out in layout.layers
        for part in (rng.normal(size=n_in * n_out) / math.sqrt(n_in), rng.normal(size=n_out))
    ])  # fmt: skip
    vectors = [between_nans(parameters.astype(case.dtype))]
    vectors.append(between_nans(np.zeros((rule.n_slots, len(parameters)), case.dtype)))
    memory = between_nans(np.full(len(workspace.arenas), np.nan, case.dtype))
    record = np.full((epochs, Column.FIRST_MEASURE + case.with_cost), np.nan)
    order, rates = rng.permutation(case.n), np.array([0.01])
    loop = EpochLoop(order, rates[np.newaxis], record, 0, with_cost=case.with_cost)
    _epoch.train_epoch(
        workspace.compiled, rule, vectors[0], np.empty(0, case.dtype), vectors[1], memory, X, Y,
        weights, order, rates, 0, np.zeros(1, np.uint64), case.with_cost,
        ThreadTuner(n_threads, True), np.empty(0), loop,
    )  # fmt: skip
    for given in (*vectors, memory, Y, weights, *([X] if isinstance(X, np.ndarray) else [])):
        assert nothing_outside(given)
    return [*vectors, record[:, Column.FIRST_MEASURE :]]


def assert_twins(case: Case) -> None:
    """Both ways must come to the same numbers, to rounding."""
    tolerance = TOLERANCE[case.dtype]
    for ours, usual in zip(run(case, True), run(case, False), strict=True):
        if case.with_cost:
            assert np.isfinite(usual).all(), case
        np.testing.assert_allclose(ours, usual, rtol=tolerance, atol=tolerance, err_msg=str(case))


def any_case(seed: int) -> Case:
    """Return a case that the seed chooses."""
    rng = np.random.default_rng([seed, 1])
    lengths = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 40)
    sizes = tuple(int(n) for n in rng.choice(lengths, rng.integers(2, 5)))
    dtype = str(rng.choice(["float64", "float32"]))
    names = (*SMOOTH, *KINKED) if dtype == "float64" else SMOOTH
    n = int(rng.choice([1, 2, 7, 15, 16, 17, 31, 48, 65, 300, 700]))
    pair = PAIRS[rng.integers(len(PAIRS))]
    return Case(
        sizes=sizes,
        hidden=tuple(str(name) for name in rng.choice(names, len(sizes) - 2)),
        n=n,
        batch_size=int(rng.integers(1, n + 1)) if n < 100 else int(rng.choice([n, n // 2 - 1])),
        dtype=dtype,
        pair=pair,
        optimizer=str(rng.choice(list(OPTIMIZERS))),
        penalty=Regularizer(
            l1=float(rng.choice([0, 0.1])),
            l2=float(rng.choice([0, 0.2])),
            max_norm=rng.choice([None, 0.9]),
        ),
        kind=str(rng.choice(KINDS)),
        weighted=bool(rng.integers(2)),
        per_batch=bool(rng.integers(2)),
        labels=bool(rng.integers(2)),
        row_ranges=bool(rng.integers(2)),
        by_z=bool(rng.integers(2)),
        clip=float(rng.choice([0, 0.05])) if pair[0] == Cost.CROSS_ENTROPY else 0.0,
        with_cost=bool(rng.integers(4)),
        seed=seed,
    )
