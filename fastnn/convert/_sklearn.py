"""scikit-learn's perceptrons as fastnn's, and back, alone or at the end of a pipeline."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn._common.checks import brief
from fastnn._common.extras import require
from fastnn._model.model import Model
from fastnn.convert._assemble import assemble
from fastnn.convert._layers_of import layers_of
from fastnn.network import Network

__all__ = ["from_sklearn", "to_sklearn"]

# What a fit leaves that means the same in both libraries.
_FITTED = (
    "n_features_in_", "feature_names_in_", "classes_", "_label_binarizer", "n_outputs_",
    "n_layers_", "out_activation_", "n_iter_", "t_", "loss_", "best_loss_", "loss_curve_",
    "validation_scores_", "best_validation_score_", "_no_improvement_count",
)  # fmt: skip
_ACTIVATIONS = {"identity": "identity", "sigmoid": "logistic", "tanh": "tanh", "relu": "relu"}
_SOLVERS, _RATES = ("lbfgs", "sgd", "adam"), ("constant", "invscaling", "adaptive")
_TRAINING_ALONE = "inference=True leaves out what matters in training alone"


def from_sklearn(model: Any) -> Any:
    """Return fastnn's estimator for scikit-learn's fitted ``MLPClassifier`` or ``MLPRegressor``.

    Arguments, coefficients and all that the fit has recorded are kept: classes, names of features,
    the loss curve. ``fit`` with ``warm_start`` and ``partial_fit`` go on from these coefficients,
    with an optimizer that begins anew. Its ``network_`` is a ``Network``, which knows classes and
    features as its ``table``.

    Parameters
    ----------
    model : MLPClassifier, MLPRegressor or Pipeline
        Fitted; of scikit-learn's own class. Of a pipeline whose last step is one, the other steps
        are taken over as they are.

    Returns
    -------
    fastnn.sklearn.MLPClassifier, fastnn.sklearn.MLPRegressor or Pipeline
        Its ``coefs_`` are the same numbers, copied.

    Raises
    ------
    ImportError
        If scikit-learn is not installed.
    TypeError, ValueError
        If it is something else, or was not fitted.
    """
    require("sklearn.utils.validation", extra="sklearn")
    from sklearn import neural_network
    from sklearn.utils.validation import check_is_fitted

    from fastnn import sklearn as ours

    twins = {
        neural_network.MLPClassifier: ours.MLPClassifier,
        neural_network.MLPRegressor: ours.MLPRegressor,
    }

    def converted(estimator: Any) -> Any:
        kind = twins.get(type(estimator))
        if kind is None:
            raise TypeError(
                "model: expected scikit-learn's MLPClassifier or MLPRegressor, or a Pipeline that "
                f"ends in one, got {type(estimator).__name__}"
            )
        check_is_fitted(estimator)
        return _ours(estimator, kind)

    return _of_last_step(model, converted)


def to_sklearn(model: Any, *, inference: bool = False) -> Any:
    """Return scikit-learn's fitted estimator for one of fastnn's, or for a ``Network``.

    Parameters
    ----------
    model : fastnn.sklearn.MLPClassifier or MLPRegressor, Pipeline that ends in one, or Network
        Of a pipeline the other steps are taken over as they are. A Network with softmax outputs, or
        one of sigmoid, is a classifier, of the classes that its ``table`` names, else of 0, 1, ...;
        one with identity or exp outputs a regressor. All hidden layers must have one activation
        that scikit-learn has: "identity", "sigmoid", "tanh" or "relu".
    inference : bool, default False
        Whether what matters in training alone may be lost: dropout, penalties, costs, solvers and
        the like that scikit-learn has not, which then has its defaults. Batch norm is folded into
        the layers, to rounding.

    Returns
    -------
    sklearn.neural_network.MLPClassifier, MLPRegressor, or Pipeline
        With copies of the coefficients, and all that a fit has recorded.

    Raises
    ------
    ImportError
        If scikit-learn is not installed.
    TypeError, ValueError
        Naming what scikit-learn's perceptrons have not.
    """
    require("sklearn.utils.validation", extra="sklearn")
    from sklearn.utils.validation import check_is_fitted

    from fastnn import sklearn as ours

    def converted(estimator: Any) -> Any:
        if isinstance(estimator, Model):
            return _of_network(estimator, inference)
        if type(estimator) not in (ours.MLPClassifier, ours.MLPRegressor):
            raise TypeError(
                "model: expected an MLPClassifier or MLPRegressor of fastnn.sklearn, a Pipeline "
                f"that ends in one, or a Network, got {type(estimator).__name__}"
            )
        check_is_fitted(estimator)
        return _theirs(estimator, inference)

    return _of_last_step(model, converted)


def _of_last_step(model: Any, converted: Callable[[Any], Any]) -> Any:
    """Return a model converted, of a pipeline a copy whose last step is."""
    from sklearn.pipeline import Pipeline

    if type(model) is not Pipeline:
        return converted(model)
    twin = copy.copy(model)
    name, last = model.steps[-1]
    twin.steps = [*model.steps[:-1], (name, converted(last))]
    return twin


def _take_fitted(to: Any, source: Any) -> None:
    for name in _FITTED:
        if name in vars(source):
            setattr(to, name, copy.deepcopy(getattr(source, name)))


# From scikit-learn


def _ours(estimator: Any, kind: Any) -> Any:
    from fastnn.sklearn._network import name_columns, training_told

    parameters = estimator.get_params(deep=False)
    unknown = [name for name in parameters if name not in inspect.signature(kind).parameters]
    if unknown:
        raise ValueError(f"model: {unknown[0]} is no argument of fastnn.sklearn.{kind.__name__}")
    twin = kind(**parameters)
    twin._label_binarizer = getattr(estimator, "_label_binarizer", None)  # says which loss it is
    twin._stand_at(estimator.coefs_, estimator.intercepts_)
    _take_fitted(twin, estimator)
    name_columns(twin.network_, twin)
    twin.network_.training_state.summary = training_told(twin)
    return twin


# To scikit-learn


def _theirs(estimator: Any, inference: bool) -> Any:
    from sklearn import neural_network

    if estimator.preset is not None:
        raise ValueError(
            f"preset: {estimator.preset!r} prepares its inputs as scikit-learn's perceptrons do not"
        )
    dtype = np.result_type(*estimator.coefs_)
    network = _plain(estimator._predictor_for(dtype).network, inference)
    kind = getattr(neural_network, type(estimator).__name__)
    twin = kind(**_parameters(estimator, kind, network, inference))
    _take_fitted(twin, estimator)
    return _with_coefficients(twin, network)


def _plain(network: Any, inference: bool) -> Network:
    """Return a network as scikit-learn has them: no factor on inputs, nothing normalized."""
    if not inference:
        _check_plain(network)
    chain = layers_of(network)
    plain = assemble(chain, cost=network.cost, inference=inference)
    if plain.normalization is not None:
        raise ValueError(
            f"normalization: scikit-learn's perceptrons have none, got {plain.normalization!r}"
        )
    if plain.input_scale != 1:
        plain.weights[0] = plain.weights[0] * plain.input_scale
    return plain


def _check_plain(network: Any) -> None:
    """Raise for layers that scikit-learn has not."""
    for name, there in (
        ("normalization", network.normalization is not None),
        ("dropout", any(each.rate for each in network.dropout)),
    ):
        if there:
            raise ValueError(
                f"{name}: scikit-learn's perceptrons have none, got "
                f"{brief(getattr(network, name))}; {_TRAINING_ALONE}, and folds batch norm"
            )


def _activation(network: Network) -> str:
    """Return scikit-learn's name of the one activation of all hidden layers."""
    names = set(network.activation)
    name = names.pop() if names else "identity"
    if names or name not in _ACTIVATIONS:
        raise ValueError(
            "activation: expected one of scikit-learn's, "
            f"{', '.join(_ACTIVATIONS)}, in all hidden layers, got {brief(network.activation)}"
        )
    return _ACTIVATIONS[name]


def _parameters(estimator: Any, kind: Any, network: Network, inference: bool) -> dict[str, Any]:
    """Return the arguments of scikit-learn's constructor."""
    theirs = inspect.signature(kind).parameters
    ours = inspect.signature(type(estimator)).parameters
    given = estimator.get_params(deep=False)
    found = {"activation": _activation(network), "verbose": bool(given.pop("verbose"))}
    del given["activation"], given["preset"], given["normalization"], given["dropout"]
    for name, value in given.items():
        if name in theirs and _takes(name, value):
            found[name] = value
        elif not (inference or _is_default(value, ours[name].default)):
            raise ValueError(
                f"{name}: scikit-learn's {kind.__name__} has no {brief(value)}; {_TRAINING_ALONE}"
            )
    return found


def _takes(name: str, value: Any) -> bool:
    """Whether scikit-learn's estimators take this value of an argument of theirs."""
    choices = {"solver": _SOLVERS, "learning_rate": _RATES, "loss": ("squared_error", "poisson")}
    return name not in choices or (isinstance(value, str) and value in choices[name])


def _is_default(value: Any, default: Any) -> bool:
    return value is default or (type(value) is type(default) and bool(value == default))


def _with_coefficients(estimator: Any, network: Network) -> Any:
    estimator.coefs_ = [np.ascontiguousarray(W.T) for W in network.weights]
    estimator.intercepts_ = [b[:, 0].copy() for b in network.biases]
    return estimator


def _of_network(network: Any, inference: bool) -> Any:
    from sklearn import neural_network
    from sklearn.preprocessing import LabelBinarizer

    plain = _plain(network, inference)
    hidden = tuple(plain.sizes[1:-1])
    arguments: dict[str, Any] = {"hidden_layer_sizes": hidden, "activation": _activation(plain)}
    if plain.output in ("softmax", "sigmoid"):
        estimator = neural_network.MLPClassifier(**arguments)
        classes = _classes(network)
        estimator._label_binarizer = LabelBinarizer().fit(classes)
        estimator.classes_ = estimator._label_binarizer.classes_
    else:
        if plain.output == "exp":
            arguments["loss"] = "poisson"
        estimator = neural_network.MLPRegressor(**arguments)
    estimator.n_features_in_, estimator.n_outputs_ = plain.sizes[0], plain.sizes[-1]
    estimator.n_layers_, estimator.t_ = plain.num_layers, 0
    estimator.n_iter_ = network.training_state.epochs
    estimator.out_activation_ = {"sigmoid": "logistic"}.get(plain.output, plain.output)
    if network.table is not None and network.table.features is not None:
        estimator.feature_names_in_ = np.array(network.table.features, dtype=object)
    return _with_coefficients(estimator, plain)


def _classes(network: Any) -> np.ndarray:
    """Return the labels of a network's outputs, in scikit-learn's order."""
    n_out = network.sizes[-1]
    if network.output == "sigmoid" and n_out > 1:
        raise ValueError(
            f"output: {n_out} outputs of sigmoid may be classes or labels that hold side by side; "
            "expected softmax, or one output"
        )
    if network.table is None or not network.table.classes:
        return np.arange(max(2, n_out))
    classes = np.array(network.table.classes)
    if not np.array_equal(classes, np.unique(classes)):
        raise ValueError(
            f"table.classes: expected them in scikit-learn's order, sorted, got {brief(classes)}"
        )
    return classes
