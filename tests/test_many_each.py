"""A network for each group of rows."""

import numpy as np
import pytest

import fastnn
from fastnn import many
from fastnn.many import fit_each, predict_each
from fastnn.normalization import BatchNorm

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 3))
y = (X[:, 0] > 0).astype(int)
GROUPS = RNG.integers(0, 7, size=200)
SETTING = {"sizes": [3, 5, 2], "epochs": 4, "learning_rate": 0.5}


def alone(rows, seed=0, **more):
    network = fastnn.Network([3, 5, 2], rng=seed)
    network.fit(X[rows], y[rows], epochs=4, learning_rate=0.5, n_threads=1, **more)
    return network


@pytest.mark.parametrize("n_jobs", [1, 3])
@pytest.mark.parametrize("kind", [np.int64, float, str, "table"])
def test_each_network_is_that_of_its_rows_alone(n_jobs, kind):
    if kind == "table":
        groups = pytest.importorskip("pandas").Series(GROUPS.astype(str))
    else:
        groups = GROUPS.astype(kind)
    models = fit_each(X, y, groups, SETTING, seed=3, n_jobs=n_jobs)
    assert list(models) == np.unique(np.asarray(groups)).tolist()
    for value, network in models.items():
        rows = np.asarray(groups) == value
        expected = alone(rows, 3)
        assert np.array_equal(network.parameters, expected.parameters)
        i = list(models).index(value)
        assert models.table["rows"][i] == rows.sum()
        assert models.table["score"][i] == expected.accuracy((X[rows], y[rows])) / rows.sum()
    outputs = predict_each(models, X, groups)
    for i in range(0, 200, 17):
        network = models[np.asarray(groups)[i]]
        rows = np.asarray(groups) == np.asarray(groups)[i]
        assert np.array_equal(outputs[rows], network.predict(X[rows]))


def test_as_many_groups_as_one_likes_take_little_memory():
    groups = np.arange(2000) // 4
    rows = RNG.normal(size=(2000, 3))
    models = fit_each(rows, rows[:, 0] > 0, groups, {"sizes": [3, 2, 1], "epochs": 1})
    assert len(models) == 500 and len(models.table) == 500
    assert len(models._result._search._learner.data._made._made) <= 16


def test_weights_of_rows_go_with_their_group():
    weights = RNG.uniform(size=200)
    models = fit_each(X, y, GROUPS, {**SETTING, "sample_weight": weights})
    rows = GROUPS == 4
    expected = alone(rows, sample_weight=weights[rows])
    assert np.array_equal(models[4].parameters, expected.parameters)


def test_a_group_that_cannot_be_trained_loses_no_other():
    groups = np.where(np.arange(200) == 5, 99, GROUPS)  # a group of one row has no variance
    models = fit_each(X, y, groups, {**SETTING, "normalization": BatchNorm()})
    assert 99 not in models and 0 in models and len(models) == 7
    assert models.table["error"][-1].startswith("ValueError: batch_size: batch norm needs")
    with pytest.raises(KeyError, match="the training of group 99 failed: ValueError"):
        models[99]
    with pytest.raises(KeyError, match="no rows of group 100"):
        models[100]
    with pytest.raises(ValueError, match=r"groups: expected groups with a network, got 99: .*fail"):
        predict_each(models, X, groups)
    with pytest.raises(ValueError, match="groups: expected groups with a network, got 100: no row"):
        predict_each(models, X, np.full(200, 100))
    with pytest.raises(ValueError, match="groups: expected groups with a network, got 1: it has"):
        predict_each({0: models[0]}, X[:2], [0, 1])
    assert repr(models) == "<Networks of 7 groups, 1 failed>"


def test_a_journal_of_groups(tmp_path):
    told = {"journal": tmp_path / "runs.jsonl"}
    first = fit_each(X, y, GROUPS, SETTING, **told)
    again = fit_each(X, y, GROUPS, SETTING, **told)
    assert np.array_equal(first[3].parameters, again[3].parameters)
    assert again.table["score"].tolist() == first.table["score"].tolist()
    with pytest.raises(ValueError, match="differs in cv"):
        fit_each(X, y, (GROUPS + 1) % 7, SETTING, **told)


def test_sparse_rows():
    sparse = pytest.importorskip("scipy.sparse")
    rows = sparse.csr_matrix(np.where(np.abs(X) > 1, X, 0))
    models, dense = (fit_each(each, y, GROUPS, SETTING) for each in (rows, rows.toarray()))
    outputs = predict_each(models, rows, GROUPS)
    assert np.allclose(outputs, predict_each(dense, rows.toarray(), GROUPS), rtol=1e-9)


def test_what_is_refused():
    for arguments, message in [
        ((X, y, GROUPS[:9], SETTING), r"groups: expected shape \(200,\)"),
        ((X, y, X, SETTING), r"groups: expected shape \(200,\)"),
        ((X, y, np.full(200, np.nan), SETTING), "groups: expected no NaN"),
        ((X, y, np.full(200, 1j), SETTING), "groups: expected numbers or texts"),
        ((X, y, np.array([1, "a"] * 100, dtype=object), SETTING), "groups: .*all of one kind"),
        ((X, y, GROUPS, [SETTING]), "setting: expected a mapping"),
        ((X, y, GROUPS, {**SETTING, "rate": 1}), r"settings\[0\]: 'rate': expected a key"),
        ((X, y, GROUPS, {**SETTING, "batch_size": 0}), r"settings\[0\]: batch_size: expected"),
        ((X, y + 9, GROUPS, SETTING), r"settings\[0\]: sizes: "),
    ]:
        with pytest.raises((TypeError, ValueError), match=message):
            fit_each(*arguments)
    with pytest.raises(ValueError, match="seed: expected 0 or more"):
        fit_each(X, y, GROUPS, SETTING, seed=-1)
    models = fit_each(X, y, GROUPS, SETTING)
    with pytest.raises(ValueError, match=r"X: expected shape \(n, n_in\)"):
        predict_each(models, X[0], GROUPS)
    wider = {0: models[0], 1: fastnn.Network([3, 4])}
    with pytest.raises(ValueError, match="networks: expected equally many outputs"):
        predict_each(wider, X[:2], [0, 1])


def test_all_that_is_public_is_there():
    assert all(hasattr(many, name) for name in many.__all__)
