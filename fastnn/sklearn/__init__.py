"""scikit-learn's multi-layer perceptrons, trained by fastnn: ``MLPClassifier``, ``MLPRegressor``.

Change one import and keep the program: the constructors, attributes, methods and warnings are
scikit-learn's, and so, seed for seed, are the trained weights. What else they can do is asked for
by further keywords. ``MLPEnsembleClassifier`` and ``MLPEnsembleRegressor`` train several networks
side by side and average them.
"""

from __future__ import annotations

from fastnn._common.extras import pip_command, require

if not hasattr(require("sklearn.utils.validation", extra="sklearn"), "validate_data"):
    raise ImportError(f"scikit-learn 1.6 or newer is needed for this: {pip_command('sklearn')}")

from fastnn.sklearn._classifier import MLPClassifier
from fastnn.sklearn._ensemble import MLPEnsembleClassifier, MLPEnsembleRegressor
from fastnn.sklearn._regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPEnsembleClassifier", "MLPEnsembleRegressor", "MLPRegressor"]
