"""Jobs that train networks: what a setting means, checked once, and one training of it."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from fastnn import costs, initializers
from fastnn._common.checks import check_callbacks
from fastnn._core.threads import training, work_of_batch
from fastnn._data.rows import Rows
from fastnn._training.arguments import check_monitors, options_of_fit, smoothed, weighted
from fastnn._training.evaluation import mean_cost
from fastnn._training.loop import BUSY, train
from fastnn._training.metrics import check_metrics, measures_of_fit
from fastnn._training.options import Options
from fastnn.history import History
from fastnn.many._data import Data, Form
from fastnn.many._learner import Outcome
from fastnn.many._scoring import Scoring
from fastnn.many._settings import FIT_KEYS, NETWORK_KEYS, Setting, check_keys, of_setting, resolved
from fastnn.network import Network
from fastnn.optimizers import LBFGS
from fastnn.regularizers import Regularizer
from fastnn.schedules import HalveOnPlateau
from fastnn.stopping import EarlyStopping

__all__ = ["NetworkLearner"]

DEFAULTS = {
    name: each.default
    for name, each in inspect.signature(Network.fit).parameters.items()
    if name in FIT_KEYS
}
# Keys of ``fit`` that are not among its ``Options``.
BESIDE_OPTIONS = ("sample_weight", "class_weight", "label_smoothing", "metrics", "callbacks")


class Told(NamedTuple):
    """What a training on one fold is told."""

    rows: Rows
    validation: Rows | None
    options: Options


class Recipe:
    """One setting, checked: how its networks are made and trained.

    Parameters
    ----------
    data : Data
    setting : mapping

    Raises
    ------
    TypeError, ValueError
        Naming the key.
    """

    def __init__(self, data: Data, setting: Setting) -> None:
        given = {key: resolved(key, value) for key, value in setting.items()}
        told = DEFAULTS | {key: given[key] for key in FIT_KEYS if key in given}
        self._beside = {key: told.pop(key) for key in BESIDE_OPTIONS}
        self._options = told
        self._data = data
        metrics = self._beside["metrics"]
        self.metrics = [metrics] if isinstance(metrics, str) else list(metrics)
        check_metrics(self.metrics)
        self.callbacks = check_callbacks(self._beside["callbacks"])
        network = {key: given[key] for key in NETWORK_KEYS if key in given}
        first = Network(**network, rng=0)
        self._initializer = initializers.get(network.get("initializer") or "default")
        if first.sizes[0] != data.n_inputs:
            raise ValueError(
                f"sizes: expected {data.n_inputs} inputs, as many as X has columns, "
                f"got {first.sizes[0]}"
            )
        self.form = Form(first.sizes[0], first.sizes[-1], first.dtype, first.input_scale)
        self.n_parameters = first.n_parameters
        self._told: dict[int, Told] = {}
        self._first = first

    def check(self, folds: Sequence[int]) -> None:
        """Raise unless the setting can be trained on each fold.

        Raises
        ------
        TypeError, ValueError
            Naming the key.
        """
        for fold, part in ((-1, "train"), (-1, "test")):
            self._check_targets(fold, part)
        for fold in folds:
            rows, validation, options = self.told(fold)
            measures = measures_of_fit(self._first, rows, validation, self.metrics)
            for key, alone in (
                ("stopping", replace(options, schedules={})),
                ("schedule", replace(options, stopping=None)),
            ):
                try:
                    check_monitors(alone, measures)
                except ValueError as error:
                    raise ValueError(f"{key}: {error}") from None

    def _check_targets(self, fold: int, part: str) -> None:
        try:
            rows = self._data.rows(self.form, fold, part)
        except (TypeError, ValueError) as error:
            raise ValueError(f"sizes: a network of {self._first.sizes}: {error}") from None
        try:
            name = "y" if part == "train" else "validation_data"
            costs.check_targets(self._first.cost, rows.Y, name)
        except ValueError as error:
            raise ValueError(f"cost: {error}") from None

    @property
    def are_classes(self) -> bool:
        """Whether the targets are classes to such a network."""
        return self._data.rows(self.form).are_classes

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
        found = self._told.get(fold)
        if found is None:
            found = self._told.setdefault(fold, self._tell(fold))
        return found

    def _tell(self, fold: int) -> Told:
        rows, beside = self._data.rows(self.form, fold), self._beside
        sample_weight = beside["sample_weight"]
        order = self._data.order(fold, "train")
        if sample_weight is not None and order is not None:
            weighted(self._data.rows(self.form), sample_weight, None)  # are there as many as rows?
            sample_weight = np.asarray(sample_weight)[order]
        rows = smoothed(
            weighted(rows, sample_weight, beside["class_weight"]), beside["label_smoothing"]
        )
        validation = None
        if self._looks_at_validation and (fold >= 0 or self._data.has_validation):
            validation = self._data.rows(self.form, fold, "test")
        options = options_of_fit(self._first, rows, **self._options, n_threads=1, progress=False)
        return Told(rows, validation, options)

    def train(self, seed: int, fold: int) -> tuple[Network, History]:
        """Return a network trained on a fold by this thread, and what was recorded.

        It is that of ``Network(..., rng=seed).fit(..., n_threads=1)``, but for warnings.
        """
        rows, validation, options = self.told(fold)
        network: Network = self._first._another(self._initializer, seed)
        network.tells_of_divergence = False
        measures = measures_of_fit(network, rows, validation, self.metrics)
        told = network, rows, options, measures, self.callbacks
        history = training().call_alone(network, BUSY, train, *told)
        return network, history


class NetworkLearner:
    """Trains networks, one a job.

    Parameters
    ----------
    data : Data
    settings : sequence of mappings
    """

    def __init__(self, data: Data, settings: Sequence[Setting]) -> None:
        self.data, self._settings = data, settings
        self._recipes: dict[int, Recipe] = {}

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_recipes": {}}

    def recipe(self, setting: int) -> Recipe:
        """Return the setting's recipe, made when it is first needed."""
        found = self._recipes.get(setting)
        if found is None:
            made = Recipe(self.data, self._settings[setting])
            found = self._recipes.setdefault(setting, made)
        return found

    def classifies(self, setting: int) -> bool:
        """Whether the targets are classes to the networks of a setting.

        Raises
        ------
        TypeError, ValueError
            If it is no setting, naming it and the key.
        """
        check_keys(self._settings[setting], setting)
        return self._checked(setting, ()).are_classes

    def check(self) -> None:
        """Raise unless all settings can be trained.

        Raises
        ------
        TypeError, ValueError
            Naming the setting and the key.
        """
        folds = range(self.data.n_folds) if self.data.n_folds else (-1,)
        for i, setting in enumerate(self._settings):
            check_keys(setting, i)
            self._checked(i, folds)

    def _checked(self, setting: int, folds: Sequence[int]) -> Recipe:
        try:
            recipe = self.recipe(setting)
            recipe.check(folds)
        except (TypeError, ValueError, MemoryError) as error:
            raise of_setting(setting, error) from error
        return recipe

    def run(self, setting: int, seed: int, fold: int, scoring: Scoring) -> Outcome:
        """Train a network and judge it."""
        recipe = self.recipe(setting)
        network, history = recipe.train(seed, fold)
        epochs = len(history)
        if network.training_state.epochs > epochs:  # the last one was taken back
            return Outcome(epochs=epochs, error=f"diverged in epoch {epochs + 1}")
        judged = self.data.rows(recipe.form, fold, "test")
        outputs = network._engine.evaluation_outputs(network, judged.X)
        apart = fold >= 0 or self.data.has_validation
        return Outcome(
            training_cost=float(history[-1]["training_cost"]) if epochs else math.nan,
            validation_cost=mean_cost(network, judged, Regularizer()) if apart else math.nan,
            score=scoring.compute(outputs, judged.Y),
            epochs=epochs,
            model=network,
        )

    def work_of(self, setting: int, fold: int) -> float:
        """Return about how many operations a training takes."""
        recipe, order = self.recipe(setting), self.data.order(fold, "train")
        options = recipe.told(fold).options
        rows = self.data.n if order is None else len(order)
        searches = 2.0 if isinstance(options.optimizer, LBFGS) else 1.0
        return searches * options.epochs * work_of_batch(rows, recipe.n_parameters)
