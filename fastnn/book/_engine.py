"""The arithmetic of the book's networks: compiled, as far as the program replaced nothing in it."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn import costs
from fastnn._core.engine import CompiledEngine
from fastnn._core.epoch_options import Epoch
from fastnn._core.plan import Workspace
from fastnn._data.inputs import Inputs, dense
from fastnn._data.rows import Rows
from fastnn.book import _algorithm
from fastnn.book._examples import OwnTargets, targets_of
from fastnn.book._program import Programmed


class BookEngine(CompiledEngine):
    """The compiled engine, which asks the network for whatever the program replaced."""

    def _cost_kernel(self, net: Programmed) -> int:  # type: ignore[override]
        return net._cost_kernel()

    # Predictions

    def predict_few(self, net: Programmed, X: Any) -> np.ndarray | None:  # type: ignore[override]
        return self._ready(net).predict(X) if net._computes() else None

    def predict(self, net: Programmed, X: Inputs) -> np.ndarray:  # type: ignore[override]
        if net._computes():
            return super().predict(net, X)
        columns = dense(X, net._dtype)[:, :, np.newaxis]
        return np.stack([np.asarray(_algorithm.feedforward(net, x))[:, 0] for x in columns])

    def evaluation_outputs(self, net: Programmed, X: Inputs) -> np.ndarray:  # type: ignore[override]
        if net._answers_compiled():
            return super().evaluation_outputs(net, X)
        columns = dense(X, net._dtype)[:, :, np.newaxis]
        return np.stack([np.asarray(net.feedforward(x))[:, 0] for x in columns])

    # Training

    def epoch(  # type: ignore[override]
        self, net: Programmed, rows: Rows, order: np.ndarray, epoch: Epoch
    ) -> float:
        """Run an epoch, of ``SGD`` as the book does it: shuffled, and by replaced methods."""
        run = net._sgd_run
        if run is None or rows is not run.rows:
            if self._is_of_training:  # ``fit``, which is not the book's
                net._refuse_replaced()
            net._refuse_other_sigmoid()
            return super().epoch(net, rows, order, epoch)
        net._book.shuffle(order, lambda: run.pairs(net))
        run.order = order
        plain = net._is_plain()
        if not plain:
            run.shuffle_list()  # for the program may look at it
        if _trains_on(net, rows, plain):
            net._refuse_other_sigmoid()
            return super().epoch(net, rows, order, epoch)
        examples = run.pairs(net)
        for start in range(0, len(order), epoch.batch_size):
            mini_batch = [examples[i] for i in order[start : start + epoch.batch_size]]
            net.update_mini_batch(mini_batch, *run.step_arguments)
        return float("nan")

    def cost_and_gradient(  # type: ignore[override]
        self, net: Programmed, rows: Rows
    ) -> tuple[float, np.ndarray]:
        net._refuse_other_sigmoid()
        return super().cost_and_gradient(net, rows)

    def _write_output_delta(  # type: ignore[override]
        self, net: Programmed, workspace: Workspace, rows: Rows, batch: np.ndarray
    ) -> None:
        """Ask a cost in Python an example at a time: what it does with one may be anything."""
        if workspace.compiled.cost != costs.CUSTOM:
            super()._write_output_delta(net, workspace, rows, batch)
            return
        m, targets = len(batch), targets_of(rows)
        # The program may keep what it is shown, or write into it.
        z, a = (workspace.block(name, m)[:, :, np.newaxis].copy() for name in ("z", "out"))
        delta = workspace.block("delta", m)[:, :, np.newaxis]
        for into, of_z, of_a, i in zip(delta, z, a, batch.tolist(), strict=True):
            into[...] = net._checked_delta(net._output_delta(of_z, of_a, targets[i]))
        if len(rows.row_weights):
            delta *= workspace.weights_of_rows(m)[:, np.newaxis, np.newaxis]


def _trains_on(net: Programmed, rows: Rows, plain: bool) -> bool:
    """Whether compiled code can take the next epoch whole: a program may change its mind."""
    has_own = isinstance(rows, OwnTargets)
    if rows.Y.shape[1] == 0 or not net._goes_back_compiled():
        return False
    if plain:
        return not has_own
    steps = not net._replaced("update_mini_batch", "backprop")
    return steps and net._has_plain_delta() != has_own
