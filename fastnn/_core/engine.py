"""The compiled engine: plans, memory and calls of the kernels, for whatever a network is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

import numpy as np

from fastnn import costs
from fastnn._core import epoch as _epoch
from fastnn._core import predict as _prediction
from fastnn._core.blas_guard import quietly
from fastnn._core.compiled_plan import WIDE_LAYER, CompiledPlan
from fastnn._core.context import Mode
from fastnn._core.cost import Cost
from fastnn._core.engine_base import Computed, Engine
from fastnn._core.epoch_loop import EpochLoop
from fastnn._core.epoch_options import Epoch
from fastnn._core.example import ExampleGradient
from fastnn._core.interruption import run_long_batches
from fastnn._core.isa import instruction_set
from fastnn._core.judge import Judge
from fastnn._core.optimizer import Rule
from fastnn._core.plan import LayerOptions, Mold, ParameterLayout, Workspace, plan_of
from fastnn._core.predictor import Predictor
from fastnn._core.threads import usable
from fastnn._data.inputs import Inputs, Unchecked
from fastnn._data.rows import Rows
from fastnn.activations import FROM_Z

__all__ = ["BLOCK", "CompiledEngine"]

# Rows that go through the layers together: enough for BLAS, few enough for the cache.
BLOCK = 256
# Rows that are predicted at once, without the GIL being given up.
FEW = 8
# Numbers in the workspace, and weights times rows, up to which more are.
MEMORY_OF_FEW, WORK_OF_FEW = 16_000, 400_000
# Parameters up to which the gradient of one example is computed without the GIL being given up.
SMALL = 200_000
# Multiplications of a mini-batch's forward pass above which its step is longer than anybody wants
# to wait for Ctrl-C, 0.1 s by one thread: such a mini-batch works on copies.
LONG_BATCH = 1_600_000_000
# Rows up to which a prediction is one block where the widest layer has fewer inputs or neurons than
# WIDE_LAYER, and rows of the smallest blocks of more: there are kernels for many rows. Wide layers
# and BLAS want their usual blocks.
NARROW_BLOCK, SMALL_BLOCK = 128, 48
# Multiplications of a prediction from which it is shared out: an eighth of a millisecond.
WORTH_SHARING = 5_000_000


Result = TypeVar("Result")


def _guarded(plan: CompiledPlan, work: Callable[..., Result]) -> Callable[..., Result]:
    """Return ``work`` that holds BLAS at one thread, if the plan's products are for BLAS."""
    return partial(quietly, work) if plan.needs_blas else work


def _few_rows(layout: ParameterLayout) -> tuple[int, int]:
    """Return up to how many rows are predicted in memory that is kept, at once and in blocks.

    They are FEW, or as many as take about ten microseconds and 64 KB: nobody else has the GIL then.
    """
    block, most = _rows_of_block(layout), WORK_OF_FEW // layout.n_parameters
    at_once = max(FEW, min(MEMORY_OF_FEW // sum(layout.sizes), most, block))
    return at_once, most if at_once == block else at_once


def _rows_of_block(layout: ParameterLayout) -> int:
    """Return up to how many rows a prediction is one block."""
    widest = max(layout.layers, key=lambda layer: layer[0] * layer[1])
    is_narrow = instruction_set != "base" and min(widest) < WIDE_LAYER
    return NARROW_BLOCK if is_narrow else BLOCK


def _vectors(net: Computed, epoch: Epoch) -> tuple[np.ndarray, ...]:
    """Return what training changes."""
    return net._parameters, net._running, epoch.slots, epoch.counter, epoch.masks


def _arguments(
    workspace: Workspace,
    rule: Rule,
    rows: Rows,
    epoch: Epoch,
    order: np.ndarray,
    rates: np.ndarray,
    vectors: tuple[np.ndarray, ...],
    loop: EpochLoop | None = None,
) -> tuple[Any, ...]:
    """Return what the compiled ``train_epoch`` takes."""
    parameters, running, slots, counter, masks = vectors
    return (
        workspace.compiled, rule, parameters, running, slots, workspace.arenas, rows.X, rows.Y,
        rows.row_weights, order, rates, epoch.seed, counter, epoch.with_cost, epoch.tuner,
        epoch.seconds, loop, masks,
    )  # fmt: skip


class CompiledEngine(Engine):
    """The arithmetic of a network in compiled code."""

    takes_unchecked = True

    # Whether this is one training's engine, which keeps its memory from epoch to epoch.
    _is_of_training = False

    def __init__(self) -> None:
        # Memory in which a few rows are predicted; made when it is first needed.
        self._predictor: Predictor | None = None
        # The same for the gradient of one example, and what it was made for.
        self._example: tuple[tuple[Any, ...], ExampleGradient | None] | None = None
        # What the last epoch worked in and stepped by, and what that was made for.
        self._planned: tuple[tuple[Any, ...], Workspace, Rule] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), ()  # a copy makes its own memory

    def for_training(self) -> CompiledEngine:
        engine = type(self)()
        engine._is_of_training = True
        return engine

    def workspace(
        self,
        net: Computed,
        batch_size: int,
        dropout_factor: float = 1.0,
        rule: Rule | None = None,
        n_workers: int = 1,
        cost_by_z: bool = False,
        clip: float = 0.0,
    ) -> Workspace:
        """Return memory for mini-batches of up to ``batch_size`` rows, and its compiled plan."""
        return Workspace(
            net._layout,
            net._options(dropout_factor),
            batch_size,
            net._dtype,
            self._cost_kernel(net),
            clip or costs.parameter_of(net.cost),
            rule,
            n_workers,
            cost_by_z,
        )

    def _cost_kernel(self, net: Computed) -> int:
        """Return the number of the compiled cost that training uses, or ``costs.CUSTOM``."""
        return costs.kernel_id(net.cost)

    def predict_few(self, net: Computed, X: Any) -> np.ndarray | None:
        if net._input_scale != 1:
            return None
        predictor = self._predictor
        # As ``_ready`` asks, whose call would take a twentieth of the time.
        if predictor is None or predictor.parameters is not net._parameters:
            predictor = self._ready(net)
        return predictor.predict(X)

    def _ready(self, net: Computed) -> Predictor:
        """Return what is kept for predictions, made anew for other parameters."""
        predictor = self._predictor
        if predictor is None or predictor.parameters is not net._parameters:
            at_once, most = _few_rows(net._layout)
            workspace = self.workspace(net, at_once)
            if workspace.compiled.needs_blas:  # which is to be held at one thread
                workspace, most = self.workspace(net, FEW), FEW
            vectors = net._parameters, net._running, workspace.memory
            predictor = self._predictor = Predictor(workspace.compiled, *vectors, most)
        return predictor

    def _plan_of_blocks(self, net: Computed) -> CompiledPlan:
        plans = self._ready(net).plans
        plan = plans.get("blocks")
        if plan is None:
            options, kernel = net._options(), self._cost_kernel(net)
            block = _rows_of_block(net._layout)
            mold = Mold(tuple(options), block, kernel, costs.parameter_of(net.cost))
            plan = plans["blocks"] = plan_of(net._layout, mold).compiled
        return plan

    def _plan_of_z(self, net: Computed) -> CompiledPlan:
        """Return the plan of a network whose outputs are the weighted inputs of this one's."""
        plans = self._ready(net).plans
        plan = plans.get("z")
        if plan is None:
            options = [*net._options()[:-1], LayerOptions("identity")]
            mold = Mold(tuple(options), _rows_of_block(net._layout), Cost.QUADRATIC)
            plan = plans["z"] = plan_of(net._layout, mold).compiled
        return plan

    def predict(self, net: Computed, X: Inputs) -> np.ndarray:
        if isinstance(X, Unchecked):
            outputs = self.predict_in_blocks(net, X, checked=False)
            if outputs is not None:
                return outputs
            X.check(net._dtype)  # it is finite if a sum is too large, or a weight is not finite
        outputs = self.predict_in_blocks(net, X, checked=True)
        assert outputs is not None
        return outputs

    def weighted_inputs(self, net: Computed, X: Inputs) -> np.ndarray:
        z = self.predict_in_blocks(net, X, checked=True, plan=self._plan_of_z(net))
        assert z is not None
        return z

    def predict_in_blocks(
        self, net: Computed, X: Inputs, checked: bool, plan: CompiledPlan | None = None
    ) -> np.ndarray | None:
        """Return the outputs, or None if ``X`` is not checked and may not be finite.

        ``plan`` is the one that has other outputs, if these are asked for.
        """
        if plan is None:
            plan = self._plan_of_blocks(net)
        out = np.empty((len(X), net._layout.sizes[-1]), dtype=net._dtype)
        n_threads = self._threads_for(net, len(X))
        work = np.empty(n_threads * plan.work_size, dtype=net._dtype)
        done = _guarded(plan, _prediction.predict)(
            plan, net._parameters, net._running, work, X, out, n_threads, checked,
        )  # fmt: skip
        return out if done else None

    def _threads_for(self, net: Computed, n_rows: int) -> int:
        """Return how many threads share the prediction of so many rows."""
        if n_rows * net._layout.n_parameters <= WORTH_SHARING:
            return 1
        is_one_block = n_rows <= _rows_of_block(net._layout)
        return usable() if is_one_block else min(usable(), -(-n_rows // SMALL_BLOCK))

    def epoch(self, net: Computed, rows: Rows, order: np.ndarray, epoch: Epoch) -> float:
        workspace, rule = self._plan_epoch(net, epoch)
        plan, vectors = workspace.compiled, _vectors(net, epoch)
        if plan.cost == costs.CUSTOM:
            by_python = self._run_epoch_with_python_cost
            return _guarded(plan, by_python)(net, rows, order, epoch, workspace, rule)
        if self._is_long(net, plan.batch_size):

            def run(part: np.ndarray, rates: np.ndarray, copies: tuple[np.ndarray, ...]) -> float:
                told = _arguments(workspace, rule, rows, epoch, part, rates, copies)
                return _epoch.train_epoch(*told)

            return _guarded(plan, run_long_batches)(run, order, epoch, vectors)
        told = _arguments(workspace, rule, rows, epoch, order, epoch.rates, vectors)
        return _guarded(plan, _epoch.train_epoch)(*told)

    def runs_loops(self, net: Computed, batch_size: int) -> bool:
        # A subclass that runs epochs in a way of its own is to run them all.
        own_way = type(self).epoch is not CompiledEngine.epoch
        compiled = self._cost_kernel(net) != costs.CUSTOM
        return compiled and not own_way and not self._is_long(net, batch_size)

    def run_loop(
        self, net: Computed, rows: Rows, order: np.ndarray, epoch: Epoch, loop: EpochLoop
    ) -> None:
        workspace, rule = self._plan_epoch(net, epoch)
        vectors = _vectors(net, epoch)
        told = _arguments(workspace, rule, rows, epoch, order, epoch.rates, vectors, loop)
        if workspace.compiled.needs_blas or loop.needs_blas:
            quietly(_epoch.train_epoch, *told)
        else:
            _epoch.train_epoch(*told)

    def judge(self, net: Computed, rows: Rows, spread: float) -> Judge:
        plan_of_z = self._plan_of_z(net) if net._cost_by_z else None
        plan, n_threads = self._plan_of_blocks(net), self._threads_for(net, len(rows))
        return Judge(rows.X, rows.Y, rows.row_weights, plan, plan_of_z, n_threads, spread)

    def _is_long(self, net: Computed, batch_size: int) -> bool:
        """Whether a mini-batch takes longer than anybody wants to wait for Ctrl-C."""
        return batch_size * net._layout.n_parameters > LONG_BATCH

    def _plan_epoch(self, net: Computed, epoch: Epoch) -> tuple[Workspace, Rule]:
        """Return what an epoch works in and steps by; those of the epoch before if they fit."""
        key = (
            epoch.batch_size, epoch.dropout_factor, net._normalization, net.cost,
            self._cost_kernel(net), epoch.optimizer, epoch.penalty, epoch.n, epoch.rule, epoch.clip,
        )  # fmt: skip
        planned = self._planned
        if planned is None or planned[0] != key:
            rule = epoch.rule or epoch.optimizer.rule(epoch.penalty, epoch.n)
            workspace = self.workspace(
                net, epoch.batch_size, epoch.dropout_factor, rule, epoch.tuner.max_workers,
                net._cost_by_z and epoch.clip is None, epoch.clip or 0.0,
            )  # fmt: skip
            planned = key, workspace, rule
            if self._is_of_training:
                self._planned = planned
        return planned[1], planned[2]

    def _run_epoch_with_python_cost(
        self,
        net: Computed,
        rows: Rows,
        order: np.ndarray,
        epoch: Epoch,
        workspace: Workspace,
        rule: Rule,
    ) -> float:
        compiled, size = workspace.compiled, workspace.compiled.batch_size
        total = 0.0 if epoch.with_cost else float("nan")
        starts = range(0, len(order), size)
        rates = np.broadcast_to(epoch.rates, len(starts))
        for start, rate in zip(starts, rates, strict=True):
            batch = order[start : start + size]
            if compiled.needs_two_rows and len(batch) < 2:
                break
            m = self._forward_batch(net, workspace, rows, batch, epoch)
            if epoch.with_cost:
                total += self._cost_of_batch(net, workspace, rows, m)
            self._write_output_delta(net, workspace, rows, batch[:m])
            _epoch.update_batch(
                compiled, rule, net._parameters, epoch.slots, workspace.memory, m, rate,
                epoch.seed, int(epoch.counter[0]), int(epoch.masks[0]),
                (epoch.counter, epoch.masks),
            )  # fmt: skip
        return total

    def _forward_batch(
        self,
        net: Computed,
        workspace: Workspace,
        rows: Rows,
        batch: np.ndarray,
        epoch: Epoch | None,
    ) -> int:
        """Run a mini-batch forward as in training, or for the gradient alone without ``epoch``."""
        mode = Mode.GRADIENT if epoch is None else Mode.TRAIN
        seed, step = (0, 0) if epoch is None else (epoch.seed, int(epoch.masks[0]))
        return _epoch.forward_batch(
            workspace.compiled, net._parameters, net._running, workspace.memory, rows.X, rows.Y,
            rows.row_weights, batch, mode, seed, step,
        )  # fmt: skip

    def _cost_of_batch(
        self, net: Computed, workspace: Workspace, rows: Rows, m: int, clip: float = 0.0
    ) -> float:
        outputs, targets = workspace.block("out", m), workspace.block("targets", m)
        weights = workspace.weights_of_rows(m if len(rows.row_weights) else 0)
        if workspace.compiled.cost_by_z:
            z = workspace.block("z", m)
            return costs.sum_by_z(net.cost, net._output, z, outputs, targets, weights)
        if clip:
            outputs = np.clip(outputs, clip, 1 - clip)
        return costs.sum_over_rows(net.cost, outputs, targets, weights)

    def _write_output_delta(
        self, net: Computed, workspace: Workspace, rows: Rows, batch: np.ndarray
    ) -> None:
        """Write ∂C/∂z of ``batch``, last run forward, where the backward pass looks for it.

        A cost in Python is asked once for the whole mini-batch, in columns.
        """
        m, weighted = len(batch), len(rows.row_weights) > 0
        if workspace.compiled.cost != costs.CUSTOM:
            _epoch.output_delta(workspace.compiled, workspace.memory, m, weighted)
            return
        z, a, y = (workspace.block(name, m).T.copy() for name in ("z", "out", "targets"))
        delta = costs.delta_of(net.cost, z, a, y).T
        if weighted:
            delta = delta * workspace.weights_of_rows(m)[:, np.newaxis]
        workspace.block("delta", m)[...] = delta

    def hidden_outputs(self, net: Computed, X: np.ndarray, l: int) -> np.ndarray:
        workspace = self.workspace(net, len(X))
        rows = Rows(X, np.zeros((len(X), net._layout.sizes[-1]), dtype=net._dtype))
        quietly(self._forward_batch, net, workspace, rows, np.arange(len(X), dtype=np.intp), None)
        return workspace.block("act", len(X), l) * net._dropout[l].predict_scale

    def gradient_of_example(self, net: Computed, x: Any, y: Any) -> np.ndarray | None:
        kernel, parameter = self._cost_kernel(net), costs.parameter_of(net.cost)
        kept, key = self._example, (net._layout, kernel, parameter)
        if kept is None or kept[0] != key:
            kept = self._example = key, self._new_example_gradient(net, kernel)
        if kept[1] is None:
            return None
        return kept[1].compute(net._parameters, x, y, *costs.range_of_targets(net.cost))

    def _new_example_gradient(self, net: Computed, kernel: int) -> ExampleGradient | None:
        """Return what computes gradients of one example, or None where the usual way is taken."""
        if kernel == costs.CUSTOM or net._layout.n_parameters > SMALL or len(net._running):
            return None
        workspace = self.workspace(net, 1, cost_by_z=net._cost_by_z)
        return ExampleGradient(workspace.compiled, workspace.memory)

    def cost_and_gradient(self, net: Computed, rows: Rows) -> tuple[float, np.ndarray]:
        # Batch norm's statistics are those of all the rows together.
        size = len(rows) if len(net._running) else min(BLOCK, len(rows))
        sums = self.batch_gradients(net, size)
        gradient = np.zeros_like(net._parameters)
        share = 1 / len(rows)
        return sums.quietly(sums.of_all, rows, gradient, share) / len(rows), gradient

    def batch_gradients(
        self, net: Computed, batch_size: int, clip: float | None = None
    ) -> BatchGradients:
        """Return what adds up gradients, mini-batch by mini-batch; see ``Epoch`` for ``clip``."""
        return BatchGradients(self, net, batch_size, clip)

    def layers(
        self, net: Computed, inputs: np.ndarray, batch_size: int, training: bool
    ) -> Iterator[tuple[slice, list[tuple[np.ndarray, np.ndarray | None]]]]:
        """Yield what all layers put out, a and where it is kept z, for so many rows at a time.

        Batch norm takes the statistics of these rows if it is as in training, else the running
        ones. The arrays are overwritten by the next rows.
        """
        workspace, last = self.workspace(net, batch_size), len(net._layout.layers) - 1
        keeps_z = [chosen.activation in FROM_Z for chosen in net._options()]
        for start in range(0, len(inputs), batch_size):
            X = inputs[start : start + batch_size]
            m = len(X)
            Y = np.zeros((m, net._layout.sizes[-1]), dtype=net._dtype)
            if training:
                self._forward_batch(net, workspace, Rows(X, Y), np.arange(m, dtype=np.intp), None)
            else:
                _prediction.predict(
                    workspace.compiled, net._parameters, net._running, workspace.memory, X, Y, 1
                )
            yield (
                slice(start, start + m),
                [
                    (
                        workspace.block("act", m, l),
                        workspace.block("z", m, l) if keeps_z[l] else None,
                    )
                    for l in range(last + 1)
                ],
            )


class BatchGradients:
    """Costs and gradients of mini-batches, in memory that is made once.

    Parameters
    ----------
    engine : CompiledEngine
    net : Computed
    batch_size : int
    clip : float, optional
        As for ``Epoch``.
    """

    def __init__(
        self, engine: CompiledEngine, net: Computed, batch_size: int, clip: float | None
    ) -> None:
        self._engine, self._net, self._clip = engine, net, clip
        by_z = net._cost_by_z and clip is None
        self._workspace = engine.workspace(net, batch_size, cost_by_z=by_z)

    def quietly(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """Return ``work(*arguments)``, BLAS held at one thread if gradients need BLAS."""
        return _guarded(self._workspace.compiled, work)(*arguments)

    def add(
        self, rows: Rows, batch: np.ndarray, gradient: np.ndarray, scale: float, keep: float
    ) -> float:
        """Let ``gradient`` be ``keep`` of itself plus ``scale`` of the sum over ``batch``.

        Returns the sum of the costs. Rows count as often as their weights say.
        """
        engine, net, workspace = self._engine, self._net, self._workspace
        m = engine._forward_batch(net, workspace, rows, batch, None)
        cost = engine._cost_of_batch(net, workspace, rows, m, self._clip or 0.0)
        engine._write_output_delta(net, workspace, rows, batch[:m])
        plan, memory = workspace.compiled, workspace.memory
        _epoch.gradient_batch(plan, gradient, net._parameters, memory, m, scale, keep)
        return cost

    def of_all(self, rows: Rows, gradient: np.ndarray, scale: float) -> float:
        """Add ``scale`` of the sum over all rows to ``gradient``; return the sum of the costs."""
        order = np.arange(len(rows), dtype=np.intp)
        size, cost = self._workspace.compiled.batch_size, 0.0
        for start in range(0, len(rows), size):
            cost += self.add(rows, order[start : start + size], gradient, scale, 1)
        return cost
