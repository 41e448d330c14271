"""A network of the book's as one of ``fastnn.Network``, in whose vectors compiled code works."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn import optimizers
from fastnn._core import epoch as _epoch
from fastnn._core.blas_guard import quietly
from fastnn._core.context import Mode
from fastnn._core.engine import CompiledEngine
from fastnn._core.epoch_loop import Column, EpochLoop
from fastnn._core.epoch_options import Epoch
from fastnn._core.judge import Judge, Measure
from fastnn._core.optimizer import Rule
from fastnn._core.plan import Workspace
from fastnn._core.thread_tuner import ThreadTuner
from fastnn._core.threads import tuner_for, work_of_batch
from fastnn._data.inputs import Inputs, Unchecked, as_source
from fastnn._data.rows import Rows
from fastnn.network import Network
from fastnn.regularizers import Regularizer

# Seconds after which the core comes back from its steps, so that their losses are seen.
PAUSE = 0.1


class Compiled:
    """Memory for what compiled code computes of a network, kept from call to call.

    Parameters
    ----------
    network : Network
        With softmax outputs and the log-likelihood cost.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._engine = CompiledEngine()
        self._training = self._engine.for_training()
        self._workspace: Workspace | None = None
        self._tuner: tuple[int, ThreadTuner] | None = None
        self._judge: tuple[tuple[int, int], Judge] | None = None

    def inputs(self, x: Any, later: bool = False) -> Inputs:
        """Return ``x`` (m, ...) as rows, which are checked now or ``later``.

        Raises
        ------
        TypeError, ValueError
            Naming ``x``, if it does not fit.
        """
        array = np.asarray(x)
        n_in, dtype = self._network.sizes[0], self._network.dtype
        rows = array.reshape(len(array), -1) if array.ndim > 2 else array
        return as_source(rows, n_in, dtype, "x", later=later)

    def scores(self, x: Any) -> np.ndarray:
        """Return the weighted inputs of the outputs (m, n_out), as in prediction."""
        X, net, engine = self.inputs(x, later=True), self._network, self._engine
        if isinstance(X, Unchecked):
            plan = engine._plan_of_z(net)
            scores = engine.predict_in_blocks(net, X, checked=False, plan=plan)
            if scores is not None:
                return scores
            X.check(net.dtype)
        return engine.weighted_inputs(net, X)

    def scores_in_training(self, x: Any) -> np.ndarray:
        """Return the same as in training: batch norm's statistics are those of these rows."""
        X = self.inputs(x)
        rows, m = Rows(X, np.zeros((len(X), self._network.sizes[-1]))), len(X)
        return self._quietly(self._forward, m, rows, _all(m), Mode.TRAIN).block("z", m).copy()

    def gradient(self, x: Any, targets: np.ndarray) -> np.ndarray:
        """Return the gradient of the mean cost of rows with ``targets`` (m, n_out)."""
        rows, gradient = Rows(self.inputs(x), targets), np.zeros_like(self._network.parameters)
        self._quietly(self._backward, len(rows), rows, gradient)
        return gradient

    def steps(
        self,
        rows: Rows,
        batches: np.ndarray,
        rule: Rule,
        slots: np.ndarray,
        rate: float,
        decay: float,
        counter: np.ndarray,
        losses: list[float],
    ) -> None:
        """Take steps in one call of the core, and add the error of each mini-batch after its step.

        Parameters
        ----------
        rows : Rows
        batches : intp array (n_steps, m)
            The rows of each step. The core comes back after about ``PAUSE`` seconds, perhaps
            before the last.
        rule : Rule
        slots : array (n_slots, n_parameters)
        rate, decay : float
            η, and the λ of ½ λ Σw² in the error.
        counter : uint64 array (1,)
            Steps before, counted on.
        losses : list
            At Ctrl-C there may be one fewer than steps.
        """
        net, (n, m) = self._network, batches.shape
        if self._tuner is None or self._tuner[0] != m:
            self._tuner = m, tuner_for(None, work_of_batch(m, net.n_parameters))
        told = Epoch(
            batch_size=m,
            optimizer=optimizers.SGD(),  # ``rule`` says which steps there are
            penalty=Regularizer(),
            n=1,
            rates=np.array([rate]),
            slots=slots,
            counter=counter,
            tuner=self._tuner[1],
            rule=rule,
        )
        record, order = np.empty((n, Column.FIRST_MEASURE + 1)), batches[0].copy()
        measure = self._judge_of(rows, m), int(Measure.CLASS_ERROR), 0.0, decay * m
        loop = EpochLoop(
            order, told.rates[np.newaxis], record, 0, with_cost=False, measures=(measure,),
            pause=PAUSE, orders=batches,
        )  # fmt: skip
        try:
            self._training.run_loop(net, rows, order, told, loop)
        finally:
            losses += list(record[: loop.n_recorded, Column.FIRST_MEASURE])

    def _judge_of(self, rows: Rows, m: int) -> Judge:
        """Return what judges each mini-batch of m rows, in memory that is kept."""
        net, engine = self._network, self._engine
        key = m, engine._threads_for(net, m)
        if self._judge is None or self._judge[0] != key:
            X, Y = (np.zeros((m, n), net.dtype) for n in (net.sizes[0], net.sizes[-1]))
            plan = engine._plan_of_blocks(net)
            self._judge = key, Judge(X, Y, np.empty(0, net.dtype), plan, None, key[1], 0.0)
        judge = self._judge[1]
        judge.follow(rows.X, rows.Y)
        return judge

    def _quietly(self, work: Any, m: int, *arguments: Any) -> Any:
        """Return ``work(workspace, ...)``, with room for m rows, BLAS at one thread if needed."""
        workspace = self._workspace
        if workspace is None or workspace.compiled.batch_size < m:
            workspace = self._engine.workspace(self._network, m, cost_by_z=True)
            self._workspace = workspace
        if workspace.compiled.needs_blas:
            return quietly(work, workspace, *arguments)
        return work(workspace, *arguments)

    def _forward(
        self, workspace: Workspace, rows: Rows, batch: np.ndarray, mode: Mode
    ) -> Workspace:
        net = self._network
        _epoch.forward_batch(
            workspace.compiled, net.parameters, net.running_statistics, workspace.memory, rows.X,
            rows.Y, rows.row_weights, batch, mode, 0, 0,
        )  # fmt: skip
        return workspace

    def _backward(self, workspace: Workspace, rows: Rows, gradient: np.ndarray) -> None:
        m = len(rows)
        plan = self._forward(workspace, rows, _all(m), Mode.TRAIN).compiled
        memory = workspace.memory
        _epoch.output_delta(plan, memory, m, False)
        _epoch.gradient_batch(plan, gradient, self._network.parameters, memory, m, 1 / m, 0.0)


def _all(m: int) -> np.ndarray:
    return np.arange(m, dtype=np.intp)
