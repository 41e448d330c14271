"""The losses by their names here, each as a compiled cost with its output activation.

scikit-learn averages the squared error over the outputs, while its gradient sums over them; the
log and the Poisson losses are sums over the outputs in both. The losses added here average.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import xlogy

from fastnn import costs
from fastnn._common.checks import brief

CLASSIFIER = ("log_loss", "squared_error")
REGRESSOR: dict[str, type] = {
    "squared_error": costs.QuadraticCost,
    "poisson": costs.PoissonCost,
    "absolute_error": costs.AbsoluteCost,
    "huber": costs.HuberCost,
    "quantile": costs.QuantileCost,
}
# Costs that an object may stand for, with identity or exp outputs.
REGRESSION_COSTS = tuple(REGRESSOR.values())


@dataclass(frozen=True)
class Loss:
    """A compiled cost, its output, and how its sums become scikit-learn's numbers.

    Attributes
    ----------
    cost : class or object of ``fastnn.costs``
    output : str
        fastnn's name of the output activation.
    outputs_share : bool
        Whether the loss is the mean over the outputs.
    clips : bool
        Whether outputs count as no nearer to 0 and 1 than the dtype's epsilon.
    """

    cost: Any
    output: str
    outputs_share: bool
    clips: bool = False

    def divisor(self, n_outputs: int) -> int:
        """Return what the sum of the costs of a row is divided by."""
        return n_outputs if self.outputs_share else 1

    def clip(self, dtype: np.dtype) -> float:
        """Return how near to 0 and 1 an output may come in the loss; 0: any."""
        return float(np.finfo(dtype).eps) if self.clips else 0.0

    def constants(self, Y: np.ndarray) -> np.ndarray:
        """Return what the loss of each row (n,) has more than the compiled cost says."""
        if self.cost is costs.PoissonCost:
            wide = Y.astype(np.float64)
            return np.sum(xlogy(wide, wide) - wide, axis=1)
        return np.zeros(len(Y))


def of_classifier(loss: str, multiclass: bool) -> Loss:
    """Return the loss that a classifier's ``loss`` names."""
    output = "softmax" if multiclass else "sigmoid"
    if loss == "squared_error":
        return Loss(costs.QuadraticCost, output, outputs_share=True)
    cost = costs.LogLikelihoodCost if multiclass else costs.CrossEntropyCost
    return Loss(cost, output, outputs_share=False, clips=True)


def of_regressor(loss: Any) -> Loss:
    """Return the loss that a regressor's ``loss``, a name or an object of a cost, means.

    Raises
    ------
    ValueError
        For a cost that is none of a regression's.
    """
    cost = REGRESSOR[loss] if isinstance(loss, str) else loss
    kind = cost if isinstance(cost, type) else type(cost)
    if kind not in REGRESSION_COSTS:
        known = ", ".join(each.__name__ for each in REGRESSION_COSTS)
        raise ValueError(f"loss: expected a name or an object of {known}, got {brief(loss)}")
    if kind is costs.PoissonCost:
        return Loss(costs.PoissonCost, "exp", outputs_share=False)
    return Loss(costs.check_instance(cost), "identity", outputs_share=True)
