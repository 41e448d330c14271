"""Dropout masks: no network draws one twice, whatever becomes of its optimizer and parameters."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits

import fastnn
from fastnn import optimizers, reference
from fastnn.reference import dropout as masks_of_reference
from fastnn.regularizers import L2
from fastnn.sklearn import MLPClassifier, MLPEnsembleClassifier, MLPRegressor
from fastnn.stopping import EarlyStopping

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(20, 6)), RNG.integers(0, 3, 20)
STEPS = {"batch_size": 5, "shuffle": False, "learning_rate": 0.05}
KINDS = [fastnn.Network, reference.Network]


def make(kind: Any = fastnn.Network, **options: Any) -> Any:
    options = {"activation": "tanh", "dropout": 0.5, "rng": 0, **options}
    return kind([6, 8, 3], fastnn.LogLikelihoodCost, **options)


def sgd(k: int) -> optimizers.SGD:
    """Another optimizer for each k, of which every step is the same to the bit."""
    return optimizers.SGD(momentum=k * 1e-300)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cost", ["compiled", "python"])
def test_other_optimizers_go_on_with_the_masks(kind: type, cost: str) -> None:
    once, often = make(kind), make(kind)
    if cost == "python":
        for net in (once, often):
            net.cost = type("Own", (), vars(fastnn.LogLikelihoodCost).copy())()
    once.fit(X, Y, epochs=4, optimizer=sgd(1), **STEPS)
    for k in range(1, 5):
        often.fit(X, Y, epochs=1, optimizer=sgd(k), **STEPS)
        assert often.training_state.steps == 4  # of Adam's corrections, which do begin anew
    np.testing.assert_array_equal(often.parameters, once.parameters)


def test_updates_of_several_calls_are_as_independent_as_those_of_epochs() -> None:
    data = load_digits()
    rows, labels = data.data[:200] / 16, data.target[:200]
    net = fastnn.Network([64, 30, 10], fastnn.LogLikelihoodCost, dropout=0.5, rng=0)
    updates = []
    for k in range(1, 5):
        before = net.parameters.copy()
        net.fit(rows, labels, epochs=1, shuffle=False, learning_rate=1e-6,
                optimizer=optimizers.SGD(momentum=k * 1e-9))  # fmt: skip
        updates.append(net.parameters - before)
    found = np.corrcoef(updates)[np.triu_indices(4, 1)]
    net = fastnn.Network([64, 30, 10], fastnn.LogLikelihoodCost, dropout=0.5, rng=0)
    stands = [net.parameters.copy()]
    net.fit(rows, labels, epochs=4, shuffle=False, learning_rate=1e-6,
            callbacks=[lambda net, history: stands.append(net.parameters.copy())])  # fmt: skip
    expected = np.corrcoef(np.diff(stands, axis=0))[np.triu_indices(4, 1)]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert found.max() < 0.999


# What may happen to a network between two trainings, each of which returns what goes on.


def _saved(ending: str) -> Callable[[Any, Path], Any]:
    def through_a_file(net: Any, folder: Path) -> Any:
        net.save(folder / f"net.{ending}")
        return fastnn._model.storage.load(folder / f"net.{ending}", type(net))

    return through_a_file


def _undone(net: Any, folder: Path) -> Any:
    with np.errstate(all="ignore"), pytest.warns(RuntimeWarning, match="diverged"):
        net.fit(X, Y, epochs=3, regularizer=L2(1e300), **STEPS)
    return net


def _back_to_its_best(net: Any, folder: Path) -> Any:
    rule = EarlyStopping(patience=2, monitor="training_cost", mode="max")
    history = net.fit(X, Y, epochs=50, stopping=rule, **STEPS)
    assert len(history) > 1
    return net


def _restored(net: Any, folder: Path) -> Any:
    before = net.snapshot()
    net.fit(X, Y, epochs=1, optimizer=net.training_state.optimizer, **STEPS)
    net.restore(before)
    return net


def _stepped(net: Any, folder: Path) -> Any:
    net.update_mini_batch((X[:5], Y[:5]), 0.05)
    return net


def _as_before(net: Any, folder: Path) -> Any:
    net.training_state.forget()
    return net


def _given_parameters(net: Any, folder: Path) -> Any:
    net.parameters = np.zeros_like(net.parameters)
    net.default_weight_initializer()
    return net


def _by_the_book(net: Any, folder: Path) -> Any:
    net.SGD((X, Y), 1, 5, 0.05, shuffle=False)
    return net


BETWEEN: dict[str, Callable[[Any, Path], Any]] = {
    "nothing": lambda net, folder: net,
    "json": _saved("json"),
    "npz": _saved("npz"),
    "deepcopy": lambda net, folder: copy.deepcopy(net),
    "pickle": lambda net, folder: pickle.loads(pickle.dumps(net)),
    "diverged": _undone,
    "best": _back_to_its_best,
    "restore": _restored,
    "update_mini_batch": _stepped,
    "forget": _as_before,
    "parameters": _given_parameters,
    "SGD": _by_the_book,
}


@pytest.mark.parametrize("between", BETWEEN.values(), ids=BETWEEN)
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_no_mask_comes_twice(
    between: Callable[[Any, Path], Any],
    optimizer: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Counted in the reference, to which the compiled network stays equal."""
    drawn: list[tuple[int, ...]] = []
    inner = masks_of_reference.kept

    def kept(rate: float, m: int, n: int, seed: int, step: int, layer: int) -> Any:
        drawn.append((seed, step, layer))
        return inner(rate, m, n, seed, step, layer)

    monkeypatch.setattr(masks_of_reference, "kept", kept)
    ends = []
    for kind in KINDS:
        net = make(kind)
        for _ in range(2):
            net.fit(X, Y, epochs=2, optimizer=optimizer, **STEPS)
            net = between(net, tmp_path)
            net.fit(X, Y, epochs=1, optimizer=optimizers.Adam(beta1=0.8), **STEPS)
        ends.append(net.parameters)
    assert len(drawn) > 20
    assert len(set(drawn)) == len(drawn)
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("ending", ["json", "npz"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_training_goes_on_to_the_bit_after_another_optimizer(
    kind: Any, ending: str, tmp_path: Path
) -> None:
    net = make(kind)
    for optimizer in ("sgd", "adam"):
        net.fit(X, Y, epochs=2, optimizer=optimizer, **STEPS)
    net.save(tmp_path / f"net.{ending}")
    twin = fastnn._model.storage.load(tmp_path / f"net.{ending}", kind)
    for each in (net, twin):
        each.fit(X, Y, epochs=2, optimizer="adam", **STEPS)
    np.testing.assert_array_equal(twin.parameters, net.parameters)


def test_a_file_of_before_goes_on_as_it_did(tmp_path: Path) -> None:
    """Its masks were told apart by the optimizer's steps."""
    net = make()
    net.fit(X, Y, epochs=2, optimizer="adam", **STEPS)
    net.save(tmp_path / "net.json")
    content = json.loads((tmp_path / "net.json").read_text())
    assert content["training"].pop("masks") == content["training"]["steps"] == 8
    (tmp_path / "old.json").write_text(json.dumps(content))
    old = fastnn.load(tmp_path / "old.json")
    for each in (net, old):
        each.fit(X, Y, epochs=2, optimizer="adam", **STEPS)
    np.testing.assert_array_equal(old.parameters, net.parameters)


def test_a_pickle_of_before_goes_on_as_it_did() -> None:
    net = make()
    net.fit(X, Y, epochs=2, optimizer="adam", **STEPS)
    old = copy.deepcopy(net)
    state = vars(old.training_state).copy()
    del state["masks"]
    old.training_state.__setstate__(state)
    assert old.training_state.masks.tolist() == [8]
    old.fit(X, Y, epochs=1, optimizer="adam", **STEPS)
    net.fit(X, Y, epochs=1, optimizer="adam", **STEPS)
    np.testing.assert_array_equal(old.parameters, net.parameters)


@pytest.mark.parametrize("value", [-1, 2**62, 1.5, "3", None])
def test_a_number_of_masks_that_is_none_is_refused(value: Any, tmp_path: Path) -> None:
    make().save(tmp_path / "net.json")
    content = json.loads((tmp_path / "net.json").read_text())
    content["training"]["masks"] = value
    (tmp_path / "net.json").write_text(json.dumps(content))
    with pytest.raises(
        ValueError, match=r"masks: expected (a whole number|0 or more|\d+ or less), got"
    ):
        fastnn.load(tmp_path / "net.json")


def test_epochs_that_are_undone_and_repeated_draw_the_same_masks() -> None:
    """Several at once diverge, and are run one by one: as if it had been so from the beginning."""
    ends = []
    for callbacks in ([], [lambda net, history: False]):
        net = fastnn.Network(
            [6, 8, 3], fastnn.QuadraticCost, activation="identity", output="identity",
            dropout=0.5, rng=0,
        )  # fmt: skip
        with pytest.warns(RuntimeWarning, match="diverged"):
            net.fit(X, Y, epochs=400, batch_size=20, shuffle=False, learning_rate=30.0,
                    callbacks=callbacks)  # fmt: skip
        ends.append((net.training_state.masks[0], net.parameters.copy()))
    assert ends[0][0] == ends[1][0] > 0
    np.testing.assert_array_equal(ends[0][1], ends[1][1])


# The estimators.

ESTIMATORS = {
    "classifier": (MLPClassifier, Y),
    "regressor": (MLPRegressor, X[:, 0]),
    "ensemble": (MLPEnsembleClassifier, Y),
}


def estimator(kind: Any, **options: Any) -> Any:
    told = {
        "hidden_layer_sizes": (8,), "dropout": 0.5, "shuffle": False, "batch_size": 5,
        "random_state": 0, "tol": 0.0, **options,
    }  # fmt: skip
    if kind is MLPEnsembleClassifier:
        return kind(MLPClassifier(**told), n_estimators=2, random_state=0)
    return kind(**told)


def coefs(model: Any) -> np.ndarray:
    members = getattr(model, "estimators_", [model])
    return np.concatenate([each.network_.parameters for each in members])


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("solver", ["sgd", "adam", optimizers.RMSprop()])
@pytest.mark.parametrize("through", ["nothing", "pickle"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_calls_of_partial_fit_are_one_fit(name: str, solver: Any, through: str) -> None:
    kind, y = ESTIMATORS[name]
    whole = estimator(kind, solver=solver, max_iter=6).fit(X, y)
    model = estimator(kind, solver=solver)
    for _ in range(6):
        told = {} if kind is MLPRegressor else {"classes": np.unique(y)}
        model.partial_fit(X, y, **told)
        if through == "pickle":
            model = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(coefs(model), coefs(whole))


@pytest.mark.parametrize("name", ["classifier", "regressor"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_warm_start_goes_on_with_the_masks(name: str) -> None:
    kind, y = ESTIMATORS[name]
    told = {"solver": "sgd", "momentum": 0.0}  # without a state, so that only masks go on
    whole = estimator(kind, max_iter=6, **told).fit(X, y)
    model = estimator(kind, max_iter=2, warm_start=True, **told)
    for _ in range(3):
        model.fit(X, y)
    np.testing.assert_array_equal(coefs(model), coefs(whole))
    model.set_params(activation="tanh").fit(X, y)  # another network takes over
    assert model.network_.training_state.masks[0] == 4 * 8


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_new_fit_and_a_clone_begin_anew() -> None:
    model = estimator(MLPClassifier, max_iter=2).fit(X, Y)
    first = coefs(model).copy()
    np.testing.assert_array_equal(coefs(model.fit(X, Y)), first)
    np.testing.assert_array_equal(coefs(clone(model).fit(X, Y)), first)
