"""The cost functions: classes with ``fn`` and ``delta``, as in the book.

``fn(a, y)`` is the cost of outputs ``a`` against targets ``y``; ``delta(z, a, y)`` is ∂C/∂z of the
output layer, ``z`` being its weighted input. Both take columns, (n_out, 1) or (n_out, m). A user's
own object with these two methods serves as well; those here have compiled twins.

Where cost and output go together, as cross-entropy with sigmoid, a network computes the cost from
``z`` and not by ``fn``: an output that is rounded to 0 or 1 then has its right, finite cost.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn._common.checks import as_array, brief, check_number
from fastnn._core.cost import Cost, cost_forward
from fastnn._core.cost_of_z import FROM_Z, cost_of_z
from fastnn.activations import KERNELS, sigmoid_prime

__all__ = [
    "QuadraticCost",
    "CrossEntropyCost",
    "LogLikelihoodCost",
    "HuberCost",
    "AbsoluteCost",
    "PoissonCost",
    "QuantileCost",
]


class QuadraticCost:
    """C = ½ Σ (a − y)² (Nielsen, chapter 1)."""

    @staticmethod
    def fn(a: np.ndarray, y: np.ndarray) -> float:
        """Return ½ ‖a − y‖²."""
        return 0.5 * np.linalg.norm(a - y) ** 2

    @staticmethod
    def delta(z: np.ndarray, a: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return (a − y) σ'(z), for sigmoid outputs."""
        return (a - y) * sigmoid_prime(z)


class CrossEntropyCost:
    """C = −Σ [y ln a + (1 − y) ln(1 − a)] (Nielsen, chapter 3)."""

    @staticmethod
    def fn(a: np.ndarray, y: np.ndarray) -> float:
        """Return the cost, 0·ln 0 counted as 0 and an infinite term as the largest number."""
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = -y * np.log(a) - (1 - y) * np.log(1 - a)
        return np.sum(np.nan_to_num(terms))

    @staticmethod
    def delta(z: np.ndarray, a: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return a − y, for sigmoid outputs: σ'(z) cancels."""
        return a - y


class LogLikelihoodCost:
    """C = −Σ y ln a: −ln of the output at the right class (Nielsen, chapter 3)."""

    @staticmethod
    def fn(a: np.ndarray, y: np.ndarray) -> float:
        """Return the cost, 0·ln 0 counted as 0 and an infinite term as the largest number."""
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = -y * np.log(a)
        return np.sum(np.nan_to_num(terms))

    @staticmethod
    def delta(z: np.ndarray, a: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return a Σy − y, for softmax outputs; Σy is 1 for a one-hot target."""
        return a * np.sum(y, axis=0) - y


class HuberCost:
    """``C = Σ ½ d²`` where ``|d| ≤ δ``, else ``δ (|d| − ½ δ)``, with d = a − y (Huber, 1964).

    Parameters
    ----------
    threshold : float, default 1
        δ, above 0: where the parabola becomes a line.
    """

    def __init__(self, threshold: float = 1.0) -> None:
        self.parameter = check_number(threshold, "threshold", positive=True)

    def fn(self, a: np.ndarray, y: np.ndarray) -> float:
        """Return the cost."""
        d = np.abs(a - y)
        in_parabola = np.minimum(d, self.parameter)  # the square of a large d may be too large
        return np.sum(in_parabola**2 / 2 + self.parameter * (d - in_parabola))

    def delta(self, z: np.ndarray, a: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return d clipped to ±δ, for identity outputs."""
        return np.clip(a - y, -self.parameter, self.parameter)


class AbsoluteCost:
    """``C = Σ |a − y|``, whose smallest is at the median."""

    @staticmethod
    def fn(a: np.ndarray, y: np.ndarray) -> float:
        """Return the cost."""
        return np.sum(np.abs(a - y))

    @staticmethod
    def delta(z: np.ndarray, a: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return sgn(a − y), for identity outputs."""
        return np.sign(a - y)


class PoissonCost:
    """C = Σ a − y ln a: counts y of mean a, up to what does not depend on a.

    Its output is exp, so that the mean is positive.
    """

    @staticmethod
    def fn(a: np.ndarray, y: np.ndarray) -> float:
        """Return the cost; y = 0 takes no logarithm."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.sum(np.where(y == 0, a, a - y * np.log(a)))

    @staticmethod
    def delta(z: np.ndarray, a: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return a − y, for exp outputs."""
        return a - y


class QuantileCost:
    """C = Σ max(q (y − a), (q − 1)(y − a)), smallest at the q-quantile (Koenker and Bassett, 1978).

    Parameters
    ----------
    q : float, default 0.5
        Between 0 and 1.
    """

    def __init__(self, q: float = 0.5) -> None:
        self.parameter = check_number(q, "q", positive=True)
        if self.parameter >= 1:
            raise ValueError(f"q: expected a number below 1, got {q}")

    def fn(self, a: np.ndarray, y: np.ndarray) -> float:
        """Return the cost."""
        return np.sum(np.maximum(self.parameter * (y - a), (self.parameter - 1) * (y - a)))

    def delta(self, z: np.ndarray, a: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return 1 − q above y, −q below, for identity outputs."""
        return np.where(a > y, 1 - self.parameter, np.where(a < y, -self.parameter, 0.0))


CUSTOM = -1
COMPILED: dict[type, Cost] = {
    QuadraticCost: Cost.QUADRATIC,
    CrossEntropyCost: Cost.CROSS_ENTROPY,
    LogLikelihoodCost: Cost.LOG_LIKELIHOOD,
    HuberCost: Cost.HUBER,
    AbsoluteCost: Cost.ABSOLUTE,
    PoissonCost: Cost.POISSON,
    QuantileCost: Cost.QUANTILE,
}
# The output activations for which a cost is defined; the first is its default.
OUTPUTS: dict[type, tuple[str, ...]] = {
    QuadraticCost: ("sigmoid", "identity", "softmax"),
    CrossEntropyCost: ("sigmoid", "softmax"),
    LogLikelihoodCost: ("softmax", "sigmoid"),
    HuberCost: ("identity", "sigmoid"),
    AbsoluteCost: ("identity", "sigmoid"),
    PoissonCost: ("exp",),
    QuantileCost: ("identity", "sigmoid"),
}


def _class_of(cost: Any) -> type:
    return cost if isinstance(cost, type) else type(cost)


def check(cost: Any) -> None:
    """Raise unless ``cost`` is a class or an object with ``fn`` and ``delta``.

    Raises
    ------
    TypeError
        Naming what is missing.
    """
    for method in ("fn", "delta"):
        if not callable(getattr(cost, method, None)):
            raise TypeError(
                "cost: expected a class of fastnn.costs such as CrossEntropyCost, or an object "
                f"with fn(a, y) and delta(z, a, y), got {brief(cost)} without {method}"
            )


def kernel_id(cost: Any) -> int:
    """Return the number of the compiled cost, or ``CUSTOM`` for a user's own (subclasses too)."""
    return COMPILED.get(_class_of(cost), CUSTOM)


def parameter_of(cost: Any) -> float:
    """Return the number that the Huber and the quantile cost have, 0 for all others."""
    return cost.parameter if takes_parameter(_class_of(cost)) else 0.0


def takes_parameter(kind: type) -> bool:
    """Whether a cost's class is made with a number."""
    return kind in (HuberCost, QuantileCost)


def check_instance(cost: Any) -> Any:
    """Return ``cost``, or for a class that takes a number an object of it with its default."""
    return cost() if isinstance(cost, type) and takes_parameter(cost) else cost


def name_of(cost: Any) -> str:
    """Return the cost's class name, as the book writes it into a saved network."""
    return _class_of(cost).__name__


def output_for(cost: Any, output: str | None) -> str:
    """Return the output activation: the one asked for, or that which the cost goes with.

    Raises
    ------
    ValueError
        If ``cost`` is one of those here and not defined for ``output``.
    """
    allowed = OUTPUTS.get(_class_of(cost), ("sigmoid", "softmax", "identity", "exp"))
    if output is None:
        return allowed[0]
    if output not in allowed:
        raise ValueError(
            f"output: {name_of(cost)} goes with {' or '.join(allowed)}, got {output!r}"
        )
    return output


def goes_by_z(cost: Any, output: str) -> bool:
    """Whether there is a compiled formula of the cost in the weighted inputs of the output."""
    return KERNELS[output] in FROM_Z.get(kernel_id(cost), ())


def sum_by_z(
    cost: Any,
    output: str,
    z: np.ndarray,
    outputs: np.ndarray,
    targets: np.ndarray,
    row_weights: np.ndarray,
) -> float:
    """Return the sum of the rows' costs, in double, by the weighted inputs of the output.

    Parameters
    ----------
    cost, output
        Of which ``goes_by_z`` is true.
    z, outputs, targets : arrays (n, n_out), C-contiguous, of one dtype
    row_weights : array (n,) or (0,)
        Factors on the rows' costs; none for 1.
    """
    return cost_of_z(z, outputs, targets, row_weights, kernel_id(cost), KERNELS[output])


def sum_over_rows(
    cost: Any, outputs: np.ndarray, targets: np.ndarray, row_weights: np.ndarray
) -> float:
    """Return the sum of the rows' costs, in double.

    A cost in Python is asked row by row, as columns (n_out, 1): only so is it sure to see what the
    book's loop would show it.

    Parameters
    ----------
    cost : class or object
    outputs, targets : arrays (n, n_out), C-contiguous, of one dtype
    row_weights : array (n,) or (0,)
        Factors on the rows' costs; none for 1.
    """
    kernel = kernel_id(cost)
    if kernel != CUSTOM:
        return cost_forward(outputs, targets, row_weights, kernel, parameter_of(cost))
    columns = zip(outputs[:, :, np.newaxis], targets[:, :, np.newaxis], strict=True)
    each = [fn_of(cost, a, y) for a, y in columns]
    return float(np.dot(each, row_weights)) if len(row_weights) else sum(each)


def fn_of(cost: Any, a: np.ndarray, y: np.ndarray) -> float:
    """Return what a cost in Python says is the cost of one example, columns (n_out, 1).

    Raises
    ------
    TypeError
        If its ``fn`` returns something else than a real number.
    """
    value = cost.fn(a, y)
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "fiub":
        raise TypeError(f"cost: expected {name_of(cost)}.fn to return a number, got {brief(value)}")
    return float(array.reshape(()))


def delta_of(cost: Any, z: np.ndarray, a: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return what a cost in Python says is ∂C/∂z, for columns (n_out, m).

    Raises
    ------
    ValueError
        If its ``delta`` returns another shape.
    """
    delta = as_array(cost.delta(z, a, y), f"cost: {name_of(cost)}.delta")
    if delta.shape != a.shape:
        raise ValueError(
            f"cost: expected {name_of(cost)}.delta to return shape {a.shape}, got {delta.shape}"
        )
    return delta


def check_targets(cost: Any, targets: np.ndarray, name: str) -> None:
    """Raise unless ``cost`` is defined for these targets.

    Raises
    ------
    ValueError
        If cross-entropy gets a target outside 0 to 1, or log-likelihood or Poisson a negative one.
    """
    smallest, largest = targets.min(), targets.max()
    least, most = range_of_targets(cost)
    if least <= smallest <= largest <= most:
        return
    wanted = "of 0 or more" if most == np.inf else f"from {least:g} to {most:g}"
    got = f"{smallest}" if most == np.inf else f"{smallest} to {largest}"
    raise ValueError(f"{name}: {name_of(cost)} takes targets {wanted}, got {got}")


def range_of_targets(cost: Any) -> tuple[float, float]:
    """Return the least and the largest target for which ``cost`` is defined."""
    kind = _class_of(cost)
    if kind is CrossEntropyCost:
        return 0.0, 1.0
    return (0.0 if kind in (LogLikelihoodCost, PoissonCost) else -np.inf), np.inf
