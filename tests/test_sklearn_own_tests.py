"""scikit-learn's own tests of its perceptrons, as they are installed, run on ours."""

from __future__ import annotations

import importlib.util
from types import ModuleType
from typing import Any
from unittest import mock

import pytest

pytest.importorskip("sklearn", minversion="1.7")  # whose perceptrons take weights
import sklearn.neural_network

import fastnn.sklearn as ours

MODULE = "sklearn.neural_network.tests.test_mlp"
# What is not run, and why.
LEFT_OUT = {"test_gradient": "calls the private method _loss_grad_lbfgs with private buffers"}
pytestmark = pytest.mark.filterwarnings("ignore")


def with_ours(name: str) -> ModuleType:
    """Execute an installed module anew, with our two classes in the place of scikit-learn's."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        pytest.skip(f"{name} is not installed", allow_module_level=True)
    module = importlib.util.module_from_spec(spec)
    with mock.patch.multiple(
        sklearn.neural_network, MLPClassifier=ours.MLPClassifier, MLPRegressor=ours.MLPRegressor
    ):
        spec.loader.exec_module(module)
    return module


THEIR_TESTS = with_ours(MODULE)


@pytest.fixture
def global_random_seed() -> int:
    """As scikit-learn's own runs have it by default."""
    return 42


def collect() -> dict[str, Any]:
    return {name: value for name, value in vars(THEIR_TESTS).items() if name.startswith("test_")}


globals().update({name: test for name, test in collect().items() if name not in LEFT_OUT})


def test_their_module_was_loaded_with_our_classes():
    assert THEIR_TESTS.MLPClassifier is ours.MLPClassifier
    assert sklearn.neural_network.MLPClassifier is not ours.MLPClassifier
    assert set(LEFT_OUT) < set(collect())
    assert len(collect()) > 30
