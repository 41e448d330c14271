"""One epoch of training, and its parts.

``parameters`` and ``gradient`` (plan.n_parameters,), ``running`` (plan.n_running,) and ``work``
(plan.work_size,) are laid out by the plan. For ``train_epoch``, if the plan has partial sums,
``work`` may be (n_arenas * plan.arena_size,) instead, an arena for each worker, up to
``tuner.max_workers`` and the number of partial sums; without them one does all. ``slots``
(rule.n_slots, plan.n_parameters) hold the optimizer's state, (0, any) for plain SGD. ``X``
(n, n_in) of any kind that a RowSource takes and ``Y`` (n, n_out) hold one sample a row,
``row_weights`` (n,) or (0,) factors on their costs. ``m`` is the number of rows in use of the
plan's batch; dropout's masks come of ``seed`` and ``step``.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from fastnn._core.compiled_plan import CompiledPlan
from fastnn._core.epoch_loop import EpochLoop
from fastnn._core.optimizer import Rule
from fastnn._core.row_source import RowSource
from fastnn._core.thread_tuner import ThreadTuner

_Float = TypeVar("_Float", np.float32, np.float64)
_Inputs = RowSource | NDArray[Any]

def train_epoch(
    plan: CompiledPlan,
    rule: Rule,
    parameters: NDArray[_Float],
    running: NDArray[_Float],
    slots: NDArray[_Float],
    work: NDArray[_Float],
    X: _Inputs,
    Y: NDArray[_Float],
    row_weights: NDArray[_Float],
    order: NDArray[np.intp],
    rates: NDArray[np.float64],
    seed: int,
    counter: NDArray[np.uint64],
    with_cost: bool,
    tuner: ThreadTuner,
    seconds: NDArray[np.float64],
    loop: EpochLoop | None = None,
    masks: NDArray[np.uint64] | None = None,
) -> float:
    """Train on the rows in ``order`` (n_order,) at ``rates`` (1,) or (n_batches,).

    Return the sum of the rows' costs, or NaN without ``with_cost``. ``counter`` (1,) holds the
    steps taken before, and counts on. ``tuner`` says how many threads share the work; ``seconds``
    (len(Phase),) or (0,) is where their time is added, by what it was spent on. With ``loop`` its
    epochs are run, in its order and at its rates, and the last one's sum is returned. ``masks``
    (1,) holds the masks drawn before, if not as many as steps, and counts on.
    """

def forward_batch(
    plan: CompiledPlan,
    parameters: NDArray[_Float],
    running: NDArray[_Float],
    work: NDArray[_Float],
    X: _Inputs,
    Y: NDArray[_Float],
    row_weights: NDArray[_Float],
    order: NDArray[np.intp],
    mode: int,
    seed: int,
    step: int,
) -> int:
    """Gather and run forward the first mini-batch of ``order``; return its number of rows."""

def output_delta(plan: CompiledPlan, work: NDArray[_Float], m: int, weighted: bool) -> None:
    """Write the compiled cost's delta of the ``m`` rows last run forward into ``work``."""

def update_batch(
    plan: CompiledPlan,
    rule: Rule,
    parameters: NDArray[_Float],
    slots: NDArray[_Float],
    work: NDArray[_Float],
    m: int,
    rate: float,
    seed: int,
    step: int,
    drawn: int | None = None,
    counted: Sequence[NDArray[np.uint64]] = (),
) -> None:
    """Step the parameters from the output's delta of ``m`` rows in ``work``, and count it."""

def gradient_batch(
    plan: CompiledPlan,
    gradient: NDArray[_Float],
    parameters: NDArray[_Float],
    work: NDArray[_Float],
    m: int,
    scale: float,
    keep: float,
) -> None:
    """``gradient`` := keep · gradient + scale · Σ ∂C/∂parameters over the ``m`` rows."""
