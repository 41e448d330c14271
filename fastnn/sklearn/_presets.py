"""Recipes that an estimator's ``preset`` names: their arguments, and how data are prepared."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from fastnn._common.rng import RandomSource
from fastnn._data.inputs import is_sparse
from fastnn.initializers import Default
from fastnn.network import Network
from fastnn.normalization import BatchNorm
from fastnn.preprocessing import SmoothClipper, Standardizer
from fastnn.schedules import coslog4
from fastnn.sklearn._categories import Categories


class ZeroLast(Default):
    """Weights N(0, 1/fan_in) and biases N(0, 1), the last layer at zero."""

    def draw(
        self, rng: RandomSource, sizes: Sequence[int]
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Draw all layers, as ``Initializer.draw``."""
        weights, biases = super().draw(rng, sizes)
        return [*weights[:-1], 0 * weights[-1]], [*biases[:-1], 0 * biases[-1]]


TABULAR: dict[str, Any] = {
    "hidden_layer_sizes": (256, 256, 256),
    "alpha": 0.0,
    "max_iter": 256,
    "beta_2": 0.95,
    "early_stopping": True,
    "n_iter_no_change": np.inf,
    "initializer": ZeroLast(),
    "categorical_features": "from_dtype",
}
OF_CLASSIFIERS = TABULAR | {
    "activation": "selu",
    "learning_rate_init": 0.04,
    "label_smoothing": 0.1,
}
OF_REGRESSORS = TABULAR | {"activation": "mish", "learning_rate_init": 0.07}


def batch_size(estimator: Any) -> int:
    """Return what ``batch_size="auto"`` means, if there are as many rows."""
    return 200 if estimator.preset is None else 256


def _changes(estimator: Any) -> dict[str, Any]:
    """Return the recipe's values of those arguments that stand at their defaults."""
    recipe = OF_CLASSIFIERS if is_classifier(estimator) else OF_REGRESSORS
    parameters = inspect.signature(type(estimator).__init__).parameters
    changes = {
        name: value
        for name, value in recipe.items()
        if name in parameters and _same(getattr(estimator, name), parameters[name].default)
    }
    if isinstance(estimator.learning_rate, str):
        changes["learning_rate"] = coslog4(changes.get("max_iter", estimator.max_iter))
    return changes


def _same(value: Any, default: Any) -> bool:
    return type(value) is type(default) and bool(value == default)


def as_applied(estimator: Any) -> Any:
    """Return the estimator, or a shallow copy that has its preset's arguments."""
    if estimator.preset is None:
        return estimator
    other = copy.copy(estimator)
    vars(other).update(_changes(estimator))
    return other


def changes(estimator: Any) -> dict[str, Any]:
    """Return what the estimator's arguments are to be while it is fitted, where they differ.

    Raises
    ------
    ValueError
        If there is a preset and it does not go with another argument, or none and an argument that
        is of presets alone.
    """
    if estimator.preset is None:
        if estimator.categorical_features is not None:
            raise ValueError(
                "categorical_features: only with preset='tabular', got "
                f"{estimator.categorical_features!r}"
            )
        return {}
    _check(estimator)
    return _changes(estimator)


def _check(estimator: Any) -> None:
    """Raise for what the preset's steps do not know."""
    norm = estimator.normalization
    for name, refused in (
        ("solver", estimator.solver != "adam"),
        ("dropout", not _same(estimator.dropout, 0.0)),
        ("normalization", norm == "batch" or isinstance(norm, BatchNorm)),
        ("l1", estimator.l1 != 0),
        ("max_norm", estimator.max_norm is not None),
    ):
        if refused:
            value = getattr(estimator, name)
            raise ValueError(f"{name}: not with preset='tabular', got {value!r}")


class Preparation:
    """Categories spread over columns, all scaled and smoothly clipped; standardized targets.

    Parameters
    ----------
    X : array or sparse matrix (n, n_in)
        Checked, with numbers for categories.
    Y : array (n, n_out)
    standardizes : bool
        Whether the targets are.
    categories : Categories, optional
    """

    def __init__(
        self, X: Any, Y: np.ndarray, standardizes: bool, categories: Categories | None
    ) -> None:
        self._categories = categories
        self._clipper = SmoothClipper().fit(self._spread(X))
        self._standardizer = Standardizer().fit(Y) if standardizes else None

    def _spread(self, X: Any) -> np.ndarray:
        X = X.toarray() if is_sparse(X) else X
        return X if self._categories is None else self._categories.spread(X)

    def inputs(self, X: Any) -> np.ndarray:
        """Return what goes into the network."""
        return self._clipper.transform(self._spread(X))

    def of(self, data: tuple[Any, np.ndarray, Any]) -> tuple[Any, np.ndarray, Any]:
        """Return inputs, targets and weights of rows as the network takes them."""
        X, Y, weights = data
        targets = Y if self._standardizer is None else self._standardizer.transform(Y)
        return self.inputs(X), targets, weights

    def scale_up(self, network: Network) -> None:
        """Let a network that was trained on standardized targets give them as they were."""
        if self._standardizer is not None:
            mean, scale = self._standardizer._fitted()
            w, b = network.weights[-1], network.biases[-1]
            w *= scale[:, np.newaxis]
            b *= scale[:, np.newaxis]
            b += mean[:, np.newaxis]

    def scale_down(self, network: Network) -> None:
        """Undo ``scale_up``."""
        if self._standardizer is not None:
            mean, scale = self._standardizer._fitted()
            w, b = network.weights[-1], network.biases[-1]
            w /= scale[:, np.newaxis]
            b -= mean[:, np.newaxis]
            b /= scale[:, np.newaxis]


def preparation(estimator: Any, X: Any, Y: np.ndarray) -> Preparation | None:
    """Return how the estimator's preset, if any, prepares data, learnt from these rows."""
    if estimator.preset is None:
        return None
    linear = not is_classifier(estimator) and estimator._loss().output == "identity"
    return Preparation(X, Y, linear, estimator._categories)
