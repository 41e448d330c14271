"""An estimator's training in the core must not be told from the one with Python between epochs."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_digits

import fastnn
from fastnn import schedules
from fastnn._core import engine
from fastnn.sklearn import MLPClassifier, MLPRegressor

DIGITS = tuple(each[:300] for each in load_digits(return_X_y=True))
RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(200, 5))
TARGETS = np.sin(ROWS[:, 0]) + 0.1 * RNG.normal(size=200)
SEVERAL = np.column_stack([TARGETS, ROWS[:, 1] ** 2, np.full(200, 3.0)])
LABELS = (RNG.random((200, 3)) < 0.4).astype(int)
WEIGHTS = RNG.random(200) + 0.1

CASES: dict[str, tuple[Any, tuple[Any, Any], dict[str, Any]]] = {
    "classes": (MLPClassifier(), DIGITS, {}),
    "early": (MLPClassifier(early_stopping=True), DIGITS, {}),
    "two classes": (
        MLPClassifier(early_stopping=True, n_iter_no_change=2), (ROWS, LABELS[:, 0]), {}
    ),
    "labels": (MLPClassifier(early_stopping=True, solver="sgd"), (ROWS, LABELS), {}),
    "unshuffled": (MLPClassifier(shuffle=False, max_iter=30), DIGITS, {}),
    "weighted": (MLPClassifier(max_iter=30), (ROWS, LABELS[:, 0]), {"sample_weight": WEIGHTS}),
    "float32": (
        MLPClassifier(early_stopping=True, max_iter=30),
        (DIGITS[0].astype(np.float32), DIGITS[1]), {},
    ),
    "sparse": (
        MLPClassifier(early_stopping=True, max_iter=20), (sparse.csr_matrix(DIGITS[0]), DIGITS[1]),
        {},
    ),
    "squared": (MLPClassifier(loss="squared_error", early_stopping=True), DIGITS, {}),
    "dropout": (MLPClassifier(dropout=0.2, normalization="batch", max_iter=20), DIGITS, {}),
    "regression": (MLPRegressor(), (ROWS, TARGETS), {}),
    "regression, early": (MLPRegressor(early_stopping=True), (ROWS, TARGETS), {}),
    "several": (
        MLPRegressor(early_stopping=True, n_iter_no_change=4), (ROWS, SEVERAL), {}
    ),
    "poisson": (
        MLPRegressor(loss="poisson", early_stopping=True), (ROWS, np.abs(TARGETS).round()), {}
    ),
    "huber": (MLPRegressor(loss="huber", max_iter=30), (ROWS, SEVERAL), {}),
    "adaptive": (
        MLPRegressor(solver="sgd", learning_rate="adaptive", n_iter_no_change=2, tol=1e-3),
        (ROWS, TARGETS), {},
    ),
    "adaptive, early": (
        MLPClassifier(solver="sgd", learning_rate="adaptive", n_iter_no_change=1,
                      early_stopping=True, learning_rate_init=0.1), DIGITS, {},
    ),
    "invscaling": (
        MLPClassifier(solver="sgd", learning_rate="invscaling", max_iter=30), DIGITS, {}
    ),
    "schedule": (
        MLPClassifier(solver="adam", learning_rate=schedules.cosine(20), max_iter=20), DIGITS, {}
    ),
    "no end": (MLPRegressor(n_iter_no_change=np.inf, max_iter=30), (ROWS, TARGETS), {}),
    "judged by others": (
        MLPClassifier(early_stopping=True), DIGITS, {"validation_data": DIGITS}
    ),
    "judged, not stopped": (MLPRegressor(max_iter=25), (ROWS, TARGETS),
                            {"validation_data": (ROWS, TARGETS)}),
}  # fmt: skip


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many epochs each call of the compiled core ran."""
    numbers: list[int] = []
    inner = engine._epoch.train_epoch

    def counted(*arguments: Any) -> float:
        cost = inner(*arguments)
        numbers.append(1 if arguments[16] is None else arguments[16].n_trained)
        return cost

    monkeypatch.setattr(engine._epoch, "train_epoch", counted)
    return numbers


def nothing(estimator: object, history: object) -> None:
    """A callback: with it, Python is asked after each epoch."""


def without_seconds(history: fastnn.History) -> list[dict[str, Any]]:
    return [{name: x for name, x in row.items() if name != "seconds"} for row in history]


def all_of(estimator: Any) -> dict[str, Any]:
    """What the training has left, but for the times."""
    names = (
        "n_iter_", "t_", "loss_", "loss_curve_", "best_loss_", "validation_scores_",
        "best_validation_score_", "_no_improvement_count",
    )  # fmt: skip
    found = {name: getattr(estimator, name) for name in names}
    found["history"] = without_seconds(estimator.history_)
    found["rate"] = estimator._optimizer.learning_rate
    found["epochs"] = estimator._optimizer.epochs
    found["steps"] = int(estimator._optimizer.counter[0])
    return found


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_both_ways_are_the_same(
    case: tuple[Any, tuple[Any, Any], dict[str, Any]], calls: list[int]
) -> None:
    estimator, data, told = case
    fitted = []
    for callbacks in ([nothing], []):
        one = copy.deepcopy(estimator).set_params(
            random_state=np.random.RandomState(4), callbacks=callbacks, warm_start=True
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            one.fit(*data, **told).fit(*data, **told)
        fitted.append(one)
        most_at_once = max(calls)
        calls.clear()
    assert most_at_once > 1
    python, core = fitted
    assert repr(all_of(core)) == repr(all_of(python))
    np.testing.assert_array_equal(core.network_.parameters, python.network_.parameters)
    for a, b in zip(core._best, python._best, strict=True):
        np.testing.assert_array_equal(a, b)
    assert core.random_state.randint(2**31) == python.random_state.randint(2**31)


def own_schedule(epoch: float) -> float:
    return 0.5


class OwnState(np.random.RandomState):
    """One that may shuffle in its own way."""


@pytest.mark.parametrize(
    "options, told",
    [
        ({"learning_rate": own_schedule, "solver": "sgd"}, {}),
        ({"early_stopping": True, "stopping_metric": "balanced_accuracy"}, {}),
        ({"random_state": OwnState(0)}, {}),
        ({"verbose": True}, {}),
        ({"early_stopping": True}, {"sample_weight": WEIGHTS}),
        ({}, {"sample_weight": np.r_[np.zeros(20), np.ones(180)]}),
    ],
)
def test_python_is_asked_where_it_must_be(
    options: dict[str, Any], told: dict[str, Any], calls: list[int]
) -> None:
    estimator = MLPClassifier(**{"max_iter": 5, "random_state": 0, **options})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.fit(ROWS, LABELS[:, 0], **told)
    assert calls == [1] * estimator.n_iter_


def test_the_time_limit_ends_it_after_an_epoch(calls: list[int]) -> None:
    estimator = MLPRegressor(max_iter=10**9, n_iter_no_change=10**9, time_limit=0.2)
    estimator.fit(ROWS, TARGETS)
    assert estimator.t_ == len(ROWS) * estimator.n_iter_ == len(ROWS) * sum(calls)
    assert len(calls) < estimator.n_iter_


def test_what_was_done_at_ctrl_c_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = engine._epoch.train_epoch

    def interrupted(*arguments: Any) -> float:
        inner(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(engine._epoch, "train_epoch", interrupted)
    estimator = MLPRegressor(max_iter=10**6, tol=0, n_iter_no_change=10**6)
    with pytest.warns(UserWarning, match="interrupted"):
        estimator.fit(ROWS, TARGETS)
    n = estimator.n_iter_
    assert n > 1 and len(estimator.loss_curve_) == len(estimator.history_) == n
    assert estimator._optimizer.epochs == n
