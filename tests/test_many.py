"""Many trainings in one call: each is what it would be alone."""

import inspect
import math
import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastnn
from fastnn import regularizers, schedules
from fastnn.dropout import Dropout
from fastnn.many import fit_many
from fastnn.stopping import EarlyStopping

OF_FIT = set(inspect.signature(fastnn.Network.fit).parameters)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 5))
y = (X[:, 0] * X[:, 1] > 0).astype(int)
FOLDS = [(np.arange(60), np.arange(60, 90)), (np.arange(30, 90), np.arange(30))]
GRID = {"sizes": [[5, 7, 2], [5, 4, 1]], "learning_rate": [0.1, 0.5], "epochs": 3}


def trained(X, y, seed, setting, **more):
    """Return the network of a setting, made and trained by hand."""
    told = {key: value for key, value in setting.items() if key in OF_FIT}
    network = fastnn.Network(**{k: v for k, v in setting.items() if k not in OF_FIT}, rng=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        history = network.fit(X, y, n_threads=1, **told, **more)
    return network, history


@pytest.mark.parametrize("n_jobs", [1, 2, 5])
def test_each_network_is_that_of_a_training_alone(n_jobs):
    found = fit_many(X, y, GRID, seeds=(0, 7), cv=FOLDS, keep="all", n_jobs=n_jobs)
    assert len(found) == 4 * 2 * 2
    assert found["setting"].tolist() == np.repeat(range(4), 4).tolist()
    assert found["seed"].tolist() == [0, 0, 7, 7] * 4
    assert found["fold"].tolist() == [0, 1] * 8
    for i in range(len(found)):
        train, test = FOLDS[found["fold"][i]]
        setting = found.settings[found["setting"][i]]
        alone, history = trained(X[train], y[train], int(found["seed"][i]), setting)
        assert np.array_equal(found.network(i).parameters, alone.parameters)
        assert found["score"][i] == alone.accuracy((X[test], y[test])) / len(test)
        assert found["validation_cost"][i] == alone.total_cost((X[test], y[test]), 0.0)
        assert found["training_cost"][i] == history[-1]["training_cost"]
        assert found["epochs"][i] == 3 and found["seconds"][i] > 0


def same(a, b):
    """Whether two results are, but for the time that they took."""
    a, b = (repr({k: v for k, v in each.to_dict().items() if k != "seconds"}) for each in (a, b))
    return a == b


HIDDEN = st.lists(st.integers(1, 20), max_size=2)
CHOICES = {
    "activation": st.sampled_from(["sigmoid", "relu", "gelu", "tanh"]),
    "initializer": st.sampled_from(["default", "he_normal", "lsuv", "zeros", "orthogonal"]),
    "normalization": st.sampled_from([None, "batch", "layer"]),
    "dropout": st.sampled_from([0.0, 0.3, Dropout(0.5)]),
    "dtype": st.sampled_from(["float32", "float64"]),
    "batch_size": st.sampled_from([2, 8, 16, 1000]),
    "optimizer": st.sampled_from(["sgd", "adam", "rmsprop", "adamw"]),
    "learning_rate": st.sampled_from([None, 0.01, 1.0, 1e30]),
    "regularizer": st.sampled_from([None, regularizers.L2(0.1), regularizers.MaxNorm(1.0)]),
    "schedule": st.sampled_from(
        [None, schedules.cosine(3), {"dropout": schedules.cosine(4)},
         schedules.HalveOnPlateau(1, monitor="training_cost")]
    ),
    "class_weight": st.sampled_from([None, "balanced", {0: 2.0}]),
    "label_smoothing": st.sampled_from([0.0, 0.1]),
    "shuffle": st.booleans(),
    "metrics": st.sampled_from([(), ("accuracy",)]),
}  # fmt: skip


@st.composite
def some_settings(draw):
    chosen = st.fixed_dictionaries({}, optional=CHOICES)
    found = []
    for _ in range(draw(st.integers(1, 3))):
        n_out = draw(st.integers(1, 2))
        setting = {"sizes": [5, *draw(HIDDEN), n_out], "epochs": draw(st.integers(0, 5))}
        cost = draw(st.sampled_from(["quadratic", "cross_entropy", "log_likelihood"]))
        setting["cost"] = "quadratic" if n_out == 1 and cost == "log_likelihood" else cost
        found.append({**setting, **draw(chosen)})
    return found


COSTS = {
    "quadratic": fastnn.QuadraticCost,
    "cross_entropy": fastnn.CrossEntropyCost,
    "log_likelihood": fastnn.LogLikelihoodCost,
}


@settings(max_examples=60, deadline=None)
@given(some_settings(), st.integers(1, 3), st.sampled_from([np.float32, np.float64]))
def test_for_any_settings_and_any_number_of_threads(chosen, n_jobs, dtype):
    rows = X.astype(dtype)
    told = {"seeds": (1, 2), "cv": FOLDS, "n_jobs": n_jobs}
    found = fit_many(rows, y, chosen, keep="all", **told)
    # Without models to keep, one job has the memory of another.
    assert same(fit_many(rows, y, chosen, keep="none", **told), found)
    for i in range(len(found)):
        setting = found.settings[found["setting"][i]]
        train, _ = FOLDS[found["fold"][i]]
        hand = {**setting, "cost": COSTS[setting["cost"]]}
        try:
            alone, history = trained(rows[train], y[train], int(found["seed"][i]), hand)
        except ValueError as error:  # for LSUV some units may all put out the same
            assert found["error"][i] == f"ValueError: {error}"
            continue
        assert found["epochs"][i] == len(history)
        if found["error"][i]:
            assert found["error"][i] == f"diverged in epoch {len(history) + 1}"
            assert len(history) < setting["epochs"] and math.isnan(found["score"][i])
            continue
        assert np.array_equal(found.network(i).parameters, alone.parameters)
        if len(history):
            assert found["training_cost"][i] == history[-1]["training_cost"]


def test_rules_that_watch_get_the_rows_to_judge_by():
    setting = {
        "sizes": [5, 10, 2], "epochs": 60, "learning_rate": 2.0,
        "stopping": EarlyStopping(3), "schedule": schedules.HalveOnPlateau(2),
    }  # fmt: skip
    for judged in ({"cv": FOLDS}, {"validation_data": (X[:40], y[:40])}):
        found = fit_many(X, y, [setting], keep="all", **judged)
        for i in range(len(found)):
            train, test = FOLDS[i] if "cv" in judged else (slice(None), slice(0, 40))
            alone, history = trained(
                X[train], y[train], 0, setting, validation_data=(X[test], y[test])
            )
            assert np.array_equal(found.network(i).parameters, alone.parameters)
            assert found["epochs"][i] == len(history)
            assert found["validation_cost"][i] == alone.total_cost((X[test], y[test]), 0.0)
    assert (found["epochs"] < 60).all()  # so that it was stopped


def test_sparse_rows_and_weights_of_rows():
    sparse = pytest.importorskip("scipy.sparse")
    rows = sparse.csr_matrix(np.where(np.abs(X) > 1, X, 0))
    weights = RNG.uniform(size=90)
    setting = {"sizes": [5, 4, 2], "epochs": 3, "sample_weight": weights}
    found = fit_many(rows, y, setting, cv=FOLDS, keep="all")
    for i, (train, _) in enumerate(FOLDS):
        alone, _ = trained(rows[train], y[train], 0, {**setting, "sample_weight": weights[train]})
        assert np.array_equal(found.network(i).parameters, alone.parameters)


def test_targets_of_several_kinds():
    one_hot = np.eye(2)[y]
    assert fit_many(X, one_hot, {"sizes": [5, 2], "epochs": 1}, cv=3)["score"].max() <= 1
    numbers = {"sizes": [5, 2], "epochs": 3, "cost": "quadratic", "output": "identity"}
    found = fit_many(X, X[:, :2], numbers, validation_data=(X[:9], X[:9, :2]), keep="all")
    outputs, targets = found.network(0).predict(X[:9]), X[:9, :2]
    r2 = 1 - np.sum((outputs - targets) ** 2) / np.sum((targets - targets.mean(axis=0)) ** 2)
    assert found["score"][0] == pytest.approx(r2, rel=1e-12)


def test_folds_of_an_int_are_stratified_for_classes():
    from sklearn.model_selection import KFold, StratifiedKFold

    uneven = np.sort(y)
    for targets, sizes, splitter in [
        (uneven, [5, 2], StratifiedKFold(3)),
        (np.eye(2)[uneven], [5, 2], StratifiedKFold(3)),
        (uneven, [5, 1], StratifiedKFold(3)),
        (X[:, 0], [5, 1], KFold(3)),
    ]:
        setting = {"sizes": sizes, "epochs": 2, "cost": "quadratic", "output": "identity"}
        found = fit_many(X, targets, setting, cv=3, scoring="mean_squared_error")
        by_hand = list(splitter.split(X, uneven))
        hand = fit_many(X, targets, setting, cv=by_hand, scoring="mean_squared_error")
        assert found["score"].tolist() == hand["score"].tolist()


def test_a_grid_goes_through_all_combinations_the_last_key_fastest():
    grid = {"sizes": [5, 3, 2], "epochs": (1, 2), "learning_rate": np.array([0.1, 0.2])}
    found = fit_many(X, y, grid)
    assert found.settings == [
        {"sizes": [5, 3, 2], "epochs": e, "learning_rate": r} for e in (1, 2) for r in (0.1, 0.2)
    ]
    assert found["epochs"].tolist() == [1, 1, 2, 2]
    again = fit_many(X, y, iter(found.settings))
    assert again["score"].tolist() == found["score"].tolist()


NAMED = {
    "cost": ({"name": "huber", "threshold": 2.0}, fastnn.HuberCost(2.0)),
    "optimizer": ({"name": "sgd", "momentum": 0.5}, fastnn.optimizers.SGD(momentum=0.5)),
    "regularizer": ({"name": "l2", "strength": 3.0}, regularizers.L2(3.0)),
    "initializer": ({"name": "normal", "sigma": 0.3}, fastnn.initializers.Normal(sigma=0.3)),
    "normalization": ({"name": "group", "groups": 2}, fastnn.normalization.GroupNorm(2)),
    "dropout": ({"rate": 0.25}, Dropout(0.25)),
    "stopping": ({"patience": 1, "monitor": "training_cost"}, EarlyStopping(1, 0, "training_cost")),
    "schedule": (
        {"learning_rate": {
            "name": "join", "boundaries": [2],
            "schedules": [{"name": "warm_up", "epochs": 2}, {"name": "cosine", "epochs": 3}],
        }},
        {"learning_rate": schedules.join([schedules.warm_up(2), schedules.cosine(3)], [2])},
    ),
}  # fmt: skip


@pytest.mark.parametrize("key", NAMED)
def test_objects_by_name(key):
    base = {"sizes": [5, 4, 2], "epochs": 4, "cost": "quadratic", "learning_rate": 0.3}
    named, made = (fit_many(X, y, [{**base, key: each}]) for each in NAMED[key])
    assert named["training_cost"][0] == made["training_cost"][0]
    if key not in ("stopping", "initializer", "normalization"):
        assert named["training_cost"][0] != fit_many(X, y, [base])["training_cost"][0]


def test_what_fails_is_a_row_and_loses_no_other():
    calls = []

    def failing(network, history):
        calls.append(len(history))
        raise LookupError("no such\nthing")

    def leaving(network, history):
        raise SystemExit(3)

    base = {
        "sizes": [5, 4, 4, 2], "epochs": 3, "cost": "quadratic", "activation": "relu",
        "output": "identity", "learning_rate": 0.01,
    }  # fmt: skip
    several = [
        base,
        {**base, "callbacks": [failing]},
        {**base, "learning_rate": 1e300},
        {**base, "callbacks": [leaving]},
        {**base, "metrics": [lambda outputs, targets: "many"]},
        {**base, "learning_rate": 0.5},
    ]
    for n_jobs in (1, 2):
        found = fit_many(X, y, several, keep="all", n_jobs=n_jobs)
        errors = found["error"]
        assert errors[1] == "LookupError: no such thing"
        assert errors[2].startswith("diverged in epoch ")
        assert errors[3] == "SystemExit: 3"
        assert errors[4].startswith("TypeError: metrics: ")
        assert np.isnan(found["score"][1:5]).all() and np.isnan(found["training_cost"][1:5]).all()
        assert not errors[0] and not errors[5]
        assert found.best()["setting"] in (0, 5)
        for row in range(1, 5):
            with pytest.raises(ValueError, match=f"network: row {row} has none: "):
                found.network(row)
    assert calls == [1, 1]
    none = fit_many(X, y, several[1:2])
    with pytest.raises(ValueError, match=r"best: .*the first error is LookupError: no such thing"):
        none.best()


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize(("scoring", "larger"), [("accuracy", True), ("mean_squared_error", False)])
def test_what_is_kept(n_jobs, scoring, larger):
    told = {"seeds": range(6), "cv": FOLDS, "scoring": scoring, "n_jobs": n_jobs}
    best, every, none = (
        fit_many(X, y, GRID, keep=keep, **told) for keep in ("best", "all", "none")
    )
    row = best.best()["row"]
    scores = best["score"].tolist()
    assert row == scores.index(max(scores) if larger else min(scores))
    assert best.best()["score"] == scores[row]
    assert best.best()["settings"] == best.settings[best.best()["setting"]]
    assert np.array_equal(best.network(row).parameters, every.network(row).parameters)
    other = 0 if row else 1
    with pytest.raises(ValueError, match="keep='best' did not keep"):
        best.network(other)
    with pytest.raises(ValueError, match="keep='none' did not keep"):
        none.network(row)
    with pytest.raises(ValueError, match="i: expected 47 or less"):
        every.network(48)
    assert len({id(every.network(i)) for i in range(48)}) == 48


def test_scores_of_ones_own_go_by_their_names():
    def error_rate(outputs, targets):
        return np.mean((outputs > 0.5) != (targets > 0.5))

    def closeness(outputs, targets):
        return -np.mean(np.abs(outputs - targets))

    grid = {"sizes": [5, 4, 1], "epochs": 3, "learning_rate": [0.01, 0.1, 1.0, 3.0]}
    errors = fit_many(X, y, grid, scoring=error_rate)
    assert errors.best()["score"] == errors["score"].min()
    close = fit_many(X, y, grid, scoring=closeness)
    assert close.best()["score"] == close["score"].max()
    wrong = fit_many(X, y, grid, scoring=lambda outputs, targets: "much")
    assert wrong["error"][0].startswith(
        "TypeError: scoring: expected '<lambda>' to return a number"
    )


def test_the_table():
    pd = pytest.importorskip("pandas")
    diverging = {
        "sizes": [5, 9, 9, 2], "epochs": 3, "learning_rate": 1e300, "activation": "relu",
        "cost": "quadratic", "output": "identity",
    }  # fmt: skip
    settings = [*fit_many(X, y, GRID).settings[:2], diverging]
    found = fit_many(X, y, settings, seeds=range(3), cv=FOLDS, scoring="mean_squared_error")
    table = found.to_dict()
    assert list(table) == [
        "setting", "seed", "fold", "training_cost", "validation_cost", "score", "epochs",
        "seconds", "error",
    ]  # fmt: skip
    assert all(len(column) == len(found) == 18 for column in table.values())
    assert type(table["setting"][0]) is int and type(table["score"][0]) is float
    frame = found.to_pandas()
    assert frame["param_learning_rate"].tolist() == np.repeat([0.1, 0.5, 1e300], 6).tolist()
    assert pd.isna(frame["param_activation"]).tolist() == [True] * 12 + [False] * 6
    mean = found.by_setting()
    assert mean["jobs"].tolist() == [6, 6, 6] and mean["failed"].tolist() == [0, 0, 6]
    by_pandas = frame.groupby("setting")["score"]
    assert np.allclose(mean["score_mean"], by_pandas.mean(), equal_nan=True)
    assert np.allclose(mean["score_std"][:2], by_pandas.std(ddof=0)[:2])
    assert np.isnan(mean["score_std"][2])
    assert isinstance(mean.to_pandas(), pd.DataFrame) and len(mean) == 3
    with pytest.raises(KeyError, match="'loss': there are setting"):
        found["loss"]
    assert "18 jobs, 6 failed" in repr(found)


def test_a_search_that_travels_gives_the_same():
    found = fit_many(X, y, GRID, keep="all")
    search, job = found._search, found._jobs[1]
    other = pickle.loads(pickle.dumps(search))
    assert other is not search
    done = other.run(job)
    assert done.score == found["score"][1]
    assert np.array_equal(done.model.parameters, found.network(1).parameters)
    assert search.work_of(job) > 0


def test_a_result_travels_without_the_rows(tmp_path):
    found = fit_many(X, y, GRID, journal=tmp_path / "runs.jsonl")
    copy = pickle.loads(pickle.dumps(found))
    row = found.best()["row"]
    assert same(copy, found) and repr(copy.best()) == repr(found.best())
    assert np.array_equal(copy.network(row).parameters, found.network(row).parameters)
    read = pickle.dumps(fit_many(X, y, GRID, journal=tmp_path / "runs.jsonl"))
    assert len(read) < X.nbytes
    with pytest.raises(ValueError, match=r"network: row . was read from a journal"):
        pickle.loads(read).network(row)


def test_progress(capsys):
    pytest.importorskip("tqdm")
    fit_many(X, y, GRID, progress=True)
    assert "4/4" in capsys.readouterr().err


def test_ctrl_c_begins_no_other_job():
    begun = []

    def interrupted(network, history):
        begun.append(network)
        if len(begun) == 3:
            raise KeyboardInterrupt
        return False

    grid = {"sizes": [5, 2], "epochs": 1, "callbacks": [[interrupted]]}
    for n_jobs in (1, 2):
        begun.clear()
        with pytest.raises(KeyboardInterrupt):
            fit_many(X, y, grid, seeds=range(2000), n_jobs=n_jobs)
        assert 3 <= len(begun) < 1000
