"""Before anything is timed: do all contenders compute the same?

In float64 the parameters after an epoch agree to rounding, so that is what is asked, of every
work. In float32 they need not: a rounding may put one ReLU on the other side of zero, that
moves a weight by a visible amount, and the difference then grows. So a float32 work is checked
twice: in float64 by its parameters, then as it is by its accuracy on the test rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bench.contenders.base import Contender, Parameters
from bench.data import Arrays
from bench.problem import make_problem
from bench.works import Work

PARAMETERS_AGREE = 1e-9  # largest difference of a weight or bias, float64
ACCURACY_AGREES = 0.005  # half a point, float32


class NotEqual(Exception):
    """A contender's result after an epoch is not the first contender's."""


@dataclass(frozen=True)
class Check:
    """What one untimed epoch gave.

    Attributes
    ----------
    difference : float
        Largest difference of any weight or bias from the first contender's.
    accuracy : float
        Fraction of the test rows classified rightly.
    """

    difference: float
    accuracy: float


def forward(work: Work, parameters: Parameters, X: np.ndarray) -> np.ndarray:
    """Outputs before the last activation (it keeps the order of the classes), in float64."""
    a = X.astype(np.float64)
    for layer, (w, b) in enumerate(zip(*parameters, strict=True), start=1):
        a = a @ w.T.astype(np.float64) + b
        if layer < len(work.sizes) - 1:
            a = np.maximum(a, 0) if work.activation == "relu" else 0.5 * (1 + np.tanh(a / 2))
    return a


def largest_difference(one: Parameters, other: Parameters) -> float:
    """Largest absolute difference over all weights and biases; inf where shapes or NaN differ."""
    largest = 0.0
    for a, b in zip([*one[0], *one[1]], [*other[0], *other[1]], strict=True):
        if a.shape != b.shape:
            return np.inf
        difference = float(np.abs(a.astype(np.float64) - b).max())
        largest = max(largest, np.inf if np.isnan(difference) else difference)
    return largest


def train_once(work: Work, arrays: Arrays, contenders: list[Contender]) -> dict[str, Check]:
    """One epoch with each from the same parameters, the rows in their stored order."""
    problem = make_problem(work, arrays, shuffle=False)
    first: Parameters | None = None
    checks = {}
    for contender in contenders:
        contender.setup(problem)
        with contender.pools(1):
            contender.epoch()
        weights, biases = contender.parameters()
        parameters = [np.array(w) for w in weights], [np.array(b) for b in biases]
        first = first or parameters
        guesses = forward(work, parameters, arrays.X_test).argmax(axis=1)
        checks[contender.name] = Check(
            largest_difference(parameters, first), float(np.mean(guesses == arrays.labels_test))
        )
    return checks


def check(work: Work, arrays: Arrays, contenders: list[Contender]) -> dict[str, Check]:
    """Train one epoch with each and compare with the first of `contenders`.

    Returns
    -------
    dict of str to Check
        By contender's name, of the work as it is.

    Raises
    ------
    NotEqual
        If in float64 a parameter, or in float32 the accuracy, is too far from the first's.
    """
    if work.dtype != "float64":
        check(replace(work, dtype="float64"), arrays.astype("float64"), contenders)
    checks = train_once(work, arrays, contenders)
    first = checks[contenders[0].name]
    for name, found in checks.items():
        if work.dtype == "float64":
            what, difference, limit = "the parameters", found.difference, PARAMETERS_AGREE
        else:
            what, limit = "the accuracy", ACCURACY_AGREES
            difference = abs(found.accuracy - first.accuracy)
        if not difference <= limit:
            raise NotEqual(
                f"{work.name} in {work.dtype}: {what} of {name} differ by {difference:.3g} from "
                f"{contenders[0].name} after one epoch, at most {limit:g} is equal"
            )
    return checks
