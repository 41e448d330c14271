"""The rows set aside to judge a training by, and their score after each epoch."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.model_selection import train_test_split

from fastnn._core.judge import Judge, Measure
from fastnn.costs import sum_over_rows
from fastnn.network import Network
from fastnn.sklearn._losses import Loss
from fastnn.sklearn._row_weights import Data, without_weightless
from fastnn.sklearn._rows import Rows, as_rows
from fastnn.sklearn._scorer import scorer_of

Score = Callable[[], float]


def split(
    data: Data, fraction: float, random_state: np.random.RandomState, stratified: bool, least: int
) -> tuple[Data, Data]:
    """Return the rows to train on and those set aside, as scikit-learn draws them.

    If none of those to train on weighs anything, or fewer than ``least`` of those set aside, both
    are drawn again from the rows that do. What weighs nothing is not among those set aside.

    Raises
    ------
    ValueError
        If fewer than two rows would be set aside, or a class has too few.
    """
    train, kept = _drawn(data, fraction, random_state, stratified)
    if data[2] is not None and not (train[2].any() and np.count_nonzero(kept[2]) >= least):
        weighing = without_weightless(data)
        size = max(2, math.ceil(fraction * len(weighing[1])))
        train, kept = _drawn(weighing, size, random_state, stratified)
    return train, without_weightless(kept)


def _drawn(
    data: Data, size: float, random_state: np.random.RandomState, stratified: bool
) -> tuple[Data, Data]:
    X, Y, weights = data
    arrays = [X, Y] if weights is None else [X, Y, weights]
    parts = train_test_split(
        *arrays,
        random_state=random_state,
        test_size=size,
        stratify=Y if stratified else None,
    )
    train, kept = parts[::2], parts[1::2]
    if kept[0].shape[0] < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' "
            "or the size of your dataset."
        )
    nothing = [None] if weights is None else []
    return (*train, *nothing), (*kept, *nothing)  # type: ignore[return-value]


def r2(outputs: np.ndarray, Y: np.ndarray, weights: np.ndarray | None) -> float:
    """Return 1 − Σ(y − a)² / Σ(y − ȳ)², averaged over the outputs; NaN if an output is not finite.

    A constant target counts 1 if it is met exactly, else 0. A single row has no R²: NaN.
    """
    if len(Y) < 2 or not np.isfinite(outputs).all():
        return float("nan")
    w = np.ones((len(Y), 1)) if weights is None else np.asarray(weights, np.float64)[:, np.newaxis]
    wide = Y.astype(np.float64)
    residual = np.sum(w * (wide - outputs) ** 2, axis=0)
    total = _spreads(wide, w)
    varies = total != 0
    share = np.divide(residual, total, out=np.zeros_like(total), where=varies)
    each = np.where(varies, 1 - share, np.where(residual == 0, 1.0, 0.0))
    return float(np.mean(each))


def _spreads(wide: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Return Σ w (y − ȳ)² of targets (n, n_outputs) in float64, weights (n, 1)."""
    return np.sum(w * (wide - np.average(wide, axis=0, weights=w[:, 0])) ** 2, axis=0)


class Validation:
    """Rows to judge by, and how.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    network : Network
        In training; its outputs are judged.
    data : inputs, targets (n, n_outputs) and weights or None
    """

    def __init__(self, estimator: Any, network: Network, loss: Loss, data: Data) -> None:
        X, Y, weights = data
        self._network, self._loss = network, loss
        self._rows: Rows = as_rows(X, Y, weights, network.dtype)
        self._Y, self._weights = Y, weights
        self._multiclass = network.output == "softmax"
        self._classifies = is_classifier(estimator)
        # A single class is predicted whatever the output is.
        self._certain = self._classifies and len(estimator.classes_) == 1
        self._estimator = estimator
        metric = estimator.stopping_metric
        self._scorer = None if metric is None else _scorer(estimator, metric, X, Y, weights)
        self._outputs = np.empty((0, 0))

    def observe(self) -> tuple[float, float]:
        """Return the score and the loss of the network as it is now."""
        self._outputs = self._network._engine.predict(self._network, self._rows.X)
        return (self._score() if self._scorer is None else self._scorer()), self._cost()

    def is_for_core(self) -> bool:
        """Whether the core can judge: by scikit-learn's own score, without weights."""
        same_targets = self._classifies or self._Y.dtype == self._rows.Y.dtype
        return self._scorer is None and self._weights is None and not self._certain and same_targets

    def measures(self) -> tuple[tuple[Judge, int, float, float], ...]:
        """Return the score and the loss as the core measures them."""
        rows, network, loss = self._rows, self._network, self._loss
        judge = network._engine.judge(network, rows, 0.0)
        more, divisor = float(loss.constants(rows.Y).sum()), loss.divisor(rows.Y.shape[1])
        judge.set_loss(loss.clip(network.dtype), more, float(divisor * len(rows)))
        if not self._classifies:
            judge.set_spreads(_spreads(self._Y.astype(np.float64), np.ones((len(rows), 1))))
            score = Measure.MEAN_R2
        else:
            score = Measure.ACCURACY if self._multiclass else Measure.ALL_LABELS
        return (judge, score, 0.0, 0.0), (judge, Measure.LOSS, 0.0, 0.0)

    def why_no_score(self) -> str:
        """Return why no score is a finite number, as far as the rows and the outputs tell."""
        if not np.isfinite(self._network._engine.predict(self._network, self._rows.X)).all():
            return "the outputs of the network are not all finite"
        if len(self._Y) < 2:
            return "there is a single row to judge by"
        there, of_several = self._Y.any(axis=0), self._Y.shape[1] > 1
        classes = self._estimator.classes_ if self._classifies else None
        if classes is not None and (self._multiclass or not of_several):
            if not of_several:  # the output of the second of two classes
                there = np.array([not self._Y.all(), self._Y.any()])
            if not there.all():
                return f"of the classes {classes} the rows to judge by have only {classes[there]}"
        elif classes is not None and not (there & ~self._Y.all(axis=0)).any():
            return "each label is the same in all rows to judge by"
        return f"stopping_metric={self._estimator.stopping_metric!r} gives none for these rows"

    def _score(self) -> float:
        if not self._classifies:
            return r2(self._outputs, self._Y, self._weights)
        if self._certain:
            return 1.0
        if self._multiclass:
            right = self._outputs.argmax(axis=1) == self._Y.argmax(axis=1)
        else:
            right = np.all((self._outputs > 0.5) == self._Y, axis=1)
        return float(np.average(right, weights=self._weights))

    def _cost(self) -> float:
        """Return the mean loss without penalties."""
        rows, network, a = self._rows, self._network, self._outputs
        clip = self._loss.clip(network.dtype)
        a = np.clip(a, clip, 1 - clip) if clip else a
        total = sum_over_rows(network.cost, a, rows.Y, rows.row_weights)
        constants = self._loss.constants(rows.Y)
        weighted = len(rows.row_weights) > 0
        total += float(constants @ rows.row_weights if weighted else constants.sum())
        count = float(rows.row_weights.sum()) if weighted else len(rows)
        return total / (self._loss.divisor(rows.Y.shape[1]) * count)


def _scorer(estimator: Any, metric: Any, X: Any, Y: np.ndarray, weights: Any) -> Score:
    """Return what a scorer of scikit-learn says of the estimator as it is in training."""
    judged = copy.copy(estimator)
    # The rows come as they go into the network, without their column names.
    vars(judged).pop("feature_names_in_", None)
    judged._preparation = judged._categories = None
    judged.n_features_in_ = X.shape[1]
    judged._show(estimator.network_)
    score = scorer_of(judged, metric, X, estimator._targets_as_given(Y), weights)
    return lambda: score(judged)
