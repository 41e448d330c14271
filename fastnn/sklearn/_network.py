"""From an estimator's arguments to its ``fastnn.Network``, and between it and ``coefs_``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any

import numpy as np

from fastnn import initializers
from fastnn._common.version import version
from fastnn._model.table_info import TableInfo, restore_table, table_entry
from fastnn._training.summary import plain
from fastnn.network import Network
from fastnn.sklearn._losses import Loss

# scikit-learn's names of what fastnn has too.
ACTIVATIONS = {"logistic": "sigmoid"}
OUT_ACTIVATIONS = {"sigmoid": "logistic"}


def hidden_sizes(hidden_layer_sizes: Any) -> list[Any]:
    """Return the hidden layers' sizes as a list.

    Raises
    ------
    ValueError
        If one is not above 0.
    """
    several = hasattr(hidden_layer_sizes, "__iter__")
    sizes = list(hidden_layer_sizes) if several else [hidden_layer_sizes]
    if np.any(np.array(sizes) <= 0):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    return sizes


def _names(activation: Any) -> Any:
    if isinstance(activation, str):
        return ACTIVATIONS.get(activation, activation)
    return [ACTIVATIONS.get(each, each) for each in activation]


def build(estimator: Any, sizes: Sequence[int], loss: Loss, dtype: np.dtype) -> Network:
    """Return the network, all its weights zero, that the estimator's arguments ask for.

    Raises
    ------
    TypeError, ValueError
        Naming the argument.
    """
    return Network(
        sizes,
        loss.cost,
        activation=_names(estimator.activation),
        output=loss.output,
        initializer="zeros",
        normalization=estimator.normalization,
        dropout=estimator.dropout,
        dtype=dtype,
        rng=0,
    )


def initialize(network: Network, estimator: Any, random_state: np.random.RandomState) -> None:
    """Draw the first weights from ``random_state``.

    By default as scikit-learn does, W and then b of each layer uniform within
    ±√(6 / (n_in + n_out)), or √(2 / ...) for the logistic activation (Glorot and Bengio, 2010).
    """
    if estimator.initializer is not None:
        rng = np.random.default_rng(random_state.randint(np.iinfo(np.int32).max, size=4))
        chosen = initializers.get(estimator.initializer)
        network.weights, network.biases = chosen.draw(rng, network.sizes)
        return
    # The output layer is drawn as the last hidden one; without any, as the argument says.
    names = (
        network.activation or tuple(np.atleast_1d(_names(estimator.activation))) or ("identity",)
    )
    for l, (w, b) in enumerate(zip(network.weights, network.biases, strict=True)):
        n_out, n_in = w.shape
        factor = 2.0 if names[min(l, len(names) - 1)] == "sigmoid" else 6.0
        bound = np.sqrt(factor / (n_in + n_out))
        w[...] = random_state.uniform(-bound, bound, (n_in, n_out)).T
        b[:, 0] = random_state.uniform(-bound, bound, n_out)


def coefs_of(network: Network) -> list[np.ndarray]:
    """Return views (n_in, n_out) of the weights, as scikit-learn has them."""
    return [w.T for w in network.weights]


def intercepts_of(network: Network) -> list[np.ndarray]:
    """Return views (n_out,) of the biases."""
    return [b[:, 0] for b in network.biases]


def take_over(
    network: Network, coefs: Sequence[np.ndarray], intercepts: Sequence[np.ndarray]
) -> None:
    """Copy ``coefs`` and ``intercepts`` into the network.

    Raises
    ------
    ValueError
        If they have other shapes than its layers.
    """
    shapes = [np.shape(coef) for coef in coefs], [np.shape(b) for b in intercepts]
    expected = [*pairwise(network.sizes)], [(n_out,) for n_out in network.sizes[1:]]
    if shapes != expected:
        raise ValueError(
            f"coefs_ and intercepts_: expected shapes {expected[0]} and {expected[1]} for these "
            f"data and hidden layers, got {shapes[0]} and {shapes[1]}"
        )
    views = zip(network.weights, network.biases, coefs, intercepts, strict=True)
    for w, b, coef, intercept in views:
        w[...] = np.asarray(coef).T
        b[:, 0] = intercept


def name_columns(network: Network, estimator: Any) -> None:
    """Let a network know the names of features and classes, so that they are saved with it.

    Labels that a file cannot hold, and the several labels of a row, are left out.
    """
    names = getattr(estimator, "feature_names_in_", None) if estimator.preset is None else None
    features = None if names is None else tuple(map(str, names))
    labels = getattr(estimator, "classes_", None)
    if labels is None:
        info = None if features is None else TableInfo("regression", features=features)
    elif estimator._label_binarizer.y_type_ in ("binary", "multiclass"):
        info = TableInfo("classification", tuple(np.asarray(labels).tolist()), features)
    else:
        info = None
    if info is not None:
        with suppress(ValueError):
            restore_table(network, table_entry(info))


def training_told(estimator: Any) -> dict[str, Any]:
    """Return what an estimator says of its training, of what are plain texts and numbers."""
    names = "n_iter_", "loss_", "best_validation_score_"
    found = {name.strip("_"): getattr(estimator, name, None) for name in names}
    solver = estimator.solver
    found["solver"] = solver if isinstance(solver, str) else type(solver).__name__
    return plain(found)


def tell_training(network: Network, estimator: Any, n_rows: int) -> None:
    """Let a network know how it was trained, so that this is saved with it."""
    told = {"fastnn": version(), "rows": n_rows, **training_told(estimator)}
    network.training_state.summary = told


def take_extras(network: Network, before: Network) -> None:
    """Copy γ, β and running statistics from a network of the same layers."""
    for new, old in ((network.gammas, before.gammas), (network.betas, before.betas)):
        for to, what in zip(new, old, strict=True):
            to[...] = what
    network.running_statistics[...] = before.running_statistics


def make_writeable(network: Network) -> None:
    """Copy the parameters if they lie in a file mapped for reading, as joblib may load them."""
    for name in ("_parameters", "_running"):
        if not getattr(network, name).flags.writeable:
            setattr(network, name, np.array(getattr(network, name)))
    network.training_state.masks = np.array(network.training_state.masks)
