"""Train and run small and medium neural networks on a CPU, fast."""

from typing import TYPE_CHECKING

from fastnn._later import modules_later as _modules_later

__version__ = "0.1.0"  # the only place: pyproject.toml reads it here

try:
    from fastnn import (
        activations,
        costs,
        datasets,
        initializers,
        normalization,
        optimizers,
        regularizers,
        schedules,
        stopping,
    )
    from fastnn.costs import (
        AbsoluteCost,
        CrossEntropyCost,
        HuberCost,
        LogLikelihoodCost,
        PoissonCost,
        QuadraticCost,
        QuantileCost,
    )
    from fastnn.dropout import Dropout
    from fastnn.history import History
    from fastnn.network import Network, load
except ImportError as _error:
    from fastnn._unbuilt import explain as _explain

    _explain(_error)
    raise

__all__ = [
    "Network",
    "load",
    "QuadraticCost",
    "CrossEntropyCost",
    "LogLikelihoodCost",
    "HuberCost",
    "AbsoluteCost",
    "PoissonCost",
    "QuantileCost",
    "Dropout",
    "History",
    "activations",
    "costs",
    "datasets",
    "initializers",
    "normalization",
    "optimizers",
    "regularizers",
    "schedules",
    "stopping",
    "__version__",
]

if TYPE_CHECKING:
    from fastnn import augment as augment
    from fastnn import book as book
    from fastnn import cli as cli
    from fastnn import convert as convert
    from fastnn import demo as demo
    from fastnn import diagnostics as diagnostics
    from fastnn import dlfs as dlfs
    from fastnn import export as export
    from fastnn import functional as functional
    from fastnn import many as many
    from fastnn import playground as playground
    from fastnn import plot as plot
    from fastnn import preprocessing as preprocessing
    from fastnn import pretrain as pretrain
    from fastnn import profiling as profiling
    from fastnn import reference as reference
    from fastnn import sklearn as sklearn
    from fastnn import tune as tune
else:  # a type checker would take a misspelt name for a module
    _LATER = (
        "augment", "book", "cli", "convert", "demo", "diagnostics", "dlfs", "export", "functional",
        "many", "playground", "plot",
        "preprocessing", "pretrain", "profiling", "reference", "sklearn", "tune",
    )  # fmt: skip
    __getattr__, __dir__ = _modules_later(globals(), _LATER, needs={"sklearn": "sklearn"})
