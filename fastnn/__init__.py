"""Train and run small and medium neural networks on a CPU, fast."""

from fastnn import datasets, initializers, regularizers
from fastnn.costs import CrossEntropyCost, LogLikelihoodCost, QuadraticCost
from fastnn.history import History
from fastnn.network import Network, load

__version__ = "0.1.0"

__all__ = [
    "Network",
    "load",
    "QuadraticCost",
    "CrossEntropyCost",
    "LogLikelihoodCost",
    "History",
    "datasets",
    "initializers",
    "regularizers",
    "__version__",
]
