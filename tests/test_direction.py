"""What a measure's name says of large values: whole words, both ways, and errors where in doubt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import reference
from fastnn._monitor.direction import larger_is_better
from fastnn.schedules import HalveOnPlateau
from fastnn.stopping import EarlyStopping

LARGER = """
    validation_accuracy training_accuracy balanced_accuracy top_1_accuracy top_k_accuracy val_acc
    validation_precision validation_recall precision_at_10 recall@5 average_precision map mAP
    validation_f1 f1_macro macro_f1 f1-score F1Score f1score fbeta f_beta f05_score f_measure
    validation_mcc matthews_corrcoef kappa cohen_kappa_score validation_iou mIoU mean_iou
    jaccard dice_score validation_auroc roc_auc roc_auc_ovr validationAUC AUCScore pr_auc auprc
    sensitivity specificity validation_tpr r2 r2_score R2 R² r_squared d2_score score
    explained_variance d2_log_loss_score d2_absolute_error_score d2_pinball_score d2_brier_score
    neg_log_loss neg_mean_squared_error neg_root_mean_squared_error neg_brier_score neg_max_error
    validation_neg_log_loss neg_mean_poisson_deviance ndcg spearman validation_AUC ppv npv
"""
SMALLER = """
    validation_cost training_cost validation_loss validation_error error_rate errors mse rmse MAE
    mape msle validation_RMSE mean_squared_error validationMeanSquaredError deviance
    mean_tweedie_deviance perplexity nll negative_log_likelihood neg_log_likelihood log_loss logloss
    cross_entropy crossentropy brier brier_score brier_score_loss hinge hinge_loss pinball
    hamming_loss zero_one_loss max_error fpr crps misclassification underscore_loss
"""
IN_DOUBT = """
    validation_foo m underscore validation_prescored discovery_rate scored accuracyish recalled
    mapped remap validation_error_auc accuracy_loss f1_loss dice_loss cost_sensitive_accuracy
    one_minus_auc negative_recall neg_accuracy inverse_accuracy accuracy_drop accuracy_std loss_gap
    error_reduction log_likelihood likelihood_ratio seconds epoch learning_rate validation_<lambda>
    false_positive_rate negative_predictive_value log_score risk_score
"""
WITH_SIGNS = ["1 - accuracy", "1-auc", "-auc", "validation_-auc", "", "_", "准确率"]


@pytest.mark.parametrize("name", LARGER.split())
def test_names_of_large_values(name: str) -> None:
    assert larger_is_better(name) is True


@pytest.mark.parametrize("name", SMALLER.split())
def test_names_of_small_values(name: str) -> None:
    assert larger_is_better(name) is False


@pytest.mark.parametrize("rule", [EarlyStopping, HalveOnPlateau])
@pytest.mark.parametrize("name", [*IN_DOUBT.split(), *WITH_SIGNS])
def test_names_in_doubt_ask_for_the_mode(name: str, rule: Callable[..., Any]) -> None:
    with pytest.raises(
        ValueError, match=r"\Amode: expected 'max' or 'min', since monitor=.*'auto'"
    ):
        rule(3, monitor=name)
    assert [rule(3, monitor=name, mode=mode).mode for mode in ("min", "max")] == ["min", "max"]


def test_a_conflict_is_explained() -> None:
    with pytest.raises(ValueError, match=r"'auc' asks for large and 'error' for small ones"):
        larger_is_better("validation_error_auc")
    with pytest.raises(ValueError, match=r"\('drop' leaves it open\)"):
        larger_is_better("accuracy_drop")


X = np.random.default_rng(0).normal(size=(40, 3))
Y = (X[:, 0] > 0).astype(int)
NETWORKS = [fastnn.Network, reference.Network]


def precision(outputs: np.ndarray, targets: np.ndarray) -> float:
    """Of the rows called 1, the share that is."""
    called = outputs[:, 0] > 0.5
    return float(np.mean(targets[called, 0])) if called.any() else 0.0


@pytest.mark.parametrize("kind", NETWORKS)
def test_the_epoch_of_the_largest_precision_is_restored(kind: type) -> None:
    net = kind([3, 4, 1], rng=1)
    history = net.fit(
        X, Y, epochs=30, batch_size=4, validation_data=(X, Y), metrics=[precision],
        stopping=EarlyStopping(4, monitor="validation_precision"), learning_rate=3.0,
    )  # fmt: skip
    assert len(set(history["validation_precision"])) > 1
    assert precision(net.predict(X), Y[:, np.newaxis]) == max(history["validation_precision"])


NOT_RECORDED: dict[str, dict[str, Any]] = {
    "no validation data": {"stopping": 3},
    "misspelt": {"stopping": EarlyStopping(3, monitor="validation_acuracy_cost")},
    "no such metric": {"stopping": EarlyStopping(3, monitor="training_precision")},
    "plateau": {"schedule": HalveOnPlateau(3, monitor="validation_f1")},
    "plateau by name": {"schedule": {"learning_rate": HalveOnPlateau(3, monitor="training_f1")}},
    "L-BFGS": {"stopping": 3, "optimizer": "lbfgs"},
}


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("case", NOT_RECORDED)
def test_a_monitor_that_is_not_recorded_is_found_before_the_first_epoch(
    case: str, kind: type
) -> None:
    net, heard = kind([3, 4, 1], rng=1), []
    before = net.parameters.copy(), net.random_source.bit_generator.state
    with pytest.raises(
        ValueError, match=r"\Amonitor: expected a column recorded \(epoch, learning_rate, "
    ):
        net.fit(X, Y, epochs=2, callbacks=[lambda *_: heard.append(1)], **NOT_RECORDED[case])
    assert not heard and np.array_equal(net.parameters, before[0])
    assert net.random_source.bit_generator.state == before[1] and net.training_state.epochs == 0


def test_the_hint_says_what_is_missing() -> None:
    net = fastnn.Network([3, 1], fastnn.QuadraticCost, output="identity", rng=0)
    with pytest.raises(ValueError, match=r"got 'validation_accuracy'; it needs validation_data\Z"):
        net.fit(X, Y, epochs=1, stopping=2)
    with pytest.raises(ValueError, match="it needs targets that are classes"):
        net.fit(X, Y / 3, epochs=1, stopping=2, validation_data=(X, Y / 3))


@pytest.mark.parametrize("optimizer", ["sgd", "lbfgs"])
def test_what_is_always_recorded_can_be_watched(optimizer: str) -> None:
    """The columns known before training are those of the rows."""
    net = fastnn.Network([3, 4, 1], rng=1)
    rule = EarlyStopping(2, monitor="training_cost")
    options = {"optimizer": optimizer, "stopping": rule, "metrics": ["r2"]}
    history = net.fit(X, Y, epochs=2, validation_data=(X, Y), **options)
    for name in history.columns:
        watched = EarlyStopping(2, monitor=name, mode="min")
        net.fit(X, Y, epochs=1, validation_data=(X, Y), **(options | {"stopping": watched}))
