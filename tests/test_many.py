"""Many trainings in one call: each is what it would be alone."""

import numpy as np
import pytest

import fastnn
from fastnn.many import fit_many


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 5))
    return X, (X[:, 0] * X[:, 1] > 0).astype(int)


def trained(X, y, seed, setting):
    fit = {"epochs", "batch_size", "learning_rate", "optimizer"}
    network = fastnn.Network(
        **{key: value for key, value in setting.items() if key not in fit}, rng=seed
    )
    network.fit(X, y, n_threads=1, **{k: v for k, v in setting.items() if k in fit})
    return network


GRID = {"sizes": [[5, 7, 2], [5, 4, 1]], "learning_rate": [0.1, 0.5], "epochs": 3}


@pytest.mark.parametrize("n_jobs", [1, 2, 5])
def test_each_network_is_that_of_a_training_alone(data, n_jobs):
    X, y = data
    folds = [(np.arange(60), np.arange(60, 90)), (np.arange(30, 90), np.arange(30))]
    found = fit_many(X, y, GRID, seeds=(0, 7), cv=folds, keep="all", n_jobs=n_jobs)
    assert len(found) == 4 * 2 * 2
    assert found["setting"].tolist() == np.repeat(range(4), 4).tolist()
    for i in range(len(found)):
        train, test = folds[found["fold"][i]]
        setting = found.settings[found["setting"][i]]
        alone = trained(X[train], y[train], int(found["seed"][i]), setting)
        assert np.array_equal(found.network(i).parameters, alone.parameters)
        assert found["score"][i] == alone.accuracy((X[test], y[test])) / len(test)
        assert found["validation_cost"][i] == alone.total_cost((X[test], y[test]), 0.0)
