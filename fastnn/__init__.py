"""Train and run small and medium neural networks on a CPU, fast."""

from fastnn import (
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

__version__ = "0.1.0"

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
    "datasets",
    "initializers",
    "normalization",
    "optimizers",
    "regularizers",
    "schedules",
    "stopping",
    "__version__",
]
