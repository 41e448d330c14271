"""What a setting means for networks, checked once: how each is made and trained."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from fastnn._common.checks import check_callbacks
from fastnn._core.threads import training
from fastnn._data.rows import Rows
from fastnn._training.arguments import check_monitors, options_of_fit, smoothed, weighted
from fastnn._training.loop import BUSY, train
from fastnn._training.metrics import check_metrics, measures_of_fit
from fastnn._training.options import Options
from fastnn.history import History
from fastnn.many._data import Data
from fastnn.many._design import Design
from fastnn.many._latest import Latest
from fastnn.many._settings import FIT_KEYS, NETWORK_KEYS, Setting, resolved
from fastnn.network import Network
from fastnn.schedules import HalveOnPlateau
from fastnn.stopping import EarlyStopping

__all__ = ["Recipe"]

DEFAULTS = {
    name: each.default
    for name, each in inspect.signature(Network.fit).parameters.items()
    if name in FIT_KEYS
}
# Keys of ``fit`` that are not among its ``Options``.
BESIDE_OPTIONS = ("sample_weight", "class_weight", "label_smoothing", "metrics", "callbacks")


# Folds of which a setting knows what they are told, those that were asked for last.
MOST_FOLDS = 32


class Told(NamedTuple):
    """What a training on one fold is told."""

    rows: Rows
    validation: Rows | None
    judged: Rows
    options: Options


class Recipe:
    """One setting, checked: how its networks are made and trained.

    Parameters
    ----------
    data : Data
    setting : mapping
    design_of : callable
        Returns the ``Design`` for keywords of ``Network``.

    Raises
    ------
    TypeError, ValueError
        Naming the key.
    """

    def __init__(
        self,
        data: Data,
        setting: Setting,
        design_of: Callable[[Mapping[str, Any]], Design],
    ) -> None:
        given = {key: resolved(key, value) for key, value in setting.items()}
        self.design = design_of({key: given[key] for key in NETWORK_KEYS if key in given})
        told = DEFAULTS | {key: given[key] for key in FIT_KEYS if key in given}
        self._beside = {key: told.pop(key) for key in BESIDE_OPTIONS}
        self._options = told
        self._data = data
        metrics = self._beside["metrics"]
        self.metrics = [metrics] if isinstance(metrics, str) else list(metrics)
        check_metrics(self.metrics)
        self.callbacks = check_callbacks(self._beside["callbacks"])
        self._told: Latest[Told] = Latest(MOST_FOLDS)

    def check(self, folds: Sequence[int]) -> None:
        """Raise unless the setting can be trained on each fold.

        Raises
        ------
        TypeError, ValueError
            Naming the key.
        """
        for fold in folds:
            rows, validation, _, options = self.told(fold)
            measures = measures_of_fit(self.design.first, rows, validation, self.metrics)
            for key, alone in (
                ("stopping", replace(options, schedules={})),
                ("schedule", replace(options, stopping=None)),
            ):
                try:
                    check_monitors(alone, measures)
                except ValueError as error:
                    raise ValueError(f"{key}: {error}") from None

    @property
    def _looks_at_validation(self) -> bool:
        """Whether anything in a training may ask for what was measured of validation rows."""
        rules = [self._options["stopping"], self._options["schedule"]]
        if isinstance(rules[1], Mapping):
            rules[1:] = rules[1].values()
        monitors = [
            rule.monitor for rule in rules if isinstance(rule, (EarlyStopping, HalveOnPlateau))
        ]
        if isinstance(rules[0], (int, np.integer)):
            monitors.append(EarlyStopping().monitor)
        return bool(self.metrics or self.callbacks) or any(
            monitor.startswith("validation_") for monitor in monitors
        )

    def told(self, fold: int) -> Told:
        """Return what a training on a fold is told.

        Raises
        ------
        TypeError, ValueError
            Naming the key.
        """
        return self._told.get(fold, self._tell, fold)

    def _tell(self, fold: int) -> Told:
        form, beside = self.design.form, self._beside
        rows, sample_weight = self._data.rows(form, fold), beside["sample_weight"]
        order = self._data.order(fold, "train")
        if sample_weight is not None and order is not None:
            weighted(self._data.rows(form), sample_weight, None)  # are there as many as rows?
            sample_weight = np.asarray(sample_weight)[order]
        rows = smoothed(
            weighted(rows, sample_weight, beside["class_weight"]), beside["label_smoothing"]
        )
        validation = None
        if self._looks_at_validation and (fold >= 0 or self._data.has_validation):
            validation = self._data.rows(form, fold, "test")
        first = self.design.first
        options = options_of_fit(first, rows, **self._options, n_threads=1, progress=False)
        return Told(rows, validation, self._data.rows(form, fold, "test"), options)

    def train(self, seed: int, fold: int) -> tuple[Network, History]:
        """Return a network trained on a fold by this thread, and what was recorded.

        It is that of ``Network(..., rng=seed).fit(..., n_threads=1)``, but for warnings.
        """
        rows, validation, _, options = self.told(fold)
        network = self.design.network(seed)
        measures = {}
        if self.metrics or validation is not None:
            measures = measures_of_fit(network, rows, validation, self.metrics)
        told = network, rows, options, measures, self.callbacks
        history = training().call_alone(network, BUSY, train, *told)
        return network, history
