"""What each constructor argument may be, for scikit-learn's own check and its messages."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

from fastnn._common.checks import MOST_THREADS
from fastnn.activations import HIDDEN
from fastnn.dropout import Dropout
from fastnn.initializers import Initializer
from fastnn.normalization import Normalization
from fastnn.optimizers import NAMES, Optimizer

STOCHASTIC = tuple(name for name in NAMES if name != "lbfgs")

OF_ALL: dict[str, list[Any]] = {
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    "activation": [StrOptions({"logistic", *HIDDEN}), "array-like"],
    "solver": [StrOptions(set(NAMES)), Optimizer],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"}), callable],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "power_t": [Interval(Real, 0, None, closed="left")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [Interval(Real, 0, None, closed="left")],
    "verbose": ["verbose", StrOptions({"progress"})],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="left")],
    "beta_1": [Interval(Real, 0, 1, closed="left")],
    "beta_2": [Interval(Real, 0, 1, closed="left")],
    "epsilon": [Interval(Real, 0, None, closed="neither")],
    "n_iter_no_change": [
        Interval(Integral, 1, None, closed="left"),
        Options(Real, {np.inf}),
    ],
    "max_fun": [Interval(Integral, 1, None, closed="left")],
    "normalization": [StrOptions({"batch", "layer", "group"}), Normalization, None],
    "dropout": [Interval(Real, 0, 1, closed="left"), Dropout, "array-like"],
    "l1": [Interval(Real, 0, None, closed="left")],
    "max_norm": [Interval(Real, 0, None, closed="neither"), None],
    "initializer": [str, Initializer, None],
    "stopping_metric": [str, callable, None],
    "n_threads": [Interval(Integral, 1, MOST_THREADS, closed="both"), None],
    "time_limit": [Interval(Real, 0, None, closed="neither"), None],
    "callbacks": [callable, "array-like", None],
    "preset": [StrOptions({"tabular"}), None],
    "categorical_features": [StrOptions({"from_dtype"}), "array-like", None],
}
OF_CLASSIFIERS: dict[str, list[Any]] = OF_ALL | {
    "label_smoothing": [Interval(Real, 0, 1, closed="both")],
    "class_weight": [dict, StrOptions({"balanced"}), None],
}
