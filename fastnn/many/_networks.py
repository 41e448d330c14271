"""Jobs that train networks: one training of a setting, and how it is judged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from fastnn._core.threads import work_of_batch
from fastnn._training.evaluation import mean_cost
from fastnn.many._data import Data
from fastnn.many._design import Design, kept
from fastnn.many._latest import Latest
from fastnn.many._learner import Outcome
from fastnn.many._recipe import Recipe
from fastnn.many._scoring import Scoring
from fastnn.many._settings import Setting, check_keys, of_setting
from fastnn.network import Network
from fastnn.optimizers import LBFGS
from fastnn.regularizers import Regularizer

__all__ = ["NetworkLearner"]

# Settings and kinds of networks that are kept ready, those that were used last.
MOST_RECIPES, MOST_DESIGNS = 1024, 64


class NetworkLearner:
    """Trains networks, one a job.

    Parameters
    ----------
    data : Data
    settings : sequence of mappings
    """

    ends_at_ctrl_c = True

    def __init__(self, data: Data, settings: Sequence[Setting]) -> None:
        self.data, self._settings = data, settings
        self._forget()

    def _forget(self) -> None:
        self._recipes: Latest[Recipe] = Latest(MOST_RECIPES)
        self._designs: Latest[Design] = Latest(MOST_DESIGNS)

    def __getstate__(self) -> dict[str, Any]:
        return {"data": self.data, "_settings": self._settings}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._forget()

    def recipe(self, setting: int) -> Recipe:
        """Return the setting's recipe, made when it is first needed."""
        return self._recipes.get(setting, Recipe, self.data, self._settings[setting], self._design)

    def _design(self, keywords: Mapping[str, Any]) -> Design:
        """Return the design of such networks, one for all settings that differ in the rest."""
        key = tuple((name, *_hashable(value)) for name, value in keywords.items())
        try:
            hash(key)
        except TypeError:  # of a value of a user's own
            return Design(self.data, keywords)
        return self._designs.get(key, Design, self.data, keywords)

    def classifies(self, setting: int) -> bool:
        """Whether the targets are classes to the networks of a setting.

        Raises
        ------
        TypeError, ValueError
            If it is no setting, naming it and the key.
        """
        check_keys(self._settings[setting], setting)
        return self._checked(setting, ()).design.are_classes

    def check(self, folds: Sequence[int] | None = None) -> None:
        """Raise unless all settings can be trained on these folds, or on all that there are.

        Raises
        ------
        TypeError, ValueError
            Naming the setting and the key.
        """
        if folds is None:
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
        epochs, judged = len(history), recipe.told(fold).judged
        if network.training_state.epochs > epochs:  # the last one was taken back
            return Outcome(epochs=epochs, error=f"diverged in epoch {epochs + 1}")
        outputs = network._engine.evaluation_outputs(network, judged.X)
        apart = fold >= 0 or self.data.has_validation
        return Outcome(
            training_cost=history.last("training_cost") if epochs else math.nan,
            validation_cost=mean_cost(network, judged, Regularizer()) if apart else math.nan,
            score=scoring.compute(outputs, judged.Y),
            epochs=epochs,
            model=network,
        )

    def keep(self, setting: int, model: Network) -> Network:
        """Return the network of a job as its owner's."""
        return kept(model)

    def drop(self, setting: int, model: Network) -> None:
        """Let another job have the memory of a network that nobody keeps."""
        recipe = self.recipe(setting)
        if not recipe.callbacks:  # one of which may keep it
            recipe.design.release(model)

    def work_of(self, setting: int, fold: int) -> float:
        """Return about how many operations a training takes."""
        recipe, order = self.recipe(setting), self.data.order(fold, "train")
        options, rows = recipe.told(fold).options, self.data.n if order is None else len(order)
        searches = 2.0 if isinstance(options.optimizer, LBFGS) else 1.0
        n_parameters = recipe.design.first.n_parameters
        return searches * options.epochs * work_of_batch(rows, n_parameters)


def _hashable(value: Any) -> tuple[Any, ...]:
    """Return a value with its type, for equal numbers may be of different ones; lists as tuples."""
    if isinstance(value, (list, tuple)):
        return type(value), *(_hashable(each) for each in value)
    return type(value), value
