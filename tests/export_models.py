"""Random models to export: networks, estimators, ensembles and pipelines, each with its rows."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import fastnn
from fastnn import costs, normalization
from fastnn.activations import HIDDEN
from fastnn.dropout import Dropout

NORMS = (
    None, "batch", "layer", normalization.GroupNorm(2), normalization.BatchNorm(0.3, 1e-3),
)  # fmt: skip
OUTPUTS = (
    (costs.CrossEntropyCost, "sigmoid"),
    (costs.LogLikelihoodCost, "softmax"),
    (costs.QuadraticCost, "identity"),
    (costs.PoissonCost, "exp"),
)


def _hidden(rng: np.random.Generator, least: int = 0) -> list[int]:
    return [2 * int(n) for n in rng.integers(1, 12, rng.integers(least, 6))]


def _layers(rng: np.random.Generator, n_hidden: int) -> dict[str, Any]:
    """Return the options of hidden layers that networks and estimators share."""
    dropout = (0.0, 0.2, Dropout(0.3, inverted=False))
    return {
        "activation": [str(each) for each in rng.choice(HIDDEN, n_hidden)],
        "normalization": NORMS[rng.integers(len(NORMS))],
        "dropout": dropout[rng.integers(len(dropout))],
    }


def network(rng: np.random.Generator) -> tuple[Any, Any]:
    """Return a network that was trained a little, and rows."""
    hidden, n_in, n_out = _hidden(rng), int(rng.integers(1, 30)), int(rng.integers(2, 12))
    cost, output = OUTPUTS[rng.integers(len(OUTPUTS))]
    if output == "sigmoid" and rng.integers(2):
        n_out = 1
    scale = float(rng.choice([1.0, 1 / 255]))
    net = fastnn.Network(
        [n_in, *hidden, n_out], cost, **_layers(rng, len(hidden)), output=output,
        input_scale=scale, dtype=str(rng.choice(["float64", "float32"])), rng=int(rng.integers(99)),
    )  # fmt: skip
    X = rng.standard_normal((40, n_in)) / scale
    y = np.abs(rng.random((40, n_out)))
    y = y / y.sum(axis=1, keepdims=True) if output == "softmax" else y
    net.fit(X, y, epochs=2, batch_size=10, learning_rate=0.01)
    return net, X


def _quickly(rng: np.random.Generator) -> dict[str, Any]:
    """Return the options of an estimator that is trained a little."""
    hidden = _hidden(rng, 1)
    return {
        "hidden_layer_sizes": hidden,
        **_layers(rng, len(hidden)),
        "max_iter": 3,
        "random_state": int(rng.integers(99)),
    }


def classifier(rng: np.random.Generator) -> tuple[Any, Any]:
    """Return a fitted classifier: of two classes, of several, or of labels that go together."""
    from fastnn.sklearn import MLPClassifier

    X = rng.standard_normal((60, 5)).astype(str(rng.choice(["float64", "float32"])))
    y: np.ndarray = np.arange(60) % int(rng.choice([2, 4]))
    if rng.integers(3) == 0:
        y = np.array(["oak", 'f"i?r', "élan", "*/"])[y]
    elif rng.integers(3) == 0:
        y = rng.integers(0, 2, (60, 3))
    return MLPClassifier(**_quickly(rng)).fit(X, y), X


def regressor(rng: np.random.Generator) -> tuple[Any, Any]:
    """Return a fitted regressor of one target or several."""
    from fastnn.sklearn import MLPRegressor

    X = rng.standard_normal((60, 5))
    y = rng.random((60, 3)) if rng.integers(2) else rng.random(60)
    loss = str(rng.choice(["squared_error", "poisson"]))
    return MLPRegressor(loss, **_quickly(rng)).fit(X, y), X


def ensemble(rng: np.random.Generator) -> tuple[Any, Any]:
    """Return a fitted ensemble of three."""
    from fastnn.sklearn import MLPClassifier, MLPEnsembleClassifier

    X = rng.standard_normal((60, 5))
    members = MLPClassifier(**_quickly(rng))
    return MLPEnsembleClassifier(members, 3, random_state=0).fit(X, np.arange(60) % 3), X


def preset(rng: np.random.Generator) -> tuple[Any, Any]:
    """Return a classifier with a recipe that prepares its inputs, texts among them."""
    import pandas

    from fastnn.sklearn import MLPClassifier

    X = pandas.DataFrame(
        {
            "a": rng.standard_normal(60) * 100,
            "tree": rng.choice(["oak", "fir", "ash"], 60),
            "sign": rng.choice(["+", "-"], 60),
        }
    )
    model = MLPClassifier([8], preset="tabular", max_iter=2, random_state=0)
    return model.fit(X, np.arange(60) % 3), X


def pipeline(rng: np.random.Generator) -> tuple[Any, Any]:
    """Return a pipeline over a table with numbers, texts and holes."""
    import pandas
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import (
        MinMaxScaler,
        OneHotEncoder,
        OrdinalEncoder,
        RobustScaler,
        StandardScaler,
    )

    from fastnn.sklearn import MLPClassifier, MLPRegressor

    X = pandas.DataFrame(
        {
            "size": rng.standard_normal(60) * 10 + 1000,
            "weight": np.where(rng.random(60) < 0.2, np.nan, rng.standard_normal(60)),
            "tree": rng.choice(["oak", "fir", "ash"], 60),
            "rooms": rng.integers(1, 4, 60),
            "floor": rng.choice(["low", "high"], 60).astype(object),
        }
    )
    X.loc[::7, "floor"] = np.nan
    scaler = (StandardScaler(), MinMaxScaler(clip=True), RobustScaler())[rng.integers(3)]
    unknown = str(rng.choice(["error", "ignore"]))
    drop = None if rng.integers(2) else "first"
    columns = ColumnTransformer(
        [
            (
                "numbers",
                make_pipeline(SimpleImputer(add_indicator=True), scaler),
                ["size", "weight"],
            ),
            ("kinds", OneHotEncoder(handle_unknown=unknown, drop=drop), ["tree", "rooms"]),
            (
                "floor",
                make_pipeline(SimpleImputer(strategy="most_frequent"), OrdinalEncoder()),
                ["floor"],
            ),
        ]
    )
    options = _quickly(rng)
    if rng.integers(2):
        return make_pipeline(columns, MLPRegressor(**options)).fit(X, rng.random(60)), X
    return make_pipeline(columns, MLPClassifier(**options)).fit(X, np.arange(60) % 3), X


KINDS: tuple[Callable[[np.random.Generator], tuple[Any, Any]], ...] = (
    network, pipeline, classifier, ensemble, regressor, preset,
)  # fmt: skip


def random_model(seed: int) -> tuple[Any, Any]:
    """Return a fitted model and rows (n, n_in) as it takes them; the kinds come in turn."""
    rng = np.random.default_rng(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged
        return KINDS[seed % len(KINDS)](rng)
