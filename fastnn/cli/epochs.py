"""The epochs of ``fastnn train``: shown while they pass, and kept in a folder from which they go on
after whatever ended them."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn import costs
from fastnn._training.arguments import check_stopping
from fastnn._training.summary import summary_of
from fastnn.cli.outputs import hints, say
from fastnn.cli.run_folder import RunFolder
from fastnn.cli.training import Rows
from fastnn.costs import QuadraticCost
from fastnn.history import History
from fastnn.network import Network
from fastnn.schedules import HalveOnPlateau

NOTHING_SAVED = "before the training was finished; nothing was saved"


def bar_is_possible() -> bool:
    """Whether standard error is a terminal and tqdm is installed."""
    terminal = sys.stderr is not None and sys.stderr.isatty()
    return terminal and importlib.util.find_spec("tqdm") is not None


class Epochs:
    """One training, from its beginning or from where a run stands.

    Parameters
    ----------
    network : Network
    rows : Rows
    told : dict
        The keywords of ``fit``.
    progress : {"auto", "bar", "lines", "none"}
    """

    def __init__(self, network: Network, rows: Rows, told: dict[str, Any], progress: str) -> None:
        self._network, self._rows, self._told = network, rows, told
        self._bar = progress == "bar" or (progress == "auto" and bar_is_possible())
        self._lines = progress in ("auto", "lines") and not self._bar
        # The quadratic cost of one output is half the mean square, which R² is said from.
        self._spread = 0.0
        plain = costs.name_of(network.cost) == QuadraticCost.__name__
        if rows.validation is not None and rows.validation[1].dtype.kind == "f" and plain:
            self._spread = float(np.var(rows.validation[1]))

    def check(self) -> None:
        """Raise for whatever ``fit`` would not take, before anything is changed.

        Raises
        ------
        TypeError, ValueError
            Naming the argument.
        """
        self._fit(self._told | {"epochs": 0, "progress": False})

    def run(self) -> History:
        """Train, and return what was recorded.

        Raises
        ------
        ValueError
            If the training diverges.
        KeyboardInterrupt
            At Ctrl-C.
        """
        callbacks: list[Callable[..., Any]] = []
        if self._lines:
            callbacks.append(lambda _, history: self._say(history))
        try:
            return self._train(self._told | {"callbacks": callbacks})
        except KeyboardInterrupt:
            raise KeyboardInterrupt(NOTHING_SAVED) from None

    def run_in(self, folder: RunFolder, history: History) -> History:
        """Train on after ``history``, each epoch written to the folder; return all epochs.

        The rules that go by what was recorded are shown the epochs before, so that they stand where
        they stood. Early stopping is done here, for ``fit`` would begin it anew.
        """
        network, told = self._network, dict(self._told)
        stopping = check_stopping(told.pop("stopping", None))
        watch = None if stopping is None else stopping.start()
        ended = self._replay(history, watch)
        left = told.pop("epochs") - len(history)
        limit = told.get("time_limit")
        if limit is not None and len(history):
            told["time_limit"] = limit - sum(history["seconds"])
            ended |= told["time_limit"] <= 0
        if watch is not None and watch.best_epoch and watch.rule.restore_best:
            watch.best_snapshot = folder.best(network, watch.best_epoch)

        def after_epoch(network: Network, latest: History) -> bool:
            history.append({**latest[-1], "epoch": len(history) + 1})
            stop = watch is not None and watch.observe(history[-1], network.snapshot)
            best = watch is not None and watch.best_epoch == len(history)
            folder.record(network, history, is_best=best)
            if self._lines:
                self._say(history)
            return stop

        if left > 0 and not ended:
            try:
                self._train(told | {"epochs": left, "callbacks": [after_epoch]})
            except KeyboardInterrupt:
                raise KeyboardInterrupt(
                    f"after epoch {len(history)}; 'fastnn train --resume {folder.path}' goes on"
                ) from None
        best = None
        if watch is not None and watch.best_snapshot is not None:
            network.restore(watch.best_snapshot)
            best = watch.best_epoch
        # That of all epochs: ``fit`` knows those since the run was resumed, if there were any.
        network.training_state.summary = summary_of(history, len(self._rows.train[0]), best)
        return history

    def _replay(self, history: History, watch: Any) -> bool:
        """Show the rules the epochs before; return whether one of them ended the training."""
        schedule = self._told.get("schedule")
        if isinstance(schedule, dict):
            schedule = schedule.get("learning_rate")
        plateau = schedule.start() if isinstance(schedule, HalveOnPlateau) else None
        ended = False
        for row in history:
            ended = plateau is not None and plateau.observe(row)
            ended |= watch is not None and watch.observe(row)
        if plateau is not None and len(history):
            self._network.training_state.plateau = plateau.state()
        return ended

    def _train(self, told: dict[str, Any]) -> History:
        try:
            with warnings.catch_warnings(), hints():
                warnings.filterwarnings("error", message="the training diverged")
                return self._fit(told | {"progress": self._bar})
        except RuntimeWarning:
            rate = told.get("learning_rate")
            than = "" if rate is None else f" than {rate:g}"
            raise ValueError(
                f"the weights grew beyond all numbers: expected a smaller --learning-rate{than}"
            ) from None

    def _fit(self, told: dict[str, Any]) -> History:
        return self._network.fit(*self._rows.train, validation_data=self._rows.validation, **told)

    def _say(self, history: History) -> None:
        say(_line(history[-1], self._told["epochs"], self._spread))


def _line(row: dict[str, Any], epochs: int, spread: float) -> str:
    """Return what is said of an epoch; ``spread`` is the variance of a regression's targets."""
    parts = [f"epoch {row['epoch']:{len(str(epochs))}}/{epochs}: cost {row['training_cost']:.4f}"]
    if "validation_cost" in row:
        parts.append(f"validation cost {row['validation_cost']:.4f}")
    if spread > 0:  # the quadratic cost is half the mean square
        parts.append(f"R² {1 - 2 * row['validation_cost'] / spread:.4f}")
    elif "validation_accuracy" in row:
        parts.append(f"accuracy {row['validation_accuracy']:.2%}")
    return ", ".join([*parts, f"{row['seconds']:.3f} s"])
