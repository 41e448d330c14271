"""The estimators against scikit-learn's own, seed for seed: weights, losses, scores, epochs."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", minversion="1.7")  # whose perceptrons take weights
import scipy.sparse
import sklearn.neural_network as theirs
from sklearn.exceptions import ConvergenceWarning

import fastnn.sklearn as ours

EPOCHS = 10
# Largest difference of a coefficient after ten epochs; float32 has seven digits, and scikit-learn
# computes part of a regression in float64.
AGREE, AGREE_LBFGS, AGREE_FLOAT32 = 1e-8, 1e-5, 2e-5

Data = tuple[Any, np.ndarray]


def inputs(n: int = 130, n_in: int = 7) -> np.ndarray:
    return np.random.RandomState(5).normal(size=(n, n_in))


def _scores() -> np.ndarray:
    X = inputs()
    return X @ np.random.RandomState(6).normal(size=(7, 3)) + np.sin(3 * X[:, :3])


def binary() -> Data:
    return inputs(), np.where(_scores()[:, 0] > 0, "yes", "no")


def multiclass() -> Data:
    return inputs(), 10 * _scores().argmax(axis=1)


def multilabel() -> Data:
    return inputs(), (_scores() > 0).astype(int)


def regression() -> Data:
    return inputs(), _scores()[:, 1]


def multioutput() -> Data:
    return inputs(), _scores()


def counts() -> Data:
    return inputs(), np.random.RandomState(7).poisson(np.exp(_scores()[:, 0] / 4)).astype(float)


def many_counts() -> Data:
    return inputs(), np.random.RandomState(7).poisson(np.exp(_scores() / 4)).astype(float)


CLASSES, REALS = "MLPClassifier", "MLPRegressor"


@dataclass(frozen=True)
class Case:
    """One configuration.

    Attributes
    ----------
    kind : str
        The estimator's class.
    data : callable
    chosen : dict
        Arguments of the constructor.
    weighted : bool
        Whether rows have weights.
    prepare : callable
        What is done to X first.
    agree : float
    """

    kind: str
    data: Callable[[], Data]
    chosen: dict[str, Any] = field(default_factory=dict)
    weighted: bool = False
    prepare: Callable[[np.ndarray], Any] = np.asarray
    agree: float = AGREE

    def fitted(self, module: Any) -> Any:
        X, y = self.data()
        told = {"hidden_layer_sizes": (12,), "max_iter": EPOCHS, "batch_size": 32,
                "random_state": 3, "learning_rate_init": 0.01} | self.chosen  # fmt: skip
        estimator = getattr(module, self.kind)(**told)
        weights = np.random.RandomState(8).uniform(0.1, 3, len(y)) if self.weighted else None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return estimator.fit(self.prepare(X), y, sample_weight=weights)


def float32(X: np.ndarray) -> np.ndarray:
    return X.astype(np.float32)


CASES: dict[str, Case] = {}


def add(name: str, *arguments: Any, **more: Any) -> None:
    assert name not in CASES
    CASES[name] = Case(*arguments, **more)


TARGETS = {
    "binary": (CLASSES, binary),
    "multiclass": (CLASSES, multiclass),
    "multilabel": (CLASSES, multilabel),
    "regression": (REALS, regression),
    "multioutput": (REALS, multioutput),
}
SOLVERS: dict[str, dict[str, Any]] = {
    "sgd": {"solver": "sgd"},
    "sgd-invscaling": {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.2},
    "sgd-adaptive": {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 1,
                     "tol": 0.05},
    "sgd-plain": {"solver": "sgd", "momentum": 0, "learning_rate_init": 0.1},
    "sgd-heavy-ball": {"solver": "sgd", "nesterovs_momentum": False, "momentum": 0.7},
    "adam": {"solver": "adam"},
    "lbfgs": {"solver": "lbfgs"},
}  # fmt: skip

for target, (kind, data) in TARGETS.items():
    for solver, chosen in SOLVERS.items():
        agree = AGREE_LBFGS if solver == "lbfgs" else AGREE
        add(f"{target} {solver}", kind, data, chosen, agree=agree)
    add(f"{target} early stopping", kind, data, {"early_stopping": True})
    add(f"{target} weights", kind, data, {}, weighted=True)
    add(f"{target} sparse", kind, data, {}, prepare=scipy.sparse.csr_array)
for activation in ("identity", "logistic", "tanh"):
    for kind, data, solver in (
        (CLASSES, multiclass, "adam"), (REALS, regression, "sgd"), (CLASSES, binary, "lbfgs"),
    ):  # fmt: skip
        add(f"{activation} {data.__name__} {solver}", kind, data,
            {"activation": activation, "solver": solver},
            agree=AGREE_LBFGS if solver == "lbfgs" else AGREE)  # fmt: skip
for name, kind, data, chosen, more in (
    ("two hidden layers", CLASSES, multiclass, {"hidden_layer_sizes": (9, 8)}, {}),
    ("no hidden layer", CLASSES, multiclass, {"hidden_layer_sizes": ()}, {}),
    ("a hidden layer as a number", CLASSES, binary, {"hidden_layer_sizes": 4}, {}),
    ("mini-batches by default", REALS, regression, {"batch_size": "auto"}, {}),
    ("mini-batches of one row", CLASSES, binary, {"batch_size": 1}, {}),
    ("no shuffling", CLASSES, multiclass, {"shuffle": False}, {}),
    ("a strong penalty", CLASSES, multiclass, {"alpha": 5.0}, {}),
    ("no penalty", REALS, regression, {"alpha": 0, "solver": "sgd"}, {}),
    ("a strong penalty with sgd", REALS, multioutput, {"alpha": 5.0, "solver": "sgd"}, {}),
    ("a penalty with plain sgd and weights", CLASSES, binary,
     {"alpha": 2.0, "solver": "sgd", "momentum": 0}, {"weighted": True}),
    ("adam's own numbers", REALS, regression,
     {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 0.1}, {}),
    ("momentum one", REALS, regression, {"solver": "sgd", "momentum": 1.0}, {}),
    ("sgd with weights", CLASSES, multiclass, {"solver": "sgd"}, {"weighted": True}),
    ("lbfgs with weights", CLASSES, multilabel, {"solver": "lbfgs"},
     {"weighted": True, "agree": AGREE_LBFGS}),
    ("lbfgs with weights, real", REALS, multioutput, {"solver": "lbfgs", "alpha": 1.0},
     {"weighted": True, "agree": AGREE_LBFGS}),
    ("lbfgs sparse", CLASSES, multiclass, {"solver": "lbfgs"},
     {"prepare": scipy.sparse.csc_array, "agree": AGREE_LBFGS}),
    ("lbfgs few evaluations", CLASSES, multiclass, {"solver": "lbfgs", "max_fun": 5},
     {"agree": AGREE_LBFGS}),
    ("lbfgs until it converges", CLASSES, binary,
     {"solver": "lbfgs", "max_iter": 500, "tol": 0.01, "alpha": 1.0}, {"agree": AGREE_LBFGS}),
    ("poisson", REALS, counts, {"loss": "poisson"}, {}),
    ("poisson with weights", REALS, many_counts, {"loss": "poisson"}, {"weighted": True}),
    ("poisson sgd", REALS, counts, {"loss": "poisson", "solver": "sgd",
                                    "learning_rate_init": 0.001}, {}),
    ("poisson lbfgs", REALS, counts, {"loss": "poisson", "solver": "lbfgs"},
     {"weighted": True, "agree": AGREE_LBFGS}),
    ("early stopping with weights", REALS, multioutput, {"early_stopping": True},
     {"weighted": True}),
    ("early stopping, a third", CLASSES, multiclass,
     {"early_stopping": True, "validation_fraction": 0.3}, {"weighted": True}),
    ("early stopping that stops", CLASSES, binary,
     {"early_stopping": True, "max_iter": 300, "n_iter_no_change": 3}, {}),
    ("the loss stops it", CLASSES, multiclass, {"max_iter": 300, "tol": 0.05}, {}),
    ("adaptive to the end", CLASSES, binary,
     {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.3, "max_iter": 300,
      "n_iter_no_change": 2, "learning_rate_init": 0.001}, {}),
    ("outputs that saturate", CLASSES, multiclass, {"learning_rate_init": 0.3},
     {"prepare": lambda X: 30 * X}),
    ("inputs in Fortran's order", CLASSES, multiclass, {}, {"prepare": np.asfortranarray}),
    ("whole numbers", REALS, regression, {}, {"prepare": lambda X: (4 * X).astype(int)}),
    ("float32 classes", CLASSES, multiclass, {}, {"prepare": float32, "agree": AGREE_FLOAT32}),
    ("float32 two classes, sgd", CLASSES, binary, {"solver": "sgd"},
     {"prepare": float32, "agree": AGREE_FLOAT32}),
    ("float32 targets", REALS, regression, {}, {"prepare": float32, "agree": AGREE_FLOAT32}),
    ("float32 weights, early stopping", REALS, multioutput, {"early_stopping": True},
     {"prepare": float32, "weighted": True, "agree": AGREE_FLOAT32}),
    ("float32 lbfgs", CLASSES, multiclass, {"solver": "lbfgs"},
     {"prepare": float32, "agree": AGREE_LBFGS}),
):  # fmt: skip
    add(name, kind, data, chosen, **more)


def test_there_are_enough_configurations():
    assert len(CASES) >= 60


def largest_difference(one: Any, other: Any) -> float:
    arrays = zip(one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_, strict=True)
    return max(float(np.abs(a.astype(np.float64) - b).max()) for a, b in arrays)


@pytest.mark.parametrize("name", CASES)
def test_the_same_seed_gives_scikit_learns_model(name):
    case = CASES[name]
    expected, found = case.fitted(theirs), case.fitted(ours)
    assert [c.shape for c in found.coefs_] == [c.shape for c in expected.coefs_]
    assert [c.dtype for c in found.coefs_] == [c.dtype for c in expected.coefs_]
    assert largest_difference(expected, found) <= case.agree
    assert found.n_iter_ == expected.n_iter_
    assert found.t_ == expected.t_
    assert found.out_activation_ == expected.out_activation_
    relative = 1e-3 if name.startswith("float32") else 1e-7
    assert found.loss_ == pytest.approx(expected.loss_, rel=relative)
    for record in ("loss_curve_", "validation_scores_", "best_loss_", "best_validation_score_"):
        values = getattr(expected, record, "none")
        if values is None or isinstance(values, str):
            assert getattr(found, record, "none") == values
        else:
            assert getattr(found, record) == pytest.approx(values, rel=relative, abs=relative)
    X, _ = case.data()
    X = case.prepare(X)
    if case.kind == REALS:
        np.testing.assert_allclose(found.predict(X), expected.predict(X), rtol=0, atol=1e-3)
        assert found.predict(X).dtype == expected.predict(X).dtype
    else:
        np.testing.assert_allclose(
            found.predict_proba(X), expected.predict_proba(X), rtol=0, atol=1e-4
        )
        np.testing.assert_array_equal(found.predict(X), expected.predict(X))


@pytest.mark.parametrize("kind", [CLASSES, REALS])
def test_it_has_scikit_learns_arguments_and_fitted_attributes(kind):
    data = binary if kind == CLASSES else regression
    expected, found = Case(kind, data).fitted(theirs), Case(kind, data).fitted(ours)
    names = list(found.get_params())
    assert set(expected.get_params()) <= set(names)
    for name, value in type(expected)().get_params().items():
        default = type(found)().get_params()[name]
        assert default == value and type(default) is type(value), name
    fitted = {name for name in vars(expected) if name.endswith("_") and name[0] != "_"}
    assert fitted <= set(vars(found))
    methods = {
        name for name in dir(expected) if name[0] != "_" and callable(getattr(expected, name))
    }
    assert methods <= set(dir(found))


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("target", TARGETS)
def test_partial_fit_goes_on_as_scikit_learns(target, solver):
    kind, data = TARGETS[target]
    X, y = data()
    parts = [slice(start, start + 26) for start in range(0, 130, 26)]
    fitted = []
    for module in (theirs, ours):
        make = getattr(module, kind)
        estimator = make(hidden_layer_sizes=8, solver=solver, random_state=1)
        told = {"classes": np.arange(3) if y.ndim == 2 else np.unique(y)} if kind == CLASSES else {}
        for part in [*parts, *parts]:
            estimator.partial_fit(X[part], y[part], **told)
        fitted.append(estimator)
    expected, found = fitted
    assert largest_difference(expected, found) <= AGREE
    assert (found.n_iter_, found.t_) == (expected.n_iter_, expected.t_) == (1, 260)
    assert found.loss_curve_ == pytest.approx(expected.loss_curve_, rel=1e-9)


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_warm_start_goes_on_as_scikit_learns(solver, early_stopping):
    X, y = multiclass()
    fitted = []
    for module in (theirs, ours):
        estimator = module.MLPClassifier(
            8, solver=solver, random_state=1, max_iter=4, warm_start=True,
            early_stopping=early_stopping,
        )  # fmt: skip
        with pytest.warns(ConvergenceWarning):
            estimator.fit(X, y).fit(X[:90], y[:90])
        fitted.append(estimator)
    expected, found = fitted
    assert largest_difference(expected, found) <= (AGREE_LBFGS if solver == "lbfgs" else AGREE)
    assert found.n_iter_ == expected.n_iter_
    assert getattr(found, "loss_curve_", 0) == pytest.approx(getattr(expected, "loss_curve_", 0))


def test_no_random_state_draws_from_numpys_global_one_as_scikit_learn_does():
    X, y = multiclass()
    fitted = []
    for module in (theirs, ours):
        np.random.seed(9)
        with pytest.warns(ConvergenceWarning):
            fitted.append(module.MLPClassifier(6, max_iter=3).fit(X, y))
    assert largest_difference(*fitted) <= AGREE
