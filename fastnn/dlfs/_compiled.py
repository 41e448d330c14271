"""A network of the book's as one of ``fastnn.Network``, in whose vectors compiled code works."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn import optimizers
from fastnn._core import epoch as _epoch
from fastnn._core.blas_guard import quietly
from fastnn._core.context import Mode
from fastnn._core.engine import CompiledEngine
from fastnn._core.epoch_options import Epoch
from fastnn._core.optimizer import Rule
from fastnn._core.plan import Workspace
from fastnn._core.thread_tuner import ThreadTuner
from fastnn._core.threads import tuner_for, work_of_batch
from fastnn._data.inputs import Inputs, Unchecked, as_source
from fastnn._data.rows import Rows
from fastnn.network import Network
from fastnn.regularizers import Regularizer


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
        targets = np.zeros((len(X), self._network.sizes[-1]))
        workspace = self._quietly(self._forward, Rows(X, targets))
        return workspace.block("z", len(X)).copy()

    def gradient(self, x: Any, targets: np.ndarray) -> np.ndarray:
        """Return the gradient of the mean cost of rows with ``targets`` (m, n_out)."""
        gradient = np.zeros_like(self._network.parameters)
        self._quietly(self._backward, Rows(self.inputs(x), targets), gradient)
        return gradient

    def step(
        self, x: Any, targets: np.ndarray, rule: Rule, slots: np.ndarray, rate: float, t: int
    ) -> None:
        """Take the step after ``t`` others, by the mean gradient of the rows."""
        rows, net = Rows(self.inputs(x), targets), self._network
        m = len(rows)
        if self._tuner is None or self._tuner[0] != m:
            self._tuner = m, tuner_for(None, work_of_batch(m, net.n_parameters))
        told = Epoch(
            batch_size=m,
            optimizer=optimizers.SGD(),  # ``rule`` says which steps there are
            penalty=Regularizer(),
            n=1,
            rates=np.array([rate]),
            slots=slots,
            counter=np.array([t], dtype=np.uint64),
            tuner=self._tuner[1],
            rule=rule,
        )
        self._training.epoch(net, rows, np.arange(m, dtype=np.intp), told)

    def _quietly(self, work: Any, rows: Rows, *arguments: Any) -> Any:
        """Return ``work(workspace, rows, ...)``, with BLAS at one thread if it is needed."""
        workspace, m = self._workspace, len(rows)
        if workspace is None or workspace.compiled.batch_size < m:
            workspace = self._engine.workspace(self._network, m, cost_by_z=True)
            self._workspace = workspace
        if workspace.compiled.needs_blas:
            return quietly(work, workspace, rows, *arguments)
        return work(workspace, rows, *arguments)

    def _forward(self, workspace: Workspace, rows: Rows) -> Workspace:
        net = self._network
        _epoch.forward_batch(
            workspace.compiled, net.parameters, net.running_statistics, workspace.memory, rows.X,
            rows.Y, rows.row_weights, np.arange(len(rows), dtype=np.intp), Mode.TRAIN, 0, 0,
        )  # fmt: skip
        return workspace

    def _backward(self, workspace: Workspace, rows: Rows, gradient: np.ndarray) -> None:
        plan, memory, m = self._forward(workspace, rows).compiled, workspace.memory, len(rows)
        _epoch.output_delta(plan, memory, m, False)
        _epoch.gradient_batch(plan, gradient, self._network.parameters, memory, m, 1 / m, 0.0)
