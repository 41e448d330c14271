"""Several epochs in one call of the compiled core, where nobody in Python looks between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn._training.run import Run
from fastnn.history import History

__all__ = ["Unattended"]

# Seconds of the epochs that are run at once: Ctrl-C is heard after them.
AT_ONCE = 15e-3


class Unattended:
    """Runs epochs many at a time, as long as that cannot be told from one at a time.

    Parameters
    ----------
    run : Run
        The call of ``fit``.
    watchers : sequence of collections
        What would be called between two epochs: measures and callbacks.

    Attributes
    ----------
    seconds : float
        Of the last epoch, from which the time of the next is known; infinite before the first.
    """

    def __init__(self, run: Run, watchers: Sequence[Any]) -> None:
        options = run.options
        # A penalty is that of the weights at an epoch's end, and a shuffled order drawn before it.
        self.allowed = not (
            any(watchers)
            or options.shuffle
            or options.schedules
            or options.stopping
            or options.progress
            or options.time_limit is not None
            or (options.with_cost and (options.regularizer.l1 or options.regularizer.l2))
        )
        self.seconds = math.inf
        self._run = run

    def go(self, order: np.ndarray, history: History) -> bool:
        """Run the next epochs, if that is allowed and worth it; return whether it was done.

        The one before must have left its ``seconds``. Where one of them diverges they are all
        taken back, to be repeated one at a time.
        """
        if not self.allowed:
            return False
        left = self._run.options.epochs - len(history)
        at_once = min(left, int(AT_ONCE / max(1e-9, self.seconds)))
        return at_once > 1 and self._go(np.full((at_once, 2), np.nan), order, history)

    def _go(self, record: np.ndarray, order: np.ndarray, history: History) -> bool:
        run, network = self._run, self._run.network
        epoch = run.epoch(float(run.state.epochs), 1, 1)
        before = network.snapshot() if network.guards_divergence else None
        masks = epoch.masks.copy()
        try:
            self.allowed = run.engine.epochs(network, run.rows, order, epoch, record)
        finally:  # at Ctrl-C too
            done = int(np.count_nonzero(~np.isnan(record[:, 1])))
            run.state.epochs += done
        if not self.allowed:
            return False
        # A parameter that once is not finite never is again: the last ones tell of all epochs.
        if before is not None and not run.is_sound(record[:, 0]):
            network.restore(before)
            epoch.masks[...] = masks  # the same steps come again, and are to be the same
            run.state.epochs -= done
            self.allowed = False
            return False
        self.seconds = float(record[-1, 1])
        self._write(record, float(epoch.rates[-1]), history)
        return True

    def _write(self, record: np.ndarray, rate: float, history: History) -> None:
        first, n_epochs = len(history) + 1, len(record)
        columns = {
            "epoch": np.arange(first, first + n_epochs),
            "learning_rate": np.full(n_epochs, rate),
            "seconds": record[:, 1],
        }
        if self._run.options.with_cost:
            columns["training_cost"] = record[:, 0] / len(self._run.rows)
        history.extend(columns)
        self._run.watch.observe_columns(columns)
